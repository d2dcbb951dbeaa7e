"""Whether a preset makes sense as a whole: what it names is there, patterns compile, codes are of the vocabulary.

`mapping` tells keys and types; this tells the rest before any row is read, with the table and the key of each fault.
Packaged presets hold to it by a test, a venue's own each time they are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from zoneinfo import available_timezones

import polars as pl

from aggregations.announcing import CODES, TYPES
from aggregations.columns import codes_of
from aggregations.mapping import Emit, Field, Preset, Read, When
from aggregations.schema import CONSENT_REGIMES, FRAMES

Said = tuple[str, str]  # in English, in French
_Fault = tuple[str, Said]  # where (table and key), what is wrong

_MADE = {
    "source", "source_row", "row_ref", "order_ref", "person", "identified", "performance_ref", "event_ref", "is_test",
    "domain",
}  # fmt: skip
_WHO = {"postal_code", "city", "country", "consent_regime"}
FIELDS: dict[str, frozenset[str]] = {
    "transactions": frozenset({*FRAMES["transactions"], *_WHO} - _MADE),
    "interactions": frozenset({*FRAMES["interactions"], *_WHO} - _MADE),
    "counts": frozenset({*FRAMES["counts"]} - _MADE),
    "programme": frozenset({*FRAMES["programme"]} - _MADE),
    "listings": frozenset({*FRAMES["programme"]} - _MADE),
}
_MANDATORY = {
    "transactions": ("performance_at", "purchased_at", "status"),
    "interactions": ("kind", "at"),
    "counts": ("performance_at", "count"),
    "programme": ("performance_at",),
    "listings": ("performance_at",),
}
_WHOLE = {"quantity", "count", "capacity", "unit_price_cents", "amount_cents", "price_min_cents", "price_max_cents"}
_INSTANT = {"performance_at", "purchased_at", "at", "changed_at", "ends_at"}
_TRUTH = {name for name, kind in (FRAMES["transactions"] | FRAMES["interactions"]).items() if kind == pl.Boolean}
_FORMATS = {"iso", "fr", "unix", "unix_ms", "unix_us"}
_STRFTIME = re.compile(r"(?:[^%]|%(?:[YymdeBbHIMSpPjTFRDzf%]|\.f|#z|:z|\+))+")
_STEPS = re.compile(r"[^.\[\]]*(?:\[(?:\d+|\*|[^\[\]=]+=[^\[\]]*)\])?")


def faults(preset: Preset) -> Iterator[_Fault]:
    """Say what does not hold; nothing where the preset can be used."""
    if preset.consent_regime not in CONSENT_REGIMES:
        yield "consent_regime", _one_of(CONSENT_REGIMES)
    for name, read in preset.reads.items():
        for key, said in _read(read, preset):
            yield f"[reads.{name}] {key}", said
    if not preset.emits:
        yield "[[emits]]", _MISSING
    if not any(read.main and read.has for read in preset.reads.values()):
        yield "[reads] has", _MISSING
    if _circular(preset.reads):
        yield "[reads] joins", ("reads join each other in a circle", "des lectures se joignent en cercle")
    for number, emit in enumerate(preset.emits, 1):
        for key, said in _emit(emit, preset):
            yield f"[[emits]] {number}, {key}", said


_MISSING = "is missing", "manque"


def _one_of(names: Iterable[str]) -> Said:
    listed = ", ".join(names)
    return f"must be one of {listed}", f"doit être l’un de {listed}"


def _read(read: Read, preset: Preset) -> Iterator[_Fault]:
    for key, other in (("of", read.of), ("unless", read.unless), *(("joins", j.read) for j in read.joins)):
        if other is not None and other not in preset.reads:
            yield key, ("names a read that is not there", "nomme une lecture qui n’existe pas")
    for join in read.joins:
        known = _columns(read) | (_columns(preset.reads[join.read]) if join.read in preset.reads else set())
        for column in (*join.left, *join.right, *join.keep.values(), *_asked(join.where)):
            if join.read in preset.reads and column not in known:
                yield "joins", _no_column(column)
        if len(join.left) != len(join.right):
            yield "joins", ("left and right must be as many", "left et right doivent être aussi nombreux")
        yield from (("joins.where", said) for said in _patterns(join.where))
    if read.kind == "lines" and not read.pattern:
        yield "pattern", _MISSING
    if read.pattern is not None and not (_compiles(read.pattern) and _named_groups(read.pattern)):
        yield "pattern", _BROKEN
    yield from (("split", _no_column(column)) for column in read.split if column not in read.columns)
    if read.kind == "json":
        paths = [path for paths in read.columns.values() for path in paths if not path.startswith("#")]
        for path in (*paths, *read.explode, *read.keyed):
            if not path or not all(_STEPS.fullmatch(step) for step in path.split(".")):
                yield "columns", ("holds a path that cannot be read", "contient un chemin illisible")
    if not all(all(names) for names in (read.has, *read.columns.values())):
        yield "columns", ("holds an empty name", "contient un nom vide")


def _columns(read: Read) -> set[str]:
    return {*read.columns, *(name for join in read.joins for name in join.keep)}


_BROKEN = "is a pattern that does not compile", "est un motif qui ne compile pas"


def _circular(reads: dict[str, Read]) -> bool:
    waiting = dict(reads)
    while waiting:
        free = [n for n, r in waiting.items() if not any(j.read in waiting for j in r.joins)]
        if not free:
            return True
        for name in free:
            del waiting[name]
    return False


def _emit(emit: Emit, preset: Preset) -> Iterator[_Fault]:
    if emit.read not in preset.reads:
        yield "read", _one_of(preset.reads)
        return
    read = preset.reads[emit.read]
    known = _columns(read)
    for key in ("row", "row_else", "order", "performance", "performance_else", "event", "daily"):
        yield from ((key, _no_column(c)) for c in getattr(emit, key) if c not in known)
    for one in emit.title:
        yield from ((f"title{key}", said) for key, said in _field("title", one, (), known))
    yield from (("person", _no_column(c)) for columns, _ in emit.person for c in columns if c not in known)
    for key, when in (("where", emit.where or {}), *(("drop", when) for when, _ in emit.drop)):
        yield from ((key, said) for said in _condition(when, known))
    if not emit.row and not emit.row_else and emit.frame != "listings":
        yield "row", _MISSING
    if emit.frame == "transactions" and not emit.order:
        yield "order", _MISSING
    if emit.frame == "interactions" and not emit.person and not emit.daily:
        yield "person", _MISSING
    if emit.frame in ("programme", "listings") and not emit.performance and not emit.performance_else:
        yield "performance", _MISSING
    for name in _MANDATORY[emit.frame]:
        if not emit.fields.get(name):
            yield f"fields.{name}", _MISSING
    told = frozenset(TYPES)
    for table, given, allowed in (("", emit.fields, FIELDS[emit.frame]), ("listing.", emit.listing.fields, told)):
        for name, fields in given.items():
            if name not in allowed:
                yield f"{table}fields.{name}", _one_of(sorted(allowed))
                continue
            for one in fields:
                codes = CODES.get(name, ()) if table else codes_of(name, emit.frame)
                yield from ((f"{table}fields.{name}{key}", said) for key, said in _field(name, one, codes, known))
    if not {*emit.listing.despite} <= {reason for _, reason in emit.drop}:
        yield "listing.despite", ("names a reason that is none of drop", "nomme un motif absent de drop")


def _field(name: str, one: Field, codes: tuple[str, ...], known: set[str]) -> Iterator[_Fault]:
    if not one.columns and one.constant is None and not one.rules:
        yield "", ("needs columns, a constant or rules", "demande columns, une constante ou rules")
    yield from (("", _no_column(column)) for column in (*one.columns, *one.minus) if column not in known)
    for when in (*(when for when, _ in one.rules), one.where or {}):
        yield from (("", said) for said in _condition(when, known))
    patterns = [pattern for pattern, _ in one.replace] + ([one.split] if one.split is not None else [])
    if not all(_compiles(pattern) for pattern in patterns):
        yield "", _BROKEN
    for said in (*one.formats,) if name in _INSTANT else ():
        if said not in _FORMATS and not _dates(said):
            yield (
                ".formats",
                (
                    "must be iso, fr, unix, unix_ms, unix_us, or a day, a month and a year such as %d/%m/%Y",
                    "doit être iso, fr, unix, unix_ms, unix_us, ou un jour, un mois et une année comme %d/%m/%Y",
                ),
            )
    if one.zone != "venue" and one.zone not in available_timezones():
        yield (
            ".zone",
            ("must be venue or a zone such as Europe/Paris", "doit être venue ou un fuseau comme Europe/Paris"),
        )
    if one.join is not None and name in _WHOLE:
        yield ".join", ("is for texts and times", "est pour les textes et les heures")
    given = [value for _, value in one.rules] + ([one.constant] if one.constant is not None else [])
    if name in _WHOLE and not all(re.fullmatch(r"-?\d{1,15}", value) for value in given):
        yield "", ("must be a whole number", "doit être un nombre entier")
    if name in _INSTANT and given:
        yield "", ("must come from columns", "doit venir de colonnes")
    if name in _TRUTH and not {*given} <= {"true", "false"}:
        yield "", _one_of(("true", "false"))
    if codes and not {*given, *(one.words or {}).values()} <= {*codes, "unknown"}:
        yield "", _one_of(codes)


def _dates(said: str) -> bool:
    parts = (
        ("%d", "%e", "%F", "%D", "%j", "%+"),
        ("%m", "%b", "%B", "%F", "%D", "%j", "%+"),
        ("%Y", "%y", "%F", "%D", "%+"),
    )
    return bool(_STRFTIME.fullmatch(said)) and all(any(s in said for s in some) for some in parts)


def _no_column(name: str) -> Said:
    return f"names {name}, which is no column of its read", f"nomme {name}, qui n’est pas une colonne de sa lecture"


def _asked(when: When) -> list[str]:
    return [column for columns in when for column in columns.split("|")]


def _condition(when: When, known: set[str]) -> Iterator[Said]:
    yield from (_no_column(column) for column in _asked(when) if column not in known)
    yield from _patterns(when)


def _patterns(when: When) -> Iterator[Said]:
    values = (value.lstrip("!") for values in when.values() for value in values)
    if not all(_compiles(value[1:]) for value in values if value.startswith("~")):
        yield _BROKEN


def _compiles(pattern: str) -> bool:
    return _tried(lambda: pl.select(pl.lit("").str.contains(pattern)))


def _named_groups(pattern: str) -> bool:
    """Lines are recognised by Python, then read by Polars."""
    return _tried(lambda: re.compile(pattern)) and bool(re.compile(pattern).groupindex)


def _tried(make: Callable[[], object]) -> bool:
    try:
        make()
    except (pl.exceptions.PolarsError, re.error, RecursionError, OverflowError):
        return False
    return True
