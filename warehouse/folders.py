"""Folders that anybody may have put in the inbox: one process at a time has one, knows it again, and moves it away."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from privacy.errors import VerificationRefusal
from privacy.files import read_file

_MOST_ENTRIES, _MOST_BYTES = 1000, 2**24  # of what is refused, read to know it again


@contextmanager
def alone(folder: Path, *, wait: bool) -> Generator[bool]:
    """Keep other processes of this machine off a folder; False if one has it (unless `wait`), or has moved it.

    The lock is the system's: it ends with the process, however that ends. On file systems without locks, and on other
    machines, the lake's turn alone sees to it that nothing is held twice.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        yield False
        return
    except OSError:  # a link, or not to be read: it will be refused
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        free = True
    except OSError as error:
        free = error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    try:
        yield free and _is(folder, descriptor)
    finally:
        os.close(descriptor)


def _is(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def fingerprint(folder: Path) -> str:
    """Return a digest to know a folder again by: of all it holds, or of the first files of one far beyond any release.

    Of a file beyond that, its size and date stand in. FileNotFoundError if the folder has gone.
    """
    changed = folder.stat(follow_symlinks=False).st_mtime_ns
    digest, left = hashlib.sha256(), _MOST_BYTES
    for n, path in enumerate(_entries(folder)):
        if n == _MOST_ENTRIES:
            digest.update(str(changed).encode())
            break
        name = path.relative_to(folder)
        digest.update(os.fsencode(folder.name / name) + b"\0")
        try:
            data = read_file(folder, str(name), left)
            left -= len(data)
            digest.update(hashlib.sha256(data).digest())
        except VerificationRefusal:
            with suppress(OSError):
                found = path.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[Path]:
    """Walk a folder, itself first; a crowded one in part, and no link."""
    left = [folder]
    while left:
        path = left.pop()
        yield path
        with suppress(OSError):
            if stat.S_ISDIR(path.stat(follow_symlinks=False).st_mode):
                with os.scandir(path) as there:
                    names = sorted(entry.name for entry in islice(there, _MOST_ENTRIES))
                left += [path / name for name in reversed(names)]


def move(folder: Path, into: Path, digest: str) -> None:
    """Move a folder out of the inbox; a namesake there is kept, and only the same bytes are dropped.

    It is renamed, never copied. What the system does not let this process move or drop stays, and is decided again.
    """
    into.mkdir(parents=True, exist_ok=True)
    there = into / folder.name
    if os.path.lexists(there) and into.name == "refused":
        there = into / f"{folder.name[:50]}.{digest[:12]}"  # a name has 255 bytes at most
    if not os.path.lexists(folder):
        return  # another process decided the same, and moved it
    with suppress(PermissionError, RecursionError):
        if not os.path.lexists(there):
            folder.rename(there)
        elif folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink()


def shown(name: str) -> str:
    """Return a name that anybody may have chosen as text that can be stored and printed; no two names become one."""
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name)


def swap(making: Path, place: Path) -> None:
    """Put the new folder in the place of the old; killed in between, the next run mends it."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    making.rename(place)
    shutil.rmtree(old, ignore_errors=True)
