"""Gathering: from contributions, as long as they may be, to the exact sums of every table that reads them.

Each part is bounded where it lies; parts add up to the same sums whatever their number and wherever they were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from privacy.contributions import Contributions, Found, Ints, Job, Part, Sums, at_once, check, place
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
        if sorted(p.number for p in parts) != list(range(len(parts))) or {p.of for p in parts} != {len(parts)}:
            raise Fault("Parts of the records are missing or came twice.", "Il manque des parts des enregistrements, ou une est venue deux fois.")  # fmt: skip
    return [_laid(job, *sums[job[0].name]) for job in jobs]


def bound_part(jobs: Mapping[str, Job], rows: pl.LazyFrame, tables: tuple[Table, ...], part: Part) -> Found:
    """Bound the people of one part and add them up, for tables on the same records. `jobs`: by table's name."""
    own = [jobs[table.name] for table in tables]
    check(rows, own)
    places = [place(rows, table).alias(f"_{i}") for i, table in enumerate(tables)]
    amounts = sorted({m.name for _, measures in own for m in measures} - {"people"})
    coded = rows.with_columns(pl.col(amounts).cast(pl.Int64).fill_null(0), *places)
    columns = [f"_{i}" for i in range(len(tables))] + amounts
    if tables[0].unit == "admission":
        frame = coded.select(columns).collect(engine="streaming")
        return Found(part, {job[0].name: _admissions(frame, i, *job) for i, job in enumerate(own)})
    named = coded.filter(pl.col("person").is_not_null())
    people = named.group_by("person").agg(columns).collect(engine="streaming")
    if people.select((pl.col("person") % part.of != part.number).any()).item():
        raise Fault("A part holds people of another.", "Une part contient des personnes d’une autre.")
    return Found(part, _people(people, own))


def _people(people: pl.DataFrame, jobs: Sequence[Job]) -> dict[str, Sums]:
    """Bound people, a row of lists each; every core takes some of them."""
    from privacy.bounding import bound_people, bounds_of  # Numba takes a second to load

    ends = people["_0"].list.len().cum_sum().cast(pl.Int64).to_numpy()
    crews = np.array_split(np.append(0, ends), pl.thread_pool_size())
    starts = [np.append(crew, following[:1]) for crew, following in zip(crews, [*crews[1:], ends[:0]], strict=True)]
    flat = {name: people[name].explode(empty_as_null=False).to_numpy() for name in people.columns[1:]}
    sums: dict[str, Sums] = {}
    with ThreadPoolExecutor(len(crews)) as threads:
        for i, (table, measures) in enumerate(jobs):
            own = [flat[m.name] for m in measures if m.name != "people"]
            amounts = own[0][None] if len(own) == 1 else np.array(own, np.int64).reshape(len(own), flat[f"_{i}"].size)
            some = partial(bound_people, cell=flat[f"_{i}"], amounts=amounts, bounds=bounds_of(table, measures))
            found = list(threads.map(some, starts))
            sums[table.name] = np.sum([f[0] for f in found], axis=0), np.sum([f[1] for f in found], axis=0)
    return sums


def _admissions(rows: pl.DataFrame, i: int, table: Table, measures: tuple[Measure, ...]) -> Sums:
    """Add up single admissions, each worth step x clip in one cell; nothing is taken. A count has one measure."""
    (measure,) = measures
    sums = rows.group_by(f"_{i}").agg(pl.col(measure.name).clip(lower_bound=0).sum())
    whole = pl.DataFrame({f"_{i}": range(table.size)}, schema={f"_{i}": pl.UInt32}).join(sums, on=f"_{i}", how="left")
    exact = whole.sort(f"_{i}")[measure.name].fill_null(0).to_numpy()
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
