"""The default policy keeps its promise on paper, and a wrong policy is refused with all its faults."""

from __future__ import annotations

import dataclasses
import importlib.resources
from fractions import Fraction
from math import erfc, sqrt
from pathlib import Path

import numpy as np
import pytest
from ascii import rows

from privacy.accounting import Cost, epsilon, season_budget, shift
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.errors import Fault, PolicyRefusal
from privacy.explain import explain_policy
from privacy.plan import plan, total
from privacy.policy import Policy, read_policy
from privacy.selection import threshold, upper_quantile

SEASON = [Period(2025, q) for q in (1, 2, 3, 4, 0)]


def test_the_promise_of_the_default_policy(policy: Policy) -> None:
    assert policy.k == 11
    assert policy.season["person"].epsilon <= 4
    assert policy.season["person"].delta <= Fraction(1, 10**7)


@pytest.mark.parametrize("publishes", [{"transactions", "base"}, {"transactions", "base", "counts"}, {"interactions"}])
@pytest.mark.parametrize("revenue", [True, False])
def test_four_quarters_a_season_and_one_correction_fit_in_the_budget(
    policy: Policy, publishes: set[str], revenue: bool
) -> None:
    tables = tuple(t for t in policy.tables if t.records in publishes)
    measures = frozenset(m.name for t in tables for m in t.measures if revenue or not m.opt_in)
    spent: dict[Unit, Cost] = {}
    for period in [*SEASON, SEASON[0]]:
        for unit, cost in total(plan(policy, period, tables, measures)).items():
            spent[unit] = spent.get(unit, Cost()) + cost
    for unit, cost in spent.items():
        budget, loss = season_budget(policy, unit), policy.season[unit]
        assert cost.rho <= budget.rho
        assert cost.rho > budget.rho * Fraction(99, 100)  # nothing is wasted by rounding
        assert cost.delta <= loss.selection_delta
        assert cost.within(budget)
        assert epsilon(cost.rho, loss.delta - loss.selection_delta, cost.shift) <= loss.epsilon


def opendp_epsilon(rho: Fraction, delta: float) -> float:
    """What OpenDP's zCDP map says of the same noise: looser, and never below ours."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    mechanism = dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=10_000.0)), delta)
    return mechanism.map(10_000.0 * sqrt(2 * rho))[0]


def google_epsilon(rhos: list[Fraction], delta: float) -> float:
    """What Google's privacy-loss-distribution accountant says of Gaussians composed one by one."""
    from dp_accounting import GaussianDpEvent
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant(value_discretization_interval=1e-4)
    for rho in rhos:
        accountant.compose(GaussianDpEvent(1 / sqrt(2 * rho)))
    return accountant.get_epsilon(delta)


@pytest.mark.parametrize(
    "parts", [[Fraction(1, 1000)], [Fraction(1, 10)] * 3, [Fraction(1, 20), Fraction(1, 5)], [Fraction(3)]]
)
@pytest.mark.parametrize("delta", [Fraction(1, 10**4), Fraction(5, 10**8)])
def test_epsilon_agrees_with_google_and_stays_below_opendp(parts: list[Fraction], delta: Fraction) -> None:
    ours = epsilon(sum(parts, Fraction(0)), delta)
    assert ours == pytest.approx(google_epsilon(parts, float(delta)), rel=2e-3)
    assert ours <= opendp_epsilon(sum(parts, Fraction(0)), float(delta)) * (1 + 1e-9)


def exact_delta(sigma: int, difference: tuple[int, ...], eps: float) -> float:
    """The delta of discrete Gaussian noise on a vector that differs by `difference`, summed cell by cell."""
    losses = {0.0: 1.0}
    for v in difference:
        support = np.arange(-9 * sigma, 9 * sigma + 1)
        mass = np.exp(-(support.astype(float) ** 2) / (2 * sigma**2))
        step = (v * v + 2 * v * support) / (2 * sigma**2)
        losses_now = np.add.outer(np.array(list(losses)), step).ravel()
        masses = np.multiply.outer(np.array(list(losses.values())), mass / mass.sum()).ravel()
        losses = dict(zip(losses_now.tolist(), masses.tolist(), strict=True))
    loss, mass = np.array(list(losses)), np.array(list(losses.values()))
    return float((mass * np.maximum(0, 1 - np.exp(eps - loss))).sum())


@pytest.mark.parametrize(
    ("sigma", "difference"),
    [
        (100, (70,)),
        (100, (300,)),
        (100, (60, 40)),
        pytest.param(150, (1, 1), marks=pytest.mark.slow),
        pytest.param(120, (119, 31), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("eps", [0.1, 0.5, 1.5, 4.0])
def test_the_discrete_gaussian_is_covered_by_the_continuous_one_and_its_shift(
    sigma: int, difference: tuple[int, ...], eps: float
) -> None:
    bound_squared = sum(v * v for v in difference)
    rho, extra = Fraction(bound_squared, 2 * sigma**2), shift(bound_squared, sigma, len(difference))
    exact = exact_delta(sigma, difference, eps)
    if exact > 1e-14:
        assert epsilon(rho, Fraction(exact), extra) >= eps * (1 - 1e-9)


def test_epsilon_at_the_ends() -> None:
    assert epsilon(Fraction(0), Fraction(1, 10**8)) == 0
    assert epsilon(Fraction(1, 10**12), Fraction(1, 10**4)) == 0  # total variation is below delta
    assert 1000 < epsilon(Fraction(1000), Fraction(1, 10**8)) < 1000 + 200 * sqrt(10)


def test_noise_of_a_few_steps_is_refused(policy: Policy) -> None:
    coarse = [dataclasses.replace(m, step=1, raw=1) for m in policy.table("schedule").measures[:1]]
    table = dataclasses.replace(policy.table("schedule"), measures=tuple(coarse))
    with pytest.raises(PolicyRefusal, match="larger `step`"):
        plan(policy, SEASON[0], (table,), frozenset({"people"}))


def test_the_quantile_is_on_the_safe_side() -> None:
    for tail in (Fraction(1, 10**k) for k in range(1, 15)):
        z = upper_quantile(tail)
        assert erfc(z / sqrt(2)) / 2 <= tail
        assert erfc((z - 1e-6) / sqrt(2)) / 2 > tail


def test_the_threshold_leaves_room_for_k_people_and_their_noise(policy: Policy) -> None:
    table = policy.table("family")
    noise = plan(policy, Period(2025), (table,), frozenset({"people"}))[0].cells[0]
    delta = Fraction(1, 10**9)
    held = threshold(policy, table, noise.sigma, delta) - policy.k * 1000
    assert erfc(held / noise.sigma / sqrt(2)) / 2 * table.max_cells <= delta


def test_periods_are_written_and_read_in_one_way() -> None:
    spec = rows("""
        written      | start      | end        | season    | kind
        2025-2026    | 2025-09-01 | 2026-09-01 | 2025-2026 | season
        2025-2026-T1 | 2025-09-01 | 2025-12-01 | 2025-2026 | quarter
        2025-2026-T2 | 2025-12-01 | 2026-03-01 | 2025-2026 | quarter
        2025-2026-T3 | 2026-03-01 | 2026-06-01 | 2025-2026 | quarter
        2025-2026-T4 | 2026-06-01 | 2026-09-01 | 2025-2026 | quarter
    """)
    for row in spec:
        period = Period.parse(row["written"])
        assert str(period) == row["written"]
        assert [str(period.start), str(period.end), period.season, period.kind] == list(row.values())[1:]
        if period.quarter:
            assert Period.containing(period.start) == period
    for wrong in ("2025", "2025-2027", "2025-2026-T5", "2025-2026-Q1", "", "T1"):
        with pytest.raises(Fault, match="2025-2026-T1"):
            Period.parse(wrong)


_LEVEL = 'levels = [{ dimensions = [], reach = 2, share = "1/10" }]'


@pytest.mark.parametrize(("change", "said"), [
    (("minimum = 11", "minimum = 0"), "k: minimum"),
    (('rule = "certain"', 'rule = "maybe"'), "k: minimum must be 1 or more, rule"),
    (('epsilon = "4"', 'epsilon = "-1"'), "season.person"),
    (('share_of_delta = "1/2"', 'share_of_delta = "1"'), "season.person"),
    (('quarter = "1/8"', 'quarter = "0"'), "calendar"),
    (('records = "counts"', 'records = "nothing"'), "tables.admissions"),
    (("weight = 2", "weight = 0"), "tables.loyalty"),
    (("clip = 6", "clip = 0"), "clip, typical, step, raw"),
    (("typical = 3", "typical = 7"), "measures.tickets: typical"),
    (('typical = 1\nstep = 1000\nraw = 1000\nshare = "12/20"', 'typical = 0\nstep = 1000\nraw = 1000\nshare = "12/20"'), "measures.people"),
    ((_LEVEL, ""), "a table that bounds cut has levels"),
    ((_LEVEL, _LEVEL.replace("[]", '["schedule"]')), "the total first"),
    ((_LEVEL, _LEVEL.replace("}]", '}, { dimensions = ["schedule"], reach = 2, share = "1/10" }]')), "some of the table's dimensions"),
    ((_LEVEL, _LEVEL.replace("}]", '}, { dimensions = [], reach = 2, share = "1/10" }]')), "is there once"),
    ((_LEVEL, _LEVEL.replace("reach = 2", "reach = 0")), "reach must be 1 or more"),
    ((_LEVEL, _LEVEL.replace("1/10", "1")), "leave a share to the cells"),
    (('dimensions = ["schedule"]', 'dimensions = ["mood"]'), "mood"),
    (("[tables.loyalty]", '[dimensions.x]\nfr = "x"\nen = "x"\nvalues = [["a", "a", "a"]]\n\n[tables.loyalty]'), "end with unknown"),
    (('measures = ["people", "interactions"]', 'measures = ["interactions", "people"]'), "first measure"),
    (('leaves_out = ["sensitive"]', 'leaves_out = ["tall"]'), "leaves_out has some of minors, sensitive"),
    (('records = "base"', 'records = "base"\nleaves_out = ["minors"]'), "in tables on transactions"),
    (('name = "jauge-2026"', "name = "), "illisible|cannot be read"),
])  # fmt: skip
def test_a_wrong_policy_is_refused_with_its_key(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    text = (importlib.resources.files("privacy") / "policy.toml").read_text("utf-8")
    assert change[0] in text
    (tmp_path / "p.toml").write_text(text.replace(*change), "utf-8")
    with pytest.raises(Fault, match=said):
        read_policy(tmp_path / "p.toml")


def test_every_change_changes_the_digest(policy: Policy, tmp_path: Path) -> None:
    text = (importlib.resources.files("privacy") / "policy.toml").read_text("utf-8")
    (tmp_path / "p.toml").write_text(text.replace("clip = 150", "clip = 151"), "utf-8")
    (tmp_path / "q.toml").write_text(text, "utf-8")
    assert read_policy(tmp_path / "p.toml").digest != policy.digest
    assert read_policy(tmp_path / "q.toml").digest == policy.digest


def test_a_period_is_told_in_both_languages() -> None:
    assert Period.parse("2025-2026").label("fr") == "Saison 2025–2026"
    assert Period.parse("2025-2026").label("en") == "2025–2026 season"
    assert Period.parse("2025-2026-T3").label("fr") == "mars–mai (2025–2026)"
    assert Period.parse("2025-2026-T3").label("en") == "March–May (2025–2026)"


def test_who_is_left_out_is_told(policy: Policy) -> None:
    said = "7. Écartés : les personnes qui peuvent avoir moins de 18 ans, de family, anticipation, reach ; "
    assert said.removesuffix(" ; ") in explain_policy(policy, "fr")
    nobody = dataclasses.replace(
        policy, tables=tuple(dataclasses.replace(t, leaves_out=()) for t in policy.tables), sketches=()
    )
    assert explain_policy(nobody, "en").endswith("7. Left out: nothing.")


def test_a_table_that_does_not_exist_names_those_that_do(policy: Policy) -> None:
    with pytest.raises(Fault, match="it has loyalty, provenance"):
        policy.table("mood")
