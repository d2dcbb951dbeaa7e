"""The plan says what releases then show and cost, in words; it spends, draws and writes nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.planning import _expected, outlook, season_alone
from aggregations.publication import offer, publisher, release
from aggregations.venue import Venue
from pipelines.cli import main
from privacy.calendar import Period
from privacy.domains import EXACT
from privacy.errors import BudgetRefusal
from privacy.ledger import Ledger
from privacy.policy import Policy
from privacy.publish import bound_tables

SEASON, NEXT = Period.parse("2025-2026"), Period.parse("2026-2027")
TODAY = date(2026, 11, 22)
CODES = ("75011", "93200", "69001", "13001", "33000", "59000", "31000")


def theatre(home: Path, people: int) -> Venue:
    """A venue with people of seven towns, each with a ticket in one of the season's four quarters."""
    first = datetime.fromisoformat("2025-09-15T20:00+02:00")
    rows = [
        {"order_id": f"c{i}", "email": f"p{i}@example.org", "event": f"e{i % 40}", "genre": ("danse", "théâtre", "cirque")[i % 3],
         "performance_id": f"s{i % 40}", "performance_at": (first + timedelta(days=9 * (i % 40))).isoformat(),
         "purchased_at": (first + timedelta(days=9 * (i % 40) - (1, 20, 80)[i % 3])).isoformat(), "tariff": "Plein tarif",
         "unit_price_cents": 2500, "quantity": 1 + i % 2, "channel": "web", "status": "paid",
         "postal_code": CODES[min(i * i % 31, 6)], "birth_year": 1950 + i % 60} for i in range(people)
    ]  # fmt: skip
    venue = add_venue(Venue("theatre", "Théâtre", "theatre", "75056", folder=home / "venues" / "theatre"))
    pl.DataFrame(rows).write_csv(home / "billets.csv")
    ingest(venue, [home / "billets.csv"])
    return venue


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    return theatre(tmp_path_factory.mktemp("large"), 6000)


@pytest.fixture
def small(tmp_path: Path) -> Venue:
    return theatre(tmp_path, 800)


def said(venue: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("JAUGE_HOME", str(venue.folder.parents[1]))
    monkeypatch.setattr(sys, "argv", ["jauge", "plan", venue.id, *more])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    return capsys.readouterr().out


def test_a_small_venue_is_told_to_publish_the_season_only(
    small: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAUGE_LANG", "en")
    english = said(small, monkeypatch, capsys, "--season", "2025-2026")
    assert "With about 200 people a quarter" in english
    assert "publish the season only" in english
    assert 'calendar.season = "7/8" (now "3/8")' in english
    assert "Nothing was written, drawn or spent" in english
    monkeypatch.setenv("JAUGE_LANG", "fr")
    french = said(small, monkeypatch, capsys, "--season", "2025-2026")
    assert "Avec environ 200 personnes par trimestre" in french
    assert "ne publiez que la saison" in french


def test_a_large_venue_is_told_to_publish_quarterly(
    large: Venue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAUGE_LANG", "en")
    told = said(large, monkeypatch, capsys, "--season", "2026-2027")
    assert "With about 1,500 people a quarter" in told
    assert "publish quarterly" in told
    assert "margins about 35 % narrower" in told  # 1 - sqrt(3/7)
    assert "Left in the ledger: 100.0 % (person)" in told


def test_what_the_plan_expects_is_what_a_release_shows(large: Venue, policy: Policy, tmp_path: Path) -> None:
    plans = publisher(large).plan(policy, SEASON)
    exact = bound_tables(offer(large, SEASON), plans)
    found = outlook(large, policy, SEASON, TODAY)
    assert [p.threshold for p in plans] == [p.threshold for p in found.whole.plans]
    out = replace(publisher(large), ledger=tmp_path / "ledger.sqlite", outbox=tmp_path / "outbox")
    from privacy.publish import publish

    sealed = publish(out, offer(large, SEASON), policy, SEASON).release
    surely = 0
    for p in plans:
        cells = exact[p.table.name].cells
        people = cells[EXACT]
        shown = sealed.cells(p.table.name)["people"].is_not_null()
        got = people.filter(shown).sum() / people.sum()
        near = (cells["people"] - p.threshold).abs() < 5 * p.cells[0].sigma  # the noise decides there
        assert abs(got - found.whole.shown[p.table.name]) <= people.filter(near).sum() / people.sum() + 1e-6, (
            p.table.name
        )
        surely += not near.any()
    assert surely >= 2  # tables where there was no room for doubt


def test_a_cell_at_the_threshold_counts_half_and_one_below_k_not_at_all(large: Venue, policy: Policy) -> None:
    plan = next(p for p in publisher(large).plan(policy, SEASON) if p.table.name == "provenance")
    sigma = plan.cells[0].sigma
    cells = pl.DataFrame({EXACT: [100, 100, 100, 10], "people": [plan.threshold + d for d in (0, sigma, 9 * sigma, 9 * sigma)]})  # fmt: skip
    shown, people = _expected(cells, plan, policy)
    assert people == 310
    assert shown == pytest.approx(50 + 84.134 + 100, abs=0.01)
    probable, _ = _expected(cells, plan, replace(policy, k_rule="probable"))
    assert probable == pytest.approx(shown + 10)


@pytest.mark.slow
def test_it_writes_nothing_and_loads_no_noise(small: Venue) -> None:
    def state() -> dict[str, tuple[str, int]]:
        files = (p for p in small.folder.parents[1].rglob("*") if p.is_file())
        return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}

    before = state()
    code = (
        "import sys; from pipelines.cli import app; "
        f"app(['plan', 'theatre', '--home', {str(small.folder.parents[1])!r}], standalone_mode=False); "
        "print('opendp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("False")
    assert state() == before
    assert not small.ledger.exists()


@pytest.mark.slow
def test_what_fits_is_what_the_ledger_takes(small: Venue, policy: Policy) -> None:
    release(small, Period.parse("2025-2026-T1"), policy)
    found = outlook(small, policy, SEASON, TODAY)
    assert [(str(d.period), round(float(d.charged), 3)) for d in found.calendar if d.charged] == [
        ("2025-2026-T1", 0.125)
    ]
    assert float(found.left["person"]) == pytest.approx(0.875, abs=1e-4)
    assert found.alone_share == Fraction(7, 8)
    assert found.alone_fits
    release(small, Period.parse("2025-2026-T2"), policy)
    assert not outlook(small, policy, SEASON, TODAY).alone_fits
    with pytest.raises(BudgetRefusal):
        release(small, SEASON, season_alone(policy))
    assert len(Ledger(small.ledger).charges) == 2
    assert outlook(small, policy, NEXT, TODAY).alone_fits  # a new season, a new budget


def test_the_alternative_can_be_paid_and_is_narrower(small: Venue, policy: Policy) -> None:
    found = outlook(small, policy, SEASON, TODAY)
    done = release(small, SEASON, season_alone(policy)).release
    for plan in found.alone.plans:
        stated = done.manifest["tables"][plan.table.name]
        assert (stated["threshold"], stated["measures"][0]["sigma"]) == (plan.threshold, plan.cells[0].sigma)
    assert (found.alone.coverage or 0) > (found.whole.coverage or 0) > (found.quarter.coverage or 0)


@pytest.mark.slow
@pytest.mark.parametrize(("today", "season", "seen", "ended"), [
    (TODAY, NEXT, SEASON, True),                # the running season is judged by the last one
    (TODAY, SEASON, SEASON, True),
    (date(2026, 3, 1), SEASON, SEASON, False),  # nothing earlier: what there is so far
])  # fmt: skip
def test_it_judges_by_the_last_season_that_ended(
    large: Venue, policy: Policy, today: date, season: Period, seen: Period, ended: bool
) -> None:
    found = outlook(large, policy, season, today)
    assert (found.season, found.seen, found.ended) == (season.season, seen, ended)
    assert [q.quarter for q in found.quarters] == [1, 2, 3, 4]


def test_without_records_it_gives_margins_and_asks_for_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    venue = add_venue(Venue("new", "Neuf", "museum", "75056", publishes=("transactions", "counts"), folder=tmp_path / "venues" / "new"))  # fmt: skip
    monkeypatch.setenv("JAUGE_LANG", "en")
    told = said(venue, monkeypatch, capsys)
    assert "No records yet" in told
    assert "±" in told
    assert "100.0 % (admission)" in told
