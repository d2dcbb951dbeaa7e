"""What must hold before the border, and after it, at a venue: the rules, and whether they hold."""

from __future__ import annotations

import polars as pl

from aggregations.publication import venue_records
from aggregations.schema import CONSENT_REGIMES, INTERACTION_KINDS, TRANSACTION_STATUSES
from aggregations.venue import Venue
from pipelines.checks import Rule, about, between, evaluate, judge, measure, no_nulls, only
from privacy.calendar import Period
from privacy.declarations import Dimension
from privacy.ledger import Ledger
from privacy.policy import read_policy
from privacy.release import Release, read


def check_records(venue: Venue) -> dict[str, bool]:
    """Judge the canonical records of the kinds the venue publishes, source by source: rule → passed."""
    own, codes = venue_records(venue), {d.name: d.codes for d in _dimensions()}
    joined = [r for r in CONSENT_REGIMES if r != "exempt_audience"]
    rules = {
        "transactions": [
            *no_nulls("person", "row_ref", "performance_ref", "performance_at"),
            *between("quantity", least=1),
            *between("unit_price_cents", least=0),
            *between("birth_year", least=1880, most=2100),
            only("status", TRANSACTION_STATUSES),
            only("tariff", codes["tariff"]),
            only("channel", codes["channel"]),
            only("consent_regime", joined),
        ],
        "interactions": [
            *no_nulls("person", "row_ref", "at"),
            only("kind", INTERACTION_KINDS),
            only("family", codes["family"]),
            only("referrer", codes["referrer"]),
            only("consent_regime", CONSENT_REGIMES),
        ],
        "counts": [
            *no_nulls("row_ref", "performance_at", "count"),
            *between("count", least=0),
            only("kind", codes["admission_kind"]),
        ],
    }
    frames = {"transactions": own.transactions, "interactions": own.interactions, "counts": own.counts}
    some = {kind: Rule(f"there are {kind}", pl.len(), least=1) for kind in venue.publishes}
    whole = measure(*((frames[kind], about(kind, [some[kind]])) for kind in venue.publishes))
    each = measure(*((frames[kind], about(kind, rules[kind])) for kind in venue.publishes), by="source")
    return judge([*whole, *each])


def check_release(venue: Venue, period: Period) -> dict[str, bool]:
    """Judge the sealed tables of a period: every figure shown has its margin and exceeds its threshold."""
    last = Ledger(venue.ledger).latest(period)
    if last is None:
        return {"the period is released": False}
    sealed = read(venue.outbox / last.release_id)
    return evaluate(*((sealed.cells(t).lazy(), about(t, _release_rules(sealed, t))) for t in sealed.tables))


def _release_rules(sealed: Release, name: str) -> list[Rule]:
    spec = sealed.manifest["tables"][name]
    lead, k = spec["measures"][0]["name"], int(sealed.manifest["k"]["minimum"])
    rules = [*no_nulls(*(d["name"] for d in spec["dimensions"])), *between(f"{lead}_noisy", least=k)]
    for shown in (m["name"] for m in spec["measures"]):
        bare = (pl.col(shown).is_null() != pl.col(f"{shown}_se").is_null()).sum()
        rules.append(Rule(f"{shown} has its margin", bare, most=0))
    return rules


def _dimensions() -> set[Dimension]:
    return {d for table in read_policy().tables for d in table.dimensions}
