"""A published table: its rows and columns, made from estimates and checked again by who reads them.

Rows: every cell of the public domain; then, where there are several dimensions, every value of each alone; then the
total. A null dimension means all its values, as in SQL's grouping sets. Columns: the dimensions, and per measure

    people            the best estimate
    people_se         its standard error: noise, bounds and raking
    people_common_se  the part of it that is one error, the same in proportion, for the whole table
    people_noisy      what was drawn: a cell before raking, or what bounds took by a level's values; null where neither was

All are null where a row is suppressed. A cell shows by `selection`; a level's value shows if one of its cells does, so that
whoever k people are behind a cell are behind it too, and nothing more is decided on what is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy import parquet
from privacy.declarations import Measure, Table
from privacy.domains import coarse, domain, index
from privacy.errors import hold
from privacy.raking import Estimates, Floats

SUFFIXES = ("", "_se", "_common_se", "_noisy")
Result = tuple[Measure, Mapping[tuple[str, ...], Floats], Estimates]


def lay_out(table: Table, shown: npt.NDArray[np.bool_], results: Sequence[Result]) -> pl.DataFrame:
    """Return the table's rows. `shown`: which cells are. `results`: each measure, level → what was drawn there, estimates."""
    codes = {d.name: d.codes for d in table.dimensions}
    frames: list[pl.DataFrame] = []
    for level in (table.names, *coarse(table.names)):
        at, columns = index(table, level), list[pl.Series]()
        seen = np.bincount(at, shown) > 0
        for m, drawn, found in results:
            values, se = (found.values, found.se) if level == table.names else found.sums(level, at)
            parts = values, se, np.minimum(found.common(values), se), drawn.get(level, np.full(values.size, np.nan))
            columns += [
                pl.Series(f"{m.name}{suffix}", np.where(seen, part, np.nan)).fill_nan(None)
                for suffix, part in zip(SUFFIXES, parts, strict=True)
            ]
        frames.append(_wide(level, codes).with_columns(columns))
    return pl.concat(frames)


def most_bytes(spec: dict[str, Any]) -> int:
    """Return how large the file of a table can be that a manifest declares."""
    codes, names, figures = _declared(spec)
    return parquet.most_bytes([c for values in codes.values() for c in values], len(names) + len(figures), _rows(codes))


def read_rows(data: bytes, spec: dict[str, Any]) -> pl.DataFrame:
    """Return what a table's file holds, or refusal `schema`: its declared columns, rows that are as many as declared."""
    codes, _, figures = _declared(spec)
    return parquet.decode(data, codes, _rows(codes), floats=figures)


def check(rows: pl.DataFrame, name: str, spec: dict[str, Any]) -> None:
    """Hold a table read from a file to what its manifest says: rules `schema` and `suppression`."""
    codes, names, parts = _declared(spec)
    measures = spec["measures"]
    laid, levels = _every_row(tuple((n, tuple(c)) for n, c in codes.items()))
    good = rows.columns == [*names, *parts] and rows.select(names).equals(laid)
    hold("schema", good, f"table {name} is not one row a declared cell or level, sorted, with its declared columns")
    figures, nulls = rows.select(parts).to_numpy(), rows.select(pl.col(parts).is_null()).to_numpy()
    told, cells = ~nulls[:, 0], prod(map(len, codes.values()))  # a row shows if its lead measure does
    shown, drawn = figures[:cells][told[:cells]], SUFFIXES.index("_noisy")
    with np.errstate(all="ignore"):
        fair = bool((np.rint(shown[:, drawn] * measures[0]["step"]) > spec["threshold"]).all())
        fair &= bool(
            nulls[~told].all() and np.isfinite(figures[~nulls]).all() and not nulls[:cells][told[:cells]].any()
        )
        fair &= all(
            (np.bincount(at, told[:cells], size) > 0).tolist() == told[start : start + size].tolist()
            for start, size, at in levels
        )
        hold("suppression", fair, f"table {name} shows what should be suppressed, or half of it")
        most = math.sqrt(spec["max_cells"] / spec["full_cells"])
        good = all(
            _fair(m, most, shown[:, 4 * i : 4 * i + 4], figures[told][:, 4 * i : 4 * i + 4])
            for i, m in enumerate(measures)
        )
    measured = [tuple(level["dimensions"]) for level in spec["levels"]]
    for level, (start, size, _) in zip(coarse(tuple(names)), levels, strict=True):
        unseen = nulls[start : start + size][told[start : start + size]]
        drawn_there = [bool(m["levels"]) and level in measured for m in measures]
        good &= bool((unseen[:, SUFFIXES.index("_noisy") :: len(SUFFIXES)] != drawn_there).all())
    hold("schema", good, f"figures of table {name} are not those drawn, raked, with their errors")


def _declared(spec: dict[str, Any]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Return the codes of each dimension; the columns of dimensions, and of measures."""
    codes = {d["name"]: [code for code, _, _ in d["values"]] for d in spec["dimensions"]}
    return codes, list(codes), [f"{m['name']}{part}" for m in spec["measures"] for part in SUFFIXES]


def _rows(codes: Mapping[str, Sequence[str]]) -> int:
    levels = (tuple(codes), *coarse(tuple(codes)))
    return sum(prod(len(codes[name]) for name in level) for level in levels)


def _fair(m: dict[str, Any], most: float, shown: Floats, told: Floats) -> bool:
    """A cell is what was drawn times 1 to `most`, its error the noise's times as much or more; whatever shows is finite.

    Where bounds cut nothing it is as drawn, but for one number added to all cells for the sake of their total.
    `shown`, `told`: one column a suffix; cells, then levels too.
    """
    value, se, common, noisy = shown.T
    size, drawn, noise, slack = np.abs(value), np.abs(noisy), m["sigma"] / m["step"], 1e-9
    if m["levels"]:
        reach = most * m["clip"] / m["typical"]
        fair = (value * noisy >= 0) & (size >= drawn * (1 - slack)) & (size <= drawn * reach * (1 + slack))
        fair &= se * drawn >= size * noise * (1 - slack)
    else:
        moved = value - noisy
        off = np.abs(moved - moved.mean()) if moved.size else moved
        fair = (off <= 1e-6 * (1 + size)) & (se == noise) & (common == 0)
    value, se, common, _ = told.T
    whole = (common >= 0) & (common <= se * (1 + slack)) & np.isfinite(se) & np.isfinite(value)
    steps = told[:, 3] * m["step"]  # noise is drawn in whole steps, of 64 bits; null where a level was not measured
    whole &= np.isnan(steps) | ((np.abs(steps) < 2**63) & (np.rint(steps) / m["step"] == told[:, 3]))
    return bool(fair.all() and whole.all())


@lru_cache(maxsize=64)  # a hub reads thousands of releases of the same few tables
def _every_row(
    dimensions: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[pl.DataFrame, list[tuple[int, int, npt.NDArray[np.intp]]]]:
    """Return the dimensions of every row of a table; and of each level its first row, its rows, each cell's among them."""
    codes = dict(dimensions)
    frames = [_wide(level, codes) for level in (tuple(codes), *coarse(tuple(codes)))]
    levels, start = list[tuple[int, int, npt.NDArray[np.intp]]](), frames[0].height
    for level, frame in zip(coarse(tuple(codes)), frames[1:], strict=True):
        at = np.zeros(frames[0].height, np.intp)
        if level:
            numbered = frame.select(level).with_row_index("at")
            at = frames[0].join(numbered, on=level, how="left", maintain_order="left")["at"].to_numpy().astype(np.intp)
        levels.append((start, frame.height, at))
        start += frame.height
    return pl.concat(frames), levels


def _wide(level: tuple[str, ...], codes: Any) -> pl.DataFrame:
    """Return the rows of a level, null in the dimensions it adds up."""
    rows = domain({n: codes[n] for n in level}) if level else pl.DataFrame({"_": [0]})
    return rows.select(pl.col(n) if n in level else pl.lit(None, pl.String).alias(n) for n in codes)
