"""The same parts on Apache Spark, for logs beyond one machine.

Spark brings the rows of the same people together, and Python workers do to each part what is done here otherwise, by the
same code. Only sums over public domains come back. What runs where is Spark's own configuration (docs/operations.md).
Nothing here is imported unless a venue's `venue.toml` says `engine = "spark"`.
"""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import polars as pl

from privacy.contributions import Part
from privacy.errors import Fault, JaugeError

PART = 2_000_000  # rows; a worker holds a part, and works on it in some four times its size
Answer = TypeVar("Answer")


def session() -> Any:
    """Return the Spark session that Spark's own configuration asks for (none: this machine's cores)."""
    try:
        from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError:
        raise Fault(
            'engine = "spark" needs PySpark and Java 17: `uv sync --extra spark`.',
            'engine = "spark" demande PySpark et Java 17 : `uv sync --extra spark`.',
        ) from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    return builder.appName("jauge").config("spark.ui.showConsoleProgress", "false").getOrCreate()


def in_parts(rows: Any, schema: pl.Schema, work: Callable[[pl.LazyFrame, Part], Answer]) -> Iterator[Answer]:
    """Do the work part by part, on Spark. `rows`: a Spark data frame; `schema`: its columns as Polars knows them.

    Raises Fault, without a word of Spark's own, which may quote a record, when a worker fails.
    """
    from pyspark.errors import PySparkException  # pyright: ignore[reportMissingImports]
    from pyspark.sql import functions as spark  # pyright: ignore[reportMissingImports]

    try:
        parts = max(-(-rows.count() // PART), 1) if "person" in schema else 1
        number = spark.pmod(spark.col("person"), spark.lit(parts)).cast("int") if parts > 1 else spark.lit(0)

        def answer(part: Any) -> Any:
            return _answer(part, schema, parts, work)

        with warnings.catch_warnings():  # Spark doubts the newest pandas, which we do not use
            warnings.simplefilter("ignore", FutureWarning)
            grouped = rows.withColumn("_part", number).groupBy("_part")
            answers = grouped.applyInArrow(answer, "part int, answer binary").collect()
        found = {row.part: pickle.loads(row.answer) for row in answers}  # noqa: S301 (made by our own workers)
    except (PySparkException, OSError) as error:
        raise Fault(
            f"Spark did not finish the work ({type(error).__name__}); its own log says why.",
            f"Spark n’a pas fini le travail ({type(error).__name__}) ; son journal dit pourquoi.",
        ) from None
    for one in range(parts):  # a part that nobody is in was nowhere
        given = found.get(one)
        if isinstance(given, JaugeError):
            raise given
        yield work(pl.LazyFrame(schema=schema), Part(one, parts)) if given is None else given


def _answer(part: Any, schema: pl.Schema, parts: int, work: Callable[[pl.LazyFrame, Part], Answer]) -> Any:
    """Work on a part, where it is. A refusal of ours travels back as it is; Spark would wrap it in its own words."""
    import pyarrow as pa

    number = int(part.column("_part")[0].as_py())
    rows = pl.DataFrame(part.drop_columns(["_part"])).lazy()
    try:
        # Spark has no unsigned integers: it reads 64-bit ones as decimals
        given: Any = work(rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items()), Part(number, parts))
    except JaugeError as error:
        given = error
    return pa.table({"part": pa.array([number], pa.int32()), "answer": [pickle.dumps(given)]})
