"""All canonical records of a venue, the latest word on each row, as one lazy frame."""

from __future__ import annotations

import polars as pl

from aggregations.receipt import receipts
from aggregations.schema import FRAMES
from aggregations.venue import Venue


def records(venue: Venue, frame: str) -> pl.LazyFrame:
    """Scan a canonical frame over the whole store.

    A row seen again in a later export (same source and `row_ref`; for performances the same
    `performance_ref`) replaces the earlier one: so a refund reaches the ticket it is about.
    """
    by_source: dict[str, list[pl.LazyFrame]] = {}
    for receipt in receipts(venue.store):
        if frame in receipt.frames:
            scan = pl.scan_parquet(venue.store / receipt.id / f"{frame}.parquet")
            by_source.setdefault("" if frame == "performances" else receipt.preset, []).append(scan)
    if not by_source:
        return pl.LazyFrame(schema=FRAMES[frame])
    # A row is unique within one export and sources have no row in common: only several exports of one
    # source can repeat it.
    return pl.concat([scans[0] if len(scans) == 1 else _latest(scans, frame) for scans in by_source.values()])


def _latest(scans: list[pl.LazyFrame], frame: str) -> pl.LazyFrame:
    reference = "performance_ref" if frame == "performances" else "row_ref"
    numbered = [scan.with_columns(_seq=pl.lit(i, pl.UInt32)) for i, scan in enumerate(scans)]
    rows = pl.concat(numbered)
    return rows.filter(pl.col("_seq") == pl.col("_seq").max().over(reference)).drop("_seq")


