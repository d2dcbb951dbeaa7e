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
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

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


def check(rows: pl.DataFrame, name: str, spec: dict[str, Any]) -> None:
    """Hold a table read from a file to what its manifest says: rules `schema` and `suppression`."""
    codes = {d["name"]: [code for code, _, _ in d["values"]] for d in spec["dimensions"]}
    names, lead = list(codes), spec["measures"][0]
    measures = spec["measures"]
    parts = [f"{m['name']}{part}" for m in measures for part in SUFFIXES]
    good = dict(rows.schema) == dict.fromkeys(names, pl.String()) | dict.fromkeys(parts, pl.Float64())
    levels = coarse(tuple(names))
    good = good and rows.select(names).equals(_every_row(tuple((n, tuple(c)) for n, c in codes.items())))
    hold("schema", good, f"table {name} is not one row a declared cell or level, sorted, with its declared columns")
    told = rows.filter(pl.col(lead["name"]).is_not_null())
    shown = told.filter(pl.all_horizontal(pl.col(names).is_not_null()))
    hidden = rows.filter(pl.col(lead["name"]).is_null()).select(parts)
    above = (pl.col(f"{lead['name']}_noisy") * lead["step"]).round() > spec["threshold"]
    most = math.sqrt(spec["max_cells"] / spec["full_cells"])
    drawn, whole = zip(*(_fair(m, most * m["clip"] / m["typical"] if m["levels"] else 1.0) for m in measures), strict=True)
    kept, finite, *as_drawn = shown.select(
        above.all().alias("above"), pl.all_horizontal(pl.col(parts).is_finite()).all().alias("finite"), *drawn
    ).row(0)
    fair = kept and finite and hidden.select(pl.all_horizontal(pl.col(parts).is_null()).all()).item()
    fair &= (shown.height > 0) == (rows.tail(1)[lead["name"]].count() == 1)  # the total
    for level in levels[:-1]:
        others = (pl.col(n).is_null() for n in names if n not in level)
        seen = told.filter(pl.col(level).is_not_null(), *others).select(level)
        fair &= seen.equals(shown.select(level).unique().sort(level))
    hold("suppression", fair, f"table {name} shows what should be suppressed, or half of it")
    good = all(as_drawn) and all(told.select(whole).row(0))
    hold("schema", good, f"figures of table {name} are not those drawn, raked, with their errors")


def _fair(m: dict[str, Any], most: float) -> tuple[pl.Expr, pl.Expr]:
    """A cell is what was drawn times 1 to `most`, its error the noise's times as much or more; whatever shows is finite.

    Where bounds cut nothing it is as drawn, but for one number added to all cells for the sake of their total.
    """
    value, se, common, noisy = (pl.col(f"{m['name']}{part}") for part in SUFFIXES)
    size, drawn, noise, slack = value.abs(), noisy.abs(), m["sigma"] / m["step"], 1e-9
    if m["levels"]:
        fair = (value * noisy >= 0) & size.is_between(drawn * (1 - slack), drawn * most * (1 + slack))
        fair &= se * drawn >= size * noise * (1 - slack)
    else:
        moved = value - noisy
        fair = ((moved - moved.mean()).abs() <= 1e-6 * (1 + size)) & (se == noise) & (common == 0)
    whole = (common >= 0) & (common <= se * (1 + slack)) & se.is_finite() & value.is_finite()
    return fair.all().alias(m["name"]), whole.all().alias(m["name"])


@lru_cache(maxsize=64)  # a hub reads thousands of releases of the same few tables
def _every_row(dimensions: tuple[tuple[str, tuple[str, ...]], ...]) -> pl.DataFrame:
    """Return the dimensions of every row of a table, cells then levels."""
    codes = dict(dimensions)
    names = tuple(codes)
    return pl.concat(_wide(level, codes) for level in (names, *coarse(names)))


def _wide(level: tuple[str, ...], codes: Any) -> pl.DataFrame:
    """Return the rows of a level, null in the dimensions it adds up."""
    rows = domain({n: codes[n] for n in level}) if level else pl.DataFrame({"_": [0]})
    return rows.select(pl.col(n) if n in level else pl.lit(None, pl.String).alias(n) for n in codes)
