"""Which cells are shown: the threshold, the rule, and why one person's presence does not show.

Argument, rule "certain" (after the pre-threshold of Google's differential-privacy library). A cell is shown
iff exact >= k and noisy > T, with T = k x one + ceil(sigma z) (`one`: the steps a person weighs at most).
Let D' be D and one person more, who touches at most `max_cells` cells.
- Cells she does not touch: same exact number, so the same rule applied to the noisy vector.
- Cells with exact(D) >= k: the pre-threshold passes in both worlds; noisy > T is post-processing.
- Cells with exact(D) < k - 1: never shown in either.
- Cells with exact(D) = k - 1: never shown under D; under D' the cell holds k people, each weighing at most
  `one`, so it shows only if the discrete Gaussian exceeds T - k x one >= sigma z, that is, by integers,
  if it is >= floor(sigma z) + 1; a normal exceeds sigma z with probability delta / max_cells at most, and the
  discrete Gaussian's tail from an integer m on is below the normal's from m - 1 on (Canonne, Kamath & Steinke
  2020, proposition 25). The strict side matters: at `noisy >= T` the mass at T would not be counted.
Union over the cells she touches: outside an event of probability delta, the release is the same post-processing
of the same Gaussian mechanism in both worlds: delta-approximate zCDP, as `accounting` adds it up. And whatever
happens, a shown cell holds k people.

Rule "probable": shown iff noisy > T = k x one + ceil(z sigma): post-processing alone, no delta, and a cell below k
shows with probability at most that of a normal above z.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from privacy.declarations import Table
from privacy.policy import Policy


def select(
    noisy: npt.NDArray[np.int64], exact: npt.NDArray[np.int64], least: int, policy: Policy
) -> npt.NDArray[np.bool_]:
    """Return which cells are shown. `noisy` and `least` (T) in steps; `exact`: true numbers of people, for k."""
    above = noisy > least
    return above & (exact >= policy.k) if policy.k_rule == "certain" else above


def threshold(policy: Policy, table: Table, sigma: int, delta: Fraction) -> int:
    """Return T, in steps of the table's first measure, for noise of standard deviation `sigma` steps.

    `delta`: what selection may spend on this table; not used when the rule is "probable".
    """
    one = table.measures[0].step * table.measures[0].clip
    if policy.k_rule == "probable":
        return policy.k * one + math.ceil(policy.k_z * sigma)
    return certain(policy.k, one, sigma, delta / min(table.max_cells, table.size))


def certain(k: int, one: int, sigma: int, tail: Fraction) -> int:
    """Return the T of rule "certain": `one` is what a person weighs at most, `tail` the delta of one cell."""
    return k * one + math.ceil(sigma * upper_quantile(tail))


def upper_quantile(tail: Fraction) -> float:
    """Return z, rounded up, such that a standard normal exceeds it with probability at most `tail`."""
    z = -NormalDist().inv_cdf(float(tail))
    while math.erfc(z / math.sqrt(2)) / 2 > float(tail) * (1 - 1e-9):
        z += 1e-9
    return z
