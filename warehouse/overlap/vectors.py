"""A sketch as numbers: a venue's people of a period, counted by bucket, and the law of the noise on each count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import exp, sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from privacy.errors import Fault

Floats = NDArray[np.float64]
_TAIL = 1e-12  # of the noise's law, left out


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The noise of one bucket. `law`: the probabilities of -r … r; None once counts are no longer whole numbers."""

    variance: float
    law: Floats | None

    def __add__(self, other: Noise) -> Noise:
        """Return the noise of the sum of two counts."""
        both = self.law is not None and other.law is not None
        law = _trimmed(np.convolve(self.law, other.law)) if both else None  # type: ignore[arg-type]
        return Noise(self.variance + other.variance, law)


def noise(mechanism: str, scale: float) -> Noise:
    """Return the noise that a release's manifest declares; a Fault names a mechanism that is not known.

    `scale`: that of the discrete Laplace, P(z) ∝ exp(-|z| / scale), or the σ of the discrete Gaussian,
    P(z) ∝ exp(-z² / 2σ²), whose variance is at most σ² and less by a thousandth at most from σ = 0.7 on.
    """
    if scale <= 0:
        raise Fault("The noise of a sketch has a positive scale.", "Le bruit d’une esquisse a une échelle positive.")
    if mechanism == "discrete Laplace":
        reach = np.arange(-int(30 * scale) - 2, int(30 * scale) + 3)
        q = exp(-1 / scale)
        return Noise(2 * q / (1 - q) ** 2, _trimmed((1 - q) / (1 + q) * q ** np.abs(reach)))
    if mechanism == "discrete Gaussian":
        reach = np.arange(-int(9 * scale) - 2, int(9 * scale) + 3)
        law = np.exp(-(reach**2) / (2 * scale**2))
        return Noise(scale**2, _trimmed(law / law.sum()))
    raise Fault(
        f"The noise of a sketch is a discrete Laplace or a discrete Gaussian, not “{mechanism}”.",
        f"Le bruit d’une esquisse est une loi de Laplace ou une gaussienne discrètes, non « {mechanism} ».",
    )


def _trimmed(law: Floats) -> Floats:
    """Leave out the far tails of a symmetric law, which stays symmetric and adds up to one."""
    out = int(np.searchsorted(np.cumsum(law), _TAIL))
    kept = law[out : law.size - out]
    return kept / kept.sum()


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One part of one sketch. `counts`: noisy people by bucket, shape (buckets,); `key`: whose hash made the buckets."""

    venue: str
    counts: Floats
    noise: Noise
    key: str = ""
    period: str = ""
    part: str = "all"

    @property
    def buckets(self) -> int:
        """Return the number of buckets."""
        return self.counts.size

    def folded(self, buckets: int) -> Vector:
        """Return the vector over fewer buckets (a power of two each), as if hashed so, with more noise in each."""
        times = self.buckets // buckets
        if times == 1:
            return self
        noise = reduce(Noise.__add__, [self.noise] * times)
        return replace(self, counts=self.counts.reshape(times, buckets).sum(axis=0), noise=noise)


def aligned(vectors: Sequence[Vector]) -> tuple[Vector, ...]:
    """Return the vectors over the buckets of the smallest; a Fault if their buckets cannot be compared."""
    if not vectors:
        raise Fault("No sketch was given.", "Aucune esquisse n’est donnée.")
    if len({v.key for v in vectors}) > 1:
        told = ", ".join(sorted({f"{v.venue} {v.period}" for v in vectors}))
        raise Fault(
            f"These sketches were hashed by different season keys and cannot be compared: {told}.",
            f"Ces esquisses ont été hachées par des clés de saison différentes, donc incomparables : {told}.",
        )
    sizes = {v.buckets for v in vectors}
    if len(sizes) > 1 and any(size & (size - 1) for size in sizes):
        raise Fault(
            "Sketches of different sizes can be compared only if each has a power of two of buckets.",
            "Des esquisses de tailles différentes ne se comparent que si chacune a une puissance de deux de cases.",
        )
    return tuple(v.folded(min(sizes)) for v in vectors)


def added(parts: Sequence[Vector], part: str = "all") -> Vector:
    """Return everyone, from the vectors of parts that share nobody and leave nobody out (all values of an attribute)."""
    parts = aligned(parts)
    counts = np.sum([p.counts for p in parts], axis=0)
    return replace(parts[0], counts=counts, noise=reduce(Noise.__add__, [p.noise for p in parts]), part=part)


def combined(vectors: Sequence[Vector]) -> Vector:
    """Return one vector for several of the very same people, each with a noise of its own, by inverse-variance weights.

    Such are two revisions of a release, or everyone and the `added` parts of everyone. Quarters and their season are
    not: who came twice is in two quarters.
    """
    vectors = aligned(vectors)
    weights = np.array([1 / v.noise.variance for v in vectors])
    counts = np.sum([w * v.counts for w, v in zip(weights, vectors, strict=True)], axis=0) / weights.sum()
    return replace(vectors[0], counts=counts, noise=Noise(1 / float(weights.sum()), None))


def misfit(vector: Vector) -> float:
    """Return by how many standard deviations the spread of the buckets differs from what is declared.

    People fall evenly by the hash (a Poisson count), so that spread is theirs plus the noise: beyond 4 or so, the noise
    is not the one declared, or several people were given one bucket each time.
    """
    mean = float(vector.counts.mean())
    deviations = (vector.counts - mean) ** 2
    expected = mean * (1 - 1 / vector.buckets) + vector.noise.variance
    return float((deviations.mean() - expected) / (deviations.std() / sqrt(vector.buckets)))


def read_vectors(sketches: pl.DataFrame) -> list[Vector]:
    """Return one vector a row of the lake's table `sketches`, by period and venue."""
    vectors = [
        Vector(
            row["venue"], np.array(row["counts"], dtype=float), noise(row["mechanism"], row["scale"]), row["key"],
            row["period"], row["part"],
        )
        for row in sketches.iter_rows(named=True)
    ]  # fmt: skip
    return sorted(vectors, key=lambda v: (v.period, v.venue, v.part))
