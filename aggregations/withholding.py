"""What of an export is not loaded: rows of who asked to be forgotten, and of who was last seen before the last purge's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from aggregations.canonical import KEPT
from aggregations.forgotten import add, among, orders_of
from aggregations.removal import remove
from aggregations.retention import PERSONAL, Window, purged, too_old, unseen
from aggregations.venue import Venue

FORGOTTEN = "of someone forgotten"
OLD = "older than records are kept"


@dataclass(frozen=True, slots=True)
class Withheld:
    """Who is left out (`person`, `_why`), and whether someone forgotten is."""

    people: pl.DataFrame
    forgotten: bool
    since: Window | None
    timezone: str

    def mark(self, frame: str, staged: pl.LazyFrame) -> pl.LazyFrame:
        """Give the rows that are left out a reason in `_drop`; refused rows keep theirs."""
        if frame not in PERSONAL:
            return staged
        if not self.people.is_empty():
            why = pl.when(pl.col("_problem").is_null()).then("_why")
            staged = staged.join(self.people.lazy(), on="person", how="left")
            staged = staged.with_columns(_drop=pl.coalesce("_drop", why)).drop("_why")
        if self.since:
            old = too_old(frame, self.timezone, self.since)
            staged = staged.with_columns(_drop=pl.when(KEPT & old).then(pl.lit(OLD)).otherwise("_drop"))
        return staged


def withhold(venue: Venue, staged: Sequence[tuple[str, pl.LazyFrame]]) -> Withheld:
    """Look for them in an export's staged rows, by frame.

    An order in which someone forgotten has a row joins the list, and what the store holds of it goes.
    """
    rows = [(frame, one) for frame, one in staged if frame in PERSONAL]
    everyone = pl.concat([pl.LazyFrame(schema={"person": pl.UInt64}), *(one.select("person") for _, one in rows)])
    asked, since = among(everyone, venue), purged(venue)
    if asked:
        orders = frozenset[int]().union(*(orders_of(one, asked) for _, one in rows))
        if new := orders - among(pl.LazyFrame({"person": sorted(orders)}, schema={"person": pl.UInt64}), venue):
            remove(venue, also=new)  # held so far without a contact
            add(venue, new)
            asked = among(everyone, venue)
    old = pl.Series("person", [], pl.UInt64)
    if since and rows:
        old = unseen(venue, since, [(frame, one.filter(KEPT)) for frame, one in rows])
    people = [
        pl.Series("person", sorted(asked), pl.UInt64).to_frame().with_columns(_why=pl.lit(FORGOTTEN)),
        old.to_frame().with_columns(_why=pl.lit(OLD)),
    ]
    marks = pl.concat(people).unique("person", keep="first", maintain_order=True)
    return Withheld(marks, bool(asked), since, venue.timezone)
