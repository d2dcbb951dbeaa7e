"""A declaration as SIBIL's interface v2 has it (`DeclarationDto`), its numbers of domains, places, shows and festivals put in where known.

Source: the interface's description as read by the public client betagouv/assistant-declaration (9fc1fb8, December 2025). Money is euros
with two decimals; instants are UTC. A field that is not known is left out, never null: a domain whose number is not known is told
by its label, and cannot be sent. The newer variants (`nbBilletsTarifPayant` …) and `coProduction` are not written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Literal

from aggregations.declarations.facts import Place
from aggregations.declarations.sibil import Declaration
from aggregations.referential import domain_families, written

Status = Literal["BROUILLON", "ENREGISTRE"]  # of five; the others are the service's


@dataclass(frozen=True, slots=True)
class Numbers:
    """What SIBIL told us: domain's label, place, show and festival in words → its number."""

    domains: dict[str, int] = field(default_factory=dict[str, int])
    places: dict[str, int] = field(default_factory=dict[str, int])
    shows: dict[str, int] = field(default_factory=dict[str, int])
    festivals: dict[str, int] = field(default_factory=dict[str, int])
    criteria: dict[str, list[str]] = field(
        default_factory=dict[str, list[str]]
    )  # domain's label → what SIBIL asks of a show


def label(domain: str | None) -> str:
    """Return SIBIL's label of a domain code; empty where there is none."""
    return written(domain_families().get(domain or "", ""), domain).get("sibil", "")


def dto(one: Declaration, numbers: Numbers, status: Status) -> dict[str, Any]:
    """Return the JSON object of a declaration that fails no control."""
    first, last = one.played[0].at, one.played[-1].at
    every, full = one.of(), one.of("full")
    when: dict[str, Any] = {"dateDebut": f"{first:%Y-%m-%d}", "dateFin": f"{last:%Y-%m-%d}"}
    if len(one.played) == 1:
        when = {"dateHeureRepresentationUnique": f"{first.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return {
        "idExtBilletterie": one.id,
        **when,
        "nbRepresentations": len(one.played),
        "nbBilletsTotalBilletterie": every.tickets,
        "recetteTotalBilletterie": _euros(every.receipts or 0),
        "prixMoyenTotalBilletterie": _euros(every.mean),
        "nbBilletsTarifPlein": full.tickets,
        "recetteTarifPlein": _euros(full.receipts or 0),
        "prixMoyenTarifPlein": _euros(full.mean),
        "nbBilletsTarifAbonnementForfait": one.of("subscription").tickets,
        "nbBilletsExoneres": one.of("exempt").tickets,
        "jauge": one.capacity,
        "jeunePublic": one.young,
        **({} if one.shared_box_office is None else {"gestionnaireMultiple": one.shared_box_office}),
        **_domain(one.domain, numbers, "domaineRepresentationId", "domaineRepresentationLibelle"),
        **_place(one.place, numbers),
        **_festival(one, numbers),
        **_show(one, numbers),
        "statutDeclaration": status,
    }


def place_words(place: Place) -> str:
    """Return what a place is known by in `Numbers`."""
    return "\x1f".join(x or "" for x in (place.name, place.address, place.postal_code, place.city))


def show_words(one: Declaration) -> str:
    """Return what a show is known by in `Numbers`."""
    return "\x1f".join((one.title or "", one.domain or "", *one.criteria))


def festival_words(one: Declaration) -> str:
    """Return what a festival is known by in `Numbers`; empty where there is none."""
    return "\x1f".join((one.festival, *(x or "" for x in one.festival_place))) if one.festival else ""


def _domain(code: str | None, numbers: Numbers, number: str, text: str) -> dict[str, Any]:
    name = label(code)
    if not name:
        return {}
    return {number: numbers.domains[name]} if name in numbers.domains else {text: name}


def _place(place: Place, numbers: Numbers) -> dict[str, Any]:
    number = place.sibil or numbers.places.get(place_words(place))
    if number:
        return {"lieuId": number}
    told = {"nom": place.name, "adresse": place.address, "codePostal": place.postal_code, "ville": place.city,
            "siret": place.siret, "typeLieu": place.type}  # fmt: skip
    return {"lieuChamps": {key: value for key, value in told.items() if value}}


def _festival(one: Declaration, numbers: Numbers) -> dict[str, Any]:
    if not one.festival:
        return {}
    if number := numbers.festivals.get(festival_words(one)):
        return {"festivalId": number}
    postal_code, city = one.festival_place
    of = _domain(one.festival_domain, numbers, "domaineFestivalId", "domaineFestivalLibelle")
    return {"festivalChamps": {"nom": one.festival, "codePostal": postal_code, "ville": city, **of}}


def _show(one: Declaration, numbers: Numbers) -> dict[str, Any]:
    if number := numbers.shows.get(show_words(one)):
        return {"spectacleId": number}
    criteria = {f"critere{n}": text for n, text in enumerate((one.title, *one.criteria), 1)}
    return {
        "spectacleChamps": {**criteria, **_domain(one.domain, numbers, "domaineSpectacleId", "domaineSpectacleLibelle")}
    }


def _euros(cents: int) -> float:
    """Euros, as JSON numbers have them: the nearest double to two decimals is written as those."""
    return cents / 100
