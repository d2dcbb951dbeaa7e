"""What a season would show and cost, before anything is spent: so that a steward can choose its calendar.

It reads the venue's canonical records and its ledger, where they are. It draws no noise, charges nothing and writes
nothing. Margins and thresholds come from the policy alone; what is said of the audience is exact but for the chance
of the noise: for the steward's own screen, rounded there, never stored nor sent. What she then decides is not covered
by the noise (docs/promise.md, "A steward who looks before choosing").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date
from fractions import Fraction

import polars as pl

from aggregations.publication import offer, publisher, venue_records
from aggregations.tables import Records, contributions
from aggregations.venue import Venue
from privacy.accounting import Cost, season_budget
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.domains import EXACT
from privacy.ledger import Ledger
from privacy.plan import TablePlan, total
from privacy.policy import Policy
from privacy.publish import bound_tables

WORTH = 0.6  # a quarter that shows less of its audience says too little for what it takes from the season
_WHEN = {"transactions": "performance_at", "interactions": "at", "counts": "performance_at"}
Seen = dict[str, tuple[float, int]]  # table → (people expected in shown cells, people in all cells)


@dataclass(frozen=True, slots=True)
class Option:
    """One way to publish: the noise of its tables, and the expected share of the people of each in shown cells."""

    plans: tuple[TablePlan, ...]
    shown: dict[str, float]

    @property
    def coverage(self) -> float | None:
        """Mean over the tables that have people (admissions where a venue has nothing else); None: no records."""
        people = [
            self.shown[p.table.name] for p in self.plans if p.table.unit == "person" and p.table.name in self.shown
        ]
        shares = people or list(self.shown.values())
        return sum(shares) / len(shares) if shares else None


@dataclass(frozen=True, slots=True)
class Due:
    """A line of the season's calendar: what the ledger has charged for a period (0: nothing yet), as a share."""

    period: Period
    charged: Fraction


@dataclass(frozen=True, slots=True)
class Outlook:
    """What planning a season found. `quarter` and `whole` (season): under the policy; `alone`: the season as only release."""

    season: str
    seen: Period  # the season whose records were looked at
    ended: bool
    quarters: tuple[Period, ...]  # of it, those with records
    audience: dict[str, int]  # kind of records → people (counts: admissions) a quarter, on average
    quarter: Option
    whole: Option
    alone: Option
    alone_share: Fraction
    alone_fits: bool  # in what the ledger has left of the planned season
    calendar: tuple[Due, ...]
    left: dict[Unit, Fraction]

    @property
    def quarterly(self) -> bool | None:
        """Are quarters worth publishing? None where there are no records to tell by."""
        return None if self.quarter.coverage is None else self.quarter.coverage >= WORTH


def outlook(venue: Venue, policy: Policy, season: Period, today: date) -> Outlook:
    """Weigh the ways to publish `season` by the records of the last season that had ended by `today`, or its own."""
    own, quarters = venue_records(venue), _quarters(venue)
    known = {Period(q.year) for q in quarters if q.year <= season.year}
    seen = max((s for s in known if s.end <= today), default=max(known, default=season))
    quarters = tuple(q for q in quarters if q.year == seen.year)
    alone = season_alone(policy)
    quarterly, whole, only = (
        publisher(venue).plan(p, when) for p, when in ((policy, Period(seen.year, 1)), (policy, seen), (alone, seen))
    )
    sketches = publisher(venue).sketches(alone, seen)
    in_quarters, in_season, in_it_alone = Seen(), Seen(), Seen()
    for period in quarters:
        _add(in_quarters, _look(venue, period, {"quarter": (quarterly, policy)})["quarter"])
    if quarters:
        both = _look(venue, seen, {"whole": (whole, policy), "alone": (only, alone)})
        in_season, in_it_alone = both["whole"], both["alone"]
    spent, calendar = _ledger(venue, policy, season)
    budget: dict[Unit, Cost] = {unit: season_budget(policy, unit) for unit in total(whole)}
    return Outlook(
        season=season.season, seen=seen, ended=seen.end <= today, quarters=quarters,
        audience={kind: _audience(own, kind, whole, quarters) for kind in venue.publishes},
        quarter=Option(quarterly, _shares(in_quarters)), whole=Option(whole, _shares(in_season)),
        alone=Option(only, _shares(in_it_alone)), alone_share=alone.calendar["season"],
        alone_fits=all(_within(spent.get(u, Cost()) + cost, budget[u]) for u, cost in total(only, sketches).items()),
        calendar=calendar,
        left={u: max(1 - spent.get(u, Cost()).rho / b.rho, Fraction(0)) for u, b in budget.items()},
    )  # fmt: skip


def season_alone(policy: Policy) -> Policy:
    """Return the policy with the four quarters' shares given to the season."""
    share = min(4 * policy.calendar["quarter"] + policy.calendar["season"], Fraction(1))
    return replace(policy, calendar=policy.calendar | {"season": share})


def _quarters(venue: Venue) -> tuple[Period, ...]:
    """Return the quarters of the public calendar in which the venue has records of a kind it publishes."""
    own, days = venue_records(venue), set[date]()
    for kind in venue.publishes:
        frame: pl.LazyFrame = getattr(own, kind)
        local = pl.col(_WHEN[kind]).dt.convert_time_zone(venue.timezone).dt.date().dt.truncate("1mo")
        days |= set(frame.select(local.unique()).collect(engine="streaming").to_series().drop_nulls())
    return tuple(sorted({Period.containing(day) for day in days}))


def _look(venue: Venue, period: Period, ways: Mapping[str, tuple[tuple[TablePlan, ...], Policy]]) -> dict[str, Seen]:
    """Bound a period's records once, and count the people each way would show. The exact cells end here."""
    plans, _ = next(iter(ways.values()))
    bounded = bound_tables(offer(venue, period), plans)
    return {
        name: {p.table.name: _expected(bounded[p.table.name].cells, p, policy) for p in plans}
        for name, (plans, policy) in ways.items()
    }


def _expected(cells: pl.DataFrame, plan: TablePlan, policy: Policy) -> tuple[float, int]:
    """Add up people x the chance that their cell is shown, by the normal law of the noise."""
    scale, shown = plan.cells[0].sigma * math.sqrt(2), 0.0
    for people, steps in cells.select(EXACT, plan.cells[0].measure.name).iter_rows():
        if people >= policy.k or policy.k_rule == "probable":
            shown += people * math.erfc((plan.threshold - steps) / scale) / 2
    return shown, int(cells[EXACT].sum())


def _audience(own: Records, kind: str, plans: tuple[TablePlan, ...], quarters: tuple[Period, ...]) -> int:
    table = next((p.table for p in plans if p.table.records == kind), None)
    if table is None or not quarters:
        return 0
    who = pl.col("admissions").sum() if kind == "counts" else pl.col("person").n_unique()
    return sum(int(contributions(own, (table,), q).select(who).collect().item()) for q in quarters) // len(quarters)


def _ledger(venue: Venue, policy: Policy, season: Period) -> tuple[dict[Unit, Cost], tuple[Due, ...]]:
    """Read what the season was charged; a ledger that does not exist yet is not made."""
    book = Ledger(venue.ledger) if venue.ledger.exists() else None
    charged = dict.fromkeys((Period(season.year, quarter) for quarter in (1, 2, 3, 4, 0)), Fraction(0))
    for charge in book.charges if book else []:
        if (period := Period.parse(charge.period)) in charged:
            charged[period] += max(cost.rho / season_budget(policy, unit).rho for unit, cost in charge.costs.items())
    return book.spent(season.season) if book else {}, tuple(Due(period, share) for period, share in charged.items())


def _within(cost: Cost, budget: Cost) -> bool:
    return all(part <= most for part, most in zip(astuple(cost), astuple(budget), strict=True))


def _add(sums: Seen, more: Seen) -> None:
    for name, (shown, people) in more.items():
        before = sums.get(name, (0.0, 0))
        sums[name] = before[0] + shown, before[1] + people


def _shares(sums: Seen) -> dict[str, float]:
    return {name: shown / people for name, (shown, people) in sums.items() if people}
