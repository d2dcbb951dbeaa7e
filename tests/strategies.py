"""Hypothesis strategies: contributions of people to a table, resellers and robots among them."""

from __future__ import annotations

import polars as pl
from hypothesis import strategies as st

from privacy.declarations import Table

CENTS = 1_000_000


@st.composite
def rows_of(draw: st.DrawFn, table: Table, person: int, most: int) -> list[dict[str, object]]:
    """All contribution rows of one person: 0 to `most`, any cell, amounts far beyond the clips, negatives too."""
    cells = st.tuples(*(st.sampled_from([*d.codes, "not-in-the-domain"]) for d in table.dimensions))
    names = [d.name for d in table.dimensions]
    found = draw(st.lists(st.tuples(cells, st.integers(-5, 5000), st.integers(-CENTS, CENTS)), max_size=most))
    return [
        {"person": person, **dict(zip(names, cell, strict=True)), "tickets": n, "revenue": cents, "interactions": n}
        for cell, n, cents in found
    ]


@st.composite
def people(draw: st.DrawFn, table: Table, count: int = 6) -> list[dict[str, object]]:
    """Rows of a few people; one of them may have hundreds."""
    heavy = draw(st.integers(0, count - 1))
    return [row for i in range(count) for row in draw(rows_of(table, i, 300 if i == heavy else 8))]


def frame(table: Table, rows: list[dict[str, object]]) -> pl.LazyFrame:
    """Make the contributions frame, with its types also when there is no row."""
    schema: dict[str, pl.DataType] = {"person": pl.UInt64()}
    schema |= {d.name: pl.String() for d in table.dimensions}
    schema |= dict.fromkeys(("tickets", "revenue", "interactions"), pl.Int64())
    return pl.LazyFrame(rows, schema=schema)
