"""The inbox: accepted whole or refused by a named rule; killed anywhere, run again, the same end."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.errors import GovernanceRefusal
from privacy.parquet import encode
from privacy.policy import canonical_json
from privacy.release import deliver
from tests.releases import Sender, sender, small_policy
from tests.servers import Backend
from warehouse import inbox
from warehouse.amendments import register
from warehouse.governance import Hub, members
from warehouse.inbox import Decision, accept, accept_one
from warehouse.lake import open_lake, query

POLICY = small_policy("provenance", "loyalty")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sender, dict[str, Path]]:
    """A venue with two revisions of one quarter and one season, made once."""
    home = tmp_path_factory.mktemp("home")
    s = sender(home, policy=POLICY)
    folders = {"r1": s.release("2025-2026-T1").folder}
    folders["r2"] = s.release("2025-2026-T1", seed=2, revise=True).folder
    folders["season"] = s.release("2025-2026").folder
    return s, folders


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, backend: Backend, sent: tuple[Sender, dict[str, Path]]) -> Hub:
    """A hub with one member and an empty lake, to be copied."""
    hub = backend.hub(tmp_path_factory.mktemp("fresh") / "hub")
    sent[0].join(hub)
    assert accept(hub) == []
    return hub


@pytest.fixture(scope="module")
def strict(fresh: Hub, backend: Backend) -> Hub:
    """A hub that only ever refuses: it is not copied for each test."""
    return backend.hub(fresh.folder.parent / "strict", like=fresh)


@pytest.fixture
def hub(tmp_path: Path, fresh: Hub, backend: Backend) -> Hub:
    return backend.hub(tmp_path / "hub", like=fresh)


def forge(source: Path, inbox_folder: Path, key: bytes, change) -> Path:
    """A copy of a release whose manifest was changed and signed again by the venue itself."""
    manifest = json.loads((source / "manifest.json").read_bytes())
    change(manifest)
    there = inbox_folder / manifest["release_id"]
    shutil.copytree(source, there)
    text = canonical_json(manifest)
    (there / "manifest.json").write_bytes(text)
    (there / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(key).sign(text).hex())
    return there


def count(hub: Hub, *tables: str) -> tuple[int, ...]:
    counts = (f"(select count(*) from {table})" for table in tables)
    return query(hub, f"select {', '.join(counts)}").row(0)


def test_accepted_releases_are_in_the_lake_and_out_of_the_inbox(hub, sent):
    folder = deliver(sent[1]["season"], hub.inbox)
    [decision] = accept(hub, now=NOW)
    assert decision == Decision(folder.name, "accepted", "theatre", folder.name, period="2025-2026")
    assert not folder.exists()
    assert (hub.accepted / folder.name / "manifest.json").exists()
    assert count(hub, "releases", "provenance", "loyalty") == (1, 7, 42)
    assert query(hub, "select accepted_at from releases").item() == NOW.replace(tzinfo=None)


def test_accepting_twice_is_accepting_once(hub, sent):
    deliver(sent[1]["season"], hub.inbox)
    accept(hub)
    assert accept(hub) == []
    deliver(sent[1]["season"], hub.inbox)
    assert [d.outcome for d in accept(hub)] == ["held"]
    assert count(hub, "releases", "provenance") == (1, 7)
    assert list(hub.inbox.iterdir()) == []


@pytest.mark.slow
def test_the_order_of_arrival_does_not_change_the_views(tmp_path, fresh, backend, sent):
    shown = []
    for place, order in enumerate((("r1", "r2", "season"), ("season", "r2", "r1"))):
        hub = backend.hub(tmp_path / str(place), like=fresh)
        outcomes = [accept_one(hub, deliver(sent[1][name], hub.inbox)).rule for name in order]
        assert outcomes == ([None] * 3, [None, None, "revision"])[place]
        shown.append(query(hub, "from provenance order by all"))
    assert shown[0].equals(shown[1])
    assert set(shown[0]["release_id"]) == {sent[1]["r2"].name, sent[1]["season"].name}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "file"),
    [("signature", "manifest.sig"), ("digest", "tables/loyalty.parquet"), ("manifest", "manifest.json")],
)
def test_a_flipped_byte_is_refused_by_its_rule(hub, sent, rule, file):
    path = deliver(sent[1]["season"], hub.inbox) / file
    data = bytearray(path.read_bytes())
    place = data.index(b'"clip"') - 1 if file == "manifest.json" else len(data) // 2
    data[place] ^= 1 if file != "manifest.sig" else ord("0") ^ ord("g")
    path.write_bytes(data)
    [decision] = accept(hub)
    assert decision.outcome == "refused"
    assert decision.rule in ({rule, "layout"} if file == "manifest.json" else {rule})
    row = query(hub, "from refusals").row(0, named=True)
    assert (row["rule"], row["folder"], row["reason_fr"]) == (decision.rule, decision.folder, decision.fr)
    assert (hub.refused / decision.folder).exists()


def test_a_stray_file_an_empty_folder_and_a_link_are_refused_by_layout(hub, sent):
    hub.inbox.mkdir(parents=True)
    (hub.inbox / "a-note.txt").write_text("hello")
    (hub.inbox / "b-empty").mkdir()
    (deliver(sent[1]["season"], hub.inbox) / "extra").symlink_to(sent[1]["season"] / "manifest.json")
    (hub.inbox / ".still-arriving").mkdir()
    assert {d.rule for d in accept(hub)} == {"layout"}
    assert [p.name for p in hub.inbox.iterdir()] == [".still-arriving"]
    assert count(hub, "refusals") == (3,)


def test_a_stranger_and_a_stolen_name_are_refused(tmp_path, backend, sent):
    hub = backend.hub(tmp_path / "hub")
    assert accept_one(hub, deliver(sent[1]["season"], hub.inbox)).rule == "member"
    register(hub, id="theatre", name="x", kind="theatre", commune="75056", public_key="ab" * 32)
    assert accept_one(hub, deliver(sent[1]["season"], hub.inbox)).rule == "signature"


def seal_again(folder: Path, key: bytes, manifest: dict) -> None:
    for name, spec in manifest["tables"].items():
        spec["sha256"] = hashlib.sha256((folder / "tables" / f"{name}.parquet").read_bytes()).hexdigest()
    text = canonical_json(manifest)
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(key).sign(text).hex())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("manifest", lambda m: m.update(published="yesterday")),
        ("manifest", lambda m: m.update(season="2024-2025")),
        ("manifest", lambda m: m.pop("k")),
        ("accounting", lambda m: m["privacy_loss"]["person"]["privacy_parameters"].update(epsilon=0.1)),
        ("identity", lambda m: m.update(revision=9)),
        ("policy", lambda m: m["k"].update(minimum=5)),
        ("policy", lambda m: m["k"].update(rule="probable")),
        ("policy", lambda m: m["privacy_loss"]["person"]["season"].update(epsilon="8")),
        ("policy", lambda m: m["privacy_loss"]["person"]["season"].update(delta="1/1000")),
        ("suppression", lambda m: m["tables"]["loyalty"].update(threshold=11_000)),
        ("suppression", lambda m: m["k"].update(minimum=500)),  # says more than its threshold keeps
        ("table", lambda m: m["tables"]["loyalty"].update(records="interactions")),
        ("table", lambda m: m["tables"]["loyalty"]["measures"][0].update(unit="seat")),
        ("policy", lambda m: m["tables"]["loyalty"].update(full_cells=2)),  # a bound that is not paid for
        ("suppression", lambda m: m["tables"]["loyalty"].update(threshold=10**9)),
    ],
)
def test_what_a_member_signs_is_still_held_to_the_rules(strict, sent, rule, change):
    forge(sent[1]["season"], strict.inbox, sent[0].venue.signing_key, change)
    [decision] = accept(strict)
    assert (decision.outcome, decision.rule) == ("refused", rule), decision.en
    assert decision.fr
    assert decision.en
    assert list(strict.inbox.iterdir()) == []


def test_an_unknown_table_is_refused(hub, sent):
    key, source = sent[0].venue.signing_key, sent[1]["season"]
    there = deliver(source, hub.inbox)
    manifest = json.loads((there / "manifest.json").read_bytes())
    manifest["tables"]["secret"] = manifest["tables"].pop("loyalty")
    (there / "tables" / "loyalty.parquet").rename(there / "tables" / "secret.parquet")
    seal_again(there, key, manifest)
    assert accept_one(hub, there).rule == "table"


def test_other_codes_than_the_networks_are_refused(hub, sent):
    there = deliver(sent[1]["season"], hub.inbox)
    manifest = json.loads((there / "manifest.json").read_bytes())
    manifest["tables"]["provenance"]["dimensions"][0]["values"][0][0] = "COMMUNE"
    path = there / "tables" / "provenance.parquet"
    rows = pl.read_parquet(path).with_columns(pl.col("provenance").replace("commune", "COMMUNE"))
    path.write_bytes(encode(rows.sort("provenance", nulls_last=True)))
    seal_again(there, sent[0].venue.signing_key, manifest)
    assert accept_one(hub, there).rule == "table"


def test_a_table_that_is_not_parquet_is_refused(hub, sent):
    there = deliver(sent[1]["season"], hub.inbox)
    (there / "tables" / "provenance.parquet").write_bytes(b"PAR1 not really PAR1")
    seal_again(there, sent[0].venue.signing_key, json.loads((there / "manifest.json").read_bytes()))
    assert accept_one(hub, there).outcome == "refused"


def test_a_second_draw_of_a_release_is_refused(hub, sent):
    """Two noises of one release would let anybody average them; the hub keeps the first and says so."""
    deliver(sent[1]["season"], hub.inbox)
    accept(hub)
    there = deliver(sent[1]["season"], hub.inbox)
    path = there / "tables" / "provenance.parquet"
    path.write_bytes(encode(pl.read_parquet(path).with_columns(pl.col("people", "people_noisy") + 1)))
    seal_again(there, sent[0].venue.signing_key, json.loads((there / "manifest.json").read_bytes()))
    assert accept_one(hub, there).rule == "revision"


def test_a_season_that_adds_up_to_more_than_the_floor_is_refused(tmp_path, backend):
    """Every release is within its season on its own; a venue that lost its ledger may still publish too much."""
    hub = backend.hub(tmp_path / "hub")
    rich = replace(POLICY, calendar={"quarter": Fraction(3, 5), "season": Fraction(3, 5)})
    s = sender(tmp_path, policy=rich)
    s.join(hub)
    assert accept_one(hub, deliver(s.release("2025-2026-T1").folder, hub.inbox)).outcome == "accepted"
    s.venue.ledger.unlink()
    refused = accept_one(hub, deliver(s.release("2025-2026-T2").folder, hub.inbox))
    assert refused.rule == "policy"
    assert "season" in (refused.en or "")


class Killed(BaseException):
    """As a power cut: no handler of Exception sees it."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "after"), [("hold", False), ("hold", True), ("move", False), ("move", True), ("_record", True)]
)
def test_killed_at_any_step_running_again_ends_the_same(hub, sent, monkeypatch, step, after):
    deliver(sent[1]["season"], hub.inbox)
    (deliver(sent[1]["r1"], hub.inbox) / "manifest.sig").write_text("00")
    real = getattr(inbox, step)

    def dies(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(inbox, step, dies)
    with pytest.raises(Killed):
        accept(hub)
    monkeypatch.setattr(inbox, step, real)
    with open_lake(hub) as lake:
        held, cells = (lake.execute(f"select count(*) from {t}").fetchone() for t in ("releases", "cells_loyalty"))
        assert (held, cells) in [((0,), (0,)), ((1,), (42 + 7 + 6 + 1,))]  # cells, both levels, the total
    accept(hub)
    assert count(hub, "releases", "loyalty", "refusals") == (1, 42, 1)
    assert list(hub.inbox.iterdir()) == []
    assert [p.name for p in hub.accepted.iterdir()] == [sent[1]["season"].name]
    assert [p.name for p in hub.refused.iterdir()] == [sent[1]["r1"].name]


def test_none_of_those_left_a_trace_in_the_lake(strict):
    assert count(strict, "releases", "losses", "cells_loyalty", "cells_provenance") == (0, 0, 0, 0)


def test_registering_is_done_once_and_a_new_key_needs_a_person(hub, sent):
    before = hub.governance.read_text()
    sent[0].join(hub)
    assert hub.governance.read_text() == before
    with pytest.raises(GovernanceRefusal, match="another key"):
        register(hub, id="theatre", name="x", kind="theatre", commune="75056", public_key="00" * 32)
    register(hub, id="opera", name='L"opéra\n[venues.x]', kind="opera", commune="75056", public_key="11" * 32)
    assert list(members(hub)) == ["theatre", "opera"]
    assert members(hub)["opera"].name == 'L"opéra [venues.x]'
