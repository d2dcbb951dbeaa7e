"""Bounding: one person's cells, weighed so that they move every exact sum by no more than a public amount.

Input, of some people whole: rows (person, cell, amounts), a row a person and cell, sorted; what a person did in a cell is
added up before (`gathering`). Output, in integer steps: every cell of the public domain, and what bounds took from the
cells, for every value of the table's coarser levels. People end here.

Argument. Let a person have n cells, and per measure the amounts t_1 … t_n, each clipped to [0, clip]; for people
t = (1, …, 1).
1. If n > max_cells the person adds nothing anywhere.
2. Otherwise t is scaled by min(1, B / norm(t)), times `step`, and rounded down, so that its norm is at most B x step,
   B = sqrt(full_cells) x typical: a person of n cells weighs min(1, sqrt(full_cells / n)) in each.
3. What that took, t x step less the scaled amounts, is added up by the values of a level, and this vector scaled in the
   same way to a norm of reach x typical x step at most.
4. Rounding down cannot raise a norm, squares and sums are exact integers, and the factor 1 - 2^-40 outweighs the few
   correctly rounded IEEE operations (each within 2^-53) that make a scale. All of it comes from that person's own records,
   and sums ignore the order of people: adding or removing the person (the metric) moves each vector by at most its bound
   in L2, whose square is `plan.Noise.bound_squared`. tests/test_neighbours.py holds it against data.
These operations give the same bits on every machine, so that wherever people are bounded the sums are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from privacy.declarations import Measure, Table
from privacy.domains import index

EXACT = "_exact"  # true number of people (or admissions) in a cell: for the pre-threshold, never published
Ints = npt.NDArray[np.int64]
Sums = dict[str, Ints]  # by measure, a number a value of the level; `_exact` too for the cells
_SAFE = 1 - 2.0**-40
_AT_ONCE = 2**14  # people; what they add to a level fits a processor's cache


def bound_people(
    table: Table, measures: tuple[Measure, ...], person: Ints, cell: Ints, amounts: Mapping[str, Ints]
) -> list[Sums]:
    """Return the exact sums of the table's cells, then of what was taken at each of its levels.

    `person`: any numbers, equal rows together. `cell`: place in the table's domain. `amounts`: by measure other than
    people, in whole numbers of the records.
    """
    cut = [m for m in measures if table.clips(m)]
    levels = [(level, table.extent(level.dimensions)) for level in table.levels if cut]
    names = EXACT, *(m.name for m in measures)
    found: list[Sums] = [{name: np.zeros(table.size, np.int64) for name in names}]
    found += [{m.name: np.zeros(size, np.int64) for m in cut} for _, size in levels]
    for rows in _groups(person, table.max_cells):
        at = cell[rows]
        starts = np.flatnonzero(np.diff(person[rows], prepend=person[rows][:1] - 1))
        number = np.diff(starts, append=at.size)
        found[0][EXACT] += np.bincount(at, minlength=table.size)
        taken: Sums = {}
        for m in measures:
            whole = np.full(at.size, m.step, np.int64) if m.name == "people" else _steps(amounts[m.name][rows], m)
            kept = whole
            if m in cut:
                norm = table.full_cells * (table.typical(m) * m.step) ** 2
                kept = _shorten(whole, np.add.reduceat(whole**2, starts), number, norm)
                taken[m.name] = whole - kept
            found[0][m.name] += _added(at, kept, table.size)
        who = np.repeat(np.arange(number.size), number)
        for (level, size), sums in zip(levels, found[1:], strict=True):
            norms = {m.name: (level.reach * table.typical(m) * m.step) ** 2 for m in cut}
            for name, added in _taken(taken, who, index(table, level.dimensions)[at], size, norms).items():
                sums[name] += added
    return found


def _groups(person: Ints, most: int) -> Iterator[Ints]:
    """Yield the rows of a few thousand people at a time, without those of more than `most` rows."""
    starts = np.flatnonzero(np.diff(person, prepend=person[:1] - 1))
    number = np.diff(starts, append=person.size)
    kept = np.flatnonzero(np.repeat(number <= most, number))
    ends = np.append(0, np.cumsum(number[number <= most]))
    for first in range(0, ends.size - 1, _AT_ONCE):
        yield kept[ends[first] : ends[min(first + _AT_ONCE, ends.size - 1)]]


def _steps(amounts: Ints, measure: Measure) -> Ints:
    return np.clip(amounts, 0, measure.clip * measure.step // measure.raw) * measure.raw


def _shorten(values: Ints, squared: Ints, number: Ints, norm_squared: int) -> Ints:
    """Scale each person's values, `number` of them, to the norm allowed; `squared`: the square of each person's norm."""
    long = squared > norm_squared
    if not long.any():
        return values
    scale = np.ones(long.size)
    scale[long] = np.sqrt(norm_squared) * _SAFE / np.sqrt(squared[long])
    return np.floor(values * np.repeat(scale, number)).astype(np.int64)


def _taken(taken: Sums, who: Ints, value: Ints, size: int, norms: Mapping[str, int]) -> Sums:
    """Add up what was taken of each person by the values of a level, shorten that, and add people up.

    `norms`: by measure, the square of the norm allowed.
    """
    people, key = int(who[-1]) + 1, who * size + value
    runs = bool((np.diff(key) >= 0).all())  # the level's dimensions come first in the table's: equal keys are together
    if runs:
        edges = np.flatnonzero(np.diff(key, prepend=-1))
        values, number = value[edges], np.bincount(who[edges], minlength=people)
        firsts = np.append(0, np.cumsum(number)[:-1])
    else:
        edges = firsts = np.arange(0, people * size, size)
        values, number = np.tile(np.arange(size), people), np.full(people, size)
    found: Sums = {}
    for name, norm in norms.items():
        vectors = np.add.reduceat(taken[name], edges) if runs else _added(key, taken[name], people * size)
        squared = np.add.reduceat(vectors**2, firsts)
        found[name] = _added(values, _shorten(vectors, squared, number, norm), size)
    return found


def _added(at: Ints, values: Ints, size: int) -> Ints:
    """Add values up by place; exact, for sums stay below 2^53."""
    return np.bincount(at, values, size).astype(np.int64)
