"""The same table by three more peers, each in an environment of its own (speed.py names their versions).

Run by `speed.py --peers`: `python peer_contexts.py PEER FOLDER CELLS EPSILON DELTA`. Each keeps CELLS random segments a person,
adds Laplace noise and finds the segments to publish by itself. PipelineDP clips a person's spend in a segment; the other two
clip rows, so that a person's rows in a segment are added up for them first. Prints the seconds, the peak memory and how
many segments were published. Imports are not counted, nor the start of Spark, which is as long as they are.

Memory is that of this process and its descendants (the Java machine of Spark and its Python workers), resident, added up
every half second: pages that they share count more than once.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time

import psutil

KEYS = ["dept", "genre", "month"]
COLUMNS = ["person_id", *KEYS, "price_eur"]
CLIP = 200


def pipelinedp(folder: str, cells: int, epsilon: float, delta: float) -> tuple[float, int]:
    """PipelineDP on its local backend, one thread; the budget in thirds: segments, people, spend."""
    import pandas as pd
    import pipeline_dp as dp

    began = time.perf_counter()
    rows = pd.read_parquet(folder, columns=COLUMNS)
    budget = dp.NaiveBudgetAccountant(total_epsilon=epsilon, total_delta=delta)
    params = dp.AggregateParams(
        metrics=[dp.Metrics.PRIVACY_ID_COUNT, dp.Metrics.SUM],
        max_partitions_contributed=cells,
        max_contributions_per_partition=1,  # must be given; neither metric uses it
        min_sum_per_partition=0,
        max_sum_per_partition=CLIP,
    )
    extract = dp.DataExtractors(
        privacy_id_extractor=lambda row: row[0],
        partition_extractor=lambda row: row[1:4],
        value_extractor=lambda row: row[4],
    )
    each = rows.itertuples(index=False, name=None)
    answer = dp.DPEngine(budget, dp.LocalBackend()).aggregate(each, params, extract)
    budget.compute_budgets()
    published = len(list(answer))
    return time.perf_counter() - began, published


def smartnoise(folder: str, cells: int, epsilon: float, delta: float) -> tuple[float, int]:
    """SmartNoise SQL on pandas (it copies them to SQLite), one thread; half of epsilon each for people and spend."""
    import pandas as pd
    from snsql import Privacy, from_df

    began = time.perf_counter()
    rows = pd.read_parquet(folder, columns=COLUMNS).astype({"person_id": "int64"})
    keys = ["dept", "genre", "period"]  # month is a word of its SQL
    spent = rows.rename(columns={"month": "period"}).groupby(["person_id", *keys], as_index=False, sort=False).sum()
    columns = {
        "person_id": {"type": "int", "private_id": True},
        "price_eur": {"type": "float", "lower": 0, "upper": CLIP},
        **{name: {"type": "int"} for name in keys},
    }
    metadata = {"": {"job": {"spent": {"max_ids": cells, **columns}}}}
    privacy = Privacy(epsilon=epsilon / 2, delta=delta / 1.5)  # its odometer charges half of delta more
    by, asked = ", ".join(keys), "COUNT(DISTINCT person_id) AS people, SUM(price_eur) AS spend"
    query = f"SELECT {by}, {asked} FROM job.spent GROUP BY {by}"  # noqa: S608 (ours)
    published = len(from_df(spent, privacy=privacy, metadata=metadata).execute(query)) - 1  # less the header
    return time.perf_counter() - began, published


def tumult(folder: str, cells: int, epsilon: float, delta: float) -> tuple[float, int]:
    """Tumult Analytics on Spark in this machine; the budget in thirds, delta for the segments."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f
    from tmlt.analytics import AddRowsWithID, ApproxDPBudget, KeySet, MaxRowsPerID, QueryBuilder, Session

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        options = {
            "spark.driver.memory": "4g",
            "spark.sql.shuffle.partitions": "8",  # 200 by default, for clusters
            "spark.sql.warehouse.dir": home,
            "spark.ui.enabled": "false",
        }
        spark = SparkSession.builder.master("local[*]").config(map=options).getOrCreate()
        began = time.perf_counter()
        person, segment = f.col("person_id").cast("string"), [f.col(name).cast("long").alias(name) for name in KEYS]
        rows = spark.read.parquet(folder).select(person.alias("person_id"), *segment, "price_eur")
        spent = rows.groupBy("person_id", *KEYS).agg(f.sum("price_eur").alias("spend")).cache()
        third = epsilon / 3
        session = Session.from_dataframe(
            ApproxDPBudget(epsilon, delta), "spent", spent, protected_change=AddRowsWithID("person_id")
        )
        bounded = QueryBuilder("spent").enforce(MaxRowsPerID(cells))
        segments = session.evaluate(bounded.get_groups(KEYS), ApproxDPBudget(third, delta))
        by_segment = bounded.groupby(KeySet.from_dataframe(segments))
        asked = by_segment.count("people"), by_segment.sum("spend", 0, CLIP)
        people, _ = (session.evaluate(query, ApproxDPBudget(third, 0)).toPandas() for query in asked)
        return time.perf_counter() - began, len(people)


class Watch(threading.Thread):
    """The most memory that this process and its descendants held at once."""

    peak = 0

    def run(self) -> None:
        """Look until the process ends."""
        me = psutil.Process()
        while True:
            held = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:  # it ended since
                    continue
            self.peak = max(self.peak, held)
            time.sleep(0.5)


if __name__ == "__main__":
    watch = Watch(daemon=True)
    watch.start()
    peer = {"pipelinedp": pipelinedp, "smartnoise": smartnoise, "tumult": tumult}[sys.argv[1]]
    seconds, published = peer(sys.argv[2], int(sys.argv[3]), *map(float, sys.argv[4:6]))
    sys.stdout.write(json.dumps({"seconds": seconds, "gib": watch.peak / 2**30, "published": published}) + "\n")
