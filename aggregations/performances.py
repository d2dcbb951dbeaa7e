"""The performances of an export, as all its rows about them agree."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from aggregations.canonical import FACTS
from aggregations.schema import FRAMES

_KEY = "own_ref"


def performances(rows: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """Return one row a performance of the system (see `schema`), from staged rows that became records; read once, streaming.

    Where rows differ, the choice hangs on what they say and how many say it, never on their order.
    """
    family = pl.when(pl.col("family") != "unknown").then(pl.col("family"))
    said = [
        part.filter(pl.col(f"_{_KEY}").is_not_null())
        .select(
            *("source", "performance_ref", "performance_at"),
            family,
            *(pl.col(f).alias(f.removeprefix("_")) for f in FACTS),
        )
        .group_by(pl.all())
        .len()
        for part in rows
    ]
    if not said:
        return pl.DataFrame(schema=FRAMES["performances"])
    seen = pl.concat(said).collect(engine="streaming")  # a few rows a performance
    agreed = seen.group_by(_KEY).agg(
        pl.col("source", "event_ref", "performance_at").min(),
        pl.col("capacity").max(),
        pl.col("young_audience", "sensitive").any(),
    )
    for name in ("performance_ref", "family", "domain"):
        told = seen.drop_nulls(name).group_by(_KEY, name).agg(pl.col("len").sum())
        most = told.sort("len", name, descending=[True, False]).unique(_KEY, keep="first", maintain_order=True)
        agreed = agreed.join(most.drop("len"), on=_KEY, how="left")
    typed = agreed.with_columns(pl.col("family").fill_null("unknown")).sort(_KEY)
    return typed.select(pl.col(n).cast(t) for n, t in FRAMES["performances"].items())
