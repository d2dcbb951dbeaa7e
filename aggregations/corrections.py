"""Refused rows, corrected: given to the steward as they came, and loaded as if the export had had them right.

`inbox/corrections/<export>/` gets exactly the refused rows in their own headers or keys; nothing there is loaded of
itself. Loaded, it becomes `inbox/correction-<export>-<digits>/`: the whole export with the corrected rows in place of the
refused ones, and its companions as they were. That is an export like any other, so what is held afterwards is
what the export without faults would have left, whatever makes the identity of its rows; and a store made again from
its inbox has the corrections too. Raw rows are in the inbox only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from aggregations.adopted import own_presets
from aggregations.decoding import loaded
from aggregations.detect import Detection, detect, files_of
from aggregations.mapping import Read, presets
from aggregations.receipt import Receipt, receipts
from aggregations.reception import alone, fingerprint, sync
from aggregations.refusals import refused
from aggregations.sniffing import sources_of
from aggregations.sources import Source, plain_text
from aggregations.tabular import text_table
from aggregations.unpacking import copied, unreadable
from aggregations.venue import Venue
from privacy.errors import Fault

DIGITS = 12  # of an export's id, in the names of folders
_FOLDER = re.compile(rf"correction-([0-9a-f]{{{DIGITS}}})-[0-9a-f]+/")
Rows = pl.LazyFrame | list[Any]  # of a table, all text; documents, or lines of text


def export_of(files: Sequence[str]) -> str:
    """Return the first digits of the export that these files of the inbox correct; empty where they correct none."""
    found = (_FOLDER.match(name) for name in files)
    return next((match[1] for match in found if match), "")


def write_corrections(venue: Venue, receipt: Receipt) -> Path:
    """Write the refused rows of an export to a folder of `inbox/corrections/`; one that is there is left as it is.

    Raises:
        Fault: the export's files are no longer in the inbox.
    """
    folder = venue.corrections / receipt.id[:DIGITS]
    if folder.is_dir():
        return folder
    lines = _lines(venue, receipt)
    found = _detection(venue, receipt)
    venue.corrections.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(venue.store), tempfile.TemporaryDirectory(prefix=".part-", dir=venue.inbox) as scratch:
        part = Path(scratch, "made")
        part.mkdir(mode=0o700)
        for read, source in _sources(found):
            if source.name in lines:
                rows = _cut(_rows(read, source, Path(scratch)), source, lines[source.name], keep=True)
                _save(rows, part / _file_name(source, rows), source)
        part.rename(folder)
    return folder


def corrected(venue: Venue, paths: Sequence[Path]) -> Sequence[Path]:
    """Return the paths to ingest: of corrections, the export they correct with the corrected rows in it."""
    desk = venue.corrections.resolve()
    names = {p.resolve().relative_to(desk).parts[:1] for p in paths if p.resolve().is_relative_to(desk)}
    if not names:
        return paths
    if len(names) > 1 or () in names:
        raise Fault(
            "Corrections are loaded one export at a time: name one folder of inbox/corrections/.",
            "Les corrections se chargent un export à la fois : nommez un dossier de inbox/corrections/.",
        )
    ((name,),) = names
    files = files_of([desk / name])
    target = venue.inbox / f"correction-{name}-{fingerprint(venue.person_key, files)[:8]}"
    with alone(venue.store), tempfile.TemporaryDirectory(prefix=".part-", dir=venue.inbox) as scratch:
        if not target.is_dir():
            part = _whole(venue, _export(venue, name), files, Path(scratch))
            for file in part.iterdir():
                sync(file)
            part.rename(target)
            sync(venue.inbox)
    return [target]


def _whole(venue: Venue, receipt: Receipt, files: Sequence[Path], scratch: Path) -> Path:
    """Write the whole export with corrected rows in place of refused ones; every file dated as the correction."""
    lines, mended = _lines(venue, receipt), {f.name: f for f in files}
    written = max(*(f.stat().st_mtime_ns for f in files), receipt.written + 1)
    part = scratch / "made"
    part.mkdir(mode=0o700)
    for read, source in _sources(_detection(venue, receipt)):
        if source.name in lines:
            rows = _rows(read, source, scratch)
            place = part / _file_name(source, rows)
            right = _cut(rows, source, lines[source.name], keep=False)
            if place.name in mended:  # else its rows stay as they were, refused
                _save(_together(right, _corrected_rows(read, mended[place.name], rows, scratch)), place, source)
                os.utime(place, ns=(written, written))
                continue
        place = part / source.name.replace("/", "-")
        if not place.exists():
            shutil.copy2(copied(source.path, source.member, scratch) if source.member else source.path, place)
    return part


def _export(venue: Venue, name: str) -> Receipt:
    for receipt in receipts(venue.store):
        if receipt.id.startswith(name) and len(name) == DIGITS:
            return receipt
    raise Fault(
        f"inbox/corrections/{name}: no export of this venue has that number. `jauge quarantine {venue.id}` lists them.",
        f"inbox/corrections/{name} : aucun export de ce lieu ne porte ce numéro. `jauge quarantine {venue.id}` les liste.",
    )


def _detection(venue: Venue, receipt: Receipt) -> Detection:
    paths = [venue.inbox / name for name in receipt.files]
    if gone := [path.name for path in paths if not path.is_file()]:
        raise Fault(
            f"{', '.join(gone)}: no longer in inbox/, so its refused rows cannot be given. Export it again and load it.",
            f"{', '.join(gone)} : n’est plus dans inbox/ ; ses lignes refusées ne peuvent être rendues. "
            "Refaites l’export et chargez-le.",
        )
    return detect(paths, name=receipt.preset, own=own_presets(venue))


def _sources(found: Detection) -> list[tuple[Read, Source]]:
    return [(found.preset.reads[name], source) for name, files in found.sources.items() for source in files]


def _lines(venue: Venue, receipt: Receipt) -> dict[str, set[int]]:
    rows = refused(venue, receipt).select("file", "line").unique()
    return {str(file): set(some["line"]) for (file,), some in rows.group_by("file")}


# --- raw rows ---------------------------------------------------------------------------------------


def _rows(read: Read, source: Source, scratch: Path) -> Rows:
    """All rows of a file as they came: a table as text, else JSON documents or lines."""
    if read.kind == "table":
        return text_table(source, scratch)
    if source.form == "parquet":
        return pl.read_parquet(copied(source.path, source.member, scratch)).to_dicts()
    path = plain_text(source, scratch)
    if read.kind == "lines":
        return path.read_text("utf-8").split("\n")
    documents = list(loaded(path, source))
    return [d for d in documents if isinstance(d, dict)] if read.keyed or read.loose else documents


def _cut(rows: Rows, source: Source, lines: set[int], *, keep: bool) -> Rows:
    """Keep the rows of these numbers, or all others; numbers are those of `reading`."""
    if isinstance(rows, pl.LazyFrame):
        first = 1 if source.form == "parquet" else 2
        chosen = pl.int_range(first, pl.len() + first).is_in(list(lines))
        return rows.filter(chosen if keep else ~chosen)
    return [row for number, row in enumerate(rows, start=1) if (number in lines) == keep]


def _together(right: Rows, mended: Rows) -> Rows:
    if isinstance(right, pl.LazyFrame):
        return pl.concat([right, mended]) if isinstance(mended, pl.LazyFrame) else right
    return [*right, *mended] if isinstance(mended, list) else right


def _corrected_rows(read: Read, path: Path, whole: Rows, scratch: Path) -> Rows:
    """Rows of a corrected file, whatever separator or encoding a spreadsheet gave it, in the export's columns."""
    if read.kind == "lines":
        return path.read_text("utf-8").split("\n")
    if isinstance(whole, list):
        try:
            found = json.loads(path.read_text("utf-8-sig"))
        except ValueError:
            raise unreadable(path) from None
        return found if isinstance(found, list) else [found]
    forms = [s for s in sources_of(path, presets().values()) if s.form in ("table", "workbook")]
    mended = text_table(forms[0], scratch) if forms else pl.LazyFrame()
    columns = whole.collect_schema().names()
    if set(columns) - set(mended.collect_schema().names()):
        raise Fault(
            f"{path.name}: its first line is no longer the export's line of headers. Delete the folder "
            f"{path.parent.name} and run `jauge quarantine` again.",
            f"{path.name} : sa première ligne n’est plus la ligne d’en-têtes de l’export. Supprimez le dossier "
            f"{path.parent.name} et relancez `jauge quarantine`.",
        )
    return mended.select(columns)


def _file_name(source: Source, rows: Rows) -> str:
    name = PurePosixPath(source.name.replace("/", "-"))
    if isinstance(rows, pl.LazyFrame):
        return f"{name.stem}.csv"
    return f"{name.stem}.log" if source.form == "lines" else f"{name.stem}.json"


def _save(rows: Rows, path: Path, source: Source) -> None:
    path.touch(mode=0o600)
    if isinstance(rows, pl.LazyFrame):  # marked as UTF-8, so that spreadsheets read accents
        try:
            rows.sink_csv(path, separator=source.delimiter or ";", include_bom=True)
        except pl.exceptions.PolarsError:  # its message may hold a cell
            raise unreadable(path) from None
    elif source.form == "lines":
        path.write_text("\n".join(rows), "utf-8")
    else:
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1, default=str) + "\n", "utf-8")
