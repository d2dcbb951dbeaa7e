"""The noise drawn is the noise claimed, and the test would notice a scale 20 % off."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from privacy.accounting import Cost
from privacy.charges import Charge
from privacy.errors import Fault
from privacy.noise import add_noise
from privacy.plan import Noise
from privacy.policy import Policy

RICH = Charge("test", "2025-2026", 1, "", {"person": Cost(Fraction(10))}, "")


def p_value(draws: np.ndarray, sigma: float) -> float:
    """Chi-squared of integer draws against the discrete Gaussian of scale `sigma`, in some 60 bins."""
    support = np.arange(-8 * int(sigma) - 8, 8 * int(sigma) + 9)
    mass = np.exp(-(support.astype(float) ** 2) / (2 * sigma**2))
    mass /= mass.sum()
    edges = np.unique(np.searchsorted(np.cumsum(mass), np.linspace(0, 1, 61)[1:-1]))
    observed = np.bincount(
        np.searchsorted(edges, np.clip(draws + support[-1], 0, len(support) - 1), side="left"), minlength=len(edges) + 1
    )
    expected = np.array([part.sum() for part in np.split(mass, edges + 1)]) * len(draws)
    return float(stats.chisquare(observed, expected).pvalue)


def draws_of(policy: Policy, sigma: int, n: int) -> np.ndarray:
    noise = Noise(policy.table("loyalty").measures[0], (), sigma, 1)
    return add_noise(np.zeros(n, dtype=np.int64), noise, "person", RICH)


@pytest.mark.parametrize("sigma", [3, 40, 11_500])
def test_the_noise_follows_the_discrete_gaussian_and_not_one_twenty_percent_off(policy: Policy, sigma: int) -> None:
    draws = draws_of(policy, sigma, 20_000)
    assert p_value(draws, sigma) > 1e-6  # a false alarm once in a million runs
    assert p_value(draws, sigma * 1.2) < 1e-6
    assert p_value(draws, sigma / 1.2) < 1e-6


def test_cells_are_independent_and_draws_are_fresh(policy: Policy) -> None:
    one, other = draws_of(policy, 1000, 20_000), draws_of(policy, 1000, 20_000)
    assert not np.array_equal(one, other)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.05


def test_noise_dearer_than_the_charge_is_not_drawn(policy: Policy) -> None:
    poor = Charge("test", "2025-2026", 1, "", {"person": Cost(Fraction(1, 10**6))}, "")
    noise = Noise(policy.table("loyalty").measures[0], (), 1000, 1000**2)
    with pytest.raises(Fault, match="nothing was drawn"):
        add_noise(np.zeros(3, dtype=np.int64), noise, "person", poor)


def test_opendp_prices_the_noise_as_we_do() -> None:
    """Our exact rho against OpenDP's map, to within its rounding."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    for sigma, bound in ((1000, 1000), (11_500, 1414), (4470, 15_000)):
        rho = Fraction(bound**2, 2 * sigma**2)
        mechanism = dp.m.make_gaussian(*space, scale=float(sigma))
        assert float(rho) == pytest.approx(mechanism.map(float(bound)), rel=1e-9)
