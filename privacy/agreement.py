"""Tables that count the same people agree on how many there are, at no cost.

Where every person is in one cell of a table (its dimensions are attributes of a person), its total is the number of people
of its records, and so is the total of every other such table on the same records; the same for tickets and receipts, which
are clipped alike. Each draws its own noise: their mean weighed by inverse variance (generalised least squares under one
equality) is known better than any of them, and all tables then show it. Post-processing, like `raking`. Distinct people
of other tables add up to more than there are: nothing is forced there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from privacy.declarations import Measure
from privacy.plan import Noise, TablePlan
from privacy.raking import Estimates, Floats

Noisy = Mapping[Noise, npt.NDArray[np.int64]]
Total = tuple[float, float]  # value and standard deviation, in units of its measure


def agree(plans: tuple[TablePlan, ...], noisy: Mapping[str, Noisy]) -> dict[tuple[str, str], Total]:
    """Return (table, measure) → the total that several tables agree on. `noisy`: by table, in steps."""
    told: dict[tuple[str, Measure, int | None], list[tuple[str, Total]]] = defaultdict(list)
    for plan in plans:
        if plan.table.unit == "person" and plan.table.max_cells == 1:
            levels = {n.measure: n for n in plan.levels if not n.dimensions}
            for cells in plan.cells:
                measure = cells.measure
                n = levels.get(measure, cells)
                values = noisy[plan.table.name][n] / measure.step
                reach = n.bound_squared if measure in levels else None  # of another reach, it is another number
                told[plan.table.records, measure, reach].append(
                    (plan.table.name, (float(values.sum()), n.sigma / measure.step * values.size**0.5))
                )
    return {
        (table, measure.name): _mean([total for _, total in totals])
        for (_, measure, _), totals in told.items()
        for table, _ in totals
        if len(totals) > 1
    }


def as_drawn(noisy: Floats, sigma: float, total: Total | None) -> Estimates:
    """Return the estimates of a measure that bounds do not cut, each moved alike so that they add up to `total`."""
    own, zeros = np.full(noisy.size, sigma**2), np.zeros(noisy.size)
    if total is None:
        return Estimates(noisy, own, 0.0, zeros)
    shift = (total[0] - noisy.sum()) / noisy.size
    return Estimates(noisy + shift, own, 0.0, zeros, {(): (np.full(1, total[1] ** 2), np.zeros(1))})


def _mean(totals: list[Total]) -> Total:
    weights = [1 / sigma**2 for _, sigma in totals]
    value = sum(w * v for w, (v, _) in zip(weights, totals, strict=True)) / sum(weights)
    return value, sum(weights) ** -0.5
