"""Grouping: which rows are the same person's, as fast as the loop of `bounding` needs them.

Rows fall into stretches by a hash of the person, so that what one stretch needs fits a processor's cache; in a stretch, people
are numbered as they are met, by open addressing. A hash only says where to look: two rows are one person's when all 64 bits
of their numbers agree, and then only. tests/test_gathering.py holds it against Polars.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Persons, Cells, Ints = npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.int64]
_MIX = np.uint64(0x9E3779B97F4A7C15)  # multiplicative hashing: Knuth, The Art of Computer Programming, vol. 3, 6.4
_BITS = np.uint64(8)  # of the hash, for the stretch
_STRETCHES = 256


@numba.njit(cache=True, nogil=True)
def by_person(person: Persons, cells: Cells, amounts: Ints, crew: int, crews: int) -> tuple[Cells, Ints, Ints]:
    """Return the rows of a crew's people, each person's together, and where each person's begin (then, their number).

    `cells`: table x row. `amounts`: measure x row. A crew of several has the stretches that leave `crew` when divided by
    `crews`: crews share nobody, and together have everybody.
    """
    ends = np.zeros(_STRETCHES + 1, np.int64)
    for p in person:
        ends[np.uint64(1) + (p * _MIX >> np.uint64(64) - _BITS)] += 1
    for stretch in range(_STRETCHES):
        ends[stretch + 1] = ends[stretch] + (ends[stretch + 1] if stretch % crews == crew else 0)
    at, rows = ends[:-1].copy(), ends[-1]
    whose, cell, amount = (
        np.empty(rows, np.uint64), np.empty((cells.shape[0], rows), np.uint32), np.empty((amounts.shape[0], rows), np.int64)
    )  # fmt: skip
    for i in range(person.size):
        stretch = np.int64(person[i] * _MIX >> np.uint64(64) - _BITS)
        if stretch % crews == crew:
            to = at[stretch]
            at[stretch] = to + 1
            whose[to] = person[i]
            for j in range(cells.shape[0]):
                cell[j, to] = cells[j, i]
            for j in range(amounts.shape[0]):
                amount[j, to] = amounts[j, i]
    cell_out, amount_out = np.empty_like(cell), np.empty_like(amount)
    starts, people = np.empty(rows + 1, np.int64), 0
    for stretch in range(_STRETCHES):
        first, last = ends[stretch], ends[stretch + 1]
        bits = 2
        while 1 << bits < 2 * (last - first):
            bits += 1
        seat, last_seat = np.zeros(1 << bits, np.uint32), np.uint64((1 << bits) - 1)
        met, number, known = np.empty(last - first, np.uint64), np.empty(last - first, np.uint32), 0
        begins = np.zeros(last - first + 1, np.int64)
        for i in range(first, last):
            look = (whose[i] * _MIX << _BITS) >> np.uint64(64 - bits)
            while seat[look] and met[seat[look] - 1] != whose[i]:
                look = (look + np.uint64(1)) & last_seat
            if not seat[look]:
                met[known] = whose[i]
                known += 1
                seat[look] = known
            number[i - first] = seat[look] - 1
            begins[seat[look]] += 1
        begins = first + np.cumsum(begins[: known + 1])
        starts[people : people + known] = begins[:known]
        people += known
        for i in range(first, last):
            to = begins[number[i - first]]
            begins[number[i - first]] = to + 1
            for j in range(cells.shape[0]):
                cell_out[j, to] = cell[j, i]
            for j in range(amounts.shape[0]):
                amount_out[j, to] = amount[j, i]
    starts[people] = rows
    return cell_out, amount_out, starts[: people + 1]
