"""The performances of a venue, as all that it holds about them agrees."""

from __future__ import annotations

import polars as pl

from aggregations.records import records
from aggregations.schema import PERFORMANCES
from aggregations.venue import Venue

_KEY = "performance_ref"


def performances(venue: Venue) -> pl.DataFrame:
    """Return one row a performance (`schema.PERFORMANCES`), read from tickets, admissions and programmes, streaming.

    Where rows differ, the choice hangs on what they say and how many say it, never on their order.
    """
    said = [_said(venue, frame) for frame in ("transactions", "counts", "programme")]
    seen = pl.concat(said).collect(engine="streaming")  # a few rows a performance
    agreed = seen.group_by(_KEY).agg(
        pl.col("event_ref", "performance_at").min(),
        pl.col("capacity").max(),
        pl.col("young_audience", "sensitive", "door").any(),
    )
    for name in ("family", "domain"):
        told = seen.drop_nulls(name).group_by(_KEY, name).agg(pl.col("len").sum())
        most = told.sort("len", name, descending=[True, False]).unique(_KEY, keep="first", maintain_order=True)
        agreed = agreed.join(most.drop("len"), on=_KEY, how="left")
    typed = agreed.with_columns(pl.col("family").fill_null("unknown")).sort(_KEY)
    return typed.select(pl.col(n).cast(t) for n, t in PERFORMANCES.items())


def _said(venue: Venue, frame: str) -> pl.LazyFrame:
    """What rows of a frame say of performances, and how many say the same."""
    door = pl.col("attended").fill_null(False) if frame == "transactions" else pl.lit(False)
    rows = records(venue, frame).filter(pl.col(_KEY).is_not_null()).with_columns(door=door)
    family = pl.when(pl.col("family") != "unknown").then(pl.col("family"))
    return rows.with_columns(family=family).group_by(list(PERFORMANCES)).len()
