"""The steward's page: it tells how the venue stands, spends nothing, holds no row nor value, and stays in the venue."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from canary import EMAIL, WORD
from releases import Sender, sender, small_policy

from aggregations.departures import approve
from aggregations.ingest import ingest
from aggregations.publication import preview, publisher
from aggregations.receipt import receipts
from aggregations.refusals import pending
from pipelines.steward.page import build_page
from pipelines.steward.standing import months, next_release, seasons
from privacy.calendar import Period

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = date(2026, 3, 10)
POLICY = small_policy("provenance", "schedule")


def tickets(path: Path, day: str, number: int = 300, begin: int = 0, quantity: str = "1") -> Path:
    """A neutral export of one evening; every text that may hold one has the canary in it."""
    pl.DataFrame({
        "order_id": [f"{WORD}{begin + i}" for i in range(number)], "ticket_id": [f"t{WORD}{begin + i}" for i in range(number)],
        "email": [f"p{begin + i}@{WORD}.org" for i in range(number)], "event": WORD, "genre": [("danse", WORD)[i % 5 == 0] for i in range(number)],
        "performance_at": f"{day} 20:30", "purchased_at": f"{day} 10:00", "tariff": WORD, "channel": WORD,
        "unit_price_cents": "2000", "quantity": quantity, "postal_code": [("75011", WORD)[i % 7 == 0] for i in range(number)],
    }).write_csv(path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Sender:
    """A venue with two quarters of tickets, of which the first is released, and twenty rows refused."""
    return made(tmp_path_factory.mktemp("home"))


@pytest.fixture
def fresh(tmp_path: Path) -> Sender:
    """Another of the same, to be changed."""
    return made(tmp_path)


def made(tmp_path: Path) -> Sender:
    made = sender(tmp_path, name="Théâtre <du> Lac", policy=POLICY)
    for n, day in enumerate(("2025-10-03", "2026-01-09", "2026-02-13")):
        ingest(made.venue, [tickets(tmp_path / f"export{n}.csv", day, begin=1000 * n)])
    ingest(made.venue, [tickets(tmp_path / "refused.csv", "2026-02-14", 20, begin=9000, quantity="0")])
    made.release("2025-2026-T1", people=500)
    return made


@pytest.fixture(scope="module")
def told(theatre: Sender) -> dict[str, str]:
    return pages(theatre)


def pages(theatre: Sender) -> dict[str, str]:
    return {p.name: p.read_text("utf-8") for p in build_page(theatre.venue, theatre.policy, NOW)}


def test_both_languages_for_the_venues_account_alone(theatre: Sender, told: dict[str, str]) -> None:
    assert set(told) == {"index.fr.html", "index.en.html"}
    for path in (theatre.venue.steward, *theatre.venue.steward.iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    for name, page in told.items():
        language = name.split(".")[1]
        assert f'<html lang="{language}">' in page
        assert "default-src 'none'" in page
        assert not re.search(r"<script|https?:|\bsrc=|@import|url\(", page)
        assert "Théâtre &lt;du&gt; Lac" in page
        assert f'href="../quality/{language}/index.html"' in page
        assert (theatre.venue.quality / language / "index.html").exists()
    assert "Ne l’envoyez pas" in told["index.fr.html"]


def test_no_row_nor_value_is_on_it(theatre: Sender, told: dict[str, str]) -> None:
    raw = b"".join(p.read_bytes() for p in theatre.venue.inbox.rglob("*") if p.is_file())
    assert WORD.encode() in raw
    for page in told.values():
        assert WORD not in page.lower()
        assert not EMAIL.search(page.encode())
        assert "75011" not in page


@pytest.mark.slow
def test_it_spends_nothing_and_nothing_of_it_leaves(fresh: Sender, tmp_path: Path) -> None:
    theatre = fresh
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    pages(theatre)
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    new = {p.relative_to(theatre.venue.folder).parts[0] for p in after.keys() - before.keys()}
    assert new == {"steward", "quality"}
    assert {p: after[p] for p in before} == before


def test_the_budget_is_the_ledgers_and_the_calendars(theatre: Sender, told: dict[str, str]) -> None:
    (season,) = seasons(theatre.venue, publisher(theatre.venue), POLICY, TODAY)
    assert [(str(s.period), s.state) for s in season.steps] == [
        ("2025-2026-T1", "sealed"), ("2025-2026-T2", "due"), ("2025-2026-T3", "running"), ("2025-2026-T4", "coming"),
        ("2025-2026", "running"),
    ]  # fmt: skip
    near = {"abs": 1e-3}
    assert [float(s.charged.get("person", 0)) for s in season.steps] == pytest.approx([1 / 8, 0, 0, 0, 0], **near)
    assert [float(s.will.get("person", 0)) for s in season.steps] == pytest.approx(
        [0, 1 / 8, 1 / 8, 1 / 8, 3 / 8], **near
    )
    assert float(season.left["person"]) == pytest.approx(7 / 8, **near)
    assert float(season.left_after["person"]) == pytest.approx(1 / 8, **near)
    assert "Per person: 12.5% spent, 75.0% planned, 12.5% free after." in told["index.en.html"]


@pytest.mark.slow
def test_a_calendar_that_does_not_fit_is_told(fresh: Sender) -> None:
    theatre = fresh
    assert "Il ne reste pas assez de budget" not in pages(theatre)["index.fr.html"]
    for seed in (2, 3):
        theatre.release("2025-2026-T1", people=500, seed=seed, revise=True)
    (season,) = seasons(theatre.venue, publisher(theatre.venue), POLICY, TODAY)
    assert season.left_after["person"] < 0
    page = pages(theatre)["index.fr.html"]
    assert "Il ne reste pas assez de budget" in page
    assert "les dernières publications seront refusées" in page
    assert "3 révisions débitées" in page


def test_a_venue_of_the_season_alone_plans_no_quarter(theatre: Sender) -> None:
    alone = replace(theatre.venue, calendar="season")
    (season,) = seasons(alone, publisher(alone), POLICY, TODAY)
    assert [str(s.period) for s in season.steps] == ["2025-2026"]


def test_the_last_season_stays_on_the_page_and_what_of_it_is_due(theatre: Sender) -> None:
    before, now = seasons(theatre.venue, publisher(theatre.venue), POLICY, date(2026, 9, 20))
    assert (before.name, now.name) == ("2025-2026", "2026-2027")
    assert [s.state for s in before.steps] == ["sealed", "due", "due", "due", "due"]
    assert now.left == {"person": Fraction(1)}


def test_what_would_be_shown_is_what_a_preview_says(theatre: Sender, told: dict[str, str]) -> None:
    stands = seasons(theatre.venue, publisher(theatre.venue), POLICY, TODAY)
    period = next_release(stands, receipts(theatre.venue.store))
    assert period == Period(2025, 2)
    page = told["index.en.html"]
    assert "December–February (2025–2026), by your records as they are now" in page
    for found in preview(theatre.venue, period, POLICY):
        row = page.split(f'<th scope="row">{found.plan.table.en}</th>')[1].split("</tr>")[0]
        assert re.findall(r"<td>(\d+)</td>", row) == [str(found.shown), str(found.cells - found.shown)]
        assert found.shown > 0
    assert next_release(stands, []) == Period(2025, 3)  # nothing loaded of the second quarter: the running one


def test_refused_rows_are_told_by_reason_and_what_to_do(theatre: Sender, told: dict[str, str]) -> None:
    assert pending(theatre.venue).height == 20
    assert "<b>20</b> lignes refusées à corriger\u00a0: <code>jauge quarantine theatre</code>" in told["index.fr.html"]
    table = told["index.en.html"].split("<h2>Quarantine, by reason</h2>")[1].split("</section>")[0]
    assert re.findall(r'<td class="number">(\d+)</td>', table) == ["20"]
    assert "quantity" in table
    assert "is over and not released: <code>jauge release theatre 2025-2026-T2</code>" in told["index.en.html"]


@pytest.mark.slow
def test_approvals_wait_until_they_are_given(fresh: Sender) -> None:
    theatre = fresh
    manual = Sender(replace(theatre.venue, approval="manual", approvers=("Ada",)), POLICY)
    assert "September–November (2025–2026) (2025-2026-T1), revision 1" in pages(manual)["index.en.html"]
    approve(manual.venue, Period(2025, 1), "Ada")
    assert "No release waits for an approval." in pages(manual)["index.en.html"]


def test_months_without_a_row_are_told_by_source(theatre: Sender, told: dict[str, str]) -> None:
    (found,) = months(receipts(theatre.venue.store), TODAY)
    assert found.missing == ("2025-11", "2025-12")
    assert len(found.held) == 24
    assert found.held[-1] == ("2026-03", False)
    assert [m for m, there in found.held if there] == ["2025-10", "2026-01", "2026-02"]
    assert "Sans aucune ligne\u00a0: nov. 2025, déc. 2025." in told["index.fr.html"]


def test_a_venue_that_has_nothing_yet_has_a_page(tmp_path: Path) -> None:
    empty = sender(tmp_path, policy=POLICY)
    told = pages(empty)
    assert "Rien n’est encore chargé" in told["index.fr.html"]
    assert "Nothing waits for you." in told["index.en.html"]
    assert not empty.venue.ledger.exists()
    assert told["index.en.html"].count("12.5%") > 4
