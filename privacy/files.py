"""The files of a folder that others have written, read without trust.

No link is followed; nothing is read but regular files, so that no pipe or device makes the reader wait; never more bytes
than may be there, however large a file claims to be. Each file is opened and read once: what is checked is what is used.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePath
from stat import S_ISREG

from privacy.errors import broken, hold


def read_file(folder: Path, name: str, most: int) -> bytes:
    """Return the bytes of `folder/name` (of `folder` if "."), at most `most`; refusal `layout` or `size`."""
    try:
        with _opened(folder, name) as found:
            regular = S_ISREG(os.fstat(found).st_mode)
            with open(found, "rb", closefd=False) as file:
                data = file.read(most + 1) if regular else None
    except OSError:
        data = None
    if data is None:
        raise broken("layout", "a file that belongs there is missing, unreadable, a link or no file")
    hold("size", len(data) <= most, "a file is larger than what it declares can be")
    return data


def lists(folder: Path, name: str, entries: Collection[str]) -> bool:
    """Whether `folder/name` has these entries and no other; of a crowded folder no more is read than that takes."""
    try:
        with _opened(folder, name) as found, os.scandir(found) as there:
            return {entry.name for entry in islice(there, len(entries) + 1)} == set(entries)
    except OSError:
        return False


@contextmanager
def _opened(folder: Path, name: str) -> Generator[int]:
    """Open step by step from the folder, so that no step is a link, even one put there meanwhile."""
    plain = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    found = os.open(folder, plain)
    try:
        for part in PurePath(name).parts:
            above, found = found, os.open(part, plain, dir_fd=found)
            os.close(above)
        yield found
    finally:
        os.close(found)
