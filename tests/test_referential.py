"""Postal codes, communes and words: what is known, and what stays unknown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest

from aggregations.referential import (
    PLACE,
    commune,
    communes,
    crosswalk,
    domains,
    normal_labels,
    place_of,
    tariff_flags,
)
from privacy.errors import Fault

VOCABULARY = tomllib.loads((Path(__file__).parents[1] / "privacy" / "vocabulary.toml").read_text("utf-8"))


def place(postal: str | None, country: str | None = None) -> tuple[str | None, ...]:
    rows = pl.LazyFrame({"p": [postal], "c": [country]}, schema={"p": pl.String, "c": pl.String})
    return place_of(rows, "p", "c").select(PLACE).collect().row(0)


PARIS = ("75056", "200054781", "75", "11", "FR")
BOURG = ("01053", "200071751", "01", "84", "FR")
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
        ("F-75011", None, PARIS),
        ("01000", None, BOURG),
        ("1000", None, BOURG),  # the leading zero a spreadsheet lost
        ("1000.0", None, BOURG),
        ("1000", "France", BOURG),
        ("1000", "Belgique", abroad("BE")),
        ("1000", "BE", abroad("BE")),
        ("1003", "Suisse", abroad("CH")),
        ("H2X 1Y4", None, abroad("CA")),
        ("h2x1y4", "Canada", abroad("CA")),
        ("SW1A 1AA", None, abroad("GB")),
        ("10115", "Allemagne", abroad("DE")),
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


@pytest.mark.parametrize(
    ("kind", "label", "code"),
    [
        ("family", "Théâtre", "theatre_recit"),
        ("family", "  THEATRE ", "theatre_recit"),
        ("family", "Jazz / Blues / Soul / Groove / Musiques improvisées", "musiques_actuelles"),
        ("family", "1510", "lyrique_musical"),
        ("family", "MUSICAL_THEATRE", "lyrique_musical"),
        ("family", "ExhibitionEvent", "exposition_visite"),
        ("family", "PuppetShow", "theatre_recit"),
        ("family", "stand-up", "humour_cabaret"),
        ("family", "theatr", None),
        ("tariff", "Plein tarif", "plein"),
        ("tariff", "Jeune -26 ans", "reduit"),
        ("tariff", "Tarif abonné", "abonnement"),
        ("tariff", "Invitations", "exonere"),
        ("tariff", "Tarif scolaire", "groupe_scolaire"),
        ("tariff", "Fnac", "revendeur"),
        ("channel", "web", "web"),
        ("channel", "pretixpos", "guichet"),
        ("channel", "Par téléphone", "telephone"),
    ],
)
def test_words(kind: str, label: str, code: str | None) -> None:
    assert crosswalk(kind).get(normal_labels([label])[0]) == code


@pytest.mark.parametrize("kind", ["family", "tariff", "channel"])
def test_every_crosswalk_leads_into_the_vocabulary(kind: str) -> None:
    assert set(crosswalk(kind).values()) <= {code for code, _, _ in VOCABULARY[kind]["values"]} - {"unknown"}


def test_the_27_domains_of_sibil_are_all_known() -> None:
    assert len(set(domains().values())) == 27
    assert domains()["conte"] == "conte"


def test_no_word_has_two_meanings() -> None:
    folder = Path(__file__).parents[1] / "aggregations" / "reference"
    for name in ("families", "tariffs", "channels"):
        owner: dict[str, str] = {}
        for code, entry in tomllib.loads((folder / f"{name}.toml").read_text("utf-8")).items():
            lists = (
                [*entry.get("domains", {}).values(), *(v for k, v in entry.items() if k != "domains")]
                if isinstance(entry, dict)
                else []
            )
            for label in normal_labels(word for words in lists for word in words):
                assert owner.setdefault(label, code) == code, label


def test_school_and_group_words_are_apart() -> None:
    assert "tarif scolaire" in tariff_flags()["school"]
    assert "groupe" in tariff_flags()["group"]
    assert not tariff_flags()["group"] & tariff_flags()["school"]
