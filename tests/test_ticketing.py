"""What each row of a ticketing system's export becomes: the table a venue would check by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ascii import rows as table_of

from aggregations.detect import detect
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.inspection import inspect
from aggregations.mapping import presets
from aggregations.performances import performances
from aggregations.receipt import Receipt
from aggregations.records import records
from aggregations.venue import Venue, read_venue
from privacy.errors import Fault

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "theatre"))


def told(value: Any) -> str:
    if value is None:
        return "-"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def kept(venue: Venue, frame: str, columns: list[str]) -> list[dict[str, str]]:
    """The records as text: times in UTC, each known person by a letter, in the order they come; and who was not seen."""
    rows = records(venue, frame).collect()
    if frame == "transactions":
        door = performances(venue).select("performance_ref", "door")
        rows = rows.join(door, on="performance_ref", how="left", nulls_equal=True)
        seen = pl.when("attended").then(True).when("door").then(False)  # nobody was seen where there was no door
        rows = rows.with_columns(attended=seen)
        rows = rows.sort("source_row", "performance_at", "unit_price_cents", descending=[False, False, True])
    letters: dict[int, str] = {}
    found: list[dict[str, str]] = []
    for row in rows.to_dicts():
        row |= {name: row[name].strftime("%Y-%m-%d %H:%M") for name in row if name.endswith("_at") and row[name]}
        if frame == "transactions":
            row["person"] = letters.setdefault(row["person"], chr(65 + len(letters))) if row["identified"] else "-"
        found.append({name: told(row[name]) for name in columns})
    return sorted(found, key=lambda row: list(row.values())) if frame == "counts" else found


def becomes(venue: Venue, path: Path, frame: str, table: str, left_out: dict[str, int]) -> Receipt:
    """Hold an export to a table of its records, and to the reasons why other rows are not among them."""
    expected = table_of(table)
    receipt = ingest(venue, [path])
    assert kept(venue, frame, list(expected[0])) == expected
    assert receipt.dropped | receipt.quarantined == left_out
    return receipt


@pytest.mark.parametrize(
    ("path", "preset"),
    [
        ("eventbrite", "eventbrite"),
        ("eventbrite/attendees.csv", "eventbrite"),
        ("festik", "festik"),
        ("festik/representation.json", "festik"),
        ("helloasso", "helloasso"),
        ("helloasso/items.json", "helloasso"),
        ("helloasso_orders/orders.json", "helloasso"),
        ("mapado", "mapado"),
        ("mapado/tickets.json", "mapado"),
        ("pretix_positions_de.csv", "pretix_export"),
        ("pretix_positions_en.csv", "pretix_export"),
        ("pretix_positions_fr.csv", "pretix_export"),
        ("registrations", "registrations"),
        ("registrations/answers.csv", "registrations"),
        ("rodrigue", "rodrigue"),
        ("rodrigue/orders.json", "rodrigue"),
        ("rodrigue_entries/entries.json", "rodrigue"),
        ("secutix", "secutix"),
        ("secutix/tickets.json", "secutix"),
        ("shotgun.json", "shotgun"),
        ("sibil.json", "sibil"),
        ("sirius", "sirius"),
        ("sirius/histo.json", "sirius"),
        ("supersoniks.json", "supersoniks"),
        ("weezevent", "weezevent"),
        ("weezevent/participants.json", "weezevent"),
        ("yurplan", "yurplan"),
        ("yurplan/orders.json", "yurplan"),
    ],
)
def test_an_export_is_recognised_without_naming_its_system(path: str, preset: str) -> None:
    seen = inspect(None, [EXPORTS / path])
    assert seen.preset == preset
    assert seen.ignored == ()


@pytest.mark.parametrize("path", sorted(EXPORTS.rglob("*.*")), ids=lambda p: p.name)
def test_no_main_file_is_of_two_systems(path: Path) -> None:
    fitting: list[str] = []
    for name in presets():
        try:
            fitting.append(detect([path], name=name).preset.name)
        except Fault:
            continue
    assert len(fitting) <= 1  # none: a companion, which says nothing alone


# --- one system after the other ---------------------------------------------------------------------


def test_helloasso(venue: Venue) -> None:
    """Cents; the answer's postal code before the payer's; donations and memberships are no admission."""
    table = """
    source_row | performance_at   | purchased_at     | status   | tariff  | unit_price_cents | person | departement | country | birth_year | consent_marketing | channel
    1          | 2026-12-05 19:00 | 2026-09-01 08:00 | paid     | plein   | 1250             | A      | 69          | FR      | 1990       | yes               | unknown
    2          | 2026-12-05 19:00 | 2026-09-01 08:00 | free     | exonere | 0                | A      | 38          | FR      | 1990       | -                 | unknown
    3          | 2026-12-05 19:00 | 2026-09-01 08:00 | refunded | autre   | 700              | B      | 01          | FR      | 1990       | -                 | unknown
    6          | 2026-12-05 19:00 | 2026-09-01 08:00 | pending  | plein   | 1250             | -      | -           | BE      | 1990       | -                 | unknown
    """
    left_out = {
        "a donation, not an admission": 1,
        "a membership, not an admission": 1,
        "status: not in the vocabulary": 1,  # Registered: not known
        "performance_at: missing": 1,  # of a form that is not there
    }
    becomes(venue, EXPORTS / "helloasso", "transactions", table, left_out)


def test_helloasso_items_and_orders_are_the_same_tickets(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [EXPORTS / "helloasso"])
    again = ingest(venue, [EXPORTS / "helloasso_orders"])
    assert (again.rows_kept, again.frames) == (3, {})
    both = tmp_path / "both"
    shutil.copytree(EXPORTS / "helloasso", both)
    shutil.copy(EXPORTS / "helloasso_orders" / "orders.json", both)
    assert [path.name for path in detect([both]).ignored] == ["orders.json"]


def test_mapado(venue: Venue) -> None:
    """Cents; the vendor's own type of price, then its name; the buyer by address, else by number."""
    table = """
    source_row | performance_at   | purchased_at     | status   | tariff          | unit_price_cents | person | departement | consent_marketing | channel | is_school | is_reseller | attended | family
    1          | 2026-11-14 19:00 | 2026-10-01 10:00 | paid     | plein           | 2400             | A      | 38          | yes               | web     | no        | no          | yes      | danse
    2          | 2026-11-14 19:00 | 2026-10-01 10:00 | paid     | reduit          | 1200             | A      | 38          | yes               | web     | no        | no          | no       | danse
    3          | 2026-11-15 13:00 | 2026-10-01 10:00 | paid     | groupe_scolaire | 800              | B      | 38          | no                | guichet | yes       | no          | -        | danse
    4          | 2026-11-14 19:00 | 2026-10-01 10:00 | free     | exonere         | 0                | -      | -           | -                 | web     | no        | no          | no       | danse
    5          | 2026-11-14 19:00 | 2026-10-01 10:00 | refunded | revendeur       | 2000             | -      | -           | -                 | web     | no        | yes         | no       | danse
    6          | 2026-11-14 19:00 | 2026-10-01 10:00 | pending  | plein           | 2400             | -      | -           | -                 | web     | no        | no          | no       | danse
    """
    left_out = {
        "an offer or a subscription, not a performance": 1,
        "unit_price_cents: below 0": 1,
        "order: missing": 1,  # brought in from elsewhere
    }
    becomes(venue, EXPORTS / "mapado", "transactions", table, left_out)
    assert set(performances(venue)["capacity"]) == {300}


def test_shotgun(venue: Venue) -> None:
    """Euros with decimals, UTC; a resold ticket is one admission; francs are not euros."""
    table = """
    source_row | performance_at   | purchased_at     | status    | tariff  | unit_price_cents | person | departement | country | consent_marketing | channel      | attended
    1          | 2026-10-24 21:00 | 2026-09-01 08:30 | paid      | reduit  | 1550             | A      | 38          | FR      | yes               | web          | yes
    2          | 2026-10-24 21:00 | 2026-09-01 08:30 | paid      | reduit  | 1550             | A      | 38          | FR      | no                | web          | no
    3          | 2026-10-24 21:00 | 2026-09-01 08:30 | free      | exonere | 0                | B      | -           | CA      | yes               | web          | no
    4          | 2026-10-24 21:00 | 2026-09-01 08:30 | refunded  | reduit  | 2010             | B      | 38          | FR      | yes               | web          | no
    5          | 2026-10-24 21:00 | 2026-09-01 08:30 | cancelled | reduit  | 2010             | C      | 38          | FR      | yes               | web          | no
    6          | 2026-10-24 21:00 | 2026-09-01 08:30 | paid      | reduit  | -                | C      | 38          | FR      | yes               | web          | no
    8          | 2026-10-24 21:00 | 2026-09-01 08:30 | pending   | reduit  | 1800             | -      | 38          | FR      | yes               | pass_culture | no
    """
    becomes(venue, EXPORTS / "shotgun.json", "transactions", table, {"status: not in the vocabulary": 1})


def test_weezevent(venue: Venue) -> None:
    """The zero date is "not scanned"; the unit of a price is not known, so no price is read."""
    table = """
    source_row | performance_at   | purchased_at     | status    | tariff | unit_price_cents | person | channel | attended | family
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid      | plein  | -                | A      | web     | yes      | cirque_rue
    2          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid      | reduit | -                | A      | web     | no       | cirque_rue
    3          | 2026-10-03 18:30 | 2026-09-01 08:00 | cancelled | plein  | -                | B      | web     | no       | cirque_rue
    4          | 2026-10-03 18:30 | 2026-09-01 08:00 | refunded  | plein  | -                | B      | web     | no       | cirque_rue
    5          | 2026-10-03 18:30 | 2026-09-01 08:00 | pending   | plein  | -                | -      | web     | no       | cirque_rue
    """
    left_out = {"status: not in the vocabulary": 1, "performance_at: missing": 1}  # refund "partial"; no date
    becomes(venue, EXPORTS / "weezevent", "transactions", table, left_out)


def test_rodrigue_orders(venue: Venue) -> None:
    """Down to each seat, whole cents; the identity by address, else by number."""
    table = """
    source_row | performance_at   | purchased_at     | status | tariff  | unit_price_cents | person | departement | birth_year | attended | family
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid   | plein   | 2250             | A      | 38          | 1980       | yes      | theatre_recit
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid   | plein   | 2250             | A      | 38          | 1980       | no       | theatre_recit
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid   | reduit  | 1200             | A      | 38          | 1980       | no       | theatre_recit
    2          | 2026-10-03 18:30 | 2026-09-01 08:00 | free   | exonere | 0                | B      | 01          | 1980       | no       | theatre_recit
    """
    expected = table_of(table)
    receipt = ingest(venue, [EXPORTS / "rodrigue"])
    found = kept(venue, "transactions", list(expected[0]))
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert (receipt.dropped, receipt.quarantined) == ({}, {"status: not in the vocabulary": 1})


def test_rodrigue_entries(venue: Venue) -> None:
    table = """
    source_row | performance_at   | purchased_at     | status    | tariff  | unit_price_cents | person | channel
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid      | plein   | 2250             | A      | unknown
    2          | 2026-10-03 18:30 | 2026-09-01 08:00 | cancelled | plein   | 2250             | A      | unknown
    3          | 2026-10-03 18:30 | 2026-09-01 08:00 | free      | exonere | 0                | -      | unknown
    """
    left_out = {"purchased_at: missing": 1}  # of a transaction that is not there
    becomes(venue, EXPORTS / "rodrigue_entries", "transactions", table, left_out)


def test_secutix(venue: Venue) -> None:
    """Thousandths of euros; no person and no sale, so tickets are counted; a cancelled one counts 0."""
    table = """
    source_row | performance_at   | kind | tariff     | count | amount_cents
    1          | 2026-10-03 18:30 | sold | plein      | 1     | 2400
    2          | 2026-10-03 18:30 | sold | reduit     | 1     | 1250
    3          | 2026-10-03 18:30 | sold | plein      | 0     | 0
    4          | 2026-10-03 18:30 | free | exonere    | 1     | 0
    5          | 2026-10-03 18:30 | sold | abonnement | 1     | 1800
    """
    left_out = {
        "not a single entry": 1,
        "count: unreadable": 1,  # invalidated: not known to be an admission
        "performance_at: missing": 1,  # not in the catalogue
    }
    becomes(venue, EXPORTS / "secutix", "counts", table, left_out)


def test_secutix_takes_a_cancelled_ticket_back(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [EXPORTS / "secutix"])
    later = tmp_path / "later"
    shutil.copytree(EXPORTS / "secutix", later)
    text = (later / "tickets.json").read_text("utf-8")
    (later / "tickets.json").write_text(
        text.replace('"VALID", "performanceId": 11', '"CANCELLED", "performanceId": 11', 1)
    )
    assert records(venue, "counts").select(pl.col("count").sum()).collect().item() == 4
    ingest(venue, [later])
    assert records(venue, "counts").select(pl.col("count").sum()).collect().item() == 3


def test_sirius(venue: Venue) -> None:
    """Of the states only A is known; the venue says the others. The amount of several places is not divided."""
    table = """
    source_row | performance_at   | purchased_at     | status    | unit_price_cents | quantity | person | departement | channel | family
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | cancelled | 0                | 1        | A      | 38          | web     | theatre_recit
    1          | 2026-10-04 18:30 | 2026-09-01 08:00 | cancelled | 0                | 1        | B      | 38          | web     | theatre_recit
    """
    becomes(venue, EXPORTS / "sirius", "transactions", table, {"status: not in the vocabulary": 3})
    stated = replace(
        venue, id="stated", statuses={"sirius": {"B": "paid", "L": "free"}}, folder=venue.folder / "stated"
    )
    ingest(add_venue(stated), [EXPORTS / "sirius"])
    columns = ["status", "unit_price_cents", "quantity"]
    found = {tuple(row.values()) for row in kept(stated, "transactions", columns)}
    assert found == {("paid", "2450", "1"), ("cancelled", "0", "1"), ("paid", "-", "4"), ("free", "0", "1")}


def test_yurplan(venue: Venue, tmp_path: Path) -> None:
    """States are numbers that mean nothing to us: nothing is a sale until the venue says which are."""
    silent = ingest(venue, [EXPORTS / "yurplan"])
    assert (silent.frames, silent.quarantined["status: not in the vocabulary"]) == ({}, 4)
    words = {"Concert": "musiques_actuelles"}  # which is an orchestra elsewhere
    stated = replace(
        venue, id="stated", statuses={"yurplan": {"2": "paid"}}, families=words, folder=tmp_path / "stated"
    )
    table = """
    source_row | performance_at   | purchased_at     | status | tariff  | unit_price_cents | person | channel | family
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid   | unknown | -                | A      | unknown | musiques_actuelles
    1          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid   | unknown | -                | A      | unknown | musiques_actuelles
    """
    left_out = {"status: not in the vocabulary": 1, "performance_at: missing": 1}
    becomes(add_venue(stated), EXPORTS / "yurplan", "transactions", table, left_out)


def test_eventbrite(venue: Venue) -> None:
    """American dates; one event a file, told by a file of one line; dollars are not euros."""
    table = """
    source_row | performance_at   | purchased_at     | status | tariff | unit_price_cents | quantity | person | departement | channel     | family
    2          | 2024-12-14 19:00 | 2024-11-29 21:28 | free   | plein  | 0                | 1        | A      | 38          | inscription | danse
    3          | 2024-12-14 19:00 | 2024-12-01 08:05 | paid   | reduit | 1250             | 1        | B      | 01          | unknown     | danse
    4          | 2024-12-14 19:00 | 2024-12-01 08:05 | paid   | reduit | -                | 1        | B      | -           | unknown     | danse
    """
    left_out = {
        "status: not in the vocabulary": 1,  # Not Attending
        "purchased_at: unreadable": 1,  # a 29th month
    }
    becomes(venue, EXPORTS / "eventbrite", "transactions", table, left_out)


@pytest.mark.parametrize("lines", [0, 2])
def test_only_a_file_of_one_line_speaks_of_all_rows(venue: Venue, tmp_path: Path, lines: int) -> None:
    export = tmp_path / "export"
    shutil.copytree(EXPORTS / "eventbrite", export)
    head, line = (export / "event.csv").read_text("utf-8").splitlines()
    (export / "event.csv").write_text("\n".join([head, *[line] * lines]), "utf-8")
    receipt = ingest(venue, [export])
    assert receipt.frames == {}
    assert receipt.quarantined == {
        "performance_at: missing": 3,
        "purchased_at: unreadable": 1,
        "status: not in the vocabulary": 1,
    }


def test_supersoniks(venue: Venue) -> None:
    """Unix seconds; prices of one name are added, not merged; others' sales count, scans do not count again."""
    table = """
    performance_at   | kind | tariff  | count | amount_cents | family
    2026-10-03 18:30 | free | exonere | 8     | 0            | musiques_actuelles
    2026-10-03 18:30 | sold | plein   | 10    | 22500        | musiques_actuelles
    2026-10-03 18:30 | sold | plein   | 2     | 4500         | musiques_actuelles
    2026-10-03 18:30 | sold | plein   | 30    | 67500        | musiques_actuelles
    2026-12-29 19:00 | sold | reduit  | 5     | 6000         | musiques_actuelles
    """
    becomes(venue, EXPORTS / "supersoniks.json", "counts", table, {})
    assert set(performances(venue)["capacity"]) == {400}


def test_festik(venue: Venue) -> None:
    table = """
    performance_at   | kind | tariff  | count | amount_cents | family
    2026-10-03 18:30 | free | exonere | 6     | -            | cirque_rue
    2026-10-03 18:30 | sold | plein   | 31    | 62000        | cirque_rue
    2026-10-03 18:30 | sold | reduit  | 4     | -            | cirque_rue
    """
    becomes(venue, EXPORTS / "festik", "counts", table, {"performance_at: missing": 1})


def test_sibil(venue: Venue) -> None:
    """What is left of the total is counted too; a series by its first day; what is cancelled counts 0."""
    table = """
    source_row | performance_at   | kind | tariff     | count | amount_cents | family
    1          | 2026-10-03 18:30 | free | exonere    | 15    | -            | danse
    1          | 2026-10-03 18:30 | sold | abonnement | 40    | -            | danse
    1          | 2026-10-03 18:30 | sold | plein      | 120   | 270000       | danse
    1          | 2026-10-03 18:30 | sold | unknown    | 25    | -            | danse
    2          | 2026-11-01 23:00 | free | exonere    | 0     | -            | danse
    2          | 2026-11-01 23:00 | sold | abonnement | 0     | -            | danse
    2          | 2026-11-01 23:00 | sold | plein      | 60    | 135000       | danse
    3          | 2026-10-03 18:30 | free | exonere    | 0     | -            | danse
    3          | 2026-10-03 18:30 | sold | abonnement | 0     | -            | danse
    3          | 2026-10-03 18:30 | sold | plein      | 0     | 0            | danse
    3          | 2026-10-03 18:30 | sold | unknown    | 0     | -            | danse
    5          | 2026-10-03 18:30 | sold | unknown    | 80    | -            | danse
    """
    # A draft is four records; parts that are more than the whole leave less than nothing.
    becomes(venue, EXPORTS / "sibil.json", "counts", table, {"a draft": 4, "count: below 0": 1})


@pytest.mark.parametrize("language", ["fr", "en", "de"])
def test_pretix_sheet_in_three_languages(venue: Venue, language: str) -> None:
    """`12,50` and `12.50`, `Payé`, `paid` and `bezahlt`; two columns of one name: the address, then the answer."""
    table = """
    source_row | performance_at   | purchased_at     | status    | tariff          | unit_price_cents | person | departement | birth_year | consent_marketing | channel | attended | is_school
    2          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid      | plein           | 3200             | A      | 38          | 1990       | yes               | web     | yes      | no
    3          | 2026-10-03 18:30 | 2026-09-01 08:00 | paid      | reduit          | 1250             | A      | 69          | -          | -                 | web     | no       | no
    5          | 2026-10-03 18:30 | 2026-09-01 08:00 | cancelled | groupe_scolaire | 800              | B      | -           | -          | -                 | web     | no       | yes
    6          | 2026-10-03 18:30 | 2026-09-01 08:00 | pending   | plein           | 3200             | -      | 01          | -          | -                 | web     | no       | no
    """
    left_out = {"add-on, not a seat": 1, "performance_at: missing": 1}
    becomes(venue, EXPORTS / f"pretix_positions_{language}.csv", "transactions", table, left_out)


def test_pretix_sheet_of_one_event_is_dated_by_the_interface(venue: Venue, tmp_path: Path) -> None:
    shutil.copy(EXPORTS / "pretix_positions_fr.csv", tmp_path / "positions.csv")
    event = {"slug": "saison", "date_from": "2026-10-05T20:00:00+02:00", "has_subevents": False, "currency": "EUR"}
    (tmp_path / "events.json").write_text(json.dumps([event]), "utf-8")
    receipt = ingest(venue, [tmp_path / "positions.csv", tmp_path / "events.json"])
    assert receipt.quarantined == {}
    assert kept(venue, "transactions", ["performance_at"])[-1] == {"performance_at": "2026-10-05 18:00"}


def test_registrations(venue: Venue) -> None:
    """Two answers of one person at one second are two; a registration costs nothing."""
    table = """
    source_row | performance_at   | purchased_at     | status | tariff  | unit_price_cents | quantity | person | departement | consent_marketing | channel     | family
    2          | 2026-10-03 13:00 | 2026-09-19 08:23 | free   | exonere | 0                | 2        | A      | 38          | yes               | inscription | exposition_visite
    3          | 2026-10-03 13:00 | 2026-09-19 08:23 | free   | exonere | 0                | 2        | A      | 38          | yes               | inscription | exposition_visite
    4          | 2026-10-03 13:00 | 2026-09-20 06:00 | free   | exonere | 0                | 1        | B      | 01          | no                | inscription | exposition_visite
    """
    becomes(venue, EXPORTS / "registrations", "transactions", table, {"quantity: below 1": 1})


# --- persons, words, forms --------------------------------------------------------------------------


def test_accounts_of_two_systems_are_never_one_person(venue: Venue, tmp_path: Path) -> None:
    """Two systems number people alike: 7 here is not 7 there. An address is one person everywhere."""
    stated = replace(venue, id="stated", statuses={"yurplan": {"2": "paid"}}, folder=tmp_path / "stated")
    add_venue(stated)
    for source in ("yurplan", "rodrigue_entries"):
        shutil.copytree(EXPORTS / source, tmp_path / source)
    orders = tmp_path / "yurplan" / "orders.json"
    orders.write_text(orders.read_text("utf-8").replace('"user_id": 31', '"user_id": 7'), "utf-8")
    for path in (tmp_path / "yurplan", tmp_path / "rodrigue_entries", EXPORTS / "helloasso", EXPORTS / "shotgun.json"):
        ingest(stated, [path])
    rows = records(stated, "transactions").filter(pl.col("identified")).select("source", "person").unique().collect()
    by = {name: set(part["person"]) for (name,), part in rows.group_by("source")}
    assert not by["yurplan"] & by["rodrigue"]
    assert by["helloasso"] & by["shotgun"]


def test_the_states_a_venue_tells_are_kept_in_its_file(venue: Venue, tmp_path: Path) -> None:
    stated = replace(venue, id="stated", statuses={"yurplan": {"2": "paid"}}, folder=tmp_path / "stated")
    add_venue(stated)
    assert read_venue(tmp_path / "stated") == stated
    text = (tmp_path / "stated" / "venue.toml").read_text("utf-8").replace('"paid"', '"sold"')
    (tmp_path / "stated" / "venue.toml").write_text(text, "utf-8")
    with pytest.raises(Fault, match="statuses: each one of pending, free, paid"):
        read_venue(tmp_path / "stated")


@pytest.mark.parametrize("name", ["shotgun.json", "supersoniks.json"])
def test_an_answer_says_the_same_on_one_line_and_on_many(venue: Venue, tmp_path: Path, name: str) -> None:
    content = json.loads((EXPORTS / name).read_text("utf-8"))
    first = ingest(venue, [EXPORTS / name])
    for form, text in (
        ("one line", json.dumps(content)),
        ("many lines", json.dumps(content, indent=2)),
        ("a list", json.dumps(content["data"])),
    ):
        (tmp_path / form).write_text(text, "utf-8")
        again = ingest(venue, [tmp_path / form])
        assert (again.rows_kept, again.frames) == (first.rows_kept, {}), form
