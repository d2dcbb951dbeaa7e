"""Sketch-Flip-Merge, the peer of `benchmarks/overlap.py`: Hehir, Ting and Cormode, ICML 2023 (arXiv 2302.02056).

A person sets one bit, of a random bucket at a geometric level; every bit is flipped with probability 1 / (1 + e^ε). Two sketches
are merged bit by bit, at random, into one that is distributed as the sketch of the union flipped at a smaller ε (their
randomised merge); its likelihood gives the union, inclusion and exclusion the overlap. `joint` is what they do not propose: the
likelihood of both flipped sketches, unmerged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 24
Bits = NDArray[np.bool_]  # (levels, buckets)


def sketch(
    only_a: int, only_b: int, both: int, epsilon: float, buckets: int, random: np.random.Generator
) -> tuple[Bits, Bits]:
    """Return the flipped sketches of two sets under one hash."""

    def set_by(people: int) -> Bits:
        bits = np.zeros((LEVELS, buckets), dtype=bool)
        bits[np.minimum(random.geometric(0.5, people), LEVELS) - 1, random.integers(buckets, size=people)] = True
        return bits

    shared = set_by(both)
    a, b = (shared | set_by(n) for n in (only_a, only_b))
    flip = 1 / (1 + np.exp(epsilon))
    return a ^ (random.random(a.shape) < flip), b ^ (random.random(b.shape) < flip)


def _rates(buckets: int) -> NDArray[np.float64]:
    """Return the chance that a person sets a given bit, level by level."""
    levels = np.minimum(np.arange(1, LEVELS + 1), LEVELS - 1)
    return 0.5**levels / buckets


def _single(bits: Bits, keep: float) -> float:
    """Return the most likely number of people, bits being kept with probability `keep`."""
    rates, size = _rates(bits.shape[1]), bits.shape[1]
    ones, people = bits.sum(axis=1) / size, 10_000.0
    for _ in range(200):
        empty = np.exp(-people * rates)
        chance = keep - (2 * keep - 1) * empty
        slope = (2 * keep - 1) * rates * empty
        weight = slope / (chance * (1 - chance))
        following = max(people + float(weight @ (ones - chance) / (weight @ slope)), people / 3)
        if abs(following - people) < 1e-6 * people:
            break
        people = min(following, 3 * people)
    return people


def merged(a: Bits, b: Bits, epsilon: float) -> tuple[float, float]:
    """Return (union, overlap) by the randomised merge and inclusion-exclusion."""
    keep = 1 / (1 + np.exp(-epsilon))
    zero = np.array([keep, keep - 1]) / (2 * keep - 1)  # of what is seen: unbiased for "the true bit is 0"
    most = keep**2 / (2 * keep - 1) ** 2
    least = keep * (1 - keep) / (2 * keep - 1) ** 2
    gap = min(1 / (2 * most - 1), 1 / (1 + 2 * least))
    chance = (1 - gap) / 2 + gap * (1 - np.outer(zero, zero))
    random = np.random.default_rng(int(a.sum()) * 1_000_003 + int(b.sum()))
    union = random.random(a.shape) < chance[a.astype(int), b.astype(int)]
    together = _single(union, (1 + gap) / 2)
    return together, _single(a, keep) + _single(b, keep) - together


def joint(a: Bits, b: Bits, epsilon: float) -> tuple[float, float]:
    """Return (union, overlap) by the likelihood of both sketches."""
    keep, size = 1 / (1 + np.exp(-epsilon)), a.shape[1]
    rates = _rates(size)
    flips = np.array([[keep, 1 - keep], [1 - keep, keep]])  # seen, true
    seen = np.stack([((a == i) & (b == j)).sum(axis=1) / size for i in (0, 1) for j in (0, 1)])
    start = [_single(a, keep), _single(b, keep)]
    people = np.array([0.9 * start[0], 0.9 * start[1], 0.1 * min(start)])
    found = people
    for _ in range(100):
        sides = np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 1]])  # whom a, b and either hold
        empty = np.exp(-(sides @ people)[:, None] * rates)
        slope = -sides.T[:, :, None] * (rates * empty)[None]  # (parameter, none in a | b | either, level)
        true = np.stack([empty[2], empty[0] - empty[2], empty[1] - empty[2], 1 - empty[0] - empty[1] + empty[2]])
        moves = np.stack(
            [
                slope[:, 2],
                slope[:, 0] - slope[:, 2],
                slope[:, 1] - slope[:, 2],
                slope[:, 2] - slope[:, 0] - slope[:, 1],
            ],
            axis=1,
        )
        through = np.kron(flips, flips)
        chance, moves = through @ true, np.einsum("st,ptl->psl", through, moves)
        weighted = (moves / chance).reshape(3, -1)
        information = weighted @ moves.reshape(3, -1).T
        found = people + np.linalg.solve(information, weighted @ seen.reshape(-1))
        following = np.clip(found, people / 3, people * 3)
        if np.abs(following - people).max() < 1e-6 * people.max():
            break
        people = following
    return float(found.sum()), float(found[2])
