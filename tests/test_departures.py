"""What leaves a venue: approved by somebody named where that is asked for, and taken back for good where it is withdrawn."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from aggregations.departures import approve, decisions, departures, outgoing, refuse, withdraw
from aggregations.signing import renew_key
from aggregations.venue import Venue, read_venue
from pipelines.definitions import defs
from pipelines.push.pushing import push_what_concerns
from privacy.calendar import Period
from privacy.errors import Fault, GovernanceRefusal, VerificationRefusal
from privacy.policy import canonical_json
from privacy.release import read
from privacy.statements import Kind, read_statement, sign, state
from tests.releases import Sender, sender, small_policy
from tests.servers import Backend, objects
from warehouse import inbox
from warehouse.amendments import revoke_key, take_key
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import answer, query

POLICY = small_policy("loyalty")
SEASON, QUARTER = Period.parse("2025-2026"), Period.parse("2025-2026-T1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def hub(tmp_path: Path, backend: Backend) -> Hub:
    return backend.hub(tmp_path / "hub")


@pytest.fixture
def sent(tmp_path: Path, hub: Hub) -> Sender:
    s = sender(tmp_path, policy=POLICY)
    s.join(hub)
    return s


def manual(s: Sender, *approvers: str) -> Venue:
    """The same venue, whose releases wait."""
    path = s.venue.folder / "venue.toml"
    text = path.read_text("utf-8").replace('approval = "automatic"', 'approval = "manual"')
    path.write_text(text.replace("approvers = []", f"approvers = {json.dumps(approvers)}"), "utf-8")
    return read_venue(s.venue.folder)


def demand(hub: Hub, *approvers: str) -> None:
    """The members agree that the venue's releases are approved by these."""
    text = hub.governance.read_text("utf-8")
    lines = f'[venues.theatre]\napproval = "manual"\napprovers = {json.dumps(approvers)}\n'
    hub.governance.write_text(text.replace("[venues.theatre]\n", lines), "utf-8")


def test_a_release_waits_until_one_of_the_approvers_lets_it_leave(hub, sent):
    venue = manual(sent, "Claire Martin")
    demand(hub, "Claire Martin", "Yves Le Bras")
    release = sent.release()
    assert [d.state for d in departures(venue)] == ["waiting"]
    assert outgoing(venue) == []
    with pytest.raises(GovernanceRefusal, match="Claire Martin"):
        approve(venue, SEASON, "Somebody Else")
    for _ in range(2):
        assert approve(venue, SEASON, "Claire Martin", "looks right").state == "approved"
    assert [(d.verdict, d.by, d.why) for d in decisions(venue)] == [("approved", "Claire Martin", "looks right")]
    assert push_what_concerns(venue, release.id, hub.folder)
    assert [(d.outcome, d.rule) for d in accept(hub)] == [("accepted", None)]
    assert sent.release().manifest_sha256 == release.manifest_sha256  # asked again: the same, and nothing is charged
    with pytest.raises(GovernanceRefusal, match="already"):
        refuse(venue, SEASON, "Claire Martin", "too late")


def test_what_is_refused_never_leaves_and_a_revision_may(hub, sent):
    venue = manual(sent, "Claire Martin")
    sent.release()
    assert refuse(venue, SEASON, "Claire Martin", "a source is missing").state == "refused"
    assert outgoing(venue) == []
    with pytest.raises(GovernanceRefusal, match="already"):
        approve(venue, SEASON, "Claire Martin")
    second = sent.release(seed=2, revise=True)
    approve(venue, SEASON, "Claire Martin")
    assert [d.state for d in departures(venue)] == ["refused", "approved"]
    assert outgoing(venue) == [second.folder]


def test_where_nobody_is_asked_it_leaves_at_once(sent):
    release = sent.release()
    assert outgoing(sent.venue) == [release.folder]
    for act in (approve, refuse):
        with pytest.raises(GovernanceRefusal, match="as soon as they are sealed"):
            act(sent.venue, SEASON, "Claire Martin", "x")
    with pytest.raises(Fault, match="no release of 2025-2026-T1"):
        withdraw(sent.venue, QUARTER, "Claire Martin", "x")


# what lies in approval.json → the rule that refuses it, where Claire Martin must approve
UNAPPROVED = {
    "nothing": ("approval", lambda v, r: None),
    "by another person": ("approval", lambda v, r: statement(v, r, by="Somebody Else")),
    "of another release": ("approval", lambda v, r: statement(v, r, release_id="00" * 16)),
    "of other bytes": ("approval", lambda v, r: statement(v, r, manifest_sha256="00" * 32)),
    "by another key": ("statement", lambda v, r: statement(v, r, key=b"\1" * 32)),
    "changed after": ("statement", lambda v, r: statement(v, r).replace(b"Claire", b"Clarie")),
    "another kind": ("statement", lambda v, r: statement(v, r, kind="withdrawal")),
    "no JSON": ("statement", lambda v, r: b"yes"),
}


def statement(venue: Venue, release, kind: Kind = "approval", key: bytes | None = None, **facts) -> bytes:
    told = {"release_id": release.id, "manifest_sha256": release.manifest_sha256, "by": "Claire Martin"} | facts
    return state(kind, venue.id, NOW, told, key or venue.signing_key)


@pytest.mark.slow
def test_the_hub_takes_no_release_that_nobody_named_has_approved(hub, sent):
    demand(hub, "Claire Martin")
    release = sent.release()
    for rule, make in UNAPPROVED.values():
        content = make(sent.venue, release)
        if content is not None:
            (release.folder / "approval.json").write_bytes(content)
        push_what_concerns(sent.venue, release.id, hub.folder)
        [decision] = accept(hub)
        assert (decision.outcome, decision.rule) == ("refused", rule)
    (release.folder / "approval.json").write_bytes(statement(sent.venue, release))
    push_what_concerns(sent.venue, release.id, hub.folder)
    assert [d.outcome for d in accept(hub)] == ["accepted"]
    assert query(hub, "select distinct rule from refusals order by 1")["rule"].to_list() == ["approval", "statement"]


def ids_of_cells(content: bytes) -> set[str]:
    """The releases that a file of the lake has cells of."""
    rows = pl.read_parquet(io.BytesIO(content))
    return set(rows["release_id"]) if "loyalty" in rows.columns else set()


def test_a_withdrawn_release_has_gone_from_every_state_and_never_comes_back(hub, sent):
    gone, kept = sent.release(), sent.release("2025-2026-T1")
    for release in (gone, kept):
        push_what_concerns(sent.venue, release.id, hub.folder)
    accept(hub)
    of_then = answer(hub, "from releases").snapshot.id
    [departure] = withdraw(sent.venue, SEASON, "Claire Martin", "counted twice")
    assert departure.state == "withdrawn"
    assert [p.name for p in outgoing(sent.venue)] == [kept.id, gone.id]
    push_what_concerns(sent.venue, gone.id, hub.folder)
    assert [(d.outcome, d.release_id, d.period) for d in accept(hub)] == [("withdrawn", gone.id, "2025-2026")]
    assert query(hub, "select release_id from releases")["release_id"].to_list() == [kept.id]
    assert query(hub, "select distinct release_id from loyalty")["release_id"].to_list() == [kept.id]
    assert query(hub, "select release_id, venue, period, revision from withdrawals").rows() == [
        (gone.id, "theatre", "2025-2026", 1)
    ]
    with pytest.raises(Fault, match="expired"):
        answer(hub, "from releases", snapshot=of_then)
    assert {p.name for p in (hub.accepted / gone.id).iterdir()} == {"withdrawal.json", "withdrawal.sig"}
    assert not any(gone.id in rows for rows in map(ids_of_cells, objects(hub)))
    # sent again, it is refused; withdrawn again, nothing changes; what it cost counts
    for folder, told in ((gone.folder, ("refused", "withdrawn")), (outgoing(sent.venue)[-1], ("withdrawn", None))):
        copy(folder, hub.inbox / gone.id)
        assert [(d.outcome, d.rule) for d in accept(hub)] == [told]
    assert query(hub, "select count(*) from withdrawals").item() == 1
    assert query(hub, f"select count(*) from losses where release_id = '{gone.id}'").item() == 1
    revised = sent.release(seed=2, revise=True)
    push_what_concerns(sent.venue, revised.id, hub.folder)
    assert [d.outcome for d in accept(hub)] == ["accepted"]


def test_what_is_withdrawn_before_it_arrives_is_never_taken(hub, sent):
    release = sent.release()
    withdraw(sent.venue, SEASON, "Claire Martin", "too early")
    push_what_concerns(sent.venue, release.id, hub.folder)
    assert [d.outcome for d in accept(hub)] == ["withdrawn"]
    copy(release.folder, hub.inbox / release.id)
    assert [d.rule for d in accept(hub)] == ["withdrawn"]


def copy(folder: Path, there: Path) -> None:
    for file in (f for f in folder.rglob("*") if f.is_file()):
        (there / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (there / file.relative_to(folder)).write_bytes(file.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("crash", ["purge", "rmtree", "move"])
def test_killed_while_withdrawing_it_is_withdrawn_the_next_time(hub, sent, monkeypatch, crash):
    release = sent.release()
    push_what_concerns(sent.venue, release.id, hub.folder)
    accept(hub)
    withdraw(sent.venue, SEASON, "Claire Martin", "x")
    push_what_concerns(sent.venue, release.id, hub.folder)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(inbox.shutil if crash == "rmtree" else inbox, crash, die)
        with pytest.raises(KeyboardInterrupt):
            accept(hub)
    assert [d.outcome for d in accept(hub)] == ["withdrawn"]
    assert query(hub, "select count(*) from releases").item() == 0
    assert list(hub.accepted.rglob("manifest.json")) == []
    assert list(hub.inbox.iterdir()) == []


@pytest.mark.slow
def test_a_withdrawal_that_the_venue_did_not_sign_is_refused(hub, sent):
    release = sent.release()
    push_what_concerns(sent.venue, release.id, hub.folder)
    accept(hub)
    withdraw(sent.venue, SEASON, "Claire Martin", "x")
    good = outgoing(sent.venue)[-1]
    told = json.loads((good / "withdrawal.json").read_bytes())
    forged = (
        ("statement", canonical_json(told | {"revision": 2})),
        ("member", canonical_json(told | {"venue": {"id": "opera"}})),
        ("member", b"x" * 20_000),  # nobody can be read from it
    )
    for rule, content in forged:
        copy(good, hub.inbox / release.id)
        (hub.inbox / release.id / "withdrawal.json").write_bytes(content)
        assert [(d.outcome, d.rule) for d in accept(hub)] == [("refused", rule)]
    copy(good, hub.inbox / ("0" * 32))
    assert [d.rule for d in accept(hub)] == ["identity"]
    assert query(hub, "select count(*) from releases").item() == 1


# a key renewed on `until`: which releases it signed still count
@pytest.mark.slow
@pytest.mark.parametrize(
    ("until", "revoked", "rule"),
    [("2099-01-01", False, None), ("2020-01-01", False, "key"), ("2099-01-01", True, "key")],
)
def test_what_a_former_key_signed(hub, sent, until, revoked, rule):
    old = sent.venue.public_key
    first, late = sent.release(), sent.release("2025-2026-T1")
    push_what_concerns(sent.venue, first.id, hub.folder)
    accept(hub)
    take_key(hub, renew_key(sent.venue))
    text = hub.governance.read_text("utf-8")
    hub.governance.write_text(text.replace(f"until = {datetime.now(UTC).date()}", f"until = {until}"), "utf-8")
    if revoked:
        revoke_key(hub, "theatre", old)
    for release in (first, late):
        copy(release.folder, hub.inbox / release.id)
    told = {d.release_id or d.folder: (d.outcome, d.rule) for d in accept(hub)}
    assert told[first.id] == ("held", None)  # what the hub holds stays
    assert told[late.id] == (("refused", rule) if rule else ("accepted", None))
    new = replace(sent, venue=read_venue(sent.venue.folder)).release("2025-2026-T2")
    push_what_concerns(sent.venue, new.id, hub.folder)
    assert [d.outcome for d in accept(hub)] == ["accepted"]
    assert sent.release().id == first.id  # the venue knows what its former key sealed


KEY = b"\2" * 32
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw().hex()


@given(st.integers(0, 400), st.integers(1, 255), st.sampled_from(["approval", "withdrawal", "key"]))
def test_a_statement_with_any_byte_changed_is_refused(place, by, kind):
    facts = {
        "approval": {"release_id": "ab", "manifest_sha256": "cd", "by": "Zoé"},
        "withdrawal": {"release_id": "ab", "period": "2025-2026", "revision": 1},
        "key": {"old": PUBLIC, "new": PUBLIC},
    }[kind]
    apart = kind == "withdrawal"
    good = state(kind, "theatre", NOW, facts, *([] if apart else [KEY, KEY][: 1 + (kind == "key")]))
    signature = sign(good, KEY) if apart else None
    assert facts.items() <= read_statement(good, kind, ["00" * 32, PUBLIC], signature).items()
    bad = bytearray(good)
    bad[place % len(good)] ^= by
    for data, keys in ((bytes(bad), [PUBLIC]), (good, ["00" * 32]), (good, [])):
        with pytest.raises(VerificationRefusal, match="statement"):
            read_statement(data, kind, keys, signature)


@pytest.mark.slow
def test_dagster_approves_and_withdraws(tmp_path, hub, sent):
    venue = manual(sent, "Claire Martin")
    release = sent.release()

    def run(verdict: str) -> bool:
        asked = {"venue": "theatre", "period": "2025-2026", "verdict": verdict, "by": "Claire Martin", "why": "x"}
        config = {
            "ops": {"decide_on_release": {"config": asked}},
            "resources": {"node": {"config": {"home": str(tmp_path)}}},
        }
        with dg.DagsterInstance.ephemeral() as dagster:
            job = defs.resolve_job_def("decide")
            return job.execute_in_process(run_config=config, instance=dagster, raise_on_error=False).success

    assert run("approve")
    assert [p.name for p in hub.inbox.iterdir()] == [release.id]
    assert not run("refuse")
    assert accept(hub)[0].outcome == "accepted"
    assert run("withdraw")
    assert [d.outcome for d in accept(hub)] == ["withdrawn"]
    assert [(d.state, d.decision.by) for d in departures(venue)] == [("withdrawn", "Claire Martin")]
    assert read(release.folder).id == release.id
