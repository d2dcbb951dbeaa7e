"""What others know a venue by is checked before it is believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aggregations.founding import add_venue
from aggregations.identifiers import check_identifiers
from aggregations.venue import Venue, read_venue
from privacy.errors import Fault


@pytest.mark.parametrize(
    ("kind", "text", "valid"),
    [
        ("siren", "732829320", True),
        ("siren", "732829321", False),
        ("siret", "73282932000074", True),
        ("siret", "732 829 320 00074", True),
        ("siret", "73282932000075", False),
        ("siret", "7328293200007", False),
        ("siret", "35600000000048", True),  # La Poste, its seat
        ("siret", "35600000049837", True),  # La Poste, elsewhere: digits add up to a multiple of five
        ("siret", "35600000049838", False),
        ("isni", "0000 0001 2281 955X", True),
        ("isni", "0000 0001 2281 9551", False),
        ("wikidata", "Q1124", True),
        ("wikidata", "q1124", False),
        ("wikidata", "Q01124", False),
        ("sibil", "4712", True),
        ("sibil", "lieu-4712", False),
        ("openagenda", "12345678", True),
        ("openagenda", "", False),
        ("openagenda", 12345678, False),  # a number, not a text
        ("twitter", "@theatre", False),
    ],
)
def test_identifiers(kind: str, text: object, valid: bool) -> None:
    if valid:
        check_identifiers({kind: text})
    else:
        with pytest.raises(Fault, match=kind) as fault:
            check_identifiers({kind: text})
        assert str(text) not in fault.value.fr or not text


def test_a_siret_is_of_its_siren() -> None:
    check_identifiers({"siren": "732 829 320", "siret": "73282932000074"})
    with pytest.raises(Fault, match="begin with siren"):
        check_identifiers({"siren": "356000000", "siret": "73282932000074"})


def test_they_are_kept_in_venue_toml(tmp_path: Path) -> None:
    own = {"siret": "73282932000074", "wikidata": "Q1124"}
    venue = Venue("theatre", "Théâtre du Lac", "theatre", "38185", identifiers=own, folder=tmp_path / "theatre")
    assert read_venue(add_venue(venue).folder).identifiers == own
    toml = venue.folder / "venue.toml"
    toml.write_text(toml.read_text("utf-8").replace("0074", "0075"), "utf-8")
    with pytest.raises(Fault, match="siret is not valid"):
        read_venue(venue.folder)
    with pytest.raises(Fault, match="siret"):
        add_venue(replace(venue, identifiers={"siret": "1"}, folder=tmp_path / "other"))
    assert not (tmp_path / "other").exists()
