"""How many people: of one venue, common to several, of several together, each with its error and 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from privacy.errors import Fault
from warehouse.definitions import Z95
from warehouse.overlap.attendance import attendance, attendance_of
from warehouse.overlap.likelihood import fit
from warehouse.overlap.moments import binomial_moments, gram
from warehouse.overlap.vectors import Floats, Vector


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its standard error, and its 95 % interval. Noise can make it negative: it is kept, so that sums hold."""

    value: float
    se: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Is it large enough to tell? Half the interval is at most half the figure, so that zero is far outside."""
        return self.high - self.low <= self.value


def normal(value: float, se: float) -> Estimate:
    """Return the estimate whose error is close to normal."""
    return Estimate(value, se, value - Z95 * se, value + Z95 * se)


def _ranged(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, (high - low) / (2 * Z95), low, high)


def audience(vector: Vector) -> Estimate:
    """Return the people of one vector: by its likelihood, or the sum of its buckets."""
    found = fit([vector])
    if found:
        return normal(*found.of(np.ones(1)))
    return normal(float(vector.counts.sum()), sqrt(vector.buckets * vector.noise.variance))


def overlap(vectors: Sequence[Vector]) -> Estimate:
    """Return the people common to two, three or four vectors of one key.

    The error grows with each vector by about √(people in a bucket + noise): a Fault beyond four.
    """
    if not 2 <= len(vectors) <= 4:
        raise Fault(
            "The people common to 2, 3 or 4 venues can be estimated; beyond, noise leaves nothing.",
            "On estime le public commun à 2, 3 ou 4 lieux ; au-delà, le bruit ne laisse rien.",
        )
    found = fit(vectors)
    if found:
        return normal(*found.of(np.prod(found.patterns, axis=1)))
    if len(vectors) == 2:
        g = gram(vectors)
        return normal(float(g.common[0, 1]), sqrt(g.covariance((0, 1), (0, 1))))
    seen, influence = binomial_moments(vectors, len(vectors))
    drawn = influence.shape[0] * float(np.var(influence[:, -1]))
    return normal(float(seen[-1]), sqrt(drawn))


def union(vectors: Sequence[Vector]) -> Estimate:
    """Return the people that vectors of one key reach together: no one is counted twice.

    Of more than four, the interval holds what the overlaps of five and more could be too, so it is wider.
    """
    if len(vectors) == 1:
        return audience(vectors[0])
    found = fit(vectors)
    if found:
        return normal(*found.of(np.ones(len(found.people))))
    return _ranged(*attendance(vectors).range_of(np.ones(len(vectors))))


def new_reach(one: Vector, others: Sequence[Vector]) -> Estimate:
    """Return the people of one vector who are in none of the `others`."""
    if not others:
        return audience(one)
    found = fit([one, *others])
    if found:
        return normal(*found.of((found.patterns[:, 0] == 1) * (found.patterns[:, 1:].sum(axis=1) == 0.0)))
    weights = np.zeros(len(others) + 1)
    weights[0] = 1
    return _ranged(*attendance_of(one, others).range_of(weights))


def frequencies(vectors: Sequence[Vector], most: int = 4) -> list[Estimate]:
    """Return how many people go to exactly 1, 2 … `most` - 1, and to `most` or more, of the vectors' venues."""
    count = len(vectors)
    classes = [[j for j in range(1, count + 1) if min(j, most) == i] for i in range(1, min(most, count) + 1)]
    found = fit(vectors)
    if found:
        times = found.patterns.sum(axis=1)
        return [normal(*found.of(np.isin(times, c).astype(float))) for c in classes]
    known = attendance(vectors)
    return [_ranged(*known.range_of(np.isin(np.arange(1, count + 1), c).astype(float))) for c in classes]


def pooled(estimates: Sequence[Estimate], correlation: Floats | None = None) -> Estimate:
    """Return what several estimates of one quantity say together: their mean by inverse variance.

    Such are the shares of a venue's audience seen at another, in several periods or at several venues alike. Where they
    differ by more than their errors (Cochran's Q), what they differ by joins each error (DerSimonian and Laird 1986): the
    interval is then of the mean. `correlation` (n, n): of their errors, none by default.
    """
    values = np.array([e.value for e in estimates])
    errors = np.array([e.se for e in estimates])
    covariance = np.diag(errors**2) if correlation is None else correlation * np.outer(errors, errors)
    weights = 1 / errors**2
    mean = float(weights @ values / weights.sum())
    excess = float(weights @ (values - mean) ** 2) - (values.size - 1)
    between = max(excess / float(weights.sum() - (weights**2).sum() / weights.sum()), 0.0) if values.size > 1 else 0.0
    solved = np.linalg.solve(covariance + between * np.eye(values.size), np.ones(values.size))
    return normal(float(solved @ values / solved.sum()), float(1 / sqrt(solved.sum())))


def share(part: Estimate, whole: Estimate, *, scale: float = 1.0) -> Estimate:
    """Return part / whole · scale, errors taken as independent (those of overlaps and audiences are, by moments)."""
    if whole.low <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"), float("nan"))
    ratio = part.value / whole.value
    return normal(scale * ratio, scale * sqrt(part.se**2 + (ratio * whole.se) ** 2) / whole.value)
