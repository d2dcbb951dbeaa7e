"""JSON, or a Parquet file of nested columns, into documents: the fields that a preset reads, and no other.

Polars decodes the names that it is told. Where those are not known before (`keyed`), or the same value comes in
several shapes (`loose`), Python decodes first and writes what Polars then reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from aggregations.mapping import Read
from aggregations.sources import Source, plain_text
from aggregations.unpacking import copied, new_file, unreadable


def documents_of(read: Read, source: Source, schema: dict[str, Any], scratch: Path) -> pl.LazyFrame:
    """Decode the fields of a schema; what is missing is null, numbers become text. A Fault names a damaged file."""
    try:
        if source.form == "parquet":
            return _completed(pl.scan_parquet(copied(source.path, source.member, scratch)), schema)
        path = plain_text(source, scratch)
        if read.keyed or read.loose:
            shaped = new_file(scratch, "ndjson")
            with shaped.open("w", encoding="utf-8") as file:
                for one in loaded(path, source):
                    if isinstance(one, dict):
                        listed = _listed(one, read.keyed)
                        file.write(json.dumps(_fit(listed, pl.Struct(schema)) if read.loose else listed) + "\n")
            return pl.scan_ndjson(shaped, schema=schema) if read.loose else pl.read_ndjson(shaped, schema=schema).lazy()
        if source.form == "ndjson":
            return pl.scan_ndjson(path, schema=schema)
        if source.form == "pages":
            pages = pl.read_json(path, schema={source.place: pl.List(pl.Struct(schema))})
            return pages.explode(source.place, empty_as_null=False).unnest(source.place).lazy()
        return pl.read_json(path, schema=schema).lazy()
    except (pl.exceptions.PolarsError, UnicodeError, ValueError, RecursionError):
        raise unreadable(source.path) from None


def loaded(path: Path, source: Source) -> Iterator[Any]:
    """Decode the records of a text of JSON one by one, as Python sees them."""
    with path.open(encoding="utf-8") as file:
        if source.form == "ndjson":
            yield from (json.loads(line) for line in file if line.strip())
        else:
            whole = json.load(file)
            yield from whole[source.place] if source.form == "pages" else [whole] if source.form == "object" else whole


def _listed(document: Any, keyed: Sequence[str]) -> Any:
    """Put lists where the paths of `keyed` have objects with a key a record: `{"12": {…}, "13": {…}}`."""
    for path in keyed:
        document = _values_at(document, path.split("."))
    return document


def _values_at(value: Any, parts: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_values_at(one, parts) for one in value]
    if not isinstance(value, dict):
        return value
    if not parts:
        return [one for one in value.values() if isinstance(one, (dict, list))]
    return {k: _values_at(v, parts[1:]) if k == parts[0] else v for k, v in value.items()}


def _fit(found: Any, dtype: Any) -> Any:
    """A value in exactly the shape of a type: alone where it came in a list, in a list where it came alone."""
    if found is None:
        return None
    if isinstance(dtype, pl.List):
        return [_fit(one, dtype.inner) for one in (found if isinstance(found, list) else [found])]
    if isinstance(found, list):
        return _fit(found[0], dtype) if found else None
    if isinstance(dtype, pl.Struct):
        # A text where one of several languages is expected is the first.
        below = found if isinstance(found, dict) else {dtype.fields[0].name: found}
        return {field.name: _fit(below.get(field.name), field.dtype) for field in dtype.fields}
    if isinstance(found, dict):
        return found.get("@value", found.get("@id"))
    return found if isinstance(found, str) else json.dumps(found)


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
