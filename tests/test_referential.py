"""Words of genres, tariffs and channels: what is known, how it is written for others, and what stays unknown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from ascii import rows

from aggregations.referential import (
    crosswalk,
    domain_families,
    domains,
    normal_labels,
    tariff_flags,
    written,
    young_words,
)

VOCABULARY = tomllib.loads((Path(__file__).parents[1] / "privacy" / "vocabulary.toml").read_text("utf-8"))


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


# What a label of another vocabulary means here: the family, and the SIBIL domain where it names one for certain.
GENRES = """
label                                                | family             | domain
Théâtre                                              | theatre_recit      | theatre
Conte                                                | theatre_recit      | conte
Marionnettes                                         | theatre_recit      | marionnettes
Mime                                                 | theatre_recit      | mime
Cirque de création                                   | cirque_rue         | cirque_creation
Cirque de tradition                                  | cirque_rue         | cirque_tradition
Arts de la Rue                                       | cirque_rue         | arts_rue
Humour / Sketch / One-Man Show / Imitation           | humour_cabaret     | humour
Comédie musicale / Spectacle musical / Théâtre musical | lyrique_musical  | theatre_musical
Cabaret / Music-Hall                                 | humour_cabaret     | cabaret
Opéra / Théâtre lyrique                              | lyrique_musical    | opera
Musique classique, musique ancienne                  | musique_savante    | musique_classique
Musiques contemporaines                              | musique_savante    | musique_contemporaine
Chanson / Variétés                                   | musiques_actuelles | chanson
Jazz / Blues / Soul / Groove / Musiques improvisées  | musiques_actuelles | jazz
Pop / Rock / Reggae et genres assimilés              | musiques_actuelles | pop_rock
Musiques urbaines (Rap, Hip hop, Slam, Beat Box)     | musiques_actuelles | musiques_urbaines
Musique électronique                                 | musiques_actuelles | electro
Musique traditionnelle                               | musiques_actuelles | musique_trad
Musiques du Monde                                    | musiques_actuelles | musiques_monde
Danse de Création                                    | danse              | danse_creation
Danse traditionnelle                                 | danse              | danse_trad
Danses Urbaines / Hip hop                            | danse              | danse_urbaine
Danse Jazz                                           | danse              | danse_jazz
Danse Classique / Baroque                            | danse              | danse_classique
Danses du Monde                                      | danse              | danse_monde
Pluridisciplinaire / Autre                           | pluri_autre        | autre
TheaterEvent                                         | theatre_recit      | -
https://schema.org/TheaterEvent                      | theatre_recit      | -
schema:DanceEvent                                    | danse              | -
ComedyEvent                                          | humour_cabaret     | -
ExhibitionEvent                                      | exposition_visite  | -
VisualArtsEvent                                      | exposition_visite  | -
LiteraryEvent                                        | rencontre_atelier  | -
EducationEvent                                       | rencontre_atelier  | -
ConferenceEvent                                      | rencontre_atelier  | -
CourseInstance                                       | rencontre_atelier  | -
ScreeningEvent                                       | projection         | -
Festival                                             | pluri_autre        | -
MusicEvent                                           | -                  | -
ChildrensEvent                                       | -                  | -
PerformingArtsEvent                                  | -                  | -
SportsEvent                                          | -                  | -
SocialEvent                                          | -                  | -
BusinessEvent                                        | -                  | -
SaleEvent                                            | -                  | -
FoodEvent                                            | -                  | -
Hackathon                                            | -                  | -
DeliveryEvent                                        | -                  | -
PublicationEvent                                     | -                  | -
EventSeries                                          | -                  | -
Event                                                | -                  | -
CircusEvent                                          | cirque_rue         | -
https://www.datatourisme.fr/ontology/core#CircusEvent | cirque_rue        | -
StreetArtShow                                        | cirque_rue         | arts_rue
PuppetShow                                           | theatre_recit      | marionnettes
Opera                                                | lyrique_musical    | opera
Recital                                              | musique_savante    | -
Exhibition                                           | exposition_visite  | -
ShowEvent                                            | pluri_autre        | -
Concert                                              | -                  | -
CulturalEvent                                        | -                  | -
Market                                               | -                  | -
100                                                  | cirque_rue         | arts_rue
103                                                  | -                  | -
200                                                  | cirque_rue         | -
201                                                  | cirque_rue         | cirque_creation
206                                                  | -                  | -
300                                                  | danse              | -
306                                                  | danse              | danse_creation
314                                                  | danse              | danse_urbaine
400                                                  | humour_cabaret     | -
405                                                  | humour_cabaret     | humour
1100                                                 | lyrique_musical    | -
1101                                                 | humour_cabaret     | cabaret
1104                                                 | lyrique_musical    | theatre_musical
1109                                                 | -                  | -
1200                                                 | -                  | -
1201                                                 | theatre_recit      | conte
1300                                                 | theatre_recit      | theatre
1308                                                 | theatre_recit      | marionnettes
1309                                                 | theatre_recit      | theatre
1400                                                 | pluri_autre        | autre
1500                                                 | pluri_autre        | autre
1510                                                 | lyrique_musical    | opera
1516                                                 | lyrique_musical    | opera
-1                                                   | -                  | -
OUTDOOR_PERFORMANCE                                  | cirque_rue         | arts_rue
CABARET_AND_MUSIC_HALL                               | humour_cabaret     | cabaret
CIRCUS_AND_MAGIC                                     | cirque_rue         | -
MUSICAL_THEATRE                                      | lyrique_musical    | theatre_musical
DANCE                                                | danse              | -
COMEDY_AND_STAND_UP                                  | humour_cabaret     | humour
PUPPETRY                                             | theatre_recit      | marionnettes
CLASSICAL_AND_OPERA_AND_CONTEMPORARY_MUSIC           | -                  | -
POPULAR_AND_JAZZ_MUSIC                               | musiques_actuelles | -
WORLD_AND_TRADITIONAL_MUSIC_AND_DANCE                | -                  | -
HISTORICAL_REENACTMENTS_AND_HERITAGE_SOUND_AND_LIGHT_SHOWS | pluri_autre  | -
LIVE_PERFORMANCE_WITHOUT_DOMINANT_DISCIPLINE         | pluri_autre        | autre
ICE_SHOWS_AND_THEME_PARKS_AND_RELATED_PERFORMANCES   | pluri_autre        | -
THEATRE_AND_STORYTELLING_AND_MIME                    | theatre_recit      | -
"""


@pytest.mark.parametrize("row", rows(GENRES), ids=lambda row: row["label"])
def test_genres_of_other_vocabularies(row: dict[str, str]) -> None:
    label = normal_labels([row["label"]])[0]
    assert crosswalk("family").get(label, "-") == (row["family"] or "-")
    assert domains().get(label, "-") == (row["domain"] or "-")


# How a genre is written for SIBIL, for search engines, for tourism, and for SACEM and SACD.
WRITTEN = """
family             | domain            | sibil                               | schema_org      | datatourisme  | assistant_declaration
theatre_recit      | theatre           | Théâtre                             | TheaterEvent    | TheaterEvent  | THEATRE_AND_STORYTELLING_AND_MIME
theatre_recit      | marionnettes      | Marionnettes                        | TheaterEvent    | PuppetShow    | PUPPETRY
theatre_recit      | -                 | -                                   | TheaterEvent    | TheaterEvent  | THEATRE_AND_STORYTELLING_AND_MIME
cirque_rue         | cirque_creation   | Cirque de création                  | Event           | CircusEvent   | CIRCUS_AND_MAGIC
cirque_rue         | arts_rue          | Arts de la Rue                      | Event           | StreetArtShow | OUTDOOR_PERFORMANCE
cirque_rue         | -                 | -                                   | Event           | CircusEvent   | -
humour_cabaret     | cabaret           | Cabaret / Music-Hall                | Event           | ShowEvent     | CABARET_AND_MUSIC_HALL
lyrique_musical    | opera             | Opéra / Théâtre lyrique             | MusicEvent      | Opera         | CLASSICAL_AND_OPERA_AND_CONTEMPORARY_MUSIC
musique_savante    | musique_classique | Musique classique, musique ancienne | MusicEvent      | Concert       | CLASSICAL_AND_OPERA_AND_CONTEMPORARY_MUSIC
musiques_actuelles | musiques_monde    | Musiques du Monde                   | MusicEvent      | Concert       | WORLD_AND_TRADITIONAL_MUSIC_AND_DANCE
musiques_actuelles | -                 | -                                   | MusicEvent      | Concert       | -
danse              | danse_jazz        | Danse Jazz                          | DanceEvent      | DanceEvent    | DANCE
exposition_visite  | -                 | -                                   | ExhibitionEvent | Exhibition    | -
projection         | -                 | -                                   | ScreeningEvent  | CulturalEvent | -
pluri_autre        | autre             | Pluridisciplinaire / Autre          | Event           | ShowEvent     | LIVE_PERFORMANCE_WITHOUT_DOMINANT_DISCIPLINE
unknown            | -                 | -                                   | -               | -             | -
"""


@pytest.mark.parametrize("row", rows(WRITTEN), ids=lambda row: f"{row['family']} {row['domain']}")
def test_genres_as_others_write_them(row: dict[str, str]) -> None:
    said = {name: text for name, text in row.items() if name not in ("family", "domain") and text not in ("", "-")}
    assert written(row["family"], None if row["domain"] in ("", "-") else row["domain"]) == said


def test_the_27_domains_of_sibil_are_written_as_they_are_read() -> None:
    assert len(domain_families()) == 27
    for domain, family in domain_families().items():
        (label,) = normal_labels([written(family, domain)["sibil"]])
        assert (crosswalk("family")[label], domains()[label]) == (family, domain)


def test_what_is_written_is_never_read_as_another_family() -> None:
    families = set(crosswalk("family").values())
    for domain, family in [*domain_families().items(), *((None, family) for family in families)]:
        for label in normal_labels(written(family, domain).values()):
            assert crosswalk("family").get(label) in (None, family, "pluri_autre"), label


def test_young_audiences_have_a_genre_of_their_own() -> None:
    assert {"1200", "1201", "childrensevent", "theatre jeunesse"} <= set(young_words())
    assert "1300" not in young_words()


def test_no_word_has_two_meanings() -> None:
    folder = Path(__file__).parents[1] / "aggregations" / "reference"
    for name in ("families", "tariffs", "channels"):
        owner: dict[str, tuple[str, ...]] = {}
        for code, entry in tomllib.loads((folder / f"{name}.toml").read_text("utf-8")).items():
            if isinstance(entry, dict):
                own = [((code,), entry), *(((code, d), e) for d, e in entry.get("domains", {}).items())]
                for meaning, lists in own:
                    words = [
                        w
                        for key, v in lists.items()
                        if key not in ("written", "domains")
                        for w in ([v] if key == "sibil" else v)
                    ]
                    for label in set(normal_labels(words)):
                        assert owner.setdefault(label, meaning) == meaning, label


def test_school_and_group_words_are_apart() -> None:
    assert "tarif scolaire" in tariff_flags()["school"]
    assert "groupe" in tariff_flags()["group"]
    assert not tariff_flags()["group"] & tariff_flags()["school"]
