"""Overlaps as covariances: what two vectors of buckets have in common is what moves together in them.

Let x and y be the noisy counts of sets A and B over m buckets. Someone in both adds one to the same bucket of both,
others meet by chance in one pair of m, and noises are independent: E⟨x, y⟩ = w + (|A||B| - w) / m, where w = |A ∩ B|.
So m / (m - 1) · (⟨x, y⟩ - Σx Σy / m) has mean w exactly, at any noise. Over the random key, pairs of different people
collide without correlation, so its variance is, up to 1/m,
    (P Q + w²) / m,  P = |A| + m s_x²,  Q = |B| + m s_y²  (s²: the noise's variance in a bucket):
the chance collisions |A||B| / m, each noise on the other's people, and noise on noise. Two overlaps of four vectors
covary by (G_ac G_bd + G_ad G_bc) / m, where G is the overlap of different vectors and P of one with itself.

In the same way the third and fourth joint cumulants of three and four vectors are the people common to all of them. Summed
over all choices of k venues of V they are the binomial moments S_k = Σ_j C(j, k) N_j of how many people N_j go to j.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from warehouse.definitions import Z95
from warehouse.overlap.vectors import Floats, Vector, aligned


@dataclass(frozen=True, slots=True, eq=False)
class Gram:
    """Second moments of V vectors over m buckets, in people.

    `sizes` (V,): audiences; `size_se` (V,); `common` (V, V): overlaps, the diagonal being P of the module's text.
    """

    buckets: int
    sizes: Floats
    size_se: Floats
    common: Floats

    def covariance(self, one: tuple[int, int], other: tuple[int, int]) -> float:
        """Return the covariance of two overlaps, each named by its two vectors."""
        (a, b), (c, d), g = one, other, self.common
        return float(g[a, c] * g[b, d] + g[a, d] * g[b, c]) / self.buckets


def gram(vectors: Sequence[Vector]) -> Gram:
    """Return sizes and overlaps of vectors of one key."""
    vectors = aligned(vectors)
    counts = np.stack([v.counts for v in vectors])
    m = counts.shape[1]
    sizes = counts.sum(axis=1)
    centred = counts - counts.mean(axis=1, keepdims=True)
    common = m / (m - 1) * centred @ centred.T
    variances = np.array([v.noise.variance for v in vectors])
    np.fill_diagonal(common, np.maximum(sizes, 0) + m * variances)
    return Gram(m, sizes, np.sqrt(m * variances), common)


def correlation(pairs: Sequence[tuple[Vector, Vector]]) -> Floats:
    """Return the correlation (n, n) of the overlaps of pairs of vectors, those of different keys having none."""
    found = np.eye(len(pairs))
    for key in {pair[0].key for pair in pairs}:
        mine = [i for i, pair in enumerate(pairs) if pair[0].key == key]
        vectors = {id(v): v for i in mine for v in pairs[i]}
        place = {name: i for i, name in enumerate(vectors)}
        g = gram(list(vectors.values()))
        at = [(place[id(pairs[i][0])], place[id(pairs[i][1])]) for i in mine]
        covariance = np.array([[g.covariance(one, other) for other in at] for one in at])
        spread = np.sqrt(np.diag(covariance))
        found[np.ix_(mine, mine)] = covariance / np.outer(spread, spread)
    return found


def reach_bounds(vectors: Sequence[Vector]) -> tuple[float, float, float, float]:
    """Return reach by audiences and pairs alone: (value, se, low, high); the SQL macro `reach` computes the same.

    With S1 the sum of audiences and S2 of overlaps of two, Bonferroni's inequalities at their best (Dawson and Sankoff
    1967; Kwerel 1975) hold U between 2 S1 / (k + 1) - 2 S2 / (k (k + 1)), k = 1 + ⌊2 S2 / S1⌋, and S1 - 2 S2 / V. For two
    venues both are U itself. The value is in the middle; `low` and `high` are 1.96 standard errors outside of the two.
    """
    g, count = gram(vectors), len(vectors)
    s1 = float(g.sizes.sum())
    s2 = float((g.common.sum() - np.trace(g.common)) / 2)
    half = (g.common.sum(axis=0)[None, :] - g.common) / 2  # A G, A being 1/2 off the diagonal: S2 = m x'Ax
    v1, v2 = float((g.size_se**2).sum()), 2 * float((half * half.T).sum()) / g.buckets
    k = 1 + int(min(max(2 * s2 / s1, 0), count - 2)) if s1 > 0 and count > 1 else 1
    below = 2 / (k + 1), 2 / (k * (k + 1))
    above = 1.0, 2 / count if count > 1 else 0.0
    ends = sorted(
        (a * s1 - b * s2, float(np.sqrt(a**2 * v1 + b**2 * v2))) for a, b in (below if count > 1 else (1.0, 0.0), above)
    )
    low, high = min(e - Z95 * se for e, se in ends), max(e + Z95 * se for e, se in ends)
    return (ends[0][0] + ends[1][0]) / 2, (high - low) / (2 * Z95), low, high


def binomial_moments(vectors: Sequence[Vector], order: int) -> tuple[Floats, Floats]:
    """Return S_1 … S_order (order, at most 4 and V) of vectors of one key, and each bucket's influence on them (m, order).

    Their covariance over key and noise, the people being what they are, is m times that of the influences, less
    Σ_j N_j C(j, k) C(j, l): the influences vary as if the people themselves were drawn.
    """
    vectors = aligned(vectors)
    counts = np.stack([v.counts for v in vectors])
    m, order = counts.shape[1], min(order, len(vectors), 4)
    x = counts - counts.mean(axis=1, keepdims=True)
    e = [np.ones(m), *(np.zeros(m) for _ in range(4))]  # elementary symmetric polynomials, bucket by bucket
    for row in x:
        for k in range(4, 0, -1):
            e[k] = e[k] + row * e[k - 1]
    pairs = x @ x.T / m
    np.fill_diagonal(pairs, 0)
    rows = pairs.sum(axis=1)
    all_pairs = rows.sum() / 2
    influence = [counts.sum(axis=0), e[2], e[3] - (all_pairs - rows) @ x, e[4]]
    sums = [counts.sum(), e[2].sum(), e[3].sum(), 0.0]
    if order == 4:
        squares = (pairs**2).sum() / 2
        touching = ((rows**2).sum() - (pairs**2).sum()) / 2
        sums[3] = e[4].sum() - m * (all_pairs**2 - squares - 2 * touching) / 2
        apart = all_pairs - rows[:, None] - rows[None, :] + pairs  # pairs that share no one with this one
        np.fill_diagonal(apart, 0)
        without = np.empty(len(vectors))  # the mean of e3 without each venue
        for a, row in enumerate(x):
            without[a] = (e[3] - row * (e[2] - row * (e[1] - row))).mean()
        influence[3] = e[4] - np.einsum("am,ab,bm->m", x, apart / 2, x, optimize=True) - without @ x
    bias = np.array([1, m / (m - 1), m**2 / ((m - 1) * (m - 2)), m**3 / ((m - 1) * (m - 2) * (m - 3))])
    return (np.array(sums) * bias)[:order], np.stack(influence[:order], axis=1)
