"""What is kept of an export's rows, what is not, and why: from staged rows, in streaming passes.

Answers hold counts, line numbers and keyed hashes, never a value of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from aggregations.canonical import KEPT, Canonical
from aggregations.persons import check_regime, keyed
from aggregations.versions import STANDING, standing

BUCKET = 6_000_000  # rows whose references are held at once: a gigabyte and a half where all of them are new
REPEATED = "the same ticket twice"
_LEFT_OUT = -1


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
    quarantined: dict[str, int]  # "column: reason" -> rows
    unknown: tuple[Unknown, ...]
    marks: pl.DataFrame  # _n, _mark: number among equal identities, or -1 to leave out


def tally(records: Canonical, staged: pl.LazyFrame) -> Tally:
    """Judge the staged rows; GovernanceRefusal when an exempt row would be tied to a contact."""
    counts, dropped, refused = pl.collect_all(
        [
            staged.select(pl.len().alias("read"), KEPT.sum().alias("kept"), (KEPT & pl.col("_contact")).any()),
            staged.drop_nulls("_drop").group_by("_drop").len().sort("_drop"),
            staged.drop_nulls("_problem").group_by("_problem").len(),
        ],
        engine="streaming",
    )
    read, kept, contact = counts.row(0)
    if contact:
        check_regime("exempt_audience", ["contact"], records.emit.read)
    marks = _marks(staged.filter(KEPT), records.emit.frame, -(-kept // BUCKET))
    left_out = marks.filter(pl.col("_mark") == _LEFT_OUT).height
    reasons = {f"{column}: {reason}": 0 for column, reason in sorted(records.problems)}
    for problem, rows in refused.iter_rows():
        column, reason = records.problems[problem]
        reasons[f"{column}: {reason}"] += rows
    return Tally(
        read=read,
        kept=kept - left_out,
        dropped=dict(sorted([*dropped.iter_rows(), *([(REPEATED, left_out)] if left_out else [])])),
        quarantined={reason: rows for reason, rows in reasons.items() if rows},
        unknown=_unknown(records, staged.filter(KEPT)),
        marks=marks,
    )


def left_in(records: Canonical, staged: pl.LazyFrame, marks: pl.DataFrame) -> pl.LazyFrame:
    """Return the staged rows that become records: kept, without repeats, each with a `row_ref` of its own."""
    rows = staged.filter(KEPT)
    if not marks.is_empty():
        rows = rows.join(marks.lazy(), on="_n", how="left").filter(pl.col("_mark").fill_null(0) != _LEFT_OUT)
        another = keyed(pl.format("{}#{}", "row_ref", "_mark"), records.key, "row")
        rows = rows.with_columns(row_ref=pl.when(pl.col("_mark") > 0).then(another).otherwise("row_ref"))
    return rows


def _unknown(records: Canonical, kept: pl.LazyFrame) -> tuple[Unknown, ...]:
    columns = [f"_unknown{i}" for i in range(len(records.unknown))]
    counts = pl.collect_all(
        [
            kept.drop_nulls(c).select(pl.col(c).n_unique().alias("labels"), pl.len().alias("rows"), pl.col("_line").min())
            for c in columns
        ],
        engine="streaming",
    )  # fmt: skip
    found = zip(records.unknown, (c.row(0) for c in counts), strict=True)
    return tuple(Unknown(column, labels, rows, line) for column, (labels, rows, line) in found if rows)


def _marks(kept: pl.LazyFrame, frame: str, buckets: int) -> pl.DataFrame:
    """Number rows that share an identity, the one that holds first: the order of the file plays no part."""
    marks = [pl.DataFrame(schema={"_n": pl.Int64, "_mark": pl.Int64})]
    for bucket in range(buckets):
        rows = kept.filter(pl.col("row_ref") % buckets == bucket)
        shared = rows.group_by("row_ref").len().filter(pl.col("len") > 1).select("row_ref").collect(engine="streaming")
        if shared.is_empty():
            continue
        rows = rows.join(shared.lazy(), on="row_ref", how="semi")
        found = rows.select("_n", "row_ref", "_repeats", **standing(frame, pl.lit(0))).collect(engine="streaming")
        found = found.sort("row_ref", *STANDING, descending=[False] + [True] * len(STANDING))
        place = pl.int_range(pl.len(), dtype=pl.Int64).over("row_ref")
        again = pl.when(place > 0).then(pl.lit(_LEFT_OUT, pl.Int64)).otherwise(pl.lit(0, pl.Int64))
        marked = found.select("_n", _mark=pl.when("_repeats").then(again).otherwise(place))
        marks.append(marked.filter(pl.col("_mark") != 0))
    return pl.concat(marks)
