"""One folder of the inbox: one process at a time has it, and it is verified by what it says alone.

Rules, in order: those of `privacy.release.read` (layout, manifest, signature, identity, digest, schema, suppression,
accounting), with `member` before the signature; then table, sketch, statement and approval. What the lake must be asked
(withdrawn, policy, key, revision) comes after, in `inbox`. A withdrawal is a file beside the folders, held to layout,
member, statement and identity.
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
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from privacy.calendar import Period
from privacy.errors import Fault, VerificationRefusal
from privacy.policy import Policy
from privacy.release import Release, read
from privacy.statements import read_statement
from warehouse.charter import Governance, Member
from warehouse.floor import check_facts, check_sketches, check_tables
from warehouse.governance import Hub, governance
from warehouse.withdrawals import SUFFIX, Withdrawal, read_withdrawal

_STATEMENT = 10_000  # bytes; ours have some hundreds


@dataclass(frozen=True, slots=True)
class Rules:
    """What a release is held to, read once a run: what the members agreed on, and the network's policy."""

    agreed: Governance
    policy: Policy

    @classmethod
    def of(cls, hub: Hub) -> Rules:
        """Read them from the hub's files."""
        return cls(governance(hub), hub.policy)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A folder, or a file, and what it is: a verified release, a withdrawal of one, or a refusal. `venue`, `period`: as claimed."""

    folder: Path
    venue: str | None
    period: str | None
    found: Release | Withdrawal | VerificationRefusal


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
    """Verify a folder, or a statement; None if it has gone meanwhile: what reads as damaged may only be half moved away."""
    venue, period = claims(folder)
    try:
        found = (_withdrawal if folder.name.endswith(SUFFIX) else _verify)(folder, venue, rules)
    except VerificationRefusal as refusal:
        found = refusal
    except FileNotFoundError:
        return None
    return Arrival(folder, venue, period, found) if os.path.lexists(folder) else None


def claims(folder: Path) -> tuple[str | None, str | None]:
    """Return the venue and period the manifest names, unverified: only to know whose key must have signed."""
    try:
        if folder.name.endswith(SUFFIX):
            told: Any = json.loads(folder.read_bytes())
            venue, period = told["venue"], str(Period.parse(told["period"]))
        else:
            told = json.loads((folder / "manifest.json").read_bytes())
            venue, period = told["venue"]["id"], str(Period.parse(told["period"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, Fault):
        return None, None
    return (venue, period) if isinstance(venue, str) else (None, None)


def _withdrawal(path: Path, venue: str | None, rules: Rules) -> Withdrawal:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _STATEMENT or venue is None:
        raise refusal("layout", "it is no statement", "ce n’est pas une attestation")
    gone = read_withdrawal(path, _member(venue, rules))
    if path.name != gone.release_id + SUFFIX:
        raise refusal("identity", "it withdraws another release", "elle retire une autre publication")
    return gone


def _member(venue: str, rules: Rules) -> Member:
    member = rules.agreed.venues.get(venue)
    if member is None:
        raise refusal("member", "this venue is not a member of the hub", "ce lieu n’est pas membre du hub")
    return member


def _verify(folder: Path, venue: str | None, rules: Rules) -> Release:
    if any(p.is_symlink() for p in (folder, *folder.rglob("*"))):
        raise refusal("layout", "a file is a link", "un fichier est un lien")
    member = _member(venue, rules) if venue is not None else None
    try:
        release = read(folder, _key(folder, member) if member else "")
    except pl.exceptions.PanicException:  # a Parquet file made to break its reader
        raise refusal("schema", "a table is not readable Parquet", "une table n’est pas un Parquet lisible") from None
    check_facts(release.manifest)
    try:
        check_tables(release.manifest, rules.policy)
        check_sketches(release.manifest, rules.policy)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise wrong_field() from None
    if member:
        _check_approval(release, member)
    return release


def _key(folder: Path, member: Member) -> str:
    """Return which of a venue's keys must have signed: the one the manifest names, or else the one it has now."""
    named = json.loads((folder / "manifest.json").read_bytes())["venue"].get("public_key")
    return named if named in [key.public_key for key in member.former_keys] else member.public_key


def check_key(release: Release, member: Member) -> None:
    """VerificationRefusal `key` if a release that is new was signed by a key that no longer counts for it."""
    named = release.manifest["venue"]["public_key"]
    for former in member.former_keys:
        if named == former.public_key and former.revoked:
            raise refusal("key", "it is signed by a key that is revoked", "elle est signée d’une clé révoquée")
        if named == former.public_key and date.fromisoformat(release.manifest["published"]) > former.until:
            why = "it is signed by a key that was renewed before", "elle est signée d’une clé renouvelée avant"
            raise refusal("key", *why)


def _check_approval(release: Release, member: Member) -> None:
    """VerificationRefusal `approval` if the members ask for one that is not there; `statement` if it is not the venue's."""
    path = release.folder / "approval.json"
    by = None
    if path.exists():
        told = read_statement(path.read_bytes(), "approval", member.keys)
        same = (told["venue"], told["release_id"], told["manifest_sha256"])
        if same != (member.id, release.id, release.manifest_sha256):
            raise refusal("approval", "the approval is of another release", "l’accord porte sur une autre publication")
        by = told["by"]
    if member.approval == "manual" and by not in member.approvers:
        raise refusal("approval", "no approver of governance.toml has approved it",
                      "aucun approbateur de governance.toml ne l’a approuvée")  # fmt: skip


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
