"""From exact sums to published rows: noise on every level, then only post-processing.

Everything after `add_noise` reads noisy values and public numbers, but for the pre-threshold of `select`, whose argument
stands in `selection`.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.agreement import Noisy, Total, agree, as_drawn
from privacy.cells import Result, lay_out
from privacy.charges import Charge
from privacy.domains import EXACT, index
from privacy.errors import Fault
from privacy.gathering import Bounded
from privacy.noise import add_noise
from privacy.plan import Noise, TablePlan
from privacy.policy import Policy
from privacy.raking import Seen, rake
from privacy.selection import select


def draw_tables(
    plans: tuple[TablePlan, ...], bounded: Mapping[str, Bounded], policy: Policy, charge: Charge
) -> dict[str, pl.DataFrame]:
    """Noise every cell and level of every measure of every table, then estimate and lay out (see `cells`)."""
    noisy = {plan.table.name: _noised(plan, bounded[plan.table.name], charge) for plan in plans}
    totals = agree(plans, noisy)
    return {
        (name := plan.table.name): lay_out(
            plan.table, *estimate(plan, noisy[name], bounded[name].cells[EXACT].to_numpy(), policy, totals)
        )
        for plan in plans
    }


def _noised(plan: TablePlan, bounded: Bounded, charge: Charge) -> Noisy:
    if bounded.table != plan.table or bounded.measures != plan.measures:
        raise Fault("The bounds do not fit the noise plan.", "Les bornes ne correspondent pas au plan de bruit.")
    exact = {level.dimensions: sums for level, sums in zip(plan.table.levels, bounded.levels, strict=False)}
    exact[plan.table.names] = bounded.cells
    drawn = (*plan.cells, *plan.levels)

    def draw(n: Noise) -> npt.NDArray[np.int64]:
        return add_noise(exact[n.dimensions][n.measure.name].to_numpy(), n, plan.table.unit, charge)

    with ThreadPoolExecutor() as threads:  # OpenDP samples outside Python's lock
        return dict(zip(drawn, threads.map(draw, drawn), strict=True))


def estimate(
    plan: TablePlan,
    noisy: Noisy,
    people: npt.NDArray[np.int64],
    policy: Policy,
    totals: Mapping[tuple[str, str], Total],
) -> tuple[npt.NDArray[np.bool_], list[Result]]:
    """Choose the cells to show and rake. `noisy`: steps. `people`: true numbers in the cells, for k alone.

    `totals`: (table, measure) → what is known of the total besides (see `agreement`).
    """
    table = plan.table
    shown = select(noisy[plan.cells[0]], people, plan.threshold, policy)
    results: list[Result] = []
    for cells in plan.cells:
        m, sigma = cells.measure, cells.sigma / cells.measure.step
        own = [n for n in plan.levels if n.measure == m]
        drawn = {n.dimensions: noisy[n] / m.step for n in (*own, cells)}
        levels = {n.dimensions: Seen(index(table, n.dimensions), drawn[n.dimensions], n.sigma / m.step) for n in own}
        fine, crowd = drawn[table.names], np.maximum(results[0][2].values, policy.k) if results else None
        if levels:
            found = rake(fine, sigma, levels, table.most_cut(m), crowd)
        else:
            found = as_drawn(fine, sigma, totals.get((table.name, m.name)))
        results.append((m, drawn, found))
    return shown, results
