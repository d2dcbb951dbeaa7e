"""A strange word planted in every raw column of an export, and a search for it in everything a home holds."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

WORD = "ornithorynque"
EMAIL = re.compile(rb"[a-z0-9._%+-]{3,}@[a-z0-9-]{3,}\.[a-z]{2,}", re.IGNORECASE)  # long enough not to be chance


def plant(export: Path) -> int:
    """Plant the word in a copy of a row for each column that can hold it; return how many columns."""
    if export.is_dir():
        return sum(plant(file) for file in export.iterdir())
    return {".json": _json, ".csv": _csv, ".parquet": _parquet}[export.suffix](export)


def _json(file: Path) -> int:
    whole = json.loads(file.read_text("utf-8"))
    records = whole if isinstance(whole, list) else [whole]
    paths = [p for p in _leaves(records[0]) if p[-1] not in ("testmode", "addon_to")] if records else []
    planted = []
    for i, path in enumerate(paths):
        copy = json.loads(json.dumps(records[i % len(records)]))
        if _set(copy, path):
            planted.append(copy)
    if isinstance(whole, list):
        file.write_text(json.dumps(records + planted), "utf-8")
    return len(planted)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return _leaves(value[0], (*path, 0)) if value else []
    return [path] if isinstance(value, str) else []  # a number or a flag cannot hold a word


def _set(record: Any, path: tuple[Any, ...]) -> bool:
    for key in path[:-1]:
        if isinstance(record, list) and len(record) <= key:
            return False
        record = record[key]
        if record is None:
            return False
    if not isinstance(record, dict | list) or (isinstance(record, list) and not record):
        return False
    now = str(record.get(path[-1], "")) if isinstance(record, dict) else str(record[path[-1]])
    record[path[-1]] = f"{WORD}@example.org" if "@" in now else WORD
    return True


def _csv(file: Path) -> int:
    text = file.read_text("utf-8")
    delimiter = max(";,\t", key=text.split("\n", 1)[0].count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    for column in range(len(rows[0])):
        copy = list(rows[1 + column % (len(rows) - 1)])
        copy[column] = f"{WORD}@example.org" if "@" in copy[column] else WORD
        rows.append(copy)
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    file.write_text(out.getvalue(), "utf-8")
    return len(rows[0])


def _parquet(file: Path) -> int:
    frame = pl.read_parquet(file)
    columns = [c for c, t in frame.schema.items() if t == pl.String]
    copies = [frame.slice(i, 1).with_columns(pl.lit(WORD).alias(c)) for i, c in enumerate(columns)]
    pl.concat([frame, *copies]).write_parquet(file)
    return len(columns)


def contents(home: Path) -> dict[str, bytes]:
    """Everything under a home but the venues' inboxes: bytes as they lie, and what compressed files hold."""
    found: dict[str, bytes] = {}
    for path in sorted(p for p in home.rglob("*") if p.is_file()):
        name = path.relative_to(home).as_posix()
        if re.match(r"venues/[^/]+/inbox/", name):
            continue
        found[name] = name.encode() + b"\n" + path.read_bytes()
        if path.suffix == ".parquet":
            found[name] += pl.read_parquet(path).select(pl.col(pl.String)).write_csv().encode()
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as db:
                for schema, table in db.sql("select schema_name, table_name from duckdb_tables()").fetchall():
                    found[f"{name}:{table}"] = db.sql(f'from "{schema}"."{table}"').pl().to_pandas().to_csv().encode()
    return found
