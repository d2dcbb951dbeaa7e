"""Which of two versions of a row holds: decided by what they say, never by which was loaded first.

Exports overlap, and come late or twice. Of two versions of one row (same source and `row_ref`), in this order: the one
the system changed last, where it tells; the more final status; the one whose file was written last; and the greater
digest, so that there is always one answer. The rule is a total order: loading the same exports in any order, any
number of times, leaves the same rows.
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from aggregations.schema import FRAMES, TRANSACTION_STATUSES

_NEVER = pl.lit(-(2**63), pl.Int64)
STANDING = ("changed", "final", "written", "content")  # the greatest holds


def standing(frame: str, written: pl.Expr) -> dict[str, pl.Expr]:
    """Return the columns of `STANDING` for rows of a frame, from files last written then (ns since 1970)."""
    return {
        "changed": pl.col("changed_at").cast(pl.Int64).fill_null(_NEVER),
        "final": _finality() if frame == "transactions" else pl.lit(0, pl.Int8),
        "written": written,
        "content": pl.struct(n for n in FRAMES[frame] if n not in ("source_row", "row_ref", "changed_at")).hash(),
    }


def later(ours: str, theirs: str) -> pl.Expr:
    """Tell whether the columns of `STANDING` that begin with `ours` are greater than those that begin with `theirs`."""

    def beyond(rest: pl.Expr, name: str) -> pl.Expr:
        here, there = pl.col(f"{ours}{name}"), pl.col(f"{theirs}{name}")
        return (here > there) | ((here == there) & rest)

    return reduce(beyond, reversed(STANDING), pl.lit(False))


def _finality() -> pl.Expr:
    steps = [(pl.col("status") == status).cast(pl.Int8) * place for place, status in enumerate(TRANSACTION_STATUSES)]
    return pl.sum_horizontal(steps).cast(pl.Int8)
