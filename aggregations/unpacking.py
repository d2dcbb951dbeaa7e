"""A file as bytes, whatever it is packed in: as it is, gzip, or one member of a zip archive.

Unpacked bytes are counted as they come: an archive that swells beyond the limits below is refused, and so is one in
another. A member's name is shown, never used as a path.
"""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from privacy.errors import Fault

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

LARGEST = 1 << 36  # bytes of an archive, unpacked: 64 GiB
RATIO = 200  # unpacked to packed; logs reach some 30
_SMALL = 1 << 24  # below these 16 MiB, any ratio
_MEMBERS = 1000
_CHUNK = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WORKBOOK = "xl/workbook.xml"
# What Python says of a damaged or cut file. An encrypted member is a RuntimeError.
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


@contextmanager
def unpacked(path: Path, member: str = "") -> Generator[IO[bytes]]:
    """Open a file, unpacked where it is gzip, or a member of a zip archive; a Fault names the file."""
    try:
        if member:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                yield file
            return
        with path.open("rb") as plain:
            packed = plain.read(2) == _GZIP
            plain.seek(0)
            if not packed:
                yield plain
                return
            with gzip.open(plain) as file:
                yield io.BufferedReader(_Counted(file, path), _CHUNK)
    except _DAMAGED:
        raise unreadable(path) from None


def members(path: Path) -> tuple[str, ...] | None:
    """Return the files of a zip archive, by name; None where the file is no archive, or is a workbook.

    Raises:
        Fault: the archive is damaged, or too large unpacked.
    """
    with path.open("rb") as file:
        if file.read(4) != _ZIP:
            return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            # zipfile gives no more bytes than a member declares
            _check(path, sum(entry.file_size for entry in archive.infolist()), path.stat().st_size)
    except _DAMAGED:
        raise unreadable(path) from None
    if _WORKBOOK in names:
        return None
    if len(names) > _MEMBERS:
        raise _swollen(path)
    return tuple(sorted(name for name in names if not _hidden(PurePosixPath(name))))


def is_archive(head: bytes) -> bool:
    """Tell whether bytes that come out of a file, or lie in it, are packed; a workbook is too."""
    return head[:4] == _ZIP or head[:2] == _GZIP


def is_workbook(path: Path, member: str = "") -> bool:
    """Tell an XLSX file, which is a zip archive of its own kind and held to the same limits."""
    with unpacked(path, member) as file:
        if file.read(4) != _ZIP:
            return False
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check(path, sum(e.file_size for e in entries), sum(e.compress_size for e in entries))
            return _WORKBOOK in archive.namelist()


def packing_of(path: Path) -> str:
    """Return `gzip` where a file is, else nothing; archives are told by their members."""
    with path.open("rb") as file:
        return "gzip" if file.read(2) == _GZIP else ""


def head_of(path: Path, member: str = "", size: int = -1) -> bytes:
    """Return the first bytes of a file, or all of them, unpacked."""
    with unpacked(path, member) as file:
        return file.read(size)


def copied(path: Path, member: str, scratch: Path) -> Path:
    """Return a file that is not packed: the file itself, or a copy in the scratch folder under a name of ours."""
    if not member and not packing_of(path):
        return path
    copy = new_file(scratch, "bin")
    with unpacked(path, member) as file, copy.open("wb") as plain:
        shutil.copyfileobj(file, plain, _CHUNK)
    return copy


def new_file(scratch: Path, kind: str) -> Path:
    """Name a file that is not there yet."""
    return scratch / f"{len(list(scratch.iterdir()))}.{kind}"


class _Counted(io.RawIOBase):
    """A gzip stream, which does not say how long it is: refused as soon as it is too long."""

    def __init__(self, file: gzip.GzipFile, path: Path) -> None:
        self._file, self._path, self._size = file, path, path.stat().st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        size = self._file.readinto(buffer)
        _check(self._path, self._file.tell(), self._size)
        return size

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()


def unreadable(path: Path) -> Fault:
    """Return what is said of a damaged file."""
    return Fault(
        f"{path.name} cannot be read: it is damaged or not what its first bytes say. Export it again.",
        f"{path.name} est illisible : abîmé, ou autre chose que ce que disent ses premiers octets. Exportez-le à nouveau.",
    )


def nested(path: Path) -> Fault:
    """Return what is said of an archive that holds another."""
    return Fault(
        f"{path.name} holds another archive. Unpack it once, then load what is in it.",
        f"{path.name} contient une autre archive. Décompressez-la une fois, puis chargez ce qu’elle contient.",
    )


def _check(path: Path, whole: int, packed: int) -> None:
    if whole > LARGEST or (whole > _SMALL and whole > RATIO * packed):
        raise _swollen(path)


def _swollen(path: Path) -> Fault:
    return Fault(
        f"{path.name} is too large once unpacked (more than 64 GiB, {RATIO} times its size, or {_MEMBERS} files). "
        "Nothing was read.",
        f"{path.name} est trop gros une fois décompressé (plus de 64 Gio, de {RATIO} fois sa taille ou de {_MEMBERS} fichiers). "
        "Rien n’a été lu.",
    )


def _hidden(name: PurePosixPath) -> bool:
    return name.name.startswith(".") or "__MACOSX" in name.parts
