"""The programme a venue loaded (OpenAgenda, DATAtourisme, schema.org): it tells the genre of tickets that do not.

It is made of no one's records, so what it says of a performance is the same whoever came: nobody's row changes
another's genre. It is joined when records are read, so that it does not matter which was loaded first.
"""

from __future__ import annotations

import polars as pl

from aggregations.records import records
from aggregations.venue import Venue

_KEY = "performance_ref"


def programme(venue: Venue) -> pl.DataFrame:
    """Return `performance_ref` and `family`, one row a performance whose genre is told: by most, ties to the lesser code."""
    told = records(venue, "programme").filter((pl.col("family") != "unknown") & pl.col(_KEY).is_not_null())
    count = told.group_by(_KEY, "family").len().sort(_KEY, "len", "family", descending=[False, True, False])
    return count.unique(_KEY, keep="first", maintain_order=True).select(_KEY, "family").collect()


def with_genres(rows: pl.LazyFrame, programme: pl.DataFrame) -> pl.LazyFrame:
    """Give rows of unknown family the one that the programme tells of their performance."""
    if programme.is_empty() or "family" not in rows.collect_schema():
        return rows
    told = programme.lazy().rename({"family": "_told"})
    family = pl.when(pl.col("family") == "unknown").then(pl.col("_told").fill_null("unknown")).otherwise("family")
    return rows.join(told, on=_KEY, how="left").with_columns(family.alias("family")).drop("_told")
