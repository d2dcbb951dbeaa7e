"""Gathering: from contributions, as long as they may be, to the exact sums of every table that reads them.

Input: a lazy frame with `person` (unsigned 64-bit; absent for counts), one string or Enum column a dimension, and one
integer column a measure other than people (tickets: tickets, revenue: cents, interactions, admissions). It is read once:
people are spread over buckets by their number, each bucket fits in memory, and everything a person did is in one of them.
A log of more than a bucket is parted in a folder of its own, which is gone at the end. All tables share it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from privacy.bounding import EXACT, Sums, bound_people
from privacy.declarations import Measure, Table
from privacy.domains import domain
from privacy.errors import Fault

BUCKET = 12_000_000  # rows: about a gigabyte at work
Job = tuple[Table, tuple[Measure, ...]]


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
    """Bound one table's contributions; see `gather`."""
    return gather(contributions, [(table, measures)])[0]


def gather(contributions: pl.LazyFrame, jobs: Sequence[Job]) -> list[Bounded]:
    """Bound every person's contributions to some tables on the same records, and add them up, in one reading.

    Raises Fault when a column is missing or no number. Values outside a dimension's domain count as `unknown`.
    """
    schema = contributions.collect_schema()
    for table, measures in jobs:
        amounts = [m.name for m in measures if m.name != "people"]
        needed = {*table.names, *amounts} | ({"person"} if table.unit == "person" else set())
        if missing := sorted(needed - set(schema.names())):
            raise Fault(
                f"Contributions to table {table.name} lack {', '.join(missing)}.",
                f"Il manque {', '.join(missing)} aux contributions de la table {table.name}.",
            )
        if broken := [
            name for name in amounts if not schema[name].is_integer()
        ]:  # a cast that fails would tell a value
            raise Fault(
                f"Contributions to table {table.name}: {', '.join(broken)} must be whole numbers.",
                f"Contributions de la table {table.name} : {', '.join(broken)} doit être en nombres entiers.",
            )
    places = [_cell(contributions, table).alias(f"_{i}") for i, (table, _) in enumerate(jobs)]
    names = sorted({m.name for _, measures in jobs for m in measures} - {"people"})
    coded = contributions.with_columns(places).with_columns(pl.col(names).cast(pl.Int64))
    columns = [f"_{i}" for i in range(len(jobs))] + names
    if jobs[0][0].unit == "admission":
        frame = coded.select(columns).collect(engine="streaming")
        return [_laid(job, [_admissions(frame, i, *job)]) for i, job in enumerate(jobs)]
    sums: list[list[Sums]] = []
    for bucket in _buckets(coded.filter(pl.col("person").is_not_null()).select("person", *columns)):
        people = bucket.select(pl.col("person").unique()).with_row_index("_who")
        known = bucket.lazy().join(people.lazy(), on="person")
        cells = pl.collect_all([_cells(known, i, measures) for i, (_, measures) in enumerate(jobs)], engine="streaming")
        found = [_bound(rows, *job) for rows, job in zip(cells, jobs, strict=True)]
        sums = [_plus(a, b) for a, b in zip(sums, found, strict=True)] if sums else found
    return [_laid(job, of) for job, of in zip(jobs, sums, strict=True)]


def _buckets(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows, all of a person's in the same bucket; at least one bucket."""
    number = -(-rows.select(pl.len()).collect(engine="streaming").item() // BUCKET)
    if number <= 1:
        yield rows.collect(engine="streaming")
        return
    with tempfile.TemporaryDirectory(prefix="jauge-") as folder:  # readable by this account only
        parted = rows.with_columns((pl.col("person") % number).cast(pl.UInt32).alias("_bucket"))
        parted.sink_parquet(pl.PartitionBy(folder, key="_bucket", include_key=False), mkdir=True, compression="lz4")
        for part in sorted(Path(folder).iterdir()):
            yield pl.scan_parquet(part / "*.parquet", hive_partitioning=False).collect(engine="streaming")


def _cells(rows: pl.LazyFrame, i: int, measures: tuple[Measure, ...]) -> pl.LazyFrame:
    """Add up what each person did in each cell of the i-th table, sorted by person and cell."""
    amounts = [m.name for m in measures if m.name != "people"]
    key = (pl.col("_who").cast(pl.UInt64) * 2**32 + pl.col(f"_{i}")).alias("_key")
    cells = rows.select(key, *amounts).group_by("_key").agg(pl.col(amounts).sum()).sort("_key")
    return cells.select(
        (pl.col("_key") // 2**32).cast(pl.Int64).alias("_who"), (pl.col("_key") % 2**32).cast(pl.Int64).alias("_at"), *amounts
    )  # fmt: skip


def _bound(cells: pl.DataFrame, table: Table, measures: tuple[Measure, ...]) -> list[Sums]:
    arrays = {name: cells[name].to_numpy() for name in cells.columns}
    return bound_people(table, measures, arrays.pop("_who"), arrays.pop("_at"), arrays)


def _admissions(rows: pl.DataFrame, i: int, table: Table, measures: tuple[Measure, ...]) -> Sums:
    """Add up single admissions, each worth step x clip in one cell; nothing is taken. A count has one measure."""
    (measure,) = measures
    sums = rows.group_by(f"_{i}").agg(pl.col(measure.name).clip(lower_bound=0).sum())
    whole = pl.DataFrame({f"_{i}": range(table.size)}, schema={f"_{i}": pl.UInt32}).join(sums, on=f"_{i}", how="left")
    exact = whole.sort(f"_{i}")[measure.name].fill_null(0).to_numpy()
    return {EXACT: exact, measure.name: exact * measure.step * measure.clip}


def _cell(rows: pl.LazyFrame, table: Table) -> pl.Expr:
    """Return the place of a row's cell in the table's domain, sorted. A code that is not known counts as `unknown`."""
    at, schema = pl.lit(0, pl.UInt32), rows.collect_schema()
    for d in table.dimensions:
        codes, column = pl.Enum(sorted(d.codes)), pl.col(d.name)
        if schema[d.name] != codes:
            column = column.cast(pl.String).cast(codes, strict=False)
        at = at * len(d.codes) + column.fill_null("unknown").to_physical().cast(pl.UInt32)
    return at


def _plus(one: list[Sums], other: list[Sums]) -> list[Sums]:
    return [{name: a[name] + b[name] for name in a} for a, b in zip(one, other, strict=True)]


def _laid(job: Job, sums: list[Sums]) -> Bounded:
    """Return the sums beside the codes of their domain."""
    table, measures = job
    frames: list[pl.DataFrame] = []
    for dimensions, of in zip((table.names, *(level.dimensions for level in table.levels)), sums, strict=False):
        values = pl.DataFrame(of)
        codes = {d.name: d.codes for d in table.dimensions if d.name in dimensions}
        frames.append(domain(codes).hstack(values) if codes else values)
    return Bounded(table, measures, frames[0], tuple(frames[1:]))
