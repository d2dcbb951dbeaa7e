"""Many venues in one run: each partition reports for itself, and what one is refused is told at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import dagster as dg
import polars as pl
import psycopg2
import pytest
from releases import sender
from servers import postgresql

from aggregations.inbox import load_inbox
from aggregations.venue import Venue
from pipelines import hub, partitions, venue
from pipelines.node import each
from privacy.accounting import season_budget
from privacy.calendar import Period
from privacy.errors import BudgetRefusal
from privacy.ledger import Ledger
from privacy.policy import read_policy
from warehouse.governance import Hub
from warehouse.lake import query

ROOT = Path(__file__).parents[1]
T1 = Period(2025, 1)
SECRET = "ornithorynque"


def export(tickets: int = 600) -> pl.DataFrame:
    """A small venue's tickets of one quarter, in the neutral format."""
    number = pl.int_range(tickets, eager=True)
    return pl.DataFrame({
        "order_id": "o" + number.cast(pl.String),
        "ticket_id": "t" + number.cast(pl.String),
        "email": "p" + (number % 300).cast(pl.String) + "@example.org",
        "performance_at": ("2025-10-" + (number % 20 + 1).cast(pl.String).str.zfill(2) + " 20:30"),
        "purchased_at": "2025-09-15 10:00",
        "genre": "theatre_recit", "tariff": "plein", "channel": "guichet", "unit_price_cents": 2000,
        "postal_code": "75011",
    })  # fmt: skip


def made(home: Path, *names: str) -> list[Venue]:
    """Venues of one home, members of its hub, an export in each inbox."""
    venues = []
    for name in names:
        there = sender(home, name)
        there.join(Hub(home / "hub"))
        export().write_csv(there.venue.inbox / "export.csv")
        venues.append(there.venue)
    return venues


def run(instance: dg.DagsterInstance, defs: dg.Definitions, job: str, config: dict) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def at(home: Path, resource: str) -> dict:
    return {"resources": {resource: {"config": {"home": str(home)}}}}


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict]:
    """Partition → metadata of what a run materialized."""
    events = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    return {str(m.partition): {name: v.value for name, v in m.metadata.items()} for m in events}


def judged(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, dict]]:
    """Partition → (passed, metadata) of what a run checked and might have blocked."""
    found = [e for e in result.get_asset_check_evaluations() if e.blocking]
    return {str(e.partition): (e.passed, {name: v.value for name, v in e.metadata.items()}) for e in found}


def sentences(result: dg.ExecuteInProcessResult) -> str:
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    return str(failure.step_failure_data.user_failure_data.description)


@pytest.mark.slow
def test_one_run_releases_all_and_says_who_was_refused_and_why(tmp_path: Path) -> None:
    """Good records, no records, a broken store, a spent budget; then the hub takes what came."""
    good, empty, broken, spent, other = made(tmp_path, "theatre", "opera", "musee", "festival", "cinema")
    next(empty.inbox.iterdir()).unlink()
    (other.inbox / "other.csv").write_text("neither;this\n1;2\n", "utf-8")
    keys = [str(partitions.key(v.id, T1)) for v in (good, empty, broken, spent, other)]
    with dg.instance_for_test() as instance:
        loaded = run(instance, venue.defs, "load_exports", at(tmp_path, "node"))
        assert not loaded.success
        assert "cinema: " in sentences(loaded)
        assert set(materialized(loaded)) == {"theatre", "opera", "musee", "festival"}
        assert {name for name, (passed, _) in judged(loaded).items() if passed} == {"theatre", "musee", "festival"}

        for part in broken.store.rglob("transactions.parquet"):
            part.write_bytes(SECRET.encode() * 40)
        spend(spent)
        config = at(tmp_path, "node") | venue.asking(keys)
        released = run(instance, venue.defs, "publish", config)
        assert not released.success
        told = sentences(released)
        assert told.startswith("3 of 5 were refused; the others are done.")
        assert "3 sur 5 ont été refusés" in told
        for name, why in (
            ("opera", "there are transactions: not so"),
            ("musee", "command line"),
            ("festival", "budget"),
        ):
            assert any(name in line and why in line for line in told.splitlines()), name
        assert SECRET not in told + str(released.all_events)
        done = materialized(released)
        assert set(done) == {keys[0], keys[4]}
        assert done[keys[0]]["release_id"] == Ledger(good.ledger).charges[0].release_id
        results = judged(released)
        assert {key for key, (passed, _) in results.items() if passed} == {keys[0], keys[4]}
        assert "budget" in results[keys[3]][1]["en"]
        assert "budget" in results[keys[3]][1]["fr"]
        assert instance.get_materialized_partitions(venue.release.key) == {keys[0], keys[4]}

        accepted = run(instance, hub.defs, "accept", at(tmp_path, "shared"))
        assert accepted.success
        assert set(materialized(accepted)) == {keys[0], keys[4]}
        assert {key: passed for key, (passed, _) in judged(accepted).items()} == {keys[0]: True, keys[4]: True}
        held = query(Hub(tmp_path / "hub"), "select venue from releases order by venue")
        assert held["venue"].to_list() == ["cinema", "theatre"]

        again = run(instance, venue.defs, "publish", at(tmp_path, "node") | venue.asking(keys[:1]))
        assert again.success
        assert len(Ledger(good.ledger).charges) == 1
        (Hub(tmp_path / "hub").inbox / "nonsense").mkdir()
        refused = run(instance, hub.defs, "accept", at(tmp_path, "shared"))
        assert not refused.success
        assert "nonsense: " in sentences(refused)


def spend(one: Venue) -> None:
    """Use up a season's budget in one charge."""
    policy = read_policy()
    everything = {"person": season_budget(policy, "person")}
    Ledger(one.ledger).charge("earlier", Period(2025), 1, everything, policy)


@pytest.mark.slow
def test_one_partition_can_be_materialized_alone(tmp_path: Path) -> None:
    made(tmp_path, "theatre")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("venue", ["theatre"])
        for asset, check, key in (
            (venue.records, venue.records_conform, "theatre"),
            (venue.release, venue.release_conforms, partitions.key("theatre", T1)),
            (hub.releases, hub.releases_held, partitions.key("theatre", T1)),
        ):
            resources = {"node": venue.Node(home=str(tmp_path)), "shared": hub.SharedHub(home=str(tmp_path))}
            result = dg.materialize([asset, check], partition_key=key, instance=instance, resources=resources)
            assert set(judged(result)) == {str(key)}
            assert all(passed for passed, _ in judged(result).values())


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_at_once_than_there_are_workers(workers: int) -> None:
    at_work, most, lock = set[str](), [0], threading.Lock()

    def do(key: str) -> dict[str, str]:
        with lock:
            at_work.add(key)
            most[0] = max(most[0], len(at_work))
        time.sleep(0.05)
        with lock:
            at_work.remove(key)
        return {"id": key}

    keys = [f"venue-{i}" for i in range(8)]
    events = list(each(keys, venue.records, do, venue.records_conform, lambda _: {"it holds": True}, workers))
    assert most[0] == workers
    assert {e.partition for e in events if isinstance(e, dg.AssetMaterialization)} == set(keys)


def test_stopped_by_hand_the_rest_does_not_begin() -> None:
    begun: list[str] = []

    def do(key: str) -> dict[str, str]:
        begun.append(key)
        time.sleep(0.05)
        return {}

    events = each(list("abcdefgh"), venue.records, do, venue.records_conform, lambda _: {}, 1)
    next(events)
    events.close()
    assert len(begun) <= 3


def test_a_refusal_is_told_in_both_languages() -> None:
    def do(_: str) -> dict[str, str]:
        raise BudgetRefusal("Nothing is left.", "Il ne reste rien.")

    events = each(["theatre"], venue.records, do, venue.records_conform, lambda _: {}, 1)
    told = next(events)
    assert isinstance(told, dg.AssetCheckEvaluation)
    assert not told.passed
    with pytest.raises(dg.Failure) as failure:
        next(events)
    assert "theatre: Nothing is left." in str(failure.value.description)
    assert "theatre : Il ne reste rien." in str(failure.value.description)


def test_a_venue_is_released_by_one_run_at_a_time(tmp_path: Path) -> None:
    node = venue.Node(home=str(tmp_path))
    made(tmp_path, "theatre")
    order: list[str] = []

    def second() -> None:
        with node.turn("theatre"):
            order.append("second")

    with node.turn("theatre"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql("dagster", trust=True) as server:
        yield f"//dagster@127.0.0.1:{server.port}/postgres"


@pytest.mark.slow
def test_several_workers_at_once_with_dagster_in_postgresql(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration that docs/operations.md gives, a real database, daemon and code location."""
    home, folder = tmp_path / "home", tmp_path / "dagster"
    folder.mkdir()
    names = ("theatre", "opera", "musee")
    for one in made(home, *names):
        load_inbox(one)
    (yaml,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.DOTALL)
    (folder / "dagster.yaml").write_text(yaml, "utf-8")
    for name, value in {
        "DAGSTER_HOME": folder, "JAUGE_HOME": home, "JAUGE_DAGSTER_DATABASE": f"postgresql+psycopg2:{database}", "PYTHONPATH": ROOT,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    tools = Path(sys.executable).parent
    for name in names:  # all wait in the queue before the daemon starts
        config = json.dumps(venue.asking([partitions.key(name, T1)]))
        launch = [tools / "dagster", "job", "launch", "-m", "pipelines.venue", "-j", "publish", "--config-json", config]
        launched = subprocess.run(launch, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert launched.returncode == 0, launched.stderr[-3000:]
    with (tmp_path / "daemon.log").open("w") as log, dg.DagsterInstance.get() as instance:
        daemon = subprocess.Popen(
            [tools / "dagster-daemon", "run", "-m", "pipelines.venue"],
            cwd=tmp_path, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            done = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
            deadline = time.monotonic() + 240
            while instance.get_runs_count(done) < len(names):
                assert time.monotonic() < deadline, (tmp_path / "daemon.log").read_text()[-3000:]
                time.sleep(1)
        finally:
            daemon.send_signal(signal.SIGINT)
            daemon.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)  # its code server would live on
        runs = instance.get_run_records()
        assert [record.dagster_run.status for record in runs] == [dg.DagsterRunStatus.SUCCESS] * len(names)
        spans = [(record.start_time or 0.0, record.end_time or 0.0) for record in runs]
        assert max(start for start, _ in spans) < min(end for _, end in spans), "all at work at one time"
        keys = {str(partitions.key(name, T1)) for name in names}
        assert instance.get_materialized_partitions(venue.release.key) == keys
    with closing(psycopg2.connect(f"postgresql:{database}")) as state, state.cursor() as cursor:
        cursor.execute("select event from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'")
        workers = {json.loads(event)["dagster_event"]["pid"] for (event,) in cursor.fetchall()}
    assert len(workers) == len(names)
    assert not list(folder.rglob("*.db")), "nothing of it in SQLite"
    assert len(list((home / "hub" / "inbox").iterdir())) == len(names)
