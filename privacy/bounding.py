"""Bounding: from contributions to exact sums that one person moves by no more than a public amount.

Input: one table's contributions, a lazy frame with `person` (unsigned 64-bit; absent for counts), one
string column a dimension, and one integer column a measure other than people (tickets: tickets, revenue:
cents, interactions, admissions). Rows of the same person and cell are added up here, so the bound does not
rest on what the caller did. Output, in integer steps: every cell of the public domain, and what bounds took
from the cells, for every value of the table's coarser levels; people's ids end here.

Argument. Let a person have n cells, and per measure the amounts t_1 … t_n, each clipped to [0, clip]; for people
t = (1, …, 1).
1. If n > max_cells the person adds nothing anywhere.
2. Otherwise t is scaled by min(1, B / norm(t)), times `step`, and rounded down, so that its norm is at most B x step,
   B = sqrt(full_cells) x typical: a person of n cells weighs min(1, sqrt(full_cells / n)) in each.
3. What that took, t x step less the scaled amounts, is added up by the values of a level, and this vector scaled in the
   same way to a norm of reach x typical x step at most.
4. Rounding down cannot raise a norm, and the factor 1 - 2^-40 outweighs the three correctly rounded IEEE operations (each
   within 2^-53) that make a scale. All of it comes from that person's own records, and sums ignore row order: adding or
   removing the person (the metric) moves each vector by at most its bound in L2, whose square is
   `plan.Noise.bound_squared`. tests/test_neighbours.py holds it against data.
A count has no person: its rows are single admissions, each worth step x clip in one cell; nothing is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from privacy.declarations import Measure, Table
from privacy.domains import domain
from privacy.errors import Fault

EXACT = "_exact"  # true number of people (or admissions) there: for the pre-threshold, never published
_SAFE, _AT = 1 - 2.0**-40, "_at"  # `_at`: place in a level's domain


@dataclass(frozen=True, slots=True)
class Bounded:
    """Exact sums of one table, in steps. Only `bound` makes it.

    `cells`: dimensions, `_exact`, each measure. `levels`: for each of the table's, its dimensions and what bounds took
    of each measure they cut. Every value of the domain has its row, sorted.
    """

    table: Table
    measures: tuple[Measure, ...]
    cells: pl.DataFrame
    levels: tuple[pl.DataFrame, ...]


def bound(contributions: pl.LazyFrame, table: Table, measures: tuple[Measure, ...]) -> Bounded:
    """Bound every person's contributions and add them up, for the whole of the table's public domain.

    Raises Fault when a column is missing. Values outside a dimension's domain count as `unknown`.
    """
    amounts = [m.name for m in measures if m.name != "people"]
    needed = {*table.names, *amounts} | ({"person"} if table.unit == "person" else set())
    missing = sorted(needed - set(contributions.collect_schema().names()))
    if missing:
        raise Fault(
            f"Contributions to table {table.name} lack {', '.join(missing)}.",
            f"Il manque {', '.join(missing)} aux contributions de la table {table.name}.",
        )
    known = contributions.with_columns(_cell(contributions, table).alias(_AT))
    sums = _bound_people(known, table, measures) if table.unit == "person" else [_bound_admissions(known, *measures)]
    found = pl.collect_all(sums, engine="streaming")
    levels = (table.names, *(level.dimensions for level in table.levels))
    cells, *coarser = (_over_domain(part, table, level) for part, level in zip(found, levels, strict=False))
    return Bounded(table, measures, cells, tuple(coarser))


def _bound_people(rows: pl.LazyFrame, table: Table, measures: tuple[Measure, ...]) -> list[pl.LazyFrame]:
    cut = [m for m in measures if table.clips(m)]
    whole = (
        rows.filter(pl.col("person").is_not_null())
        .group_by("person", _AT)
        .agg(pl.col(m.name).cast(pl.Int64).sum() for m in measures if m.name != "people")
        .with_columns(_amount(m) for m in measures)
        .with_columns(pl.col(m.name).alias(f"_whole_{m.name}") for m in cut)
    )
    norms = {m.name: table.full_cells * (table.typical(m) * m.step) ** 2 for m in cut}
    kept = _shorten(whole, norms, table.max_cells).collect(engine="streaming").lazy()  # once, for every level
    found = [kept.group_by(_AT).agg(pl.len().cast(pl.Int64).alias(EXACT), *(pl.col(m.name).sum() for m in measures))]
    taken = kept.select("person", _AT, *((pl.col(f"_whole_{m.name}") - pl.col(m.name)).alias(m.name) for m in cut))
    for level in table.levels if cut else ():
        added = taken.group_by("person", _at(table, level.dimensions).alias(_AT)).agg(pl.col(m.name).sum() for m in cut)
        norms = {m.name: (level.reach * table.typical(m) * m.step) ** 2 for m in cut}
        found.append(_shorten(added, norms).group_by(_AT).agg(pl.col(m.name).sum() for m in cut))
    return found


def _shorten(amounts: pl.LazyFrame, norms: dict[str, int], most: int | None = None) -> pl.LazyFrame:
    """Scale each person's vector, a row a value, to a norm whose square is in `norms`; drop those of `most` rows and more."""
    squares = [(pl.col(name) ** 2).sum().alias(f"_{name}") for name in norms]
    people = amounts.group_by("person").agg(pl.len().alias("_n"), *squares)
    within = people.filter(pl.col("_n") <= most) if most else people
    return amounts.join(within, on="person").with_columns(
        pl.when(pl.col(f"_{name}") <= limit)
        .then(pl.col(name))
        .otherwise((pl.col(name) * (limit**0.5 * _SAFE / pl.col(f"_{name}").cast(pl.Float64).sqrt())).floor())
        .cast(pl.Int64)
        for name, limit in norms.items()
    )


def _bound_admissions(rows: pl.LazyFrame, measure: Measure) -> pl.LazyFrame:
    """Add up single admissions; a count has one measure."""
    admissions = pl.col(measure.name).cast(pl.Int64).clip(lower_bound=0).sum()
    cells = rows.group_by(_AT).agg(admissions.alias(EXACT))
    return cells.with_columns((pl.col(EXACT) * measure.step * measure.clip).alias(measure.name))


def _amount(measure: Measure) -> pl.Expr:
    """What a person does in a cell, clipped, in steps."""
    if measure.name == "people":
        return pl.lit(measure.step, pl.Int64).alias("people")
    return pl.col(measure.name).clip(0, measure.clip * measure.step // measure.raw) * measure.raw


def _cell(rows: pl.LazyFrame, table: Table) -> pl.Expr:
    """Return the place of a row's cell in the table's domain, sorted. A code that is not known counts as `unknown`."""
    at, schema = pl.lit(0, pl.UInt32), rows.collect_schema()
    for d in table.dimensions:
        codes, column = pl.Enum(sorted(d.codes)), pl.col(d.name)
        if schema[d.name] != codes:
            column = column.cast(pl.String).cast(codes, strict=False)
        at = at * len(d.codes) + column.fill_null("unknown").to_physical().cast(pl.UInt32)
    return at


def _at(table: Table, level: tuple[str, ...]) -> pl.Expr:
    """Return the place in a level's domain, out of the cell's."""
    at, below = pl.lit(0, pl.UInt32), table.size
    for d in table.dimensions:
        size, below = len(d.codes), below // len(d.codes)
        if d.name in level:
            at = at * size + pl.col(_AT) // below % size
    return at


def _over_domain(sums: pl.DataFrame, table: Table, level: tuple[str, ...]) -> pl.DataFrame:
    """Return a row for every value of the level, 0 where nobody is."""
    rows = domain({d.name: d.codes for d in table.dimensions if d.name in level}) if level else pl.DataFrame({_AT: [0]})
    whole = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(_AT))
    return (
        whole.join(sums, on=_AT, how="left", maintain_order="left")
        .drop(_AT)
        .with_columns(pl.exclude(level).fill_null(0))
    )
