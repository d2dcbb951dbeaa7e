"""A season in the venue's own exact figures, for a funder's yearly report: performances, tickets, receipts, how full, of which genre.

It is not the report a hub makes (`jauge takeaway`), whose figures are published and noisy: this one is of the box office and stays with
the venue, who gives it to whom it owes it. How full: tickets over capacity, of the performances whose capacity is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from aggregations.declarations.box_office import Line, Played
from aggregations.records import records
from aggregations.venue import Venue
from privacy.calendar import Period

Part = Literal["all", "family", "month", "audience", "tariff"]


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of some performances, or of a tariff; cents. `seats`: tickets and capacity, where the capacity is known."""

    code: str
    performances: int
    free_performances: int
    tickets: int
    free_tickets: int
    receipts: int | None
    seats: tuple[int, int]

    @property
    def occupancy(self) -> float | None:
        """Share of seats with a ticket; None where no capacity is known."""
        return self.seats[0] / self.seats[1] if self.seats[1] else None

    @property
    def mean_price(self) -> int | None:
        """Cents a paid ticket, halves up; None where there is none, or a price is not known."""
        paid = self.tickets - self.free_tickets
        return (2 * self.receipts + paid) // (2 * paid) if paid and self.receipts is not None else None


@dataclass(frozen=True, slots=True)
class Season:
    """The whole season, and by family, month, audience and tariff. `door`: passages counted at the door, which are no tickets."""

    whole: Row
    parts: dict[Part, tuple[Row, ...]]
    door: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield part, code, figure and value, a row a figure."""
        for part, lines in ({"all": (self.whole,)} | self.parts).items():
            for one in lines:
                figures: dict[str, Any] = {"tickets": one.tickets, "free_tickets": one.free_tickets, "receipts": _euros(one.receipts),
                                           "mean_price": _euros(one.mean_price)}  # fmt: skip
                if part != "tariff":
                    figures |= {"performances": one.performances, "free_performances": one.free_performances}
                    figures |= {
                        "occupancy": None if one.occupancy is None else f"{one.occupancy:.4f}".replace(".", ",")
                    }
                yield from (
                    {"part": part, "code": one.code, "figure": name, "value": value} for name, value in figures.items()
                )
        yield {"part": "door", "code": "", "figure": "passages", "value": self.door}


def season(venue: Venue, period: Period, played: Sequence[Played]) -> Season:
    """Return the figures of a season's performances, which `played` are."""
    by: dict[Part, Callable[[Played], str]] = {
        "family": lambda p: p.family,
        "month": lambda p: f"{p.at:%Y-%m}",
        "audience": lambda p: p.audience,
    }
    parts: dict[Part, tuple[Row, ...]] = {part: tuple(_by(played, of)) for part, of in by.items()}
    lines = [x for p in played for x in p.lines]
    parts["tariff"] = tuple(
        _tariff(code, [x for x in lines if x.tariff == code]) for code in sorted({x.tariff for x in lines})
    )
    return Season(_row("", played), parts, _door(venue, period.start, period.end))


def _by(played: Sequence[Played], of: Callable[[Played], str]) -> Iterator[Row]:
    for code in sorted({of(p) for p in played}):
        yield _row(code, [p for p in played if of(p) == code])


def _row(code: str, played: Iterable[Played]) -> Row:
    each = tuple(played)
    seated = [p for p in each if p.capacity]
    return Row(
        code, len(each), sum(p.tickets == p.free_tickets for p in each), sum(p.tickets for p in each),
        sum(p.free_tickets for p in each), None if any(p.receipts is None for p in each) else sum(p.receipts or 0 for p in each),
        (sum(p.tickets for p in seated), sum(p.capacity or 0 for p in seated)),
    )  # fmt: skip


def _tariff(code: str, lines: Sequence[Line]) -> Row:
    known = None if any(x.receipts is None for x in lines) else sum(x.receipts or 0 for x in lines)
    return Row(code, 0, 0, sum(x.tickets for x in lines), sum(x.tickets for x in lines if x.free), known, (0, 0))


def _door(venue: Venue, start: date, end: date) -> int:
    at = pl.col("performance_at").dt.convert_time_zone(venue.timezone).dt.date()
    passed = records(venue, "counts").filter((pl.col("kind") == "counter") & at.is_between(start, end, closed="left"))
    return int(passed.select(pl.col("count").sum()).collect(engine="streaming").item() or 0)


def _euros(cents: int | None) -> float | None:
    return None if cents is None else cents / 100
