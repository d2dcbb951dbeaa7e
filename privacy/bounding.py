"""Bounding: one person's cells, weighed so that they move every exact sum by no more than a public amount.

Input, of some people whole: the cells they are in and what they did there, a row at a time, each person's rows together.
Output, in integer steps: every cell of the public domain, and what bounds took from the cells, for every value of the
table's coarser levels. People end here.

Argument. Let a person have n cells, and per measure the amounts t_1 … t_n, each clipped to [0, clip]; for people
t = (1, …, 1).
1. If n > max_cells the person adds nothing anywhere.
2. Otherwise t is scaled by min(1, B / norm(t)), times `step`, and rounded down, so that its norm is at most B x step,
   B = sqrt(full_cells) x typical: a person of n cells weighs min(1, sqrt(full_cells / n)) in each.
3. What that took, t x step less the scaled amounts, is added up by the values of a level, and this vector scaled in the
   same way to a norm of reach x typical x step at most.
4. Rounding down cannot raise a norm, squares and sums are exact integers, and the factor 1 - 2^-40 outweighs the few
   correctly rounded IEEE operations (each within 2^-53) that make a scale. All of it comes from that person's own records,
   and sums ignore the order of people and rows: adding or removing the person (the metric) moves each vector by at most
   its bound in L2, whose square is `plan.Noise.bound_squared`. tests/test_neighbours.py holds it against data.
These operations give the same bits on every machine, so that wherever people are bounded the sums are the same.

Numba compiles the loop as it stands (no fast-math); tests also run it as plain Python.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from privacy.declarations import Measure, Table
from privacy.domains import index

Ints = npt.NDArray[np.int64]
_SAFE = 1 - 2.0**-40


class Bounds(NamedTuple):
    """A table's bounds as arrays; measures along the first axis, in steps. `value`, `reach`: as `bounds_of` says."""

    max_cells: int
    step: Ints
    most: Ints  # whole numbers of the records that a cell may hold
    raw: Ints
    norm: Ints  # square of the norm that a person's cells may have
    value: npt.NDArray[np.int32]
    reach: Ints


def bounds_of(table: Table, measures: tuple[Measure, ...]) -> Bounds:
    """Return the bounds of a table.

    `value`: cell x level → row of the levels' sums, one level after another. `reach`: level x measure → square of the norm.
    """
    levels = table.levels if any(table.clips(m) for m in measures) else ()
    ends = np.cumsum([0, *(table.extent(level.dimensions) for level in levels)])
    value = [index(table, level.dimensions) + end for level, end in zip(levels, ends, strict=False)]
    whole = [table.typical(m) * m.step for m in measures]
    uncut = [not table.clips(m) for m in measures]
    norms = [np.iinfo(np.int64).max if uncut[i] else table.full_cells * w**2 for i, w in enumerate(whole)]
    return Bounds(
        table.max_cells,
        np.array([m.step for m in measures]),
        np.array([m.clip * m.step // m.raw for m in measures]),
        np.array([m.raw for m in measures]),
        np.array(norms),
        np.array(value, np.int32).reshape(len(levels), table.size).T.copy(),
        np.array([[(level.reach * w) ** 2 for w in whole] for level in levels], np.int64).reshape(
            len(levels), len(whole)
        ),
    )


@numba.njit(cache=True, nogil=True)
def _scale(squared: int, allowed: int) -> float:
    """Return what brings a vector of that squared norm to the norm allowed."""
    return math.sqrt(allowed) * _SAFE / math.sqrt(squared) if squared > allowed else 1.0


def bound_people(starts: Ints, cell: npt.NDArray[np.uint32], amounts: Ints, bounds: Bounds) -> tuple[Ints, Ints]:
    """Return the exact sums of the table's cells, and of what was taken at its levels.

    `starts`: the i-th person has the rows from starts[i] to starts[i + 1]. `cell`: of each row, its place in the domain.
    `amounts`: measure x row, whole numbers of the records; a measure without a row of amounts counts the person.
    Returns cell x (true people, measures…), and value of a level, one level after another, x measure.
    """
    cells = np.zeros((bounds.value.shape[0], 1 + bounds.step.size), np.int64)
    taken = np.zeros((int(bounds.value.max(initial=-1)) + 1, bounds.step.size), np.int64)
    for given in (cell, amounts):
        given.flags.writeable = False  # Numba would compile the loop once more for arrays that may be written
    _add(starts, cell, amounts, bounds, cells, taken)
    return cells, taken


@numba.njit(cache=True, nogil=True)
def _add(starts: Ints, cell: npt.NDArray[np.uint32], amounts: Ints, bounds: Bounds, cells: Ints, taken: Ints) -> None:
    measures, counted = bounds.step.size, bounds.step.size - amounts.shape[0]
    # A place is known when the slot it names holds it: nothing is cleared between people.
    slot, own = np.zeros(cells.shape[0], np.int32), np.zeros(cells.shape[0], np.int64)
    did = np.zeros((cells.shape[0], measures), np.int64)
    value_slot, value = np.zeros(taken.shape[0], np.int32), np.zeros(taken.shape[0], np.int64)
    lost = np.zeros((taken.shape[0], measures), np.int64)
    for person in range(starts.size - 1):
        n = 0
        for row in range(starts[person], starts[person + 1]):
            at = slot[cell[row]]
            if at >= n or own[at] != cell[row]:
                at = slot[cell[row]] = n
                own[at], did[at] = cell[row], 0
                n += 1
            for m in range(counted, measures):
                did[at, m] += amounts[m - counted, row]
        if n > bounds.max_cells:
            continue
        cut = False
        for m in range(measures):
            squared = 0
            for at in range(n):
                did[at, m] = bounds.step[m] if m < counted else min(max(did[at, m], 0), bounds.most[m]) * bounds.raw[m]
                squared += did[at, m] ** 2
            scale = _scale(squared, bounds.norm[m])
            cut |= scale < 1
            for at in range(n):
                kept = math.floor(did[at, m] * scale)
                cells[own[at], 1 + m] += kept
                did[at, m] -= kept  # from here on, what bounds took
        for at in range(n):
            cells[own[at], 0] += 1
        for level in range(bounds.value.shape[1] if cut else 0):
            k = 0
            for at in range(n):
                v = bounds.value[own[at], level]
                i = value_slot[v]
                if i >= k or value[i] != v:
                    i = value_slot[v] = k
                    value[i], lost[i] = v, 0
                    k += 1
                for m in range(measures):
                    lost[i, m] += did[at, m]
            for m in range(measures):
                squared = 0
                for i in range(k):
                    squared += lost[i, m] ** 2
                scale = _scale(squared, bounds.reach[level, m])
                for i in range(k):
                    taken[value[i], m] += math.floor(lost[i, m] * scale)
