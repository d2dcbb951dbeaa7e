"""Who may see what, as `governance.toml` has it: which tables of which venues, and up to which period.

A recipient sees a venue's table if the narrowest words that grant anything (of the table, the venue, or all) grant it to
them, and none deny it; a partner's own entry must allow table and venue too. A venue always sees its own. Figures of
a period are seen once its embargo is over. Whatever is not said is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from privacy.errors import GovernanceRefusal
from warehouse.charter import ALL, Governance, Member, Partner, Sharing


@dataclass(frozen=True, slots=True)
class Seen:
    """A table of a venue that somebody may see, in periods over by `until` (as `period_end`, the first day after them)."""

    venue: str
    table: str
    until: date


@dataclass(frozen=True, slots=True)
class Access:
    """All that a partner or member may see on a day; two that are equal show the same."""

    id: str
    shared: tuple[Seen, ...]


def access(agreed: Governance, who: str, today: date) -> Access:
    """Return what a partner or member may see on a day, in the order of the file and the policy.

    A GovernanceRefusal if the file does not name them, or a partner's time is over.
    """
    partner = agreed.partners.get(who)
    if partner is None and who not in agreed.venues:
        raise GovernanceRefusal(
            f"There is no partner {who}. `jauge partner list` tells which there are.",
            f"Il n’y a pas de partenaire {who}. `jauge partner list` les donne tous.",
        )
    if partner and partner.until < today:
        raise GovernanceRefusal(
            f"The access of {who} ended on {partner.until}; governance.toml has its last day.",
            f"L’accès de {who} a pris fin le {partner.until} ; governance.toml en donne le dernier jour.",
        )
    found = shared(agreed, who, names_of(agreed, who), partner)
    return Access(who, tuple(Seen(venue.id, table, _last(today, days)) for venue, table, days in found))


def _last(today: date, embargo_days: int | None) -> date:
    return date.max if embargo_days is None else today - timedelta(embargo_days)


def shared(
    agreed: Governance, who: str, names: set[str], partner: Partner | None
) -> Iterator[tuple[Member, str, int | None]]:
    """Yield venue, table and days of embargo (None: their own) of all that is shared with a recipient."""
    for venue in agreed.venues.values():
        for table in agreed.known_tables:
            if partner and not (partner.venues.allows(venue.id) and partner.tables.allows(table)):
                continue
            days = embargo(agreed, venue, table, names)
            if venue.id == who or days is not None:
                yield venue, table, None if venue.id == who else days


def embargo(agreed: Governance, venue: Member, table: str, names: set[str]) -> int | None:
    """Return after how many days a venue shares a table with a recipient of these names; None if never."""
    said = _said(agreed, venue, table)
    granted = next((s.grant for s in said if s.grant is not None), ())
    if not names & set(granted) or any(names & set(s.deny) for s in said):
        return None
    return next((s.embargo_days for s in said if s.embargo_days is not None), 0)


def _said(agreed: Governance, venue: Member, table: str) -> list[Sharing]:
    """Return what is said of a venue's table, the narrowest first."""
    own = venue.sharing.tables.get(table)
    return [*([own] if own else []), venue.sharing, agreed.sharing]


def names_of(agreed: Governance, who: str) -> set[str]:
    """Return every name by which they may mean a recipient."""
    names, partner, member = {ALL, who}, agreed.partners.get(who), agreed.venues.get(who)
    names.add("members" if member else "partners")
    if member and member.college:
        names.add(f"college:{member.college}")
    if partner:
        names.add(f"purpose:{partner.purpose}")
    return names
