"""The sequence: once, paid first, sealed, the same for ever; whatever moment it is killed at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregations.founding import add_venue
from aggregations.venue import Venue
from privacy import drawing
from privacy import publish as publishing
from privacy.calendar import Period
from privacy.contributions import Contributions, Found, at_once
from privacy.declarations import Table
from privacy.errors import BudgetRefusal, Fault, PolicyRefusal, VerificationRefusal
from privacy.ledger import Ledger
from privacy.noise import add_noise
from privacy.plan import Noise, TablePlan
from privacy.policy import Policy, canonical_json
from privacy.publish import Published, publish
from privacy.publisher import Publisher
from privacy.selection import select, threshold

T1 = Period.parse("2025-2026-T1")
Publish = Callable[..., Published]


def records(people: int = 3000) -> Contributions:
    """The same people for every table: person i in cells drawn from i alone."""

    def contributions(tables: tuple[Table, ...]) -> pl.LazyFrame:
        i = np.arange(people)
        frame: dict[str, Any] = {
            d.name: np.array(d.codes)[(i * i // 7) % min(3, len(d.codes))] for t in tables for d in t.dimensions
        }
        frame |= {
            "person": i,
            "tickets": 1 + i % 3,
            "revenue": 2500 * (i % 4),
            "admissions": i % 5,
            "interactions": i % 4,
        }
        return pl.LazyFrame(frame)

    return at_once(contributions, str(people))


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    v = add_venue(Venue("theatre", "Théâtre", "theatre", "75056", folder=tmp_path / "theatre"))
    return Publisher(
        v.id, ("transactions", "counts"), True, v.public_key, v.signing_key, v.person_key, v.ledger, v.outbox
    )


def folders(publisher: Publisher) -> list[str]:
    return [p.name for p in publisher.outbox.iterdir() if not p.name.startswith(".")]


def every_byte(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_asked_again_the_same_bytes_and_no_charge(publisher: Publisher, policy: Policy) -> None:
    first = publish(publisher, records(), policy, T1)
    before, spent = every_byte(publisher.outbox), Ledger(publisher.ledger).spent("2025-2026")
    again = publish(publisher, records(), policy, T1)
    assert first.drawn
    assert (again.drawn, again.rows_changed, again.policy_changed) == (False, False, False)
    assert every_byte(publisher.outbox) == before
    assert Ledger(publisher.ledger).spent("2025-2026") == spent


def test_changed_rows_change_nothing_until_a_revision_is_asked_for(publisher: Publisher, policy: Policy) -> None:
    first = publish(publisher, records(), policy, T1)
    before = every_byte(publisher.outbox)
    told = publish(publisher, records(2999), policy, T1)
    assert told.rows_changed
    assert every_byte(publisher.outbox) == before
    revised = publish(publisher, records(2999), policy, T1, revise=True)
    assert revised.drawn
    assert revised.release.id != first.release.id
    assert revised.release.manifest["revision"] == 2
    assert len(Ledger(publisher.ledger).charges) == 2
    assert not publish(publisher, records(2999), policy, T1).drawn


def test_another_policy_does_not_publish_again_unasked(publisher: Publisher, policy: Policy) -> None:
    publish(publisher, records(), policy, T1)
    other = dataclasses.replace(policy, k=20)
    told = publish(publisher, records(), other, T1)
    assert (told.drawn, told.policy_changed) == (False, True)
    assert publish(publisher, records(), other, T1, revise=True).release.manifest["k"]["minimum"] == 20


def test_an_exhausted_budget_refuses_before_any_noise(
    publisher: Publisher, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(publisher, records(), policy, Period(2025))
    publish(publisher, records(), policy, Period(2025), revise=True)
    before = every_byte(publisher.outbox)
    monkeypatch.setattr(drawing, "add_noise", lambda *_: pytest.fail("noise was drawn"))
    with pytest.raises(BudgetRefusal):
        publish(publisher, records(), policy, Period(2025), revise=True)
    assert every_byte(publisher.outbox) == before
    assert len(Ledger(publisher.ledger).charges) == 2


def test_two_at_once_take_turns_and_get_the_same_bytes(publisher: Publisher, policy: Policy) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:  # the lock is a file's: threads meet it as processes do
        done = list(pool.map(lambda _: publish(publisher, records(), policy, T1), range(4)))
    assert sorted(d.drawn for d in done) == [False, False, False, True]
    assert len({d.release.manifest_sha256 for d in done}) == 1
    assert len(Ledger(publisher.ledger).charges) == 1


def test_a_charge_that_no_longer_fits_is_not_drawn_on(
    publisher: Publisher, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the charge, then the venue declares counts too: what was paid does not cover what is asked."""

    def stop(*_args: object) -> None:
        raise Killed

    without = dataclasses.replace(publisher, publishes=("transactions",))
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "draw_tables", stop)
        with pytest.raises(Killed):
            publish(without, records(), policy, T1)
    done = publish(publisher, records(), policy, T1)
    assert done.release.manifest["revision"] == 2
    assert [c.revision for c in Ledger(publisher.ledger).charges] == [1, 2]


class Killed(BaseException):
    """The machine stops here."""


@pytest.mark.parametrize("moment", ["bound_tables", "draw_tables", "seal", "read", "Ledger.seal"])
def test_killed_at_any_point_one_charge_and_one_draw(publisher: Publisher, policy: Policy, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def stop(*_args: object, **_named: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publishing if "." not in moment else Ledger, moment.rsplit(".", maxsplit=1)[-1], stop)
        with pytest.raises(Killed):
            publish(publisher, records(), policy, T1)
    out = every_byte(publisher.outbox)
    done = publish(publisher, records(), policy, T1)
    assert len(Ledger(publisher.ledger).charges) == 1
    assert folders(publisher) == [done.release.id]
    if moment in ("read", "Ledger.seal"):  # the folder was already out: it may not be drawn again
        assert every_byte(publisher.outbox) == out
        assert not done.drawn
    assert not publish(publisher, records(), policy, T1).drawn


def test_a_half_written_seal_is_never_out(
    publisher: Publisher, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        with pytest.raises(Killed):
            publish(publisher, records(), policy, T1)
    assert folders(publisher) == []
    done = publish(publisher, records(), policy, T1)
    assert folders(publisher) == [done.release.id]


def test_a_sealed_release_that_is_lost_is_not_drawn_again(publisher: Publisher, policy: Policy) -> None:
    done = publish(publisher, records(), policy, T1)
    done.release.folder.rename(publisher.outbox.parent / "elsewhere")
    with pytest.raises(Fault, match="restore the outbox"):
        publish(publisher, records(), policy, T1)


def test_the_cells_do_not_depend_on_the_records(publisher: Publisher, policy: Policy) -> None:
    done = publish(publisher, records(0), policy, T1)
    for name, rows in done.release.tables.items():
        table = policy.table(name)
        assert done.release.cells(name).height == table.size
        assert rows.height == table.size + 1 + sum(len(d.codes) for d in table.dimensions if len(table.dimensions) > 1)
        figures = rows.select(pl.exclude(table.names))
        assert figures.null_count().sum_horizontal().item() == rows.height * figures.width


def test_receipts_are_published_only_where_the_venue_opted_in(publisher: Publisher, policy: Policy) -> None:
    closed = publish(dataclasses.replace(publisher, revenue=False), records(), policy, T1)
    assert not any("revenue" in t.columns for t in closed.release.tables.values())
    opened = publish(publisher, records(), policy, Period(2025, 2))
    assert any("revenue" in t.columns for t in opened.release.tables.values())


def test_a_policy_without_tables_for_the_venue_is_a_refusal(publisher: Publisher, policy: Policy) -> None:
    with pytest.raises(PolicyRefusal):
        publish(dataclasses.replace(publisher, publishes=("interactions",)), records(),
                dataclasses.replace(policy, tables=policy.tables[:3]), T1)  # fmt: skip


def test_nothing_of_the_input_is_in_the_manifest(publisher: Publisher, policy: Policy) -> None:
    """Two venues with the same name and other records would write the same manifest, but for digests of tables."""
    one = publish(publisher, records(), policy, T1).release.manifest
    other = publish(publisher, records(10), policy, Period(2025, 2)).release.manifest
    for manifest in (one, other):
        manifest["period"] = manifest["release_id"] = ""
        for table in manifest["tables"].values():
            table["sha256"] = ""
    assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def tiny_plan(policy: Policy, sigma: int, delta: Fraction) -> TablePlan:
    """One cell, steps of one person, little noise: where the mass at the threshold itself counts."""
    people = dataclasses.replace(policy.table("loyalty").measures[0], step=1, raw=1)
    table = dataclasses.replace(policy.table("loyalty"), measures=(people,))
    noise = Noise(people, table.names, sigma, 1)
    return TablePlan(table, (noise,), (), threshold(policy, table, noise.sigma, delta), delta)


def share_shown(policy: Policy, plan: TablePlan, exact: int, charge: Any, *, at_threshold: int = 0) -> float:
    people = np.full(40_000, exact, dtype=np.int64)
    noisy = add_noise(people, plan.cells[0], "person", charge)
    return float(select(noisy + at_threshold, people, plan.threshold, policy).mean())


@pytest.mark.parametrize(("sigma", "delta"), [(1, Fraction(1, 50)), (3, Fraction(1, 20))])
def test_one_persons_presence_shows_with_probability_delta_at_most(policy: Policy, sigma: int, delta: Fraction) -> None:
    """k - 1 people: never. k people: at most delta. And a rule that shows at the threshold itself breaks it."""
    from test_noise_law import RICH

    plan = tiny_plan(policy, sigma, delta)
    assert share_shown(policy, plan, policy.k - 1, RICH) == 0
    limit = float(delta) + 4 * np.sqrt(float(delta) / 40_000)
    assert share_shown(policy, plan, policy.k, RICH) <= limit
    if sigma == 1:
        assert share_shown(policy, plan, policy.k, RICH, at_threshold=2) > limit


def test_probable_k_shows_more_and_says_so(publisher: Publisher, policy: Policy) -> None:
    probable = dataclasses.replace(policy, k_rule="probable", k_z=Fraction(2))
    done = publish(publisher, records(200), probable, T1)
    certain = publish(publisher, records(200), policy, Period(2025, 2))
    assert done.release.manifest["k"]["rule"] == "probable"
    assert Fraction(done.release.manifest["privacy_loss"]["person"]["privacy_parameters"]["delta_selection"]) == 0
    assert (
        done.release.manifest["tables"]["family"]["threshold"]
        < certain.release.manifest["tables"]["family"]["threshold"]
    )


def test_a_sealed_release_that_was_replaced_is_not_served(publisher: Publisher, policy: Policy) -> None:
    """Another release, signed by the venue's own key, under the sealed one's name: the ledger knows better."""
    done = publish(publisher, records(), policy, T1)
    manifest = json.loads((done.release.folder / "manifest.json").read_text("utf-8")) | {"published": "2020-01-01"}
    key = Ed25519PrivateKey.from_private_bytes(publisher.signing_key)
    (done.release.folder / "manifest.json").write_bytes(canonical_json(manifest))
    (done.release.folder / "manifest.sig").write_text(key.sign(canonical_json(manifest)).hex())
    with pytest.raises(Fault, match="not the one the ledger sealed"):
        publish(publisher, records(), policy, T1)


def test_bounds_of_another_table_are_not_noised(
    publisher: Publisher, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = publishing.bound_tables

    def wrong(contributions: Any, plans: Any) -> dict[str, Any]:
        bounded = whole(contributions, plans)
        return bounded | {"family": dataclasses.replace(bounded["family"], table=policy.table("price"))}

    monkeypatch.setattr(publishing, "bound_tables", wrong)
    with pytest.raises(Fault, match="do not fit"):
        publish(publisher, records(), policy, T1)
    assert folders(publisher) == []


def test_public_facts_are_public(publisher: Publisher, policy: Policy) -> None:
    release = publish(publisher, records(), policy, T1).release
    facts = release.public_facts()
    assert facts["release_id"] == release.id
    assert facts["epsilon_person"] == round(
        release.manifest["privacy_loss"]["person"]["privacy_parameters"]["epsilon"], 4
    )
    assert facts["cells_shown_schedule"] == release.cells("schedule")["people"].count()
    assert {k.rsplit("_", 1)[0] if k.startswith(("cells", "epsilon")) else k for k in facts} == {
        "release_id", "revision", "policy", "k", "epsilon", "cells_shown",
    }  # fmt: skip


def test_what_would_be_refused_is_never_out(
    publisher: Publisher, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = publishing.write_manifest

    def wrong(*arguments: Any) -> dict[str, Any]:
        manifest = whole(*arguments)
        manifest["privacy_loss"]["person"]["privacy_parameters"]["epsilon"] = 0.1
        return manifest

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "write_manifest", wrong)
        with pytest.raises(VerificationRefusal, match="accounting"):
            publish(publisher, records(), policy, T1)
    assert folders(publisher) == []
    assert publish(publisher, records(), policy, T1).drawn
    assert len(Ledger(publisher.ledger).charges) == 1


def test_a_sealed_period_is_read_again_without_a_record(publisher: Publisher, policy: Policy) -> None:
    def never(*_: object) -> Iterator[Found]:
        raise AssertionError("records were read")

    first = publish(publisher, records(), policy, T1)
    again = publish(publisher, dataclasses.replace(records(), each=never), policy, T1)
    assert (again.release.id, again.drawn, again.rows_changed) == (first.release.id, False, False)
    with pytest.raises(AssertionError, match="records were read"):
        publish(publisher, dataclasses.replace(records(), each=never), policy, T1, revise=True)
