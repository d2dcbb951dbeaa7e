"""One folder of the inbox, verified by what it says alone.

Rules of a release, in order: `member`, then those of `privacy.verification`, with `table` and `sketch` before any of them is opened; then
`statement` and `approval`. What the lake must be asked (withdrawn, policy, key, revision) comes after, in `inbox`. A
withdrawal is a folder of its own, held to member, statement and identity. A folder may hold anything at all, by anyone who can
write there: no file is read before it is known to be one and small enough, and nothing it says is told but what is on the
hub's own lists.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from privacy.calendar import Period
from privacy.errors import JaugeError, VerificationRefusal
from privacy.files import lists, read_file
from privacy.policy import Policy
from privacy.release import Release, read
from privacy.statements import read_statement
from privacy.verification import read_manifest
from warehouse.charter import Governance, Member
from warehouse.floor import check_facts, check_sketches, check_tables
from warehouse.governance import Hub, governance
from warehouse.withdrawals import DOCUMENT, LIMIT, SIGNATURE, Withdrawal, read_withdrawal

_ID = re.compile(r"[a-z][a-z0-9-]{1,40}")  # of a venue, as in `charter`


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
    """A folder and what it is: a verified release, a withdrawal of one, or a refusal. `venue`, `period`: as claimed."""

    folder: Path
    venue: str | None
    period: str | None
    found: Release | Withdrawal | VerificationRefusal


def look(folder: Path, rules: Rules) -> Arrival | None:
    """Verify a folder; None if it has gone meanwhile: what reads as damaged may only be half moved away."""
    venue, period = claims(folder)
    try:
        found = (_withdrawal if _withdraws(folder) else _verify)(folder, venue, rules)
    except VerificationRefusal as refusal:
        found = refusal
    known = venue if venue in rules.agreed.venues else None  # another name may be anything: not told
    return Arrival(folder, known, period, found) if os.path.lexists(folder) else None


def _withdraws(folder: Path) -> bool:
    return lists(folder, ".", (DOCUMENT, SIGNATURE))


def claims(folder: Path) -> tuple[str | None, str | None]:
    """Return the venue and period a folder names, unverified: only to know whose key must have signed."""
    try:
        told = json.loads(read_file(folder, DOCUMENT, LIMIT)) if _withdraws(folder) else read_manifest(folder)[1]
        venue, period = told["venue"]["id"], str(Period.parse(told["period"]))
    except (JaugeError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None, None
    return (venue, period) if isinstance(venue, str) and _ID.fullmatch(venue) else (None, None)


def _withdrawal(folder: Path, venue: str | None, rules: Rules) -> Withdrawal:
    gone = read_withdrawal(folder, _member(venue, rules))
    if folder.name != gone.release_id:
        raise refusal("identity", "it withdraws another release", "elle retire une autre publication")
    return gone


def _member(venue: str | None, rules: Rules) -> Member:
    member = rules.agreed.venues.get(venue or "")
    if member is None:
        raise refusal("member", "this venue is not a member of the hub", "ce lieu n’est pas membre du hub")
    return member


def _verify(folder: Path, venue: str | None, rules: Rules) -> Release:
    member = _member(venue, rules) if venue is not None else None

    def demand(manifest: dict[str, Any]) -> None:
        if manifest["venue"]["id"] != venue:  # swapped since it was asked whose key must have signed
            raise refusal("member", "it is not by the venue it said", "elle n’est pas du lieu annoncé")
        check_facts(manifest)
        check_tables(manifest, rules.policy)
        check_sketches(manifest, rules.policy)

    release = read(folder, _key(folder, member) if member else None, demand=demand)
    if member:
        _check_approval(release, member)
    return release


def _key(folder: Path, member: Member) -> str:
    """Return which of a venue's keys must have signed: the one the manifest names, or else the one it has now."""
    named = read_manifest(folder)[1]["venue"].get("public_key")
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
    by = None
    if os.path.lexists(release.folder / "approval.json"):
        told = read_statement(read_file(release.folder, "approval.json", LIMIT), "approval", member.keys)
        same = (told["venue"]["id"], told["release_id"], told["manifest_sha256"])
        if same != (member.id, release.id, release.manifest_sha256):
            raise refusal("approval", "the approval is of another release", "l’accord porte sur une autre publication")
        by = told["by"]
    if member.approval == "manual" and by not in member.approvers:
        raise refusal("approval", "no approver of governance.toml has approved it",
                      "aucun approbateur de governance.toml ne l’a approuvée")  # fmt: skip


def refusal(rule: str, en: str, fr: str) -> VerificationRefusal:
    """Return a refusal of a folder as a whole."""
    return VerificationRefusal(
        rule, f"{en}. The folder is kept in refused/.", f"{fr}. Le dossier est gardé dans refused/."
    )


def wrong_field() -> VerificationRefusal:
    """Return the refusal of a manifest that its signer made wrong."""
    return refusal("manifest", "a field is missing or of the wrong type", "un champ manque ou est faux")
