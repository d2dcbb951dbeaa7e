"""Gathering: from contributions, as long as they may be, to the exact sums of every table that reads them.

Each part is bounded where it lies; parts add up to the same sums whatever their number and wherever they were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.contributions import Contributions, Found, Ints, Job, Part, Sums, at_once, check, place, whole
from privacy.declarations import Measure, Table
from privacy.domains import EXACT, domain
from privacy.errors import Fault


@dataclass(frozen=True, slots=True)
class Bounded:
    """Exact sums of one table, in steps. Only `gather` makes it.

    `cells`: dimensions, `_exact`, each measure. `levels`: for each of the table's, its dimensions and what bounds took
    of each measure they cut. Every value of the domain has its row, sorted.
    """

    table: Table
    measures: tuple[Measure, ...]
    cells: pl.DataFrame
    levels: tuple[pl.DataFrame, ...]


def bound(contributions: pl.LazyFrame, table: Table, measures: tuple[Measure, ...]) -> Bounded:
    """Bound one table's contributions, all in one part; see `gather`."""
    return gather(at_once(lambda _: contributions), [(table, measures)])[0]


def gather(contributions: Contributions, jobs: Sequence[Job]) -> list[Bounded]:
    """Bound every person's contributions to some tables, and add them up.

    Raises Fault when a column is missing or no number, or when a part is missing, comes twice or holds other people than
    it says: a person in two parts would be bounded twice. Values outside a dimension's domain count as `unknown`.
    """
    sums: dict[str, Sums] = {}
    seen: dict[str, list[Part]] = {table.name: [] for table, _ in jobs}
    work = partial(bound_part, {table.name: (table, measures) for table, measures in jobs})
    for found in contributions.each(tuple(table for table, _ in jobs), work):
        for name, (cells, taken) in found.sums.items():
            before = sums.get(name)
            sums[name] = (before[0] + cells, before[1] + taken) if before else (cells, taken)
            seen[name].append(found.part)
    for parts in seen.values():
        whole(parts)
    return [_laid(job, *sums[job[0].name]) for job in jobs]


def bound_part(jobs: Mapping[str, Job], rows: pl.LazyFrame, tables: tuple[Table, ...], part: Part) -> Found:
    """Bound the people of one part and add them up, for tables of one basis. `jobs`: by table's name."""
    own = [jobs[table.name] for table in tables]
    check(rows, own)
    places = [place(rows, table).alias(f"_{i}") for i, table in enumerate(tables)]
    amounts = sorted({m.name for _, measures in own for m in measures} - {"people"})
    coded = rows.with_columns(pl.col(amounts).cast(pl.Int64).fill_null(0), *places)
    columns = [f"_{i}" for i in range(len(tables))] + amounts
    if tables[0].unit == "admission":
        frame = coded.select(columns).collect(engine="streaming")
        return Found(part, {job[0].name: _admissions(frame, i, *job) for i, job in enumerate(own)})
    named = coded.filter(pl.col("person").is_not_null()).with_columns(pl.col("person").cast(pl.UInt64))
    people = named.select("person", *columns).collect(engine="streaming")
    if part.of > 1 and people.select((pl.col("person") % part.of != part.number).any()).item():
        raise Fault("A part holds people of another.", "Une part contient des personnes d’une autre.")
    return Found(part, _people(people, own, amounts))


def _people(rows: pl.DataFrame, jobs: Sequence[Job], amounts: list[str]) -> dict[str, Sums]:
    """Bound people; every core takes some of them."""
    from privacy.bounding import bound_people, bounds_of  # Numba takes a second to load
    from privacy.grouping import by_person

    cells = _stacked(rows, [f"_{i}" for i in range(len(jobs))], np.uint32)
    everyone = rows["person"].to_numpy(), cells, _stacked(rows, amounts, np.int64)
    for given in everyone:
        given.flags.writeable = False  # Numba would compile once more for arrays that may be written
    uses = [[amounts.index(m.name) for m in measures if m.name != "people"] for _, measures in jobs]
    uses = [slice(None) if use == [*range(len(amounts))] else use for use in uses]  # a slice copies nothing
    bounds, crews = [bounds_of(*job) for job in jobs], pl.thread_pool_size()

    def bounded(crew: int) -> list[Sums]:
        own, did, starts = by_person(*everyone, crew, crews)
        return [bound_people(starts, cell, did[use], of) for cell, use, of in zip(own, uses, bounds, strict=True)]

    with ThreadPoolExecutor(crews) as threads:
        found = zip(*threads.map(bounded, range(crews)), strict=True)  # by table
        return {
            table.name: (np.sum([c for c, _ in of], axis=0), np.sum([t for _, t in of], axis=0))
            for (table, _), of in zip(jobs, found, strict=True)
        }


def _stacked(rows: pl.DataFrame, names: list[str], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return some columns as one array, column x row; a single one is not copied."""
    if len(names) == 1:
        return rows[names[0]].to_numpy()[None]
    return np.array([rows[name].to_numpy() for name in names], dtype).reshape(len(names), rows.height)


def _admissions(rows: pl.DataFrame, i: int, table: Table, measures: tuple[Measure, ...]) -> Sums:
    """Add up single admissions, each worth step x clip in one cell; nothing is taken. A count has one measure."""
    (measure,) = measures
    sums = rows.group_by(f"_{i}").agg(pl.col(measure.name).clip(lower_bound=0).sum())
    every = pl.DataFrame({f"_{i}": range(table.size)}, schema={f"_{i}": pl.UInt32}).join(sums, on=f"_{i}", how="left")
    exact = every.sort(f"_{i}")[measure.name].fill_null(0).to_numpy()
    return np.stack([exact, exact * measure.step * measure.clip], axis=1), np.empty((0, 1), np.int64)


def _laid(job: Job, cells: Ints, taken: Ints) -> Bounded:
    """Return the sums beside the codes of their domain."""
    table, measures = job
    names = [m.name for m in measures]
    levels: list[pl.DataFrame] = []
    for level in table.levels if taken.size else ():
        size = table.extent(level.dimensions)
        values, taken = (
            pl.DataFrame(taken[:size], names).select(m.name for m in measures if table.clips(m)),
            taken[size:],
        )
        codes = {d.name: d.codes for d in table.dimensions if d.name in level.dimensions}
        levels.append(domain(codes).hstack(values) if codes else values)
    fine = domain({d.name: d.codes for d in table.dimensions}).hstack(pl.DataFrame(cells, [EXACT, *names]))
    return Bounded(table, measures, fine, tuple(levels))
