"""What Dagster shows and when it acts: lineage by hand, sides that load alone, schedules and sensors."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from releases import sender

from aggregations.acts import acts
from aggregations.persons import numbers_of
from aggregations.records import records
from aggregations.search import search
from aggregations.venue import read_venue
from pipelines import definitions, hub, partitions, venue
from privacy.calendar import Period
from warehouse.governance import Hub
from warehouse.lake import query

ROOT = Path(__file__).parents[1]


def lineage(defs: dg.Definitions) -> dict[str, set[str]]:
    graph = defs.resolve_asset_graph()
    return {
        k.to_user_string(): {p.to_user_string() for p in graph.get(k).parent_keys} for k in graph.get_all_asset_keys()
    }


def test_the_lineage_goes_one_way() -> None:
    assert lineage(definitions.defs) == {
        "venue/exports": set(),
        "venue/records": {"venue/exports"},
        "venue/release": {"venue/records"},
        "hub/releases": {"venue/release"},
        "hub/reports": {"hub/releases"},
        "hub/catalogue": {"hub/releases", "hub/reports"},
        "hub/mirror": {"hub/releases"},
    }


def test_each_side_loads_alone_and_sees_the_border_from_its_own() -> None:
    assert set(lineage(venue.defs)) == {"venue/exports", "venue/records", "venue/release"}
    assert lineage(hub.defs)["hub/releases"] == {"venue/release"}
    graph = hub.defs.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["venue", "release"])).is_external


def test_blocking_checks_stand_before_and_after_the_border_and_warnings_before_it() -> None:
    graph = definitions.defs.resolve_asset_graph()
    checks = {(c.asset_key.to_user_string(), c.name): graph.get_check_spec(c) for c in graph.asset_check_keys}
    assert {name for name, spec in checks.items() if spec.blocking} == {
        ("venue/records", "records_conform"), ("venue/release", "release_conforms"), ("hub/releases", "releases_held"),
    }  # fmt: skip
    warnings = {name: spec for name, spec in checks.items() if not spec.blocking}
    assert set(warnings) == {
        ("venue/records", suite) for suite in (
            "completeness", "freshness", "duplicates", "plausibility", "refusals", "vocabulary", "volume", "consent",
        )
    }  # fmt: skip
    assert warnings["venue/records", "consent"].description == (
        "Consentement : des accords contredits ailleurs / Consent: opt-ins contradicted elsewhere"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("module", "late"), [
    ("pipelines.cli", "polars numpy dagster great_expectations opendp duckdb altair"),
    ("pipelines.venue", "great_expectations pandas opendp duckdb altair"),
    ("pipelines.hub", "great_expectations pandas opendp altair"),
])  # fmt: skip
def test_heavy_libraries_load_where_they_are_used(module: str, late: str) -> None:
    code = f"import sys, {module}; print([m for m in {late.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_grid_is_venue_and_period() -> None:
    key = partitions.key("theatre", Period(2025, 1))
    assert partitions.split(key) == ("theatre", Period(2025, 1))
    assert "2025-2026" in partitions.periods.get_partition_keys()


def hosted(home: Path, *names: str) -> venue.Node:
    for name in names:
        sender(home, name)
    return venue.Node(home=str(home))


def asked_on(day: str, node: venue.Node) -> set[tuple[str, str]]:
    """What the quarterly schedule asks of its one run, as (venue, period)."""
    at = datetime.fromisoformat(f"{day}T05:00").replace(tzinfo=UTC)
    request = venue.every_quarter(dg.build_schedule_context(scheduled_execution_time=at), node=node)
    keys = request.run_config["ops"]["release_each"]["config"]["partitions"]
    return {(name, str(period)) for name, period in map(partitions.split, keys)}


@pytest.mark.parametrize(("day", "periods"), [
    ("2025-12-10", {"2025-2026-T1"}),
    ("2026-03-10", {"2025-2026-T2"}),
    ("2026-06-10", {"2025-2026-T3"}),
    ("2026-09-10", {"2025-2026-T4", "2025-2026"}),
])  # fmt: skip
def test_on_the_tenth_day_what_has_ended_is_released(tmp_path: Path, day: str, periods: set[str]) -> None:
    node = hosted(tmp_path, "theatre", "opera")
    assert asked_on(day, node) == {(name, period) for name in ("theatre", "opera") for period in periods}


def test_a_venue_of_the_season_alone_waits_for_september(tmp_path: Path) -> None:
    node = hosted(tmp_path, "theatre", "opera")
    settings = tmp_path / "venues" / "opera" / "venue.toml"
    settings.write_text(settings.read_text("utf-8").replace('calendar = "quarters"', 'calendar = "season"'), "utf-8")
    for day, opera in (("2025-12-10", set()), ("2026-09-10", {"2025-2026"})):
        asked = asked_on(day, node)
        assert {period for name, period in asked if name == "opera"} == opera
        assert any(name == "theatre" for name, _ in asked)


def test_a_venue_whose_settings_are_broken_is_asked_all_the_same(tmp_path: Path) -> None:
    """It is for the run to say what is wrong; the others are released."""
    node = hosted(tmp_path, "theatre", "opera")
    (tmp_path / "venues" / "opera" / "venue.toml").write_text("nonsense", "utf-8")
    assert asked_on("2025-12-10", node) == {("theatre", "2025-2026-T1"), ("opera", "2025-2026-T1")}


def test_every_night_one_run_loads(tmp_path: Path) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 5, 3, tzinfo=UTC))
    assert venue.every_night(context).run_key == "2026-01-05"


@pytest.mark.slow
def test_every_morning_one_run_purges_and_dagster_never_knew_anyone(tmp_path: Path) -> None:
    who = "ana.ornithorynque@example.org"
    hosted(tmp_path, "theatre", "opera")
    for name in ("theatre", "opera"):
        lines = ["order_id,email,performance_at,purchased_at", f"A,{who},2019-10-03 20:00,2019-10-01 10:00"]
        (tmp_path / "venues" / name / "inbox" / f"{who}.csv").write_text("\n".join(lines), "utf-8")
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 5, 5, tzinfo=UTC))
    assert venue.every_morning(context).run_key == "2026-01-05"
    (tmp_path / "dagster").mkdir()
    config = {
        "resources": {"node": {"config": {"home": str(tmp_path)}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        for name in ("load_exports", "purge_records"):
            job = venue.defs.resolve_job_def(name)
            assert job.execute_in_process(instance=instance, run_config=config).success
        (tmp_path / "venues" / "opera" / "acts.jsonl").write_text("nonsense", "utf-8")
        failed = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
        assert not failed.success
        assert acts(read_venue(tmp_path / "venues" / "theatre"))[0].kind == "retention"
    theatre = read_venue(tmp_path / "venues" / "theatre")
    assert records(theatre, "transactions").collect().is_empty()  # seven years ago
    numbers = [
        numbers_of([who], read_venue(tmp_path / "venues" / name).person_key, "FR")["person"].item()
        for name in ("theatre", "opera")
    ]
    searched = search([tmp_path / "dagster"], [who], numbers)
    assert searched.files > 5
    assert searched.left == ()


def test_a_new_venue_becomes_a_partition_once(tmp_path: Path) -> None:
    node = hosted(tmp_path, "theatre")
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"node": node})
        found = venue.hosted_venues(context)
        assert [list(r.partition_keys) for r in found.dynamic_partitions_requests] == [["theatre"]]
        instance.add_dynamic_partitions("venue", ["theatre"])
        assert not venue.hosted_venues(context).dynamic_partitions_requests


def test_all_that_arrived_asks_for_one_run(tmp_path: Path) -> None:
    shared, inbox = hub.SharedHub(home=str(tmp_path)), Hub(tmp_path / "hub").inbox
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"shared": shared})
        assert "empty" in str(hub.arrivals(context))
        for name in ("theatre-1", "opera-1"):
            (inbox / name).mkdir(parents=True)
        request = hub.arrivals(context)
        assert request.run_key == hub.arrivals(context).run_key  # the same folders are asked once
        run = instance.create_run_for_job(hub.defs.resolve_job_def("accept"))
        assert "accepting" in str(hub.arrivals(context))
        instance.report_run_failed(run)
        (inbox / "opera-1").rmdir()
        assert hub.arrivals(context).run_key != request.run_key


@pytest.mark.slow
def test_the_definitions_check_and_the_daemon_accepts_what_arrives(tmp_path: Path) -> None:
    """The real `dg` and daemon: a release laid in the inbox is in the lake a moment later, nobody touching anything."""
    import os

    for part in ("aggregations", "pipelines", "privacy", "warehouse"):
        (tmp_path / part).symlink_to(ROOT / part)
    for name in ("dagster.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    home = tmp_path / "home"
    there = sender(home, "theatre")
    there.join(Hub(home / "hub"))
    sent = there.release("2025-2026-T1", people=2000)
    environment = os.environ | {"JAUGE_HOME": str(home), "DAGSTER_HOME": "", "PYTHONPATH": str(tmp_path)}
    tools = Path(sys.executable).parent
    checked = subprocess.run(
        [tools / "dg", "check", "defs"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    log = (tmp_path / "dagster.log").open("w")
    server = subprocess.Popen(
        [tools / "dagster", "dev", "-m", "pipelines.definitions", "--port", "3979"],
        cwd=tmp_path,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        shutil.copytree(sent.folder, home / "hub" / "inbox" / Path(sent.folder).name, dirs_exist_ok=True)
        deadline = time.monotonic() + 150
        while not (home / "hub" / "accepted" / Path(sent.folder).name).exists():
            assert time.monotonic() < deadline, (tmp_path / "dagster.log").read_text()[-3000:]
            time.sleep(1)
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(30)
        with suppress(ProcessLookupError):  # where interrupts are ignored, its own processes do not stop when asked
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)
        log.close()
    assert query(Hub(home / "hub"), "select venue from releases")["venue"].to_list() == ["theatre"]
