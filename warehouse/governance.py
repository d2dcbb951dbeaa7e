"""Who is a member of the hub, and the least protection a release must bring: `governance.toml`.

    <home>/hub/
        inbox/           releases as delivered
        accepted/        releases the lake holds, as they came
        refused/         releases it does not, with the reason in the lake's table `refusals`
        lake/            catalogue and Parquet files
        reports/         the pages
        governance.toml  written by people and by `register`; `[partners.…]`: see `partners`
        partners/        tokens (digests only) and the audit trail
        policy.toml      only if the network uses another policy than the packaged one

A venue becomes a member by its public key; renewing a key is done by hand, by somebody who asked the venue.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from privacy.errors import Fault, GovernanceRefusal
from privacy.policy import Policy, read_policy

_ID = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
_KEY = re.compile(r"^[0-9a-f]{64}$")
_FIRST_LINES = """\
# The rules of this hub. Edit by hand; `jauge governance` adds venues at the end.

# A release is refused unless it promises at least this much.
[policy]
k = 11               # at least so many people in a cell that is shown
k_rule = "certain"   # "probable" lets both rules in

[policy.person]      # what one person may risk at one venue over a season
epsilon = "4"
delta = "1e-7"

[policy.admission]   # the same for admissions counted without people
epsilon = "2"
delta = "1e-7"
"""


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the files of a hub lie; making one touches nothing."""

    folder: Path

    @property
    def inbox(self) -> Path:
        """Releases as delivered: `inbox/<release_id>/`."""
        return self.folder / "inbox"

    @property
    def accepted(self) -> Path:
        """Releases the lake holds: `accepted/<release_id>/`."""
        return self.folder / "accepted"

    @property
    def refused(self) -> Path:
        """Releases that were refused: `refused/<name>/`."""
        return self.folder / "refused"

    @property
    def lake(self) -> Path:
        """The DuckLake: `catalogue.duckdb` and `data/`."""
        return self.folder / "lake"

    @property
    def reports(self) -> Path:
        """The pages: `fr/`, `en/`."""
        return self.folder / "reports"

    @property
    def partners(self) -> Path:
        """What concerns partners: `tokens.json`, `audit.sqlite`."""
        return self.folder / "partners"

    @property
    def governance(self) -> Path:
        """The rules and the members."""
        return self.folder / "governance.toml"

    @property
    def policy(self) -> Policy:
        """The network's policy: `policy.toml` beside the rules, else the packaged one."""
        own = self.folder / "policy.toml"
        return read_policy(own if own.exists() else None)


@dataclass(frozen=True, slots=True)
class Member:
    """A venue whose releases the hub takes; `public_key`: Ed25519, 64 hex digits."""

    id: str
    name: str
    kind: str
    commune: str
    public_key: str
    since: date


@dataclass(frozen=True, slots=True)
class Floor:
    """The least protection. `losses`: unit of privacy → largest (epsilon, delta) of a season."""

    k: int
    k_rule: str
    losses: dict[str, tuple[Fraction, Fraction]]


def members(hub: Hub) -> dict[str, Member]:
    """Return the members by id, in the order of the file; a Fault names a wrong key of it."""
    try:
        return {i: Member(i, **_texts(venue)) for i, venue in rules(hub).get("venues", {}).items()}
    except (TypeError, ValueError, AttributeError) as fault:
        raise unreadable(f"venues: {fault}") from None


def floor(hub: Hub) -> Floor:
    """Return what the hub demands of every release; a Fault names what is missing."""
    try:
        raw = rules(hub)["policy"]
        units = {u: (Fraction(v["epsilon"]), Fraction(v["delta"])) for u, v in raw.items() if isinstance(v, dict)}
        rule = {"certain": "certain", "probable": "probable"}[raw["k_rule"]]
        return Floor(int(raw["k"]), rule, units)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as fault:
        raise unreadable(f"policy: {fault}") from None


def register(
    hub: Hub,
    *,
    id: str,  # noqa: A002 (the word of governance.toml)
    name: str,
    kind: str,
    commune: str,
    public_key: str,
    since: date | None = None,
) -> Member:
    """Make a venue a member; the same key again changes nothing, another key is a GovernanceRefusal."""
    known = members(hub).get(id)
    if known and known.public_key == public_key.lower():
        return known
    if known:
        raise GovernanceRefusal(
            f"Venue {id} is a member with another key. If the venue renewed its key, confirm it with the venue and "
            "change public_key in governance.toml by hand.",
            f"Le lieu {id} est déjà membre avec une autre clé. S’il l’a renouvelée, vérifiez-le avec lui puis "
            "changez public_key à la main dans governance.toml.",
        )
    if not (_ID.match(id) and _KEY.match(public_key.lower())):
        raise Fault(
            "A venue's id is lower-case letters, digits and hyphens; its public key is 64 hexadecimal digits.",
            "L’identifiant d’un lieu est en minuscules, chiffres et tirets ; sa clé publique a 64 chiffres hexadécimaux.",
        )
    member = Member(id, name, kind, commune, public_key.lower(), since or datetime.now(UTC).date())
    lines = [f"{key} = {quoted(getattr(member, key))}" for key in ("name", "kind", "commune", "public_key")]
    append(hub, "\n".join([f"\n[venues.{id}]", *lines, f"since = {member.since.isoformat()}", ""]))
    return member


def append(hub: Hub, block: str) -> None:
    """Add a block at the end of `governance.toml`, whole or not at all; made with its first lines if missing."""
    text = hub.governance.read_text("utf-8") if hub.governance.exists() else _FIRST_LINES
    hub.folder.mkdir(parents=True, exist_ok=True)
    making = hub.governance.with_name(".governance.toml.making")
    making.write_text(text.rstrip("\n") + "\n" + block, "utf-8")
    making.replace(hub.governance)


def rules(hub: Hub) -> dict[str, Any]:
    """Return `governance.toml` as it is, or its first lines; a Fault says where it cannot be read."""
    try:
        return tomllib.loads(hub.governance.read_text("utf-8") if hub.governance.exists() else _FIRST_LINES)
    except ValueError as fault:  # also tomllib's and a wrong encoding
        raise unreadable(str(fault)) from None


def _texts(venue: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(venue.get("since"), date) or not _KEY.match(str(venue.get("public_key"))):
        raise ValueError("since must be a date and public_key 64 lower-case hexadecimal digits")
    return venue


def quoted(text: str) -> str:
    """Return a text as a TOML string of one line."""
    plain = "".join(c if c >= " " and c != "\x7f" else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unreadable(why: str) -> Fault:
    """Return the Fault of a `governance.toml` that says something wrong."""
    return Fault(f"governance.toml cannot be read ({why}).", f"governance.toml est illisible ({why}).")
