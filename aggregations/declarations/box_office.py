"""The box office: tickets and receipts of each performance, exact, out of the records and of no one in particular.

A ticket counts that is paid or free: neither pending, cancelled, refunded, nor a test; and none of a performance that a programme says
is cancelled or postponed. Where no system tells of tickets, the sold and
free admissions of one aggregate closing stand in, never beside them and never two for one performance; passages counted at the door
are no tickets, and what SIBIL itself gave back (preset `sibil`) is no source of what it is told.
Money is integer cents, taxes included; receipts are unknown, never nought, where a paid ticket has no price.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import polars as pl

from aggregations.listings import listings
from aggregations.performances import performances
from aggregations.records import records
from aggregations.venue import Venue

_KEY = "performance_ref"
_BY = [_KEY, "performance_at", "source", "tariff", "unit_price_cents", "free", "school"]
_PUBLIC = ("title", "hall", "address", "postal_code", "city", "festival")  # what a listing tells that is declared


_NOT_PLAYED = ["cancelled", "postponed"]  # whose tickets are on their way back


@dataclass(frozen=True, slots=True)
class Line:
    """Tickets of one performance that have a tariff and a price in common; `receipts` None where the price is not known."""

    source: str
    tariff: str
    unit_price_cents: int | None
    free: bool
    school: bool
    tickets: int
    receipts: int | None


@dataclass(frozen=True)
class Played:
    """One performance that had tickets, by its local time; None is what nothing tells. `named` false: no row says which it is."""

    at: datetime
    named: bool
    title: str | None
    hall: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    festival: str | None
    family: str
    domain: str | None
    young: bool
    capacity: int | None
    lines: tuple[Line, ...]

    @cached_property
    def tickets(self) -> int:
        """All tickets, free ones included."""
        return sum(line.tickets for line in self.lines)

    @cached_property
    def free_tickets(self) -> int:
        """Tickets that cost nothing."""
        return sum(line.tickets for line in self.lines if line.free)

    @cached_property
    def receipts(self) -> int | None:
        """Cents, taxes included; None where a price is not known."""
        known = [line.receipts for line in self.lines if line.receipts is not None]
        return sum(known) if len(known) == len(self.lines) else None

    @property
    def audience(self) -> Literal["ALL", "YOUNG", "SCHOOL"]:
        """For whom it was: schools alone, the young, or all."""
        if all(line.school for line in self.lines):
            return "SCHOOL"
        return "YOUNG" if self.young else "ALL"


def box_office(venue: Venue, start: date, end: date) -> list[Played]:
    """Return the performances from `start` to the day before `end`, local time, that had tickets; in order of time."""
    zone = ZoneInfo(venue.timezone)
    rows = sales(venue)
    of_whom = performances(venue).drop("performance_at")
    words = listings(venue).select(_KEY, *_PUBLIC, "status").unique(_KEY)
    told = rows.group_by(_KEY, "performance_at").agg(pl.struct(pl.exclude(_KEY, "performance_at")).alias("lines"))
    told = told.join(of_whom, on=_KEY, how="left").join(words, on=_KEY, how="left")
    told = told.with_columns(pl.col("performance_at").dt.convert_time_zone(venue.timezone))
    told = told.filter(~pl.col("status").is_in(_NOT_PLAYED).fill_null(False))
    within = pl.col("performance_at").dt.date().is_between(start, end, closed="left")
    plays = [_played(row, zone, venue.capacity) for row in told.filter(within).iter_rows(named=True)]
    return sorted(
        plays, key=lambda p: (p.at, p.title or "", p.hall or "", p.lines[0].source, p.tickets, p.receipts or 0)
    )


def sales(venue: Venue) -> pl.DataFrame:
    """Return tickets and receipts by performance, source, tariff and price; a few rows a performance, streaming.

    `performance_at` is one a performance: the earliest that a row tells. Tickets that name no performance keep their own.
    """
    sold = records(venue, "transactions").filter(~pl.col("is_test").fill_null(False))
    tickets = sold.filter(pl.col("status").is_in(["paid", "free"])).select(
        _KEY, "performance_at", "source", "tariff", "unit_price_cents", "quantity",
        free=_free(pl.col("status") == "free", "unit_price_cents"),
        school=pl.col("is_school").fill_null(False),
    )  # fmt: skip
    each = tickets.with_columns(pl.when("free").then(0).otherwise("unit_price_cents").alias("unit_price_cents"))
    bought = each.group_by(_BY).agg(tickets=pl.col("quantity").sum()).collect(engine="streaming")
    bought = bought.with_columns(receipts=pl.col("tickets") * pl.col("unit_price_cents"))
    closed = _closings(venue).join(sold.select(_KEY).unique().collect(engine="streaming"), on=_KEY, how="anti")
    both = pl.concat([bought, closed.select(bought.columns)])
    earliest = (
        pl.when(pl.col(_KEY).is_not_null()).then(pl.col("performance_at").min().over(_KEY)).otherwise("performance_at")
    )
    at_once = both.with_columns(earliest.alias("performance_at")).group_by(_BY)
    unknown = pl.col("receipts").null_count() > 0
    summed = at_once.agg(pl.col("tickets").sum(), receipts=pl.when(~unknown).then(pl.col("receipts").sum()))
    return summed.filter(pl.col("tickets") > 0).sort(_BY)


def _closings(venue: Venue) -> pl.DataFrame:
    """Aggregate closings, of one source a performance: the one that counts most admissions, ties to the first by name."""
    counted = records(venue, "counts").filter(
        pl.col("kind").is_in(["sold", "free"]) & (pl.col("source") != "sibil") & pl.col(_KEY).is_not_null()
    )
    free = _free(pl.col("kind") == "free", "amount_cents")
    rows = counted.with_columns(
        free=free, receipts=pl.when(free).then(0).otherwise("amount_cents").cast(pl.Int64), tickets=pl.col("count"),
        unit_price_cents=pl.when(free).then(0).otherwise(None).cast(pl.Int64), school=pl.col("tariff") == "groupe_scolaire",
    ).select(*_BY, "tickets", "receipts").collect(engine="streaming")  # fmt: skip
    most = (
        rows.group_by(_KEY, "source")
        .agg(pl.col("tickets").sum())
        .sort(_KEY, "tickets", "source", descending=[False, True, False])
    )
    return rows.join(
        most.unique(_KEY, keep="first", maintain_order=True).select(_KEY, "source"), on=[_KEY, "source"], how="semi"
    )


def _free(told: pl.Expr, price: str) -> pl.Expr:
    """Tickets that cost nothing: as told, by their price, or exempted where no price is told."""
    exempted = pl.col(price).is_null() & (pl.col("tariff") == "exonere")
    return pl.any_horizontal(told.fill_null(False), (pl.col(price) == 0).fill_null(False), exempted.fill_null(False))


def _played(row: dict[str, Any], zone: ZoneInfo, capacity: int | None) -> Played:
    lines = (Line(
        source=line["source"], tariff=line["tariff"], unit_price_cents=line["unit_price_cents"], free=line["free"],
        school=line["school"], tickets=line["tickets"], receipts=line["receipts"],
    ) for line in row["lines"])  # fmt: skip
    return Played(
        at=row["performance_at"].astimezone(zone), named=row[_KEY] is not None, **{name: row[name] for name in _PUBLIC},
        family=row["family"] or "unknown", domain=row["domain"], young=bool(row["young_audience"]),
        capacity=row["capacity"] or capacity,
        lines=tuple(sorted(lines, key=lambda x: (x.tariff, x.unit_price_cents is None, x.unit_price_cents or 0, x.free, x.school, x.source))),
    )  # fmt: skip
