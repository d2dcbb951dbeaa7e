"""Files of an export into raw rows, block by block but for JSON lists, which are decoded in memory.

Parquet is scanned; CSV and JSON lines are decoded into the caller's scratch folder, by way of UTF-8 text where they are
packed or written otherwise. Raw rows have the columns a preset names, plus `_file` (its number), `_line` (line of a
table, record of a JSON list, from 1) and `_n` (unique). Polars' own messages hold cells, so none passes through here.
"""

from __future__ import annotations

import codecs
import gzip
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from aggregations.catalogues import listed
from aggregations.mapping import Read
from aggregations.matching import joined
from aggregations.referential import normal_labels
from aggregations.values import clean
from privacy.errors import Fault

_SHIFT = 1 << 40  # rows of one file
_CHUNK = 1 << 20
_JSON = ("list", "pages", "ndjson", "object")
_GZIP = b"\x1f\x8b"
_DAMAGED = (OSError, EOFError, zlib.error)  # of a packed file


@dataclass(frozen=True, slots=True)
class Source:
    """One file, as its bytes show it: `keys` are headers, `records` the member of pages that lists the records.

    Forms: table, gzip (a packed table), parquet, list, pages, ndjson, and object (one record over several lines).
    """

    path: Path
    form: str
    encoding: str
    delimiter: str
    keys: tuple[str, ...]
    records: str = ""


def read_raw(read: Read, sources: Sequence[Source], others: dict[str, pl.LazyFrame], scratch: Path) -> pl.LazyFrame:
    """Return the raw rows of the files of one read, with the columns of its joins; `scratch` must outlive them."""
    parts = [_part(read, source, number, scratch) for number, source in enumerate(sources)]
    rows = pl.concat(parts, how="diagonal_relaxed") if len(parts) > 1 else parts[0]
    return joined(rows, read.joins, others)


def read_bytes(path: Path, size: int = -1) -> bytes:
    """Return the first bytes of a file, or all, unpacked where it is gzip; a Fault names the file."""
    try:
        with path.open("rb") as plain, gzip.open(path) as packed:
            file = packed if plain.read(2) == _GZIP else plain
            plain.seek(0)
            return file.read(size)
    except _DAMAGED:
        raise _unreadable(path) from None


def encoding_of(path: Path) -> str:
    """Return `utf-8` where all bytes are, else `cp1252` (what French spreadsheets write)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as plain, gzip.open(path) as packed:
            file = packed if plain.read(2) == _GZIP else plain
            plain.seek(0)
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except _DAMAGED:
        raise _unreadable(path) from None
    return "utf-8"


def _plain(source: Source, scratch: Path) -> Path:
    """Return a file of UTF-8 text: the source, or a copy of it made block by block."""
    with source.path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
    marked = source.form in _JSON and head == codecs.BOM_UTF8  # Polars knows the mark in tables only
    if source.encoding == "utf-8" and not marked and not head.startswith(_GZIP):
        return source.path
    opened = gzip.open if head.startswith(_GZIP) else open
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    copy = scratch / f"{len(list(scratch.iterdir()))}.txt"
    try:
        with (
            opened(source.path, "rt", encoding=encoding, errors="replace", newline="") as file,
            copy.open("w", encoding="utf-8", newline="") as plain,
        ):
            shutil.copyfileobj(file, plain, _CHUNK)
    except _DAMAGED:
        raise _unreadable(source.path) from None
    return copy


def _decoded(source: Source, schema: dict[str, Any], scratch: Path) -> pl.LazyFrame:
    """Decode the fields of a schema and no other; what is missing is null, numbers become text."""
    path = _plain(source, scratch)
    try:
        if source.form == "ndjson":
            return pl.scan_ndjson(path, schema=schema)
        if source.form == "pages":
            pages = pl.read_json(path, schema={source.records: pl.List(pl.Struct(schema))})
            return pages.explode(source.records, empty_as_null=False).unnest(source.records).lazy()
        return pl.read_json(path, schema=schema).lazy()
    except (pl.exceptions.PolarsError, UnicodeError, ValueError):
        raise _unreadable(source.path) from None


def _part(read: Read, source: Source, number: int, scratch: Path) -> pl.LazyFrame:
    rows = _json(read, source, scratch) if read.kind == "json" else _table(read, source, scratch)
    if source.form in ("table", "gzip", "ndjson"):
        # Text is decoded in small blocks, each of which costs the steps that follow as much as a large one.
        decoded = scratch / f"{len(list(scratch.iterdir()))}.parquet"
        rows.sink_parquet(decoded, compression="lz4", engine="streaming")
        rows = pl.scan_parquet(decoded)
    return rows.with_columns(_file=pl.lit(number, pl.UInt16), _n=pl.col("_n").cast(pl.Int64) + number * _SHIFT)


def _table(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    try:
        if source.form == "parquet":
            frame = pl.scan_parquet(source.path, row_index_name="_n")
            first = 1
        else:
            frame = pl.scan_csv(
                _plain(source, scratch),
                separator=source.delimiter,
                infer_schema=False,
                row_index_name="_n",
                truncate_ragged_lines=True,
            )
            first = 2
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        raise _unreadable(source.path) from None
    chosen = match_headers(read, [name for name in schema if name != "_n"])
    columns = [
        (pl.col(header) if schema[header].is_numeric() or schema[header].is_temporal() else clean(header, schema[header]))
        .alias(name)
        for name, header in chosen.items()
    ]  # fmt: skip
    empty = [pl.lit(None, pl.String).alias(name) for name in read.columns if name not in chosen]
    return frame.select("_n", (pl.col("_n").cast(pl.Int64) + first).alias("_line"), *columns, *empty)


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


def _json(read: Read, source: Source, scratch: Path) -> pl.LazyFrame:
    tree: dict[str, Any] = {}
    for alternatives in read.columns.values():
        for path in alternatives:
            if not path.startswith("#"):
                _grow(tree, path.split("."))
    if read.keyed:
        copy = scratch / f"{len(list(scratch.iterdir()))}.json"
        try:
            copy.write_text(listed(read_bytes(source.path).decode(source.encoding), read.keyed), "utf-8")
        except ValueError:
            raise _unreadable(source.path) from None
        source = replace(source, path=copy, form="list", encoding="utf-8")
    rows = _decoded(source, {k: _dtype(v, k, read.explode) for k, v in tree.items()}, scratch)
    rows = rows.with_row_index("_line", offset=1).with_columns(pl.col("_line").cast(pl.Int64))
    places: dict[str, pl.Expr] = {name: pl.col(name) for name in tree}
    for depth, path in enumerate(read.explode):
        # each element becomes a row; an empty list becomes none
        rows = rows.with_columns(_list=_walk(places, path, read.explode[:depth]))
        rows = rows.filter(pl.col("_list").list.len() > 0)
        counted = pl.int_ranges(1, pl.col("_list").list.len() + 1).alias(f"#{path}")
        rows = rows.with_columns(counted).explode("_list", f"#{path}").rename({"_list": f"@{path}"})
    columns = [
        pl.coalesce(_leaf(places, path, read.explode) for path in alternatives).alias(name)
        for name, alternatives in read.columns.items()
    ]
    return rows.select("_line", *columns).with_row_index("_n")


def _grow(tree: dict[str, Any], parts: list[str]) -> None:
    for part in parts:
        tree = tree.setdefault(part, {})


def _dtype(tree: dict[str, Any], path: str, explode: Sequence[str]) -> Any:
    inner = pl.Struct({k: _dtype(v, f"{path}.{k}", explode) for k, v in tree.items()}) if tree else pl.String()
    return pl.List(inner) if path in explode else inner


def _walk(places: dict[str, pl.Expr], path: str, exploded: Sequence[str]) -> pl.Expr:
    """The value at a path, starting from the deepest list on it that has been made rows."""
    for start in sorted(exploded, key=len, reverse=True):
        if path == start or path.startswith(f"{start}."):
            expression, rest = pl.col(f"@{start}"), path[len(start) + 1 :]
            break
    else:
        first, _, rest = path.partition(".")
        expression = places[first]
    for part in rest.split(".") if rest else []:
        expression = expression.struct.field(part)
    return expression


def _leaf(places: dict[str, pl.Expr], path: str, explode: Sequence[str]) -> pl.Expr:
    text = pl.col(path).cast(pl.String) if path.startswith("#") else _walk(places, path, explode)
    text = text.str.strip_chars(" \t\r\n\u00a0\u202f")
    return pl.when(text != "").then(text)


def _unreadable(path: Path) -> Fault:
    return Fault(
        f"{path.name} cannot be read: it is damaged or not what its first bytes say. Export it again.",
        f"{path.name} est illisible : abîmé, ou autre chose que ce que disent ses premiers octets. Exportez-le à nouveau.",
    )
