"""Where a venue's records are worked on: in parts of whole people, one after another here, or side by side on Spark.

A part is what fits in memory. Everything done to a part is done by the same code on either engine; engines only bring the
rows of the same people together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import polars as pl

from aggregations.matches import MATCH, with_match
from aggregations.records import held, records
from aggregations.schema import FRAMES
from aggregations.venue import Venue
from privacy.contributions import Part

PART = 2**28  # bytes of rows; work on them takes some four times as much
_SAMPLE = 10_000  # rows

Answer = TypeVar("Answer")


def each_part(
    venue: Venue, frame: str, columns: list[str], work: Callable[[pl.LazyFrame, Part], Answer]
) -> Iterator[Answer]:
    """Do the work on every part of a venue's canonical frame, by the engine its `venue.toml` names.

    Among the columns may be `match`, which lies beside the records.
    """
    types = FRAMES[frame] | {"match": MATCH}
    if venue.engine == "spark":
        from aggregations import spark  # PySpark is no dependency of those who do without

        scan = spark.session().read.parquet
        rows = held(venue, frame, scan=scan)
        if not isinstance(rows, pl.LazyFrame):  # something is held
            rows = with_match(rows, venue, scan) if "match" in columns else rows
            return spark.in_parts(rows.select(columns), pl.Schema((name, types[name]) for name in columns), work)
    rows = records(venue, frame)
    rows = with_match(rows, venue, pl.scan_parquet) if "match" in columns else rows
    return in_parts(rows.select(columns), work)


def in_parts(rows: pl.LazyFrame, work: Callable[[pl.LazyFrame, Part], Answer]) -> Iterator[Answer]:
    """Do the work part by part, on this machine, by Polars.

    Rows of more than a part are read once and parted by `person` in a folder of their own, which only this account
    reads and which is gone at the end. Counts have no people, and few rows: they are one part.
    """
    parts = count(rows) if "person" in (schema := rows.collect_schema()) else 1
    if parts == 1:
        yield work(rows, Part())
        return
    with tempfile.TemporaryDirectory(prefix="jauge-") as folder:
        number = (pl.col("person") % parts).cast(pl.UInt32).alias("_part")
        to = pl.PartitionBy(folder, key="_part", include_key=False)
        rows.filter(pl.col("person").is_not_null()).with_columns(number).sink_ipc(to, mkdir=True)
        for number in range(parts):
            files = sorted(Path(folder, f"_part={number}").glob("*"))
            yield work(
                pl.scan_ipc(files, hive_partitioning=False) if files else pl.LazyFrame(schema=schema),
                Part(number, parts),
            )
            for file in files:
                file.unlink()


def count(rows: pl.LazyFrame) -> int:
    """Return into how many parts rows must fall, by their number and the size of the first of them."""
    sample = rows.head(_SAMPLE).collect(engine="streaming")
    if sample.height < _SAMPLE:
        return 1
    height = int(rows.select(pl.len()).collect(engine="streaming").item())
    return -(-height * int(sample.estimated_size()) // (sample.height * PART))
