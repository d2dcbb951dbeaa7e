"""What the demo town plays: shows, and their performances from the season 2020-2021 to 2025-2026.

Titles are old works or made up, and every organisation is a demo. Times are local (Europe/Paris); prices are
full prices in cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

PARIS = ZoneInfo("Europe/Paris")
SEASON = 2025
PAST_SEASONS = 5

# Hours played on each weekday, Monday first; a run follows its pattern until it has all its performances.
_PATTERNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "soirs": ((), ("20:00",), ("20:00",), ("19:30",), ("20:00",), ("20:00",), ("16:00",)),
    "opera": ((), ("19:30",), (), ("19:30",), ("19:30",), (), ("15:00",)),
    "famille": ((), (), ("15:00",), (), ("10:00",), ("11:00", "15:00"), ("16:00",)),
    "concert": ((), (), (), ("20:00",), ("20:30",), ("20:30",), ("17:00",)),
    "plein_air": ((), ("20:30",), ("20:30",), ("18:30", "22:00"), ("18:30", "22:00"), ("15:00", "21:30"), ("17:00",)),
    "visite": ((), (), ("14:00",), (), (), ("11:00", "15:00"), ("15:00",)),
    "soiree": ((), (), (), ("18:30",), (), (), ()),
}


@dataclass(frozen=True, slots=True)
class Show:
    """A run: `genre` is the organisation's own word, `family` the code it stands for, `start` "MM-DD"."""

    title: str
    genre: str
    family: str
    start: str
    performances: int
    pattern: str
    cents: int
    capacity: int
    draw: float = 1.0  # how much it is asked for, 1 being the usual
    past: bool = False  # played in each of the seasons before this one

    @property
    def young(self) -> bool:
        """Played for families and schools."""
        return self.pattern == "famille"


_T, _D, _H, _C, _L, _M = "theatre_recit", "danse", "humour_cabaret", "cirque_rue", "lyrique_musical", "musique_savante"
_A, _E, _R, _P = "musiques_actuelles", "exposition_visite", "rencontre_atelier", "projection"

SHOWS: dict[str, tuple[Show, ...]] = {
    "theatre": (
        Show("Le Malade imaginaire", "theatre", _T, "09-16", 10, "soirs", 3200, 480, 1.4),
        Show("Les Quais la nuit", "theatre", _T, "10-03", 6, "soirs", 3200, 480),
        Show("Bérénice", "theatre", _T, "10-21", 8, "soirs", 3200, 480),
        Show("Corps de ballast", "danse", _D, "11-06", 5, "soirs", 3200, 480),
        Show("Le Petit Poucet", "jeune public", _T, "11-19", 10, "famille", 1600, 300),
        Show("Nuit du rire", "humour", _H, "12-04", 6, "soirs", 3000, 480, 1.3),
        Show("Le Cirque des brumes", "cirque", _C, "12-16", 12, "soirs", 3400, 480, 1.5),
        Show("Ruy Blas", "theatre", _T, "01-13", 8, "soirs", 3200, 480),
        Show("Quatuor de la Seine", "musique", _M, "01-29", 3, "concert", 2800, 480),
        Show("La Cerisaie", "theatre", _T, "02-10", 9, "soirs", 3200, 480, 1.2),
        Show("Contes du fleuve", "jeune public", _T, "03-04", 8, "famille", 1600, 300),
        Show("Sillages", "danse", _D, "03-17", 6, "soirs", 3200, 480),
        Show("Cyrano de Bergerac", "theatre", _T, "04-07", 10, "soirs", 3400, 480, 1.5),
        Show("Seule en quai", "humour", _H, "05-05", 6, "soirs", 3000, 480),
        Show("La Mouette", "theatre", _T, "05-19", 7, "soirs", 3200, 480),
        Show("Grand bal d’été", "danse", _D, "06-10", 5, "soirs", 2600, 480),
        Show("Shakespeare dans la cour", "theatre", _T, "06-30", 8, "soirs", 3000, 480),
        Show("Dom Juan", "theatre", _T, "10-08", 4, "soirs", 3000, 480, past=True),
        Show("Le Songe d’une nuit d’été", "theatre", _T, "01-20", 4, "soirs", 3000, 480, past=True),
        Show("Traversées", "danse", _D, "03-11", 3, "soirs", 3000, 480, past=True),
        Show("Piste blanche", "cirque", _C, "05-13", 4, "soirs", 3200, 480, past=True),
    ),
    "opera": (
        Show("La Flûte enchantée", "Opéra", _L, "09-23", 6, "opera", 7800, 1250, 1.4),
        Show("Récital Fauré", "Récital", _M, "10-09", 2, "opera", 4200, 1250, 0.6),
        Show("Les Indes galantes", "Opéra", _L, "10-24", 5, "opera", 7400, 1250),
        Show("Giselle", "Ballet", _D, "11-13", 6, "opera", 6600, 1250, 1.2),
        Show("La Vie parisienne", "Opérette", _L, "12-09", 9, "opera", 6400, 1250, 1.5),
        Show("Concert du nouvel an", "Concert symphonique", _M, "01-04", 2, "opera", 5200, 1250, 1.2),
        Show("Carmen", "Opéra", _L, "01-23", 7, "opera", 8200, 1250, 1.6),
        Show("L’Enfant et les sortilèges", "Opéra jeune public", _L, "02-11", 6, "famille", 1800, 480),
        Show("Requiem de Mozart", "Concert symphonique", _M, "03-05", 3, "opera", 5200, 1250),
        Show("Pelléas et Mélisande", "Opéra", _L, "03-24", 5, "opera", 7400, 1250, 0.8),
        Show("Coppélia", "Ballet", _D, "04-16", 6, "opera", 6600, 1250),
        Show("Faust", "Opéra", _L, "05-12", 6, "opera", 7800, 1250, 1.1),
        Show("Midis musicaux", "Récital", _M, "06-04", 4, "opera", 2200, 1250, 0.5),
        Show("Orphée aux Enfers", "Opérette", _L, "06-18", 6, "opera", 6400, 1250, 1.2),
        Show("Manon", "Opéra", _L, "11-04", 3, "opera", 7400, 1250, past=True),
        Show("Casse-Noisette", "Ballet", _D, "12-12", 4, "opera", 6600, 1250, past=True),
        Show("Concert de printemps", "Concert symphonique", _M, "04-08", 2, "opera", 4800, 1250, past=True),
    ),
    "festival": (
        Show("Automne des lumières - concert", "", _A, "10-16", 4, "concert", 2600, 700, 0.5),
        Show("Automne des lumières - danse", "", _D, "11-06", 3, "concert", 2200, 700, 0.4),
        Show("Hiver en scène", "", _T, "02-05", 4, "concert", 2000, 500, 0.3),
        Show("Nuit électro du lac", "", _A, "06-04", 4, "plein_air", 3200, 1800, 1.3),
        Show("Fanfares en balade", "", _A, "06-11", 6, "plein_air", 1600, 900),
        Show("Chanson au bord de l’eau", "", _A, "06-16", 6, "plein_air", 2600, 1200),
        Show("Jazz sous les arbres", "", _A, "06-23", 6, "plein_air", 2800, 1200, 1.2),
        Show("Le Grand Manège", "", _C, "06-26", 6, "plein_air", 1800, 900, 1.1),
        Show("Hip-hop sur la dalle", "", _D, "07-01", 5, "plein_air", 2200, 900),
        Show("Scène rock", "", _A, "07-03", 6, "plein_air", 3400, 2400, 1.6),
        Show("Théâtre en chemin", "", _T, "07-07", 6, "plein_air", 1500, 480),
        Show("Bal des îles", "", _A, "07-10", 4, "plein_air", 2400, 1500),
        Show("Nuit du clown", "", _C, "07-16", 4, "plein_air", 1800, 480),
        Show("Concert de clôture", "", _A, "07-24", 3, "plein_air", 3400, 2400, 1.4),
        Show("Ciné-concert au parc", "", _P, "08-20", 3, "plein_air", 1400, 900, 0.7),
        Show("Grande scène d’été", "", _A, "07-02", 6, "plein_air", 3000, 2400, past=True),
        Show("Arts de la rue au lac", "", _C, "06-20", 4, "plein_air", 1600, 900, past=True),
    ),
    "musee": (
        Show("Lumières d’atelier", "Exposition", _E, "09-20", 40, "visite", 0, 240),
        Show("Le Dessin en liberté", "Exposition", _E, "01-17", 44, "visite", 0, 240, 1.2),
        Show("Visages du fleuve", "Exposition", _E, "05-23", 44, "visite", 0, 240),
        Show("Visite en famille", "Visite guidée", _E, "09-24", 40, "famille", 0, 100),
        Show("Atelier gravure", "Atelier", _R, "10-01", 24, "visite", 0, 72),
        Show("Atelier modelage", "Atelier", _R, "02-18", 24, "visite", 0, 72),
        Show("Les jeudis du musée", "Conférence", _R, "09-25", 34, "soiree", 0, 480),
        Show("Films d’artistes", "Projection", _P, "11-13", 10, "soiree", 0, 480, 0.8),
        Show("Collections en lumière", "Exposition", _E, "10-11", 12, "visite", 0, 240, past=True),
        Show("Rencontres du printemps", "Conférence", _R, "04-02", 6, "soiree", 0, 480, past=True),
    ),
}


def performances(organisation: str) -> pl.DataFrame:
    """Return one row a performance, oldest first.

    Columns: performance (number from 0), event, genre, family, at (Europe/Paris), cents, capacity, young,
    draw (weight in choosing), season (the year it begins in).
    """
    rows: list[tuple[object, ...]] = []
    for show in SHOWS[organisation]:
        years = range(SEASON - PAST_SEASONS, SEASON) if show.past else (SEASON,)
        for year in years:
            month, day = map(int, show.start.split("-"))
            first = date(year + (month < 9), month, day)
            for at in _run(first, show):
                weight = show.draw * show.capacity * (1.25 if at.weekday() >= 4 else 1.0)
                rows.append(
                    (show.title, show.genre, show.family, at, show.cents, show.capacity, show.young, weight, year)
                )
    columns = ["event", "genre", "family", "at", "cents", "capacity", "young", "draw", "season"]
    frame = pl.DataFrame(rows, schema=columns, orient="row", schema_overrides={"at": pl.Datetime("us", "Europe/Paris")})
    return frame.sort("at", "event").with_row_index("performance").with_columns(pl.col("performance").cast(pl.Int64))


def _run(day: date, show: Show) -> list[datetime]:
    slots: list[datetime] = []
    while len(slots) < show.performances:
        hours = _PATTERNS[show.pattern][day.weekday()]
        slots.extend(datetime.combine(day, time.fromisoformat(hour), PARIS) for hour in hours)
        day += timedelta(days=1)
    return slots[: show.performances]


def families(organisation: str) -> dict[str, str]:
    """Return the organisation's own words, titles and genres, with the family each stands for."""
    words = {show.title: show.family for show in SHOWS[organisation]}
    return words | {show.genre: show.family for show in SHOWS[organisation] if show.genre}
