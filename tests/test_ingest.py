"""Vendors' exports into canonical records: what each line becomes, what is left out, and what is never kept."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregations import ingest as ingesting
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.performances import performances
from aggregations.records import records
from aggregations.schema import FRAMES
from aggregations.venue import Venue
from privacy.errors import Fault, GovernanceRefusal

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPORTS = EXAMPLES / "exports"
ALL = [EXAMPLES / "pretix", *sorted(EXPORTS.iterdir())]


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    stated = {"yurplan": {"2": "paid"}}  # without it no ticket of that system has a state that is known
    return add_venue(
        Venue("theatre", "Théâtre du Lac", "theatre", "38185", statuses=stated, folder=tmp_path / "theatre")
    )


def rows_of(venue: Venue, frame: str) -> list[dict[str, Any]]:
    return records(venue, frame).sort("source_row").collect().to_dicts()


def taken(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[c] for c in columns) for row in rows]


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type]


# --- one preset after the other ---------------------------------------------------------------------


def test_pretix(venue: Venue) -> None:
    venue = replace(venue, families={"Musique": "musiques_actuelles"})  # "musique" alone may be an orchestra
    receipt = ingest(venue, [EXAMPLES / "pretix"])
    assert receipt.frames == {"transactions": 967}
    rows = records(venue, "transactions").collect()
    count = lambda column: dict(rows[column].value_counts().iter_rows())  # noqa: E731
    assert count("status") == {"paid": 801, "cancelled": 96, "pending": 70}
    assert count("tariff") == {"plein": 446, "reduit": 299, "groupe_scolaire": 222}
    assert count("attended")[True] == 458
    assert count("consent_marketing") == {True: 509, None: 458}
    assert rows["birth_year"].count() == 684
    assert rows["order_ref"].n_unique() == 600
    assert rows["row_ref"].n_unique() == 967
    assert rows.filter(pl.col("tariff") == "groupe_scolaire")["is_school"].all()
    known = performances(venue)
    assert dict(known["family"].value_counts().iter_rows()) == dict.fromkeys(
        ("theatre_recit", "danse", "musiques_actuelles", "cirque_rue", "lyrique_musical", "humour_cabaret"), 3
    )
    assert set(rows["performance_ref"]) == set(known["performance_ref"])
    # Hamlet, 3 October 2026 at 20:00 in Paris
    assert known["performance_at"].min() == utc(2026, 10, 3, 18)


def position(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "item": 1, "price": "20.00", "attendee_email": None, "addon_to": None, "subevent": None,
        "canceled": False, "answers": [], "checkins": [], "zipcode": None, "country": None,
    } | changes  # fmt: skip


def pretix(folder: Path, *orders: dict[str, Any]) -> Path:
    folder.mkdir()
    full = [
        {"code": f"C{i}", "event": "gala", "status": "p", "testmode": False, "email": f"p{i}@example.org", "customer": None,
         "sales_channel": "web", "datetime": "2026-09-01T10:00:00Z", "invoice_address": None, "positions": [position(i * 10)]}
        | order
        for i, order in enumerate(orders, start=1)
    ]  # fmt: skip
    files: dict[str, list[dict[str, Any]]] = {
        "orders": full,
        "items": [
            {"id": 1, "admission": True, "default_price": "20.00", "name": {"fr": "Plein tarif"}, "internal_name": None},
            {"id": 2, "admission": False, "default_price": "5.00", "name": {"fr": "Programme"}, "internal_name": None},
        ],
        "events": [
            {"slug": "gala", "name": {"fr": "Le Gala"}, "date_from": "2026-10-01T20:00:00+02:00", "has_subevents": False,
             "currency": "EUR", "meta_data": {}}
        ],
        "questions": [
            {"id": 7, "question": {"fr": "Votre code postal"}, "identifier": "XK2D9AQZ", "type": "S", "ask_during_checkin": False}
        ],
    }  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({}, "paid"),
        ({"status": "n"}, "pending"),
        ({"status": "e"}, "cancelled"),
        ({"status": "c"}, "cancelled"),
        ({"positions": [position(1, canceled=True)]}, "cancelled"),
        ({"positions": [position(1, price="0.00")]}, "free"),
    ],
)
def test_pretix_statuses(venue: Venue, tmp_path: Path, order: dict[str, Any], status: str) -> None:
    ingest(venue, [pretix(tmp_path / "export", order)])
    assert taken(rows_of(venue, "transactions"), "status") == [(status,)]


def test_pretix_leaves_out_tests_add_ons_and_goods(venue: Venue, tmp_path: Path) -> None:
    seats = [position(1), position(2, addon_to=1), position(3, item=2)]
    receipt = ingest(venue, [pretix(tmp_path / "export", {"positions": seats}, {"testmode": True})])
    assert receipt.rows_kept == 1
    assert receipt.dropped == {"add-on, not a seat": 1, "not an admission": 1, "test order": 1}


def test_pretix_person_is_the_buyer_else_the_attendee_else_the_order(venue: Venue, tmp_path: Path) -> None:
    orders = [
        {"email": "Ana@example.org", "positions": [position(1, attendee_email="bob@example.org")]},
        {"email": None, "positions": [position(2, attendee_email="ana+x@example.org")]},
        {"email": "", "positions": [position(3)]},
    ]
    ingest(venue, [pretix(tmp_path / "export", *orders)])
    first, second, third = rows_of(venue, "transactions")
    assert first["person"] == second["person"]
    assert third["person"] == third["order_ref"]
    assert [r["identified"] for r in (first, second, third)] == [True, True, False]


def test_pretix_postal_code_comes_from_the_attendee_then_an_answer_then_the_invoice(
    venue: Venue, tmp_path: Path
) -> None:
    answer = {"question": 7, "question_identifier": "XK2D9AQZ", "answer": "38000"}
    invoice = {"zipcode": "69001", "country": "FR"}
    orders = [
        {"positions": [position(1, zipcode="75011", answers=[answer])], "invoice_address": invoice},
        {"positions": [position(2, answers=[answer])], "invoice_address": invoice},
        {"positions": [position(3)], "invoice_address": invoice},
    ]
    ingest(venue, [pretix(tmp_path / "export", *orders)])
    assert taken(rows_of(venue, "transactions"), "departement") == [("75",), ("38",), ("69",)]


def test_a_venues_own_words_come_first(venue: Venue, tmp_path: Path) -> None:
    own = replace(venue, families={"le gala": "cirque_rue"})
    ingest(own, [pretix(tmp_path / "export", {})])
    assert performances(own)["family"].to_list() == ["cirque_rue"]


def test_billetweb(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "billetweb.json"])
    rows = rows_of(venue, "transactions")
    assert taken(rows, "status", "tariff", "unit_price_cents", "channel", "attended") == [
        ("paid", "plein", 2250, "web", True),
        ("paid", "reduit", 1200, "web", False),  # "12,00"
        ("refunded", "plein", 2250, "guichet", False),  # disabled; nobody was scanned that evening
        ("free", "exonere", 0, "inscription", False),
    ]
    # Paris time without a zone, summer then winter; the zero session date falls back on the event's
    assert taken(rows, "purchased_at", "performance_at")[1:3] == [
        (utc(2026, 7, 14, 10), utc(2026, 10, 3, 18, 30)),
        (utc(2026, 12, 14, 11), utc(2027, 1, 9, 19)),
    ]
    assert rows[0]["person"] == rows[1]["person"]
    assert taken(rows, "identified") == [(True,), (True,), (False,), (True,)]
    assert [(u.column, u.labels, u.rows, u.first_line) for u in receipt.unknown] == [("family", 1, 1, 3)]


def test_pass_culture(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "passculture.csv"])
    rows = rows_of(venue, "transactions")
    assert taken(
        rows, "source_row", "status", "tariff", "unit_price_cents", "departement", "is_school", "attended"
    ) == [
        (2, "paid", "plein", 1500, "38", False, True),
        (3, "paid", "plein", 1500, "38", False, True),
        (4, "cancelled", "reduit", 1050, "01", False, None),
        (5, "paid", "groupe_scolaire", 12000, None, True, None),  # the pass has paid the venue: still a sale
    ]
    assert rows[0]["person"] == rows[1]["person"]  # a duo: one person, two tickets
    assert rows[0]["row_ref"] != rows[1]["row_ref"]
    assert {r["channel"] for r in rows} == {"pass_culture"}
    assert rows[0]["performance_at"] == utc(2026, 11, 14, 19)
    assert receipt.dropped == {"goods, not a performance": 1}


def test_pass_culture_of_2022_has_two_equal_rows_for_a_duo(venue: Venue) -> None:
    ingest(venue, [EXPORTS / "passculture_2022.csv"])
    rows = rows_of(venue, "transactions")
    assert len({r["row_ref"] for r in rows}) == 2
    assert len({r["person"] for r in rows}) == 1


def test_brevo(venue: Venue) -> None:
    ingest(venue, [EXPORTS / "brevo.csv"])
    assert taken(rows_of(venue, "interactions"), "kind", "at", "family", "departement", "consent_marketing") == [
        ("subscribe", utc(2026, 4, 12, 7, 30), "danse", "38", True),
        ("subscribe", utc(2025, 2, 1, 7), "unknown", "69", False),
        ("unsubscribe", utc(2026, 5, 15, 16, 45), "unknown", "69", False),
    ]


def test_newsletter_and_tickets_meet_in_one_person(venue: Venue) -> None:
    ingest(venue, [EXPORTS / "brevo.csv"])
    ingest(venue, [EXPORTS / "passculture.csv"])
    assert rows_of(venue, "interactions")[0]["person"] == rows_of(venue, "transactions")[0]["person"]


def test_matomo(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "matomo.json"])
    rows = records(venue, "interactions").sort("at").collect().to_dicts()
    assert taken(rows, "kind", "family", "referrer", "country", "region", "departement", "consent_regime") == [
        ("pageview", "danse", "search", "FR", "11", None, "exempt_audience"),
        ("search", "unknown", "search", "FR", "11", None, "exempt_audience"),
        ("order", "unknown", "search", "FR", "11", None, "exempt_audience"),
        ("pageview", "unknown", "direct", "CH", None, None, "exempt_audience"),
    ]
    assert rows[0]["at"] == utc(2026, 11, 22, 20)
    assert receipt.dropped == {"not a page, a search or an order": 1}


def test_matomo_visitors_are_never_the_persons_of_the_ticketing(venue: Venue) -> None:
    ingest(venue, [EXPORTS / "matomo.json"])  # its userId is an e-mail of the newsletter's
    ingest(venue, [EXPORTS / "brevo.csv"])
    persons = records(venue, "interactions").collect().group_by("source").agg("person")
    visitors, contacts = (set(p) for p in persons.sort("source", descending=True)["person"])
    assert not visitors & contacts


def test_counter(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "counter.csv"])
    assert taken(rows_of(venue, "counts"), "source_row", "performance_at", "count", "kind", "family") == [
        (2, utc(2026, 9, 19, 8), 42, "counter", "exposition_visite"),
        (3, utc(2026, 9, 19, 9, 30), 57, "counter", "exposition_visite"),
        (5, utc(2026, 9, 20, 8), 0, "counter", "exposition_visite"),
    ]
    assert receipt.quarantined == {"count: unreadable": 1}


def test_neutral_transactions(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "neutral_transactions.csv"])
    rows = rows_of(venue, "transactions")
    assert taken(rows, "tariff", "quantity", "status", "is_school", "is_reseller", "departement") == [
        ("plein", 1, "paid", False, False, "38"),
        ("reduit", 1, "paid", False, False, "38"),
        ("groupe_scolaire", 28, "paid", True, False, "01"),
        ("revendeur", 40, "refunded", False, True, None),
    ]
    assert receipt.dropped == {"test order": 1}
    assert receipt.quarantined == {"purchased_at: unreadable": 1, "quantity: below 1": 1}
    assert receipt.rows_read == receipt.rows_kept + receipt.rows_quarantined + sum(receipt.dropped.values())
    assert performances(venue).select("capacity", "family", "domain").rows() == [(400, "theatre_recit", "theatre")]


def test_neutral_takes_the_canonical_names_and_parquet_types(venue: Venue, tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "order_ref": [1, 1, 2],
            "person": ["a@example.org", "A@example.org", None],
            "performance_ref": [9, 9, 9],
            "performance_at": [utc(2026, 10, 3, 18, 30)] * 3,
            "purchased_at": [datetime(2026, 9, 1, 12)] * 3,  # noqa: DTZ001 (naive: local to the venue)
            "tariff": ["plein", "plein", "abonnement"],
            "unit_price_cents": [1000, 1000, 0],
            "quantity": [1, 1, 2],
            "attended": [True, False, None],
        }
    ).write_parquet(tmp_path / "push.parquet")
    ingest(venue, [tmp_path / "push.parquet"])
    rows = rows_of(venue, "transactions")
    assert taken(rows, "purchased_at", "status", "quantity", "attended", "identified") == [
        (utc(2026, 9, 1, 10), "paid", 1, True, True),
        (utc(2026, 9, 1, 10), "paid", 1, False, True),
        (utc(2026, 9, 1, 10), "free", 2, None, False),
    ]
    assert rows[0]["person"] == rows[1]["person"]
    assert len({r["row_ref"] for r in rows}) == 3  # two equal lines are two tickets where no ticket has a number


def test_neutral_interactions_and_counts(venue: Venue) -> None:
    ingest(venue, [EXPORTS / "neutral_interactions.csv"])
    ingest(venue, [EXPORTS / "neutral_counts.csv"])
    ingest(venue, [EXPORTS / "neutral_transactions.csv"])
    assert taken(rows_of(venue, "interactions"), "kind", "family", "consent_regime") == [
        ("pageview", "danse", "exempt_audience"),
        ("subscribe", "cirque_rue", "consent"),
    ]
    assert taken(rows_of(venue, "counts"), "kind", "tariff", "count", "amount_cents") == [
        ("sold", "plein", 212, 477000),
        ("free", "exonere", 31, None),
    ]
    refs = {ref for frame in ("counts", "transactions") for (ref,) in taken(rows_of(venue, frame), "performance_ref")}
    assert len(refs) == 1  # counts and tickets of one performance meet


# --- money, times: the traps ------------------------------------------------------------------------


def neutral(folder: Path, **columns: str | None) -> Path:
    line = {"order_id": "1", "performance_at": "2026-10-03T20:30:00", "purchased_at": "2026-09-01T12:00:00"} | columns
    folder.mkdir(exist_ok=True)
    with (folder / "push.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(line))
        writer.writeheader()
        writer.writerow(line)
    return folder / "push.csv"


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("12", 1200), ("12.00", 1200), ("12,00", 1200), ("12,5", 1250), ("12.00 €", 1200), ("€12", 1200), ("12 EUR", 1200),
        ("1 234,50", 123450), ("1\u202f234,50 €", 123450), ("1.234,50", 123450), ("1,234.50", 123450), ("0.29", 29),
        ("0", 0), ("", None),
    ],
)  # fmt: skip
def test_euros(venue: Venue, tmp_path: Path, written: str, cents: int | None) -> None:
    ingest(venue, [neutral(tmp_path / "in", price=written)])
    assert taken(rows_of(venue, "transactions"), "unit_price_cents") == [(cents,)]


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("price", "douze", "unit_price_cents: unreadable"),
        ("price", "-5", "unit_price_cents: below 0"),
        ("unit_price_cents", "1e400", "unit_price_cents: unreadable"),
        ("quantity", "0", "quantity: below 1"),
        ("quantity", "-1", "quantity: below 1"),
        ("quantity", "1.5", "quantity: unreadable"),
        ("purchased_at", "hier", "purchased_at: unreadable"),
        ("purchased_at", "", "purchased_at: missing"),
        ("purchased_at", "0000-00-00 00:00:00", "purchased_at: missing"),
        ("performance_at", "31/02/2026", "performance_at: unreadable"),
        ("performance_at", "2026-03-29T02:30:00", "performance_at: unreadable"),  # that hour does not exist
        ("order_id", "", "order: missing"),
        ("status", "vendu ?", "status: not in the vocabulary"),
        ("consent_regime", "exempt_audience", "consent_regime: not for these records"),
    ],
)
def test_a_bad_line_is_quarantined_with_its_reason(
    venue: Venue, tmp_path: Path, column: str, written: str, reason: str
) -> None:
    receipt = ingest(venue, [neutral(tmp_path / "in", **{column: written})])
    assert receipt.quarantined == {reason: 1}
    assert receipt.frames == {}
    text = (venue.quarantine / f"{receipt.id}.csv").read_text("utf-8")
    header, row = text.splitlines()
    assert header == "file,line,column,reason,frame,row_ref"
    assert re.fullmatch(rf"push\.csv,2,{reason.replace(': ', ',')},transactions,\d*", row), "no value of the row"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-10-03T20:30:00", utc(2026, 10, 3, 18, 30)),
        ("2026-10-03 20:30", utc(2026, 10, 3, 18, 30)),
        ("03/10/2026 20:30", utc(2026, 10, 3, 18, 30)),
        ("2026-10-03T20:30:00Z", utc(2026, 10, 3, 20, 30)),
        ("2026-10-03T20:30:00-04:00", utc(2026, 10, 4, 0, 30)),
        ("2026-10-03T20:30:00.250000+02:00", datetime(2026, 10, 3, 18, 30, 0, 250000, tzinfo=UTC)),
        ("2026-12-03T20:30:00", utc(2026, 12, 3, 19, 30)),  # winter
        ("2026-10-25T02:30:00", utc(2026, 10, 25, 0, 30)),  # the hour that comes twice: the first
        ("2026-10-03", utc(2026, 10, 2, 22)),
    ],
)
def test_times(venue: Venue, tmp_path: Path, written: str, read: datetime) -> None:
    ingest(venue, [neutral(tmp_path / "in", performance_at=written)])
    assert taken(rows_of(venue, "transactions"), "performance_at") == [(read,)]


def test_times_without_a_zone_are_local_to_the_venue(venue: Venue, tmp_path: Path) -> None:
    quebec = replace(venue, timezone="America/Toronto")
    ingest(quebec, [neutral(tmp_path / "in")])
    assert taken(rows_of(quebec, "transactions"), "performance_at") == [(utc(2026, 10, 4, 0, 30),)]


def test_words_no_vocabulary_knows_are_unknown_and_told_by_line(venue: Venue, tmp_path: Path) -> None:
    receipt = ingest(
        venue, [neutral(tmp_path / "in", tariff="Tarif CANARI", genre="CANARI", channel="CANARI", postal_code="CANARI")]
    )
    assert taken(rows_of(venue, "transactions"), "tariff", "channel", "departement") == [("unknown", "unknown", None)]
    assert {(u.column, u.labels, u.rows, u.first_line) for u in receipt.unknown} == {
        (column, 1, 1, 2) for column in ("tariff", "family", "channel", "postal_code")
    }
    assert "CANARI" not in receipt.json()


# --- once and whole ---------------------------------------------------------------------------------


def files_under(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] if n % 3 else []) for n, p in enumerate(ALL)]
)
def test_records_have_the_exact_schema_and_the_receipt_adds_up(venue: Venue, path: Path) -> None:
    receipt = ingest(venue, [path])
    assert receipt.frames
    for frame, rows in receipt.frames.items():
        written = pl.read_parquet(venue.store / receipt.id / f"{frame}.parquet")
        assert dict(written.schema) == FRAMES[frame]
        assert written.height == rows
        assert records(venue, frame).collect().height == rows
    assert {p.name for p in (venue.store / receipt.id).iterdir()} - {"listings.parquet"} == {
        "receipt.json",
        *(f"{f}.parquet" for f in receipt.frames),
    }


def test_the_same_bytes_again_change_nothing(venue: Venue, tmp_path: Path) -> None:
    first = ingest(venue, [EXPORTS / "brevo.csv"])
    before = files_under(venue.folder)
    shutil.copy(EXPORTS / "brevo.csv", tmp_path / "renamed.csv")
    again = ingest(venue, [tmp_path / "renamed.csv"])
    assert (first.already, again.already) == (False, True)
    assert replace(again, already=False) == first
    assert files_under(venue.folder) == before


def test_another_venue_has_other_numbers_for_the_same_export(venue: Venue, tmp_path: Path) -> None:
    other = add_venue(replace(venue, id="opera", folder=tmp_path / "opera"))
    assert ingest(venue, [EXPORTS / "brevo.csv"]).id != ingest(other, [EXPORTS / "brevo.csv"]).id
    ours, theirs = ({r["person"] for r in rows_of(v, "interactions")} for v in (venue, other))
    assert not ours & theirs


def test_a_later_export_replaces_the_ticket_it_is_about(venue: Venue, tmp_path: Path) -> None:
    first = ingest(venue, [neutral(tmp_path / "a", ticket_id="T1", status="paid", price="10")])
    second = ingest(venue, [neutral(tmp_path / "b", ticket_id="T1", status="refunded", price="10")])
    assert (first.seq, second.seq) == (1, 2)
    assert taken(rows_of(venue, "transactions"), "status") == [("refunded",)]
    assert performances(venue).height == 1


def test_two_files_of_one_name_are_both_kept_in_the_inbox(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [neutral(tmp_path / "a", ticket_id="T1")])
    ingest(venue, [neutral(tmp_path / "b", ticket_id="T2")])
    assert len(list(venue.inbox.iterdir())) == 2
    inside = ingest(venue, [next(p for p in venue.inbox.iterdir() if p.name == "push.csv")])
    assert inside.already
    assert len(list(venue.inbox.iterdir())) == 2


def test_a_ticket_listed_twice_in_one_export_is_one_row_the_most_final(venue: Venue, tmp_path: Path) -> None:
    lines = ["order_id,ticket_id,performance_at,purchased_at,status"]
    lines += [f"1,T1,2026-10-03 20:00,2026-09-01 10:00,{status}" for status in ("cancelled", "paid")]
    (tmp_path / "push.csv").write_text("\n".join(lines), "utf-8")
    receipt = ingest(venue, [tmp_path / "push.csv"])
    assert taken(rows_of(venue, "transactions"), "status") == [("cancelled",)]
    assert receipt.dropped == {"the same ticket twice": 1}


def test_no_records_yet(venue: Venue) -> None:
    for frame in FRAMES:
        nothing = records(venue, frame).collect()
        assert nothing.is_empty()
        assert dict(nothing.schema) == FRAMES[frame]


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", ["_write", "_receipt", "_quarantine", "sync"])
def test_killed_in_the_middle_nothing_is_half_done(venue: Venue, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = EXPORTS / "neutral_transactions.csv"
    shutil.copy(path, venue.inbox)
    done: Callable[..., Any] = getattr(ingesting, step)

    def die(*arguments: Any) -> Any:
        done(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ingesting, step, die)
        with pytest.raises(Killed):
            ingest(venue, [path])
    assert records(venue, "transactions").collect().is_empty()
    receipt = ingest(venue, [path])
    assert not receipt.already
    assert len(rows_of(venue, "transactions")) == 4
    assert [p.name for p in venue.store.iterdir() if p.name.startswith(".part")] == []
    assert [p.name for p in venue.quarantine.iterdir()] == [f"{receipt.id}.csv"]


def test_a_damaged_file_is_a_fault_without_a_value(venue: Venue, tmp_path: Path) -> None:
    damaged = tmp_path / "orders.json"
    damaged.write_text((EXPORTS / "billetweb.json").read_text("utf-8")[:-300] + '"CANARI', "utf-8")
    with pytest.raises(Fault) as caught:
        ingest(venue, [damaged])
    assert "CANARI" not in caught.value.en + caught.value.fr
    assert caught.value.__suppress_context__


# --- what is never kept -----------------------------------------------------------------------------

CANARY = "zyxcanarixyz"


def planted(value: Any) -> Any:
    """Put the canary into every text of a JSON value, without breaking dates, codes or numbers."""
    if isinstance(value, dict):
        return {k: planted(v) for k, v in value.items()} | {CANARY: CANARY}
    if isinstance(value, list):
        return [planted(v) for v in value]
    return f"{CANARY} {value}" if isinstance(value, str) else value


def texts_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from texts_in(inner, (*path, key))
    if isinstance(value, str):
        yield path


def put(record: Any, path: tuple[Any, ...]) -> Any:
    copied = json.loads(json.dumps(record))
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = f"{CANARY}@{place[path[-1]]}"
    return copied


def listed(text: str) -> tuple[list[Any], Callable[[list[Any]], str]]:
    """The records of a JSON list, page, graph, object, or file of lines, and how to write records as they came."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()], lambda rows: "\n".join(json.dumps(row) for row in rows)
    if isinstance(whole, list):
        return whole, json.dumps
    members = ("results", "data", "@graph", "hydra:member", "ticketSummaries")
    found = next((m for m in members if isinstance(whole.get(m), list)), "")
    if found:
        return whole[found], lambda rows: json.dumps(whole | {found: rows})
    return [whole], json.dumps


def canaries(path: Path, folder: Path) -> list[Path]:
    """Copies of an export in which each raw column in turn, then all of them, hold the canary."""
    folder.mkdir()
    text = path.read_text("utf-8")
    if text[0] in "[{":
        content, again = listed(text)
        first = content[0]
        one = [put(first, place) for place in texts_in(first)]
        (folder / path.name).write_text(again([*content, *one, planted(first)]), "utf-8")
        return [folder / path.name]
    if path.suffix == ".log":
        line = text.splitlines()[0]
        places = [i for i, letter in enumerate(line) if letter in '/." [' and line[i + 1 : i + 2].isalnum()]
        one = [f"{line[: i + 1]}{CANARY}{line[i + 1 :]}" for i in places]
        (folder / path.name).write_text("\n".join([text, *one, CANARY + line]), "utf-8")
        return [folder / path.name]
    if path.name == "event.csv":  # its one line speaks of all rows: a second would make it say nothing
        return [Path(shutil.copy(path, folder))]
    delimiter = ";" if ";" in text.splitlines()[0] else ","
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, delimiter=delimiter))
    header, first = lines[0], lines[min(2, len(lines) - 1)]
    one = [[CANARY + cell if i == j else cell for j, cell in enumerate(first)] for i in range(len(first))]
    with (folder / path.name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([[*header, CANARY], *lines[1:], *one, [CANARY for _ in header]])
    return [folder / path.name]


@pytest.mark.slow
@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_no_file_outside_the_inbox_holds_a_word_of_the_export(venue: Venue, tmp_path: Path, path: Path) -> None:
    if path.is_dir():
        small = tmp_path / "small"
        small.mkdir()
        for file in path.iterdir():
            if file.suffix != ".json":
                shutil.copy(file, small)
                continue
            content, again = listed(file.read_text("utf-8"))
            (small / file.name).write_text(again(content[:25]), "utf-8")
        paths = [p for file in sorted(small.iterdir()) for p in canaries(file, tmp_path / file.stem)]
    else:
        paths = canaries(path, tmp_path / "planted")
    receipt = ingest(venue, paths)
    assert receipt.rows_kept > 0
    raw = b"".join(content for file, content in files_under(venue.inbox).items())
    assert CANARY.encode() in raw
    for file, content in files_under(venue.folder).items():
        if venue.inbox not in file.parents:
            assert b"@example" not in content, file
            if file.name == "listings.parquet":  # public words: `test_listings` says of which columns
                assert (
                    not pl.read_parquet(file)
                    .select(pl.col(pl.String).str.contains("@example").any())
                    .row(0)
                    .count(True)
                )
                continue
            assert CANARY.encode() not in content, file
            if file.suffix == ".parquet":  # compressed: look at the values themselves
                frame = pl.read_parquet(file)
                for name in frame.select(pl.col(pl.String)).columns:
                    assert not frame[name].str.contains(CANARY).any(), (file, name)


# --- consent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "path"),
    [
        ("brevo", EXPORTS / "brevo.csv"),
        ("billetweb", EXPORTS / "billetweb.json"),
        ("passculture", EXPORTS / "passculture.csv"),
        ("pretix", EXAMPLES / "pretix"),
        ("neutral", EXPORTS / "neutral_transactions.csv"),
        ("neutral", EXPORTS / "neutral_interactions.csv"),
    ],
)
def test_a_source_under_the_audience_exemption_is_never_tied_to_a_contact(
    venue: Venue, preset: str, path: Path
) -> None:
    exempt = replace(venue, consent={preset: "exempt_audience"})
    if path.name == "neutral_interactions.csv":
        text = path.read_text("utf-8").replace(",consent\n", ",\n")
        (path := venue.folder / "push.csv").write_text(text, "utf-8")
    with pytest.raises(GovernanceRefusal, match="exempt_audience"):
        ingest(exempt, [path])
    assert all(records(venue, frame).collect().is_empty() for frame in FRAMES)


def test_one_exempt_line_with_a_contact_refuses_the_export(venue: Venue, tmp_path: Path) -> None:
    text = (EXPORTS / "neutral_interactions.csv").read_text("utf-8").replace("FR,consent", "FR,exempt_audience")
    (tmp_path / "push.csv").write_text(text, "utf-8")
    with pytest.raises(GovernanceRefusal):
        ingest(venue, [tmp_path / "push.csv"])


def test_an_unknown_regime_in_venue_toml_is_a_fault(venue: Venue) -> None:
    with pytest.raises(Fault, match="consent"):
        ingest(replace(venue, consent={"brevo": "yes"}), [EXPORTS / "brevo.csv"])


# --- the order of the lines says nothing ------------------------------------------------------------


@pytest.mark.parametrize(
    "path",  # by default one of each kind: a table, and JSON
    [p if p.stem == "pretix" or p.name in ("billetweb.json", "brevo.csv") else pytest.param(p, marks=pytest.mark.slow)
     for p in ALL if p.is_file()],
    ids=lambda p: p.name,
)  # fmt: skip
@settings(max_examples=2)
@given(seed=st.integers(0, 1 << 30))
def test_the_order_of_the_export_does_not_change_the_records(
    tmp_path_factory: pytest.TempPathFactory, path: Path, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    venue = add_venue(Venue("theatre", "T", "theatre", "38185", folder=folder / "theatre"))
    shuffled = folder / path.name
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        lines, again = listed(text)
        random.Random(seed).shuffle(lines)
        shuffled.write_text(again(lines), "utf-8")
    else:
        head, *lines = text.splitlines()
        lines = [*lines, *lines[:2]]  # some lines twice
        random.Random(seed).shuffle(lines)
        shuffled.write_text("\n".join([head, *lines]), "utf-8")
        path = folder / f"plain-{path.name}"
        path.write_text("\n".join([head, *sorted(lines)]), "utf-8")
    ingest(venue, [path])
    before = {frame: content(venue, frame) for frame in FRAMES}
    again = ingest(venue, [shuffled])
    assert again.already or not again.frames
    assert {frame: content(venue, frame) for frame in FRAMES} == before


def content(venue: Venue, frame: str) -> set[tuple[Any, ...]]:
    return set(records(venue, frame).drop("source_row", strict=False).collect().rows())
