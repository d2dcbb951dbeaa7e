"""Matches in the store: for each export the people that have an address, and their number under the cooperative's key.

They lie beside the records, in `store/<export>/match-<id of the key>.parquet`, and are input to sketches only. An export
that was loaded without the key, or under another, has none: loading the same files again makes them, and nothing else can,
for the store holds no address.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from aggregations.cooperative import hold_key, match_key
from aggregations.disk import PART, settle
from aggregations.receipt import Receipt, receipts
from aggregations.records import Scan
from aggregations.staging import Prepared
from aggregations.venue import Venue
from privacy.sketch import key_id

MATCH = pl.UInt64()


def adopt(venue: Venue, file: Path) -> str:
    """Have the venue hold the key in a file; return its id.

    Matches under another key go: what they were made of cannot be read from them.
    """
    key = hold_key(venue, file)
    for other in files(venue):
        if other.name != _name(key):
            other.unlink()
    return key_id(key)


def unmatched(venue: Venue) -> list[Receipt]:
    """Return the exports of people in the store that have no match under the key that the venue holds."""
    return [r for r in receipts(venue.store) if "transactions" in r.frames and lacks(venue, venue.store / r.id)]


def write_matches(venue: Venue, folder: Path, prepared: Sequence[Prepared]) -> None:
    """Put the matches of an export's people beside its records, where the venue has the key."""
    if key := match_key(venue):
        path = folder / _name(key)
        known = [
            pl.LazyFrame(schema={"person": pl.UInt64, "_match": MATCH}),
            *(p.rows.select("person", "_match") for p in prepared if p.records.emit.frame == "transactions"),
        ]
        made = pl.concat(known).drop_nulls().unique().sort("person", "_match").rename({"_match": "match"})
        part = path.with_name(f"{PART}{path.name}")
        made.collect(engine="streaming").write_parquet(part, compression="zstd")
        settle(part, path)


def lacks(venue: Venue, folder: Path) -> bool:
    """Tell whether an export in the store has no match under the key that the venue holds."""
    key = match_key(venue)
    return bool(key) and not (folder / _name(key)).exists()


def files(venue: Venue) -> list[Path]:
    """Return the files of matches in the store, under any key."""
    return [file for r in receipts(venue.store) for file in sorted((venue.store / r.id).glob("match-*.parquet"))]


def with_match(rows: Any, venue: Venue, scan: Scan) -> Any:
    """Return rows of a frame with each person's `match`: of several addresses, the one whose match is least."""
    name = _name(match_key(venue))
    own = [nw.from_native(scan(str(file))) for file in files(venue) if file.name == name]
    if not own:
        return nw.from_native(rows).with_columns(match=nw.lit(None, nw.Int64)).to_native()
    least = nw.concat(own).group_by("person").agg(nw.col("match").min())
    return nw.from_native(rows).join(least, on="person", how="left").to_native()


def _name(key: bytes) -> str:
    return f"match-{key_id(key)}.parquet"
