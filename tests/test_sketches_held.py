"""Sketches at the hub: held to the network's own policy, kept in two tables as sealed, gone when their release is withdrawn."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal
from test_inbox import forge

from aggregations.departures import outgoing, withdraw
from privacy.buckets import scale
from privacy.calendar import Period
from privacy.delivery import pack
from privacy.errors import VerificationRefusal
from privacy.release import Release, deliver
from tests.releases import Sender, sender, small_policy
from warehouse.floor import check_sketches
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import query

POLICY = small_policy("provenance")
[REACH] = POLICY.sketches


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sender, Release]:
    s = replace(sender(tmp_path_factory.mktemp("home"), policy=POLICY), match_key=b"m" * 32)
    return s, s.release(people=20_000)


@pytest.fixture
def hub(tmp_path: Path, sent: tuple[Sender, Release]) -> Hub:
    hub = Hub(tmp_path / "hub")
    sent[0].join(hub)
    return hub


def test_a_sketch_is_held_as_sealed_with_what_it_takes_to_read_it(hub: Hub, sent: tuple[Sender, Release]) -> None:
    _, release = sent
    deliver(release.folder, hub.inbox)
    assert [d.outcome for d in accept(hub)] == ["accepted"]
    spec = release.manifest["sketches"]["reach"]
    held = query(hub, "select * from sketches order by part")
    own = ["release_id", "venue", "season", "period", "part", "buckets", "mechanism", "scale", "key", "counts"]
    assert held.columns == own
    rows = held.select("part", count="counts").explode("count")
    assert_frame_equal(rows, release.sketches["reach"].select("part", "count"))
    assert set(held.drop("part", "scale", "counts").iter_rows()) == {
        (release.id, "theatre", "2025-2026", "2025-2026", REACH.buckets, "discrete Gaussian", spec["key"])
    }
    sigma = {part: scale(g["sigma"], g["step"]) for g in spec["groups"] for part in g["parts"]}
    assert dict(held.select("part", "scale").iter_rows()) == {part: sigma[part] for part in spec["parts"]}
    assert query(hub, "select count(*) from dictionary where relation = 'sketches'").item() == 1 + 10


def test_a_parcel_carries_them(sent: tuple[Sender, Release]) -> None:
    folder, spec = sent[1].folder, sent[1].manifest["sketches"]["reach"]
    there = pack(folder).files["sketches/reach.parquet"]
    assert there.sha256 == spec["sha256"]
    assert there.limit >= (folder / "sketches" / "reach.parquet").stat().st_size


def test_a_release_without_sketches_leaves_their_tables_empty(hub: Hub, tmp_path: Path) -> None:
    s = sender(tmp_path, "opera", policy=POLICY)
    s.join(hub)
    deliver(s.release().folder, hub.inbox)
    assert [d.outcome for d in accept(hub)] == ["accepted"]
    assert query(hub, "from sketches").is_empty()


def test_a_withdrawn_release_takes_its_sketch_with_it(hub: Hub, tmp_path: Path) -> None:
    s = replace(sender(tmp_path, "opera", policy=POLICY), match_key=b"m" * 32)
    s.join(hub)
    deliver(s.release(people=20_000).folder, hub.inbox)
    accept(hub)
    assert not query(hub, "from sketches").is_empty()
    withdraw(s.venue, Period.parse("2025-2026"), "Claire Martin", "counted twice")
    deliver(outgoing(s.venue)[-1], hub.inbox)
    assert [d.outcome for d in accept(hub)] == ["withdrawn"]
    assert query(hub, "select count(*) from sketches").item() == 0


@pytest.mark.parametrize(("words", "network"), [
    ("unknown here", {"name": "other"}),
    ("other records, buckets or attributes", {"buckets": 256}),
    ("other records, buckets or attributes", {"attributes": REACH.attributes[:2]}),
    ("other parts or steps", {"measure": replace(REACH.measure, step=2000)}),
    ("other parts or steps", {"attributes": tuple(replace(d, values=d.values[1:]) for d in REACH.attributes)}),
    ("people that the network leaves out", {"max_tickets": 10}),
    ("smaller audiences", {"minimum": 51}),
    ("smaller audiences", {"z": Fraction(3)}),
])  # fmt: skip
def test_another_sketch_than_the_networks_is_refused(
    sent: tuple[Sender, Release], words: str, network: dict[str, Any]
) -> None:
    check_sketches(sent[1].manifest, POLICY)
    with pytest.raises(VerificationRefusal, match=words) as refusal:
        check_sketches(sent[1].manifest, replace(POLICY, sketches=(replace(REACH, **network),)))
    assert refusal.value.rule == "sketch"


def test_a_sketch_of_people_that_the_network_leaves_out_is_refused_at_the_inbox(hub: Hub, tmp_path: Path) -> None:
    other = replace(POLICY, sketches=(replace(REACH, leaves_out=("sensitive",)),))
    s = replace(sender(tmp_path, "opera", policy=other), match_key=b"m" * 32)
    s.join(hub)
    deliver(s.release(people=20_000).folder, hub.inbox)
    assert [(d.outcome, d.rule) for d in accept(hub)] == [("refused", "sketch")]
    assert query(hub, "from sketches").is_empty()


def test_a_sketch_that_promises_less_than_the_floor_is_refused(hub: Hub, tmp_path: Path) -> None:
    """Its noise is part of the season's loss: a venue whose policy allows more is over the floor."""
    weak = replace(POLICY, season={u: replace(loss, epsilon=loss.epsilon * 3) for u, loss in POLICY.season.items()})
    s = replace(sender(tmp_path, "opera", policy=weak), match_key=b"m" * 32)
    s.join(hub)
    deliver(s.release(people=20_000).folder, hub.inbox)
    assert [(d.outcome, d.rule) for d in accept(hub)] == [("refused", "policy")]


def test_a_manifest_whose_sketch_lacks_a_field_is_refused_not_met_with_an_exception(
    hub: Hub, sent: tuple[Sender, Release]
) -> None:
    s, release = sent

    def drop(manifest: dict[str, Any]) -> None:
        del manifest["sketches"]["reach"]["max_tickets"]

    forge(release.folder, hub.inbox, s.venue.signing_key, drop)
    assert [(d.outcome, d.rule) for d in accept(hub)] == [("refused", "manifest")]
