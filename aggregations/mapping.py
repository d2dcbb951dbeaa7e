"""A preset: everything known of one system's export, as data (`aggregations/presets/*.toml`).

`reads` say what the files are and which of their columns or JSON paths are used; `emits` say which
canonical record a row becomes. Code knows no vendor. `neutral.toml` shows most of what can be said; `conditions`
explains what may stand in a `when`, `documents` the paths into JSON.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from aggregations.persons import Domain
from aggregations.values import MoneyUnit
from privacy.errors import Fault

When = dict[str, tuple[str, ...]]  # column -> values it may have: see `conditions`


@dataclass(frozen=True, slots=True)
class Field:
    """Where one canonical column comes from: the first of `columns` that is filled, or a constant."""

    columns: tuple[str, ...] = ()
    constant: str | None = None
    join: str | None = None  # put all columns together with this between them
    replace: tuple[tuple[str, str], ...] = ()  # patterns taken out of the text first
    split: str | None = None  # pattern: each part of the text is a label of its own
    words: Mapping[str, str] | None = None  # the format's own codes
    crosswalk: bool = True  # then the common words
    formats: tuple[str, ...] = ("iso", "fr")
    zone: str = "venue"  # of times written without one
    unit: MoneyUnit = "euros"
    rules: tuple[tuple[When, str], ...] = ()  # the first that holds gives the value
    where: When | None = None  # of a number: read in these rows only (money of one currency)
    minus: tuple[str, ...] = ()  # of a number: less these columns


@dataclass(frozen=True, slots=True)
class Join:
    """Columns of another read, added by equal keys; without that file they are empty.

    Without keys, what a file of one line says is said of all rows; a longer file says nothing.
    """

    read: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    keep: dict[str, str]  # column added -> column there
    where: When


@dataclass(frozen=True, slots=True)
class Read:
    """One kind of file. A header or JSON key in `has` may offer alternatives: `order_id|order_ref`."""

    name: str
    kind: Literal["table", "json", "lines"]
    has: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]  # our name -> headers or JSON paths it may have
    explode: tuple[str, ...] = ()  # JSON lists whose elements become rows
    of: str | None = None  # read again from the files of that read
    unless: str | None = None  # ignored beside files of that read: they list the same records
    records: tuple[str, ...] = ("results", "data")  # members that list the records, where they come inside an answer
    keyed: tuple[str, ...] = ()  # JSON objects with a key a record, in place of a list
    main: bool = True  # its presence makes an export of this system; others are companions
    joins: tuple[Join, ...] = ()
    pattern: str | None = None  # of lines: what its named groups find are the columns
    split: Mapping[str, str] = field(default_factory=dict[str, str])  # column of a table -> between values: a row each
    loose: bool = False  # JSON-LD: a value may come alone or in a list, a text alone or by language


@dataclass(frozen=True, slots=True)
class Emit:
    """One canonical record for each row of a read that `where` selects and no `drop` takes out.

    A preset may name several reads: then there is one such emit for each.
    """

    frame: Literal["transactions", "interactions", "counts", "programme"]
    read: str
    row: tuple[str, ...]  # columns that make the vendor's own identity of the row
    fields: dict[str, tuple[Field, ...]]
    part: str = ""  # tells records made of one row apart
    row_else: tuple[str, ...] = ()  # where those are empty; equal rows are then told apart by number
    numbered: bool = False  # rows of one identity are all different (a duo booking), not repeated
    order: tuple[str, ...] = ()
    performance: tuple[str, ...] = ()
    performance_else: tuple[str, ...] = ()
    title: tuple[Field, ...] = ()  # with the time it starts, the performance in whichever system; else as above
    event: tuple[str, ...] = ()
    person: tuple[tuple[tuple[str, ...], Domain], ...] = ()
    daily: tuple[str, ...] = ()  # columns that, all of them and the day, make a visitor: another one tomorrow
    where: When | None = None
    drop: tuple[tuple[When, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Preset:
    """One source system."""

    name: str
    title: str
    consent_regime: str
    reads: dict[str, Read]
    emits: tuple[Emit, ...]


@cache
def presets() -> dict[str, Preset]:
    """Return the presets by name, in alphabetical order."""
    folder = files("aggregations") / "presets"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {n.removesuffix(".toml"): _preset(n.removesuffix(".toml"), (folder / n).read_text("utf-8")) for n in names}


def preset(name: str) -> Preset:
    """Return the preset of that name, or a Fault naming the ones there are."""
    if name not in presets():
        known = ", ".join(presets())
        raise Fault(
            f"There is no preset of that name; there are {known}.", f"Pas de préréglage de ce nom ; il y a {known}."
        )
    return presets()[name]


def _preset(name: str, text: str) -> Preset:
    raw = tomllib.loads(text)
    reads = {key: _read(key, value) for key, value in raw["reads"].items()}
    emits = tuple(_emit({**e, "read": read}) for e in raw["emits"] for read in _texts(e["read"]))
    return Preset(name, raw["title"], raw["consent_regime"], reads, emits)


def _read(name: str, raw: dict[str, Any]) -> Read:
    columns = {key: _texts(value) for key, value in raw.pop("columns").items()}
    joins = tuple(
        Join(j["read"], _texts(j["left"]), _texts(j["right"]), j["keep"], _when(j.get("where", {})))
        for j in raw.pop("joins", [])
    )
    for key in ("has", "explode", "keyed"):
        raw[key] = _texts(raw.get(key, []))
    if "records" in raw:
        raw["records"] = _texts(raw["records"])
    return Read(name=name, columns=columns, joins=joins, **raw)


def _emit(raw: dict[str, Any]) -> Emit:
    for key in ("row", "row_else", "order", "performance", "performance_else", "event", "daily"):
        raw[key] = _texts(raw.get(key, []))
    raw["title"] = _fields(raw["title"]) if "title" in raw else ()
    raw["fields"] = {key: _fields(value) for key, value in raw["fields"].items()}
    raw["person"] = tuple((_texts(p["columns"]), p["domain"]) for p in raw.get("person", []))
    raw["where"] = _when(raw["where"]) if "where" in raw else None
    raw["drop"] = tuple((_when(d["when"]), d["reason"]) for d in raw.get("drop", []))
    return Emit(**raw)


def _fields(raw: Any) -> tuple[Field, ...]:
    return tuple(_field(one) for one in (raw if isinstance(raw, list) else [raw]))


def _field(raw: Any) -> Field:
    if isinstance(raw, str):
        return Field(columns=(raw,))
    given: dict[str, Any] = dict(raw)
    for key in ("columns", "formats", "minus"):
        if key in given:
            given[key] = _texts(given[key])
    given["replace"] = tuple((a, b) for a, b in given.get("replace", []))
    given["rules"] = tuple((_when(r["when"]), r["is"]) for r in given.get("rules", []))
    given["where"] = _when(given["where"]) if "where" in given else None
    return Field(**given)


def _when(raw: Mapping[str, Any]) -> When:
    return {column: _texts(values) for column, values in raw.items()}


def _texts(raw: Any) -> tuple[str, ...]:
    return (raw,) if isinstance(raw, str) else tuple(raw)
