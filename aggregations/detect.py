"""Which system wrote these files: told by their headers or JSON keys, never by their names.

A message lists the headers a preset expects, not those of the file: a file without a header line has a
person in its first row.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from aggregations.mapping import Preset, Read, preset, presets
from aggregations.reading import Source, encoding_of, read_bytes
from aggregations.referential import normal_labels
from privacy.errors import Fault

_DELIMITERS = (";", ",", "\t", "|")
_HEADS = (1 << 16, 1 << 24, -1)  # bytes to look for the first JSON record in


@dataclass(frozen=True, slots=True)
class Detection:
    """The preset and, by the name of its read, the files it reads; `ignored` are no part of it."""

    preset: Preset
    sources: dict[str, tuple[Source, ...]]
    ignored: tuple[Path, ...]

    def files(self, read: str) -> tuple[Source, ...]:
        """Return the files of a read, none where it is not there; some reads read those of another again."""
        return self.sources.get(self.preset.reads[read].of or read, ())

    @property
    def encoding(self) -> str:
        """Encoding of the main files, e.g. `utf-8`."""
        return ", ".join(sorted({s.encoding for files in self.sources.values() for s in files if s.encoding}))

    @property
    def delimiter(self) -> str:
        """Separator of the tables; empty for JSON and Parquet."""
        return ", ".join(sorted({s.delimiter for files in self.sources.values() for s in files if s.delimiter}))

    @property
    def why(self) -> dict[str, tuple[str, ...]]:
        """The headers or keys that told, by read."""
        return {name: self.preset.reads[name].has for name in self.sources}


def detect(paths: Sequence[Path], *, name: str | None = None) -> Detection:
    """Recognise the files (a folder stands for those in it), of one preset where `name` says so.

    A Fault lists the presets and the nearest set of headers when nothing fits.
    """
    listed = files_of(paths)
    sources = [(path, source_of(path)) for path in listed]
    candidates = [preset(name)] if name else list(presets().values())
    ranked = [(score, one, taken) for one in candidates for score, taken in [_assign(one, sources)] if score]
    if not ranked:
        raise _unknown(listed, [s for _, s in sources if s], candidates)
    _, best, taken = max(ranked, key=lambda entry: entry[0])
    used = {s.path for files in taken.values() for s in files}
    return Detection(best, taken, tuple(path for path in listed if path not in used))


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files meant, sorted by name, without hidden ones; none at all is a Fault."""
    listed: list[Path] = []
    for path in paths:
        if not path.exists():
            raise Fault(f"There is no file {path.name}.", f"Il n’y a pas de fichier {path.name}.")
        listed += [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")] if path.is_dir() else [path]
    if not listed:
        raise Fault("There is no file to ingest.", "Il n’y a aucun fichier à ingérer.")
    return sorted(set(listed), key=lambda p: p.name)


def source_of(path: Path) -> Source | None:
    """Tell the form of one file by its bytes; None when it is no table, Parquet or JSON of records."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head[:4] == b"PAR1":
        try:
            return Source(path, "parquet", "", "", tuple(pl.read_parquet_schema(path)))
        except (pl.exceptions.PolarsError, OSError):
            return None
    packed = head[:2] == b"\x1f\x8b"
    if not packed and (b"\0" in head or not head.strip()):
        return None
    encoding = encoding_of(path)
    if packed:
        head = read_bytes(path, 1 << 16)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return _json_source(path, encoding)
    first = head.decode(encoding, errors="replace").removeprefix("\ufeff").lstrip("\r\n").splitlines()[0]
    delimiter = max(_DELIMITERS, key=lambda d: len(next(csv.reader([first], delimiter=d))))
    headers = next(csv.reader([first], delimiter=delimiter))
    return Source(path, "gzip" if packed else "table", encoding, delimiter, tuple(headers))


@cache
def _page() -> re.Pattern[str]:
    """The start of the records in an answer of an interface, by the members that presets name."""
    names = {read.records for one in presets().values() for read in one.reads.values()}
    return re.compile(rf'"({"|".join(map(re.escape, sorted(names)))})"\s*:\s*\[')


def _json_source(path: Path, encoding: str) -> Source | None:
    for size in _HEADS:
        text = read_bytes(path, size).decode(encoding, errors="replace").removeprefix("\ufeff").lstrip()
        form, start, records = "list", 0, ""
        if text[0] == "{":
            page = _page().search(text[:4096])
            if page and text.count("{", 0, page.start()) - text.count("}", 0, page.start()) == 1:
                form, start, records = "pages", page.end(), page[1]
            else:
                form = "ndjson"
        start = text.find("{", start)
        if start < 0:
            continue
        try:
            record, end = json.JSONDecoder().raw_decode(text, start)
        except ValueError:
            continue
        if form == "ndjson" and "\n" in text[start:end]:
            form = "object"  # one record over several lines
        return Source(path, form, encoding, "", tuple(record), records)
    return None


def _assign(one: Preset, sources: Sequence[tuple[Path, Source | None]]) -> tuple[int, dict[str, tuple[Source, ...]]]:
    """Give each file to the read that asks most of it; the score counts the headers of main reads."""
    taken: dict[str, tuple[Source, ...]] = {}
    for _, source in sources:
        if source is None:
            continue
        fitting = [(len(r.has), r) for r in one.reads.values() if r.has and _missing(r, source) == 0]
        if fitting:
            _, read = max(fitting, key=lambda entry: entry[0])
            taken[read.name] = (*taken.get(read.name, ()), source)
    for read in one.reads.values():
        if read.unless in taken:
            taken.pop(read.name, None)
    score = sum(len(one.reads[name].has) * len(files) for name, files in taken.items() if one.reads[name].main)
    return score, taken


def _missing(read: Read, source: Source) -> int:
    if (read.kind == "table") != (source.form in ("table", "gzip", "parquet")):
        return len(read.has) + 1
    keys = set(normal_labels(source.keys)) if read.kind == "table" else set(source.keys)
    wanted = [h.split("|") for h in read.has]
    return sum(not keys & set(normal_labels(w) if read.kind == "table" else w) for w in wanted)


def _unknown(paths: Sequence[Path], sources: Sequence[Source], candidates: Sequence[Preset]) -> Fault:
    known = ", ".join(presets())
    names = ", ".join(path.name for path in paths[:5])
    reads = [(one, read) for one in candidates for read in one.reads.values() if read.has and read.main]
    near = min(
        ((_missing(read, s) / len(read.has), one.name, read) for s in sources for one, read in reads),
        key=lambda entry: entry[0],
        default=None,
    )
    en, fr = (
        f"{names}: no preset knows this file (presets: {known}).",
        f"{names} : aucun préréglage ne connaît ce fichier ({known}).",
    )
    if near and near[0] < 1:
        expected = ", ".join(near[2].has)
        en += f" Nearest: {near[1]}, which needs {expected}."
        fr += f" Le plus proche : {near[1]}, qui demande {expected}."
    return Fault(
        en + " Export it again as CSV or JSON, or use the neutral format.",
        fr + " Exportez-le à nouveau en CSV ou JSON, ou employez le format neutre.",
    )
