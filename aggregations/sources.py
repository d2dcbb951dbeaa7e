"""One file of an export, or one member of an archive: what its bytes show it to be, and its text as UTF-8."""

from __future__ import annotations

import codecs
import io
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aggregations.mapping import Read
from aggregations.referential import normal_labels
from aggregations.unpacking import new_file, unpacked

_CHUNK = 1 << 20
_FORMS = {
    "table": ("table", "workbook", "parquet"),
    "json": ("list", "pages", "object", "ndjson", "parquet"),
    "lines": ("lines",),
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file or member of an archive, as its bytes show it; keys are headers, of JSON those of the first records."""

    path: Path
    form: str  # table, workbook, parquet, lines (text, by a pattern), list, pages, object or ndjson
    encoding: str
    delimiter: str
    keys: tuple[str, ...]
    packing: str = ""  # gzip or zip
    member: str = ""  # of a zip archive
    place: str = ""  # sheet of a workbook; of pages, the member that lists the records

    @property
    def name(self) -> str:
        """What to call it: the file's name and, of an archive, the member's."""
        return f"{self.path.name}/{PurePosixPath(self.member).name}" if self.member else self.path.name


def missing(read: Read, source: Source) -> int:
    """Count what a read asks for that a source does not have: none where the source is one of that read."""
    if source.form not in _FORMS[read.kind] or (source.form == "pages" and source.place not in read.records):
        return len(read.has) + 1
    exact = read.kind == "json"
    keys = set(source.keys if exact else normal_labels(source.keys))
    wanted = [h.split("|") for h in read.has]
    return sum(not keys & set(w if exact else normal_labels(w)) for w in wanted)


def plain_text(source: Source, scratch: Path) -> Path:
    """Return a file of UTF-8 text: the source, or a copy of it made block by block."""
    with source.path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
    marked = source.form != "table" and head == codecs.BOM_UTF8  # Polars knows the mark in tables only
    if source.encoding == "utf-8" and not marked and not source.packing:
        return source.path
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    copy = new_file(scratch, "txt")
    with (
        unpacked(source.path, source.member) as packed,
        io.TextIOWrapper(packed, encoding=encoding, errors="replace", newline="") as file,
        copy.open("w", encoding="utf-8", newline="") as plain,
    ):
        shutil.copyfileobj(file, plain, _CHUNK)
    return copy
