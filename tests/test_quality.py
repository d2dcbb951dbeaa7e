"""What is worth a steward's look: told true or false to Dagster, in exact figures on a page that never leaves the venue."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from releases import sender

from aggregations.corrections import write_corrections
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.venue import Venue
from pipelines import partitions, venue
from pipelines.quality.page import build_page
from pipelines.quality.warnings import findings, rules, suites, told
from privacy.calendar import Period
from warehouse.governance import Hub

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
NOW = datetime(2025, 11, 1, 12, tzinfo=UTC)
WORD = "Ornithorynque"


@pytest.fixture
def theatre(tmp_path: Path) -> Venue:
    kinds = ("transactions", "interactions", "counts")
    return add_venue(
        Venue("theatre", "Théâtre <du> Lac", "theatre", "75056", publishes=kinds, folder=tmp_path / "theatre")
    )


def tickets(path: Path, number: int = 20, begin: int = 0, **columns: Any) -> Path:
    """A good neutral export of that many tickets, but for these columns; a list is dealt out row by row."""
    good = {
        "order_id": [f"c{begin + i}" for i in range(number)], "ticket_id": [f"t{begin + i}" for i in range(number)],
        "email": [f"p{begin + i}@example.org" for i in range(number)], "event": WORD, "genre": "danse",
        "performance_at": "2025-11-20 20:30", "purchased_at": "2025-10-30 10:00", "tariff": "plein", "channel": "guichet",
        "unit_price_cents": "2000", "quantity": "1", "postal_code": "75011", "birth_year": "1980",
    }  # fmt: skip
    dealt = {
        name: (v * number)[:number] if isinstance(v, list) else [v] * number for name, v in (good | columns).items()
    }
    pl.DataFrame(dealt).write_csv(path)
    return path


def newsletter(path: Path, unsubscribed: str) -> Path:
    rows = [{"email": f"p{i}@example.org", "kind": "subscribe" if f"p{i}" != unsubscribed else "unsubscribe",
             "at": "2025-10-31 10:00", "genre": "danse"} for i in range(4)]  # fmt: skip
    pl.DataFrame(rows).write_csv(path)
    return path


def broken(one: Venue) -> set[str]:
    return {f"{f.source}: {f.rule.name}" for f in findings(one, NOW) if not f.holds}


@pytest.mark.parametrize(("columns", "warned"), [
    ({"birth_year": None, "performance_at": "2025-10-29 20:30"}, set()),  # nobody was asked; bought at the door
    ({"postal_code": [None, None, None, "75011"], "birth_year": [None] * 4 + ["1990"], "channel": None}, {"place", "birth_year", "channel"}),
    ({"unit_price_cents": ["200000", None], "email": [None, None, None, "x@example.org"]}, {"price", "high_price", "contact"}),
    ({"genre": ["danse", WORD], "tariff": [WORD, "plein"]}, {"family", "tariff", "unknown"}),
    ({"purchased_at": "2025-07-01 10:00", "quantity": ["0"] + ["1"] * 9}, {"tickets_come", "refused", "pending"}),
    ({"performance_at": ["2025-10-28 20:30", "2205-11-20 20:30"] + ["2025-11-20 20:30"] * 8}, {"late", "ahead"}),
    ({"performance_at": ["1925-11-20 20:30"] + ["2025-11-20 20:30"] * 19, "purchased_at": ["1925-11-01 20:30"] + ["2025-10-30 10:00"] * 19}, {"back"}),
    ({"ticket_id": ["t1"] * 3 + [f"u{i}" for i in range(17)]}, {"repeated"}),
])  # fmt: skip
def test_each_rule_sees_what_it_is_about(theatre: Venue, tmp_path: Path, columns: dict, warned: set[str]) -> None:
    ingest(theatre, [tickets(tmp_path / "tickets.csv", **columns)])
    assert broken(theatre) == {f"neutral: {name}" for name in warned}


def test_a_correction_silences_what_it_settled(theatre: Venue, tmp_path: Path) -> None:
    receipt = ingest(theatre, [tickets(tmp_path / "tickets.csv", quantity=["0"] + ["1"] * 9)])
    assert broken(theatre) == {"neutral: refused", "neutral: pending"}
    (desk,) = write_corrections(theatre, receipt).iterdir()
    desk.write_text(desk.read_text("utf-8").replace(",0,", ",1,"), "utf-8")
    ingest(theatre, [desk])
    assert broken(theatre) == set()


@pytest.mark.parametrize(("buyer", "warned"), [
    ({}, {"neutral: heaviest"}),
    ({"is_reseller": "true"}, set()),
])  # fmt: skip
def test_one_buyer_of_many_places(theatre: Venue, tmp_path: Path, buyer: dict, warned: set[str]) -> None:
    everyone = [f"p{i}@example.org" for i in range(270)]
    ingest(theatre, [tickets(tmp_path / "a.csv", 270, email=everyone, quantity="1")])
    ingest(theatre, [tickets(tmp_path / "b.csv", 30, begin=300, email="desk@example.org", quantity="4", **buyer)])
    assert broken(theatre) == warned


@pytest.mark.parametrize(("sizes", "warned"), [
    ((60, 62, 64, 5), {"neutral: size"}),
    ((60, 5), set()),  # nothing is usual yet
])  # fmt: skip
def test_a_load_much_smaller_or_larger_than_usual(
    theatre: Venue, tmp_path: Path, sizes: tuple[int, ...], warned: set[str]
) -> None:
    for begin, size in enumerate(sizes):
        ingest(theatre, [tickets(tmp_path / f"{begin}.csv", size, begin=1000 * begin)])
    assert broken(theatre) == warned


@pytest.mark.parametrize(("who", "warned"), [("p1", {"neutral: opted_out"}), ("someone else", set())])
def test_an_opt_in_at_the_box_office_that_was_taken_back_elsewhere(
    theatre: Venue, tmp_path: Path, who: str, warned: set[str]
) -> None:
    ingest(theatre, [tickets(tmp_path / "tickets.csv", 4, consent_marketing="true")])
    ingest(theatre, [newsletter(tmp_path / "letters.csv", who)])
    assert broken(theatre) == warned


def test_the_same_sale_in_two_systems(theatre: Venue, tmp_path: Path) -> None:
    (one,) = [r for r in json.loads((EXPORTS / "billetweb.json").read_text("utf-8")) if r["order_paid"] == "1"][:1]
    at = {"email": one["order_email"], "event": one["event_name"], "purchased_at": one["order_date"]}
    ingest(theatre, [EXPORTS / "billetweb.json"])
    ingest(theatre, [tickets(tmp_path / "a.csv", 4, performance_at=one["session_start"] or one["event_start"], **at)])
    found = {f"{f.source}: {f.rule.name}": f.value for f in findings(theatre, NOW) if f.rule.name == "doubled"}
    assert found["neutral: doubled"] == 1
    assert 0 < found["billetweb: doubled"] < 1


def test_a_source_is_not_blamed_for_what_its_system_never_says(theatre: Venue) -> None:
    """Weezevent has no postal code, Billetweb only where the venue asks; the pass Culture always."""
    for name in ("weezevent", "billetweb.json", "passculture.csv"):
        ingest(theatre, [EXPORTS / name])
    judged = {(f.source, f.rule.name) for f in findings(theatre, NOW)}
    assert ("weezevent", "place") not in judged
    assert ("weezevent", "price") not in judged
    assert ("passculture", "birth_year") not in judged
    assert ("passculture", "place") in judged
    least = {
        source: rule.bounds(source)[0] for rule in rules() if rule.name == "place" for source in ("passculture", "x")
    }
    assert least == {"passculture": 0.9, "x": 0.5}


def test_every_rule_is_well_stated() -> None:
    assert {rule.suite for rule in rules()} == set(suites())
    for rule in rules():
        assert rule.least is not None or rule.most is not None
        assert rule.unit in {"share", "days", "euros", "rows", "times"}
        for french, english in (rule.title, rule.found, rule.todo):
            assert french != english
            assert not re.search(r"[{}]", french + english)
        assert rule.todo[0].endswith(".")
        assert not re.search(r"\d", "".join(rule.found)), "what is found is said in words"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Venue]:
    """A venue of 617 rows, 13 of them refused, and many of an unknown genre."""
    home = tmp_path_factory.mktemp("home")
    there = sender(home, "theatre", name="Théâtre <du> Lac")
    there.join(Hub(home / "hub"))
    genre, quantity = [WORD] * 3 + ["danse"], ["0"] * 13 + ["1"] * 604
    tickets(
        there.venue.inbox / "tickets.csv",
        617,
        genre=genre,
        quantity=quantity,
        tariff=["Tarif réduits etudiant", "plein"],
    )
    return home, there.venue


def checked(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {e.check_name: e for e in result.get_asset_check_evaluations()}


@pytest.mark.slow
def test_dagster_hears_true_or_false_and_sentences(hosted: tuple[Path, Venue]) -> None:
    home, one = hosted
    config = {"resources": {"node": {"config": {"home": str(home)}}}}
    with dg.instance_for_test() as instance:
        job = venue.defs.resolve_job_def("load_exports")
        loaded = job.execute_in_process(instance=instance, run_config=config)
        assert loaded.success
        alone = dg.materialize(
            [venue.records, venue.records_conform, venue.records_worth_a_look],
            partition_key="theatre", instance=instance, resources={"node": venue.Node(home=str(home))},
        )  # fmt: skip
        assert alone.success
        events = " ".join(str(e) for result in (loaded, alone) for e in result.all_events)
    assert set(checked(loaded)) == set(checked(alone)) == {"records_conform", *suites()}
    sentences = {text for rule in rules() for text in (*rule.found, *rule.todo)}
    for result in (loaded, alone):
        evaluations = checked(result)
        assert evaluations["records_conform"].passed
        assert evaluations["records_conform"].blocking
        assert "neutral, transactions: person is never missing" in evaluations["records_conform"].metadata
        for suite in suites():
            said = evaluations[suite]
            assert said.severity == dg.AssetCheckSeverity.WARN
            assert not said.blocking
            for name, value in said.metadata.items():
                if name in ("fr", "en"):
                    rest = re.sub("|".join(map(re.escape, sentences)), "", value.value)  # type: ignore[arg-type]
                    assert not re.sub(r"Jauge neutral format \(CSV or Parquet\)|[\s:.]", "", rest)
                else:
                    assert isinstance(value.value, bool)
        assert not evaluations["refusals"].passed
        assert "jauge quarantine" in str(evaluations["refusals"].metadata["fr"].value)
        assert evaluations["consent"].passed
    assert WORD not in events
    for number in exact(one):
        assert not re.search(rf"(?<![\w.-]){number}(?![\w.-])", events), number


@pytest.mark.slow
def test_warnings_stop_no_release(hosted: tuple[Path, Venue]) -> None:
    home, one = hosted
    ingest(one, [one.inbox / "tickets.csv"])
    assert broken(one)
    config = {"resources": {"node": {"config": {"home": str(home)}}}}
    with dg.instance_for_test() as instance:
        publish = venue.defs.resolve_job_def("publish")
        asked = venue.asking([partitions.key("theatre", Period(2025, 1))])
        assert publish.execute_in_process(instance=instance, run_config=config | asked).success
    (there,) = (home / "hub" / "inbox").iterdir()
    build_page(one, NOW)
    assert not list((home / "hub").rglob("*.html"))
    assert {p.name for p in there.rglob("*") if p.is_file() and p.suffix != ".parquet"} == {
        "manifest.json",
        "manifest.sig",
    }


def exact(one: Venue) -> list[str]:
    """Numbers of the venue's page that no harmless text holds: rows read, kept, unknown."""
    from aggregations.receipt import receipts

    (receipt,) = receipts(one.store)
    numbers = {receipt.rows_read, receipt.rows_kept, *(u.rows for u in receipt.unknown)}
    assert {617, 604} <= numbers
    return [str(n) for n in numbers]


def test_the_page_tells_all_in_both_languages_and_stays(hosted: tuple[Path, Venue]) -> None:
    home, one = hosted
    ingest(one, [one.inbox / "tickets.csv"])
    ingest(one, [tickets(one.folder / "more.csv", 50, begin=5000)])
    _, pages = build_page(one, NOW)
    texts = {p.parent.name: p.read_text("utf-8") for p in pages}
    assert [p.relative_to(one.folder).as_posix() for p in pages] == ["quality/en/index.html", "quality/fr/index.html"]
    for path in (one.quality, *one.quality.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    for language, text in texts.items():
        other = "en" if language == "fr" else "fr"
        assert f'<html lang="{language}">' in text
        assert f'href="../{other}/index.html"' in text
        assert "Théâtre &lt;du&gt; Lac" in text
        assert WORD not in text, "labels are not on the page"
        assert "tickets.csv" in text
        assert "reduit (1)" in text, "the nearest code is"
        assert "<svg" in text
        assert not re.search(r"http|<script|\bsrc\s*=|@import|url\(", text)
        assert re.search(r">617<", text)
        assert "2, 3, 4, 5" in text, "lines that were refused"
    assert "Ces chiffres sont exacts\u00a0: ils restent ici." in texts["fr"]
    assert "These figures are exact: they stay here." in texts["en"]
    assert "Des lignes refusées ne sont pas encore corrigées</b> (13\u00a0; attendu" in texts["fr"].replace(
        " ;", "\u00a0;"
    )
    assert "Refused rows are not corrected yet</b> (13; expected: at most 0)" in texts["en"]
    there = [p for p in (home / "hub").rglob("*") if p.is_file()]
    assert not [p for p in there if p.suffix == ".html" or b"exacts : ils restent ici" in p.read_bytes()]


def test_a_venue_without_anything_has_a_page_too(theatre: Venue) -> None:
    found, pages = build_page(theatre, NOW)
    assert found == []
    assert all("jauge ingest theatre" in p.read_text("utf-8") for p in pages)
    assert told(found) == {}
