"""The demo town: five organisations of Île-de-France, and the files their vendors would hand over.

`write_town` makes vendors' files and nothing else: from there the demo goes through the same doors as a real
venue. The same seed gives the same files, byte for byte. Its randomness is for this decor only, never for noise.

    people      who lives there, and where each goes
    programme   what is played
    visits      who comes when, orders and tickets
    pretix, exports, media, agenda   the vendors' files
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from aggregations.venue import Venue
from pipelines.town.agenda import write_agenda
from pipelines.town.exports import write_billetweb, write_counters, write_neutral, write_pass_culture
from pipelines.town.media import families as media_families
from pipelines.town.media import write_brevo, write_matomo
from pipelines.town.people import COMMUNES, Draw, memberships, people, read_communes
from pipelines.town.pretix import write_pretix
from pipelines.town.programme import SEASON, families, performances
from pipelines.town.visits import allot, orders, tickets

# The words of the theatre's next season, which its own server's files (2026-2027) carry.
_NEXT = {
    "Hamlet": "theatre_recit",
    "Le Lac des cygnes": "danse",
    "Quatuor Debussy": "musique_savante",
    "Cirque Phare": "cirque_rue",
    "La Traviata": "lyrique_musical",
    "Stand-up Nuit": "humour_cabaret",
    "opera": "lyrique_musical",
}

# What the theatre tells the State and authors that no ticket does.
_DECLARES: dict[str, Any] = {
    "vat": "2.1",
    "place": {"type": "THEATRE"},
    "halls": {  # where its own server's files (2026-2027) have it play
        "Place du Châtelet": {
            "name": "Grande salle du Châtelet (démo)", "address": "Place du Châtelet", "postal_code": "75001", "city": "Paris",
            "type": "THEATRE",
        },
    },
    "domains": {
        "theatre_recit": "theatre", "danse": "danse_creation", "cirque_rue": "cirque_creation",
        "musique_savante": "musique_classique", "lyrique_musical": "opera", "humour_cabaret": "humour",
    },
    "shows": {"Contes du fleuve": {"domain": "conte"}, "Ruy Blas": {"criteria": ["Victor Hugo"]}},
}  # fmt: skip

ORGANISATIONS: tuple[Venue, ...] = (
    Venue(
        id="theatre", name="Théâtre des Quais (démo)", kind="theatre", commune=COMMUNES["theatre"], revenue=True,
        capacity=480, families=families("theatre") | _NEXT, declares=_DECLARES,
        site={"base": "https://theatre.example.org/agenda/", "street": "1 quai de la Démo", "postal_code": "75004"},
        rights={"licence": "https://spdx.org/licenses/etalab-2.0"},
    ),
    Venue(
        id="opera", name="Opéra de la Plaine (démo)", kind="opera", commune=COMMUNES["opera"], revenue=True,
        capacity=1250, families=families("opera"),
    ),
    Venue(
        id="festival", name="Festival du Lac (démo)", kind="festival", commune=COMMUNES["festival"],
        families=families("festival"),
    ),
    Venue(
        id="musee", name="Musée des Lumières (démo)", kind="museum", commune=COMMUNES["musee"],
        publishes=("transactions", "counts"), families=families("musee"),
    ),
    Venue(
        id="media", name="Scènes et Cimaises, le magazine (démo)", kind="media", commune=COMMUNES["media"],
        publishes=("interactions",), families=media_families(),
        consent={"matomo": "exempt_audience", "brevo": "consent"},
    ),
)  # fmt: skip

_ADDRESS = "1 place de la Démo 93200 Saint-Denis"
_SEASON = f"{SEASON}-{SEASON + 1}"


def write_town(folder: Path, *, people: int = 40_000, seed: int = 2026) -> dict[str, list[Path]]:
    """Write every organisation's exports under `folder` and return them, by organisation id, in the order to ingest.

    An export is a file, or for pretix a folder. `people` is how many the town has, those who only came in
    earlier seasons included.
    """
    draw = np.random.default_rng(seed)
    persons = _population(people, draw)
    members = memberships(persons, draw)
    visits = allot(members, draw)
    sold: dict[str, pl.DataFrame] = {}
    for organisation in ("theatre", "opera", "festival", "musee"):
        ordered = orders(organisation, visits, persons, performances(organisation), draw)
        sold[organisation] = tickets(organisation, ordered, persons, draw)
    readers = members.filter(pl.col("organisation") == "media")
    return {
        "theatre": _theatre(folder / "theatre", sold["theatre"], draw),
        "opera": _opera(folder / "opera", sold["opera"]),
        "festival": _festival(folder / "festival", sold["festival"]),
        "musee": _musee(folder / "musee", sold["musee"], draw),
        "media": _media(folder / "media", readers.join(persons, on="person", maintain_order="left"), draw),
    }


def _population(count: int, draw: Draw) -> pl.DataFrame:
    """The people, the last of whom is a reseller and goes nowhere else."""
    persons = people(count, draw, read_communes())
    last = pl.col("person") == count - 1
    told = {"given": "Agence", "surname": "Billets-Démo", "email": "groupes@example.com", "postal_code": "75009"}
    return persons.with_columns(
        *(pl.when(last).then(pl.lit(value)).otherwise(name).alias(name) for name, value in told.items()),
        lapsed=pl.col("lapsed") | last,
        birth_year=pl.when(~last).then("birth_year"),
    )


def _halves(sold: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split the tickets into those of earlier seasons and those of this one."""
    now = pl.col("season") == SEASON
    return sold.filter(~now), sold.filter(now)


def _theatre(folder: Path, sold: pl.DataFrame, draw: Draw) -> list[Path]:
    before, now = _halves(sold)
    # Tickets have been scanned at the door since this season only.
    before = before.with_columns(attended=pl.lit(False))
    return [
        write_pretix(folder / "pretix-historique", before, slug="historique", draw=draw),
        write_pretix(folder / f"pretix-{_SEASON}", now, slug="saison2526", draw=draw),
        write_agenda(folder / f"agenda-{_SEASON}.json", performances("theatre").filter(pl.col("season") == SEASON)),
    ]


def _opera(folder: Path, sold: pl.DataFrame) -> list[Path]:
    before, now = _halves(sold)
    # The pass is for the young, who book for one or for two.
    young = pl.col("birth_year").is_between(SEASON - 20, SEASON - 17) & (pl.col("size") <= 2)
    passed = (young & (pl.col("kind") == "single") & pl.col("person").is_not_null()).fill_null(value=False)
    # Both seats of a duo cost the same.
    pass_price = now.filter(passed).with_columns(pl.col("cents").first().over("order"))
    name = next(venue.name for venue in ORGANISATIONS if venue.id == "opera")
    return [
        write_neutral(folder / "billetterie-historique.parquet", before),
        write_neutral(folder / f"billetterie-{_SEASON}.parquet", now.filter(~passed)),
        write_pass_culture(folder / f"pass-culture-{_SEASON}.csv", pass_price, name, _ADDRESS),
    ]


def _festival(folder: Path, sold: pl.DataFrame) -> list[Path]:
    before, now = _halves(sold)
    return [
        write_billetweb(folder / "billetweb-historique.json", before),
        write_billetweb(folder / f"billetweb-{_SEASON}.json", now),
    ]


def _musee(folder: Path, sold: pl.DataFrame, draw: Draw) -> list[Path]:
    before, now = (part.with_columns(channel=pl.lit("inscription")) for part in _halves(sold))
    return [
        write_neutral(folder / "inscriptions-historique.csv", before, grouped=True),
        write_neutral(folder / f"inscriptions-{_SEASON}.csv", now, grouped=True),
        write_counters(folder / f"compteurs-{_SEASON}.csv", draw),
    ]


def _media(folder: Path, readers: pl.DataFrame, draw: Draw) -> list[Path]:
    return [
        write_brevo(folder / "brevo-contacts.csv", readers, draw),
        write_matomo(folder / f"matomo-{_SEASON}.json", readers.height, draw),
    ]
