"""Raking: what bounds took from the cells is put back, and every figure gets its standard error.

Post-processing: it reads noisy values and public numbers only. Cells weigh people of many cells less, so they run low; what
was taken is measured too, in total and by the values of coarser levels. So cells are multiplied, first to add up to their
sum and what was taken in all, then level by level, coarse to fine, towards the shares each level tells: one pass of
iterative proportional fitting (Deming & Stephan 1940), each log-ratio shrunk to the mean by how much the ratios truly
differ (`_between`: the moment estimator of random-effects models, DerSimonian & Laird 1986), for a raw ratio carries the
level's noise into the cells. Factors stay within [1, most]: bounds never add, and never take more than a public part.

Variance of a cell of value x, noise s, factor f:
    f^2 s^2      its own noise, raked
    x^2 level    noise of the ratio, all that was taken / sum of cells: one error for the whole table
    x^2 rest     of the ratios by level, what shrinking leaves, and what the levels' own bounds still keep; where only the
                 total was measured, (log(1 + ratio) / 2)^2: some cells lose nothing, others twice as much
    spread       people of a cell are not all cut alike: min(ratio, 1/4) x for people, min(ratio, 1) x^2 / people for
                 amounts
`rest` without levels and `spread` are rules of thumb; what holds them is intervals seen to hold the truth 95 times in 100
(tests/test_raking.py; benchmarks/intervals.py; docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Names = tuple[str, ...]  # of a level's dimensions
_PEOPLE_SPREAD, _AMOUNT_SPREAD = 0.25, 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What bounds took by the values of a level. `index`: cell → value. `noisy`: one number a value, of noise `sigma`."""

    index: Index
    noisy: Floats
    sigma: float

    def add(self, cells: Floats) -> Floats:
        """Add cells up by the level's values."""
        return _added(self.index, cells, self.noisy.size)


@dataclass(frozen=True, slots=True)
class Estimates:
    """Values of all cells of one measure, shown or not, and the parts of their variance.

    `own`: variance independent from cell to cell. `level`: relative variance common to all. `rest`: relative variance
    besides. `known`: level → (own, rest) of its sums, where measured.
    """

    values: Floats
    own: Floats
    level: float
    rest: Floats
    known: Mapping[Names, tuple[Floats, Floats]] = field(default_factory=dict[Names, tuple[Floats, Floats]])

    @property
    def se(self) -> Floats:
        """Standard error of each cell."""
        return np.sqrt(self.own + np.maximum(self.values, 0) ** 2 * (self.level + self.rest))

    def common(self, values: Floats) -> Floats:
        """Return the part of the standard error that is the same error for every figure of the table."""
        return np.maximum(values, 0) * sqrt(self.level)

    def sums(self, level: Names, index: Index) -> tuple[Floats, Floats]:
        """Return the cells added up by the values of a level, and the standard errors of the sums."""
        positive = np.maximum(self.values, 0)
        values, whole = _added(index, self.values), np.maximum(_added(index, positive), 1e-9)
        rest = (_added(index, positive * np.sqrt(self.rest)) / whole) ** 2
        own, rest = self.known.get(level, (_added(index, self.own), rest))
        return values, np.sqrt(own + np.maximum(values, 0) ** 2 * (self.level + rest))


def rake(
    noisy: Floats, sigma: float, levels: Mapping[Names, Seen], most: float, crowd: Floats | None = None
) -> Estimates:
    """Rake noisy cells by what bounds took, in total first, and return estimates with their errors.

    `noisy`: all cells, hidden ones too, never clamped. `most`: public limit of whole / cells. `crowd`: for a measure other
    than people, at least how many people are in each cell.
    """
    taken, s_taken, zeros = levels[()].noisy[0], levels[()].sigma, np.zeros(noisy.size)
    added, s_added = noisy.sum(), sigma * sqrt(noisy.size)
    if added <= 2 * s_added:  # too little to tell anything by
        return Estimates(noisy, zeros + sigma**2, log(most) ** 2, zeros)
    ratio = min(max(1 + taken / added, 1.0), most)
    level = min((s_taken**2 + ((ratio - 1) * s_added) ** 2) / (ratio * added) ** 2, log(most) ** 2)
    limit = ((log(ratio) + sqrt(level)) / 2) ** 2  # ratios lie around the total's, above 1
    factor, rest = zeros + ratio, zeros + ((log(ratio) / 2) ** 2 if len(levels) == 1 else 0)
    known: dict[Names, tuple[Floats, Floats]] = {(): (np.full(1, (ratio * s_added) ** 2), np.zeros(1))}
    for dimensions, seen in levels.items():
        if dimensions:
            factors, left, known[dimensions] = _towards(noisy, sigma, factor, seen, ratio, limit)
            factor, rest = factor * factors[seen.index], rest + left[seen.index]
            factor = np.clip(factor * ratio * added / (noisy * factor).sum(), 1, most)
    values, more = noisy * factor, ratio - 1
    positive = np.maximum(values, 0)
    people = min(more, _PEOPLE_SPREAD) * positive
    spread = people if crowd is None else min(more, _AMOUNT_SPREAD) * positive**2 / np.maximum(crowd, 1)
    return Estimates(values, (factor * sigma) ** 2 + spread, level, rest, known)


def _towards(
    noisy: Floats, sigma: float, factor: Floats, seen: Seen, ratio: float, limit: float
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Return a level's factors, the relative variance they leave, and (own, rest) of the level's sums."""
    have, cells, noise = seen.add(noisy * factor), seen.add(noisy), seen.add(np.full(noisy.size, sigma**2))
    whole = cells + seen.noisy
    scale = ratio * cells.sum() / max(whole.sum(), 1e-9)  # a level tells shares; how much was taken, the total tells
    good = (cells > 4 * np.sqrt(noise)) & (whole > 0) & (have > 0)
    if not good.any():
        return np.ones(have.size), np.full(have.size, limit), (noise * ratio**2, np.full(have.size, limit))
    c, h, w = (np.where(good, x, 1) for x in (cells, have, whole))
    variance = (seen.sigma / w) ** 2 + noise * ((w - c) / (w * c)) ** 2
    ratios = np.log(w * scale / h)
    ratios = np.where(good, ratios - np.average(ratios[good], weights=1 / variance[good]), 0)
    between = min(_between(ratios[good], variance[good]), limit)
    kept = np.where(good, between / (between + variance), 0)
    between = min(between + sqrt(2 / (1 / (variance[good] + between) ** 2).sum()), limit)  # estimated: one error more
    cut = min(max(log(scale) / max(log(ratio), 1e-9), 0), 0.9)  # of what bounds took from cells, what they take here
    rest = (1 - kept) ** 2 * between + between * (cut / (1 - cut)) ** 2 + np.where(good, kept**2 * variance, 0)
    return np.exp(kept * ratios), rest, (noise * ratio**2, rest)


def _between(ratios: Floats, variance: Floats) -> float:
    """Variance of the ratios beyond their noise, 0 or more; of few ratios, 0."""
    between = 0.0
    for _ in range(8 if ratios.size > 2 else 0):
        weights = 1 / (variance + between) ** 2
        between = max(0.0, float((weights * (ratios**2 - variance)).sum() / weights.sum()))
    return between


def _added(index: Index, cells: Floats, size: int = 0) -> Floats:
    return np.bincount(index, cells, size).astype(np.float64)
