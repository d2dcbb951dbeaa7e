"""The performances of a venue in words, as its exports tell them to the public: what declarations and events are made of.

Public words, and still the venue's own: nothing that is released, drawn or spent imports this module (`pyproject.toml`),
and no row here is of a person.
"""

from __future__ import annotations

import polars as pl

from aggregations.receipt import receipts
from aggregations.schema import LISTINGS
from aggregations.venue import Venue

_KEY = "performance_ref"
_AGENDAS = ("openagenda", "schema_org", "datatourisme")  # written for readers: they tell before who sells
_WHOLE = ("openagenda", "datatourisme")  # these tell all performances of an event at once: others are no longer


def listings(venue: Venue) -> pl.DataFrame:
    """Return one row a performance (`schema.LISTINGS`), sorted by time; none where no export told a title.

    Each column is told by the most telling source that has it: an agenda before a ticketing system; then what changed
    last; then the file written last. What exports say decides, never the order in which they were loaded.
    """
    found = [(r, venue.store / r.id / "listings.parquet") for r in receipts(venue.store)]
    parts = [
        pl.read_parquet(path).with_columns(_written=pl.lit(r.written, pl.Int64)) for r, path in found if path.exists()
    ]
    rows = pl.concat([pl.DataFrame(schema=LISTINGS | {"_written": pl.Int64}), *parts])
    rows = rows.with_columns(_agenda=pl.col("source").is_in(_AGENDAS), _content=pl.struct(LISTINGS.keys()).hash())
    rows = rows.sort("_agenda", "changed_at", "_written", "_content", nulls_last=False)
    held = rows.unique("row_ref", keep="last", maintain_order=True)  # one version of what a system says
    last = pl.col("changed_at").max().over("source", "event_ref")
    held = held.filter(~pl.col("source").is_in(_WHOLE) | (pl.col("changed_at") == last).fill_null(True))
    told = held.group_by(_KEY, maintain_order=True).agg(pl.exclude(_KEY).drop_nulls().last())
    known = held.filter(pl.col("family") != "unknown").group_by(_KEY, maintain_order=True).agg(
        pl.col("family", "domain").last()
    )  # fmt: skip
    named = told.drop("domain").join(known, on=_KEY, how="left", suffix="_told")
    named = named.with_columns(family=pl.coalesce("family_told", "family"))
    return named.sort("performance_at", "title", _KEY).select(pl.col(n).cast(t) for n, t in LISTINGS.items())
