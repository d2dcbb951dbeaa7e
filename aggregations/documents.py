"""JSON documents into raw rows: the paths a preset names, each a text column.

A path is keys with dots between them: `order.email`. After a key that holds a list, `[0]` is its first element, `[*]`
all of them put together with `|`, `[key=page_title]` the one whose `key` is that. A list in `explode` becomes rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from aggregations.mapping import Read

_Tree = dict[str, "_Tree"]  # key -> what is read below it; "[]" after a list


def schema_of(read: Read) -> dict[str, Any]:
    """Return the fields of a document that the preset reads, and no other."""
    tree: _Tree = {}
    for alternatives in read.columns.values():
        for path in alternatives:
            if not path.startswith("#"):
                _grow(tree, list(_steps(path)))
    return {key: _dtype(below, key, read.explode) for key, below in tree.items()}


def rows_of(read: Read, documents: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row a document, or an element of its exploded lists, with `_line` and `_n`."""
    rows = documents.with_row_index("_line", offset=1).with_columns(pl.col("_line").cast(pl.Int64))
    for depth, path in enumerate(read.explode):
        # each element becomes a row; an empty list becomes none
        rows = rows.with_columns(_list=_walk(path, read.explode[:depth]))
        rows = rows.filter(pl.col("_list").list.len() > 0)
        counted = pl.int_ranges(1, pl.col("_list").list.len() + 1).alias(f"#{path}")
        rows = rows.with_columns(counted).explode("_list", f"#{path}").rename({"_list": f"@{path}"})
    columns = [
        pl.coalesce(_leaf(path, read.explode) for path in alternatives).alias(name)
        for name, alternatives in read.columns.items()
    ]
    return rows.select("_line", *columns).with_row_index("_n")


def _steps(path: str) -> Iterator[str]:
    """Keys of a path, each selector a step of its own, beginning with `[`."""
    for part in path.split("."):
        key, bracket, selector = part.partition("[")
        yield key
        if bracket:
            yield f"[{selector}"


def _grow(tree: _Tree, steps: list[str]) -> None:
    for step in steps:
        if not step.startswith("["):
            tree = tree.setdefault(step, {})
            continue
        tree = tree.setdefault("[]", {})
        key, equal, _ = step[1:-1].partition("=")
        if equal:
            tree.setdefault(key, {})


def _dtype(tree: _Tree, path: str, explode: Sequence[str]) -> Any:
    if "[]" in tree:
        return pl.List(_dtype(tree["[]"], f"{path}[]", explode))
    inner = pl.Struct({k: _dtype(v, f"{path}.{k}", explode) for k, v in tree.items()}) if tree else pl.String()
    return pl.List(inner) if path in explode else inner


def _walk(path: str, exploded: Iterable[str]) -> pl.Expr:
    """The value at a path, starting from the deepest list on it that has been made rows."""
    for start in sorted(exploded, key=len, reverse=True):
        if path == start or path.startswith((f"{start}.", f"{start}[")):
            expression, rest = pl.col(f"@{start}"), path[len(start) :].lstrip(".")
            break
    else:
        first, *others = _steps(path)
        expression, rest = pl.col(first), "".join(o if o.startswith("[") else f".{o}" for o in others).lstrip(".")
    for step in _steps(rest) if rest else []:
        if step:
            expression = _selected(expression, step[1:-1]) if step[0] == "[" else expression.struct.field(step)
    return expression


def _selected(elements: pl.Expr, selector: str) -> pl.Expr:
    key, equal, value = selector.partition("=")
    if equal:
        wanted = pl.element().struct.field(key).cast(pl.String) == value
        return elements.list.eval(pl.element().filter(wanted)).list.first()
    if selector == "*":
        return elements.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)
    return elements.list.get(int(selector), null_on_oob=True)


def _leaf(path: str, explode: Sequence[str]) -> pl.Expr:
    text = (pl.col(path) if path.startswith("#") else _walk(path, explode)).cast(pl.String)
    text = text.str.strip_chars(" \t\r\n\u00a0\u202f")
    return pl.when(text != "").then(text)
