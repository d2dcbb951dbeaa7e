"""What another file of the export adds to the rows of one: columns, by equal keys."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from aggregations.conditions import holds
from aggregations.mapping import Join


def joined(rows: pl.LazyFrame, joins: Sequence[Join], others: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return the rows with the columns that joins keep of other reads; empty where a read is not there."""
    for join in joins:
        if join.read not in others:
            rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in join.keep)
            continue
        there = others[join.read].filter(holds(join.where))
        if not join.left:
            alone = [pl.when(pl.len() == 1).then(pl.col(c).first()).alias(name) for name, c in join.keep.items()]
            rows = rows.join(there.select(alone), how="cross")
            continue
        # One value a key, chosen by its content, so that the order of the file does not matter.
        there = there.group_by(pl.col(c).alias(f"_key{i}") for i, c in enumerate(join.right)).agg(
            pl.col(column).min().alias(name) for name, column in join.keep.items()
        )
        keys = [f"_key{i}" for i in range(len(join.right))]
        rows = rows.join(there, left_on=list(join.left), right_on=keys, how="left", maintain_order="left")
    return rows
