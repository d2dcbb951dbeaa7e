"""What the hub holds, in the lake: releases with all they declare, and the rules of the hub.

What the pages say comes from the lake alone, the names of members and what is demanded of them too: a page made from a
snapshot can be made again from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import duckdb
import polars as pl

from privacy.accounting import Cost
from privacy.buckets import scale
from privacy.calendar import Period
from privacy.policy import Policy
from privacy.release import Release
from warehouse.charter import Governance
from warehouse.definitions import sql
from warehouse.floor import Spent
from warehouse.lake import in_turn, put


@dataclass(slots=True)
class Held:
    """What the lake holds of some venues. `releases`: (venue, period) → id → (revision, manifest's digest).

    `spent`: what they cost, by venue and season. `withdrawn`: ids of those among them that hold nothing any more.
    """

    releases: dict[tuple[str, str], dict[str, tuple[int, str]]] = field(default_factory=dict)
    spent: dict[tuple[str, str], Spent] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)

    def add(self, release: Release) -> None:
        """Count a release in, as one held."""
        m = release.manifest
        losses = [
            (unit, *(loss["privacy_parameters"][part] for part in ("rho", "delta_selection", "shift")))
            for unit, loss in m["privacy_loss"].items()
        ]
        facts = m["venue"]["id"], m["season"], m["period"], release.id, m["revision"], release.manifest_sha256
        self.count(*facts, losses)

    def count(
        self, venue: str, season: str, period: str, release: str, revision: int, sha256: str | None, losses: Any
    ) -> None:
        """Count a release in, told by its facts; `losses`: unit, rho, delta_selection, shift; no digest: withdrawn."""
        if sha256 is None:
            self.withdrawn.add(release)
        self.releases.setdefault((venue, period), {})[release] = revision, sha256 or ""
        spent = self.spent.setdefault((venue, season), {})
        for unit, *parts in losses or ():
            spent[unit] = spent.get(unit, Cost()) + Cost(*map(Fraction, parts))


def read_held(lake: duckdb.DuckDBPyConnection, venues: Collection[str]) -> Held:
    """Return what the lake holds of some venues, and held until they withdrew it."""
    held = Held()
    for row in lake.execute(sql("held"), {"venues": sorted(venues)}).fetchall() if venues else ():
        held.count(*row)
    return held


def hold(
    lake: duckdb.DuckDBPyConnection, releases: Sequence[Release], policy: Policy, agreed: str, now: datetime
) -> None:
    """Put verified releases in: their rows, losses, every cell and level, within the caller's transaction.

    `agreed`: digest of what the members agreed on at that moment.
    """
    put(lake, "releases", pl.DataFrame([_facts(r, now) | {"governance": agreed} for r in releases]))
    put(lake, "losses", pl.DataFrame([loss for r in releases for loss in _losses(r)]))
    if sketches := [row for r in releases for row in _sketches(r)]:
        put(lake, "sketches", pl.DataFrame(sketches, schema_overrides={"counts": pl.List(pl.Int32)}))
    for table in policy.tables:
        name, own = table.name, [r for r in releases if table.name in r.tables]
        cells = [r.tables[name].select(*_keys(r.manifest), pl.all()) for r in own]
        if cells:
            put(lake, f"cells_{name}", pl.concat(cells, how="diagonal"))  # a measure that a venue keeps is null


def _sketches(release: Release) -> Iterator[dict[str, Any]]:
    """Yield a row a part that is shown: its counts, in the order of their buckets, and what it takes to read them."""
    keys = {key: release.manifest[key] for key in ("release_id", "season", "period")}
    for name, spec in release.manifest["sketches"].items():
        law = {"buckets": spec["buckets"], "mechanism": spec["mechanism"], "key": spec["key"]}
        scales = {part: scale(g["sigma"], g["step"]) for g in spec["groups"] for part in g["parts"]}
        for part, counts in release.sketches[name].group_by("part", maintain_order=True).agg("count").iter_rows():
            own = {"venue": release.manifest["venue"]["id"], "part": part, "scale": scales[part], "counts": counts}
            yield keys | law | own


def _facts(release: Release, now: datetime) -> dict[str, Any]:
    m, period = release.manifest, Period.parse(release.manifest["period"])
    return {
        "release_id": release.id, "venue": m["venue"]["id"], "period": m["period"], "season": m["season"],
        "period_kind": period.kind, "period_start": period.start, "period_end": period.end,
        "revision": m["revision"], "published": m["published"], "policy_name": m["policy"]["name"],
        "policy": m["policy"]["digest"], "k": m["k"]["minimum"], "k_rule": m["k"]["rule"],
        "manifest_sha256": release.manifest_sha256, "accepted_at": now,
        "manifest": json.dumps(m, ensure_ascii=False),
    }  # fmt: skip


def _losses(release: Release) -> Iterator[dict[str, Any]]:
    for unit, loss in release.manifest["privacy_loss"].items():
        own, season = loss["privacy_parameters"], loss["season"]
        yield {
            "release_id": release.id, "unit": unit, "epsilon": own["epsilon"], "delta": float(Fraction(own["delta"])),
            "rho": own["rho"], "delta_selection": own["delta_selection"], "shift": own["shift"],
            "season_epsilon": float(Fraction(season["epsilon"])), "season_delta": float(Fraction(season["delta"])),
        }  # fmt: skip


def _keys(manifest: dict[str, Any]) -> list[pl.Expr]:
    keys = {"release_id": manifest["release_id"], "venue": manifest["venue"]["id"]}
    keys |= {"season": manifest["season"], "period": manifest["period"]}
    return [pl.lit(value).alias(name) for name, value in keys.items()]


def hold_rules(lake: duckdb.DuckDBPyConnection, agreed: Governance) -> None:
    """Make `venues` and `floor` say what the members agreed on, and keep its text; writes only what has changed."""
    least = agreed.policy
    told: dict[str, list[dict[str, Any]]] = {
        "venues": [
            {"venue": m.id, "name": m.name, "kind": m.kind, "commune": m.commune, "since": m.since}
            for m in agreed.venues.values()
        ],
        "floor": [
            {"unit": u, "season_epsilon": str(e), "season_delta": str(d), "k": least.k, "k_rule": least.k_rule}
            for u, (e, d) in least.losses.items()
        ],
    }

    def write() -> None:
        for table, rows in told.items():
            lake.execute(f"delete from {table}")  # noqa: S608 (one of the two above)
            if rows:
                put(lake, table, pl.DataFrame(rows))
        if lake.execute(known, [agreed.digest]).fetchone() is None:
            put(lake, "governance", pl.DataFrame({"digest": [agreed.digest], "since": [_now()], "text": [agreed.text]}))

    known = "select 1 from governance where digest = ?"
    held = {table: lake.execute(f"from {table}").fetchall() for table in told}
    same = all(sorted(held[table]) == sorted(tuple(row.values()) for row in rows) for table, rows in told.items())
    if not same or lake.execute(known, [agreed.digest]).fetchone() is None:
        in_turn(lake, write)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
