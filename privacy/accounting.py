"""What noise costs: zero-concentrated differential privacy (zCDP), exactly added, converted once.

A release draws independent discrete Gaussians on the cells of its tables. With L2 sensitivity D and
standard deviation s (same integer steps), a measure costs rho = D^2 / (2 s^2) (Canonne, Kamath & Steinke
2020, "The Discrete Gaussian for Differential Privacy", theorem 4); measures, tables and releases add up
(Bun & Steinke 2016, lemma 1.7). Choosing which cells to show adds a delta (see `selection`), which adds
up too: the whole is delta-approximate rho-zCDP (Bun & Steinke, definition 8.1 and lemma 8.2), hence
(epsilon, delta + delta')-DP with epsilon = `epsilon(rho, delta')`. Amounts are Fractions; floats appear only
in that one conversion, rounded to the safe side. OpenDP's own map is the cross-check (`noise`, tests).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from privacy.calendar import Period
from privacy.declarations import Measure, Table, Unit
from privacy.policy import Policy
from privacy.selection import threshold

_GRID = 10**6  # rho is a multiple of one millionth


@dataclass(frozen=True, slots=True)
class Cost:
    """What a release or a season spends on one unit of privacy: rho and the delta of selection."""

    rho: Fraction = Fraction(0)
    delta: Fraction = Fraction(0)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.rho + other.rho, self.delta + other.delta)


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one measure of one table, in integer steps, and what it costs.

    `sigma`: standard deviation. `bound_squared`: square of the L2 sensitivity, full_cells x (clip x step)^2.
    """

    measure: Measure
    sigma: int
    bound_squared: int

    @property
    def rho(self) -> Fraction:
        """bound^2 / (2 sigma^2), exact."""
        return Fraction(self.bound_squared, 2 * self.sigma**2)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table of a release before any record is read: its noise, threshold and cost.

    `threshold` (steps of the first measure): a cell is shown if its noisy value is strictly above.
    """

    table: Table
    noises: tuple[Noise, ...]
    threshold: int
    delta: Fraction

    @property
    def cost(self) -> Cost:
        """Sum over the measures, and the selection."""
        return Cost(sum((n.rho for n in self.noises), Fraction(0)), self.delta)


def season_budget(policy: Policy, unit: Unit) -> Cost:
    """Largest rho (in millionths) whose epsilon stays within the season's, and the selection's delta."""
    loss = policy.season[unit]
    noise_delta = loss.delta - loss.selection_delta
    low, high = 0, math.ceil(loss.epsilon * _GRID)
    while low < high:  # epsilon grows with rho, and epsilon > rho
        middle = (low + high + 1) // 2
        if epsilon(Fraction(middle, _GRID), noise_delta) <= loss.epsilon:
            low = middle
        else:
            high = middle - 1
    return Cost(Fraction(low, _GRID), loss.selection_delta)


def epsilon(rho: Fraction, delta: Fraction) -> float:
    """Return an epsilon such that rho-zCDP implies (epsilon, delta)-DP, rounded up.

    The infimum over a > 1 of rho a + log(1/(a delta))/(a-1) + log(1-1/a) (Canonne, Kamath & Steinke 2020,
    proposition 12). Any a gives a valid bound, so an inexact search can only make the answer larger.
    """
    if rho == 0:
        return 0.0
    r, log_delta = float(rho), math.log(delta)

    def bound(a: float) -> float:
        return r * a - (log_delta + math.log(a)) / (a - 1) + math.log1p(-1 / a)

    low, high = 1e-9, 2 + math.sqrt(-log_delta / r) * 4  # of a - 1; golden-section search
    for _ in range(200):
        third = (high - low) * 0.381966
        if bound(1 + low + third) < bound(1 + high - third):
            high -= third
        else:
            low += third
    return max(0.0, bound(1 + (low + high) / 2)) * (1 + 1e-9)


def plan(policy: Policy, period: Period, tables: tuple[Table, ...], measures: frozenset[str]) -> tuple[TablePlan, ...]:
    """Divide a release's share of the season among tables and measures; return the noise of each.

    `measures`: names of the measures the venue publishes. Only public facts go in, so the plan can be shown
    before anything is spent, and a hub can make it again.
    """
    plans: list[TablePlan] = []
    for table in tables:
        season = season_budget(policy, table.unit)
        same_unit = sum(t.weight for t in tables if t.unit == table.unit)
        part = policy.share(period) * Fraction(table.weight, same_unit)
        kept = [m for m in table.measures if m.name in measures]
        shares = sum((m.share for m in kept), Fraction(0))
        noises = tuple(_noise(table, m, season.rho * part * m.share / shares) for m in kept)
        delta = season.delta * part if policy.k_rule == "certain" else Fraction(0)
        plans.append(TablePlan(table, noises, threshold(policy, table, noises[0].sigma, delta), delta))
    return tuple(plans)


def total(plans: tuple[TablePlan, ...]) -> dict[Unit, Cost]:
    """Add up what a release costs, by unit of privacy; rho rounded up to 1e-9, so that people can read it."""
    costs: dict[Unit, Cost] = {}
    for plan in plans:
        costs[plan.table.unit] = costs.get(plan.table.unit, Cost()) + plan.cost
    return {unit: Cost(round_up(cost.rho), cost.delta) for unit, cost in costs.items()}


def round_up(rho: Fraction) -> Fraction:
    """Return the least multiple of 1e-9 that is not below rho."""
    return Fraction(math.ceil(rho * 10**9), 10**9)


def _noise(table: Table, measure: Measure, rho: Fraction) -> Noise:
    bound_squared = table.full_cells * (measure.clip * measure.step) ** 2
    least = bound_squared / (2 * rho)  # sigma^2 must not be below
    sigma = math.isqrt(math.ceil(least) - 1) + 1
    return Noise(measure, sigma, bound_squared)
