"""How well an event can be found: what search engines and readers ask of it, what is missing, and why it matters.

The properties are those that Google documents for Event results (required: name, start, place with its address; recommended:
description, end, image, offers, performer), and what portals and readers with a disability ask besides. Points are ours,
100 in all: an order to work in, nobody's ranking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aggregations.events.record import Event, Performance
from aggregations.venue import Venue


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing asked of an event. `name`, `why`: French, English. `required`: without it, no rich result at all."""

    key: str
    points: int
    name: tuple[str, str]
    why: tuple[str, str]
    has: Callable[[Venue, Event], bool]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """Points of 100, and what is missing, the weightiest first."""

    event: Event
    points: int
    missing: tuple[Aspect, ...]

    @property
    def eligible(self) -> bool:
        """Whether it has all that search engines require."""
        return not any(aspect.required for aspect in self.missing)


def _each(holds: Callable[[Performance], object]) -> Callable[[Venue, Event], bool]:
    return lambda _, event: all(holds(one) for one in event.performances)


_LETTERS = 100  # of a description that says something

ASPECTS = (
    Aspect("address", 20, ("l’adresse", "the address"), (
        "sans rue ni code postal, aucun résultat enrichi : la carte et « près de chez moi » ne le trouvent pas",
        "without street and postal code there is no rich result: neither maps nor “near me” find it"),
        _each(lambda one: one.status == "online" or (one.place.street and one.place.postal_code)), required=True),
    Aspect("base", 15, ("une adresse de page (base de [site])", "an address of its page (base of [site])"), (
        "un moteur ne retient que des pages qui ont une adresse stable", "a search engine keeps pages with a stable address only"),
        lambda venue, _: bool(venue.site.get("base"))),
    Aspect("time", 10, ("l’heure", "the time of day"), (
        "l’heure décide qui peut venir, et si l’agenda d’un téléphone l’affiche", "the hour decides who can come, and whether a phone’s calendar shows it"),
        _each(lambda one: not one.all_day)),
    Aspect("image", 15, ("une image", "an image"), (
        "les résultats avec image sont ceux qu’on voit ; sans elle, rien ne s’affiche dans les listes illustrées",
        "results with a picture are the ones seen; without it, illustrated lists leave it out"),
        lambda _, event: event.image is not None),
    Aspect("description", 10, ("une description de 100 lettres au moins", "a description of at least 100 letters"), (
        "c’est le texte où les mots cherchés sont trouvés, et ce que citent les assistants",
        "it is where the words searched for are found, and what assistants quote"),
        lambda _, event: len(event.description or "") >= _LETTERS),
    Aspect("price", 10, ("les prix", "prices"), (
        "le prix est affiché sous le titre, et « gratuit » est un filtre", "the price is shown under the title, and “free” is a filter"),
        _each(lambda one: one.price_min is not None)),
    Aspect("ticket_url", 5, ("un lien de billetterie", "a ticket link"), (
        "le bouton de réservation y mène", "the booking button leads there"), _each(lambda one: one.ticket_url)),
    Aspect("availability", 3, ("la disponibilité", "availability"), (
        "« complet » évite un déplacement et des appels", "“sold out” spares a journey and telephone calls"), _each(lambda one: one.availability)),
    Aspect("end", 5, ("l’heure de fin", "when it ends"), (
        "OpenAgenda l’exige, et l’agenda d’un téléphone réserve la bonne durée", "OpenAgenda requires it, and a phone’s calendar keeps the right time free"),
        _each(lambda one: one.ends)),
    Aspect("performers", 3, ("les artistes", "performers"), (
        "on cherche un nom plus souvent qu’un titre", "people search for a name more often than for a title"), lambda _, event: bool(event.performers)),
    Aspect("accessibility", 2, ("l’accessibilité", "accessibility"), (
        "qui en dépend ne vient pas sans le savoir", "who depends on it does not come without knowing"), lambda _, event: bool(event.accessibility)),
    Aspect("age", 2, ("l’âge", "age"), (
        "les familles et les écoles filtrent par âge", "families and schools filter by age"),
        lambda _, event: event.age_min is not None or event.young),
)  # fmt: skip


def score(venue: Venue, event: Event) -> Score:
    """Return what an event has of what is asked."""
    missing = sorted((a for a in ASPECTS if not a.has(venue, event)), key=lambda a: (not a.required, -a.points))
    return Score(event, sum(a.points for a in ASPECTS) - sum(a.points for a in missing), tuple(missing))
