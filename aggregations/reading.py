"""Files of an export into raw rows, block by block but for JSON lists and workbooks, which are decoded in memory.

Parquet is scanned; CSV, lines and JSON lines are decoded into the caller's scratch folder, by way of UTF-8 text where they
are packed or written otherwise. Raw rows have the columns a preset names, plus `_file` (its number), `_line` (line of a
table, record of a JSON list, from 1) and `_n` (unique). Polars' own messages hold cells, so none passes through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from aggregations.decoding import documents_of
from aggregations.documents import rows_of, schema_of
from aggregations.joins import joined
from aggregations.mapping import Read
from aggregations.referential import normal_labels
from aggregations.sources import Source, plain_text
from aggregations.unpacking import copied, new_file, unreadable
from aggregations.values import clean

_SHIFT = 1 << 40  # rows of one file
_NULLS = [r"\N", "NULL"]  # what databases write for nothing


def read_raw(read: Read, sources: Sequence[Source], others: dict[str, pl.LazyFrame], scratch: Path) -> pl.LazyFrame:
    """Return the raw rows of the files of one read, with the columns of its joins; `scratch` must outlive them."""
    parts = [_part(read, source, number, scratch) for number, source in enumerate(sources)]
    rows = pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]
    return joined(rows, read.joins, others)


def _part(read: Read, source: Source, number: int, scratch: Path) -> pl.LazyFrame:
    if read.kind == "json":
        rows = rows_of(read, documents_of(read, source, schema_of(read), scratch))
    elif source.form == "lines":
        rows = _lines(read, source, scratch)
    else:
        rows = _table(read, source, scratch)
    if source.form in ("table", "lines", "ndjson"):
        # Text is decoded in small blocks, each of which costs the steps that follow as much as a large one.
        decoded = new_file(scratch, "parquet")
        rows.sink_parquet(decoded, compression="lz4", engine="streaming")
        rows = pl.scan_parquet(decoded)
    return rows.with_columns(_file=pl.lit(number, pl.UInt16), _n=pl.col("_n").cast(pl.Int64) + number * _SHIFT)


# --- tables -----------------------------------------------------------------------------------------


def _table(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    first = 1 if source.form == "parquet" else 2
    try:
        if source.form == "parquet":
            frame = pl.scan_parquet(copied(source.path, source.member, scratch), row_index_name="_n")
        elif source.form == "workbook":
            frame = workbook_sheet(source, scratch).with_row_index("_n").lazy()
        else:
            frame = pl.scan_csv(
                plain_text(source, scratch),
                separator=source.delimiter,
                infer_schema=False,
                row_index_name="_n",
                truncate_ragged_lines=True,
                null_values=_NULLS,
            )
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        raise unreadable(source.path) from None
    chosen = match_headers(read, [name for name in schema if name != "_n"])
    columns = [_column(header, schema[header]).alias(name) for name, header in chosen.items()]
    empty = [pl.lit(None, pl.String).alias(name) for name in read.columns if name not in chosen]
    rows = frame.select("_n", (pl.col("_n").cast(pl.Int64) + first).alias("_line"), *columns, *empty)
    for name, separator in read.split.items():
        rows = rows.with_columns(pl.col(name).str.split(separator)).explode(name).drop("_n").with_row_index("_n")
    return rows


def _column(header: str, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_numeric() or dtype.is_temporal():
        return pl.col(header)
    return pl.col(header).bin.encode("hex") if dtype == pl.Binary else clean(header, dtype)


def workbook_sheet(source: Source, scratch: Path) -> pl.DataFrame:
    """Return every cell of a sheet as text, as a column may hold numbers, dates and words at once."""
    import fastexcel

    try:
        workbook = fastexcel.read_excel(copied(source.path, source.member, scratch))
        return workbook.load_sheet(source.place, dtypes="string").to_polars()
    except fastexcel.FastExcelError:
        raise unreadable(source.path) from None


def match_headers(read: Read, headers: Sequence[str]) -> dict[str, str]:
    """Return our column name -> the header of the file that carries it."""
    known: dict[str, str] = {}
    for header, label in zip(headers, normal_labels(headers), strict=True):
        known.setdefault(label, header)
    chosen: dict[str, str] = {}
    for name, alternatives in read.columns.items():
        found = [known[label] for label in normal_labels(alternatives) if label in known]
        if found:
            chosen[name] = found[0]
    return chosen


# --- lines ------------------------------------------------------------------------------------------


def _lines(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    """Text lines by the pattern of the read; one that does not follow it is a row without values."""
    assert read.pattern is not None
    rows = pl.scan_lines(plain_text(source, scratch), name="line").with_row_index("_n").with_columns(
        found=pl.col("line").str.extract_groups(read.pattern)
    ).filter(pl.col("line").str.strip_chars() != "")  # fmt: skip
    groups = match_headers(read, source.keys)
    texts = [
        pl.col("found").struct.field(groups[name]).str.strip_chars().alias(name)
        if name in groups
        else pl.lit(None, pl.String).alias(name)
        for name in read.columns
    ]
    rows = rows.select("_n", (pl.col("_n").cast(pl.Int64) + 1).alias("_line"), *texts)
    return rows.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in read.columns)
