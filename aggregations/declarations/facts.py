"""`[declares]` of venue.toml: what declarations ask for and no export tells. Nothing here has a default: what is missing is asked for.

    [declares]
    vat = "2.1"                              per cent, of every show that has no rate of its own
    shared_box_office = false                whether others sell for the same performances
    place = { name = "…", address = "…", postal_code = "…", city = "…", type = "THEATRE" }
    domains = { danse = "danse_creation" }   genre family → SIBIL domain, where an export tells the family alone
    [declares.halls."Chapiteau du parc"]     a place that is not the venue's own: the keys of `place`, and `sibil`, its number
    [declares.shows."Ruy Blas"]              domain, performance_type, vat, and `criteria`: SIBIL's second to fourth
    [declares.festivals."Automne"]           postal_code, city, domain

Names of halls, shows and festivals are compared without case, accents or punctuation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from aggregations.referential import domain_families, normalised
from aggregations.venue import Venue
from privacy.errors import Fault

# `typeLieu` of SIBIL's interface v2.
PLACE_TYPES = (
    "THEATRE", "ESPACE_POLYVALENT", "CASINO_DISCOTHEQUE_HOTEL_CAFE_RESTAURANT", "SALLE_CONCERT_AUDITORIUM_OPERA_ZENITH",
    "CABARET_MUSIC_HALL", "PLEIN_AIR_PARC_LOISIRS_ATTRACTION", "STRUCTURE_ITINERANTE_DEMONTABLE_CHAPITEAU",
    "LIEU_DE_CULTE", "LIEU_DE_SANTE", "AUTRE",
)  # fmt: skip
# The kinds of performance that declarations of performances ask for (Assistant déclaration, 2026): French, English.
PERFORMANCE_TYPES = {
    "OUTDOOR_PERFORMANCE": ("Spectacle de rue ou de plein air", "Outdoor performance"),
    "CABARET_AND_MUSIC_HALL": ("Cabaret, music-hall", "Cabaret and music hall"),
    "CIRCUS_AND_MAGIC": ("Cirque, magie", "Circus and magic"),
    "MUSICAL_THEATRE": ("Théâtre musical", "Musical theatre"),
    "DANCE": ("Danse", "Dance"),
    "COMEDY_AND_STAND_UP": ("Humour", "Comedy and stand-up"),
    "PUPPETRY": ("Marionnettes", "Puppetry"),
    "CLASSICAL_AND_OPERA_AND_CONTEMPORARY_MUSIC": (
        "Musique classique, opéra, musique contemporaine",
        "Classical music, opera, contemporary music",
    ),
    "POPULAR_AND_JAZZ_MUSIC": ("Musiques actuelles, jazz", "Popular music and jazz"),
    "WORLD_AND_TRADITIONAL_MUSIC_AND_DANCE": (
        "Musiques et danses traditionnelles et du monde",
        "World and traditional music and dance",
    ),
    "HISTORICAL_REENACTMENTS_AND_HERITAGE_SOUND_AND_LIGHT_SHOWS": (
        "Reconstitution historique, son et lumière",
        "Historical re-enactment, sound and light",
    ),
    "LIVE_PERFORMANCE_WITHOUT_DOMINANT_DISCIPLINE": ("Pluridisciplinaire", "Without a dominant discipline"),
    "ICE_SHOWS_AND_THEME_PARKS_AND_RELATED_PERFORMANCES": (
        "Spectacle sur glace, parc à thème",
        "Ice show, theme park",
    ),
    "THEATRE_AND_STORYTELLING_AND_MIME": ("Théâtre, conte, mime", "Theatre, storytelling, mime"),
}


def _one_of(*codes: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in codes:
            raise ValueError(f"one of {', '.join(codes)}")
        return text

    return AfterValidator(check)


def _rate(percent: object) -> int:
    """Hundredths of a per cent, out of a number or a text such as 5.5 or "5,5"."""
    try:
        rate = Decimal(str(percent).replace(",", ".")) * 100
    except ArithmeticError:
        rate = Decimal(-1)
    if isinstance(percent, bool) or not 0 <= rate <= 10_000 or rate != int(rate):
        raise ValueError('a rate in per cent, such as "2.1"')
    return int(rate)


Rate = Annotated[int, BeforeValidator(_rate)]
Domain = Annotated[str, _one_of(*domain_families())]
Text = Annotated[str, Field(min_length=1)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Told):
    """Where something is performed; `type` is a `typeLieu`, `sibil` the number that SIBIL knows it by."""

    name: Text | None = None
    address: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    type: Annotated[str, _one_of(*PLACE_TYPES)] | None = None
    siret: Text | None = None
    sibil: Annotated[int, Field(gt=0)] | None = None


class Show(_Told):
    """A work. `criteria`: what tells it from another of that title, in SIBIL's order for its domain, after the title."""

    domain: Domain | None = None
    performance_type: Annotated[str, _one_of(*PERFORMANCE_TYPES)] | None = None
    vat: Rate | None = None
    criteria: Annotated[tuple[Text, ...], Field(max_length=3)] = ()


class Festival(_Told):
    """A festival that performances are of."""

    postal_code: Text | None = None
    city: Text | None = None
    domain: Domain | None = None


class Declares(_Told):
    """The whole table; names of halls, shows and festivals are normalised (`referential.normal`)."""

    vat: Rate | None = None
    shared_box_office: bool | None = None  # SIBIL's `gestionnaireMultiple`
    place: Place = Place()
    domains: dict[str, Domain] = {}
    halls: dict[str, Place] = {}
    shows: dict[str, Show] = {}
    festivals: dict[str, Festival] = {}


def declares(venue: Venue) -> Declares:
    """Read the venue's `[declares]`; a Fault names the key that cannot be."""
    try:
        return Declares.model_validate(_named(venue.declares))
    except ValidationError as wrong:
        one = wrong.errors()[0]
        where, what = ".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")
        raise Fault(
            f"venue.toml, [declares]: {where}: {what}.", f"venue.toml, [declares] : {where} : {what}."
        ) from None


def _named(table: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = ("halls", "shows", "festivals")
    named = {key: normalised(value) for key, value in table.items() if key in tables and isinstance(value, dict)}
    return {**table, **named}
