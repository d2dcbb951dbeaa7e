"""Rows that were refused and still are: what a steward has left to correct.

A refused row is settled when a later export of its source holds a row of its identity, or when its export was corrected:
then the correction's own list stands in its place. A row refused in export after export is told once, in the last of
them. One without an identity can only be settled by a correction. Answers name files, lines, columns and reasons, never
a value of a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from aggregations.receipt import Receipt, receipts
from aggregations.records import held
from aggregations.venue import Venue

REFUSED: dict[str, pl.DataType] = {
    "file": pl.String(),
    "line": pl.Int64(),  # of a table; number of the record in JSON
    "column": pl.String(),
    "reason": pl.String(),
    "frame": pl.String(),
    "row_ref": pl.UInt64(),  # keyed identity; null where that is what is missing
}
_OF = {"export": pl.String(), "seq": pl.Int64(), "source": pl.String()}


def refused(venue: Venue, receipt: Receipt) -> pl.DataFrame:
    """Return the refused rows of one export (`REFUSED`), none where its list is gone."""
    path = venue.quarantine / f"{receipt.id}.csv"
    if not path.is_file():
        return pl.DataFrame(schema=REFUSED)
    listed = pl.read_csv(path, schema_overrides=REFUSED)
    return pl.concat([pl.DataFrame(schema=REFUSED), listed], how="diagonal").select(list(REFUSED))


def pending(venue: Venue) -> pl.DataFrame:
    """Return the refused rows that are not settled, with their export's id, number and source, in the order of loading."""
    known = receipts(venue.store)
    corrected = {r.corrects for r in known if r.corrects}
    listed = [
        refused(venue, r).select(
            pl.lit(r.id).alias("export"), pl.lit(r.seq, pl.Int64).alias("seq"), pl.lit(r.preset).alias("source"), pl.all()
        )
        for r in known
        if r.quarantined and not any(r.id.startswith(one) for one in corrected)
    ]  # fmt: skip
    every = pl.concat([pl.DataFrame(schema={**_OF, **REFUSED}), *listed])
    last = pl.col("seq") == pl.col("seq").max().over("source", "frame", "row_ref")
    named = every.drop_nulls("row_ref").filter(last)
    open_ones = [every.filter(pl.col("row_ref").is_null()), *_open(venue, named)]
    return pl.concat(open_ones).sort("seq", "file", "line")


def _open(venue: Venue, named: pl.DataFrame) -> Sequence[pl.DataFrame]:
    """Refused rows with an identity that no later export holds, by source and frame."""
    found: list[pl.DataFrame] = []
    for (source, frame), rows in named.group_by("source", "frame"):
        if frame is None:
            found.append(rows)
            continue
        later = held(venue, str(frame), str(source)).select("row_ref", held_in="seq")
        both = rows.lazy().join(later, on="row_ref", how="left")
        left = both.filter(pl.col("held_in").fill_null(0) <= pl.col("seq")).drop("held_in")
        found.append(left.collect(engine="streaming"))
    return found
