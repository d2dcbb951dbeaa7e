"""The inbox: every release delivered is verified, then accepted in one transaction or refused with a reason.

Promise: nothing is ever half-loaded, and nothing is lost. The lake is written before a folder moves; killed between
the two, the next run finds the release held (same manifest) or the refusal recorded (same bytes) and only moves the
folder. The order in which releases arrive does not matter to what the views show.

Rules, in order: those of `privacy.release.read` (layout, manifest, signature, identity, digest, schema, suppression,
accounting), with `member` before the signature; then policy, table, revision.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from privacy.accounting import Cost
from privacy.calendar import Period
from privacy.errors import Fault, VerificationRefusal
from privacy.release import Release, read
from warehouse.definitions import sql
from warehouse.floor import Spent, check_facts, check_policy, check_tables
from warehouse.governance import Hub, floor, members
from warehouse.lake import hold, hold_venues, open_lake, tidy

_TIDY_FROM = 16  # releases accepted in one run that are worth Parquet files


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one folder. `held`: the lake had it already. `rule`, `fr`, `en`: only of a refusal."""

    folder: str
    outcome: Literal["accepted", "held", "refused"]
    venue: str | None = None
    release_id: str | None = None
    rule: str | None = None
    fr: str | None = None
    en: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A folder in the inbox and what it claims to be, unverified (None: its manifest cannot be read)."""

    folder: Path
    venue: str | None
    period: str | None


def waiting(hub: Hub) -> list[Waiting]:
    """List what has arrived, by name; a dotted name is still arriving."""
    names = sorted(p.name for p in hub.inbox.iterdir()) if hub.inbox.exists() else []
    return [Waiting(hub.inbox / n, *_claims(hub.inbox / n)) for n in names if not n.startswith(".")]


def accept(hub: Hub, *, now: datetime | None = None) -> list[Decision]:
    """Decide on every folder of the inbox, by name; a release refused is a Decision, never an exception."""
    return list(decide(hub, now=now))


def decide(hub: Hub, *, now: datetime | None = None) -> Iterator[Decision]:
    """Do as `accept` does, and tell each decision when it is taken."""
    accepted = 0
    with open_lake(hub) as lake:
        hold_venues(lake, hub)
        for one in waiting(hub):
            decision = _decide(hub, lake, one.folder, now)
            accepted += decision.outcome == "accepted"
            yield decision
        if accepted >= _TIDY_FROM:
            tidy(lake)


def accept_one(hub: Hub, folder: Path, *, now: datetime | None = None) -> Decision:
    """Decide on one folder of the inbox."""
    with open_lake(hub) as lake:
        hold_venues(lake, hub)
        return _decide(hub, lake, folder, now)


def _decide(hub: Hub, lake: duckdb.DuckDBPyConnection, folder: Path, now: datetime | None) -> Decision:
    at = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    venue, period = _claims(folder)
    try:
        release = _verify(hub, lake, folder, venue)
        held = _is_held(lake, release)
    except VerificationRefusal as refusal:
        decision = Decision(folder.name, "refused", venue, None, refusal.rule, refusal.fr, refusal.en, period)
        fingerprint = _fingerprint(folder)
        _record(lake, decision, fingerprint, at)
        _move(folder, hub.refused, fingerprint)
        return decision
    if not held:
        lake.execute("begin")
        try:
            hold(lake, release, hub.policy, at)
            lake.execute("commit")
        except BaseException:
            lake.execute("rollback")
            raise
    _move(folder, hub.accepted, release.manifest_sha256)
    return Decision(folder.name, "held" if held else "accepted", venue, release.id, period=period)


def _verify(hub: Hub, lake: duckdb.DuckDBPyConnection, folder: Path, venue: str | None) -> Release:
    member = members(hub).get(venue) if venue is not None else None
    if any(p.is_symlink() for p in (folder, *folder.rglob("*"))):
        raise _refusal("layout", "a file is a link", "un fichier est un lien")
    if venue is not None and member is None:
        raise _refusal("member", "this venue is not a member of the hub", "ce lieu n’est pas membre du hub")
    try:
        release = read(folder, member.public_key if member else "")
    except pl.exceptions.PanicException:  # a Parquet file made to break its reader
        raise _refusal("schema", "a table is not readable Parquet", "une table n’est pas un Parquet lisible") from None
    check_facts(release.manifest)
    policy = hub.policy
    try:
        check_tables(release.manifest, policy)
        held, _ = _latest(lake, release)
        spent = {} if held else _spent(lake, release)
        check_policy(release.manifest, floor(hub), spent)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise _refusal("manifest", "a field is missing or of the wrong type", "un champ manque ou est faux") from None
    return release


def _is_held(lake: duckdb.DuckDBPyConnection, release: Release) -> bool:
    """Is this very release held? VerificationRefusal `revision` if a newer one, or another of that name, is."""
    manifest, revision = _latest(lake, release)
    if manifest == release.manifest_sha256:
        return True
    if manifest is not None:
        raise _refusal("revision", "another release of this id is held", "une autre publication de cet id est détenue")
    if release.manifest["revision"] <= revision:
        why = f"revision {revision} of this period is held", f"la révision {revision} de cette période est détenue"
        raise _refusal("revision", *why)
    return False


def _latest(lake: duckdb.DuckDBPyConnection, release: Release) -> tuple[str | None, int]:
    facts = {"release_id": release.id, "venue": release.manifest["venue"]["id"], "period": release.manifest["period"]}
    revision, manifest = lake.execute(sql("latest_revision"), facts).fetchone() or (0, None)
    return manifest, revision


def _spent(lake: duckdb.DuckDBPyConnection, release: Release) -> Spent:
    facts = {"venue": release.manifest["venue"]["id"], "season": release.manifest["season"]}
    spent: Spent = {}
    for unit, *parts in lake.execute(sql("spent"), facts).fetchall():
        spent[unit] = spent.get(unit, Cost()) + Cost(*map(Fraction, parts))
    return spent


def _claims(folder: Path) -> tuple[str | None, str | None]:
    """Return the venue and period the manifest names, unverified: only to know whose key must have signed."""
    try:
        manifest: Any = json.loads((folder / "manifest.json").read_bytes())
        venue, period = manifest["venue"]["id"], str(Period.parse(manifest["period"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, Fault):
        return None, None
    return (venue, period) if isinstance(venue, str) else (None, None)


def _record(lake: duckdb.DuckDBPyConnection, d: Decision, fingerprint: str, at: datetime) -> None:
    """Write the refusal, once for the same bytes under the same name refused by the same rule."""
    same = "select 1 from refusals where folder = ? and rule = ? and fingerprint = ?"
    if lake.execute(same, [d.folder, d.rule, fingerprint]).fetchone() is None:
        row = [at, d.folder, d.venue, d.rule, d.fr, d.en, fingerprint]
        lake.execute("insert into refusals values (?, ?, ?, ?, ?, ?, ?)", row)


def _move(folder: Path, into: Path, digest: str) -> None:
    """Move a folder out of the inbox; a namesake there is kept, and only the same bytes are dropped."""
    into.mkdir(parents=True, exist_ok=True)
    there = into / folder.name
    if there.exists() and into.name == "refused":
        there = into / f"{folder.name}.{digest[:12]}"
    if not there.exists():
        folder.rename(there)
    elif folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink()


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
        if path.is_file() and not path.is_symlink():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _refusal(rule: str, en: str, fr: str) -> VerificationRefusal:
    return VerificationRefusal(
        rule, f"{en}. The folder is kept in refused/.", f"{fr}. Le dossier est gardé dans refused/."
    )
