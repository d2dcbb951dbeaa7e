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
             a factor 1 + 2 exp(-2 pi^2 s^2), nothing for s >= 100, which `plan` requires). So the loss is
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

from privacy.calendar import Period
from privacy.declarations import Measure, Table, Unit
from privacy.errors import PolicyRefusal
from privacy.policy import Policy
from privacy.selection import threshold

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
        cells = min(self.table.max_cells, self.table.size)
        shifts = (shift(n.bound_squared, n.sigma, cells) for n in self.noises)
        return Cost(sum((n.rho for n in self.noises), Fraction(0)), self.delta, sum(shifts, Fraction(0)))


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
        fine = min(n.sigma for n in noises) >= 100
        if not fine or TablePlan(table, noises, 0, Fraction(0)).cost.shift > season.shift * part:
            raise PolicyRefusal(
                f"Table {table.name}: the noise is but a few steps; give its measures a larger `step`.",
                f"Table {table.name} : le bruit ne fait que quelques pas ; donnez à ses mesures un `step` plus grand.",
            )
        plans.append(TablePlan(table, noises, threshold(policy, table, noises[0].sigma, delta), delta))
    return tuple(plans)


def total(plans: tuple[TablePlan, ...]) -> dict[Unit, Cost]:
    """Add up what a release costs, by unit of privacy; rho and shift rounded up to 1e-9, so that people can read them."""
    costs: dict[Unit, Cost] = {}
    for plan in plans:
        costs[plan.table.unit] = costs.get(plan.table.unit, Cost()) + plan.cost
    return {unit: Cost(round_up(cost.rho), cost.delta, round_up(cost.shift)) for unit, cost in costs.items()}


def round_up(amount: Fraction) -> Fraction:
    """Return the least multiple of 1e-9 that is not below."""
    return Fraction(math.ceil(amount * 10**9), 10**9)


def _noise(table: Table, measure: Measure, rho: Fraction) -> Noise:
    bound_squared = table.full_cells * (measure.clip * measure.step) ** 2
    least = bound_squared / (2 * rho)  # sigma^2 must not be below
    sigma = math.isqrt(math.ceil(least) - 1) + 1
    return Noise(measure, sigma, bound_squared)
