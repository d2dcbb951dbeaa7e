"""A published sketch: its rows, made from noisy counts and checked again by who reads them.

Rows: `part` (`all`, or `attribute:code`), `bucket` (0 to buckets - 1), `count` (noisy people, a whole number of two bytes);
every bucket of every part that is shown, sorted by both. A part is shown if its sum is above the threshold: decided on
what is published anyway, so that nothing more is told, and a reader can decide it again.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy import parquet
from privacy.errors import hold

MECHANISM = "discrete Gaussian"
MOST = 2**15 - 1  # of a count, either way
_SCHEMA = pl.Schema({"part": pl.String(), "bucket": pl.Int32(), "count": pl.Int32()})


def scale(sigma: int, step: int) -> float:
    """Return the standard deviation of a count in people: the noise's, and its rounding to whole numbers."""
    return math.sqrt((sigma / step) ** 2 + 1 / 12)


def threshold(minimum: int, z: Fraction, sigma: int, step: int, buckets: int) -> int:
    """Return what a part's sum must exceed: `z` standard errors above `minimum` people."""
    return minimum + math.ceil(float(z) * scale(sigma, step) * math.sqrt(buckets))


def lay_out(counts: dict[str, npt.NDArray[np.int64]]) -> pl.DataFrame:
    """Return the rows of some parts."""
    parts = pl.DataFrame({"part": sorted(counts)}, schema={"part": pl.String})
    rows = parts.select("part", count=pl.Series([counts[p] for p in parts["part"]], dtype=pl.List(pl.Int32)))
    rows = rows.explode("count").with_columns(bucket=pl.int_range(pl.len(), dtype=pl.Int32).over("part"))
    return rows.select("part", "bucket", "count").cast(_SCHEMA)


def most_bytes(spec: dict[str, Any]) -> int:
    """Return how large the file of a sketch can be that a manifest declares."""
    return parquet.most_bytes(spec["parts"], len(_SCHEMA), len(spec["parts"]) * spec["buckets"])


def read_rows(data: bytes, spec: dict[str, Any]) -> pl.DataFrame:
    """Return what a sketch's file holds, or refusal `schema`: its columns, rows that are as many as declared."""
    rows = len(spec["parts"]) * spec["buckets"]
    return parquet.decode(data, {"part": spec["parts"]}, rows, integers=("bucket", "count"))


def check(rows: pl.DataFrame, name: str, spec: dict[str, Any]) -> None:
    """Hold a sketch read from a file to what its manifest says: rules `schema` and `suppression`."""
    groups, shown, buckets = spec["groups"], spec["parts"], spec["buckets"]
    declared = {part: group for group in groups for part in group["parts"]}
    good = [g["name"] for g in groups] == ["all", *spec["attributes"]] and shown == sorted({*shown} & {*declared})
    good = good and sum(len(g["parts"]) for g in groups) == len(declared)
    good = good and all(g["bound_squared"] == g["step"] ** 2 for g in groups)
    hold("schema", good, f"sketch {name} does not declare its groups, their parts and one bucket a person")
    every = lay_out({part: np.zeros(buckets, np.int64) for part in shown}).select("part", "bucket")
    laid = rows.select("part", "bucket").equals(every)
    laid = laid and rows.select(pl.col("count").is_between(-MOST, MOST).all() & ~pl.col("count").has_nulls()).item()
    hold("schema", laid, f"sketch {name} is not one row a bucket of each part shown, sorted, with counts of two bytes")
    sums = dict(rows.group_by("part").agg(pl.col("count").sum()).iter_rows())
    least = {
        group["name"]: threshold(spec["minimum"], Fraction(spec["z"]), group["sigma"], group["step"], buckets)
        for group in groups
    }
    kept = all(group["threshold"] >= least[group["name"]] for group in groups)
    kept = kept and all(sums[part] > declared[part]["threshold"] for part in shown)
    hold("suppression", kept, f"sketch {name} shows a part that has not the minimum it states")
