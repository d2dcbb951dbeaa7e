"""States of the lake: a page names the one it was made from and can be made from it again; old ones go, and all of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from privacy.errors import Fault
from privacy.release import deliver
from tests.releases import Sender, sender, small_policy
from tests.servers import Backend, objects
from warehouse.amendments import register
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import answer, current, in_turn, open_lake, query
from warehouse.reports.build import build_reports
from warehouse.upkeep import compact, expire, purge, tend

POLICY = small_policy("provenance", "family")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sender, list[Path]]:
    s = sender(tmp_path_factory.mktemp("home"), policy=POLICY)
    return s, [s.release(f"2025-2026-T{n}", people=1500).folder for n in (1, 2, 3)]


@pytest.fixture
def hub(tmp_path: Path, backend: Backend, sent: tuple[Sender, list[Path]]) -> Hub:
    """A hub that has accepted two quarters, one after the other."""
    hub = backend.hub(tmp_path / "hub")
    sent[0].join(hub)
    for folder in sent[1][:2]:
        deliver(folder, hub.inbox)
        assert [d.outcome for d in accept(hub)] == ["accepted"]
    return hub


def pages(hub: Hub, snapshot: int | None = None) -> dict[str, bytes]:
    written = build_reports(hub, snapshot=snapshot)
    return {p.relative_to(hub.reports).as_posix(): p.read_bytes() for p in written}


def named(made: dict[str, bytes]) -> int:
    found = {re.search(r"(?:l’état|snapshot) (\d+) (?:du lac|of the lake)", page.decode()) for page in made.values()}
    (snapshot,) = {int(match[1]) for match in found if match}
    return snapshot


@pytest.mark.slow
def test_pages_are_made_again_from_the_snapshot_they_name(hub, sent):
    """Whatever came since: a release, a member, another floor, other files."""
    first = pages(hub)
    deliver(sent[1][2], hub.inbox)
    accept(hub)
    register(hub, id="opera", name="Opéra", kind="opera", commune="75056", public_key="11" * 32)
    hub.governance.write_text(hub.governance.read_text().replace("k = 11", "k = 10"))
    later = pages(hub)
    with open_lake(hub) as lake:
        compact(lake)
    assert later.keys() != first.keys()
    assert named(later) > named(first)
    assert pages(hub, named(first)) == first
    assert pages(hub, named(later)) == later


def test_a_question_names_its_snapshot_and_can_be_asked_of_an_older_one(hub, sent):
    before = answer(hub, "select count(*) as n from releases")
    deliver(sent[1][2], hub.inbox)
    accept(hub)
    now = answer(hub, "select count(*) as n from releases")
    assert (before.rows.item(), now.rows.item()) == (2, 3)
    assert now.snapshot.id > before.snapshot.id
    assert now.snapshot.at > before.snapshot.at
    assert abs(now.snapshot.at - datetime.now(UTC)) < timedelta(minutes=5)
    again = answer(hub, "select count(*) as n from releases", snapshot=before.snapshot.id)
    assert (again.rows.item(), again.snapshot) == (2, before.snapshot)


def test_the_command_line_names_it_beside_the_rows(hub):
    asked = ["sql", "select count(*) as n from releases", "--format", "csv", "--home", str(hub.folder.parent)]
    told = CliRunner().invoke(app, asked)
    assert told.stdout == "n\n2\n"
    (number,) = re.findall(r"Snapshot (\d+) of the lake, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", told.stderr)
    older = CliRunner().invoke(app, [*asked, "--snapshot", str(int(number) - 1)])
    assert older.stdout == "n\n1\n"


@pytest.mark.parametrize("snapshot", [0, 999])
def test_a_snapshot_that_is_not_there_is_said_in_both_languages(hub, snapshot):
    for ask in (
        lambda: query(hub, "from provenance", snapshot=snapshot),
        lambda: build_reports(hub, snapshot=snapshot),
    ):
        with pytest.raises(Fault) as fault:
            ask()
        assert "provenance" in fault.value.en or f"snapshot {snapshot}" in fault.value.en


@pytest.mark.slow
def test_upkeep_changes_no_answer_and_lets_only_old_states_go(hub):
    asked = "from family order by all"
    before = answer(hub, asked)
    assert tend(hub) == 0
    assert query(hub, asked, snapshot=before.snapshot.id).equals(before.rows)
    with open_lake(hub) as lake:
        assert expire(lake, datetime.now(UTC), now=datetime.now(UTC) + timedelta(days=2)) > 0
        kept = current(lake).id
    assert query(hub, asked).equals(before.rows)
    assert query(hub, asked, snapshot=kept).equals(before.rows)
    with pytest.raises(Fault, match="expired"):
        query(hub, asked, snapshot=before.snapshot.id)


@pytest.mark.slow
def test_keep_days_of_lake_toml_decides(hub):
    lake_toml = hub.folder / "lake.toml"
    lake_toml.write_text((lake_toml.read_text() if lake_toml.exists() else "") + "keep_days = 3\n")
    assert tend(hub, now=datetime.now(UTC) + timedelta(days=2)) == 0
    assert tend(hub, now=datetime.now(UTC) + timedelta(days=4)) > 0


@pytest.mark.slow
def test_what_is_deleted_and_purged_is_in_no_file_and_no_state(hub, sent):
    """What withdrawing a release will do; until the purge an older state still shows it."""
    gone, kept = sent[1][0].name, sent[1][1].name
    before = answer(hub, "select release_id from releases order by period")
    assert before.rows["release_id"].to_list() == [gone, kept]
    with open_lake(hub) as lake:

        def delete() -> None:
            for table in ("releases", "losses", "cells_provenance", "cells_family"):
                lake.execute(f"delete from {table} where release_id = ?", [gone])

        in_turn(lake, delete)
    assert query(hub, "select release_id from releases", snapshot=before.snapshot.id).height == 2
    assert any(gone.encode() in content for content in objects(hub))
    with open_lake(hub) as lake:
        purge(lake)
    assert not any(gone.encode() in content for content in objects(hub))
    assert any(kept.encode() in content for content in objects(hub))
    assert query(hub, "select distinct release_id from family")["release_id"].to_list() == [kept]
    with pytest.raises(Fault, match="expired"):
        query(hub, "from releases", snapshot=before.snapshot.id)
