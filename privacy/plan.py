"""What a release will draw and cost, decided before any record is read: its share of the season, divided up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from privacy.accounting import Cost, round_up, season_budget, shift
from privacy.calendar import Period
from privacy.declarations import EVERYONE, Measure, Sketch, Table, Unit
from privacy.errors import PolicyRefusal
from privacy.policy import Policy
from privacy.selection import threshold


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one measure at one level of a table, in integer steps, and what it costs.

    `dimensions`: the level's; all of the table's for its cells. `sigma`: standard deviation. `bound_squared`: square of
    the L2 sensitivity, (typical x step)^2 times full_cells for cells, reach^2 for what bounds took at a level.
    """

    measure: Measure
    dimensions: tuple[str, ...]
    sigma: int
    bound_squared: int

    @property
    def rho(self) -> Fraction:
        """bound^2 / (2 sigma^2), exact."""
        return Fraction(self.bound_squared, 2 * self.sigma**2)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table of a release before any record is read: its noise, threshold and cost.

    `cells`: noise of each measure's cells, the one that decides what is shown first. `levels`: noise of the coarser
    levels. `threshold` (steps of the first measure): a cell is shown if its noisy value is strictly above.
    """

    table: Table
    cells: tuple[Noise, ...]
    levels: tuple[Noise, ...]
    threshold: int
    delta: Fraction

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is measured, the unit of privacy first."""
        return tuple(n.measure for n in self.cells)

    @property
    def cost(self) -> Cost:
        """Sum over measures and levels, and the selection."""
        cost = Cost(delta=self.delta)
        for n in (*self.cells, *self.levels):
            touched = min(self.table.max_cells, self.table.extent(n.dimensions))
            cost += Cost(n.rho, shift=shift(n.bound_squared, n.sigma, touched))
        return cost


@dataclass(frozen=True, slots=True)
class SketchPlan:
    """One sketch of a release before any record is read: the noise of each of its groups, in order, and the cost."""

    sketch: Sketch
    groups: tuple[Noise, ...]

    @property
    def cost(self) -> Cost:
        """Sum over the groups: a person is in one bucket of one part of each."""
        return sum((Cost(n.rho, shift=shift(n.bound_squared, n.sigma, 1)) for n in self.groups), Cost())


def plan(
    policy: Policy,
    period: Period,
    tables: tuple[Table, ...],
    measures: frozenset[str],
    sketches: tuple[Sketch, ...] = (),
) -> tuple[TablePlan, ...]:
    """Divide a release's share of the season among tables, measures and levels; return the noise of each.

    `measures`: names of the measures the venue publishes. Only public facts go in, so the plan can be shown
    before anything is spent, and a hub can make it again. `sketches`: what shares the budget with them.
    """
    plans: list[TablePlan] = []
    for table in tables:
        season = season_budget(policy, table.unit)
        same_unit = _weights(tables, sketches, table.unit)
        part = policy.share(period) * Fraction(table.weight, same_unit)
        kept = [m for m in table.measures if m.name in measures]
        shares = sum((m.share for m in kept), Fraction(0))
        rho = {m: season.rho * part * m.share / shares for m in kept}
        clipped = [m for m in kept if table.clips(m)]
        left = 1 - sum((level.share for level in table.levels), Fraction(0))
        cells = tuple(
            _noise(table, m, table.names, table.full_cells, rho[m] * (left if m in clipped else 1)) for m in kept
        )
        levels = tuple(
            _noise(table, m, level.dimensions, level.reach**2, rho[m] * level.share)
            for m in clipped
            for level in table.levels
        )
        delta = season.delta * part if policy.k_rule == "certain" else Fraction(0)
        made = TablePlan(table, cells, levels, threshold(policy, table, cells[0].sigma, delta), delta)
        if min(n.sigma for n in (*cells, *levels)) < 100 or made.cost.shift > season.shift * part:
            raise _few_steps(table.name)
        plans.append(made)
    return tuple(plans)


def plan_sketches(
    policy: Policy, period: Period, tables: tuple[Table, ...], sketches: tuple[Sketch, ...]
) -> tuple[SketchPlan, ...]:
    """Divide what the tables leave to sketches among their groups; return the noise of each."""
    plans: list[SketchPlan] = []
    for sketch in sketches:
        season = season_budget(policy, "person")
        part = policy.share(period) * Fraction(sketch.weight, _weights(tables, sketches, "person"))
        groups = tuple(
            _gaussian(sketch.measure, () if group == EVERYONE else (group,), sketch.measure.step**2,
                      season.rho * part * sketch.share(group))
            for group in sketch.groups
        )  # fmt: skip
        made = SketchPlan(sketch, groups)
        if min(n.sigma for n in groups) < 100 or made.cost.shift > season.shift * part:
            raise _few_steps(sketch.name)
        plans.append(made)
    return tuple(plans)


def _weights(tables: tuple[Table, ...], sketches: tuple[Sketch, ...], unit: Unit) -> int:
    own = sum(s.weight for s in sketches) if unit == "person" else 0
    return own + sum(t.weight for t in tables if t.unit == unit)


def _few_steps(name: str) -> PolicyRefusal:
    return PolicyRefusal(
        f"{name}: the noise is but a few steps; give its measures a larger `step`.",
        f"{name} : le bruit ne fait que quelques pas ; donnez à ses mesures un `step` plus grand.",
    )


def total(plans: tuple[TablePlan, ...], sketches: tuple[SketchPlan, ...] = ()) -> dict[Unit, Cost]:
    """Add up what a release costs, by unit of privacy; rho and shift rounded up to 1e-9, so that people can read them."""
    costs: dict[Unit, Cost] = {}
    for plan in plans:
        costs[plan.table.unit] = costs.get(plan.table.unit, Cost()) + plan.cost
    for plan in sketches:
        costs["person"] = costs.get("person", Cost()) + plan.cost
    return {unit: Cost(round_up(cost.rho), cost.delta, round_up(cost.shift)) for unit, cost in costs.items()}


def _noise(table: Table, measure: Measure, dimensions: tuple[str, ...], reach_squared: int, rho: Fraction) -> Noise:
    return _gaussian(measure, dimensions, reach_squared * (table.typical(measure) * measure.step) ** 2, rho)


def _gaussian(measure: Measure, dimensions: tuple[str, ...], bound_squared: int, rho: Fraction) -> Noise:
    least = bound_squared / (2 * rho)  # sigma^2 must not be below
    sigma = math.isqrt(math.ceil(least) - 1) + 1
    return Noise(measure, dimensions, sigma, bound_squared)
