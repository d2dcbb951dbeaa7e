"""The people of the demo town: names, ages, homes, and the organisations each of them goes to.

Nobody in it exists. Addresses are at example.org, example.net and example.com only. Shares are those of
published audience studies: 85.5 % go to a single organisation, and homes thin out with distance.
"""

from __future__ import annotations

import unicodedata
from importlib import resources

import numpy as np
import polars as pl

Draw = np.random.Generator

HOMES = ("theatre", "opera", "festival", "musee", "media")
COMMUNES = {"theatre": "75056", "opera": "93066", "festival": "94028", "musee": "75056", "media": "75056"}
SEVERAL = 0.145  # people of more than one organisation
LAPSED = 0.08  # people of a past season who did not come back

_SHARES = (0.17, 0.24, 0.18, 0.22, 0.19)
# Row: first organisation; column: how readily its people also go to another.
_AFFINITY = ((0, 5, 3, 3, 3), (4, 0, 1, 3, 2), (3, 1, 0, 1, 3), (3, 3, 1, 0, 2), (3, 2, 3, 2, 0))
# Same town, same EPCI, same département, same region, elsewhere in France, abroad, not given.
_RINGS = {
    "theatre": (0.43, 0.26, 0.03, 0.14, 0.08, 0.02, 0.04),
    "opera": (0.13, 0.48, 0.04, 0.17, 0.11, 0.03, 0.04),
    "festival": (0.17, 0.44, 0.05, 0.22, 0.08, 0.01, 0.03),
    "musee": (0.36, 0.26, 0.03, 0.15, 0.10, 0.06, 0.04),
    "media": (0.27, 0.25, 0.03, 0.17, 0.20, 0.04, 0.04),
}
# 0-14, 15-24, 25-39, 40-59, 60-89
_AGES = {
    "theatre": (0.00, 0.11, 0.24, 0.35, 0.30),
    "opera": (0.00, 0.17, 0.18, 0.28, 0.37),
    "festival": (0.01, 0.26, 0.39, 0.26, 0.08),
    "musee": (0.02, 0.11, 0.26, 0.33, 0.28),
    "media": (0.00, 0.13, 0.37, 0.33, 0.17),
}
_TASTES = {
    "theatre": (("theatre_recit", "danse", "humour_cabaret", "cirque_rue"), (0.56, 0.17, 0.16, 0.11)),
    "opera": (("lyrique_musical", "danse", "musique_savante"), (0.60, 0.24, 0.16)),
    "festival": (("musiques_actuelles", "cirque_rue", "danse", "theatre_recit"), (0.68, 0.15, 0.10, 0.07)),
    "musee": (("exposition_visite", "rencontre_atelier", "projection"), (0.62, 0.32, 0.06)),
    "media": (
        ("theatre_recit", "musiques_actuelles", "lyrique_musical", "danse", "exposition_visite"),
        (0.30, 0.27, 0.15, 0.14, 0.14),
    ),
}
_ABROAD = (("BE", "1050"), ("CH", "1201"), ("LU", "1611"), ("DE", "10115"), ("GB", "SW1A 1AA"), ("CA", "H2X 1Y4"))
_GIVEN = (
    "Camille Louise Inès Emma Chloé Manon Léa Jade Sarah Julie Claire Anne Hélène Sophie Nathalie Isabelle Sylvie "
    "Catherine Monique Françoise Aïcha Fatou Nadia Yasmine Mei Lucas Hugo Louis Gabriel Jules Adam Nathan Thomas "
    "Antoine Nicolas Julien Pierre Olivier Laurent Philippe Alain Gérard Michel Bernard Karim Mehdi Mamadou Minh "
    "Éléonore Zoé"
)
_FAMILY = (
    "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefebvre Leroy Roux David "
    "Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefèvre Faure André Mercier "
    "Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry "
    "Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun Blanchard "
    "Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud Martinez Gérard Roche Renard Schmitt Roy Leroux Colin "
    "Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix Olivier Philippe Bourgeois Pierre Benoît Rey "
    "Nguyen Diallo Traoré Benali Haddad Cohen Lévy Fernandes Da-Silva Kowalski"
)


def read_communes() -> pl.DataFrame:
    """Read the official table that ships with the venue's package, communes with a postal code only."""
    with resources.as_file(resources.files("aggregations") / "reference" / "communes.parquet") as path:
        table = pl.read_parquet(
            path, columns=["code", "nom", "departement", "region", "epci", "population", "codes_postaux"]
        )
    return table.filter(pl.col("codes_postaux").list.len() > 0, pl.col("population") > 0).sort("code")


def people(count: int, draw: Draw, communes: pl.DataFrame) -> pl.DataFrame:
    """Return one row a person.

    Columns: person (number from 0), given, surname, email, birth_year, country, postal_code and city (null: not
    given), home (organisation first gone to), taste (genre family), lapsed (came before this season only).
    """
    home = draw.choice(len(HOMES), count, p=_SHARES)
    names, surnames = _GIVEN.split(), _FAMILY.split()
    given, surname = draw.integers(0, len(names), count), draw.integers(0, len(surnames), count)
    domain = draw.choice(["example.org", "example.net", "example.com"], count, p=(0.5, 0.3, 0.2))
    slugs = [_slug(name) for name in names], [_slug(name) for name in surnames]
    frame = pl.DataFrame(
        {
            "person": np.arange(count),
            "given": np.array(names)[given],
            "surname": np.array(surnames)[surname],
            "email": [
                f"{slugs[0][g]}.{slugs[1][f]}{i}@{d}"
                for i, (g, f, d) in enumerate(zip(given.tolist(), surname.tolist(), domain.tolist(), strict=True))
            ],
            "home": np.array(HOMES)[home],
            "lapsed": (draw.random(count) < LAPSED / (1 - _SHARES[-1])) & (home != len(HOMES) - 1),
        }
    )
    parts = [_dress(part, draw, communes) for part in frame.partition_by("home", maintain_order=True)]
    return pl.concat(parts).sort("person")


def memberships(persons: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    """Return one row a person and organisation: person, organisation, rank (0 is home), lapsed."""
    count = persons.height
    home = persons["home"].replace_strict(HOMES, range(len(HOMES)), return_dtype=pl.Int64).to_numpy()
    lapsed = persons["lapsed"].to_numpy()
    several = (draw.random(count) < SEVERAL / (1 - lapsed.mean())) & ~lapsed
    size = np.where(several, draw.choice((2, 3, 4), count, p=(0.80, 0.16, 0.04)), 1)
    # Gumbel's trick: the largest of log-weight plus noise are a weighted draw without replacement.
    with np.errstate(divide="ignore"):
        wish = np.log(np.array(_AFFINITY, float))[home] + draw.gumbel(size=(count, len(HOMES)))
    wish[np.arange(count), home] = np.inf
    order = np.argsort(-wish, axis=1)
    rank = np.tile(np.arange(len(HOMES)), (count, 1))
    kept = rank < size[:, None]
    person = np.repeat(np.arange(count), size)
    return pl.DataFrame(
        {
            "person": person,
            "organisation": np.array(HOMES)[order[kept]],
            "rank": rank[kept],
            "lapsed": lapsed[person],
        }
    )


def _dress(part: pl.DataFrame, draw: Draw, communes: pl.DataFrame) -> pl.DataFrame:
    home, count = str(part["home"][0]), part.height
    bands = draw.choice(5, count, p=_AGES[home])
    age = draw.integers(np.array((5, 15, 25, 40, 60))[bands], np.array((15, 25, 40, 60, 90))[bands])
    families, shares = _TASTES[home]
    return pl.concat(
        [
            part,
            pl.DataFrame({"birth_year": 2025 - age, "taste": draw.choice(families, count, p=shares)}),
            _places(COMMUNES[home], _RINGS[home], count, draw, communes),
        ],
        how="horizontal",
    )


def _places(centre: str, shares: tuple[float, ...], count: int, draw: Draw, communes: pl.DataFrame) -> pl.DataFrame:
    here = communes.row(by_predicate=pl.col("code") == centre, named=True)
    same = [
        communes[column].eq_missing(here[column]).to_numpy() for column in ("code", "epci", "departement", "region")
    ]
    ring = np.select(same, range(4), 4)
    # Far regions send fewer people than the neighbours; overseas fewer still.
    near = communes["region"].is_in(["24", "27", "28", "32", "44"]).to_numpy()
    weight = communes["population"].to_numpy() * np.where(ring < 4, 1.0, np.where(near, 3.0, 1.0))
    odds = np.array(shares)
    odds[:5] *= [bool((ring == number).any()) for number in range(5)]
    band = draw.choice(len(shares), count, p=odds / odds.sum())
    commune = np.zeros(count, int)
    for number in range(5):
        inside, wanted = np.flatnonzero(ring == number), band == number
        if wanted.any():
            commune[wanted] = draw.choice(inside, int(wanted.sum()), p=weight[inside] / weight[inside].sum())
    chosen = communes[commune]
    pick = (draw.random(count) * chosen["codes_postaux"].list.len().to_numpy()).astype(int)
    codes = chosen["codes_postaux"].list.get(pl.Series(pick)).to_numpy().astype(object)
    towns, countries = chosen["nom"].to_numpy().astype(object), np.full(count, "FR", object)
    abroad = draw.integers(0, len(_ABROAD), count)
    for row in np.flatnonzero(band == 5):
        (countries[row], codes[row]), towns[row] = _ABROAD[abroad[row]], None
    towns[band == 6] = codes[band == 6] = None
    schema = {"country": pl.String, "postal_code": pl.String, "city": pl.String}
    return pl.DataFrame([countries.tolist(), codes.tolist(), towns.tolist()], schema=schema)


def _slug(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
