"""Bounding: from contributions to exact cells that one person moves by no more than a public amount.

Input: one table's contributions, a lazy frame with `person` (unsigned 64-bit; absent for counts), one
string column a dimension, and one integer column a measure other than people (tickets: tickets, revenue:
cents, interactions, admissions). Rows of the same person and cell are added up here, so the bound does not
rest on what the caller did. Output: every cell of the public domain, in integer steps; people's ids end here.

Argument. Let a person have n cells, and per measure the amounts t_1 … t_n, each clipped to [0, clip].
1. If n > max_cells the person adds nothing.
2. Otherwise the vector is scaled by min(1, B / norm(t)) with B = sqrt(full_cells) x clip, times `step`, and
   rounded down, so that its norm is at most B x step; for people t = (1, …, 1) and the weight is
   min(1, sqrt(full_cells / n)). Rounding down cannot raise the norm, and the factor 1 - 2^-40 outweighs the three
   correctly rounded IEEE operations (each within 2^-53) that make the scale.
3. n, t and the norm come from that person's own records alone, and sums ignore row order: adding or removing
   the person moves the measure's vector of cells by at most B x step in L2 (metric: add or remove one person).
   `plan.Noise.bound_squared` is that number squared. tests/test_neighbours.py holds it against data.
A count has no person: its rows are single admissions, each worth one step x clip in one cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from privacy.declarations import Measure, Table
from privacy.errors import Fault

EXACT = "_exact"  # true number of people (or admissions) in the cell: for the pre-threshold, never published
_SAFE = 1 - 2.0**-40


@dataclass(frozen=True, slots=True)
class Bounded:
    """Exact cells of one table: dimensions, `_exact`, and each measure in steps. Only `bound` makes it."""

    table: Table
    measures: tuple[Measure, ...]
    cells: pl.DataFrame


def bound(contributions: pl.LazyFrame, table: Table, measures: tuple[Measure, ...]) -> Bounded:
    """Bound every person's contributions and add them up, for all cells of the table's public domain.

    Raises Fault when a column is missing. Values outside a dimension's domain count as `unknown`.
    """
    dimensions = [d.name for d in table.dimensions]
    amounts = [m.name for m in measures if m.name != "people"]
    needed = {*dimensions, *amounts} | ({"person"} if table.unit == "person" else set())
    missing = sorted(needed - set(contributions.collect_schema().names()))
    if missing:
        raise Fault(
            f"Contributions to table {table.name} lack {', '.join(missing)}.",
            f"Il manque {', '.join(missing)} aux contributions de la table {table.name}.",
        )
    known = contributions.with_columns(_in_domain(d.name, d.codes) for d in table.dimensions)
    if table.unit == "person":
        bounded = _bound_people(known, table, measures, dimensions)
    else:
        bounded = _bound_admissions(known, measures)
    sums = bounded.group_by(dimensions).agg(pl.col(EXACT).sum(), *(pl.col(m.name).sum() for m in measures))
    cells = (
        _domain(table)
        .lazy()
        .join(sums, on=dimensions, how="left", maintain_order="left")
        .with_columns(pl.col(EXACT, *(m.name for m in measures)).fill_null(0))
        .select(*dimensions, EXACT, *(m.name for m in measures))
    )
    return Bounded(table, measures, cells.collect(engine="streaming"))


def _bound_people(
    rows: pl.LazyFrame, table: Table, measures: tuple[Measure, ...], dimensions: list[str]
) -> pl.LazyFrame:
    person_cells = (
        rows.filter(pl.col("person").is_not_null())
        .group_by("person", *dimensions)
        .agg(*(pl.col(m.name).cast(pl.Int64).sum() for m in measures if m.name != "people"))
        .with_columns(_amount(m) for m in measures)
    )
    norms = person_cells.group_by("person").agg(
        pl.len().alias("_n"), *((pl.col(m.name) ** 2).sum().alias(f"_{m.name}") for m in measures)
    )
    return (
        person_cells.join(norms.filter(pl.col("_n") <= table.max_cells), on="person")
        .with_columns(_scaled(m, table) for m in measures)
        .with_columns(pl.lit(1, pl.Int64).alias(EXACT))
    )


def _bound_admissions(rows: pl.LazyFrame, measures: tuple[Measure, ...]) -> pl.LazyFrame:
    (measure,) = measures  # a count has one measure, admissions
    admissions = pl.col(measure.name).cast(pl.Int64).clip(lower_bound=0)
    return rows.with_columns(admissions.alias(EXACT)).with_columns(
        (pl.col(EXACT) * measure.step * measure.clip).alias(measure.name)
    )


def _amount(measure: Measure) -> pl.Expr:
    """What a person does in a cell, clipped, in the whole numbers of the records."""
    if measure.name == "people":
        return pl.lit(1, pl.Int64).alias("people")
    return pl.col(measure.name).clip(0, _most(measure))


def _scaled(measure: Measure, table: Table) -> pl.Expr:
    limit = table.full_cells * _most(measure) ** 2
    squared = pl.col(f"_{measure.name}")
    shrink = (limit**0.5 * _SAFE) / squared.cast(pl.Float64).sqrt() * measure.raw
    scaled = (pl.col(measure.name).cast(pl.Float64) * shrink).floor().cast(pl.Int64)
    whole = pl.col(measure.name) * measure.raw
    return pl.when(squared <= limit).then(whole).otherwise(scaled).alias(measure.name)


def _most(measure: Measure) -> int:
    return measure.clip * measure.step // measure.raw


def _in_domain(name: str, codes: tuple[str, ...]) -> pl.Expr:
    column = pl.col(name).cast(pl.String)
    return pl.when(column.is_in(list(codes))).then(column).otherwise(pl.lit("unknown")).alias(name)


def _domain(table: Table) -> pl.DataFrame:
    cells = pl.DataFrame({d.name: list(d.codes) for d in table.dimensions[:1]})
    for dimension in table.dimensions[1:]:
        cells = cells.join(pl.DataFrame({dimension.name: list(dimension.codes)}), how="cross")
    return cells.sort(cells.columns)
