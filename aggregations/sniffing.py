"""The form of a file by its bytes, never by its name: packing, format, encoding, separator, and headers or keys."""

from __future__ import annotations

import codecs
import csv
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from aggregations.encodings import encoding_of
from aggregations.mapping import Preset, Read
from aggregations.sources import Source, missing
from aggregations.unpacking import copied, head_of, is_archive, is_workbook, members, nested, packing_of

_DELIMITERS = (";", ",", "\t", "|")
_HEAD = 1 << 16
_HEADS = (_HEAD, 1 << 24, -1)  # bytes to look for the first JSON record in
_RECORDS = 50  # whose keys are looked at: in a graph the first may be of another kind
_KEY = re.compile(r'\s*,?\s*"([^"]*)"\s*:\s*')


def sources_of(path: Path, presets: Iterable[Preset]) -> list[Source]:
    """Tell what a file holds by its bytes: each member of an archive, each sheet of a workbook; often one, or none.

    Presets only tell which patterns lines of text may follow, and where records may lie in a JSON document.
    """
    reads = [read for one in presets for read in one.reads.values()]
    inside = members(path)
    packing = packing_of(path) if inside is None else "zip"
    return [
        replace(s, packing=packing, member=m)
        for m in (("",) if inside is None else inside)
        for s in _sources(path, m, reads)
    ]


def _sources(path: Path, member: str, reads: Sequence[Read]) -> list[Source]:
    head = head_of(path, member, _HEAD)
    if head[:4] == b"PAR1":
        return _parquet(path, member)
    if is_workbook(path, member):
        return _sheets(path, member)
    if is_archive(head):
        raise nested(path)
    encoding = encoding_of(path, member)
    text = _text(head, encoding)
    if not text.strip() or "\0" in text:
        return []
    if text.lstrip()[0] in "[{":
        return _json(path, member, encoding, reads)
    lines = text.lstrip("\r\n").splitlines()
    for pattern in dict.fromkeys(read.pattern for read in reads if read.pattern):
        if any(re.search(pattern, line) for line in lines[:20]):
            return [Source(path, "lines", encoding, "", tuple(re.compile(pattern).groupindex))]
    delimiter = max(_DELIMITERS, key=lambda d: len(next(csv.reader([lines[0]], delimiter=d))))
    headers = next(csv.reader([lines[0]], delimiter=delimiter))
    return [Source(path, "table", encoding, delimiter, tuple(headers))]


def _parquet(path: Path, member: str) -> list[Source]:
    try:
        with tempfile.TemporaryDirectory(prefix="jauge-") as scratch:
            keys = tuple(pl.read_parquet_schema(copied(path, member, Path(scratch))))
    except (pl.exceptions.PolarsError, OSError):
        return []
    return [Source(path, "parquet", "", "", keys)]


def _sheets(path: Path, member: str) -> list[Source]:
    import fastexcel

    try:
        with tempfile.TemporaryDirectory(prefix="jauge-") as scratch:
            book = fastexcel.read_excel(copied(path, member, Path(scratch)))
            headers = {n: book.load_sheet(n, n_rows=1, dtypes="string").to_polars().columns for n in book.sheet_names}
    except fastexcel.FastExcelError:
        return []
    return [Source(path, "workbook", "", "", tuple(h), place=n) for n, h in headers.items() if h]


def _text(head: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")


def _json(path: Path, member: str, encoding: str, reads: Sequence[Read]) -> list[Source]:
    """A list of records, one a line, one alone, or a page of them; an object that may be a page or a record is told as both."""
    found: list[Source] = []
    lists = {name for read in reads for name in read.records}
    for size in _HEADS:
        text = _text(head_of(path, member, size), encoding).lstrip()
        place, start = _page(text, lists) if text[0] == "{" else ("", 0)
        if place and (keys := _keys(text, start)):
            found = [Source(path, "pages", encoding, "", keys, place=place)]
            if any(read.has and missing(read, found[0]) == 0 for read in reads):
                return found
        if keys := _keys(text, 0):
            # one object of several lines is a document; one a line, a list of them
            alone = "object" if "\n" in text[: _record(text, 0)[1]].strip() else "ndjson"
            return [*found, Source(path, "list" if text[0] == "[" else alone, encoding, "", keys)]
    return found


def _keys(text: str, start: int) -> tuple[str, ...]:
    """Keys of the first records that begin after a place; none where the first is not whole."""
    keys: dict[str, None] = {}
    end = start
    for _ in range(_RECORDS):
        record, end = _record(text, text.find("{", end))
        if not record and not keys:
            break
        keys |= dict.fromkeys(record or ())
    return tuple(keys)


def _page(text: str, lists: set[str]) -> tuple[str, int]:
    """Key and place of the list of records in an object of our head; an empty key where it has none of these lists."""
    decoder, place = json.JSONDecoder(), 1
    try:
        while key := _KEY.match(text, place):
            if key[1] in lists and text.startswith("[", key.end()):
                return key[1], key.end()
            place = decoder.raw_decode(text, key.end())[1]
    except (ValueError, RecursionError):
        pass
    return "", 0


def _record(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """Decode the object at a place; None where there is none, or it is not whole."""
    try:
        return json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, len(text))
    except (ValueError, RecursionError):
        return None, len(text)
