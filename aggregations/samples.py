"""What a file that no preset knows holds: its columns or JSON paths, and their values, read as a preset would read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from aggregations.decoding import loaded
from aggregations.looks import is_value
from aggregations.mapping import Read
from aggregations.nearness import header_roles, lists_tickets
from aggregations.reading import read_raw
from aggregations.referential import normal_labels
from aggregations.sources import Source, plain_text
from aggregations.unpacking import copied, unreadable

_ROWS = 100_000  # enough to see that a day goes beyond 12
_SHAPES = 1000  # documents whose keys are looked at
_COLUMNS = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file. `headers` name the columns of `rows`, in the same order; of JSON, they are paths."""

    source: Source
    read: Read  # what the draft will say of the file, but for the columns it keeps
    headers: tuple[str, ...]
    rows: pl.DataFrame


def sample(sources: Sequence[Source], scratch: Path) -> Sample:
    """Read the file, sheet or member whose headers say most; `scratch` is a folder of the caller's."""
    best = max(sources, key=lambda source: sum(map(bool, header_roles(list(source.keys)))))
    if best.form in ("table", "workbook") or (best.form == "parquet" and not _nested(best, scratch)):
        read, headers = (
            Read("rows", "table", {}),
            [*dict(zip(normal_labels(best.keys), best.keys, strict=True)).values()],
        )
    else:
        read, headers = _shape(best, scratch)
    read = replace(read, columns={str(i): (header,) for i, header in enumerate(headers[:_COLUMNS])})
    try:
        rows = read_raw(read, [best], {}, scratch).select(read.columns.keys()).head(_ROWS).collect(engine="streaming")
    except pl.exceptions.PolarsError:  # its message may hold a cell
        raise unreadable(best.path) from None
    return Sample(best, read, tuple(headers[:_COLUMNS]), rows)


def _nested(source: Source, scratch: Path) -> bool:
    schema = pl.read_parquet_schema(copied(source.path, source.member, scratch))
    return any(dtype.is_nested() for dtype in schema.values())


def _shape(source: Source, scratch: Path) -> tuple[Read, list[str]]:
    """The paths of JSON documents, and which lists in them are rows."""
    try:
        if source.form == "parquet":
            file = copied(source.path, source.member, scratch)
            documents = pl.scan_parquet(file).head(_SHAPES).collect().to_dicts()
        else:
            documents = [*islice(loaded(plain_text(source, scratch), source), _SHAPES)]
    except (pl.exceptions.PolarsError, UnicodeError, ValueError, RecursionError):
        raise unreadable(source.path) from None
    kinds: dict[str, set[str]] = {}
    lists = Counter[str]()
    for document in documents:
        _walk(document, "", kinds, lists)
    # What comes now as a text, now as an object, has no path that a preset could state.
    loose = tuple(path for path, seen in kinds.items() if len(seen) > 1)
    whole = {
        p: seen
        for p, seen in kinds.items()
        if not any(p == bad or p.startswith((f"{bad}.", f"{bad}[")) for bad in loose)
    }
    explode = _rows(Counter({path: n for path, n in lists.items() if path in whole}), alone=len(documents) == 1)
    leaves = [path for path, seen in whole.items() if seen == {"value"}]
    wanted = [path.replace("[]", "") for path in leaves if "[]" not in _relative(path, explode)]
    while explode and not any(path.startswith(f"{explode[-1]}.") for path in wanted):
        explode.pop()
        wanted = [path.replace("[]", "") for path in leaves if "[]" not in _relative(path, explode)]
    read = Read("rows", "json", {}, explode=tuple(explode))
    if source.form == "pages":
        read = replace(read, records=(source.place,))
    return read, wanted


def _walk(value: Any, path: str, kinds: dict[str, set[str]], lists: Counter[str]) -> None:
    """Note what lies at each path, and count the objects of each list; a path goes through a list as `key[]`."""
    if path and value is not None:
        kind = "object" if isinstance(value, dict) else "list" if isinstance(value, list) else "value"
        kinds.setdefault(path, set()).add(kind)
    if isinstance(value, dict):
        for key, below in value.items():
            # A name that a path cannot hold is left out, and so is what looks like a value: an object by address or day.
            if key.strip() and not set(".[]#|") & set(key) and not is_value(key):
                _walk(below, f"{path}.{key}" if path else key, kinds, lists)
    elif isinstance(value, list) and path:
        objects = [one for one in value if isinstance(one, dict)]
        lists[path] += len(objects)
        for one in objects:
            _walk(one, f"{path}[]", kinds, lists)


def _rows(lists: Counter[str], *, alone: bool) -> list[str]:
    """The lists that become rows: of tickets by their name, or the longest of a document that is alone."""
    explode: list[str] = []
    while True:
        plain = {path: path.replace("[]", "") for path in lists if "[]" not in _relative(path, explode)}
        inside = [p for p, name in plain.items() if name not in explode and name.startswith((*explode[-1:], "")[0])]
        inside = [p for p in inside if lists[p]]
        named = [p for p in inside if lists_tickets(plain[p].rsplit(".", 1)[-1])]
        choice = max(named or (inside if alone and not explode else []), key=lambda path: lists[path], default=None)
        if choice is None:
            return explode
        explode.append(plain[choice])


def _relative(path: str, explode: Iterable[str]) -> str:
    """A path without the lists that have become rows."""
    for done in explode:
        plain = path.replace("[]", "")
        if plain == done or plain.startswith(f"{done}."):
            path = path.replace("[]", "", 1)
    return path
