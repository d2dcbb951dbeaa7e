"""One journey, through the real assets: a small town's exports, a word planted in every raw column, to the pages.

The whole runs in a process of its own, so that everything it prints is caught too; on an embedded lake, and on PostgreSQL
and S3. Another hub process begins to accept and is killed midway; on the shared lake a third goes on at the same time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
from canary import EMAIL, WORD, contents, plant
from servers import Backend, objects

from privacy.calendar import Period
from privacy.ledger import Ledger
from privacy.release import read
from warehouse.governance import Hub
from warehouse.lake import query

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
VENUES = ("theatre", "opera", "festival", "musee", "media")
T3 = Period.parse("2025-2026-T3")

_TOWN = """
import sys
from pathlib import Path
from pipelines.demo import town
town(Path(sys.argv[1]), Path(sys.argv[2]), lambda *_: None, 4000)
"""
_OTHER = """
import sys
from pathlib import Path
from warehouse import inbox
from warehouse.governance import Hub
inbox._AT_ONCE = 1
for decision in inbox.decide(Hub(Path(sys.argv[1]))):
    print(decision.outcome, flush=True)
"""
_RUN = """
import subprocess
import sys
from pathlib import Path
from pipelines.demo import accept, instance, load, release, report
from privacy.calendar import Period
home = Path(sys.argv[1])
with instance(home) as dagster:
    def everything(venues):
        load(dagster, home)
        release(dagster, home, venues, Period.parse("2025-2026-T3"))
        other = [sys.executable, "-c", sys.argv[3], str(home / "hub")]
        killed = subprocess.Popen(other, stdout=subprocess.PIPE, text=True)
        print("another:", killed.stdout.readline())
        killed.kill()
        killed.wait()
        beside = subprocess.Popen(other) if (home / "hub" / "lake.toml").exists() else None
        accept(dagster, home)
        assert beside is None or beside.wait() == 0
        return {str(f): f.read_bytes() for f in home.glob("venues/*/outbox/*/**/*") if f.is_file()}
    venues = sys.argv[2].split(",")
    first = everything(venues)
    print("the same bytes" if everything(venues[-2:]) == first else "other bytes")
    report(dagster, home)
"""


@dataclass(frozen=True)
class Journey:
    home: Path
    printed: str
    planted: int


def run(code: str, cwd: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "DAGSTER_HOME": ""},
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Journey:
    folder = tmp_path_factory.mktemp("journey")
    home = folder / "home"
    hub = backend.hub(home / "hub")
    printed = run(_TOWN, folder, str(home), str(ROOT / "examples"))
    planted = sum(plant(export) for export in home.glob("venues/*/inbox/*"))
    printed += run(_RUN, folder, str(home), ",".join(VENUES), _OTHER)
    if backend.store:  # brought here, for the search to see into them
        (hub.folder / "objects").mkdir()
        for number, content in enumerate(objects(hub)):
            (hub.folder / "objects" / f"{number}.parquet").write_bytes(content)
    return Journey(home, printed, planted)


def test_another_process_was_killed_midway_and_nothing_is_missing_or_twice(journey: Journey) -> None:
    assert "another: accepted" in journey.printed
    hub = Hub(journey.home / "hub")
    assert query(hub, "select count(*) from releases").item() == len(VENUES)
    assert query(hub, "select release_id from provenance group by 1 having count(*) <> 7").height == 0
    assert list(hub.inbox.iterdir()) == []


def test_every_venue_is_held_and_every_page_is_there(journey: Journey) -> None:
    held = query(Hub(journey.home / "hub"), "select venue from releases order by venue")
    assert held["venue"].to_list() == sorted(VENUES)
    for language in ("fr", "en"):
        for page in ("index", *VENUES):
            assert (journey.home / "hub" / "reports" / language / f"{page}.html").exists()


def test_the_word_planted_in_every_raw_column_is_nowhere(journey: Journey) -> None:
    assert journey.planted > 100
    raw = sum(
        WORD.encode() in f.read_bytes()
        for f in journey.home.glob("venues/*/inbox/**/*")
        if f.suffix in (".json", ".csv")
    )
    assert raw >= 8  # it really went in
    for name, content in contents(journey.home).items():
        public = name.endswith("/listings.parquet")  # words for the public: `test_listings` says of which columns
        assert public or WORD.encode() not in content.lower(), name
    assert WORD not in journey.printed.lower()


def test_no_address_is_anywhere(journey: Journey) -> None:
    for name, content in contents(journey.home).items():
        assert not EMAIL.findall(content), name
    assert not EMAIL.findall(journey.printed.encode())


def test_nothing_was_pickled(journey: Journey) -> None:
    stored = [p for p in (journey.home / "dagster" / "storage").rglob("*") if p.is_file()]
    assert all("compute_logs" in p.parts for p in stored)


def test_run_again_the_same_bytes_and_no_charge(journey: Journey) -> None:
    assert "the same bytes" in journey.printed
    assert {len(Ledger(journey.home / "venues" / v / "ledger.sqlite").charges) for v in VENUES} == {1}


def test_the_figures_are_near_the_truth(journey: Journey) -> None:
    """The theatre's released people, within six standard errors: as drawn, of the bounded records; raked, of the true ones.

    And k of them in every cell shown.
    """
    from aggregations.publication import venue_records
    from aggregations.tables import contributions
    from aggregations.venue import read_venue
    from privacy.domains import EXACT
    from privacy.gathering import bound
    from privacy.policy import read_policy

    venue = read_venue(journey.home / "venues" / "theatre")
    charge = Ledger(venue.ledger).latest(T3)
    assert charge is not None
    release, cells = read(venue.outbox / charge.release_id), 0
    for name, spec in release.manifest["tables"].items():
        table, noise = read_policy().table(name), spec["measures"][0]["sigma"] / spec["measures"][0]["step"]
        truth = bound(contributions(venue_records(venue), (table,), T3), table, table.measures[:1]).cells
        shown = release.cells(name).with_columns(truth[EXACT], (truth["people"] / 1000).alias("bounded"))
        shown = shown.drop_nulls("people")
        assert ((shown["people_noisy"] - shown["bounded"]).abs() < 6 * noise).all()
        assert ((shown["people"] - shown[EXACT]).abs() < 6 * shown["people_se"]).all()
        assert (shown[EXACT] >= 11).all()
        cells += shown.height
        total = release.tables[name].row(-1, named=True)
        if total["people"] is not None:
            assert abs(total["people"] - truth[EXACT].sum()) < 6 * total["people_se"]
    assert cells >= 1  # how many is up to the noise


def test_the_search_would_find_it(journey: Journey, tmp_path: Path) -> None:
    """The search sees into Parquet, DuckDB and SQLite: the silence above means something."""
    pl.DataFrame({"a": [WORD]}).write_parquet(tmp_path / "a.parquet")
    with duckdb.connect(str(tmp_path / "b.duckdb")) as db:
        db.execute("create table t as select ? as a from range(5000)", [WORD])
    with closing(sqlite3.connect(tmp_path / "c.sqlite", isolation_level=None)) as lite:
        lite.execute("create table t as select ? as a", [WORD])
    found = contents(tmp_path)
    for suffix in (".parquet", ".duckdb", ".sqlite"):
        assert any(WORD.encode() in content for name, content in found.items() if suffix in name)


def test_a_home_can_be_moved(journey: Journey, tmp_path: Path) -> None:
    there = shutil.copytree(journey.home, tmp_path / "elsewhere")
    moved = query(Hub(there / "hub"), "select count(*) as n from provenance")
    assert moved["n"][0] > 0
