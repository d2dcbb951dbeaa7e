"""How a venue stands: its budget, the calendar's coming charges, months without a row. From its ledger and receipts alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from aggregations.receipt import Receipt
from aggregations.venue import Venue
from privacy.accounting import Cost, season_budget
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.ledger import Ledger
from privacy.plan import total
from privacy.policy import Policy
from privacy.publisher import Publisher

_QUARTERS = (1, 2, 3, 4)
_MONTHS = 24  # looked back at
_FRAMES = ("transactions", "interactions", "counts")

State = Literal["sealed", "unsealed", "due", "running", "coming"]


@dataclass(frozen=True, slots=True)
class Step:
    """A period of the calendar. `charged`, `will`: shares of the season's budget by unit, so far and still to come.

    `state`: sealed, or charged and not sealed yet; due (over, not charged), running, or coming.
    """

    period: Period
    state: State
    revisions: int
    charged: dict[Unit, Fraction]
    will: dict[Unit, Fraction]


@dataclass(frozen=True, slots=True)
class Season:
    """A season's budget: `left` and what would be `left_after` all coming charges, by unit; negative if they do not fit."""

    name: str
    steps: tuple[Step, ...]
    left: dict[Unit, Fraction]
    left_after: dict[Unit, Fraction]


@dataclass(frozen=True, slots=True)
class Months:
    """The months of a source, oldest first, and whether it has a row in each. `missing`: between its first and the last over."""

    source: str
    held: tuple[tuple[str, bool], ...]
    missing: tuple[str, ...]


def seasons(venue: Venue, publisher: Publisher, policy: Policy, today: date) -> list[Season]:
    """Return the running season, and the one before it where it was charged for; a ledger that is not there is not made."""
    book = Ledger(venue.ledger) if venue.ledger.exists() else None
    year = Period.containing(today).year
    before = book is not None and any(Period.parse(c.period).year == year - 1 for c in book.charges)
    return [_season(venue, publisher, policy, book, y, today) for y in ((year - 1, year) if before else (year,))]


def _season(venue: Venue, publisher: Publisher, policy: Policy, book: Ledger | None, year: int, today: date) -> Season:
    quarters = _QUARTERS if venue.calendar == "quarters" else ()
    steps = tuple(_step(publisher, policy, book, Period(year, q), today) for q in (*quarters, 0))
    units: dict[Unit, Cost] = {
        unit: season_budget(policy, unit) for step in steps for unit in (*step.charged, *step.will)
    }
    spent = book.spent(steps[0].period.season) if book else {}
    left: dict[Unit, Fraction] = {
        u: 1 - (spent[u].rho / b.rho if u in spent else Fraction(0)) for u, b in units.items()
    }
    after: dict[Unit, Fraction] = {
        u: share - sum((s.will.get(u, Fraction(0)) for s in steps), Fraction(0)) for u, share in left.items()
    }
    return Season(steps[0].period.season, steps, left, after)


def _step(publisher: Publisher, policy: Policy, book: Ledger | None, period: Period, today: date) -> Step:
    charges = [c for c in book.charges if c.period == str(period)] if book else []
    charged: dict[Unit, Fraction] = {}
    for charge in charges:
        for unit, cost in charge.costs.items():
            charged[unit] = charged.get(unit, Fraction(0)) + cost.rho / season_budget(policy, unit).rho
    if book and charges:
        sealed = all(c.release_id in book.seals for c in charges)
        return Step(period, "sealed" if sealed else "unsealed", len(charges), charged, {})
    costs = total(publisher.plan(policy, period), publisher.sketches(policy, period))
    will: dict[Unit, Fraction] = {unit: cost.rho / season_budget(policy, unit).rho for unit, cost in costs.items()}
    state = "due" if period.end <= today else "running" if period.start <= today else "coming"
    return Step(period, state, 0, charged, will)


def has_rows(receipts: Sequence[Receipt], period: Period) -> bool:
    """Tell whether any export wrote a row of a period's months."""
    rows = {month for r in receipts for frame in _FRAMES for month in r.months.get(frame, ())}
    return any(month in rows for month in _months(period))


def next_release(found: Sequence[Season], receipts: Sequence[Receipt]) -> Period | None:
    """Return the oldest period that is over, not charged and has rows; else the one running; None if all are charged."""
    steps = [step for season in found for step in season.steps]
    due = [s.period for s in steps if s.state == "due" and has_rows(receipts, s.period)]
    return next(iter([*due, *(s.period for s in steps if s.state == "running")]), None)


def _months(period: Period) -> Iterator[str]:
    at = period.start
    while at < period.end:
        yield f"{at:%Y-%m}"
        at = _later(at, 1)


def months(receipts: Sequence[Receipt], today: date) -> list[Months]:
    """Return the last two years of each source, month by month, by what its exports wrote."""
    shown = [f"{_later(today, -back):%Y-%m}" for back in reversed(range(_MONTHS))]
    found: list[Months] = []
    for source in sorted({r.preset for r in receipts}):
        held = {m for r in receipts if r.preset == source for frame in _FRAMES for m in r.months.get(frame, ())}
        if held:
            missing = tuple(m for m in shown[:-1] if m > min(held) and m not in held)
            found.append(Months(source, tuple((m, m in held) for m in shown), missing))
    return found


def _later(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 + months
    return date(whole // 12, whole % 12 + 1, 1)
