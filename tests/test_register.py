"""The registers say what is configured, loaded, published and removed, and what only the venue can tell is left open."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import pytest

from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.publication import release
from aggregations.register import write_register
from aggregations.rights import forget, purge
from aggregations.venue import Venue, read_venue
from privacy.calendar import Period
from privacy.errors import Fault
from privacy.policy import Policy

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
DAY = date(2026, 11, 22)


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre <du Lac>", "theatre", "38185", folder=tmp_path / "theatre"))


def told(venue: Venue, policy: Policy) -> tuple[str, str]:
    """What a reader sees, in French and English."""
    pages = [page.read_text("utf-8") for page in write_register(venue, policy, DAY)]
    french, english = (
        re.sub(r"\s+", " ", unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", p, flags=re.DOTALL))) for p in pages
    )
    return french, english


def test_of_an_empty_venue_everything_is_said_and_what_it_alone_knows_is_left_open(
    venue: Venue, policy: Policy
) -> None:
    french, english = told(venue, policy)
    for part in (
        "Registre des activités de traitement",
        "Registre d’anonymisation",
        "analyse d’impact",
        "Droits exercés",
    ):
        assert part in french
    assert "Théâtre <du Lac>" in french
    assert "Rien n’a été chargé." in french
    assert "Nothing was released." in english
    assert "jamais purgé" in french
    assert "contact : à compléter" in french
    assert "readable by its own account only: yes" in english
    assert not venue.ledger.exists()  # reading makes nothing


def test_it_follows_the_configuration(venue: Venue, policy: Policy) -> None:
    ingest(venue, [EXPORTS / "brevo.csv"])
    ingest(venue, [EXPORTS / "neutral_transactions.csv"])
    ingest(venue, [EXPORTS / "counter.csv"])
    french, _ = told(venue, policy)
    assert "36 mois après sa dernière trace" in french
    assert "Brevo (contacts, CSV) consentement (art. 6.1.a)" in french
    assert re.search(r"Jauge neutral format .*? exécution du contrat .*? année de naissance", french)
    assert "aucune donnée de personnes" in french  # of the counter
    assert "Recettes" not in french
    changed = replace(
        venue, retention_months=24, raw_days=7, revenue=True, publishes=("interactions",), consent={"brevo": "legitimate_interest"},
        controller={"name": "Régie du Lac", "dpo": "dpo@lac.example"},
    )  # fmt: skip
    other = replace(policy, k=20, k_rule="probable")
    french, english = told(changed, other)
    for said in ("24 mois après", "consentement : 24 mois", "7 jours", "intérêt légitime", "Régie du Lac", "dpo@lac.example",
                 "k = 20 (probable)", "recettes publiées : oui"):  # fmt: skip
        assert said in french, said
    assert "Brevo (contacts, CSV) consentement" not in french
    assert "20 people are in it, very likely" in english
    tables = [table for table in policy.tables if table.records == "interactions"]
    assert all(table.fr in french for table in tables)
    assert policy.table("family").fr not in french


def test_releases_are_verified_again_and_acts_are_listed(venue: Venue, policy: Policy) -> None:
    ingest(venue, [EXPORTS / "neutral_transactions.csv"])
    sealed = release(venue, Period.parse("2025-2026-T1"), policy).release
    forget(venue, ["nobody.ornithorynque@example.org"])
    purge(venue, DAY)
    french, english = told(venue, policy)
    assert re.search(rf"2025-2026-T1 1 \S+ {policy.digest[:12]} k = 11 personne : ε = 1.30, δ = \S+ conforme", french)
    assert re.search(r"effacement \(art. 17\) 1 0 0", french)
    assert "files searched: nothing found" in english
    assert "nobody last seen before 2023-11-22" in english
    assert "ornithorynque" not in french + english
    (table,) = list(sealed.folder.glob("tables/provenance.parquet"))
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    assert "NON CONFORME ou absente" in told(venue, policy)[0]


def test_what_the_venue_states_is_read_from_its_file(venue: Venue) -> None:
    file = venue.folder / "venue.toml"
    file.write_text(file.read_text("utf-8").replace("[controller]\n", '[controller]\nname = "Régie"\n'), "utf-8")
    assert read_venue(venue.folder).controller == {"name": "Régie"}
    assert (read_venue(venue.folder).retention_months, read_venue(venue.folder).raw_days) == (36, 30)
    file.write_text(file.read_text("utf-8").replace('name = "Régie"', 'phone = "1"'), "utf-8")
    with pytest.raises(Fault, match="controller: name, address"):
        read_venue(venue.folder)
