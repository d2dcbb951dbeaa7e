"""Do the intervals hold? 95 % intervals of many simulated releases, held against the truth, on towns of known people.

The records are bounded once, by the border's own code; then, `--draws` times (500), noise of the planned size is added
(a rounded normal: no release is made, so nothing is charged) and the border's own selection and raking give what would
be published. Counted: of the cells shown, how many 95 % intervals hold the truth; the same for one-way sums and the
total; the median error. In the skewed town the bounds take unevenly from the crossings, which no one-way level sees.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from accuracy import contributions, policy, records
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid
from workloads import WORKLOADS, make

from privacy.calendar import Period
from privacy.declarations import Table
from privacy.domains import EXACT, index
from privacy.drawing import estimate
from privacy.gathering import Bounded, bound
from privacy.plan import TablePlan, plan
from privacy.policy import Policy

Counted = dict[str, list[float]]


def truth(rows: pl.LazyFrame, table: Table) -> pl.DataFrame:
    """Return the cells that no bound on a person touches (a measure's own clip stays)."""
    measures = tuple(replace(m, typical=m.clip) for m in table.measures)
    return bound(rows, replace(table, full_cells=10**6, max_cells=10**6, levels=()), measures).cells


def simulate(made: TablePlan, bounded: Bounded, exact: pl.DataFrame, of: Policy, draws: int) -> Iterator[Counted]:
    """Yield, draw by draw, measure by measure: cells shown, their errors and which intervals hold; sums' as well."""
    random = np.random.default_rng(1)
    people = bounded.cells[EXACT].to_numpy()
    sums = dict(zip((level.dimensions for level in made.table.levels), bounded.levels, strict=False))
    sums[made.table.names] = bounded.cells
    for _ in range(draws):
        noisy = {}
        for n in (*made.cells, *made.levels):
            steps = sums[n.dimensions][n.measure.name].to_numpy()
            noisy[n] = steps + np.rint(random.normal(0, n.sigma, steps.size)).astype(np.int64)
        shown, results = estimate(made, noisy, people, of, {})
        counted: Counted = {"cells": [float(shown.sum())], "audience": [float(people[shown].sum() / people.sum())]}
        for measure, _, found in results:
            true, name = exact[measure.name].to_numpy() / measure.step, measure.name
            error, real = np.abs(found.values - true), shown & (true > 0)
            if real.any():
                counted[f"{name}: error"] = [float(np.median(error[real] / true[real]))]
                counted[f"{name}: stated"] = [float(np.median(1.96 * found.se[real] / true[real]))]
                counted[f"{name}: cover"] = [float((error[shown] <= 1.96 * found.se[shown]).mean())]
            for level in ((), *((d,) for d in made.table.names)):
                at = index(made.table, level)
                values, se = found.sums(level, at)
                whole = np.bincount(at, true)
                seen = (np.bincount(at, shown) > 0) & (whole > 0)
                if seen.any():
                    kind = "one-way" if level else "total"
                    miss = np.abs(values - whole)[seen]
                    counted.setdefault(f"{name}: {kind} error", []).append(float(np.median(miss / whole[seen])))
                    counted.setdefault(f"{name}: {kind} cover", []).append(float((miss <= 1.96 * se[seen]).mean()))
        yield counted


def averaged(draws: Iterator[Counted]) -> dict[str, float]:
    """Average what was counted over the draws."""
    gathered: Counted = {}
    for counted in draws:
        for key, values in counted.items():
            gathered.setdefault(key, []).append(float(np.mean(values)))
    return {key: float(np.mean(values)) for key, values in gathered.items()}


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--workload", choices=sorted(WORKLOADS), nargs="*", default=["10M", "10M-skewed"])
    read.add_argument("--draws", type=int, default=500)
    asked = read.parse_args()
    grid = Grid(title=f"{asked.draws} simulated releases; cover: 95 % intervals that hold the truth")
    for head in ("", "cells", "", "error", "cover", "one-way error", "cover", "total error", "cover"):
        grid.add_column(head, justify="right" if head else "left")
    line: dict[str, dict[str, float]] = {}
    say = Console(stderr=True)
    for name in asked.workload:
        for rule in ("certain", "probable"):
            workload = WORKLOADS[name]
            of = policy(workload, rule)
            rows = contributions(records(make(workload)), workload)
            (made,) = plan(of, Period(2025), of.tables, frozenset({"people", "spend"}))
            bounded = bound(rows, made.table, made.measures)
            draws = simulate(made, bounded, truth(rows, made.table), of, asked.draws)
            found = averaged(track(draws, f"{name}, {rule}", asked.draws, console=say))
            line[f"{name} {rule}"] = {key: round(value, 4) for key, value in found.items()}
            for measure in ("people", "spend"):
                told = [f"{100 * found.get(f'{measure}: {k}', float('nan')):.1f} %" for k in
                        ("error", "cover", "one-way error", "one-way cover", "total error", "total cover")]  # fmt: skip
                first = (f"{name}, {rule}", f"{found['cells']:,.0f}") if measure == "people" else ("", "")
                grid.add_row(*first, measure, *told)
    Console(width=120).print(grid)
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
