"""A preset: everything known of one system's export, as data (`aggregations/presets/*.toml`).

`reads` say what the files are and which of their columns or JSON paths are used; `emits` say which
canonical record a row becomes. Code knows no vendor. `neutral.toml` shows most of what can be said; `conditions`
explains what may stand in a `when`, `documents` the paths into JSON. What is not said so is refused: `ValidationError`
of an unknown key or of another type; `coherence` tells whether the whole makes sense.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, TypeAdapter

from aggregations.persons import Domain
from aggregations.values import MoneyUnit

_STRICT = ConfigDict(extra="forbid")


def _listed(raw: Any) -> Any:
    """What may be written alone where it is one."""
    return raw if isinstance(raw, list | tuple) else [raw]


def _pairs(first: str, second: str) -> Callable[[Any], Any]:
    def turn(raw: Any) -> Any:
        for one in _listed(raw):
            if not isinstance(one, dict) or one.keys() != {first, second}:
                raise ValueError(f"{{ {first} = …, {second} = … }}")
        return [(one[first], one[second]) for one in _listed(raw)]

    return turn


def _fields(raw: Any) -> Any:
    return [{"columns": one} if isinstance(one, str) else one for one in _listed(raw)]


def _named(raw: Any) -> Any:
    return {k: {**v, "name": k} if isinstance(v, dict) else v for k, v in raw.items()} if isinstance(raw, dict) else raw


def _each_read(raw: Any) -> Any:
    """An emit of several reads is one of each."""
    made: list[Any] = []
    for one in _listed(raw):
        several = isinstance(one, dict) and isinstance(one.get("read"), list)
        made += [{**one, "read": read} for read in one["read"]] if several else [one]
    return made


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
When = dict[str, Texts]  # column -> values it may have: see `conditions`


@dataclass(frozen=True, slots=True)
class Field:
    """Where one canonical column comes from: the first of `columns` that is filled, or a constant."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    columns: Texts = ()
    constant: str | None = None
    join: str | None = None  # put all columns together with this between them
    replace: tuple[tuple[str, str], ...] = ()  # patterns taken out of the text first
    split: str | None = None  # pattern: each part of the text is a label of its own
    words: Mapping[str, str] | None = None  # the format's own codes
    crosswalk: bool = True  # then the common words
    formats: Texts = ("iso", "fr")
    zone: str = "venue"  # of times written without one
    unit: MoneyUnit = "euros"
    rules: Annotated[
        tuple[tuple[When, str], ...], BeforeValidator(_pairs("when", "is"))
    ] = ()  # the first that holds gives the value
    where: When | None = None  # of a number: read in these rows only (money of one currency)
    minus: Texts = ()  # of a number: less these columns


@dataclass(frozen=True, slots=True)
class Join:
    """Columns of another read, added by equal keys; without that file they are empty.

    Without keys, what a file of one line says is said of all rows; a longer file says nothing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    read: str
    left: Texts
    right: Texts
    keep: dict[str, str]  # column added -> column there
    where: When = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class Read:
    """One kind of file. A header or JSON key in `has` may offer alternatives: `order_id|order_ref`."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    kind: Literal["table", "json", "lines"]
    columns: dict[str, Texts]  # our name -> headers or JSON paths it may have
    has: Texts = ()
    explode: Texts = ()  # JSON lists whose elements become rows
    of: str | None = None  # read again from the files of that read
    unless: str | None = None  # ignored beside files of that read: they list the same records
    records: Texts = ("results", "data")  # members that list the records, where they come inside an answer
    keyed: Texts = ()  # JSON objects with a key a record, in place of a list
    main: bool = True  # its presence makes an export of this system; others are companions
    joins: tuple[Join, ...] = ()
    pattern: str | None = None  # of lines: what its named groups find are the columns
    split: dict[str, str] = field(default_factory=dict[str, str])  # column of a table -> between values: a row each
    loose: bool = False  # JSON-LD: a value may come alone or in a list, a text alone or by language


@dataclass(frozen=True, slots=True)
class Listing:
    """What the rows of an emit tell the public of their performances (`announcing`, `schema.LISTINGS`).

    The title is that of the emit unless `fields` has one; time, genre, capacity and audience are the emit's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    fields: dict[str, Annotated[tuple[Field, ...], BeforeValidator(_fields)]] = field(
        default_factory=dict[str, tuple[Field, ...]]
    )
    despite: Texts = ()  # reasons for which the emit drops a row that is told all the same: a cancelled performance


@dataclass(frozen=True, slots=True)
class Emit:
    """One canonical record for each row of a read that `where` selects and no `drop` takes out.

    A preset may name several reads: then there is one such emit for each.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    # `listings`: the rows make no record, only the public words that `listing` names.
    frame: Literal["transactions", "interactions", "counts", "programme", "listings"]
    read: str
    fields: dict[str, Annotated[tuple[Field, ...], BeforeValidator(_fields)]]
    row: Texts = ()  # columns that make the vendor's own identity of the row
    part: str = ""  # tells records made of one row apart
    row_else: Texts = ()  # where those are empty; equal rows are then told apart by number
    numbered: bool = False  # rows of one identity are all different (a duo booking), not repeated
    order: Texts = ()
    performance: Texts = ()
    performance_else: Texts = ()
    title: Annotated[tuple[Field, ...], BeforeValidator(_fields)] = ()  # with the time it starts, the performance in
    # whichever system; else as above
    event: Texts = ()
    person: Annotated[tuple[tuple[Texts, Domain], ...], BeforeValidator(_pairs("columns", "domain"))] = ()
    daily: Texts = ()  # columns that, all of them and the day, make a visitor: another one tomorrow
    where: When | None = None
    drop: Annotated[tuple[tuple[When, str], ...], BeforeValidator(_pairs("when", "reason"))] = ()
    listing: Listing = field(default_factory=Listing)


@dataclass(frozen=True, slots=True)
class Preset:
    """One source system."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    title: str
    consent_regime: str
    reads: Annotated[dict[str, Read], BeforeValidator(_named)]
    emits: Annotated[tuple[Emit, ...], BeforeValidator(_each_read)]


@cache
def presets() -> dict[str, Preset]:
    """Return the presets by name, in alphabetical order."""
    folder = files("aggregations") / "presets"
    texts = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}
    names = sorted(name.removesuffix(".toml") for name in texts)
    return {name: declared(name, tomllib.loads(texts[f"{name}.toml"])) for name in names}


def declared(name: str, raw: dict[str, Any]) -> Preset:
    """Return the preset that a TOML document states; a ValidationError has the place of each key that cannot be."""
    return _reader().validate_python({**raw, "name": name})


@cache
def _reader() -> TypeAdapter[Preset]:
    return TypeAdapter(Preset)
