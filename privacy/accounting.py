"""What noise costs: Gaussian mechanisms, exactly added, converted to (epsilon, delta) once and tightly.

A release draws independent discrete Gaussians on the cells of its tables: variance s^2 in a measure whose L2
sensitivity is D, both in integer steps. Its price has three parts, Fractions that only add up: over measures, tables,
releases of a season.

    rho    = D^2 / (2 s^2). Continuous Gaussians compose to one with mean shift mu = sqrt(2 rho): their privacy-loss
             distributions convolve to a Gaussian one (Dong, Roth & Su 2022), also when later releases are chosen after
             earlier ones (Smith & Thakurta 2022), and its (epsilon, delta) curve is known (Balle & Wang 2018, thm 8).
    shift  = what the integers may add to the privacy loss. Let v be the difference one person makes and X the noise;
             the loss is sum (v^2 + 2 v X) / (2 s^2). X is stochastically below G + 1 with G the continuous Gaussian:
             P[X >= m] <= P[G >= m - 1] (Canonne, Kamath & Steinke 2020, proposition 25; for m <= 0 by symmetry, up to
             a factor 1 + 2 exp(-2 pi^2 s^2), nothing for s >= 100, which `plan.plan` requires). So the loss is
             stochastically below the continuous one plus sum |v| / s^2 <= sqrt(n) D / s^2, n the cells one person may
             touch; delta(epsilon) is the mean of an increasing function of the loss, hence at most the continuous
             one at epsilon - shift.
    delta  = what choosing the cells to show may give away (see `selection`).

Floats appear only in `epsilon`, rounded to the safe side. tests/test_policy.py holds it against exact sums, Google's
PLD accountant and OpenDP's zCDP map, which must never be smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from privacy.declarations import Unit
from privacy.policy import Policy

_GRID = 10**6  # rho is a multiple of one millionth


@dataclass(frozen=True, slots=True)
class Cost:
    """What a release or a season spends on one unit of privacy, or may spend."""

    rho: Fraction = Fraction(0)
    delta: Fraction = Fraction(0)
    shift: Fraction = Fraction(0)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.rho + other.rho, self.delta + other.delta, self.shift + other.shift)

    def within(self, budget: Cost) -> bool:
        """Whether no part exceeds the budget's."""
        return self.rho <= budget.rho and self.delta <= budget.delta and self.shift <= budget.shift


def season_budget(policy: Policy, unit: Unit) -> Cost:
    """Return what a season may spend: the largest rho (in millionths) whose epsilon stays within the policy's.

    A thousandth of epsilon is kept for `shift`; the selection's delta is the policy's.
    """
    loss = policy.season[unit]
    noise_delta, allowance = loss.delta - loss.selection_delta, loss.epsilon / 1000
    low, high = 0, math.ceil(loss.epsilon * _GRID)
    while low < high:
        middle = (low + high + 1) // 2
        if epsilon(Fraction(middle, _GRID), noise_delta, allowance) <= loss.epsilon:
            low = middle
        else:
            high = middle - 1
    return Cost(Fraction(low, _GRID), loss.selection_delta, allowance)


def epsilon(rho: Fraction, delta: Fraction, shift: Fraction = Fraction(0)) -> float:
    """Return an epsilon, rounded up, such that noise of that rho and shift is (epsilon, delta)-DP."""
    mu, target = math.sqrt(2 * rho) * (1 + 1e-15), float(delta) * (1 - 1e-9)
    low, high = 0.0, float(rho) + mu * math.sqrt(-2 * math.log(target)) + 1e-9  # the classical bound is enough
    if _delta(low, mu) <= target:
        high = low
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if _delta(middle, mu) <= target else (middle, high)
    return (high + float(shift)) * (1 + 1e-12)


def _delta(eps: float, mu: float) -> float:
    """Balle & Wang 2018, theorem 8: the delta of a Gaussian mechanism with mean shift mu at epsilon = eps."""
    if mu == 0:
        return 0.0
    above, tail = _upper(eps / mu - mu / 2), _upper(eps / mu + mu / 2)
    below = math.exp(eps + math.log(tail)) if tail > 0 else 0.0
    return above - below + 1e-12 * above  # what the functions and their difference may lose


def _upper(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


def shift(bound_squared: int, sigma: int, cells: int) -> Fraction:
    """Return sqrt(cells) x bound / sigma^2, the root rounded up: what the integers of one measure may add."""
    return Fraction(math.isqrt(cells * bound_squared - 1) + 1, sigma**2)


def round_up(amount: Fraction) -> Fraction:
    """Return the least multiple of 1e-9 that is not below."""
    return Fraction(math.ceil(amount * 10**9), 10**9)
