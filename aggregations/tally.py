"""One look over the rows of an export before anything is written: what is kept, and what is not and why.

Answers hold counts, line numbers and hashes of identities, never a value of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from aggregations.canonical import Canonical
from aggregations.persons import check_regime

_LEFT_OUT = -1
REPEATED = "the same ticket twice"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Labels of a column that no vocabulary knows: how many, on how many rows, first on which line."""

    column: str
    labels: int
    rows: int
    first_line: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one emit makes of the rows of its read."""

    read: int
    kept: int
    dropped: dict[str, int]  # reason -> rows
    refused: pl.DataFrame  # _file, _line, column, reason
    unknown: tuple[Unknown, ...]
    marks: pl.DataFrame  # _n, _mark: number among equal identities, or -1 to leave out


def tally(records: Canonical) -> Tally:
    """Judge every row once; GovernanceRefusal when an exempt row would be tied to a contact."""
    missed = [missed for _, missed in records.unknown.values()]
    judged = records.rows.select(
        "_file",
        "_line",
        "_n",
        "_drop",
        "_problem",
        unknown=pl.any_horizontal([pl.lit(False), *missed]),
        contacts=records.contacts,
        id=records.identity.hash(),
        repeats=records.repeats,
        finality=records.finality,
    ).collect(engine="streaming")
    kept = judged.filter(pl.col("_drop").is_null() & pl.col("_problem").is_null())
    if kept["contacts"].any():
        check_regime("exempt_audience", ["contact"], records.emit.read)
    refused = judged.filter(pl.col("_problem").is_not_null())
    marks = _marks(records, kept)
    dropped = {reason: rows for reason, rows in judged.group_by("_drop").len().iter_rows() if reason is not None}
    left_out = marks.filter(pl.col("_mark") == _LEFT_OUT).height
    if left_out:
        dropped[REPEATED] = left_out
    return Tally(
        read=judged.height,
        kept=kept.height - left_out,
        dropped=dict(sorted(dropped.items())),
        refused=_reasons(refused.select("_file", "_line", "_problem"), records.problems),
        unknown=_unknown(records) if kept["unknown"].any() else (),
        marks=marks,
    )


def left_in(records: Canonical, marks: pl.DataFrame) -> pl.LazyFrame:
    """Return the kept rows without repeats, with `_id`, one distinct text a row."""
    rows = records.kept
    if marks.is_empty():
        return rows.with_columns(_id=records.identity)
    rows = rows.join(marks.lazy(), on="_n", how="left").filter(pl.col("_mark").fill_null(0) != _LEFT_OUT)
    number = pl.when(pl.col("_mark") > 0).then(pl.concat_str(pl.lit("\x1f#"), pl.col("_mark"))).otherwise(pl.lit(""))
    return rows.with_columns(_id=pl.concat_str(records.identity, number))


def _unknown(records: Canonical) -> tuple[Unknown, ...]:
    found = records.kept.select(
        part
        for i, (label, missed) in enumerate(records.unknown.values())
        for part in (
            label.filter(missed).n_unique().alias(f"labels{i}"),
            missed.sum().alias(f"rows{i}"),
            pl.col("_line").filter(missed).min().alias(f"line{i}"),
        )
    )
    counts = found.collect(engine="streaming").row(0, named=True)
    return tuple(
        Unknown(column, counts[f"labels{i}"], counts[f"rows{i}"], counts[f"line{i}"])
        for i, column in enumerate(records.unknown)
        if counts[f"rows{i}"]
    )


def _marks(records: Canonical, kept: pl.DataFrame) -> pl.DataFrame:
    """Number rows that share an identity, by their content: the order of the file plays no part."""
    shared = kept.filter(pl.col("id").is_duplicated()).select("_n", "id", "repeats", "finality")
    names = [n for n in records.rows.collect_schema().names() if not n.startswith("_")]
    content = records.rows.select("_n", content=pl.struct(names).hash())
    shared = content.join(shared.lazy(), on="_n", how="inner").collect(engine="streaming") if shared.height else None
    if shared is None:
        return pl.DataFrame(schema={"_n": pl.Int64, "_mark": pl.Int64})
    shared = shared.sort("id", "finality", "content", descending=[False, True, False], nulls_last=True)
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("id")
    mark = pl.when(pl.col("repeats") & (place > 0)).then(pl.lit(_LEFT_OUT, pl.Int64)).otherwise(
        pl.when(pl.col("repeats")).then(pl.lit(0, pl.Int64)).otherwise(place)
    )  # fmt: skip
    return shared.with_columns(_mark=mark).filter(pl.col("_mark") != 0).select("_n", "_mark")


def _reasons(refused: pl.DataFrame, problems: tuple[tuple[str, str], ...]) -> pl.DataFrame:
    known = pl.DataFrame(
        {
            "_problem": list(range(len(problems))),
            "column": [column for column, _ in problems],
            "reason": [reason for _, reason in problems],
        },
        schema={"_problem": pl.Int32, "column": pl.String, "reason": pl.String},
    )
    listed = refused.with_columns(pl.col("_problem").cast(pl.Int32)).join(known, on="_problem", how="left")
    return listed.sort("_file", "_line", "column").drop("_problem")
