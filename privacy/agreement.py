"""Tables that count the same people agree on how many there are, at no cost.

Where every person is in one cell of a table (its dimensions are attributes of a person), its total is the number of people
of its records, and so is the total of every other such table on the same basis; tickets and receipts likewise, clipped a
person. Each draws its own noise: their mean weighed by inverse variance (generalised least squares under one equality) is
known better than any of them, and all tables then show it. Post-processing, like `raking`. Where people are in several
cells, these add up to more people than there are, and what bounds cut is raked table by table: nothing is forced there.
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
Total = tuple[float, float]  # value and variance, in units of its measure


def agree(plans: tuple[TablePlan, ...], noisy: Mapping[str, Noisy]) -> dict[tuple[str, str], Total]:
    """Return (table, measure) → the total that several tables agree on. `noisy`: by table, in steps."""
    told: dict[tuple[tuple[str, tuple[str, ...]], Measure], dict[str, Total]] = defaultdict(dict)
    for table, cells in ((p.table, n) for p in plans for n in p.cells):
        measure = cells.measure
        if table.unit == "person" and table.max_cells == 1 and not table.clips(measure):
            total = float(noisy[table.name][cells].sum()) / measure.step
            told[table.basis, measure][table.name] = total, table.size * (cells.sigma / measure.step) ** 2
    return {
        (table, measure.name): _mean([*totals.values()])
        for (_, measure), totals in told.items()
        for table in totals
        if len(totals) > 1
    }


def as_drawn(noisy: Floats, sigma: float, total: Total | None) -> Estimates:
    """Return the estimates of a measure that bounds do not cut, each moved alike so that they add up to `total`."""
    own, zeros = np.full(noisy.size, sigma**2), np.zeros(noisy.size)
    if total is None:
        return Estimates(noisy, own, 0.0, zeros)
    moved = noisy + (total[0] - noisy.sum()) / noisy.size
    return Estimates(moved, own, 0.0, zeros, {(): (np.full(1, total[1]), np.zeros(1))})


def _mean(totals: list[Total]) -> Total:
    weight = sum(1 / variance for _, variance in totals)
    return sum(value / variance for value, variance in totals) / weight, 1 / weight
