"""How long records are held: a person until three years after they were last seen, a measure of audience 25 months.

The first after the CNIL's reference on commercial management, the second after its terms for audience measurement without
consent. Seen is who bought a ticket or came, subscribed, clicked, read a page; not who only opened a newsletter, which is in
no record. Counts and programmes know no person and stay.

The days are fixed when a purge is done, and written down (`acts`): loading reads them there and never the clock, so that a
full export does not bring back what a purge took, and the same exports always make the same store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from aggregations.acts import acts
from aggregations.records import held
from aggregations.venue import Venue

AUDIENCE_MONTHS = 25
PERSONAL = ("transactions", "interactions")  # the frames that know people


@dataclass(frozen=True, slots=True)
class Window:
    """Who was last seen before the day `people` is not held, nor a measure of audience from before `audience`."""

    people: date
    audience: date


def window(venue: Venue, today: date) -> Window:
    """Return the window that the venue's retention opens today."""
    ago = pl.select(
        people=pl.lit(today).dt.offset_by(f"-{venue.retention_months}mo"),
        audience=pl.lit(today).dt.offset_by(f"-{min(venue.retention_months, AUDIENCE_MONTHS)}mo"),
    )
    return Window(*ago.row(0))


def purged(venue: Venue) -> Window | None:
    """Return the window that the last purge enforced; None before the first."""
    last = next((a for a in reversed(acts(venue)) if a.kind == "retention"), None)
    return last and Window(date.fromisoformat(last.people), date.fromisoformat(last.audience))


def seen(frame: str, timezone: str) -> pl.Expr:
    """Return the local day on which a row has someone seen: of a ticket, of buying it or of its performance, the later."""
    at = pl.max_horizontal("purchased_at", "performance_at") if frame == "transactions" else pl.col("at")
    return at.dt.convert_time_zone(timezone).dt.date()


def too_old(frame: str, timezone: str, since: Window) -> pl.Expr:
    """Tell which rows go whoever they are of: measures of audience from before the window."""
    exempt = pl.col("consent_regime") == "exempt_audience"
    old = exempt & (seen(frame, timezone) < since.audience) if frame == "interactions" else pl.lit(False)
    return old.fill_null(False)


def unseen(venue: Venue, since: Window, more: Sequence[tuple[str, pl.LazyFrame]] = ()) -> pl.Series:
    """Return who was last seen before the window, of the people in `more` (rows by frame), or else of those held."""
    known = [(frame, held(venue, frame)) for frame in PERSONAL]
    rows = [r.select("person", day=seen(frame, venue.timezone)) for frame, r in (more or known)]
    last = pl.concat(rows).group_by("person").agg(pl.col("day").max())
    gone = last.filter(pl.col("day") < since.people).select("person").collect(engine="streaming")
    if more and not gone.is_empty():
        here = [r.filter(seen(frame, venue.timezone) >= since.people).select("person") for frame, r in known]
        active = pl.concat(here).join(gone.lazy(), on="person", how="semi").unique().collect(engine="streaming")
        gone = gone.join(active, on="person", how="anti")
    return gone["person"].drop_nulls()
