"""How long and how much memory: Jauge from canonical Parquet to a sealed release, beside what does the same without privacy.

The job is that of accuracy.py: distinct people and their spend by département x genre x month, with levels and raking. Each
tool runs in a process of its own, whose peak memory is measured; their runs alternate, and the least time of each counts.
`polars` and `duckdb` are the floor: each person's spend in a cell added up, clipped to 200 euros, then people and spend by
cell, nothing bounded or noised. `opendp` is OpenDP's Polars Context at the same epsilon and delta (opendp_context.py);
`--peers` adds PipelineDP, SmartNoise SQL and Tumult Analytics, which take minutes (peer_contexts.py; Tumult needs Java 17).
`jauge, tables x 8` releases eight tables of one to three dimensions at once. Times are from the first byte read to the
answer; imports, and loading compiled code, are not counted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
from accuracy import CLIP, DELTA, EPSILON, KEYS, OPENDP, contributions, jauge, policy, records
from rich.console import Console
from rich.table import Table as Grid
from workloads import WORKLOADS, Workload, make

from privacy.gathering import bound
from privacy.policy import Policy

_TOOLS = ("polars", "duckdb", "jauge", "jauge, tables x 8", "opendp")
_ALONE = ("uv", "run", "--quiet", "--isolated", "--no-project", "--python", "3.11", "--with", "psutil==7.2.2")
_PEERS = {
    "pipelinedp": ("pipeline-dp==0.3.1", "pandas==2.3.3", "pyarrow==26.0.1"),
    "smartnoise": ("smartnoise-sql==1.0.10", "pandas==2.3.3", "pyarrow==26.0.1"),
    "tumult": ("tmlt-analytics==0.21.0",),
}
_MANY = (["dept"], ["genre"], ["month"], ["dept", "genre"], ["dept", "month"], ["genre", "month"], ["genre", "dept"])


def eight(one: Policy) -> Policy:
    """Return the job's policy with seven more tables, of its dimensions and a total each."""
    (job,) = one.tables
    total = job.levels[:1]
    dimensions = {d.name: d for d in job.dimensions}
    more = (
        replace(job, name="_".join(names), dimensions=tuple(dimensions[n] for n in names), levels=total)
        for names in _MANY
    )
    return replace(one, tables=(job, *more))


def in_polars(folder: Path) -> None:
    """Do the job in Polars' streaming engine, without privacy."""
    cells = pl.scan_parquet(folder / "*.parquet").group_by("person_id", *KEYS).agg(pl.col("price_eur").sum())
    answer = cells.group_by(KEYS).agg(pl.len(), pl.col("price_eur").clip(0, CLIP).sum())
    answer.collect(engine="streaming")


def in_duckdb(folder: Path) -> None:
    """Do the job in DuckDB, without privacy."""
    keys = ", ".join(KEYS)
    cells = f"select person_id, {keys}, sum(price_eur) as spent from '{folder}/*.parquet' group by all"  # noqa: S608 (ours)
    duckdb.sql(f"select {keys}, count(*), sum(least(spent, {CLIP})) from ({cells}) group by all").arrow()  # noqa: S608


def run(tool: str, workload: Workload, folder: Path) -> float:
    """Do the job once; return the seconds."""
    began = time.perf_counter()
    if tool == "polars":
        in_polars(folder)
    elif tool == "duckdb":
        in_duckdb(folder)
    else:
        import opendp.prelude  # noqa: F401 (loaded before the clock starts, as the others are, and so is the compiled loop)

        of = policy(workload, "certain")
        table = of.tables[0]
        bound(contributions(records(folder).head(1), workload), table, table.measures)
        return jauge(folder, workload, "certain", eight(of) if "8" in tool else of).seconds
    return time.perf_counter() - began


def apart(tool: str, workload: Workload) -> tuple[float, float]:
    """Run a tool in a process of its own; return seconds and peak memory in GiB."""
    command = [sys.executable, __file__, "--child", tool, "--workload", workload.name]
    if tool == "opendp":
        script = Path(__file__).with_name("opendp_context.py")
        with tempfile.TemporaryDirectory() as home:
            asked = str(make(workload)), f"{home}/out.parquet", str(workload.kept), str(10**8), EPSILON, DELTA
            return _told([*OPENDP, str(script), *asked])
    if tool in _PEERS:
        alone = [*_ALONE, *(word for package in _PEERS[tool] for word in ("--with", package)), "python"]
        script = Path(__file__).with_name("peer_contexts.py")
        return _told([*alone, str(script), tool, str(make(workload)), str(workload.kept), EPSILON, DELTA])
    return _told(command)


def _told(command: list[str]) -> tuple[float, float]:
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 (our own)
    told = json.loads(out.strip().splitlines()[-1])
    return told["seconds"], told["gib"]


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--workload", choices=sorted(WORKLOADS), default="10M")
    read.add_argument("--rows", type=int, help="1000000, 10000000, 100000000 or 1000000000: the workload of that size")
    read.add_argument("--times", type=int, default=3)
    read.add_argument(
        "--tools", nargs="+", choices=[*_TOOLS, *_PEERS], default=_TOOLS, help="jauge alone for a billion rows"
    )
    read.add_argument("--peers", action="store_true", help="the other peers too: minutes")
    read.add_argument("--child", help=argparse.SUPPRESS)
    asked = read.parse_args()
    sizes = {w.rows: w for w in reversed(WORKLOADS.values()) if not w.skewed}
    workload = sizes[asked.rows] if asked.rows else WORKLOADS[asked.workload]
    folder = make(workload)
    if asked.child:
        seconds = run(asked.child, workload, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        sys.stdout.write(json.dumps({"seconds": seconds, "gib": peak}) + "\n")
        return
    tools = [*asked.tools, *(_PEERS if asked.peers else ())]
    best: dict[str, tuple[float, float]] = {}
    for _ in range(asked.times):
        for tool in tools:
            seconds, gib = apart(tool, workload)
            before = best.get(tool, (float("inf"), 0.0))
            best[tool] = min(before[0], seconds), max(before[1], gib)
    floor = min((best[tool][0] for tool in ("polars", "duckdb") if tool in best), default=float("nan"))
    grid = Grid(title=f"{workload.name}: {workload.rows:,} rows, the least of {asked.times} runs")
    for head in ("", "seconds", "x floor", "peak GiB", "million rows a second and core"):
        grid.add_column(head, justify="right" if head else "left")
    cores = os.cpu_count() or 1
    for tool, (seconds, gib) in best.items():
        each = workload.rows / 1e6 / seconds / cores
        row = f"{seconds:.2f}", f"{seconds / floor:.2f}", f"{gib:.2f}", f"{each:.3f}"
        grid.add_row(tool, *row)
    Console(width=120).print(grid)
    seconds, gib = best.get("jauge", (float("nan"), float("nan")))
    line = {
        "rows": workload.rows,
        "ratio_to_floor": round(seconds / floor, 3) if not math.isnan(floor) else None,
        "ratio_to_opendp": round(seconds / best["opendp"][0], 3) if "opendp" in best else None,
        "peak_gib": round(gib, 3),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
