"""How much truth is left: cells published and their error, Jauge's border beside OpenDP's, at equal (epsilon, delta, k).

One table, département x genre x month, distinct people and their spend (0 to 200 euros a person and cell), one year,
epsilon = 1 and delta = 1e-8 for the whole, k = 20. Jauge publishes it through the real door (policy, ledger, noise,
seal) under both rules of k. OpenDP's Polars Context runs in the same run, in an environment of its own (opendp_context.py).
Errors are |published - true| / true, true being the unbounded answer (spend clipped a person and cell), median over the
cells published. Keys are private in effect: `certain` gives a cell below k no chance to show, and OpenDP's threshold lies far above k.
A region's total is what a reader adds up: of the départements' totals where a tool publishes them, else of its cells.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table as Grid
from workloads import WORKLOADS, Workload, make

from aggregations.engines import in_parts
from privacy.calendar import Period
from privacy.contributions import Contributions, Found, Work
from privacy.declarations import Table
from privacy.policy import Policy, read_policy
from privacy.publish import publish
from privacy.publisher import Publisher

K, EPSILON, DELTA, CLIP, TYPICAL, MAX_CELLS = 20, "1", "1e-8", 200, 40, 512
KEYS = ["dept", "genre", "month"]
Z = "4.75"  # of rule probable: even if every cell were one person short of k, 0.02 of 17,069 would show
OPENDP = ("uv", "run", "--quiet", "--isolated", "--no-project", "--with", "opendp[polars]==0.16.0", "python")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool publishes (`cells`: KEYS, people, spend), how long it took, and totals by département if it has them."""

    name: str
    cells: pl.DataFrame
    seconds: float
    departments: pl.DataFrame | None = None


def _codes(name: str, workload: Workload) -> list[str]:
    size = {"dept": workload.departments, "genre": workload.genres, "month": len(workload.months)}[name]
    return [*(f"{i:03}" for i in range(size)), "unknown"]


def policy(workload: Workload, rule: str) -> Policy:
    """Return the policy of the job, read as any policy is."""
    codes = {name: _codes(name, workload) for name in KEYS}
    levels = [{"dimensions": names.split(), "reach": reach, "share": share} for names, reach, share in workload.levels]
    label = 'fr = "-"\nen = "-"\n'
    measure = 'unit = "-"\n' + label
    text = f"""
name = "benchmark"
[season.person]
epsilon = "{EPSILON}"
delta = "{DELTA}"
[selection]
share_of_delta = "1/2"
[k]
minimum = {K}
rule = "{rule}"
z = "{Z}"
[calendar]
quarter = "1/8"
season = "1"
[measures.people]
{measure}clip = 1
typical = 1
step = 1000
raw = 1000
share = "79/100"
[measures.spend]
{measure}clip = {CLIP}
typical = {TYPICAL}
step = 100
raw = 1
share = "21/100"
[tables.job]
{label}records = "transactions"
dimensions = {json.dumps(KEYS)}
measures = ["people", "spend"]
full_cells = {workload.full_cells}
max_cells = {MAX_CELLS}
weight = 1
levels = [{", ".join("{" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in level.items()) + "}" for level in levels)}]
"""
    for name, values in codes.items():
        text += f"[dimensions.{name}]\n{label}values = {json.dumps([[c, c, c] for c in values])}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.toml"
        path.write_text(text, "utf-8")
        return read_policy(path)


def records(folder: Path) -> pl.LazyFrame:
    """Return a workload's rows, as a venue stores them."""
    return pl.scan_parquet(folder / "*.parquet").select(pl.col("person_id").alias("person"), *KEYS, "price_eur")


def contributions(rows: pl.LazyFrame, workload: Workload) -> pl.LazyFrame:
    """Return a workload's rows as the border takes them."""
    codes = [(pl.col(n) - (n == "month")).cast(pl.UInt8).cat.to(pl.Enum(_codes(n, workload))) for n in KEYS]
    return rows.select("person", *codes, (pl.col("price_eur") * 100).round().cast(pl.Int64).alias("spend"))


def jauge(folder: Path, workload: Workload, rule: str, of: Policy | None = None) -> Answer:
    """Publish the job by Jauge's border, under the job's policy or one that has more tables besides."""
    key = Ed25519PrivateKey.generate()
    public, private = key.public_key().public_bytes_raw().hex(), key.private_bytes_raw()
    season = Period.parse("2025-2026")

    def each(tables: tuple[Table, ...], work: Work) -> Iterable[Found]:
        return in_parts(records(folder), lambda rows, part: work(contributions(rows, workload), tables, part))

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        places = Path(home) / "ledger.sqlite", Path(home) / "outbox"
        publisher = Publisher("bench", ("transactions",), True, public, private, secrets.token_bytes(32), *places)
        out = publish(publisher, Contributions("", each), of or policy(workload, rule), season).release.tables["job"]
    seconds = time.perf_counter() - began
    known = out.filter(pl.col("people").is_not_null(), *(pl.col(n).ne_missing("unknown") for n in KEYS))
    cells = known.filter(pl.all_horizontal(pl.col(n).is_not_null() for n in KEYS))
    levels = known.filter(pl.col("dept").is_not_null(), pl.col("genre").is_null(), pl.col("month").is_null())
    numbers = [pl.col(n).cast(pl.Int32) + (n == "month") for n in KEYS]
    return Answer(
        f"Jauge, k {rule}",
        cells.select(*numbers, "people", "spend"),
        seconds,
        levels.select(pl.col("dept").cast(pl.Int32), "people"),
    )


def opendp(folder: Path, cells: int) -> Answer:
    """Publish the job by OpenDP's Polars Context, in its own environment."""
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "opendp.parquet"
        script = str(Path(__file__).with_name("opendp_context.py"))
        largest = 10**8  # public bound on rows a cell; it does not change the noise
        began = time.perf_counter()
        command = [*OPENDP, script, folder, out, str(cells), str(largest), EPSILON, DELTA]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        seconds = time.perf_counter() - began
        return Answer(
            f"OpenDP Context, {cells} cells a person", pl.read_parquet(out).cast({"people": pl.Float64}), seconds
        )


def truth(folder: Path) -> pl.DataFrame:
    """Return the exact answer: KEYS, people_true, spend_true."""
    cents = (pl.col("price_eur") * 100).round().cast(pl.Int64).sum().clip(0, CLIP * 100)
    pairs = pl.scan_parquet(folder / "*.parquet").group_by("person_id", *KEYS).agg(cents.alias("cents"))
    cells = pairs.group_by(KEYS).agg(pl.len().alias("people_true"), (pl.col("cents").sum() / 100).alias("spend_true"))
    return cells.with_columns(pl.col(KEYS).cast(pl.Int32)).sort(KEYS).collect(engine="streaming")


def measure(answer: Answer, exact: pl.DataFrame) -> dict[str, float]:
    """Hold an answer against the truth."""
    both = exact.join(answer.cells.with_columns(pl.col(KEYS).cast(pl.Int32)), on=KEYS, how="left")
    shown = both.filter(pl.col("people").is_not_null())
    region = ((7 * pl.col("dept") + 3) % 13).alias("region")
    regions = both.group_by(region).agg(pl.col("people", "people_true").sum())
    if answer.departments is not None:
        told = answer.departments.group_by(region).agg(pl.col("people").sum())
        regions = regions.drop("people").join(told, on="region", how="left").with_columns(pl.col("people").fill_null(0))

    def error(cells: pl.DataFrame, name: str) -> float:
        off = (cells[name] - cells[f"{name}_true"]).abs() / cells[f"{name}_true"]
        return float(np.median(off.to_numpy())) if cells.height else 1.0

    return {
        "cells": shown.height,
        "share": shown["people_true"].sum() / exact["people_true"].sum(),
        "people": error(shown, "people"),
        "spend": error(shown.filter(pl.col("spend_true") > 0), "spend"),
        "regions": error(regions, "people"),
        "below": shown.filter(pl.col("people_true") < K).height,
        "seconds": answer.seconds,
    }


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--workload", choices=sorted(WORKLOADS), default="10M")
    read.add_argument("--rows", type=int, help="1000000, 10000000 or 100000000: the workload of that size")
    read.add_argument("--without-opendp", action="store_true")
    asked = read.parse_args()
    sizes = {w.rows: w for w in reversed(WORKLOADS.values()) if not w.skewed}
    if asked.rows and asked.rows not in sizes:
        read.error(f"--rows must be one of {', '.join(map(str, sorted(sizes)))}")
    workload = sizes[asked.rows] if asked.rows else WORKLOADS[asked.workload]
    say = Console(stderr=True).print
    say(f"Workload {workload.name}: {workload.people:,} people, {workload.rows:,} rows")
    folder = make(workload)
    exact = truth(folder)
    answers = [jauge(folder, workload, rule) for rule in ("certain", "probable")]
    if not asked.without_opendp:  # the job's own cells a person last; four times as many lose less, with more noise
        answers += [opendp(folder, cells) for cells in (workload.kept * 4, workload.kept)]
    results = [measure(a, exact) for a in answers]
    grid = Grid(
        title=f"{workload.name}: {exact.height:,} cells, {(exact['people_true'] >= K).sum():,} of {K} people or more"
    )
    for head in ("", "cells", "audience", "people", "spend", "regions", f"below {K}", "seconds"):
        grid.add_column(head, justify="left" if not head else "right")
    for answer, r in zip(answers, results, strict=True):
        parts = (f"{100 * r[n]:.1f} %" for n in ("share", "people", "spend", "regions"))
        grid.add_row(answer.name, f"{r['cells']:,.0f}", *parts, f"{r['below']:.0f}", f"{r['seconds']:.1f}")
    Console(width=120).print(grid)
    ours, theirs = results[0], None if asked.without_opendp else results[-1]
    line = {
        "workload": workload.name,
        "share_published": round(ours["share"], 4),
        "share_published_opendp": round(theirs["share"], 4) if theirs else None,
        "rel_error": round(ours["people"], 4),
        "rel_error_opendp": round(theirs["people"], 4) if theirs else None,
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
