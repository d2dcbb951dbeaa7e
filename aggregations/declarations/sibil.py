"""SIBIL's declarations of a civil quarter: single performances, and series of one work in one hall.

A series is what has all in common that a declaration tells once: work, hall, place, festival, domain, capacity, for the young or not.
None spans two quarters, since a quarter's performances are all there is. A ticket is of one kind only, asked in this order:
subscription or package (whatever it cost), exempted (nothing was paid), full price, another price; reduced prices are not told apart.
A mean is receipts over all tickets it is of, exempted ones included in the total's, to the cent, halves up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aggregations.declarations.box_office import Line, Played
from aggregations.declarations.facts import Declares, Place, Show
from aggregations.geography import commune
from aggregations.referential import domain_families, normal_labels
from aggregations.venue import Venue

Kind = Literal["full", "subscription", "exempt", "other"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Tickets and receipts (cents) of one kind; `receipts` None where a price is not known."""

    tickets: int
    receipts: int | None

    @property
    def mean(self) -> int:
        """Cents a ticket, halves up; 0 where there is no ticket, or no price known."""
        return (2 * (self.receipts or 0) + self.tickets) // (2 * self.tickets) if self.tickets else 0


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration, in words: SIBIL's numbers are put in by `dto`. `played`: its performances, in order of time."""

    id: str  # `idExtBilletterie`: the same as long as it is sent again for what it was sent for
    title: str | None
    criteria: tuple[str, ...]
    domain: str | None
    hall: str | None
    place: Place
    festival: str | None
    festival_place: tuple[str | None, str | None]  # postal code, town
    festival_domain: str | None
    young: bool
    capacity: int | None
    shared_box_office: bool | None
    played: tuple[Played, ...]

    def of(self, kind: Kind | None = None) -> Figures:
        """Return the figures of a kind of ticket, or of all."""
        lines = [x for p in self.played for x in p.lines if kind in (None, kind_of(x))]
        known = [x.receipts for x in lines if x.receipts is not None]
        return Figures(sum(x.tickets for x in lines), sum(known) if len(known) == len(lines) else None)

    @property
    def starts(self) -> tuple[str, ...]:
        """When its performances start, in ISO 8601."""
        return tuple(p.at.isoformat() for p in self.played)


def kind_of(line: Line) -> Kind:
    """Return which of SIBIL's kinds tickets are of."""
    if line.tariff == "abonnement":
        return "subscription"
    if line.free:
        return "exempt"
    return "full" if line.tariff == "plein" else "other"


def concerned(played: Played, facts: Declares) -> bool:
    """Whether a performance is of live art, or may be: exhibitions, talks and screenings are not SIBIL's."""
    return (
        played.family == "unknown" or played.family in domain_families().values() or domain(played, facts) is not None
    )


def declarations(venue: Venue, played: Iterable[Played], facts: Declares) -> list[Declaration]:
    """Gather the performances of a quarter into declarations, in order of their first; nothing is checked here."""
    groups: dict[tuple[object, ...], list[Declaration]] = {}
    for one in sorted(played, key=lambda p: p.at):
        told = _declaration(venue, one, facts)
        same = (_key(told.title), _key(told.hall), *(getattr(told, name) for name in (
            "criteria", "domain", "place", "festival", "young", "capacity")))  # fmt: skip
        groups.setdefault(same if told.title else (same, one.at, one.lines), []).append(told)
    gathered = [replace(g[0], played=tuple(d.played[0] for d in g)) for g in groups.values()]
    return sorted(gathered, key=lambda d: (d.starts, d.title or "", d.hall or ""))


def identified(
    found: Sequence[Declaration], seed: str, sent: Mapping[str, tuple[Sequence[str], str | None, str | None]]
) -> list[Declaration]:
    """Give each declaration its id: of what was sent, the one it shares most performances with; else a new one.

    `sent`: id → starts, title and hall. A mended title, hall, domain or capacity so changes what was declared, and declares
    nothing twice. `seed`: what the ids of the quarter are made from.
    """
    free, given = dict(sent), dict[int, str]()
    for titled in (True, False):  # those of its title before those of its hall
        for at, one in enumerate(found):
            words = _key(one.title if titled else one.hall)
            shared = {
                n: len(set(s[0]) & set(one.starts)) for n, s in free.items() if _key(s[1] if titled else s[2]) == words
            }
            known = max(shared, key=lambda name: (shared[name], name), default="")
            if at not in given and known and shared[known]:
                given[at] = known
                del free[known]
    taken = {*sent}
    for at, one in enumerate(found):
        if at not in given:
            given[at] = _new([seed, _key(one.title), _key(one.hall), one.starts[0]], taken)
            taken.add(given[at])
    return [replace(one, id=given[at]) for at, one in enumerate(found)]


def domain(played: Played, facts: Declares) -> str | None:
    """Return the SIBIL domain of a performance: as the venue says of the show, as told, or as the venue says of the family."""
    return show_of(played, facts).domain or played.domain or facts.domains.get(played.family)


def show_of(played: Played, facts: Declares) -> Show:
    """Return what the venue says of the show performed."""
    return facts.shows.get(_key(played.title), Show())


def _declaration(venue: Venue, one: Played, facts: Declares) -> Declaration:
    of = facts.festivals.get(_key(one.festival)) if one.festival else None
    return Declaration(
        id="", title=one.title, criteria=show_of(one, facts).criteria, domain=domain(one, facts), hall=one.hall,
        place=place_of(venue, one, facts), festival=one.festival,
        festival_place=(of.postal_code, of.city) if of else (None, None), festival_domain=of.domain if of else None,
        young=one.young, capacity=one.capacity, shared_box_office=facts.shared_box_office, played=(one,),
    )  # fmt: skip


def place_of(venue: Venue, one: Played, facts: Declares) -> Place:
    """Return where a performance was: a hall that the venue describes, by its name or address; another address that its listing tells; else the venue's own.

    A listing's address without a postal code is free text, and no other place.
    """
    if hall := facts.halls.get(_key(one.hall)) or facts.halls.get(_key(one.address)):
        return hall.model_copy(update={"name": hall.name or one.hall})
    own, number = facts.place, venue.identifiers.get("sibil")
    own = own.model_copy(update={
        "address": own.address or venue.site.get("street"), "postal_code": own.postal_code or venue.site.get("postal_code"),
    })  # fmt: skip
    there, here = (one.postal_code, one.address), (own.postal_code, own.address)
    if one.postal_code and any(x and y and _key(x) != _key(y) for x, y in zip(there, here, strict=True)):
        return Place(name=one.hall, address=one.address, postal_code=one.postal_code, city=one.city)
    return own.model_copy(update={
        "name": own.name or venue.name, "address": own.address or (one.address if one.postal_code else None),
        "postal_code": own.postal_code or one.postal_code, "city": own.city or one.city or commune(venue.commune).nom,
        "siret": own.siret or venue.identifiers.get("siret"), "sibil": own.sibil or (int(number) if number else None),
    })  # fmt: skip


def _key(text: str | None) -> str:
    return normal_labels([text])[0] if text else ""


def _new(parts: list[str], taken: set[str]) -> str:
    """Sixteen hexadecimal digits: the service is known to refuse two UUIDs in length, and to take seventeen characters."""
    made = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return _new([*parts, made], taken) if made in taken else made
