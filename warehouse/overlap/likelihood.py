"""The joint likelihood of two or three vectors: what each pair of noisy counts says, instead of their product alone.

People of each pattern of venues (A only, B only, both) fall in a bucket as independent Poisson counts, whose sums are seen
through the noise's law. Rates are found by Fisher scoring on the table of how many buckets show each combination of
counts. Where buckets are about as many as people, this is worth a third of the variance of the inner product.

A rate is estimated where it may be negative: scores and information are taken at rates that are not, and the last step
is not cut. The information holds the randomness of who goes where too, as if each N were drawn; given the people, it is
smaller by N on the diagonal, which is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from warehouse.overlap.vectors import Floats, Noise, Vector, aligned

_CELLS = 60_000  # combinations of counts that are worth the time


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """People of each pattern. `patterns` (p, V): 1 where the venue is in it; `people` (p,); `covariance` (p, p)."""

    patterns: Floats
    people: Floats
    covariance: Floats

    def of(self, wanted: Floats) -> tuple[float, float]:
        """Return how many people are in the patterns `wanted` (p, weights), and the standard error."""
        return float(wanted @ self.people), float(np.sqrt(max(wanted @ self.covariance @ wanted, 0)))


def fit(vectors: Sequence[Vector]) -> Fit | None:
    """Return the fit of up to three vectors of one key; None where it is out of reach or no better than moments."""
    vectors = aligned(vectors)
    m, count = vectors[0].buckets, len(vectors)
    means = np.array([max(v.counts.mean(), 1 / m) for v in vectors])
    if count > 3 or any(v.noise.law is None for v in vectors):
        return None
    channels = [_channel(v, mean) for v, mean in zip(vectors, means, strict=True)]
    seen_shape = tuple(c.shape[0] for _, c in channels)
    true_shape = tuple(c.shape[1] for _, c in channels)
    if np.prod(seen_shape) > _CELLS or np.prod(true_shape) > _CELLS:
        return None
    at = [
        np.clip(v.counts - low, 0, c.shape[0] - 1).astype(np.int64)
        for v, (low, c) in zip(vectors, channels, strict=True)
    ]
    seen = np.bincount(np.ravel_multi_index(at, seen_shape), minlength=int(np.prod(seen_shape))) / m
    patterns: list[tuple[int, ...]] = [p for p in product((0, 1), repeat=count) if any(p)]
    least = means.min() / 500
    rates = np.full(len(patterns), least)
    for v in range(count):  # start: nobody shared, but a tenth of the smallest
        rates[patterns.index(tuple(int(v == u) for u in range(count)))] = means[v]
    if count > 1:
        rates[-1] = means.min() / 10
    for _ in range(40):
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                steps, inverse = _step(rates, patterns, [c for _, c in channels], true_shape, seen)
        except (FloatingPointError, np.linalg.LinAlgError):
            return None  # nearly the same counts twice, noise included: no rates explain them
        found = rates + steps
        following = np.maximum(found, least)
        moved = float(np.abs(following - rates).max())
        rates = following if moved < means.max() / 4 else (rates + following) / 2
        if moved < 1e-5 * means.min():
            break
    else:
        return None
    covariance = m * inverse - m * np.diag(np.maximum(found, 0))
    if not (np.diag(covariance) > 0).all():  # the scoring has run away: one in some thousand fits
        return None
    return Fit(np.array(patterns, dtype=float), m * found, covariance)


def _channel(vector: Vector, mean: float) -> tuple[int, Floats]:
    """Return (lowest count, P(count shown | people there)), the ends of what is shown holding all that is beyond."""
    law, spread = _law(vector.noise), np.sqrt(mean + vector.noise.variance)
    most = int(mean + 7 * np.sqrt(mean)) + 5
    low = int(np.floor(max(mean - 3.5 * spread, -3 * np.sqrt(vector.noise.variance))))
    high = int(np.ceil(mean + 4 * spread)) + 1
    reach = law.size // 2
    below = np.concatenate([[0.0], np.cumsum(law)])  # P(noise < i - reach)
    edges = np.arange(low, high + 2)[:, None] - np.arange(most)[None, :]
    cumulative = below[np.clip(edges + reach, 0, law.size)]
    cumulative[0], cumulative[-1] = 0.0, 1.0
    return low, np.diff(cumulative, axis=0)


def _law(noise: Noise) -> Floats:
    assert noise.law is not None, "asked before"
    return noise.law


def _step(
    rates: Floats, patterns: list[tuple[int, ...]], channels: list[Floats], shape: tuple[int, ...], seen: Floats
) -> tuple[Floats, Floats]:
    """Return the scoring step of each rate and the inverse of one bucket's information."""
    people = np.zeros(shape)
    people[(0,) * len(shape)] = 1.0
    for rate, pattern in zip(rates, patterns, strict=True):
        people = _poisson(people, rate, pattern)
    shown = _through(people, channels)
    slopes = np.stack([_through(_shifted(people, p, 1) - people, channels) for p in patterns])
    weighted = slopes / np.maximum(shown, 1e-300)
    inverse: Floats = np.linalg.pinv(weighted @ slopes.T, hermitian=True)  # type: ignore[assignment]
    return inverse @ (weighted @ seen), inverse


def _poisson(people: Floats, rate: float, pattern: tuple[int, ...]) -> Floats:
    """Add a Poisson number of people who are in all venues of the pattern."""
    weight, total, times = float(np.exp(-rate)), people * np.exp(-rate), 0
    while times < max(people.shape) and not (times > rate and weight < 1e-13):
        times += 1
        weight *= rate / times
        total = total + weight * _shifted(people, pattern, times)
    return total


def _shifted(people: Floats, pattern: tuple[int, ...], by: int) -> Floats:
    """Return the table with `by` more people in each venue of the pattern."""
    moved = np.zeros_like(people)
    steps = [by * p for p in pattern]
    if all(s < n for s, n in zip(steps, people.shape, strict=True)):
        to = tuple(slice(s, None) for s in steps)
        of = tuple(slice(0, n - s) for s, n in zip(steps, people.shape, strict=True))
        moved[to] = people[of]
    return moved


def _through(people: Floats, channels: list[Floats]) -> Floats:
    """Return the law of what is shown, flat."""
    for channel in channels:  # each takes the first axis and puts it last
        people = np.tensordot(people, channel, axes=([0], [1]))
    return people.ravel()
