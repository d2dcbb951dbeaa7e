"""One table from exact sums to published rows: noise on every level, then only post-processing.

Everything after `add_noise` reads noisy values and public numbers, but for the pre-threshold of `select`, whose argument
stands in `selection`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.bounding import EXACT, Bounded
from privacy.cells import Result, lay_out
from privacy.charges import Charge
from privacy.domains import index
from privacy.errors import Fault
from privacy.noise import add_noise
from privacy.plan import Noise, TablePlan
from privacy.policy import Policy
from privacy.raking import Seen, rake, unraked
from privacy.selection import select

Noisy = Mapping[Noise, npt.NDArray[np.int64]]


def draw_table(plan: TablePlan, bounded: Bounded, policy: Policy, charge: Charge) -> pl.DataFrame:
    """Noise every cell and level of every measure, then estimate and lay out (see `cells`)."""
    if bounded.table != plan.table or bounded.measures != plan.measures:
        raise Fault("The bounds do not fit the noise plan.", "Les bornes ne correspondent pas au plan de bruit.")
    exact = {level.dimensions: sums for level, sums in zip(plan.table.levels, bounded.levels, strict=False)}
    exact[plan.table.names] = bounded.cells
    noisy = {
        n: add_noise(exact[n.dimensions][n.measure.name].to_numpy(), n, plan.table.unit, charge)
        for n in (*plan.cells, *plan.levels)
    }
    return lay_out(plan.table, *estimate(plan, noisy, bounded.cells[EXACT].to_numpy(), policy))


def estimate(
    plan: TablePlan, noisy: Noisy, people: npt.NDArray[np.int64], policy: Policy
) -> tuple[npt.NDArray[np.bool_], list[Result]]:
    """Choose the cells to show and rake. `noisy`: steps. `people`: true numbers in the cells, for k alone."""
    table = plan.table
    shown = select(noisy[plan.cells[0]], people, plan.threshold, policy)
    results: list[Result] = []
    for cells in plan.cells:
        m, sigma = cells.measure, cells.sigma / cells.measure.step
        own = [n for n in plan.levels if n.measure == m]
        drawn = {n.dimensions: noisy[n] / m.step for n in (*own, cells)}
        levels = {n.dimensions: Seen(index(table, n.dimensions), drawn[n.dimensions], n.sigma / m.step) for n in own}
        crowd = np.maximum(results[0][2].values, policy.k) if results else None
        fine = drawn[table.names]
        found = rake(fine, sigma, levels, table.most_cut(m), crowd) if levels else unraked(fine, sigma)
        results.append((m, drawn, found))
    return shown, results
