"""A table of an export with all its columns, as text, for someone to correct; `reading` takes only those a preset names."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from aggregations.reading import workbook_sheet
from aggregations.sources import Source, plain_text
from aggregations.unpacking import copied, unreadable


def text_table(source: Source, scratch: Path) -> pl.LazyFrame:
    """Return all columns of a CSV, workbook or Parquet table as text, in their order; a Fault names a damaged file."""
    try:
        if source.form == "workbook":
            return workbook_sheet(source, scratch).lazy()
        if source.form == "parquet":
            frame = pl.scan_parquet(copied(source.path, source.member, scratch))
            return frame.select(_written(name, dtype) for name, dtype in frame.collect_schema().items())
        text = plain_text(source, scratch)
        frame = pl.scan_csv(text, separator=source.delimiter, infer_schema=False, truncate_ragged_lines=True)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        raise unreadable(source.path) from None
    return frame


def _written(name: str, dtype: pl.DataType) -> pl.Expr:
    """Write out a typed column so that it is read again as the same value."""
    if isinstance(dtype, pl.Datetime):
        instant = pl.col(name).dt.convert_time_zone("UTC") if dtype.time_zone else pl.col(name)
        return instant.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f" + ("+00:00" if dtype.time_zone else ""))
    return pl.col(name).bin.encode("hex") if dtype == pl.Binary else pl.col(name).cast(pl.String)
