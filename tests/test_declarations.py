"""What a venue declares is what its records hold, to the ticket and the cent; what is missing is asked for, and nothing of it leaves."""

from __future__ import annotations

import csv
import itertools
import json
import random
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from canary import contents
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregations.declarations.box_office import Line, Played, box_office
from aggregations.declarations.controls import failures
from aggregations.declarations.dto import Numbers, dto
from aggregations.declarations.facts import PERFORMANCE_TYPES, PLACE_TYPES, Place, declares
from aggregations.declarations.keeping import Sent, draft, keep_sent, told, write_draft
from aggregations.declarations.quarters import CivilQuarter
from aggregations.declarations.sibil import Declaration, declarations, identified
from aggregations.declarations.statements import Statement, missing, statements, write_statements
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.performances import performances
from aggregations.records import records
from aggregations.referential import domain_families, written
from aggregations.venue import Venue, read_venue
from pipelines.demo import accept, instance, join, report
from pipelines.town.build import ORGANISATIONS, write_town
from privacy.calendar import Period
from privacy.errors import Fault, QualityRefusal
from privacy.policy import read_policy

EXAMPLES = Path(__file__).parents[1] / "examples"
T1 = CivilQuarter(2026, 1)
PLACE = {"address": "1 quai du Lac", "postal_code": "38000", "city": "Grenoble", "type": "THEATRE"}
DECLARES: dict[str, Any] = {"vat": "2.1", "place": PLACE, "domains": {"danse": "danse_creation"}}
KINDS = ("plein", "reduit", "abonnement", "exonere")
TARIFF = {"plein": "Plein tarif", "reduit": "Tarif réduit", "abonnement": "Abonnement", "exonere": "Exonéré"}
Ticket = dict[str, Any]


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return lac(tmp_path / "lac")


def lac(folder: Path, **facts: Any) -> Venue:
    known = {"capacity": 300, "declares": DECLARES} | facts
    return add_venue(Venue("lac", "Théâtre du Lac", "theatre", "38185", folder=folder, **known))


def ticket(
    number: int, title: str = "Le Lac", at: str = "2026-01-13T20:00+01:00", kind: str = "plein", **other: Any
) -> Ticket:
    cents = {"plein": 3000, "reduit": 1500, "abonnement": 2000, "exonere": 0}[kind]
    return {
        "order_id": f"c{number}", "ticket_id": f"b{number}", "email": f"p{number}@example.org", "event": title, "hall": "Grande salle",
        "genre": "danse contemporaine", "performance_id": f"{title} {at}", "performance_at": at, "purchased_at": "2025-12-01T10:00+01:00",
        "tariff": TARIFF[kind], "unit_price_cents": cents, "quantity": 1, "status": "free" if kind == "exonere" else "paid",
    } | other  # fmt: skip


def load(venue: Venue, tickets: Iterable[Ticket], name: str = "billets") -> None:
    with tempfile.TemporaryDirectory() as folder:
        pl.DataFrame(list(tickets), infer_schema_length=None).write_csv(path := Path(folder) / f"{name}.csv")
        ingest(venue, [path])


def closing(venue: Venue, *rows: dict[str, Any]) -> None:
    common = {
        "event": "Le Lac",
        "performance_at": "2026-01-13T20:00+01:00",
        "genre": "danse contemporaine",
        "hall": "Grande salle",
    }
    with tempfile.TemporaryDirectory() as folder:
        pl.DataFrame([common | row for row in rows]).write_csv(path := Path(folder) / "bilan.csv")
        ingest(venue, [path])


def night(at: str = "2026-01-13T20:00", *lines: Line, **other: Any) -> Played:
    facts: dict[str, Any] = {
        "named": True, "title": "Le Lac", "hall": None, "address": None, "postal_code": None, "city": None, "festival": None,
        "family": "danse", "domain": "danse_creation", "young": False, "capacity": 300,
    }  # fmt: skip
    return Played(
        at=datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Paris")),
        lines=lines or (sold(),),
        **facts | other,
    )


def sold(tickets: int = 1, cents: int | None = 3000, tariff: str = "plein", *, school: bool = False) -> Line:
    return Line("neutral", tariff, cents, cents == 0, school, tickets, None if cents is None else tickets * cents)


def declared(*played: Played, **facts: Any) -> list[Declaration]:
    venue = Venue("lac", "Théâtre du Lac", "theatre", "38185", **{"declares": DECLARES} | facts)
    return declarations(venue, played, declares(venue))


def against(*played: Played, **facts: Any) -> list[tuple[str, str]]:
    return [(f.sentence("fr"), f.sentence("en")) for f in failures(declared(*played, **facts), T1)]


def only(venue: Venue, quarter: CivilQuarter = T1) -> dict[str, Any]:
    (one,) = draft(venue, quarter).declarations
    return dto(one, Numbers(), "BROUILLON")


def refusal(venue: Venue) -> QualityRefusal:
    with pytest.raises(QualityRefusal) as caught:
        draft(venue, T1)
    return caught.value


# --- quarters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "start", "end", "due"), [
    ("2026-T1", date(2026, 1, 1), date(2026, 4, 1), date(2026, 4, 10)),
    ("2026-T4", date(2026, 10, 1), date(2027, 1, 1), date(2027, 1, 10)),
])  # fmt: skip
def test_a_civil_quarter_is_three_months_and_is_due_before_the_tenth(
    text: str, start: date, end: date, due: date
) -> None:
    quarter = CivilQuarter.parse(text)
    assert (quarter.start, quarter.end, quarter.due, str(quarter)) == (start, end, due, text)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_every_day_is_in_one_civil_quarter(day: date) -> None:
    quarter = CivilQuarter.containing(day)
    assert quarter.start <= day < quarter.end
    assert CivilQuarter.parse(str(quarter)) == quarter


def test_a_seasons_quarter_is_refused_and_told_which_are_meant() -> None:
    with pytest.raises(Fault, match="2025-T4 to 2026-T1") as caught:
        CivilQuarter.parse("2025-2026-T2")  # December to February
    assert "2025-T4 à 2026-T1" in caught.value.fr
    with pytest.raises(Fault, match="2026-T1"):
        CivilQuarter.parse("T1 2026")


# --- figures --------------------------------------------------------------------------------------------------------


def test_tickets_are_counted_by_sibils_kinds_and_each_once(venue: Venue) -> None:
    """A subscription is one whatever it cost; free is what nothing was paid for; reduced prices are in the total alone."""
    invited = ticket(8, kind="exonere", unit_price_cents=None, status="paid")
    pass_ = ticket(5, kind="abonnement", unit_price_cents=0, status="free")
    load(venue, [ticket(1), ticket(2, quantity=3), ticket(3, kind="reduit"), ticket(4, kind="abonnement"), pass_, ticket(6, kind="exonere"),
                 ticket(7, unit_price_cents=0, status="paid"), invited])  # fmt: skip
    one = only(venue)
    assert one["nbBilletsTotalBilletterie"] == 10
    assert one["nbBilletsTarifPlein"] == 4
    assert one["nbBilletsTarifAbonnementForfait"] == 2
    assert one["nbBilletsExoneres"] == 3
    assert (one["recetteTarifPlein"], one["prixMoyenTarifPlein"]) == (120.0, 30.0)
    assert (one["recetteTotalBilletterie"], one["prixMoyenTotalBilletterie"]) == (155.0, 15.5)
    assert (one["jauge"], one["jeunePublic"], one["nbRepresentations"]) == (300, False, 1)
    assert one["dateHeureRepresentationUnique"] == "2026-01-13T19:00:00Z"
    assert one["domaineRepresentationLibelle"] == "Danse de Création"
    assert one["lieuChamps"] == {
        "nom": "Théâtre du Lac", "adresse": "1 quai du Lac", "codePostal": "38000", "ville": "Grenoble", "typeLieu": "THEATRE"
    }  # fmt: skip
    assert one["spectacleChamps"] == {"critere1": "Le Lac", "domaineSpectacleLibelle": "Danse de Création"}


def test_what_was_given_back_pending_or_a_test_is_not_declared(venue: Venue) -> None:
    load(venue, [ticket(1), ticket(2, status="refunded"), ticket(3, status="cancelled"), ticket(4, status="pending")])
    assert only(venue)["nbBilletsTotalBilletterie"] == 1
    load(venue, [ticket(1, status="refunded", changed_at="2026-01-10T10:00+01:00")], "plus tard")
    assert draft(venue, T1).declarations == ()


def test_means_are_to_the_cent_halves_up() -> None:
    (one,) = declared(night("2026-01-13T20:00", sold(1, 1001), sold(1, 1000)))
    assert dto(one, Numbers(), "BROUILLON")["prixMoyenTarifPlein"] == 10.01  # 10.005


def test_a_series_is_one_work_in_one_hall_within_the_quarter(venue: Venue) -> None:
    days = ["2025-12-31T20:00+01:00", "2026-01-01T20:00+01:00", "2026-03-31T23:30+02:00", "2026-04-01T00:30+02:00"]
    other = ticket(9, at="2026-02-01T20:00+01:00", hall="Petite salle")
    load(venue, [*(ticket(n, at=at) for n, at in enumerate(days)), ticket(8, "Un soir"), other])
    series, single, elsewhere = draft(venue, T1).declarations
    first = dto(series, Numbers(), "BROUILLON")
    assert (first["dateDebut"], first["dateFin"], first["nbRepresentations"]) == ("2026-01-01", "2026-03-31", 2)
    assert "dateHeureRepresentationUnique" not in first
    assert (single.title, elsewhere.hall, len(elsewhere.played)) == ("Un soir", "Petite salle", 1)
    for quarter, number in ((CivilQuarter(2025, 4), 1), (CivilQuarter(2026, 2), 1)):
        assert [len(d.played) for d in draft(venue, quarter).declarations] == [number]


def test_a_closing_stands_in_where_there_is_no_ticket_and_never_beside_them(venue: Venue) -> None:
    counted = {"tariff": "Plein tarif", "kind": "sold", "count": 100, "amount_cents": 250_000, "performance_id": "s"}
    closing(venue, counted, counted | {"tariff": "Exonéré", "kind": "free", "count": 7, "amount_cents": 0},
            counted | {"tariff": "", "kind": "scanned", "count": 90}, counted | {"tariff": "", "kind": "counter", "count": 300})  # fmt: skip
    one = only(venue)
    assert (one["nbBilletsTotalBilletterie"], one["nbBilletsTarifPlein"], one["nbBilletsExoneres"]) == (107, 100, 7)
    assert one["recetteTotalBilletterie"] == 2500.0
    load(venue, [ticket(1)])
    assert only(venue)["nbBilletsTotalBilletterie"] == 1


def test_entry_without_a_ticket_is_not_declared(venue: Venue) -> None:
    closing(venue, {"tariff": "", "kind": "counter", "count": 300, "amount_cents": 0, "performance_id": "s"})
    assert draft(venue, T1).declarations == ()


def test_what_is_not_live_art_is_left_out_and_told(venue: Venue) -> None:
    load(venue, [ticket(1), ticket(2, "Portraits", genre="exposition"), ticket(3, "Un film", genre="cinéma")])
    made = draft(venue, T1)
    assert ([d.title for d in made.declarations], made.left_out) == (["Le Lac"], 2)


shown = st.tuples(
    st.sampled_from(["Le Lac", "Un soir"]),
    st.sampled_from(["2026-01-13T20:00+01:00", "2026-02-03T20:00+01:00", "2026-05-05T20:00+02:00"]),
    st.sampled_from(KINDS),
    st.integers(1, 4),
    st.sampled_from(["paid", "refunded"]),
)
Shown = tuple[str, str, str, int, str]


def any_cut_and_order_gives_the_same(shows: list[Shown], luck: random.Random) -> None:
    tickets = [
        ticket(n, title, at, kind, quantity=size, status="free" if (kind, state) == ("exonere", "paid") else state)
        for n, (title, at, kind, size, state) in enumerate(shows)
    ]
    with tempfile.TemporaryDirectory() as folder:
        whole, parted = lac(Path(folder) / "one" / "lac"), lac(Path(folder) / "two" / "lac")
        load(whole, tickets)
        shuffled = luck.sample(tickets, len(tickets))
        cut = luck.randint(0, len(tickets))
        for part in (shuffled[cut:], shuffled[:cut], shuffled[cut:][:1]):
            if part:
                load(parted, part)
        for quarter, months in ((T1, (1, 2, 3)), (CivilQuarter(2026, 2), (4, 5, 6))):
            one, other = draft(whole, quarter).declarations, draft(parted, quarter).declarations
            assert [dto(d, Numbers(), "BROUILLON") for d in one] == [dto(d, Numbers(), "BROUILLON") for d in other]
            here = [(t["quantity"], t["unit_price_cents"]) for t in tickets
                    if t["status"] != "refunded" and int(t["performance_at"][5:7]) in months]  # fmt: skip
            assert sum(d.of().tickets for d in one) == sum(n for n, _ in here)
            assert sum(d.of().receipts or 0 for d in one) == sum(n * c for n, c in here)


def test_a_cut_and_shuffled_export_gives_the_same_draft_which_sums_to_the_store() -> None:
    luck = random.Random(7)
    nights = ("2026-01-13T20:00+01:00", "2026-02-03T20:00+01:00", "2026-05-05T20:00+02:00")
    any_cut_and_order_gives_the_same(
        [("Le Lac", nights[n % 3], KINDS[n % 4], 1 + n % 3, "refunded" if n == 5 else "paid") for n in range(14)], luck
    )


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(shown, min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_any_cut_and_order_of_exports_gives_the_same_draft_which_sums_to_the_store(
    shows: list[Shown], luck: random.Random
) -> None:
    any_cut_and_order_gives_the_same(shows, luck)


nights = st.builds(
    lambda day, title, hall, capacity, young, lines: night(
        f"2026-{1 + day // 28:02}-{1 + day % 28:02}T20:00", *lines, title=title, hall=hall, capacity=capacity, young=young
    ),
    st.integers(0, 83), st.sampled_from(["Le Lac", "Un soir"]), st.sampled_from([None, "Grande salle", "Studio"]),
    st.sampled_from([100, 300]), st.booleans(),
    st.lists(st.builds(sold, st.integers(1, 9), st.sampled_from([0, 1000, 2500]), st.sampled_from(KINDS)), min_size=1, max_size=4),
)  # fmt: skip


@given(st.lists(nights, max_size=12, unique_by=lambda p: (p.at, p.title, p.hall)), st.randoms(use_true_random=False))
def test_declarations_part_the_performances_and_their_figures(played: list[Played], luck: random.Random) -> None:
    """Each performance in one; the sum is theirs; kinds never exceed all; the order they come in is of no matter."""
    found = identified(declared(*played), "lac 2026-T1", {})
    assert sorted(id(p) for d in found for p in d.played) == sorted(id(p) for p in played)
    assert sum(d.of().tickets for d in found) == sum(p.tickets for p in played)
    assert sum(d.of().receipts or 0 for d in found) == sum(p.receipts or 0 for p in played)
    for one in found:
        kinds = [one.of(kind) for kind in ("full", "subscription", "exempt", "other")]
        assert sum(k.tickets for k in kinds) == one.of().tickets
        assert len({(p.title, p.hall, p.capacity, p.young) for p in one.played}) == 1
    assert len({d.id for d in found}) == len(found)
    again = identified(declared(*sorted(luck.sample(played, len(played)), key=lambda p: p.at)), "lac 2026-T1", {})
    assert [(d.id, set(d.starts), d.of()) for d in again] == [(d.id, set(d.starts), d.of()) for d in found]


@given(st.lists(nights, min_size=1, max_size=8, unique_by=lambda p: (p.at, p.title, p.hall)), st.data())
def test_an_id_once_sent_stays_with_its_performances(played: list[Played], data: st.DataObject) -> None:
    before = identified(declared(*played), "lac 2026-T1", {})
    known = {d.id: (d.starts, d.title, d.hall) for d in before}
    mended = [replace(p, capacity=data.draw(st.sampled_from([100, 250]))) for p in played]
    after = identified(declared(*mended), "lac 2026-T1", known)
    assert len({d.id for d in after}) == len(after)
    for one in after:
        if one.id in known:  # what was sent under it shares a performance
            assert set(one.starts) & set(known[one.id][0])
    shared = {d.id for d in before if any(set(d.starts) & set(a.starts) and a.title == d.title for a in after)}
    if len(before) == len({(d.title, d.hall) for d in before}) == len(after):
        assert shared <= {d.id for d in after}


# --- controls, and what is missing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("other", "facts", "english", "french"), [
    ({"capacity": None}, {}, "no capacity", "jauge inconnue"),
    ({}, {"declares": {}}, "address, postal_code, type missing", "il manque address, postal_code, type"),
    ({"domain": None}, {"declares": {"place": PLACE}}, "danse_creation, danse_trad", "`danse` dans `[declares.domains]`"),
    ({"domain": None, "family": "unknown"}, {}, "genre unknown", "genre inconnu"),
    ({"title": None}, {}, "no title", "titre inconnu"),
    ({"title": None, "named": False}, {}, "of which performance they are", "de quelle séance ils sont"),
    ({"festival": "Automne"}, {}, "festival incomplete", "festival incomplet"),
    ({"hall": "Parc", "postal_code": "38100", "address": "allée du Parc"}, {}, 'city, type missing: `place` of `[declares]` (or `[site]`), or `[declares.halls."Parc"]`', "il manque city, type"),
])  # fmt: skip
def test_what_is_missing_is_asked_for(other: dict[str, Any], facts: dict[str, Any], english: str, french: str) -> None:
    ((fr, en),) = against(night(**other), **facts)
    assert english in en
    assert french in fr
    assert "2026-01-13 20:00" in en
    assert "13/01/2026 20:00" in fr


def test_a_ticket_without_a_price_names_its_export() -> None:
    ((fr, en),) = against(night("2026-01-13T20:00", sold(), sold(2, None)))
    assert "no price in the export neutral" in en
    assert "pas de prix dans l’export neutral" in fr


def test_who_else_sells_is_told_where_the_venue_says_so() -> None:
    for said in (True, False):
        (one,) = declared(night(), declares=DECLARES | {"shared_box_office": said})
        assert dto(one, Numbers(), "BROUILLON")["gestionnaireMultiple"] is said
    (silent,) = declared(night())
    assert "gestionnaireMultiple" not in dto(silent, Numbers(), "BROUILLON")


def test_sibils_controls_are_held() -> None:
    assert against(night("2026-01-13T20:00", sold(3), sold(1, 1500, "reduit"), sold(1, 0, "exonere"))) == []
    assert against(night("2026-01-13T20:00", sold(3, 1500, "reduit"))) == []  # nobody paid the full price
    ((fr, en),) = against(night("2026-01-13T20:00", sold(), sold(1, 9000, "autre")))
    assert "“autre” cost more" in en
    assert "« autre » coûtent davantage" in fr
    ((_, crossing),) = against(night("2026-03-31T20:00"), night("2026-04-01T20:00"))
    assert "two quarters" in crossing


def test_a_refused_draft_leaves_the_one_before_as_it_was(venue: Venue) -> None:
    load(venue, [ticket(1)])
    write_draft(venue, draft(venue, T1))
    folder = venue.declarations / "sibil" / "2026-T1"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    load(venue, [ticket(2, unit_price_cents=None)], "sans prix")
    refusal(venue)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_csv_to_check_says_what_the_json_says(venue: Venue) -> None:
    load(venue, [ticket(n, title) for n, title in enumerate(["Le Lac", "=1+1"])])
    write_draft(venue, draft(venue, T1))
    folder = venue.declarations / "sibil" / "2026-T1"
    objects = json.loads((folder / "declarations.json").read_text("utf-8"))
    with (folder / "declarations.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["idExtBilletterie"] for row in rows] == [one["idExtBilletterie"] for one in objects]
    for row, one in zip(rows, objects, strict=True):
        assert float(row["recetteTotalBilletterie"].replace(",", ".")) == one["recetteTotalBilletterie"]
        assert int(row["nbBilletsTotalBilletterie"]) == one["nbBilletsTotalBilletterie"]
    assert {row["spectacle"] for row in rows} == {"Le Lac", "'=1+1"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_the_address_of_the_venues_site_is_not_asked_for_again() -> None:
    site = {"street": "1 quai du Lac", "postal_code": "38000"}
    assert against(night(), declares=DECLARES | {"place": {"type": "THEATRE"}}, site=site) == []
    (one,) = declared(night(), declares=DECLARES | {"place": {"type": "THEATRE"}}, site=site)
    assert (one.place.address, one.place.postal_code, one.place.city) == ("1 quai du Lac", "38000", "Grenoble")


def test_another_place_is_described_by_the_venue_and_not_guessed() -> None:
    tent = {
        "address": "allée du Parc",
        "postal_code": "38100",
        "city": "Grenoble",
        "type": "STRUCTURE_ITINERANTE_DEMONTABLE_CHAPITEAU",
    }
    played = (
        night(),
        night("2026-01-14T20:00", hall="Chapiteau du Parc"),
        night("2026-01-15T20:00", postal_code="38000", address="1, quai du lac"),
    )
    found = declared(
        *played, identifiers={"sibil": "27422"}, declares=DECLARES | {"halls": {"chapiteau du parc": tent}}
    )
    own, away = (dto(d, Numbers(), "BROUILLON") for d in found)
    assert (own["lieuId"], own["nbRepresentations"]) == (27422, 2)
    assert away["lieuChamps"] == {"nom": "Chapiteau du Parc", "adresse": "allée du Parc", "codePostal": "38100",
                                  "ville": "Grenoble", "typeLieu": tent["type"]}  # fmt: skip


@pytest.mark.parametrize(("key", "value", "told"), [
    ("vat", "beaucoup", "vat"),
    ("place", {"type": "GARAGE"}, "place.type"),
    ("shows", {"Le Lac": {"domain": "jonglage"}}, "domain"),
    ("colour", "red", "colour"),
])  # fmt: skip
def test_a_fact_that_cannot_be_is_named(key: str, value: object, told: str) -> None:
    with pytest.raises(Fault, match=told):
        declares(Venue("lac", "Théâtre du Lac", "theatre", "38185", declares={key: value}))


def test_the_venues_facts_survive_its_file(venue: Venue) -> None:
    assert declares(read_venue(venue.folder)) == declares(venue)
    assert declares(venue).vat == 210


# --- what was sent --------------------------------------------------------------------------------------------------


def pretend_sent(venue: Venue) -> None:
    for number, one in enumerate(draft(venue, T1).declarations, 100):
        keep_sent(venue, one.id, Sent("2026-T1", number, "2026-04-02T08:00:00+00:00", told(one)))


def test_what_was_sent_is_told_as_sent_changed_or_gone(venue: Venue) -> None:
    old = "2026-01-01T10:00+01:00"
    load(venue, [ticket(1), ticket(2, "Un soir"), ticket(3, "Annulé", changed_at=old)])
    pretend_sent(venue)
    assert draft(venue, T1).states == ("sent", "sent", "sent")
    load(venue, [ticket(4), ticket(3, "Annulé", status="refunded", changed_at="2026-01-12T10:00+01:00")], "plus tard")
    made = draft(venue, T1)
    states = dict(zip((d.title for d in made.declarations), made.states, strict=True))
    assert states == {"Le Lac": "changed", "Un soir": "sent"}
    assert [one.told["title"] for one in made.gone] == ["Annulé"]


@pytest.mark.parametrize("mended", [
    {"capacity": 250}, {"domain": "danse_classique"}, {"title": "Le Lac des cygnes"}, {"hall": "Studio"}, {"festival": "Automne"},
])  # fmt: skip
def test_mending_a_fact_changes_the_declaration_and_makes_no_second(mended: dict[str, Any]) -> None:
    two = night(), night("2026-01-14T20:00")
    (one,) = identified(declared(*two), "lac 2026-T1", {})
    known = {one.id: (one.starts, one.title, one.hall)}
    (after,) = identified(declared(*(replace(p, **mended) for p in two)), "lac 2026-T1", known)
    (earlier,) = identified(declared(night("2026-01-05T20:00"), *two), "lac 2026-T1", known)
    assert after.id == earlier.id == one.id
    assert told(after) != told(one)


# --- statements and the season --------------------------------------------------------------------------------------


def test_a_statement_has_tariffs_receipts_and_vat_that_add_up_and_asks_for_what_is_missing(tmp_path: Path) -> None:
    venue = lac(tmp_path / "lac", declares={"shows": {"Le lac": {"vat": 2.1}}})
    load(
        venue,
        [ticket(1), ticket(2, quantity=2), ticket(3, kind="reduit"), ticket(4, kind="exonere"), ticket(5, "Un soir")],
    )
    one, unknown = sorted(statements(venue, T1), key=lambda s: s.played.title or "")
    assert [(t.tariff, t.unit_price_cents, t.tickets, t.receipts) for t in one.tariffs] == [
        ("plein", 3000, 3, 9000), ("reduit", 1500, 1, 1500), ("exonere", 0, 1, 0)
    ]  # fmt: skip
    assert (one.played.receipts, one.without_tax, one.tax) == (10_500, 10_284, 216)  # 105 / 1.021
    assert (one.performance_type, one.played.audience) == ("DANCE", "ALL")
    assert missing([one]) == []
    assert (unknown.rate, unknown.without_tax, unknown.tax) == (None, None, None)
    assert ["rate of VAT" in english for _, english in missing([unknown])] == [True]


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_tax_and_the_rest_add_up_and_are_right_to_half_a_cent(receipts: int, rate: int) -> None:
    one = Statement(night("2026-01-13T20:00", sold(1, receipts)), Place(), None, rate, ())
    assert one.without_tax is not None
    assert one.tax is not None
    assert one.without_tax + one.tax == receipts
    assert abs(one.without_tax * (10_000 + rate) - receipts * 10_000) * 2 <= 10_000 + rate


def test_an_audience_is_of_schools_alone_of_the_young_or_of_all() -> None:
    pupils = sold(30, 600, "groupe_scolaire", school=True)
    at = "2026-01-13T14:00"
    assert [p.audience for p in (night(at, pupils, young=True), night(at, pupils, sold(), young=True), night(at, pupils, sold()))] == [
        "SCHOOL", "YOUNG", "ALL"
    ]  # fmt: skip


def test_pages_and_tables_of_a_season_are_written_together(venue: Venue) -> None:
    load(venue, [ticket(1), ticket(2, "Un soir & demi", at="2026-02-13T20:00+01:00")])
    closing(venue, {"event": "Porte", "performance_at": "2026-01-20T10:00+01:00", "tariff": "", "kind": "counter", "count": 41, "amount_cents": 0})  # fmt: skip
    paths = write_statements(venue, Period.parse("2025-2026"))
    assert {p.name for p in paths} == {
        "performances.csv", "tariffs.csv", "statements.fr.html", "statements.en.html", "season.csv", "season.fr.html", "season.en.html"
    }  # fmt: skip
    text = {p.name: p.read_text("utf-8-sig") for p in paths}
    assert "Un soir &amp; demi" in text["statements.fr.html"]
    assert "60,00\xa0€" in text["season.fr.html"]
    assert "tickets;2" in text["season.csv"]
    assert "passages;41" in text["season.csv"]
    assert "http" not in text["statements.en.html"].replace('http-equiv="', "")
    write_statements(venue, T1)
    assert not (venue.declarations / "statements" / "2026-T1" / "season.csv").exists()


def test_every_type_that_a_genre_is_written_in_is_one_of_those_told() -> None:
    codes = {written(family, domain).get("assistant_declaration") for domain, family in domain_families().items()} - {
        None
    }
    assert codes <= PERFORMANCE_TYPES.keys()
    assert len(PERFORMANCE_TYPES) == 14
    assert len(PLACE_TYPES) == 10


# --- the demo's theatre ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    folder = tmp_path_factory.mktemp("town")
    exports = write_town(folder / "files", people=700)["theatre"]
    venue = add_venue(replace(ORGANISATIONS[0], folder=folder / "venues" / "theatre"))
    for export in (*exports, EXAMPLES / "pretix"):  # the real files of a pretix server among them
        ingest(venue, [export])
    return venue


def test_the_demos_theatre_passes_all_controls_and_sums_to_its_store(theatre: Venue) -> None:
    at = pl.col("performance_at").dt.convert_time_zone("Europe/Paris").dt.date()
    counted = pl.col("status").is_in(["paid", "free"]) & ~pl.col("is_test").fill_null(False)
    sold = records(theatre, "transactions").filter(counted)
    declared = 0
    for year, number in itertools.chain(
        itertools.product(range(2020, 2026), (1, 2, 3, 4)), [(2026, n) for n in (1, 2, 3, 4)]
    ):
        quarter = CivilQuarter(year, number)
        found = draft(theatre, quarter).declarations
        here = sold.filter(at.is_between(quarter.start, quarter.end - timedelta(days=1)))
        tickets, receipts, seances = here.select(
            pl.col("quantity").sum(), (pl.col("quantity") * pl.col("unit_price_cents")).sum().alias("receipts"), pl.col("performance_ref").n_unique()
        ).collect().row(0)  # fmt: skip
        assert (sum(d.of().tickets for d in found), sum(d.of().receipts or 0 for d in found)) == (tickets, receipts)
        assert sum(len(d.played) for d in found) == seances
        declared += len(found)
    assert declared > 20
    assert performances(theatre).height >= declared


def test_statements_and_declarations_tell_the_same(theatre: Venue) -> None:
    quarter = CivilQuarter(2025, 4)
    told_twice = statements(theatre, quarter), draft(theatre, quarter).declarations
    assert sum(s.played.receipts or 0 for s in told_twice[0]) == sum(d.of().receipts or 0 for d in told_twice[1])
    assert len(box_office(theatre, quarter.start, quarter.end)) == sum(len(d.played) for d in told_twice[1])
    assert missing(told_twice[0]) == []


# --- it stays -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_figure_nor_word_of_a_declaration_is_in_a_release_or_at_the_hub(tmp_path: Path) -> None:
    """One ticket of a price like no other, and words like no other, in everything that is declared: not a byte of it leaves."""
    from aggregations.publication import release
    from pipelines.push.pushing import push_what_concerns

    word, cents = "ornithorynque", 98_765_432
    venue = join(tmp_path, Venue("lac", "Théâtre du Lac", "theatre", "38185", revenue=True, capacity=300,
                                 declares=DECLARES | {"place": PLACE | {"address": f"1 quai du {word}"}}))  # fmt: skip
    crowd = [ticket(n, at=f"2026-01-{10 + n % 9}T20:00+01:00", postal_code="38000") for n in range(900)]
    load(venue, [*crowd, ticket(10_000, f"L’{word}", unit_price_cents=cents)])
    write_draft(venue, draft(venue, T1))
    write_statements(venue, Period.parse("2025-2026"))
    done = release(venue, Period.parse("2025-2026-T2"), read_policy())
    push_what_concerns(venue, done.release.id, tmp_path / "hub")
    with instance(tmp_path) as dagster:
        accept(dagster, tmp_path)
        report(dagster, tmp_path)
    total = cents + 900 * 3000
    marks = [word.encode(), *(text.encode() for c in (cents, total) for text in (str(c), f"{c / 100:.2f}", f"{c / 100:,.2f}", f"{c / 100:.2f}".replace(".", ",")))]  # fmt: skip
    everything = contents(tmp_path)
    declared = {name for name in everything if name.startswith("venues/lac/declarations/")}
    assert all(any(mark in everything[name] for name in declared) for mark in (marks[0], f"{cents / 100:.2f}".encode()))
    outside = {
        name: text for name, text in everything.items() if name.startswith(("hub/", "venues/lac/outbox/", "dagster/"))
    }
    assert len(outside) > 20
    for name, text in outside.items():
        assert not any(mark in text for mark in marks), name
