"""Postal codes, towns and countries: what is known, and what stays unknown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregations.geography import PLACE, commune, communes, communes_of, place_of
from privacy.errors import Fault

VOCABULARY = tomllib.loads((Path(__file__).parents[1] / "privacy" / "vocabulary.toml").read_text("utf-8"))


def place(postal: str | None, country: str | None = None, city: str | None = None) -> tuple[str | None, ...]:
    columns = {"p": [postal], "c": [country], "v": [city]}
    rows = pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return place_of(rows, "p", "c", "v").select(PLACE).collect().row(0)


PARIS = ("75056", "200054781", "75", "11", "FR")
BOURG = ("01053", "200071751", "01", "84", "FR")
GRENOBLE = ("38185", "200040715", "38", "84", "FR")
NOWHERE = (None, None, None, None, None)


def abroad(code: str) -> tuple[str | None, ...]:
    return (None, None, None, None, code)


@pytest.mark.parametrize(
    ("postal", "country", "expected"),
    [
        ("75011", "FR", PARIS),  # an arrondissement is its commune
        ("75116", None, PARIS),
        ("75 011", None, PARIS),
        ("75011 CEDEX 11", None, PARIS),
        ("75000", None, PARIS),  # no such code, but all that begin so are of Paris
        ("F-75011", None, PARIS),
        ("01000", None, BOURG),
        ("1000", None, BOURG),  # the leading zero a spreadsheet lost
        ("1000.0", None, BOURG),
        ("1000", "France", BOURG),
        ("1000", "Belgique", abroad("BE")),
        ("1000", "BE", abroad("BE")),
        ("1000", "bel", abroad("BE")),
        ("B-1000", None, abroad("BE")),
        ("1003", "Suisse", abroad("CH")),
        ("CH-1201", None, abroad("CH")),
        ("1201", "Switzerland", abroad("CH")),
        ("L-1111", None, abroad("LU")),
        ("1111", "LUX", abroad("LU")),
        ("H2X 1Y4", None, abroad("CA")),
        ("h2x1y4", "Canada", abroad("CA")),
        ("G1R", None, abroad("CA")),  # the first three characters, of Québec
        ("E1W", None, NOWHERE),  # of New Brunswick, or of London
        ("SW1A 1AA", None, abroad("GB")),
        ("SW1A 1AA", "UK", abroad("GB")),
        ("10115", "Allemagne", abroad("DE")),
        ("D-10115", None, abroad("DE")),
        ("10001-1234", "USA", abroad("US")),
        ("98000 MONACO CEDEX", None, NOWHERE),
        ("75011", "Québec", NOWHERE),  # not a country: nothing is guessed
        ("00000", None, NOWHERE),
        ("00000", "FR", (None, None, None, None, "FR")),
        ("abc", None, NOWHERE),
        (None, None, NOWHERE),
        (None, "Italie", abroad("IT")),
    ],
)
def test_place(postal: str | None, country: str | None, expected: tuple[str | None, ...]) -> None:
    assert place(postal, country) == expected


@pytest.mark.parametrize(
    ("postal", "city", "expected"),
    [
        # 01150 serves Lagnieu, the largest, and others
        ("01150", None, "01202"),
        ("01150", "Saint-Sorlin-en-Bugey", "01386"),
        ("01150", "ST SORLIN EN BUGEY", "01386"),
        ("1150", "St-Sorlin-en-Bugey", "01386"),
        ("01150 St Sorlin en Bugey", None, "01386"),
        ("01150", "Les Blanchettes", "01202"),  # a hamlet: the largest
        ("01380", "Bâgé-la-Ville", "01025"),  # now a part of Bâgé-Dommartin
        ("69003", "Lyon 3e", "69123"),
        ("69003", "LYON 03", "69123"),
        ("13001", "Marseille 1er Arrondissement", "13055"),
        ("69001#Lyon", None, "69123"),
        # CEDEX codes serve no commune: their town does
        ("38021", "GRENOBLE CEDEX 9", "38185"),
        ("38021 GRENOBLE CEDEX 9", None, "38185"),
        ("75379 PARIS CEDEX 08", None, "75056"),
        ("20176", "Ajaccio Cedex", "2A004"),
        ("20406", "Bastia Cedex", "2B033"),
        ("97491", "St Denis Cedex", "97411"),
        ("38021", None, None),
        ("38021", "Lyon", None),  # no Lyon begins with 38
        ("75000", "Lyon", None),
        # Four digits, and a town that is not of the French code: not France, and nothing says which country
        ("1000", "Bourg-en-Bresse", "01053"),
        ("1000", "Bruxelles", None),
    ],
)
def test_a_town_chooses_among_the_communes_of_its_postal_code(postal: str, city: str | None, expected: str) -> None:
    assert place(postal, None, city)[0] == expected


def test_a_town_alone_is_no_place() -> None:
    assert place(None, None, "Grenoble") == NOWHERE  # and there are two hundred Saint-Martin


def test_a_town_abroad_is_abroad() -> None:
    assert place("1000", "Belgique", "Bourg-en-Bresse") == abroad("BE")


@given(st.text(max_size=12), st.sampled_from([None, "France", "BE", "?"]), st.text(max_size=12))
def test_a_place_is_whole_or_unknown(postal: str, country: str | None, city: str) -> None:
    """Whatever is written, one place at most, and French columns in France only."""
    found = place(postal, country, city)
    assert (found[0] is None) == (found[2] is None) == (found[3] is None)
    assert found[0] is None or found[4] == "FR"


def test_communes_of_a_postal_code() -> None:
    served = communes_of("01150")
    assert (served[0].nom, len(served)) == ("Lagnieu", 11)
    assert [c.population for c in served] == sorted((c.population for c in served), reverse=True)
    assert communes_of("38021") == ()


@pytest.mark.parametrize(
    ("postal", "departement"),
    [("20000", "2A"), ("20200", "2B"), ("97400", "974"), ("97150", "978"), ("98714", "987"), ("13001", "13")],
)
def test_a_departement_is_read_from_the_table_not_from_two_digits(postal: str, departement: str) -> None:
    assert place(postal)[2] == departement


def test_a_shared_postal_code_is_its_most_populous_commune() -> None:
    rows = communes().explode("codes_postaux").filter(pl.col("codes_postaux") == "01150")
    assert rows.height > 1
    assert place("01150")[0] == rows.sort("population").row(-1, named=True)["code"]


def test_overseas_country_codes_are_france() -> None:
    assert place("97400", "RE")[3:] == ("04", "FR")


def test_every_departement_of_the_table_is_in_the_vocabulary() -> None:
    assert set(communes()["departement"]) <= {code for code, _, _ in VOCABULARY["departement"]["values"]}


def test_commune() -> None:
    paris = commune("75056")
    assert (paris.nom, paris.departement, paris.region, paris.epci) == ("Paris", "75", "11", "200054781")
    with pytest.raises(Fault, match="INSEE"):
        commune("75001")
