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

from aggregations.announcing import tells
from aggregations.columns import words_of
from aggregations.detect import Detection
from aggregations.ingest import recognise
from aggregations.mapping import Emit, Field
from aggregations.nearness import near_codes, status_words
from aggregations.reading import match_headers
from aggregations.referential import normal_labels
from aggregations.staging import Prepared, prepare
from aggregations.venue import Venue

_SHOWN = 20  # labels of one column
_COMPARED = 1000  # labels that near words are looked for, the most frequent
_INSPECTOR = Venue(id="inspection", name="", kind="", commune="")


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A header or JSON path of the export, what it becomes, and how it is read."""

    read: str
    source: str
    becomes: tuple[str, ...]  # e.g. transactions.unit_price_cents
    reading: str  # unit of money, or time format and zone; else empty


@dataclass(frozen=True, slots=True)
class Near:
    """A code whose words are nearest to some labels: how many, on how many rows. For someone to decide about."""

    code: str
    labels: int
    rows: int


@dataclass(frozen=True, slots=True)
class UnknownWords:
    """Labels of a column that no vocabulary knows; `shown` is empty unless values were asked for."""

    column: str
    labels: int
    rows: int
    first_line: int
    near: tuple[Near, ...]
    shown: dict[str, tuple[str, ...]]  # label -> the codes nearest to it, best first


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
    venue: Venue | None,
    paths: Sequence[Path],
    *,
    preset: str | None = None,
    mapping: Path | None = None,
    show_values: bool = False,
) -> Inspection:
    """Tell what the files are and what ingesting them would do; nothing is kept."""
    found = recognise(venue, paths, preset=preset, mapping=mapping)
    here = venue or _INSPECTOR
    with tempfile.TemporaryDirectory(prefix="jauge-") as scratch:  # readable by this account only
        prepared = prepare(found, here, secrets.token_bytes(32), Path(scratch))
        words = tuple(words for one in prepared for words in _unknown(one, here, show_values=show_values))
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
    told = {"title": emit.title} | emit.listing.fields if tells(emit) else {}
    shown = [f"listings.{name}" for name, fields in told.items() if any(_uses(f, column) for f in fields)]
    return [*(f"{emit.frame}.{name}" for name in names), *shown]


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


def _unknown(one: Prepared, venue: Venue, *, show_values: bool) -> list[UnknownWords]:
    words: list[UnknownWords] = []
    for unknown in one.tally.unknown:
        label, missed = one.records.unknown[unknown.column]
        labels = _labels(one.records.kept, label, missed)
        near, shown = _near(one, unknown.column, labels, venue, show_values=show_values)
        words.append(UnknownWords(unknown.column, unknown.labels, unknown.rows, unknown.first_line, near, shown))
    for column, (label, missed) in one.records.refused.items():
        rows = one.records.rows.filter(pl.col("_drop").is_null())
        labels = _labels(rows, label, missed)
        if not labels.is_empty():
            near, shown = _near(one, column, labels, venue, show_values=show_values)
            first = int(labels["line"].min())  # type: ignore[arg-type]
            words.append(UnknownWords(column, labels.height, int(labels["rows"].sum()), first, near, shown))
    return words


def _labels(rows: pl.LazyFrame, label: pl.Expr, missed: pl.Expr) -> pl.DataFrame:
    """Labels that are not known, with their rows and first line, the most frequent first."""
    found = rows.filter(missed).select(label.cast(pl.String).alias("label"), "_line")
    counted = found.group_by("label").agg(rows=pl.len(), line=pl.col("_line").min())
    return counted.sort(["rows", "label"], descending=[True, False]).collect(engine="streaming")


def _near(
    one: Prepared, column: str, labels: pl.DataFrame, venue: Venue, *, show_values: bool
) -> tuple[tuple[Near, ...], dict[str, tuple[str, ...]]]:
    words = words_of(column, one.records.emit.frame)
    if column == "family":
        words |= dict(zip(normal_labels(venue.families), venue.families.values(), strict=True))
    if column == "status":
        words |= status_words()
    listed = labels["label"].head(_COMPARED).to_list()
    codes = [near_codes(text, words) for text in normal_labels(listed)]
    counts: dict[str, list[int]] = {}
    for found, rows in zip(codes, labels["rows"].head(_COMPARED), strict=True):
        if found:
            counts.setdefault(found[0], []).append(rows)
    near = tuple(Near(code, len(rows), sum(rows)) for code, rows in counts.items())
    return near, dict(zip(listed[:_SHOWN], codes[:_SHOWN], strict=True)) if show_values else {}
