"""Declarations reach SIBIL once, whatever fails on the way: against a local service of the documented shape, which is strict."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_declarations import DECLARES, lac, load, ticket
from vendors import Answer, Asked, vendor

from aggregations.declarations.keeping import draft, numbers, sent
from aggregations.declarations.quarters import CivilQuarter
from aggregations.rights import forget
from aggregations.venue import Venue, read_venue
from pipelines.sibil import client
from pipelines.sibil.sending import send
from privacy.errors import Fault, GovernanceRefusal, QualityRefusal

T1 = CivilQuarter(2026, 1)
PASSWORD = "mot de passe ornithorynque"
DOMAINS = {"Théâtre": 1, "Danse de Création": 21, "Danse Classique / Baroque": 25}
TYPES = ("THEATRE", "ESPACE_POLYVALENT", "AUTRE")
# The interface's own words: field → type. Required ones are marked in `_REQUIRED`.
_FIGURES = {
    "nbRepresentations": int, "nbBilletsTotalBilletterie": int, "recetteTotalBilletterie": float, "prixMoyenTotalBilletterie": float,
    "nbBilletsTarifPlein": int, "recetteTarifPlein": float, "prixMoyenTarifPlein": float, "nbBilletsTarifAbonnementForfait": int,
    "nbBilletsExoneres": int, "jauge": int,
}  # fmt: skip
_FIELDS: dict[str, type] = _FIGURES | {
    "id": int, "idExtBilletterie": str, "dateHeureRepresentationUnique": str, "dateDebut": str, "dateFin": str, "jeunePublic": bool,
    "domaineRepresentationId": int, "lieuId": int, "lieuChamps": dict, "festivalId": int, "festivalChamps": dict, "spectacleId": int,
    "spectacleChamps": dict, "gestionnaireMultiple": bool, "statutDeclaration": str,
}  # fmt: skip
_PLACE = {"nom", "adresse", "codePostal", "ville", "typeLieu"}
_SHOW = {"critere1", "critere2", "critere3", "critere4", "domaineSpectacleId"}
_FESTIVAL = {"nom", "codePostal", "ville"}


def wrong(dto: dict[str, Any]) -> str:
    """What SIBIL would refuse a declaration for; empty where it takes it."""
    for name, value in dto.items():
        kind = _FIELDS.get(name)
        if (
            kind is None
            or not isinstance(value, (int, float) if kind is float else kind)
            or (kind is int and isinstance(value, bool))
        ):
            return f"champ {name}"
    if (
        missing := {*_FIGURES, "idExtBilletterie", "jeunePublic", "domaineRepresentationId", "statutDeclaration"}
        - dto.keys()
    ):
        return f"manque {sorted(missing)}"
    if len(dto["idExtBilletterie"]) > 17 or dto["domaineRepresentationId"] not in DOMAINS.values():
        return "identifiant"
    single, series = "dateHeureRepresentationUnique" in dto, {"dateDebut", "dateFin"} <= dto.keys()
    if single == series or (single and dto["nbRepresentations"] != 1):
        return "unique ou série"
    days = [dto["dateHeureRepresentationUnique"]] if single else [dto["dateDebut"], dto["dateFin"]]
    if len({(d[:4], (int(d[5:7]) + 2) // 3) for d in days}) != 1 or (
        single and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", days[0])
    ):
        return "dates"
    place, show, festival = dto.get("lieuChamps"), dto.get("spectacleChamps"), dto.get("festivalChamps")
    if ("lieuId" in dto) == (place is not None) or ("spectacleId" in dto) == (show is not None):
        return "numéro ou champs"
    if place is not None and not (_PLACE <= place.keys() <= _PLACE | {"siret"} and place["typeLieu"] in TYPES):
        return "lieu"
    if show is not None and not {"critere1", "domaineSpectacleId"} <= show.keys() <= _SHOW:
        return "spectacle"
    if festival is not None and not _FESTIVAL <= festival.keys() <= _FESTIVAL | {"domaineFestivalId"}:
        return "festival"
    if (
        dto["nbBilletsTarifPlein"] + dto["nbBilletsTarifAbonnementForfait"] + dto["nbBilletsExoneres"]
        > dto["nbBilletsTotalBilletterie"]
    ):
        return "billets"
    if dto["recetteTarifPlein"] > dto["recetteTotalBilletterie"]:
        return "recettes"
    if dto["nbBilletsTarifPlein"] and dto["prixMoyenTotalBilletterie"] > dto["prixMoyenTarifPlein"]:
        return "prix moyens"
    return "" if dto["statutDeclaration"] == "ENREGISTRE" and dto["jauge"] > 0 else "statut ou jauge"


@dataclass
class Service:
    """SIBIL as documented: tokens that end, declarations by their own number, numbered places and shows."""

    url: str = ""
    token: int = 0
    declarations: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    places: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    shows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    mishaps: list[str] = field(
        default_factory=list[str]
    )  # of the coming writes: "lost" (done, no answer), "busy", "expired"
    writes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix("/api/v2/")
        if path == "authenticate":
            return self.authenticate(json.loads(asked.posted))
        if asked.headers.get("Authorization") != f"Bearer jeton-{self.token}":
            return Answer(status=401)
        if path == "declarations" and asked.method in ("POST", "PUT"):
            return self.write(asked)
        return Answer(self.read(path, asked.what)) if asked.method == "GET" else Answer(status=405)

    def authenticate(self, form: dict[str, str]) -> Answer:
        if form != {"username": "lac", "password": PASSWORD}:
            return Answer({"id_token": "", "typeError": "NOT AUTHENTICATED", "versions": []})
        self.token += 1
        return Answer({"id_token": f"jeton-{self.token}", "typeError": "AUTHENTICATED", "versions": ["2"]})

    def read(self, path: str, query: dict[str, str]) -> Any:
        if path == "domaine-representations" and query == {"sansPagination": "true"}:
            return [{"id": n, "libelle": name, "actif": True} for name, n in DOMAINS.items()] + [
                {"id": 99, "libelle": "Mime", "actif": False}
            ]
        if path == "lieux/types":
            return [{"code": code, "value": code.title()} for code in TYPES]
        if path == "spectacles/configChamps":
            return [{"idDomaineRepresentation": 21, "domaineConfig": {
                "domaineId": "21", "critere1": {"libelleCourt": "Titre"}, "critere2": {"libelleCourt": "Chorégraphe"}, "critere3": None}}]  # fmt: skip
        held = {
            "declarations": list(self.declarations.values()),
            "lieux": self.places,
            "spectacles": self.shows,
            "festivals": [],
        }[path]
        ((asked, value),) = query.items()
        found = [one for one in held if str(one.get(asked.removesuffix(".equals"))) == value]
        return {"hits": {"total": len(found), "size": 20, "page": 0}, "result": found}

    def write(self, asked: Asked) -> Answer:
        dto, mishap = json.loads(asked.posted), self.mishaps.pop(0) if self.mishaps else ""
        if mishap == "busy":
            return Answer(status=503)
        if mishap == "expired":
            self.token += 1
            return Answer(status=401)
        if why := wrong(dto):
            return Answer(
                {"errorKey": "errorsDataSib", "title": f"Refusé : {why}", "status": 400, "message": "error"}, 400
            )
        number = dto.get("id")
        if (asked.method == "PUT") != (number in self.declarations):
            return Answer(status=404)
        number = number or 5000 + len(self.declarations)
        self.writes.append((asked.method, dto["idExtBilletterie"]))
        place = dto.get("lieuId") or self.numbered(self.places, dto["lieuChamps"])
        show = dto.get("spectacleId") or self.numbered(self.shows, dto["spectacleChamps"])
        self.declarations[number] = dto | {
            "id": number,
            "lieuId": place,
            "spectacleId": show,
            "festivalId": None,
            "codeErreur": None,
        }
        return Answer(self.declarations[number], cut=5 if mishap == "lost" else 0)

    def numbered(self, held: list[dict[str, Any]], told: dict[str, Any]) -> int:
        held.append(told | {"id": 700 + len(held), "statut": "PROPOSE", "parentId": None})
        return held[-1]["id"]


@contextmanager
def running() -> Iterator[Service]:
    service = Service()
    with vendor(service.answer) as served:
        service.url = served.url
        yield service


@pytest.fixture
def sibil(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(client, "_BACK_OFF", lambda _: 0)
    monkeypatch.setenv("JAUGE_LAC_SIBIL_USERNAME", "lac")
    monkeypatch.setenv("JAUGE_LAC_SIBIL_PASSWORD", PASSWORD)
    with running() as service:
        yield service


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    one = lac(tmp_path_factory.mktemp("loaded") / "lac")
    second = ticket(2, at="2026-01-14T20:00+01:00", kind="reduit")
    others = ticket(3, "Un soir", at="2026-02-01T20:00+01:00"), ticket(4, "Un matin", at="2026-03-01T11:00+01:00")
    load(one, [ticket(1), second, *others])
    return one.folder


@pytest.fixture
def venue(loaded: Path, tmp_path: Path, sibil: Service) -> Venue:
    return replace(read_venue(shutil.copytree(loaded, tmp_path / "lac")), sibil={"url": sibil.url})


def test_each_declaration_is_there_once_and_noted_as_sent(venue: Venue, sibil: Service) -> None:
    assert len(send(venue, T1)) == 3
    assert [how for how, _ in sibil.writes] == ["POST"] * 3
    assert draft(venue, T1).states == ("sent",) * 3
    assert {one.number for one in sent(venue).values()} == set(sibil.declarations)
    assert send(venue, T1) == []
    assert len(sibil.writes) == 3
    drafted = json.loads((venue.declarations / "sibil" / "2026-T1" / "declarations.json").read_text("utf-8"))
    assert {one["domaineRepresentationId"] for one in drafted} == {21}  # its numbers are known now, and kept
    assert {one["lieuId"] for one in drafted} == {700}
    assert numbers(venue).criteria["Danse de Création"] == ["Titre", "Chorégraphe"]


def test_what_changed_is_put_in_its_place(venue: Venue, sibil: Service) -> None:
    send(venue, T1)
    load(venue, [ticket(9, "Un soir", at="2026-02-01T20:00+01:00", quantity=4)], "plus tard")
    (again,) = send(venue, T1)
    assert sibil.writes[3:] == [("PUT", again.id)]
    assert len(sibil.declarations) == 3
    (there,) = [d for d in sibil.declarations.values() if d["idExtBilletterie"] == again.id]
    assert there["nbBilletsTotalBilletterie"] == 5
    assert draft(venue, T1).states == ("sent",) * 3


@pytest.mark.parametrize("mishap", ["lost", "busy", "expired"])
def test_what_passes_is_tried_again_and_declares_nothing_twice(venue: Venue, sibil: Service, mishap: str) -> None:
    sibil.mishaps = [mishap, "", mishap]
    send(venue, T1)
    assert sorted(d["idExtBilletterie"] for d in sibil.declarations.values()) == sorted(
        d.id for d in draft(venue, T1).declarations
    )
    assert draft(venue, T1).states == ("sent",) * 3


def test_a_service_that_stays_away_leaves_what_it_took_noted(venue: Venue, sibil: Service) -> None:
    sibil.mishaps = ["", *["busy"] * 6]
    with pytest.raises(Fault, match="6 times"):
        send(venue, T1)
    assert sorted(draft(venue, T1).states) == ["draft", "draft", "sent"]
    send(venue, T1)
    assert [how for how, _ in sibil.writes] == ["POST"] * 3


class Killed(BaseException):
    """The machine stops."""


@pytest.mark.parametrize("after", [0, 1, 2])
def test_killed_midway_it_goes_on(venue: Venue, sibil: Service, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed once SIBIL has a declaration and nothing is noted of it: it is found there by its id."""
    from pipelines.sibil import sending

    kept, calls = sending.keep_sent, list[str]()

    def dying(*what: Any) -> None:
        calls.append(what[1])
        if len(calls) == after + 1:
            raise Killed
        kept(*what)

    monkeypatch.setattr(sending, "keep_sent", dying)
    with pytest.raises(Killed):
        send(venue, T1)
    monkeypatch.setattr(sending, "keep_sent", kept)
    send(venue, T1)
    assert len(sibil.declarations) == 3
    assert [how for how, _ in sibil.writes] == ["POST"] * (after + 1) + ["PUT"] + ["POST"] * (2 - after)
    assert draft(venue, T1).states == ("sent",) * 3


def test_places_and_shows_it_has_already_are_told_by_number_where_every_word_is_equal(
    venue: Venue, sibil: Service
) -> None:
    place = {
        "nom": "Théâtre du Lac",
        "adresse": "1 quai du Lac",
        "codePostal": "38000",
        "ville": "Grenoble",
        "typeLieu": "THEATRE",
    }
    sibil.places = [place | {"id": 1, "statut": "FUSIONNE"}, place | {"id": 2, "adresse": "2 quai du Lac", "statut": "VALIDE"}, place | {"id": 3, "statut": "VALIDE"}]  # fmt: skip
    sibil.shows = [
        {"id": 40, "critere1": "Un soir", "domaineSpectacleId": 1, "statut": "VALIDE"}
    ]  # another's: it is a play
    send(venue, T1)
    assert {d["lieuId"] for d in sibil.declarations.values()} == {3}
    assert 40 not in {d["spectacleId"] for d in sibil.declarations.values()}


def test_a_name_and_password_it_does_not_know_are_told_without_repeating_them(
    venue: Venue, sibil: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAUGE_LAC_SIBIL_PASSWORD", wrong_one := "autre-ornithorynque")
    with pytest.raises(GovernanceRefusal, match="no such name") as caught:
        send(venue, T1)
    assert wrong_one not in str(caught.value) + caught.value.fr
    assert sibil.writes == []


def test_it_is_off_by_default_and_secrets_are_in_the_environment_alone(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ({}, {"url": "http://sibil.example.org"}, {"url": venue.sibil["url"], "password": "x"}):
        with pytest.raises(Fault, match=r"\[sibil\]"):
            send(replace(venue, sibil=address), T1)
    monkeypatch.delenv("JAUGE_LAC_SIBIL_PASSWORD")
    with pytest.raises(Fault, match="JAUGE_LAC_SIBIL_PASSWORD"):
        send(venue, T1)
    for path in venue.folder.rglob("*"):
        assert path.is_dir() or b"ornithorynque" not in path.read_bytes()


def test_nothing_is_sent_of_a_quarter_that_fails_a_control(venue: Venue, sibil: Service) -> None:
    load(venue, [ticket(9, unit_price_cents=None)], "sans prix")
    with pytest.raises(QualityRefusal):
        send(venue, T1)
    assert sibil.token == 0


def test_a_domain_that_sibil_no_longer_has_stops_all_before_it_begins(venue: Venue, sibil: Service) -> None:
    facts = DECLARES | {"shows": {"Un soir": {"domain": "mime"}}}
    with pytest.raises(Fault, match="Mime"):
        send(replace(venue, declares=facts), T1)
    assert sibil.writes == []


def test_who_is_forgotten_is_not_taken_out_of_what_was_declared(venue: Venue, sibil: Service) -> None:
    """Their tickets were sold all the same: figures that fall for it are not sent again; those that rise are."""
    send(venue, T1)
    forget(venue, ["p4@example.org"], elsewhere=[])
    load(venue, [ticket(9, "Un soir", at="2026-02-01T20:00+01:00"), ticket(8, quantity=3)], "plus tard")
    forget(venue, ["p1@example.org"], elsewhere=[])
    made = draft(venue, T1)
    assert made.lessened
    assert {d.title for d in made.declarations} == {"Le Lac", "Un soir"}
    assert [one.told["title"] for one in made.gone] == ["Un matin"]
    assert {d.title for d in send(venue, T1)} == {"Le Lac", "Un soir"}
    forget(venue, ["p8@example.org"], elsewhere=[])
    assert (
        dict(zip((d.title for d in draft(venue, T1).declarations), draft(venue, T1).states, strict=True))["Le Lac"]
        == "held"
    )
    assert send(venue, T1) == []


def test_a_closed_declaration_is_sibils_to_change(venue: Venue, sibil: Service) -> None:
    send(venue, T1)
    for there in sibil.declarations.values():
        there["statutDeclaration"] = "CLOTURE"
    load(venue, [ticket(9, quantity=4)], "plus tard")
    with pytest.raises(Fault, match="closed"):
        send(venue, T1)


def test_a_refusal_is_told_in_sibils_words(venue: Venue, sibil: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sibil.write
    monkeypatch.setattr(sibil, "write", lambda asked: Answer({"title": "Une déclaration existe déjà"}, 400) if asked.method == "POST" else whole(asked))  # fmt: skip
    with pytest.raises(Fault, match=r"HTTP 400.*Une déclaration existe déjà"):
        send(venue, T1)


def test_an_answer_of_another_shape_is_a_fault_of_the_address(
    venue: Venue, sibil: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sibil, "read", lambda *_: {"page": "accueil"})
    with pytest.raises(Fault, match="not what its interface documents"):
        send(venue, T1)


def test_the_local_service_refuses_what_it_should(venue: Venue, sibil: Service) -> None:
    """The strictness that the tests above rest on."""
    send(venue, T1)
    series = min(sibil.declarations.values(), key=lambda d: d.get("dateDebut", "~"))
    good = {k: v for k, v in series.items() if k not in ("festivalId", "codeErreur", "lieuId", "spectacleId")}
    assert wrong(good) == ""
    for broken in (
        {"zut": 1}, {"jauge": "300"}, {"nbBilletsTarifPlein": 99}, {"recetteTarifPlein": 1e6}, {"prixMoyenTotalBilletterie": 99.0},
        {"dateFin": "2026-04-01"}, {"dateHeureRepresentationUnique": "2026-01-13T19:00:00Z"}, {"lieuChamps": {}},
        {"domaineRepresentationId": 12}, {"statutDeclaration": "BROUILLON"}, {"idExtBilletterie": "x" * 18},
    ):  # fmt: skip
        assert wrong(good | broken), broken
    assert datetime.now(UTC).isoformat()[:10] in {s.at[:10] for s in sent(venue).values()}
