"""Contributions: how a venue hands its people's records to the border, and what the border hands back to it.

They come in parts, each holding some people whole; where a part is worked on, and by which engine, is the venue's affair
(see `aggregations.engines`). A part's answer is sums over the public domain, without people.

A contribution row has `person` (unsigned 64-bit; absent for counts), one string or Enum column a dimension, and one
integer column a measure other than people (tickets: tickets, revenue: cents, interactions, admissions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.declarations import Measure, Sketch, Table
from privacy.errors import Fault

Ints = npt.NDArray[np.int64]
Job = tuple[Table, tuple[Measure, ...]]
Sums = tuple[Ints, Ints]  # cell x (true people, measures…); value of a level, one level after another, x measures


@dataclass(frozen=True, slots=True)
class Part:
    """The people whose numbers leave `number` when divided by `of`."""

    number: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """What `bound_part` found in a part: sums by table. It holds no person and can travel between machines."""

    part: Part
    sums: dict[str, Sums]


Work = Callable[[pl.LazyFrame, tuple[Table, ...], Part], Found]
Count = Callable[[Sketch, pl.LazyFrame, Part], Found]


@dataclass(frozen=True, slots=True)
class Contributions:
    """What a venue's people add to tables and sketches.

    `each`: applies the work to the contributions to some of the tables, those of one basis, part by part.
    `people`: applies the count to the people of a sketch, part by part; of none, where there is no sketch.
    `version`: a text that changes whenever the records behind may have.
    """

    version: str
    each: Callable[[tuple[Table, ...], Work], Iterable[Found]]
    people: Callable[[Sketch, Count], Iterable[Found]] = lambda _sketch, _count: ()


def at_once(
    rows: Callable[[tuple[Table, ...]], pl.LazyFrame],
    version: str = "",
    people: Callable[[Sketch], pl.LazyFrame] = lambda _: pl.LazyFrame(),
) -> Contributions:
    """Return contributions all in one part; `rows`: tables of one basis → the contributions to them; `people`: of a sketch."""

    def each(tables: tuple[Table, ...], work: Work) -> Iterator[Found]:
        for basis in dict.fromkeys(table.basis for table in tables):
            own = tuple(table for table in tables if table.basis == basis)
            yield work(rows(own), own, Part())

    return Contributions(version, each, lambda sketch, count: [count(sketch, people(sketch), Part())])


def whole(parts: Sequence[Part]) -> None:
    """Raise Fault when a part is missing or came twice: a person in two parts would be bounded twice."""
    if sorted(p.number for p in parts) != list(range(len(parts))) or {p.of for p in parts} != {len(parts)}:
        raise Fault("Parts of the records are missing or came twice.", "Il manque des parts des enregistrements, ou une est venue deux fois.")  # fmt: skip


def check(rows: pl.LazyFrame, jobs: Sequence[Job]) -> None:
    """Raise Fault when a column is missing, or an amount is no whole number."""
    schema = rows.collect_schema()
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


def place(rows: pl.LazyFrame, table: Table) -> pl.Expr:
    """Return the place of a row's cell in the table's domain, sorted. A code that is not known counts as `unknown`."""
    at, schema = pl.lit(0, pl.UInt32), rows.collect_schema()
    for d in table.dimensions:
        codes, column = pl.Enum(sorted(d.codes)), pl.col(d.name)
        if schema[d.name] != codes:
            column = column.cast(pl.String).cast(codes, strict=False)
        at = at * len(d.codes) + column.fill_null("unknown").to_physical().cast(pl.UInt32)
    return at
