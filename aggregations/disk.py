"""Files that are there whole or not at all, whenever the machine stops."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PART = ".part-"  # what is being made begins so: no export of the inbox, and nothing that is read


def write_whole(path: Path, text: str) -> None:
    """Put a small text file, for this account only, in the place of the one there, at once."""
    part = path.with_name(PART + path.name)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    settle(part, path)


def settle(part: Path, path: Path) -> None:
    """Give a file that is complete its name, once the disk holds it."""
    sync(part)
    part.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file or a folder's entries before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def swap(making: Path, place: Path) -> None:
    """Put a folder that is complete in the place of the old; killed in between, the next one mends it."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    making.rename(place)
    shutil.rmtree(old, ignore_errors=True)
