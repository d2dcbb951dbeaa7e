"""The audit of whole seasons stays under the claim, and each planted fault is caught: it could have failed.

A limit is above the truth once in ten thousand audits (`audit.MISTAKE`). Small in the default run, whole in the slow
one, larger with benchmarks/audit.py; what they measured is in docs/audit.md.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from audit import FULL, Finding, audit, audited_policy, neighbours

from privacy import bounding, drawing, gathering, sketch, verification
from privacy import plan as planning
from privacy import publish as publishing
from privacy.accounting import Cost
from privacy.contributions import Contributions, Found, Work
from privacy.declarations import Table, Unit
from privacy.errors import Fault, VerificationRefusal
from privacy.ledger import Charge, Ledger, Seal
from privacy.plan import Noise, TablePlan, total
from privacy.policy import Loss
from privacy.publisher import Publisher

LOSS = Loss(Fraction(3, 2), Fraction(1, 4), Fraction(1, 100))
CROWD = 36  # far above the threshold: whether these cells show tells nothing
WHO = neighbours(CROWD, 11)
AT, BEYOND, ROBOT, KTH, ORDER, ADMISSION, BUCKET = WHO
SHARP = 24  # seasons that show a noise thirty per cent low for certain: seven standard errors above the claim
Patch = pytest.MonkeyPatch
Costs = dict[Unit, Cost]


def measured(home: Path, who: str, *, blocks: int = 500, seasons: int = 14, share: Fraction = Fraction(1)) -> Finding:
    return audit(home, audited_policy(blocks, LOSS, share), WHO[who], seasons)


def small(home: Path, who: str) -> Finding:
    return measured(home, who, blocks=250, seasons=2)


# --- as it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AT, KTH, BUCKET])
def test_a_small_audit_stays_under_the_claim(tmp_path: Path, who: str) -> None:
    found = small(tmp_path, who)
    assert not found.broken
    assert found.releases == 2


@pytest.mark.slow
@pytest.mark.parametrize("who", list(WHO))
def test_a_season_gives_away_no_more_than_is_claimed(tmp_path: Path, who: str) -> None:
    assert not measured(tmp_path, who).broken


@pytest.mark.slow
def test_two_releases_of_a_season_give_away_no_more_than_the_season_claims(tmp_path: Path) -> None:
    """And the audit is sharp: what it sees of an honest season is most of what is claimed."""
    found = measured(tmp_path, AT, share=Fraction(1, 2))
    assert found.releases == 28
    assert 0.3 * found.claimed < found.bound <= found.claimed


# --- planted faults ---------------------------------------------------------------------------------------------


def skip_bounding(patch: Patch) -> None:
    """Nothing is clipped, nothing scaled, nobody left out."""
    honest = bounding.bounds_of

    def unbounded(*of: Any) -> bounding.Bounds:
        bounds = honest(*of)
        most = {name: np.full_like(getattr(bounds, name), 2**60) for name in ("most", "norm", "reach")}
        return bounds._replace(max_cells=10**6, **most)

    patch.setattr(bounding, "bounds_of", unbounded)


@pytest.mark.parametrize("who", [BEYOND, ROBOT])
def test_bounding_skipped_is_caught(tmp_path: Path, monkeypatch: Patch, who: str) -> None:
    skip_bounding(monkeypatch)
    assert small(tmp_path, who).broken


def threshold_on_the_exact_count(patch: Patch) -> None:
    """Shown iff k people are there; the manifest says so, and the rule that would refuse it is put to sleep."""
    patch.setattr(planning, "threshold", lambda *_: -(10**9))
    patch.setattr(verification, "_least", lambda *_: -(10**9))
    patch.setattr(drawing, "select", lambda _noisy, exact, _least, policy: exact >= policy.k)


def test_a_threshold_on_the_exact_count_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    threshold_on_the_exact_count(monkeypatch)
    found = small(tmp_path, KTH)
    assert found.broken
    assert found.how == "cells shown"


def test_a_threshold_on_the_exact_count_alone_does_not_even_verify(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(drawing, "select", lambda _noisy, exact, _least, policy: exact >= policy.k)
    with pytest.raises(VerificationRefusal, match="suppression"):
        small(tmp_path, KTH)


def keep_the_first_rows(patch: Patch) -> None:
    """A person's first cells in the file count, the others are dropped."""
    honest = gathering.gather

    def first(contributions: Contributions, jobs: Any) -> Any:
        def each(tables: tuple[Table, ...], work: Work) -> Any:
            def fewer(rows: pl.LazyFrame, *of: Any) -> Found:
                return work(rows.group_by("person", maintain_order=True).head(FULL), *of)

            return contributions.each(tables, fewer)

        return honest(replace(contributions, each=each), jobs)

    patch.setattr(publishing, "gather", first)


def test_row_order_leaking_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    keep_the_first_rows(monkeypatch)
    assert small(tmp_path, ORDER).broken


def lower_the_noise(patch: Patch) -> None:
    """The noise is drawn with 70 % of the scale that the manifest states."""
    honest = drawing.add_noise

    def low(exact: np.ndarray, noise: Noise, unit: Unit, charge: Charge) -> np.ndarray:
        return honest(exact, replace(noise, sigma=noise.sigma * 7 // 10), unit, charge)

    patch.setattr(drawing, "add_noise", low)


@pytest.mark.slow
def test_noise_thirty_percent_low_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    lower_the_noise(monkeypatch)
    assert measured(tmp_path, AT, seasons=SHARP).broken


def test_low_noise_that_is_the_whole_release_is_refused_before_it_is_drawn(tmp_path: Path, monkeypatch: Patch) -> None:
    lower_the_noise(monkeypatch)
    with pytest.raises(Fault, match="nothing was drawn"):
        small(tmp_path, ADMISSION)


def draw_again_when_asked_again(patch: Patch) -> None:
    """A period asked for again is answered from the records, with fresh noise for the charge already paid."""
    honest, draw, last = publishing._sealed, publishing._draw, {}

    def first(publisher: Any, ledger: Any, policy: Any, period: Any, plans: Any, bounded: Any, *rest: Any) -> Any:
        last.update(policy=policy, plans=plans, bounded=bounded)
        return draw(publisher, ledger, policy, period, plans, bounded, *rest)

    def again(publisher: Publisher, entry: Seal) -> Any:
        charge = Ledger(publisher.ledger).charges[-1]
        fresh = publishing.draw_tables(last["plans"], last["bounded"], last["policy"], charge)
        return replace(honest(publisher, entry), tables=fresh)

    patch.setattr(publishing, "_draw", first)
    patch.setattr(publishing, "_sealed", again)


@pytest.mark.slow
def test_fresh_noise_on_rerun_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    draw_again_when_asked_again(monkeypatch)
    assert measured(tmp_path, AT, seasons=SHARP).broken


def forget_to_charge(patch: Patch) -> None:
    """The ledger writes a charge without one table, and hands the whole one back."""
    honest, sums = Ledger.charge, publishing.total
    written: Costs = {}

    def without_the_last(plans: tuple[TablePlan, ...], _sketches: object) -> Costs:
        written.update(sums(plans[:-1]))
        return sums(plans)

    def cheap(*args: Any, **named: Any) -> Charge:
        call = signature(honest).bind(*args, **named)
        whole, call.arguments["costs"] = call.arguments["costs"], dict(written)
        return replace(honest(*call.args, **call.kwargs), costs=whole)

    patch.setattr(publishing, "total", without_the_last)
    patch.setattr(Ledger, "charge", cheap)


@pytest.mark.slow
def test_one_table_not_charged_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    """The season has room for one release; with half of it not written down, two fit."""
    forget_to_charge(monkeypatch)
    found = measured(tmp_path, AT, seasons=SHARP)
    assert found.broken
    assert found.releases == 2 * SHARP


def test_one_table_left_out_of_the_sum_does_not_even_verify(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(publishing, "total", lambda plans, _sketches: total(plans[:1]))
    with pytest.raises(VerificationRefusal, match="accounting"):
        small(tmp_path, AT)


# --- planted faults in sketches -----------------------------------------------------------------------------------


def leave_the_sketch_bare(patch: Patch) -> None:
    """The sketch goes out as it was counted; manifest and ledger say that noise was drawn and paid."""
    patch.setattr(sketch, "add_noise", lambda exact, *_: exact)


def test_a_sketch_without_noise_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    leave_the_sketch_bare(monkeypatch)
    assert small(tmp_path, BUCKET).broken


def count_her_thrice(patch: Patch) -> None:
    """Each person weighs three, for the price of one."""
    honest = sketch.add_noise
    patch.setattr(sketch, "add_noise", lambda exact, *of: honest(3 * exact, *of))


def test_a_person_who_weighs_three_in_a_sketch_is_caught(tmp_path: Path, monkeypatch: Patch) -> None:
    count_her_thrice(monkeypatch)
    assert small(tmp_path, BUCKET).broken


def test_a_sketch_that_nobody_paid_for_is_not_drawn(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(publishing, "total", lambda plans, _sketches: total(plans))
    with pytest.raises(Fault, match="nothing was drawn"):
        small(tmp_path, BUCKET)
