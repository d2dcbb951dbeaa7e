"""What an export is and what would become of it, without ingesting it: for `jauge inspect`.

Values of rows are shown only when asked for, to the person at the keyboard. What is written on the way (hashes under a
key that nobody keeps; the columns read, decoded) is gone at the end.
"""

from __future__ import annotations

import secrets
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.detect import Detection, detect
from aggregations.ingest import Prepared, prepare
from aggregations.mapping import Emit, Field
from aggregations.reading import match_headers
from aggregations.venue import Venue

_SHOWN = 20  # labels of one column
_INSPECTOR = Venue(id="inspection", name="", kind="", commune="")


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A header or JSON path of the export, what it becomes, and how it is read."""

    read: str
    source: str
    becomes: tuple[str, ...]  # e.g. transactions.unit_price_cents
    reading: str  # unit of money, or time format and zone; else empty


@dataclass(frozen=True, slots=True)
class UnknownWords:
    """Labels of a column that no vocabulary knows; `shown` is empty unless values were asked for."""

    column: str
    labels: int
    rows: int
    first_line: int
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole answer, ready to print."""

    preset: str
    title: str
    files: dict[str, str]  # name -> read
    ignored: tuple[str, ...]
    format: str
    encoding: str
    delimiter: str
    why: dict[str, tuple[str, ...]]  # read -> headers or keys that told
    consent_regime: str
    columns: tuple[ColumnUse, ...]
    rows_read: int
    kept: dict[str, int]  # frame -> rows
    dropped: dict[str, int]  # reason -> rows
    quarantined: dict[str, int]  # "column: reason" -> rows
    unknown: tuple[UnknownWords, ...]


def inspect(
    venue: Venue | None, paths: Sequence[Path], *, preset: str | None = None, show_values: bool = False
) -> Inspection:
    """Tell what the files are and what ingesting them would do; nothing is kept."""
    found = detect(paths, name=preset)
    here = venue or _INSPECTOR
    with tempfile.TemporaryDirectory(prefix="jauge-") as scratch:  # readable by this account only
        prepared = prepare(found, here, secrets.token_bytes(32), Path(scratch))
        words = tuple(words for one in prepared for words in _unknown(one, show_values=show_values))
    kept: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    read: dict[str, int] = {}
    for one in prepared:
        emit = one.records.emit
        kept[emit.frame] += one.tally.kept
        dropped.update(one.tally.dropped)
        quarantined.update(one.tally.quarantined)
        read[emit.read] = max(read.get(emit.read, 0), one.tally.read)
    return Inspection(
        preset=found.preset.name,
        title=found.preset.title,
        files={s.name: name for name, files in found.sources.items() for s in files},
        ignored=tuple(path.name for path in found.ignored),
        format=found.format,
        encoding=found.encoding,
        delimiter=found.delimiter,
        why=found.why,
        consent_regime=here.consent.get(found.preset.name, found.preset.consent_regime),
        columns=tuple(_columns(found, here)),
        rows_read=sum(read.values()),
        kept=dict(kept),
        dropped=dict(dropped),
        quarantined=dict(quarantined),
        unknown=words,
    )


def _columns(found: Detection, venue: Venue) -> list[ColumnUse]:
    uses: list[ColumnUse] = []
    for name, read in found.preset.reads.items():
        if not (files := found.files(name)):
            continue
        emits = [e for e in found.preset.emits if e.read == name]
        if read.kind != "json":
            headers = match_headers(read, files[0].keys)
        else:
            headers = {column: " or ".join(paths) for column, paths in read.columns.items()}
        for column, header in headers.items():
            becomes = [use for emit in emits for use in _becomes(emit, column)]
            reading = [r for emit in emits for r in _reading(emit, column, venue)]
            uses.append(ColumnUse(name, header, tuple(dict.fromkeys(becomes)), ", ".join(dict.fromkeys(reading))))
    return uses


def _becomes(emit: Emit, column: str) -> list[str]:
    names = [name for name, fields in emit.fields.items() if any(_uses(f, column) for f in fields)]
    if any(column in columns for columns, _ in emit.person):
        names.append("person (hashed)")
    if column in emit.daily:
        names.append("person (hashed, of one day)")
    for name, columns in (
        ("row_ref (hashed)", (*emit.row, *emit.row_else)),
        ("order_ref (hashed)", emit.order),
        ("performance_ref (hashed)", (*emit.performance, *emit.performance_else)),
    ):
        if column in columns:
            names.append(name)
    if any(_uses(f, column) for f in emit.title):
        names.append("performance_ref (hashed)")
    if any(column in when for when, _ in emit.drop):
        names.append("rows left out")
    return [f"{emit.frame}.{name}" for name in names]


def _uses(field: Field, column: str) -> bool:
    conditions = [when for when, _ in field.rules] + [field.where or {}]
    return column in (*field.columns, *field.minus) or any(column in when for when in conditions)


def _reading(emit: Emit, column: str, venue: Venue) -> list[str]:
    said: list[str] = []
    for name, fields in emit.fields.items():
        for field in fields:
            if column in field.columns and name.endswith("_cents"):
                said.append(field.unit)
            elif column in field.columns and (name == "at" or name.endswith("_at")):
                zone = venue.timezone if field.zone == "venue" else field.zone
                said.append(f"{' or '.join(field.formats)}, {zone} where no zone is written")
    return said


def _unknown(one: Prepared, *, show_values: bool) -> list[UnknownWords]:
    words: list[UnknownWords] = []
    for unknown in one.tally.unknown:
        shown: tuple[str, ...] = ()
        if show_values:
            label, missed = one.records.unknown[unknown.column]
            rows = one.records.kept.filter(missed).select(label.alias("label"))
            counted = rows.group_by("label").len().sort(["len", "label"], descending=[True, False]).head(_SHOWN)
            shown = tuple(counted.collect()["label"].cast(pl.String).to_list())
        words.append(UnknownWords(unknown.column, unknown.labels, unknown.rows, unknown.first_line, shown))
    return words
