"""Which system wrote these files: told by their headers or JSON keys, never by their names.

A message lists the headers a preset expects, not those of the file: a file without a header line has a
person in its first row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aggregations.mapping import Preset, presets
from aggregations.sniffing import sources_of
from aggregations.sources import Source, missing
from privacy.errors import Fault

_FORMATS = {
    "table": "CSV", "workbook": "XLSX", "parquet": "Parquet", "lines": "lines of text", "ndjson": "JSON lines",
    "list": "JSON", "pages": "JSON", "object": "JSON",
}  # fmt: skip


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
    def format(self) -> str:
        """What the files are and what they are packed in, e.g. `CSV (gzip)`."""
        return self._said(format_of)

    @property
    def encoding(self) -> str:
        """Encoding of the texts, e.g. `utf-8`; empty for workbooks and Parquet."""
        return self._said(lambda s: s.encoding)

    @property
    def delimiter(self) -> str:
        """Separator of the tables; empty for all other formats."""
        return self._said(lambda s: s.delimiter)

    def _said(self, what: Callable[[Source], str]) -> str:
        return ", ".join(sorted({what(s) for files in self.sources.values() for s in files} - {""}))

    @property
    def why(self) -> dict[str, tuple[str, ...]]:
        """The headers or keys that told, by read."""
        return {name: self.preset.reads[name].has for name in self.sources}


def format_of(source: Source) -> str:
    """Name the format of a file and what it is packed in, e.g. `CSV (gzip)`."""
    return f"{_FORMATS[source.form]} ({source.packing})" if source.packing else _FORMATS[source.form]


class UnknownFile(Fault):
    """No preset knows the files; `sources` are what their bytes show, for `proposals`."""

    sources: tuple[Source, ...] = ()


def detect(paths: Sequence[Path], *, name: str | None = None, own: Mapping[str, Preset] | None = None) -> Detection:
    """Recognise the files (a folder stands for those in it), of one preset where `name` says so.

    `own` are the venue's mappings, which come before packaged presets where both ask as much of a file. An UnknownFile
    lists the presets and the nearest set of headers when nothing fits.
    """
    known = {**(own or {}), **presets()}
    if name and name not in known:
        listed = ", ".join(known)
        raise Fault(
            f"There is no preset of that name; there are {listed}.", f"Pas de préréglage de ce nom ; il y a {listed}."
        )
    listed = files_of(paths)
    found = {path: sources_of(path, known.values()) for path in listed}
    sources = [s for files in found.values() for s in files]
    candidates = [known[name]] if name else list(known.values())
    ranked = [(score, one, taken) for one in candidates for score, taken in [_assign(one, sources)] if score]
    if not ranked:
        raise _unknown(listed, sources, candidates, known)
    _, best, taken = max(ranked, key=lambda entry: entry[0])
    read = {(s.path, s.member) for files in taken.values() for s in files}
    each = [(path, m) for path, files in found.items() for m in sorted({s.member for s in files}) or [""]]
    ignored = (path / PurePosixPath(m).name if m else path for path, m in each if (path, m) not in read)
    return Detection(best, taken, tuple(ignored))


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


def _assign(one: Preset, sources: Sequence[Source]) -> tuple[int, dict[str, tuple[Source, ...]]]:
    """Give each file to the read that asks most of it; the score counts the headers of main reads.

    Of a workbook, the first sheet that fits: others are mostly copies and sums of it. So with what else may be seen
    in a file in more than one way.
    """
    taken: dict[str, tuple[Source, ...]] = {}
    done: set[tuple[Path, str]] = set()
    for source in sources:
        fitting = [r for r in one.reads.values() if r.has and missing(r, source) == 0]
        if not fitting or (source.path, source.member) in done:
            continue
        done.add((source.path, source.member))
        read = max(fitting, key=lambda r: len(r.has))
        taken[read.name] = (*taken.get(read.name, ()), source)
    for read in one.reads.values():
        if read.unless in taken:
            taken.pop(read.name, None)
    score = sum(len(one.reads[name].has) * len(files) for name, files in taken.items() if one.reads[name].main)
    return score, taken


def _unknown(
    paths: Sequence[Path], sources: Sequence[Source], candidates: Sequence[Preset], presets: Mapping[str, Preset]
) -> UnknownFile:
    known = ", ".join(presets)
    names = ", ".join(path.name for path in paths[:5])
    reads = [(one, read) for one in candidates for read in one.reads.values() if read.has and read.main]
    near = min(
        ((missing(read, s) / len(read.has), one.name, read) for s in sources for one, read in reads),
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
    unknown = UnknownFile(
        en + " `jauge inspect` proposes a mapping; else export it as CSV or JSON, or use the neutral format.",
        fr + " `jauge inspect` propose une correspondance ; sinon, exportez en CSV ou JSON, ou au format neutre.",
    )
    unknown.sources = tuple(sources)
    return unknown
