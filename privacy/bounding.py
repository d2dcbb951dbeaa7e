"""Bounding: from contributions to exact sums that one person moves by no more than a public amount.

Input: one table's contributions, a lazy frame with `person` (unsigned 64-bit; absent for counts), one
string column a dimension, and one integer column a measure other than people (tickets: tickets, revenue:
cents, interactions, admissions). Rows of the same person and cell are added up here, so the bound does not
rest on what the caller did. Output: every cell of the public domain, and every value of the table's coarser
levels, in integer steps; people's ids end here.

Argument. Let a person have n cells, and per measure the amounts t_1 … t_n, each clipped to [0, clip]; for people
t = (1, …, 1). At a level of some dimensions let u be those amounts added up over the others: at the finest u = t.
1. If n > max_cells the person adds nothing, at any level.
2. Otherwise u is scaled by min(1, B / norm(u)), times `step`, and rounded down, so that its norm is at most
   B x step, with B = sqrt(full_cells) x typical for the cells and reach x typical for a coarser level: a person of n
   cells weighs min(1, sqrt(full_cells / n)) in each. Rounding down cannot raise the norm, and the factor 1 - 2^-40
   outweighs the three correctly rounded IEEE operations (each within 2^-53) that make the scale.
3. n, u and the norm come from that person's own records alone, and sums ignore row order: adding or removing
   the person moves the measure's vector at that level by at most B x step in L2 (metric: add or remove one person).
   `plan.Noise.bound_squared` is that number squared. tests/test_neighbours.py holds it against data.
A count has no person: its rows are single admissions, each worth one step x clip in one cell, and no level is cut.
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

    `cells`: dimensions, `_exact`, each measure. `levels`: the same for each of the table's, with the measures that
    bounds cut. Every value of the domain has its row, sorted.
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
    person_cells = (
        rows.filter(pl.col("person").is_not_null())
        .group_by("person", _AT)
        .agg(pl.col(m.name).cast(pl.Int64).sum() for m in measures if m.name != "people")
        .with_columns(_amount(m) for m in measures)
    )
    few = person_cells.group_by("person").len("_n").filter(pl.col("_n") <= table.max_cells)
    kept = person_cells.join(few, on="person").collect(engine="streaming").lazy()  # once, for every level
    sums = [_bound_level(kept, measures, table.full_cells)]
    cut = tuple(m for m in measures if table.clips(m))
    for level in table.levels if cut else ():
        added = kept.group_by("person", _at(table, level.dimensions).alias(_AT)).agg(pl.col(m.name).sum() for m in cut)
        sums.append(_bound_level(added, cut, level.reach**2))
    return sums


def _bound_level(amounts: pl.LazyFrame, measures: tuple[Measure, ...], reach_squared: int) -> pl.LazyFrame:
    """Scale what each person adds to a level, a row a person and value, to the norm allowed; add people up."""
    norms = amounts.group_by("person").agg((pl.col(m.name) ** 2).sum().alias(f"_{m.name}") for m in measures)
    scaled = amounts.join(norms, on="person").with_columns(_scaled(m, reach_squared) for m in measures)
    return scaled.group_by(_AT).agg(pl.len().cast(pl.Int64).alias(EXACT), *(pl.col(m.name).sum() for m in measures))


def _bound_admissions(rows: pl.LazyFrame, measure: Measure) -> pl.LazyFrame:
    """Add up single admissions; a count has one measure."""
    admissions = pl.col(measure.name).cast(pl.Int64).clip(lower_bound=0).sum()
    cells = rows.group_by(_AT).agg(admissions.alias(EXACT))
    return cells.with_columns((pl.col(EXACT) * measure.step * measure.clip).alias(measure.name))


def _amount(measure: Measure) -> pl.Expr:
    """What a person does in a cell, clipped, in the whole numbers of the records."""
    if measure.name == "people":
        return pl.lit(1, pl.Int64).alias("people")
    return pl.col(measure.name).clip(0, measure.clip * measure.step // measure.raw)


def _scaled(measure: Measure, reach_squared: int) -> pl.Expr:
    limit = reach_squared * (measure.typical * measure.step // measure.raw) ** 2
    squared = pl.col(f"_{measure.name}")
    shrink = (limit**0.5 * _SAFE) / squared.cast(pl.Float64).sqrt() * measure.raw
    scaled = (pl.col(measure.name).cast(pl.Float64) * shrink).floor().cast(pl.Int64)
    whole = pl.col(measure.name) * measure.raw
    return pl.when(squared <= limit).then(whole).otherwise(scaled).alias(measure.name)


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
