"""A file nobody has seen: what it may be is proposed with reasons, completed by an edit, loaded by one command, kept."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from canary import WORD, contents, plant
from hypothesis import given
from hypothesis import strategies as st
from test_formats import workbook

from aggregations.adopted import read_mapping
from aggregations.coherence import faults
from aggregations.detect import UnknownFile, detect
from aggregations.drafts import draft, write_draft
from aggregations.founding import add_venue
from aggregations.inbox import load_inbox
from aggregations.ingest import ingest
from aggregations.inspection import inspect
from aggregations.looks import is_value, look
from aggregations.mapping import presets
from aggregations.nearness import header_roles, near_codes
from aggregations.proposals import Proposal, propose
from aggregations.receipt import receipts
from aggregations.records import records
from aggregations.venue import Venue
from privacy.errors import Fault

MUSEUM = """Date de la visite;Heure;Tarif;Nb entrées;Recette
13/10/2025;14h30;Plein tarif;3;36,00
02/11/2025;10h00;Réduit;2;14,50
"""
AMERICAN = """Order Number,Order Date,Show,Show Date,Ticket Type,Qty,Total Paid,E-mail,Zip Code,Status,First name
S-1,10/28/2025 8:05 PM,Théâtre,12/04/2025 8:00 PM,Full price,1,$,ana@example.org,75011,Paid,Ana
S-1,10/28/2025 8:05 PM,Théâtre,12/04/2025 8:00 PM,Student,2,,ana@example.org,75011,Paid,Ana
S-2,11/02/2025 9:15 AM,Théâtre,12/04/2025 8:00 PM,Student,1,12.50,bob@example.org,69001,Refunded,Bob
""".replace(",$,", ",25.00,")
CENTS: list[dict[str, Any]] = [
    {"ref": f"K{n}", "purchaseDate": f"2025-10-0{n}T10:00:00Z", "buyer": {"email": f"p{n}@example.org", "zipCode": "69001"},
     "state": "valid", "event": {"title": "Danse", "startDate": "2025-12-05T19:30:00Z"},
     "tickets": [{"id": f"{n}a", "price": 1200, "tariff": "Plein"}, {"id": f"{n}b", "price": 900, "tariff": "Réduit"}]}
    for n in (1, 2)
]  # fmt: skip
AMBIGUOUS = """Commande;Acheté le;Date séance;Tarif;Courriel;Etat
A1;01/10/2025 10:00;04/11/2025;Plein;ana@example.org;payé
A2;02/10/2025 11:00;05/11/2025;Plein;bob@example.org;annulé
"""
LETTER = "Adresse e-mail\tInscrit le\tCode postal\nana@example.org\t2025-10-13 10:00\t75011\n"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre", "theatre", "75056", folder=tmp_path / "theatre"))


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def proposal(file: Path) -> Proposal:
    with pytest.raises(UnknownFile) as caught:
        detect([file])
    return propose(caught.value.sources)


def drafted(file: Path, language: Any = "en") -> Path:
    mapping = file.with_name("homemade.toml")
    write_draft(proposal(file), mapping, language)
    return mapping


def choose(mapping: Path, *ways: str) -> None:
    """The steward's edit: uncomment the line that says so."""
    text = mapping.read_text("utf-8")
    for way in ways:
        assert text.count(f"# {way}") == 1, text
        text = text.replace(f"# {way}", way)
    mapping.write_text(text, "utf-8")


def made(tmp_path: Path, name: str) -> tuple[Path, tuple[str, ...]]:
    """A file nobody has seen, and what its steward answers to the draft."""
    file = tmp_path / name
    match name:
        case "museum.csv":
            return written(file, MUSEUM, "cp1252"), ('kind = { constant = "sold" }',)
        case "american.csv":
            day = 'performance_at = { columns = "performance_at", formats = ["%m/%d/%Y %I:%M %p"] }'
            return written(file, AMERICAN), (day,)
        case "american.xlsx":
            file.write_bytes(
                workbook(("Notes", [["Read me"]]), ("Sales", [row.split(",") for row in AMERICAN.splitlines()]))
            )
            day = 'performance_at = { columns = "performance_at", formats = ["%m/%d/%Y %I:%M %p"] }'
            return file, (day,)
        case "cents.json":
            return written(file, json.dumps(CENTS)), ('unit_price_cents = { columns = "unit_price", unit = "cents" }',)
        case "cents.jsonl":
            lines = "\n".join(json.dumps(one) for one in CENTS)
            return written(file, lines), ('unit_price_cents = { columns = "unit_price", unit = "cents" }',)
        case "wrapped.json":
            whole = json.dumps({"total": 2, "export": {"lines": CENTS}}, indent=1)
            return written(file, whole), ('unit_price_cents = { columns = "unit_price", unit = "cents" }',)
        case "nested.parquet":
            pl.DataFrame(CENTS).write_parquet(file)
            return file, ('unit_price_cents = { columns = "unit_price", unit = "cents" }',)
        case "ambiguous.csv":
            day = 'performance_at = { columns = "performance_at", formats = ["%d/%m/%Y"] }'
            return written(file, AMBIGUOUS), (
                day,
                'purchased_at = { columns = "purchased_at", formats = ["%d/%m/%Y %H:%M"] }',
            )
        case _:
            return written(file, LETTER), ()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


TICKETS = [
    (utc("2025-12-05T19:30"), utc(f"2025-10-0{n}T10:00"), tariff, cents, "paid", "danse", "69123")
    for n in (1, 2) for tariff, cents in (("plein", 1200), ("reduit", 900))
]  # fmt: skip
SALE = ("performance_at", "purchased_at", "tariff", "unit_price_cents", "status", "family", "commune")


@pytest.mark.parametrize(("name", "frame", "columns", "rows"), [
    ("museum.csv", "counts", ("performance_at", "count", "amount_cents", "tariff", "kind"), [
        (utc("2025-10-13T12:30"), 3, 3600, "plein", "sold"), (utc("2025-11-02T09:00"), 2, 1450, "reduit", "sold"),
    ]),
    ("american.csv", "transactions", ("performance_at", "purchased_at", "tariff", "unit_price_cents", "quantity", "status"), [
        (utc("2025-12-04T19:00"), utc("2025-10-28T19:05"), "plein", 2500, 1, "paid"),
        (utc("2025-12-04T19:00"), utc("2025-10-28T19:05"), "reduit", None, 2, "paid"),
        (utc("2025-12-04T19:00"), utc("2025-11-02T08:15"), "reduit", 1250, 1, "refunded"),
    ]),
    ("american.xlsx", "transactions", ("tariff", "unit_price_cents", "quantity", "status", "commune"), [
        ("plein", 2500, 1, "paid", "75056"), ("reduit", None, 2, "paid", "75056"), ("reduit", 1250, 1, "refunded", "69123"),
    ]),
    ("cents.json", "transactions", SALE, TICKETS),
    ("cents.jsonl", "transactions", SALE, TICKETS),
    ("wrapped.json", "transactions", SALE, TICKETS),
    ("nested.parquet", "transactions", SALE, TICKETS),
    ("ambiguous.csv", "transactions", ("performance_at", "purchased_at", "tariff", "status", "quantity"), [
        (utc("2025-11-03T23:00"), utc("2025-10-01T08:00"), "plein", "paid", 1),
        (utc("2025-11-04T23:00"), utc("2025-10-02T09:00"), "plein", "cancelled", 1),
    ]),
    ("letter.txt", "interactions", ("at", "kind", "commune", "consent_regime"), [
        (utc("2025-10-13T08:00"), "subscribe", "75056", "consent"),
    ]),
])  # fmt: skip
def test_drafted_completed_loaded(
    tmp_path: Path, venue: Venue, name: str, frame: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    file, answers = made(tmp_path, name)
    mapping = drafted(file)
    if answers:
        with pytest.raises(Fault, match=r"homemade.toml: line \d+, fields\.\w+ is to complete") as caught:
            ingest(venue, [file], mapping=mapping)
        assert "est à compléter" in caught.value.fr
        assert receipts(venue.store) == []
    choose(mapping, *answers)
    seen = inspect(None, [file], mapping=mapping)
    assert (seen.preset, seen.kept, seen.quarantined, seen.unknown) == ("homemade", {frame: len(rows)}, {}, ())
    ingest(venue, [file], mapping=mapping)
    kept = records(venue, frame).collect()
    assert sorted(kept.select(columns).rows(), key=str) == sorted(rows, key=str)
    assert set(kept["source"]) == {"homemade"}


def test_next_months_file_needs_nothing(tmp_path: Path, venue: Venue) -> None:
    file, answers = made(tmp_path, "museum.csv")
    mapping = drafted(file)
    choose(mapping, *answers)
    ingest(venue, [file], mapping=mapping)
    assert (venue.presets / "homemade.toml").read_bytes() == mapping.read_bytes()
    mapping.unlink()
    written(venue.inbox / "november.csv", MUSEUM.replace("/11/", "/12/"), "cp1252")
    told = {entry.name: entry.receipt for entry in load_inbox(venue)}
    assert all(receipt is not None and receipt.preset == "homemade" for receipt in told.values())
    assert records(venue, "counts").collect().height == 3  # that of October is there twice, and one
    assert inspect(venue, [venue.inbox / "november.csv"]).preset == "homemade"
    with pytest.raises(UnknownFile):
        inspect(None, [venue.inbox / "november.csv"])


def test_another_mapping_of_that_name_does_not_count_rows_twice(tmp_path: Path, venue: Venue) -> None:
    file, answers = made(tmp_path, "museum.csv")
    mapping = drafted(file)
    choose(mapping, *answers)
    ingest(venue, [file], mapping=mapping)
    mapping.write_text(mapping.read_text("utf-8").replace('"sold" }', '"scanned" }'), "utf-8")
    with pytest.raises(Fault, match="empty store/ and load inbox/ again"):
        ingest(venue, [file], mapping=mapping)
    assert set(records(venue, "counts").collect()["kind"]) == {"sold"}


@pytest.mark.parametrize("rows", [
    "Ornithorynque;ana@example.org;12,00\n", "Dupont;Ornithorynque;13/10/2025\n", "Ornithorynque;75011;Paris\n",
    "Tarif;Ornithorynque;Paris\nTarif;x;Paris\nPlein;y;Lyon\n", "Ornithorynque;Zola;Hugo\n", "Dupont;Ornithorynque;Plein tarif;Guichet\n",
])  # fmt: skip
def test_a_file_without_a_header_line_is_not_repeated(tmp_path: Path, rows: str) -> None:
    with pytest.raises(Fault, match="header line is missing") as caught:
        proposal(written(tmp_path / "rows.csv", rows))
    for sentence in (caught.value.en, caught.value.fr):
        assert "rnithorynque" not in sentence


def test_nothing_ambiguous_is_decided(tmp_path: Path) -> None:
    text = draft(proposal(made(tmp_path, "ambiguous.csv")[0]), "x", "fr")
    assert text.count("# À COMPLÉTER: ") == 2
    assert "# le jour d’abord" in text
    assert "# le mois d’abord" in text
    dates = "Date;Commande;Email;Montant\n13/10/2025;1;a@example.org;12\n14/10/2025;2;b@example.org;8\n"
    text = draft(proposal(written(tmp_path / "dates.csv", dates)), "x", "en")
    marked = re.findall(r"# TO COMPLETE: (\S+)", text)
    assert marked == [
        "performance",
        "fields.performance_at",
        "fields.purchased_at",
        "fields.status",
        "fields.unit_price_cents",
    ]


@pytest.mark.parametrize(
    "name", ["museum.csv", "american.csv", "cents.json", "nested.parquet", "ambiguous.csv", "letter.txt"]
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_draft_holds_headers_and_no_value(tmp_path: Path, name: str, language: Any) -> None:
    file, _ = made(tmp_path, name)
    seen = proposal(file)
    text = draft(seen, "homemade", language)
    said = " ".join(word for column in seen.columns for word in column.why)
    values = {str(v) for series in seen.sample.rows for v in series.drop_nulls()} - {
        "Paid",
        "Refunded",
        "payé",
        "annulé",
        "valid",
        "Danse",
    }
    assert len(values) > 2
    for value in values:
        assert not re.search(
            rf"(?<!\w){re.escape(value)}(?!\w)", re.sub(r"constant = .*|\[\"1\", \"\"\]", "", text) + said
        ), value


@pytest.mark.parametrize("name", ["museum.csv", "american.csv", "cents.json"])
def test_the_word_planted_in_every_column_is_in_no_answer(tmp_path: Path, venue: Venue, name: str) -> None:
    file, answers = made(tmp_path, name)
    if name == "cents.json":
        file.write_text(json.dumps(CENTS * 12), "utf-8")
    else:
        head, *rows = (MUSEUM if name == "museum.csv" else AMERICAN).splitlines()
        file.write_text("\n".join([head, *rows * 12]), "utf-8")
    assert plant(file) > 4
    assert WORD in file.read_text("utf-8")
    seen = proposal(file)
    mapping = tmp_path / "homemade.toml"
    write_draft(seen, mapping, "en")
    assert WORD not in repr(seen.columns) + mapping.read_text("utf-8")
    choose(
        mapping, *answers, *(['row = ["ticket"]'] if name == "cents.json" else [])
    )  # a planted row is another's copy
    told = inspect(venue, [file], mapping=mapping)
    assert told.quarantined
    assert WORD not in repr(told)
    assert WORD in repr(inspect(venue, [file], mapping=mapping, show_values=True))
    assert WORD not in repr(ingest(venue, [file], mapping=mapping))
    assert not [
        where for where, held in contents(venue.folder).items()
        if WORD.encode() in held and "inbox/" not in where and not where.endswith("listings.parquet")  # titles are public
    ]  # fmt: skip


# --- what a mapping may say ----------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new", "said"), [
    ('title = "homemade"', "", "homemade.toml: title is missing"),
    ("read = ", "reads = ", r"\[\[emits\]\] 1, reads is no key of a preset"),
    ('frame = "counts"', 'frame = "sales"', "must be 'transactions', 'interactions', 'counts', 'programme' or 'listings'"),
    ('"legitimate_interest"', '"friendship"', "consent_regime must be one of exempt_audience, consent"),
    ('count = "count"', "count = 3", r"\[\[emits\]\] 1, fields.count.1 must be a table"),
    ('count = "count"', 'count = "visits"', "names visits, which is no column"),
    ('count = "count"', "", "fields.count is missing"),
    ('count = "count"', 'colour = "count"', "fields.colour must be one of amount_cents, capacity"),
    ('formats = ["%d/%m/%Y %Hh%M"]', 'formats = "d/m/Y"', "fields.performance_at.formats must be iso, fr, unix"),
    ('unit = "euros"', 'unit = "francs"', "must be 'euros', 'cents' or 'thousandths'"),
    ('constant = "sold"', 'constant = "given"', "must be one of sold, free, scanned, counter"),
    ('tariff = "tariff"', 'tariff = { columns = "tariff", replace = [["(", ""]] }', "fields.tariff is a pattern that does not compile"),
    ('tariff = "tariff"', 'tariff = { columns = "tariff", rules = [{ if = 1 }] }', "is written { when = …, is = … }"),
    ('kind = "table"', "kind = table", r"is no TOML at line \d+"),
    ("row_else = ", "# row_else = ", r"\[\[emits\]\] 1, row is missing"),
])  # fmt: skip
def test_what_a_mapping_may_not_say(tmp_path: Path, old: str, new: str, said: str) -> None:
    file, answers = made(tmp_path, "museum.csv")
    mapping = drafted(file)
    choose(mapping, *answers)
    text = mapping.read_text("utf-8")
    assert old in text
    mapping.write_text(
        re.sub(rf"^(.*){re.escape(old)}", lambda m: m[1] + new, text, count=1, flags=re.MULTILINE), "utf-8"
    )
    with pytest.raises(Fault, match=said) as caught:
        inspect(None, [file], mapping=mapping)
    assert caught.value.fr != caught.value.en


def test_a_mapping_has_a_name_of_its_own(tmp_path: Path) -> None:
    file, _ = made(tmp_path, "museum.csv")
    seen = proposal(file)
    with pytest.raises(Fault, match="name of a packaged preset"):
        write_draft(seen, tmp_path / "pretix.toml", "en")
    with pytest.raises(Fault, match="named in lower case"):
        write_draft(seen, tmp_path / "Mon musée.toml", "en")
    write_draft(seen, tmp_path / "till.toml", "en")
    with pytest.raises(Fault, match="exists already"):
        write_draft(seen, tmp_path / "till.toml", "en")


def test_packaged_presets_hold_together() -> None:
    assert {name: list(faults(one)) for name, one in presets().items() if list(faults(one))} == {}


def test_json_that_is_now_this_now_that_is_left_out(tmp_path: Path) -> None:
    """No path could be stated; nor for an object with a key an address, which would be a value in a draft."""
    rows = [{"orderId": "1", "email": "a@example.org", "title": "x", "by": {f"{WORD}@example.org": {"price": 3}}},
            {"orderId": "2", "email": "b@example.org", "title": {"fr": "y"}, "by": {}}]  # fmt: skip
    file = written(tmp_path / "rows.json", json.dumps(rows))
    assert [(c.header, c.role) for c in proposal(file).columns] == [("orderId", "order"), ("email", "email")]


ODD = [
    '""',
    "1",
    "true",
    "nan",
    "[]",
    "[1]",
    "{}",
    '"…"',
    "[[]]",
    "2026-01-01",
    "{ columns = 3 }",
    '["("]',
    "{ when = 1 }",
    "[",
]
edits = st.lists(st.tuples(st.integers(0, 80), st.sampled_from([None, *ODD])), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("drafts")
    file, answers = made(folder, "cents.json")
    mapping = drafted(file)
    choose(mapping, *answers)
    return file, mapping.read_text("utf-8")


@given(edits=edits)
def test_whatever_is_written_is_a_preset_or_a_fault(
    complete: tuple[Path, str], edits: list[tuple[int, str | None]]
) -> None:
    """Lines dropped, values of another type: never another exception, tried on the file as well."""
    file, text = complete
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for number, new in edits:
        place = number % len(lines)
        lines[place] = "" if new is None else lines[place].split("=")[0] + f"= {new}"
    mapping = file.with_name("mutated.toml")
    mapping.write_text("\n".join(lines), "utf-8")
    with suppress(Fault):
        assert read_mapping(mapping).name == "mutated"
        inspect(None, [file], mapping=mapping)


# --- looks and nearness --------------------------------------------------------------------------------


@pytest.mark.parametrize(("texts", "formats", "order"), [
    (["13/10/2025", "02/11/2025"], ("%d/%m/%Y",), "day"),
    (["10/13/25 8:05 PM"], ("%m/%d/%y %I:%M %p",), "month"),
    (["01/02/2025", "03/04/2025"], ("%d/%m/%Y",), "either"),
    (["13/02/2025", "03/14/2025"], ("%d/%m/%Y",), "mixed"),
    (["2025-10-13", "2025-10-13T10:00:00Z"], ("iso",), ""),
    (["13.10.2025 à 20h30"], ("%d.%m.%Y à %Hh%M",), "day"),
    (["2025-10-13"], ("iso",), ""),
    (["2025/10/13 10:00"], ("%Y/%m/%d %H:%M",), ""),
    (["99/99/2025", "hello"], (), ""),
])  # fmt: skip
def test_formats_of_dates(texts: list[str], formats: tuple[str, ...], order: str) -> None:
    seen = look(pl.Series("0", texts))
    assert (seen.formats, seen.order) == (formats, order)


@pytest.mark.parametrize(("header", "role"), [
    ("Date de la séance", "performance_at"), ("purchaseDate", "purchased_at"), ("order.buyer.email", "email"),
    ("N° de commande", "order"), ("Nb. de places", "quantity"), ("CP", "postal_code"), ("Année de naissance", "birth_year"),
    ("Tarif appliqué", "tariff"), ("Bestellnummer", "order"), ("Prénom", "never"), ("Tickte type", "tariff"),
])  # fmt: skip
def test_headers_name_roles(header: str, role: str) -> None:
    (found,) = header_roles([header])
    assert max(found, key=lambda one: found[one]) == role


def test_near_words_are_told_and_decide_nothing(tmp_path: Path, venue: Venue) -> None:
    assert near_codes(
        "theatre contemporin", {"theatre contemporain": "theatre_recit", "rock": "musiques_actuelles"}
    ) == ("theatre_recit",)
    assert near_codes("1234", {"1234": "x"}) == ()
    file = written(tmp_path / "push.csv", "order_id,performance_at,purchased_at,email,genre,status\n"
                   "1,2025-12-05 20:00,2025-10-01 10:00,a@example.org,Ballet contemporin,paid\n"
                   "2,2025-12-05 20:00,2025-10-01 10:00,b@example.org,Xyzzy,remboursée\n")  # fmt: skip
    quiet = {words.column: words for words in inspect(venue, [file]).unknown}
    assert [(n.code, n.labels, n.rows) for n in quiet["family"].near] == [("danse", 1, 1)]
    assert [(n.code, n.labels, n.rows) for n in quiet["status"].near] == [("refunded", 1, 1)]
    assert quiet["family"].shown == quiet["status"].shown == {}
    shown = {words.column: words.shown for words in inspect(venue, [file], show_values=True).unknown}
    assert shown == {"family": {"Ballet contemporin": ("danse",)}, "status": {"remboursée": ("refunded",)}}
    ingest(venue, [file])
    assert records(venue, "transactions").collect()["family"].to_list() == ["unknown"]


@pytest.mark.parametrize(
    "text", ["ana@example.org", "2025-10-13", "13/10/2025", "75011", "12,00 €", "06 12 34 56 78", "20h30"]
)
def test_no_header_looks_so(text: str) -> None:
    assert is_value(text)
    assert not is_value("Tarif 2")
