"""The demo town: the same seed gives the same files, in the vendors' own shapes, with the audience it claims."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.venue import check_venue
from pipelines.town.build import ORGANISATIONS, write_town
from pipelines.town.exports import NEUTRAL, PASS_CULTURE
from pipelines.town.media import BREVO
from privacy.calendar import Period

PEOPLE = 1500
EXPORTS = dict[str, list[Path]]
VOCABULARY = Path(__file__).parent.parent / "privacy" / "vocabulary.toml"

BILLETWEB = (
    "id ext_id barcode used lane used_date email firstname name ticket ticket_id category price seating_location "
    "last_update reduction_code authorization_code pass disabled product_management product_download order_id "
    "order_ext_id order_firstname order_name order_email order_date order_paid order_payment_type order_origin "
    "order_price order_session session_start order_accreditation order_language custom custom_order event event_name "
    "event_start"
)
ORDER = (
    "code event status testmode secret email phone locale datetime expires payment_date payment_provider fees total "
    "tax_rounding_mode comment custom_followup_at invoice_address positions downloads checkin_attention checkin_text "
    "last_modified payments refunds require_approval sales_channel url customer valid_if_pending api_meta "
    "cancellation_date plugin_data"
)
POSITION = (
    "id order positionid item variation price attendee_name attendee_name_parts company street zipcode city country "
    "state discount attendee_email voucher tax_rate tax_value secret addon_to subevent checkins print_logs downloads "
    "answers tax_rule pseudonymization_id seat canceled tax_code valid_from valid_until blocked voucher_budget_use "
    "plugin_data"
)
CHECKIN = (
    "id successful error_reason error_explanation position datetime list created auto_checked_in gate device device_id "
    "type"
)
VISIT = (
    "idSite idVisit visitIp visitorId fingerprint userId visitorType visitCount visitConverted visitEcommerceStatus "
    "actionDetails goalConversions siteCurrency referrerType referrerTypeName referrerName referrerKeyword referrerUrl "
    "deviceType operatingSystem browser continent country countryCode region regionCode city location latitude "
    "longitude visitLocalTime visitLocalHour daysSinceFirstVisit daysSinceLastVisit visitDuration searches actions "
    "events customVariables resolution plugins serverTimestamp firstActionTimestamp lastActionTimestamp"
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> EXPORTS:
    return write_town(tmp_path_factory.mktemp("town"), people=PEOPLE)


def _json(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text("utf-8"))


def _files(exports: EXPORTS) -> Iterator[Path]:
    for path in (path for paths in exports.values() for path in paths):
        yield from sorted(path.iterdir()) if path.is_dir() else (path,)


def _digests(exports: EXPORTS) -> list[tuple[str, str]]:
    return [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in _files(exports)]


def _orders(town: EXPORTS, which: int = 1) -> list[dict[str, Any]]:
    return _json(town["theatre"][which] / "orders.json")


def _visited(town: EXPORTS, which: int) -> pl.DataFrame:
    """One row a visit that took place, by e-mail as a venue would know it; `which`: 0 history, 1 season."""
    rows: list[tuple[str, str, str]] = []
    for order in _orders(town, which):
        if order["status"] == "p" and order["email"] and not order["testmode"]:
            rows += [("theatre", order["email"], str(seat["subevent"])) for seat in order["positions"]]
    rows += [
        ("festival", row["order_email"], row["order_session"])
        for row in _json(town["festival"][which])
        if row["disabled"] == "0" and row["order_paid"] == "1" and row["order_email"]
    ]
    neutral = [("opera", pl.read_parquet(town["opera"][which]))]
    neutral.append(("musee", pl.read_csv(town["musee"][which], schema_overrides={"postal_code": pl.String})))
    for organisation, frame in neutral:
        kept = frame.filter(pl.col("status").is_in(["paid", "free"]), pl.col("email").is_not_null(), ~pl.col("is_test"))
        rows += [(organisation, *row) for row in kept.select("email", "performance_id").iter_rows()]
    if which:
        for row in _rows(town["opera"][2]):
            if row["Statut de la contremarque"] not in ("annulé", "réservé"):
                rows.append(("opera", row["Email du bénéficiaire"], row["Date de l'évènement"]))
    frame = pl.DataFrame(rows, schema=["organisation", "email", "performance"], orient="row")
    return frame.with_columns(pl.col("email").str.strip_chars().str.to_lowercase()).unique()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_every_organisation_has_its_files_and_a_sound_declaration(town: EXPORTS) -> None:
    assert {key: [path.name for path in paths] for key, paths in town.items()} == {
        "theatre": ["pretix-historique", "pretix-2025-2026", "agenda-2025-2026.json"],
        "opera": [
            "billetterie-historique.parquet",
            "billetterie-2025-2026.parquet",
            "pass-culture-2025-2026.csv",
        ],
        "festival": ["billetweb-historique.json", "billetweb-2025-2026.json"],
        "musee": ["inscriptions-historique.csv", "inscriptions-2025-2026.csv", "compteurs-2025-2026.csv"],
        "media": ["brevo-contacts.csv", "matomo-2025-2026.json"],
    }
    assert all(path.stat().st_size > 0 for path in _files(town))
    assert [venue.id for venue in ORGANISATIONS] == list(town)
    known = VOCABULARY.read_text("utf-8")
    for venue in ORGANISATIONS:
        check_venue(venue)
        assert "(démo)" in venue.name
        assert venue.families
        assert all(f'["{family}",' in known for family in venue.families.values())
    assert {venue.id for venue in ORGANISATIONS if venue.revenue} == {"theatre", "opera"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(town: EXPORTS, tmp_path: Path) -> None:
    again = write_town(tmp_path / "again", people=PEOPLE)
    other = write_town(tmp_path / "other", people=PEOPLE, seed=7)
    assert _digests(again) == _digests(town)
    # What a seed cannot change: the tariffs on sale, the questions asked, the history’s doors (never scanned), the programme.
    same = {name for name, _ in set(_digests(other)) & set(_digests(town))}
    assert same <= {
        "categories.json",
        "items.json",
        "questions.json",
        "events.json",
        "checkins.json",
        "agenda-2025-2026.json",
    }


def test_addresses_lie_at_example_domains_only(town: EXPORTS) -> None:
    seen: set[str] = set()
    for path in _files(town):
        if path.suffix == ".parquet":
            text = "\n".join(pl.read_parquet(path)["email"].drop_nulls().to_list())
        else:
            text = path.read_text("utf-8")
        seen |= {domain.lower() for domain in re.findall(r"@([\w.-]+)", text)}
    assert seen == {"example.org", "example.net", "example.com"}


def test_pretix_files_have_its_keys_and_its_traps(town: EXPORTS) -> None:
    folder = town["theatre"][1]
    orders = _orders(town)
    positions = [seat for order in orders for seat in order["positions"]]
    assert {tuple(order) for order in orders} == {tuple(ORDER.split())}
    assert {tuple(seat) for seat in positions} == {tuple(POSITION.split())}
    checkins = _json(folder / "checkins.json")
    assert {tuple(row) for row in checkins} == {tuple(CHECKIN.split())}
    assert {row["position"] for row in checkins} == {seat["id"] for seat in positions if seat["checkins"]}
    assert len({order["code"] for order in orders + _orders(town, 0)}) == len(orders) + len(_orders(town, 0))
    items = {row["id"]: row for row in _json(folder / "items.json")}
    plays = {row["id"] for row in _json(folder / "subevents.json")}
    accounts = {row["identifier"] for row in _json(folder / "customers.json")}
    assert {seat["item"] for seat in positions} <= set(items)
    assert {seat["subevent"] for seat in positions} == plays
    assert {order["customer"] for order in orders} - {None} == accounts
    booklets = [seat for seat in positions if seat["addon_to"]]
    assert booklets
    assert {items[seat["item"]]["admission"] for seat in booklets} == {False}
    assert {order["status"] for order in orders} == {"p", "c", "n"}
    assert any(order["testmode"] for order in orders)
    assert any(order["refunds"] for order in orders)
    assert any(order["email"] is None and order["sales_channel"] == "pretixpos" for order in orders)
    buyers = Counter((order["email"] or "").strip().lower() for order in orders for _ in order["positions"])
    resold = buyers["groupes@example.com"]
    assert 0.04 * PEOPLE < resold < 0.12 * PEOPLE
    assert {order["sales_channel"] for order in orders if "groupes@" in (order["email"] or "").lower()} == {"resellers"}


def test_pretix_files_have_the_keys_of_the_real_ones(town: EXPORTS) -> None:
    real = Path(__file__).parent.parent / "examples" / "pretix"
    if not (real / "orders.json").is_file():
        pytest.skip("the example files of the theatre's own server are not here")
    for name in ("orders", "subevents", "events", "customers", "checkins"):
        assert list(_json(town["theatre"][1] / f"{name}.json")[0]) == list(_json(real / f"{name}.json")[0])


def test_the_other_exports_have_their_exact_headers(town: EXPORTS) -> None:
    opera, festival, musee, media = (town[key] for key in ("opera", "festival", "musee", "media"))
    assert tuple(pl.read_parquet(opera[1]).columns) == NEUTRAL
    assert musee[1].read_text("utf-8").splitlines()[0] == ",".join(NEUTRAL)
    header = opera[2].read_text("utf-8").splitlines()[0]
    assert header == ";".join(f'"{name}"' for name in PASS_CULTURE)
    assert "Nom de l’offre" in header
    assert "Date de l'évènement" in header
    duos = Counter((row["Contremarque"], row["Duo"] != "Non") for row in _rows(opera[2]))
    assert set(duos.values()) == {1, 2}
    assert all(rows == 1 + duo for (_, duo), rows in duos.items())
    attendees = _json(festival[1])
    assert {tuple(row) for row in attendees} == {tuple(BILLETWEB.split())}
    assert all(isinstance(value, str) for key, value in attendees[0].items() if not key.startswith("custom"))
    assert {"0", "1"} == {row["disabled"] for row in attendees}
    assert musee[2].read_text("utf-8").splitlines()[0] == "date;heure;entrees"
    assert media[0].read_text("utf-8").splitlines()[0] == ";".join(BREVO)
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d", _rows(media[0])[0]["ADDED_TIME"])
    visits = _json(media[1])
    assert {frozenset(row) for row in visits} == {frozenset(VISIT.split())}
    assert all(isinstance(visits[0][key], str) for key in ("idVisit", "actions", "serverTimestamp"))
    assert {row["userId"] for row in visits} == {None}


def test_performances_fill_the_four_quarters_of_the_season(town: EXPORTS) -> None:
    season = Period.parse("2025-2026")
    frame = pl.read_parquet(town["opera"][1])
    days = frame["performance_at"].str.slice(0, 10).str.to_date()
    assert season.start <= days.min()  # pyright: ignore[reportOperatorIssue]
    assert days.max() < season.end  # pyright: ignore[reportOperatorIssue]
    assert {Period.containing(day).quarter for day in days.unique()} == {1, 2, 3, 4}
    hours = set(frame["performance_at"].str.slice(11, 5).to_list())
    assert {"19:30", "15:00"} <= hours
    assert (
        frame["purchased_at"].str.to_datetime(time_zone="UTC")
        < frame["performance_at"].str.to_datetime(time_zone="UTC")
    ).all()


def test_the_audience_is_the_one_claimed(town: EXPORTS) -> None:
    season, before = _visited(town, 1), _visited(town, 0)
    anyone = {"groupes@example.com"}
    often = season.filter(~pl.col("email").is_in(anyone)).group_by("email").len()["len"]
    assert (often == 1).mean() == pytest.approx(0.68, abs=0.04)
    assert (often > 10).mean() == pytest.approx(0.025, abs=0.015)
    members = pl.concat([season, before]).select("organisation", "email").unique()
    readers = [row["EMAIL"].lower() for row in _rows(town["media"][0])]
    members = pl.concat([members, pl.DataFrame({"organisation": ["media"] * len(readers), "email": readers})])
    places = members.unique().group_by("email").len()["len"]
    assert len(places) == pytest.approx(PEOPLE, rel=0.01)
    assert (places == 1).mean() == pytest.approx(0.855, abs=0.03)
    pairs = season.select("organisation", "email").unique()
    known = pairs.join(before.select("organisation", "email").unique(), on=["organisation", "email"], how="semi")
    assert 1 - known.height / pairs.height == pytest.approx(0.54, abs=0.06)
    gone = before.join(season, on=["organisation", "email"], how="anti")["email"].n_unique()
    assert gone == pytest.approx(0.08 * PEOPLE, rel=0.4)


def test_prices_scans_and_homes_are_likely(town: EXPORTS) -> None:
    seats = [
        (float(seat["price"]), bool(seat["checkins"]), seat["zipcode"])
        for order in _orders(town)
        if order["status"] == "p" and not order["testmode"]
        for seat in order["positions"]
        if not seat["addon_to"]
    ]
    assert sum(price for price, _, _ in seats) / len(seats) == pytest.approx(24, abs=4)
    assert sum(came for _, came, _ in seats) / len(seats) == pytest.approx(0.92, abs=0.03)
    paris = [code.startswith("75") for _, _, code in seats if code]
    assert 0.3 < sum(paris) / len(paris) < 0.75
    opera = pl.read_parquet(town["opera"][1]).filter(pl.col("status") == "paid")
    assert 32 < opera["unit_price_cents"].mean() / 100 < 50  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]


@pytest.mark.slow
def test_every_export_goes_through_the_door_of_a_real_venue(town: EXPORTS, tmp_path: Path) -> None:
    presets: dict[str, list[str]] = {}
    for declared in ORGANISATIONS:
        venue = add_venue(replace(declared, folder=tmp_path / declared.id))
        receipts = [ingest(venue, [export]) for export in town[venue.id]]
        presets[venue.id] = [receipt.preset for receipt in receipts]
        assert [receipt.quarantined for receipt in receipts] == [{}] * len(receipts)
        for path in venue.store.glob("*/performances.parquet"):
            frame = pl.read_parquet(path).filter(pl.col("source") != "counter")
            assert "unknown" not in frame["family"].to_list()
    assert presets == {
        "theatre": ["pretix", "pretix", "openagenda"],
        "opera": ["neutral", "neutral", "passculture"],
        "festival": ["billetweb", "billetweb"],
        "musee": ["neutral", "neutral", "counter"],
        "media": ["brevo", "matomo"],
    }
