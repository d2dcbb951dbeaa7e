"""The rows of a table, known before any record is read: every combination of its codes, and its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.declarations import Table

EXACT = "_exact"  # true number of people (or admissions) in a cell: for the pre-threshold, never published


def coarse(dimensions: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the levels published below the cells: each dimension alone where there are several, and the total."""
    return [*((d,) for d in dimensions if len(dimensions) > 1), ()]


def domain(codes: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return every combination of these codes, one string column a dimension, sorted."""
    rows = pl.DataFrame({"_": [0]})
    for name, values in codes.items():
        rows = rows.join(pl.DataFrame({name: list(values)}), how="cross")
    return rows.drop("_").sort(list(codes))


def index(table: Table, level: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return, for each cell in order, the place of its value in a level of the table."""
    # `domain` is sorted, so that a cell's place is read off its codes' places
    sizes = [len(d.codes) for d in table.dimensions]
    places = np.unravel_index(np.arange(table.size), sizes)
    kept = [i for i, name in enumerate(table.names) if name in level]
    if not kept:
        return np.zeros(table.size, np.int64)
    return np.ravel_multi_index([places[i] for i in kept], [sizes[i] for i in kept])
