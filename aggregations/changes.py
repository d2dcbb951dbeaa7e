"""What an export changes in what the venue holds: only that is written, with the versions it replaces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.records import instant_of, reference_of
from aggregations.schema import FRAMES, REPLACED
from aggregations.tally import BUCKET


@dataclass(frozen=True, slots=True)
class Changes:
    """What one frame of an export changes. `replaced`: see `schema.REPLACED`; `months`: local, "2025-10", sorted."""

    rows: int
    replaced: pl.DataFrame
    months: list[str]


def write_changes(rows: pl.LazyFrame, held: pl.LazyFrame, frame: str, timezone: str, path: Path) -> Changes:
    """Write the rows that `held` has not, or has otherwise, to `path` (no file where there is none).

    Rows are equal when all their columns are, but for their line in the export. References and digests of content are
    compared bucket by bucket, so that memory does not grow with the store.
    """
    reference, month = reference_of(frame), _month(instant_of(frame), timezone)
    content = pl.struct(name for name in FRAMES[frame] if name not in ("source_row", reference)).hash()
    ours = rows.select(reference, content=content, month=month)
    theirs = held.select(reference, "seq", held=content, month_held=month)
    lengths = pl.collect_all([ours.select(pl.len()), theirs.select(pl.len())], engine="streaming")
    buckets = max(-(-sum(length.item() for length in lengths) // BUCKET), 1)
    parts: list[Path] = []
    replaced, months, number = [pl.DataFrame(schema=REPLACED)], set[int](), 0
    for bucket in range(buckets):
        here = pl.col(reference) % buckets == bucket
        both = ours.filter(here).join(theirs.filter(here), on=reference, how="left")
        changed = both.filter(pl.col("content").ne_missing(pl.col("held"))).drop("content", "held")
        found = changed.collect(engine="streaming")
        if found.is_empty():
            continue
        number += found.height
        months |= {*found["month"].unique(), *found["month_held"].drop_nulls().unique()}
        replaced.append(found.drop_nulls("seq").select("seq", ref=reference))
        parts.append(path.with_name(f"{path.stem}-{bucket}.parquet"))
        wanted = found.lazy().select(reference)
        whole = rows.filter(here).join(wanted, on=reference, how="semi").select(FRAMES[frame].keys())
        whole.sink_parquet(parts[-1], compression="zstd", engine="streaming")
    if len(parts) == 1:
        parts[0].rename(path)
    elif parts:
        pl.scan_parquet(parts).sink_parquet(path, compression="zstd", engine="streaming")
        for part in parts:
            part.unlink()
    written = [f"{number // 12:04}-{number % 12 + 1:02}" for number in sorted(months)]
    return Changes(number, pl.concat(replaced), written)


def _month(column: str, timezone: str) -> pl.Expr:
    """Months since year 0 of an instant's local day: a number takes less room than its text."""
    local = pl.col(column).dt.convert_time_zone(timezone)
    return local.dt.year().cast(pl.Int32) * 12 + local.dt.month() - 1
