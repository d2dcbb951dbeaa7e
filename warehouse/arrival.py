"""One folder of the inbox: one process at a time has it, and it is verified by what it says alone.

Rules, in order: those of `privacy.release.read` (layout, manifest, signature, identity, digest, schema, suppression,
accounting), with `member` before the signature; then table. What the lake must be asked (policy, revision) comes after,
in `inbox`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from privacy.calendar import Period
from privacy.errors import Fault, VerificationRefusal
from privacy.policy import Policy
from privacy.release import Release, read
from warehouse.floor import check_facts, check_tables
from warehouse.governance import Floor, Hub, Member, floor, members


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
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
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
    except FileNotFoundError:
        return None
    return Arrival(folder, venue, period, found) if os.path.lexists(folder) else None


def claims(folder: Path) -> tuple[str | None, str | None]:
    """Return the venue and period the manifest names, unverified: only to know whose key must have signed."""
    try:
        manifest: Any = json.loads((folder / "manifest.json").read_bytes())
        venue, period = manifest["venue"]["id"], str(Period.parse(manifest["period"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, Fault):
        return None, None
    return (venue, period) if isinstance(venue, str) else (None, None)


def _verify(folder: Path, venue: str | None, rules: Rules) -> Release:
    member = rules.members.get(venue) if venue is not None else None
    if any(p.is_symlink() for p in (folder, *folder.rglob("*"))):
        raise refusal("layout", "a file is a link", "un fichier est un lien")
    if venue is not None and member is None:
        raise refusal("member", "this venue is not a member of the hub", "ce lieu n’est pas membre du hub")
    try:
        release = read(folder, member.public_key if member else "")
    except pl.exceptions.PanicException:  # a Parquet file made to break its reader
        raise refusal("schema", "a table is not readable Parquet", "une table n’est pas un Parquet lisible") from None
    check_facts(release.manifest)
    try:
        check_tables(release.manifest, rules.policy)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise wrong_field() from None
    return release


def fingerprint(folder: Path) -> str:
    """Return a digest of all that a folder holds."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
        if path.is_file() and not path.is_symlink():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def move(folder: Path, into: Path, digest: str) -> None:
    """Move a folder out of the inbox; a namesake there is kept, and only the same bytes are dropped."""
    into.mkdir(parents=True, exist_ok=True)
    there = into / folder.name
    if there.exists() and into.name == "refused":
        there = into / f"{folder.name}.{digest[:12]}"
    if not os.path.lexists(folder):
        return  # another process decided the same, and moved it
    if not there.exists():
        folder.rename(there)
    elif folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()


def refusal(rule: str, en: str, fr: str) -> VerificationRefusal:
    """Return a refusal of a folder as a whole."""
    return VerificationRefusal(
        rule, f"{en}. The folder is kept in refused/.", f"{fr}. Le dossier est gardé dans refused/."
    )


def wrong_field() -> VerificationRefusal:
    """Return the refusal of a manifest that its signer made wrong."""
    return refusal("manifest", "a field is missing or of the wrong type", "un champ manque ou est faux")
