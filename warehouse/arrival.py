"""One folder of the inbox: one process at a time has it, and it is verified by what it says alone.

Rules, in order: `member`, then those of `privacy.verification`, with `table` before any table is opened. What the lake must
be asked (policy, revision) comes after, in `inbox`. A folder may hold anything at all, by anyone who can write there: no file
is read before it is known to be one and small enough, and nothing it says is told but what is on the hub's own lists.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from privacy.calendar import Period
from privacy.errors import JaugeError, VerificationRefusal
from privacy.files import read_file
from privacy.policy import Policy
from privacy.release import Release, read
from privacy.verification import read_manifest
from warehouse.floor import check_facts, check_tables
from warehouse.governance import Floor, Hub, Member, floor, members

_ID = re.compile(r"[a-z][a-z0-9-]{1,40}")  # of a venue, as in `governance`


@dataclass(frozen=True, slots=True)
class Rules:
    """What a release is held to, read once a run: `members` by id, the floor, the network's policy."""

    members: dict[str, Member]
    floor: Floor
    policy: Policy

    @classmethod
    def of(cls, hub: Hub) -> Rules:
        """Read them from the hub's files."""
        return cls(members(hub), floor(hub), hub.policy)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A folder and what it is: a verified release, or a refusal. `venue`, `period`: as claimed."""

    folder: Path
    venue: str | None
    period: str | None
    found: Release | VerificationRefusal


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


def look(folder: Path, rules: Rules) -> Arrival | None:
    """Verify a folder; None if it has gone meanwhile: what reads as damaged may only be half moved away."""
    venue, period = claims(folder)
    try:
        found = _verify(folder, venue, rules)
    except VerificationRefusal as refusal:
        found = refusal
    known = venue if venue in rules.members else None  # another name may be anything: not told
    return Arrival(folder, known, period, found) if os.path.lexists(folder) else None


def claims(folder: Path) -> tuple[str | None, str | None]:
    """Return the venue and period the manifest names, unverified: only to know whose key must have signed."""
    try:
        _, manifest = read_manifest(folder)
        venue, period = manifest["venue"]["id"], str(Period.parse(manifest["period"]))
    except (JaugeError, KeyError, TypeError, ValueError, AttributeError):
        return None, None
    return (venue, period) if isinstance(venue, str) and _ID.fullmatch(venue) else (None, None)


def _verify(folder: Path, venue: str | None, rules: Rules) -> Release:
    member = rules.members.get(venue) if venue is not None else None
    if venue is not None and member is None:
        raise refusal("member", "this venue is not a member of the hub", "ce lieu n’est pas membre du hub")

    def demand(manifest: dict[str, Any]) -> None:
        if manifest["venue"]["id"] != venue:  # swapped since it was asked whose key must have signed
            raise refusal("member", "it is not by the venue it said", "elle n’est pas du lieu annoncé")
        check_facts(manifest)
        check_tables(manifest, rules.policy)

    return read(folder, member.public_key if member else None, demand=demand)


_MOST_ENTRIES, _MOST_BYTES = 1000, 2**24  # of what is refused, read to know it again


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


def refusal(rule: str, en: str, fr: str) -> VerificationRefusal:
    """Return a refusal of a folder as a whole."""
    return VerificationRefusal(
        rule, f"{en}. The folder is kept in refused/.", f"{fr}. Le dossier est gardé dans refused/."
    )


def wrong_field() -> VerificationRefusal:
    """Return the refusal of a manifest that its signer made wrong."""
    return refusal("manifest", "a field is missing or of the wrong type", "un champ manque ou est faux")
