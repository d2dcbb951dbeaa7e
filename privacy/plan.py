"""What a release will draw and cost, decided before any record is read: its share of the season, divided up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from privacy.accounting import Cost, round_up, season_budget, shift
from privacy.calendar import Period
from privacy.declarations import Measure, Table, Unit
from privacy.errors import PolicyRefusal
from privacy.policy import Policy
from privacy.selection import threshold


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


def _noise(table: Table, measure: Measure, rho: Fraction) -> Noise:
    bound_squared = table.full_cells * (measure.clip * measure.step) ** 2
    least = bound_squared / (2 * rho)  # sigma^2 must not be below
    sigma = math.isqrt(math.ceil(least) - 1) + 1
    return Noise(measure, sigma, bound_squared)
