"""Proof by search: is a contact, or the number its records have, anywhere in these folders?

Every file is read: its name, its bytes, those of what it packs (zip, gzip, workbooks, one in another), every column of
Parquet, every cell of SQLite. A contact is looked for whatever its case, as UTF-8 or UTF-16, with a `+suffix`, its `@` as
addresses of pages or JSON escape it, a telephone however its digits are grouped; a number as its eight bytes, in decimal or in
hexadecimal. A file that cannot be opened is one where it may be.

What only a program of its own could read (an image, a PDF) is not seen through.
"""

from __future__ import annotations

import gzip
import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import polars as pl

from aggregations.unpacking import is_archive

_CHUNK = 1 << 20
_OVERLAP = 1 << 10  # longer than anything looked for
_DEPTH = 4  # archives in archives
_DIGITS = 9  # of a telephone, its last, which do not change with the prefix
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_PARQUET = b"PAR1"
_SQLITE = b"SQLite format 3\0"
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, sqlite3.Error)
_AT = r"(?:@|%40|\\u0040|&#64;)"


@dataclass(frozen=True, slots=True)
class Search:
    """How many files were searched, and those where something was found or that could not be opened."""

    files: int
    left: tuple[Path, ...]


def search(folders: Iterable[Path], contacts: Sequence[str], numbers: Iterable[int]) -> Search:
    """Look for contacts (normal: see `persons`) and for numbers of persons in all files of these folders."""
    wanted, files, left = _Wanted(contacts, sorted(set(numbers))), 0, list[Path]()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
            files += 1
            try:
                found = wanted.within(path.relative_to(folder).as_posix().encode()) or wanted.met(path)
            except FileNotFoundError:  # someone else's, gone in the meantime
                continue
            except (*_DAMAGED, pl.exceptions.PolarsError):
                found = True
            if found:
                left.append(path)
    return Search(files, tuple(left))


class _Wanted:
    """What is looked for, in each of the ways it can be written. Plain bytes are looked for first: a pattern is slow."""

    def __init__(self, contacts: Sequence[str], numbers: list[int]) -> None:
        if not contacts and not numbers:
            raise ValueError("nothing to look for is found everywhere")
        self.numbers = numbers
        self.raw = [n.to_bytes(8, order) for n in numbers for order in _ORDERS]
        self.plain = [text.encode() for n in numbers for text in (str(n), f"{n:x}")]
        self.phones = [number[-_DIGITS:].encode() for c in contacts if (number := _telephone(c))]
        mails = [c for c in contacts if not _telephone(c)]
        self.mails = [(c.partition("@")[0].encode(), re.compile(_written(c).encode())) for c in mails]
        told = [*map(_written, mails), *(f"{n}|{n:x}" for n in numbers)]
        told += [r"[ .\-()]{0,2}".join(phone.decode()) for phone in self.phones]
        self.text = f"(?i){'|'.join(told)}"

    def within(self, data: bytes) -> bool:
        """Tell whether bytes hold any of it; those of UTF-16 are every other one."""
        if any(number in data for number in self.raw):
            return True
        return self._said(data.lower()) or (b"\0" in data and self._said(data.replace(b"\0", b"").lower()))

    def _said(self, low: bytes) -> bool:
        if any(number in low for number in self.plain):
            return True
        if self.phones and any(phone in low.translate(None, b" .-()") for phone in self.phones):
            return True
        return any(name in low and pattern.search(low) for name, pattern in self.mails)

    def met(self, path: Path) -> bool:
        """Tell whether a file holds any of it."""
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) == _SQLITE and any(self.within(cell) for cell in _cells(path)):
                return True
            file.seek(0)
            return self._in_stream(file, 0)

    def _in_stream(self, file: IO[bytes], depth: int) -> bool:
        head = file.read(4)
        file.seek(0)
        if depth < _DEPTH and is_archive(head):
            if head[:2] == b"PK":
                with zipfile.ZipFile(file) as archive:
                    entries = [e for e in archive.infolist() if not e.is_dir()]
                    for entry in entries:
                        with archive.open(entry) as member:
                            if self.within(entry.filename.encode()) or self._in_stream(member, depth + 1):
                                return True
                return False
            with gzip.open(file) as inner:
                return self._in_stream(io.BufferedReader(inner), depth + 1)  # pyright: ignore[reportArgumentType]
        if head == _PARQUET and self._in_parquet(
            pl.scan_parquet(io.BytesIO(file.read()) if depth else Path(file.name))
        ):
            return True
        file.seek(0)
        tail = b""
        while chunk := file.read(_CHUNK):
            if self.within(tail + chunk):
                return True
            tail = chunk[-_OVERLAP:]
        return False

    def _in_parquet(self, rows: pl.LazyFrame) -> bool:
        schema = rows.collect_schema()
        numbers = pl.Series(self.numbers, dtype=pl.UInt64).implode()
        looks = list[pl.Expr]()
        for name, kind in schema.items():
            column = pl.col(name)
            if kind.is_integer():
                looks.append(column.cast(pl.UInt64, strict=False).is_in(numbers))
            elif not kind.is_temporal() and not kind.is_numeric() and kind != pl.Boolean:
                plain = column if kind == pl.String else _as_text(column, kind)
                looks.append(plain.str.contains(self.text))
        if not looks:
            return False
        return bool(rows.select(pl.any_horizontal(looks).any()).collect(engine="streaming").item())


def _as_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Binary:
        return column.bin.encode("hex")  # numbers as they are in hexadecimal; a text in bytes is met as bytes
    if kind.is_nested():
        return pl.struct(column).struct.json_encode()
    return column.cast(pl.String)


def _cells(path: Path) -> Iterator[bytes]:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in db.execute(f'select * from "{table}"'):  # noqa: S608 (the file's own names)
                yield b"\n".join(c if isinstance(c, bytes) else str(c).encode() for c in row)
    finally:
        db.close()


def _telephone(contact: str) -> str:
    digits = re.sub(r"\D", "", contact)
    return digits if len(digits) >= _DIGITS and not re.search(r"[^\W\d_]|@", contact) else ""


def _written(contact: str) -> str:
    name, at, host = contact.partition("@")
    if not at:
        return re.escape(contact)
    return rf"{re.escape(name)}(?:(?:\+|%2b)[^@\s\"',;<>]*?)?{_AT}{re.escape(host)}"
