"""Of many comparisons, those that are not noise: Benjamini and Yekutieli's control of the false discovery rate (2001).

Shares of one table push each other down, tables that count the same people rise and fall together, and every index has the
same network below it. Benjamini and Hochberg's rule holds for independent or positively dependent tests (PRDS), which these
are not; Yekutieli's holds whatever the dependence, for a limit ln(m) + 0.6 times as strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from warehouse.reports.figures import Estimate

RATE = 0.1  # at most one in ten of the suggestions made, on average, is noise


def below(estimate: Estimate, bar: float) -> float:
    """Return the one-sided p-value of "not below the bar"."""
    if estimate.se <= 0:
        return float(estimate.value >= bar)
    return NormalDist().cdf((estimate.value - bar) / estimate.se)


def discoveries(p_values: Sequence[float], rate: float = RATE) -> list[int]:
    """Return the places of the p-values that are kept, the smallest first."""
    m = len(p_values)
    order = sorted(range(m), key=p_values.__getitem__)
    strict = sum(1 / i for i in range(1, m + 1))
    kept = max((k for k, i in enumerate(order, 1) if p_values[i] <= rate * k / (m * strict)), default=0)
    return order[:kept]
