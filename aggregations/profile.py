"""What a venue holds of each source, in exact numbers: for rules that answer true or false, and for its steward's page.

Shares are of the rows held, days are to the day that is asked about; a number is None where there is nothing to judge.
They are exact, so they stay on the venue's disk.
"""

from __future__ import annotations

from datetime import datetime
from statistics import median

import polars as pl

from aggregations.consents import objections
from aggregations.receipt import Receipt, receipts
from aggregations.records import records
from aggregations.refusals import pending
from aggregations.tally import REPEATED
from aggregations.venue import Venue

Numbers = dict[str, float | None]  # "transactions.place" -> 0.83
_FEW = 200  # rows: below, one large booking is no oddity
_LOADS = 4  # of a source, to say what is usual
_PLACED = pl.col("country").is_not_null() & ((pl.col("country") != "FR") | pl.col("commune").is_not_null())


def profiles(venue: Venue, now: datetime) -> dict[str, Numbers]:
    """Return, a source, its numbers; one pass a frame, and two more over the tickets.

    `transactions.…`, `interactions.…`, `counts.…`, `programme.…`: of the rows held; `rows` how many, `since` days since
    the newest. `load.…`: of the last load; a correction is its whole export again.
    """
    found: dict[str, Numbers] = {}
    for source, loads in _loads(venue).items():
        found[source] = {f"load.{name}": value for name, value in loads.items()}
    for frame, numbers in _frames(now).items():
        asked = records(venue, frame).group_by("source").agg(pl.len().alias("rows"), **numbers)
        for row in asked.collect(engine="streaming").iter_rows(named=True):
            found.setdefault(row.pop("source"), {}).update({f"{frame}.{name}": value for name, value in row.items()})
    for name, values in (
        ("heaviest", _heaviest(venue)),
        ("doubled", _doubled(venue)),
        ("opted_out", _opted_out(venue)),
    ):
        for source, value in values.items():
            found[source][f"transactions.{name}"] = value
    return dict(sorted(found.items()))


def _frames(now: datetime) -> dict[str, dict[str, pl.Expr]]:
    today = pl.lit(now, pl.Datetime("us", "UTC"))

    def known(*columns: str) -> dict[str, pl.Expr]:
        return {c: (pl.col(c) != "unknown").mean() for c in columns}

    def since(column: str) -> pl.Expr:
        return _days(today - pl.col(column).max())

    ahead = {"ahead": _days(pl.col("performance_at").max() - today)}
    at, bought = pl.col("performance_at"), pl.col("purchased_at")
    price = pl.col("unit_price_cents")
    return {
        "transactions": {
            "place": _PLACED.mean(),
            "birth_year": pl.col("birth_year").is_not_null().mean(),
            **known("family", "tariff", "channel"),
            "price": price.is_not_null().mean(),
            "contact": pl.col("identified").mean(),
            "since": since("purchased_at"),
            "back": _days(today - at.min()),
            **ahead,
            "late": (bought > at.dt.offset_by("1d")).mean(),
            "high_price": price.quantile(0.99) / 100,
        },
        "interactions": {**known("family"), "since": since("at")},
        "counts": {**known("family", "tariff"), "since": since("performance_at"), **ahead},
        "programme": {**known("family"), **ahead},
    }


def _days(duration: pl.Expr) -> pl.Expr:
    return duration.dt.total_seconds() / 86_400


def _heaviest(venue: Venue) -> dict[str, float]:
    """Share of a source's places that one buyer has, who is not known as a group, a school or a reseller."""
    stated = pl.any_horizontal(pl.col("is_group", "is_school", "is_reseller").fill_null(False))
    each = records(venue, "transactions").group_by("source", "person").agg(
        pl.col("quantity").sum(), pl.len().alias("rows"), one=pl.col("quantity").filter(~stated).sum()
    )  # fmt: skip
    rows = each.group_by("source").agg(pl.col("rows").sum(), share=pl.col("one").max() / pl.col("quantity").sum())
    return dict(rows.filter(pl.col("rows") >= _FEW).select("source", "share").collect(engine="streaming").iter_rows())


def _doubled(venue: Venue) -> dict[str, float]:
    """Share of a source's rows that another source has too: same person, performance and minute of purchase."""
    held = records(venue, "transactions")
    keys = ["person", "performance_ref", "minute"]
    rows = held.filter(pl.col("performance_ref").is_not_null()).select(
        "source", "person", "performance_ref", minute=pl.col("purchased_at").dt.truncate("1m")
    )  # fmt: skip
    told = rows.group_by(keys).agg(pl.col("source").n_unique().alias("sources")).filter(pl.col("sources") > 1)
    both = rows.join(told, on=keys, how="left").group_by("source").agg(pl.col("sources").is_not_null().mean())
    return dict(both.collect(engine="streaming").iter_rows())


def _opted_out(venue: Venue) -> dict[str, float]:
    """Share of the people whom a ticketing system says opted in, and whose last word anywhere is no."""
    said = records(venue, "transactions").filter(pl.col("consent_marketing").fill_null(False))
    people = said.select("source", "person").unique()
    no = objections(venue).with_columns(no=pl.lit(True))
    asked = people.join(no, on="person", how="left").group_by("source").agg(pl.col("no").fill_null(False).mean())
    return dict(asked.collect(engine="streaming").iter_rows())


def _loads(venue: Venue) -> dict[str, Numbers]:
    """Numbers of the last load of each source, beside what is usual there."""
    left = dict(pending(venue).group_by("source").len().iter_rows())
    found: dict[str, Numbers] = {}
    each: dict[str, list[Receipt]] = {}
    for receipt in receipts(venue.store):
        each.setdefault(receipt.preset, []).append(receipt)
    for source, loads in each.items():
        last = loads[-1]
        sizes = [one.rows_read for one in loads if not one.corrects]  # a correction may be of an old export
        before, size = sizes[:-1], (sizes or [0])[-1]
        usual = median(before) if len(before) >= _LOADS - 1 else 0
        found[source] = {
            "refused": _share(last.rows_quarantined, last.rows_read),
            "pending": float(left.get(source, 0)),
            "repeated": _share(last.dropped.get(REPEATED, 0), last.rows_read),
            "unknown": _share(max((u.rows for u in last.unknown), default=0), last.rows_read),
            "size": _share(size, usual) if usual >= _FEW / 4 else None,
        }
    return found


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
