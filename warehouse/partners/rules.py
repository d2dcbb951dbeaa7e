"""Who the partners are and what each may see: `[partners.<id>]` of `governance.toml`.

    [partners.observatoire]
    name = "Observatoire régional"
    purpose = "Monitoring of the cultural contract 2026-2028"
    until = 2027-08-31
    tables = {grant = ["all"], deny = ["tariff"]}
    venues = {grant = ["theatre", "opera"]}

What is denied is not seen, whatever is granted; what is not granted neither. A member that asks in SQL is a partner too.
Partners, members and anyone who is told to read this file see the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from privacy.errors import Fault, GovernanceRefusal
from warehouse.governance import Hub, append, members, quoted, rules, unreadable

_ID = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
ALL = "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """Names granted and names denied; `all` stands for every name, those to come included."""

    grant: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Return whether a name is granted and not denied."""
        granted, denied = ({name, ALL} & set(names) for names in (self.grant, self.deny))
        return bool(granted) and not denied

    def of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of the names that are allowed, in their order."""
        return tuple(name for name in names if self.allows(name))


@dataclass(frozen=True, slots=True)
class Partner:
    """Someone who may ask: `until` is the last day; `tables` are the policy's, `venues` the members'."""

    id: str
    name: str
    purpose: str
    until: date
    tables: Rule
    venues: Rule


def partners(hub: Hub) -> dict[str, Partner]:
    """Return the partners by id; a Fault names what is wrong, a table or venue that does not exist included."""
    known = {"tables": {t.name for t in hub.policy.tables}, "venues": set(members(hub))}
    try:
        return {i: _partner(i, dict(raw), known) for i, raw in rules(hub).get("partners", {}).items()}
    except (TypeError, ValueError, AttributeError) as fault:
        raise unreadable(f"partners: {fault}") from None


def partner(hub: Hub, name: str) -> Partner:
    """Return one partner; a Fault if there is none of that id."""
    found = partners(hub).get(name)
    if found is None:
        raise Fault(
            f"There is no partner {name}. `jauge partner list` tells which there are.",
            f"Il n’y a pas de partenaire {name}. `jauge partner list` les donne tous.",
        )
    return found


def add_partner(hub: Hub, new: Partner) -> None:
    """Write a partner at the end of `governance.toml`; the file must still read right, or nothing is written."""
    known = {"tables": {t.name for t in hub.policy.tables}, "venues": set(members(hub))}
    if new.id in partners(hub):
        raise GovernanceRefusal(
            f"Partner {new.id} is there already. Its rules are changed by hand in governance.toml.",
            f"Le partenaire {new.id} existe déjà. Ses règles se changent à la main dans governance.toml.",
        )
    if not _ID.match(new.id):
        raise Fault(
            "A partner's id is 2 to 41 lower-case letters, digits and hyphens, a letter first.",
            "L’identifiant d’un partenaire a de 2 à 41 minuscules, chiffres et tirets, une lettre d’abord.",
        )
    for kind, rule in (("tables", new.tables), ("venues", new.venues)):
        _check(f"{new.id}.{kind}", rule, known[kind])
    lines = [f"\n[partners.{new.id}]", f"name = {quoted(new.name)}", f"purpose = {quoted(new.purpose)}"]
    lines += [f"until = {new.until.isoformat()}", f"tables = {_toml(new.tables)}", f"venues = {_toml(new.venues)}", ""]
    append(hub, "\n".join(lines))


def _partner(name: str, raw: dict[str, Any], known: dict[str, set[str]]) -> Partner:
    if not (_ID.match(name) and type(raw.get("until")) is date):
        raise ValueError(f"{name}: the id is lower-case letters, digits and hyphens, until a date")
    for kind, there in known.items():
        raw[kind] = Rule(**{key: tuple(names) for key, names in raw[kind].items()}) if kind in raw else Rule()
        _check(f"{name}.{kind}", raw[kind], there)
    return Partner(name, **raw)


def _check(where: str, rule: Rule, known: set[str]) -> None:
    """Stop at a name that does not exist: a mistyped denial would let someone see."""
    for name in (*rule.grant, *rule.deny):
        if name != ALL and name not in known:
            raise unreadable(f"partners.{where}: {name}?")


def _toml(rule: Rule) -> str:
    lists = (f"{key} = [{', '.join(map(quoted, getattr(rule, key)))}]" for key in ("grant", "deny"))
    return "{" + ", ".join(lists) + "}"
