"""How many people go to exactly 1, 2, 3 … of many venues, and what these reach together, when noise allows little.

What can be estimated of V venues are the binomial moments S_1 … S_4 (`moments`); reach and attendance depend on all V.
So we look at every attendance (N_0, N_1 … all ≥ 0) whose moments fit what was seen, and give the range of the answer
over them: what noise leaves open and what the missing moments leave open, both. A range is found by least squares with
N ≥ 0 (NNLS), the answer held at a value: the 95 % interval is where the fit is at most 3.84 worse than the best.
With V ≤ 4 venues nothing is missing and the range is noise alone; with more it is wider, and covers more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.optimize import brentq, nnls

from warehouse.definitions import Z95
from warehouse.overlap.moments import binomial_moments
from warehouse.overlap.vectors import Floats, Vector, aligned


@dataclass(frozen=True, slots=True, eq=False)
class Attendance:
    """All N ≥ 0 (first index `start`) that fit the moments seen: `design` N ≈ `seen`, both divided by their errors."""

    start: int
    design: Floats
    seen: Floats
    scale: float

    def range_of(self, weights: Floats) -> tuple[float, float, float]:
        """Return (value, low, high) of Σ weights_j N_j, the value being the middle of what fits best."""
        best = float(nnls(self.design, self.seen)[1]) ** 2
        ends = [self._end(weights, best + slack, sign) for slack in (0.01, Z95**2) for sign in (-1, 1)]
        return (ends[0] + ends[1]) / 2, ends[2], ends[3]

    def _misfit(self, weights: Floats, value: float) -> float:
        """Return the least misfit of an attendance whose answer is `value`."""
        heavy = 1e4
        design = np.vstack([self.design, heavy * weights])
        return float(nnls(design, np.append(self.seen, heavy * value / self.scale))[1]) ** 2

    def _end(self, weights: Floats, allowed: float, sign: int) -> float:
        found, _ = nnls(self.design, self.seen)
        near = float(weights @ found) * self.scale
        step = sign * 1e-4 * self.scale
        if near + step < 0:
            return 0.0
        while self._misfit(weights, near + step) < allowed:
            step *= 2
            if near + step < 0:
                return 0.0 if self._misfit(weights, 0.0) < allowed else self._between(weights, allowed, near, 0.0)
        return self._between(weights, allowed, near, near + step)

    def _between(self, weights: Floats, allowed: float, inside: float, outside: float) -> float:
        if self._misfit(weights, inside) >= allowed:
            return inside
        return brentq(lambda value: self._misfit(weights, value) - allowed, inside, outside, xtol=1e-6 * self.scale)  # type: ignore[return-value]


def attendance(vectors: Sequence[Vector], order: int = 4) -> Attendance:
    """Return what is known of N_1 … N_V, how many people go to exactly j of the venues of these vectors."""
    vectors = aligned(vectors)
    seen, influence = binomial_moments(vectors, order)
    return _fitted(1, len(vectors), seen, influence, float(sum(v.noise.variance for v in vectors)))


def attendance_of(one: Vector, others: Sequence[Vector], order: int = 3) -> Attendance:
    """Return what is known of N_0 … N_V, how many of one venue's people go to exactly j of the `others`."""
    one, *rest = aligned([one, *others])
    whole, with_one = binomial_moments([*rest, one], order + 1)
    part, without = binomial_moments(rest, order + 1)
    k = whole.size
    part, without = np.pad(part, (0, k - part.size)), np.pad(without, ((0, 0), (0, k - without.shape[1])))
    return _fitted(0, len(rest), whole - part, with_one - without, one.noise.variance)


def _fitted(start: int, most: int, seen: Floats, influence: Floats, noise: float) -> Attendance:
    """Divide moments and the design by the errors of the moments.

    Influences vary as if people were drawn: given the people, the covariance is less by Σ N_j b_j b_j', b_j being what one
    person of N_j adds to the moments. N is not known before the fit, so it is made twice.
    """
    m, k = influence.shape
    numbers = range(start, most + 1)
    orders = range(start, start + k)
    adds = np.array([[comb(j, i) for j in numbers] for i in orders], dtype=float)
    drawn = m * np.atleast_2d(np.cov(influence, rowvar=False))
    scale = max(float(seen[0]), 1.0)
    root = np.linalg.cholesky(drawn)
    people, _ = nnls(np.linalg.solve(root, adds) * scale, np.linalg.solve(root, seen))
    known = np.linalg.solve(root, (adds * people * scale) @ adds.T)
    values, axes = np.linalg.eigh(np.eye(k) - np.linalg.solve(root, known.T))
    least = min(m * noise / drawn[0, 0], 1.0) / 2  # the noise of one bucket stays, whatever was taken off
    half = root @ axes * np.sqrt(np.maximum(values, least))
    return Attendance(start, np.linalg.solve(half, adds) * scale, np.linalg.solve(half, seen), scale)
