"""Files of an export into raw rows, block by block but for JSON lists and workbooks, which are decoded in memory.

Parquet is scanned; CSV, lines and JSON lines are decoded into the caller's scratch folder, by way of UTF-8 text where they
are packed or written otherwise. Raw rows have the columns a preset names, plus `_file` (its number), `_line` (line of a
table, record of a JSON list, from 1) and `_n` (unique). Polars' own messages hold cells, so none passes through here.
"""

from __future__ import annotations

import codecs
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from aggregations.conditions import holds
from aggregations.documents import fitted, rows_of, schema_of
from aggregations.mapping import Read
from aggregations.referential import normal_labels
from aggregations.unpacking import copied, unpacked, unreadable
from aggregations.values import clean

_SHIFT = 1 << 40  # rows of one file
_CHUNK = 1 << 20
_JSON = ("list", "pages", "object", "ndjson")
_NULLS = [r"\N", "NULL"]  # what databases write for nothing


@dataclass(frozen=True, slots=True)
class Source:
    """One file or member of an archive, as its bytes show it; keys are headers, of JSON those of the first records."""

    path: Path
    form: str  # table, workbook, parquet, lines (text, by a pattern), list, pages, object or ndjson
    encoding: str
    delimiter: str
    keys: tuple[str, ...]
    packing: str = ""  # gzip or zip
    member: str = ""  # of a zip archive
    place: str = ""  # sheet of a workbook; key of the list in pages

    @property
    def name(self) -> str:
        """What to call it: the file's name and, of an archive, the member's."""
        return f"{self.path.name}/{PurePosixPath(self.member).name}" if self.member else self.path.name


def read_raw(read: Read, sources: Sequence[Source], others: dict[str, pl.LazyFrame], scratch: Path) -> pl.LazyFrame:
    """Return the raw rows of the files of one read, with the columns of its joins; `scratch` must outlive them."""
    parts = [_part(read, source, number, scratch) for number, source in enumerate(sources)]
    rows = pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]
    for join in read.joins:
        if join.read not in others:
            rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in join.keep)
            continue
        there = others[join.read].filter(holds(join.where))
        # One value a key, chosen by its content, so that the order of the file does not matter.
        there = there.group_by(pl.col(c).alias(f"_key{i}") for i, c in enumerate(join.right)).agg(
            pl.col(column).min().alias(name) for name, column in join.keep.items()
        )
        keys = [f"_key{i}" for i in range(len(join.right))]
        rows = rows.join(there, left_on=list(join.left), right_on=keys, how="left", maintain_order="left")
    return rows


def _plain(source: Source, scratch: Path) -> Path:
    """Return a file of UTF-8 text: the source, or a copy of it made block by block."""
    with source.path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
    marked = source.form != "table" and head == codecs.BOM_UTF8  # Polars knows the mark in tables only
    if source.encoding == "utf-8" and not marked and not source.packing:
        return source.path
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    copy = _new(scratch, "txt")
    with (
        unpacked(source.path, source.member) as packed,
        io.TextIOWrapper(packed, encoding=encoding, errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as plain,
    ):
        shutil.copyfileobj(file, plain, _CHUNK)
    return copy


def _new(scratch: Path, kind: str) -> Path:
    return scratch / f"{len(list(scratch.iterdir()))}.{kind}"


def _part(read: Read, source: Source, number: int, scratch: Path) -> pl.LazyFrame:
    if read.kind == "json":
        rows = rows_of(read, _documents(read, source, scratch))
    elif source.form == "lines":
        rows = _lines(read, source, scratch)
    else:
        rows = _table(read, source, scratch)
    if source.form in ("table", "lines", "ndjson"):
        # Text is decoded in small blocks, each of which costs the steps that follow as much as a large one.
        decoded = _new(scratch, "parquet")
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
            frame = _sheet(source, scratch).with_row_index("_n").lazy()
        else:
            frame = pl.scan_csv(
                _plain(source, scratch),
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


def _sheet(source: Source, scratch: Path) -> pl.DataFrame:
    """Every cell as text, as a column may hold numbers, dates and words at once."""
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


# --- lines and documents ----------------------------------------------------------------------------


def _lines(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    """Text lines by the pattern of the read; one that does not follow it is a row without values."""
    assert read.pattern is not None
    rows = pl.scan_lines(_plain(source, scratch), name="line").with_row_index("_n").with_columns(
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


def _documents(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    """Decode the fields of a schema and no other; what is missing is null, numbers become text."""
    schema = schema_of(read)
    try:
        if source.form == "parquet":
            return _completed(pl.scan_parquet(copied(source.path, source.member, scratch)), schema)
        path = _plain(source, scratch)
        if read.loose:
            plain = _new(scratch, "ndjson")
            with plain.open("w", encoding="utf-8") as file:
                fit = (fitted(one, schema) for one in _loaded(path, source))
                file.writelines(json.dumps(one) + "\n" for one in fit if one is not None)
            return pl.scan_ndjson(plain, schema=schema)
        if source.form == "ndjson":
            return pl.scan_ndjson(path, schema=schema)
        if source.form == "pages":
            pages = pl.read_json(path, schema={source.place: pl.List(pl.Struct(schema))})
            return pages.explode(source.place, empty_as_null=False).unnest(source.place).lazy()
        return pl.read_json(path, schema=schema).lazy()
    except (pl.exceptions.PolarsError, UnicodeError, ValueError, RecursionError):
        raise unreadable(source.path) from None


def _loaded(path: Path, source: Source) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        if source.form == "ndjson":
            yield from (json.loads(line) for line in file if line.strip())
        else:
            whole = json.load(file)
            yield from whole[source.place] if source.form == "pages" else [whole] if source.form == "object" else whole


def _completed(frame: pl.LazyFrame, schema: dict[str, Any]) -> pl.LazyFrame:
    """Add the fields that a Parquet file lacks; those it has keep their types until they are text."""
    there = frame.collect_schema()
    return frame.select(
        _as(pl.col(n) if n in there else pl.lit(None), there.get(n), t).alias(n) for n, t in schema.items()
    )


def _as(value: pl.Expr, there: Any, wanted: Any) -> pl.Expr:
    if isinstance(there, pl.Struct) and isinstance(wanted, pl.Struct):
        known = {field.name: field.dtype for field in there.fields}
        fields = [
            _as(value.struct.field(f.name) if f.name in known else pl.lit(None), known.get(f.name), f.dtype).alias(
                f.name
            )
            for f in wanted.fields
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if isinstance(there, pl.List) and isinstance(wanted, pl.List):
        return value.list.eval(_as(pl.element(), there.inner, wanted.inner))
    return value.cast(wanted)
