"""What an export changes in what the venue holds: only that is written, with the versions it replaces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.records import held, instant_of
from aggregations.schema import FRAMES, REPLACED
from aggregations.tally import BUCKET
from aggregations.venue import Venue
from aggregations.versions import STANDING, later, standing


@dataclass(frozen=True, slots=True)
class Changes:
    """What one frame of an export changes. `replaced`: see `schema.REPLACED`; `months`: local, "2025-10", sorted."""

    rows: int
    replaced: pl.DataFrame
    months: list[str]


def write_changes(rows: pl.LazyFrame, written: int, venue: Venue, source: str, frame: str, path: Path) -> Changes:
    """Write the rows that the venue has not of this source, or has in a version that does not hold, to `path`.

    No file where there is none. `written`: when the rows' files were last written (ns since 1970). A row that the
    system only says it touched is written, so that it stands against older versions, but changes no month. References
    and digests of content are compared bucket by bucket, so that memory does not grow with the store.
    """
    month = _month(instant_of(frame), venue.timezone)
    known = held(venue, frame, source)
    ours = rows.select("row_ref", month=month, **standing(frame, pl.lit(written, pl.Int64)))
    theirs = known.select("row_ref", "seq", month=month, **standing(frame, pl.col("written")))
    lengths = pl.collect_all([ours.select(pl.len()), theirs.select(pl.len())], engine="streaming")
    buckets = max(-(-sum(length.item() for length in lengths) // BUCKET), 1)
    held_as = theirs.rename({name: f"held_{name}" for name in (*STANDING, "month")})
    parts: list[Path] = []
    replaced, months, number = [pl.DataFrame(schema=REPLACED)], set[int](), 0
    for bucket in range(buckets):
        here = pl.col("row_ref") % buckets == bucket
        both = ours.filter(here).join(held_as.filter(here), on="row_ref", how="left")
        same = pl.col("content") == pl.col("held_content")
        told = pl.when(same).then(pl.col("changed") > pl.col("held_changed")).otherwise(later("", "held_"))
        changed = both.filter(pl.col("seq").is_null() | told).select("row_ref", "seq", "month", "held_month", same=same)
        found = changed.collect(engine="streaming")
        if found.is_empty():
            continue
        number += found.height
        moved = found.filter(~pl.col("same").fill_null(False))
        months |= {*moved["month"].unique(), *moved["held_month"].drop_nulls().unique()}
        replaced.append(found.drop_nulls("seq").select("seq", ref="row_ref"))
        parts.append(path.with_name(f"{path.stem}-{bucket}.parquet"))
        wanted = found.lazy().select("row_ref")
        whole = rows.filter(here).join(wanted, on="row_ref", how="semi").select(FRAMES[frame].keys())
        whole.sink_parquet(parts[-1], compression="zstd", engine="streaming")
    if len(parts) == 1:
        parts[0].rename(path)
    elif parts:
        pl.scan_parquet(parts).sink_parquet(path, compression="zstd", engine="streaming")
        for part in parts:
            part.unlink()
    names = [f"{number // 12:04}-{number % 12 + 1:02}" for number in sorted(months)]
    return Changes(number, pl.concat(replaced), names)


def _month(column: str, timezone: str) -> pl.Expr:
    """Months since year 0 of an instant's local day: a number takes less room than its text."""
    local = pl.col(column).dt.convert_time_zone(timezone)
    return local.dt.year().cast(pl.Int32) * 12 + local.dt.month() - 1
