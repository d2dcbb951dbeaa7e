"""An export is received: known by its bytes, copied whole into the inbox, one at a time."""

from __future__ import annotations

import fcntl
import filecmp
import hashlib
import hmac
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aggregations.detect import Detection
from aggregations.disk import PART, sync
from aggregations.sources import Source
from aggregations.venue import Venue

_CHUNK = 1 << 20


def receive(venue: Venue, detection: Detection, paths: Sequence[Path], identity: str) -> Detection:
    """Copy the files the preset reads to the inbox, where they are not there yet; keep their names."""
    inbox = venue.inbox.resolve()
    inbox.mkdir(parents=True, exist_ok=True)
    sources = [s for files in detection.sources.values() for s in files]
    folder = paths[0].resolve().name if len(paths) == 1 else identity[:12]
    target = inbox if len({s.path for s in sources}) == 1 else inbox / folder
    here: dict[Path, Path] = {}
    for source in sources:
        if source.path in here:  # another member of an archive
            continue
        path = source.path.resolve()
        if path.is_relative_to(inbox):
            here[source.path] = path
            continue
        target.mkdir(exist_ok=True)
        place = target / path.name
        if place.exists() and not filecmp.cmp(path, place, shallow=False):
            place = target / f"{identity[:8]}-{path.name}"
        if not place.exists():
            part = target / f"{PART}{path.name}"
            shutil.copyfile(path, part)
            stat = path.stat()  # when it was last written decides between versions of a row
            os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            sync(part)
            part.replace(place)
        here[source.path] = place
    moved: dict[str, tuple[Source, ...]] = {
        name: tuple(replace(s, path=here[s.path]) for s in files) for name, files in detection.sources.items()
    }
    return replace(detection, sources=moved)


def fingerprint(key: bytes, paths: Iterable[Path]) -> str:
    """HMAC of the bytes of all files, whatever their names and order; 32 hex digits."""
    digests: list[bytes] = []
    for path in paths:
        one = hmac.new(key, b"export\0", hashlib.sha256)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                one.update(chunk)
        digests.append(one.digest())
    return hmac.new(key, b"exports\0" + b"".join(sorted(digests)), hashlib.sha256).hexdigest()[:32]


def discard(venue: Venue, files: Iterable[Path]) -> None:
    """Take an export out of the inbox: its files, or the folder they lie in, which is one export. Elsewhere, touch nothing."""
    inbox = venue.inbox.resolve()
    here = {file.resolve() for file in files if file.resolve().is_relative_to(inbox)}
    for entry in {inbox / file.relative_to(inbox).parts[0] for file in here if file.exists()}:
        if entry.is_dir():  # in one step: what is left of half an export would be loaded as another
            shutil.rmtree(entry.rename(inbox / f"{PART}{entry.name}"))
        else:
            entry.unlink()
    sync(inbox)


def sweep(venue: Venue) -> None:
    """Take away what killed processes left in the inbox and the store. Under the store's lock."""
    for stale in (*venue.inbox.glob(f"**/{PART}*"), *venue.store.glob(f"{PART}*")):
        if stale.is_dir():
            shutil.rmtree(stale)
        else:
            stale.unlink(missing_ok=True)


@contextmanager
def alone(store: Path) -> Generator[None]:
    """Let one ingest at a time work on a venue's store; the lock dies with its process."""
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
