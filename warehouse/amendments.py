"""Changes of `governance.toml` that commands make: a member, a partner, a venue's key.

The file is people's: what they wrote stays as it is, comments included, and what would make it unreadable is not written.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import tomlkit

from privacy.errors import Fault, GovernanceRefusal
from privacy.statements import read_statement
from warehouse.charter import ID, KEY, FormerKey, Member, Partner, Rule
from warehouse.governance import Hub, governance, read, written


def register(
    hub: Hub,
    *,
    id: str,  # noqa: A002 (the word of governance.toml)
    name: str,
    kind: str,
    commune: str,
    public_key: str,
    since: date | None = None,
    college: str | None = None,
) -> Member:
    """Make a venue a member; the same key again changes nothing, another key is a GovernanceRefusal."""
    known = governance(hub).venues.get(id)
    if known and known.public_key == public_key.lower():
        return known
    if known:
        raise GovernanceRefusal(
            f"Venue {id} is a member with another key. If it renewed its key, it has a statement of it for "
            "`jauge governance key`.",
            f"Le lieu {id} est déjà membre avec une autre clé. S’il l’a renouvelée, il a une attestation pour "
            "`jauge governance key`.",
        )
    if not (ID.match(id) and KEY.match(public_key.lower())):
        raise Fault(
            "A venue's id is lower-case letters, digits and hyphens; its public key is 64 hexadecimal digits.",
            "L’identifiant d’un lieu est en minuscules, chiffres et tirets ; sa clé publique a 64 chiffres hexadécimaux.",
        )
    since = since or datetime.now(UTC).date()
    told = {"name": name, "kind": kind, "commune": commune, "public_key": public_key.lower()}
    lines = [f"{key} = {_quoted(text)}" for key, text in (told | ({"college": college} if college else {})).items()]
    _append(hub, [f"\n[venues.{id}]", *lines, f"since = {since.isoformat()}", ""])
    return governance(hub).venues[id]


def add_partner(hub: Hub, id: str, **told: Any) -> Partner:  # noqa: A002 (the word of governance.toml)
    """Write a partner at the end of the file, with the fields of `Partner`; one that is there is a GovernanceRefusal."""
    if id in governance(hub).partners:
        raise GovernanceRefusal(
            f"Partner {id} is there already. Its rules are changed by hand in governance.toml.",
            f"Le partenaire {id} existe déjà. Ses règles se changent à la main dans governance.toml.",
        )
    if not ID.match(id):
        raise Fault(
            "A partner's id is 2 to 41 lower-case letters, digits and hyphens, a letter first.",
            "L’identifiant d’un partenaire a de 2 à 41 minuscules, chiffres et tirets, une lettre d’abord.",
        )
    new = Partner(id=id, **told)
    lines = [f"\n[partners.{id}]", f"name = {_quoted(new.name)}", f"purpose = {_quoted(new.purpose)}"]
    lines += [f"until = {new.until.isoformat()}", f"tables = {_rule(new.tables)}", f"venues = {_rule(new.venues)}", ""]
    _append(hub, lines)
    return governance(hub).partners[id]


def take_key(hub: Hub, statement: Path) -> Member:
    """Put a venue's new public key in the place of the one that signed the statement; twice is the same as once.

    The old one counts for what is dated the statement's day at the latest. A GovernanceRefusal if it is not the venue's
    key now; a VerificationRefusal if it, or the new one, did not sign.
    """
    try:
        data = statement.read_bytes()
        claimed = json.loads(data)
        venue, old, new = str(claimed["venue"]["id"]), str(claimed["old"]), str(claimed["new"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Fault(
            f"{statement.name} is no statement of a new key; `jauge venue renew-key` writes one.",
            f"{statement.name} n’atteste aucune clé ; `jauge venue renew-key` l’écrit.",
        ) from None
    told = read_statement(data, "key", [old])
    since = min(datetime.fromisoformat(told["at"]).date(), datetime.now(UTC).date())
    member = _member(hub, venue)
    if member.public_key == new:
        return member
    if member.public_key != old or new in [former.public_key for former in member.former_keys]:
        raise GovernanceRefusal(
            f"The key that this statement replaces is not the key of {venue} now. Ask the venue.",
            f"La clé que cette attestation remplace n’est pas celle de {venue} aujourd’hui. Voyez avec le lieu.",
        )
    _write_keys(hub, venue, new, [*member.former_keys, FormerKey(public_key=old, until=since)])
    return governance(hub).venues[venue]


def revoke_key(hub: Hub, venue: str, key: str) -> Member:
    """Refuse from now on what is new and signed by one of a venue's former keys: it was stolen, or may have been.

    A stolen key that is still in use is renewed first, by a statement or by hand, with the venue on the telephone.
    """
    member = _member(hub, venue)
    if key not in [former.public_key for former in member.former_keys]:
        raise GovernanceRefusal(
            f"This is no former key of {venue}. A key in use is renewed first (`jauge governance key`, or by hand).",
            f"Ce n’est pas une ancienne clé de {venue}. Une clé en usage est d’abord renouvelée (`jauge governance key`, "
            "ou à la main).",
        )
    former = [k.model_copy(update={"revoked": True}) if k.public_key == key else k for k in member.former_keys]
    _write_keys(hub, venue, member.public_key, former)
    return governance(hub).venues[venue]


def _member(hub: Hub, venue: str) -> Member:
    found = governance(hub).venues.get(venue)
    if found is None:
        raise GovernanceRefusal(f"{venue} is not a member of the hub.", f"{venue} n’est pas membre du hub.")
    return found


def _write_keys(hub: Hub, venue: str, key: str, former: list[FormerKey]) -> None:
    document: Any = tomlkit.parse(written(hub))
    document["venues"][venue]["public_key"] = key
    rows: Any = tomlkit.array()
    for one in former:
        row: Any = tomlkit.inline_table()
        row.update({k: v for k, v in one.model_dump().items() if v is not False})
        rows.append(row)
    document["venues"][venue]["former_keys"] = rows.multiline(multiline=True)
    _replace(hub, tomlkit.dumps(document))


def _append(hub: Hub, lines: list[str]) -> None:
    _replace(hub, written(hub).rstrip("\n") + "\n" + "\n".join(lines))


def _replace(hub: Hub, text: str) -> None:
    read(text, hub.policy)  # a Fault, and nothing is written
    hub.folder.mkdir(parents=True, exist_ok=True)
    making = hub.governance.with_name(".governance.toml.making")
    making.write_text(text, "utf-8")
    making.replace(hub.governance)


def _quoted(text: str) -> str:
    """Return a text as a TOML string of one line."""
    plain = "".join(c if c >= " " and c != "\x7f" else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _rule(rule: Rule) -> str:
    lists = (f"{key} = [{', '.join(map(_quoted, getattr(rule, key)))}]" for key in ("grant", "deny"))
    return "{" + ", ".join(lists) + "}"
