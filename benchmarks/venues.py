"""A node of many small venues: load them, then release a quarter of all in one Dagster run, and accept it at the hub.

Each run is of the real jobs, in a process of its own with an instance of its own, as a worker would do it: its imports
count. Peak memory is that of the release.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from aggregations.venue import Venue
from privacy.calendar import Period

TICKETS, T1 = 3_000, Period(2025, 1)
_JOBS = ("load", "release", "accept")


def make(home: Path, venues: int) -> None:
    """Make the venues, members of the hub of the same home, and lay an export in the neutral format in each inbox."""
    from pipelines.demo import join

    for number in range(venues):
        added = join(home, Venue(f"venue-{number:03}", f"Venue {number}", "theatre", "75056", folder=Path()))
        export(number).write_csv(added.inbox / "tickets.csv")


def export(seed: int) -> pl.DataFrame:
    """Return a quarter's tickets of a small venue: some 1,500 people, at 40 performances."""
    random = np.random.default_rng(seed)

    def pick(*of: str) -> pl.Series:
        return pl.Series(random.choice(of, TICKETS))

    buyer, day = random.integers(0, TICKETS // 2, TICKETS), random.integers(1, 31, TICKETS)
    return pl.DataFrame({
        "order_id": [f"o{n}" for n in range(TICKETS)],
        "ticket_id": [f"t{n}" for n in range(TICKETS)],
        "email": [f"p{n}@example.org" for n in buyer],
        "performance_at": [f"2025-10-{d:02} 20:30" for d in day],
        "purchased_at": [f"2025-09-{d:02} 10:00" for d in day],
        "genre": pick("theatre_recit", "danse", "cirque_rue"),
        "tariff": pick("plein", "jeune"),
        "channel": pick("guichet", "web"),
        "unit_price_cents": random.integers(500, 4000, TICKETS),
        "postal_code": pick("75011", "75020", "93100", "69001"),
    })  # fmt: skip


def run(job: str, home: Path) -> None:
    """Run one of the jobs over all venues of a home."""
    from pipelines.demo import accept, instance, load, release

    with instance(home) as dagster:
        if job == "release":
            release(dagster, home, sorted(p.name for p in (home / "venues").iterdir()), T1)
        else:
            {"load": load, "accept": accept}[job](dagster, home)


def apart(job: str, home: Path) -> tuple[float, float]:
    """Run a job in a process of its own; return seconds and peak memory in GiB."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--child", job, "--home", str(home)]
    done = subprocess.run(  # noqa: S603 (our own)
        command, check=True, capture_output=True, text=True, cwd=home, env=os.environ | {"DAGSTER_HOME": ""}
    )
    return time.perf_counter() - began, float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--venues", type=int, default=20)
    read.add_argument("--child", choices=_JOBS, help=argparse.SUPPRESS)
    read.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    asked = read.parse_args()
    if asked.child:
        run(asked.child, asked.home)
        sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make(home, asked.venues)
        took = {job: apart(job, home) for job in _JOBS}
        accepted = len(list((home / "hub" / "accepted").iterdir()))
    grid = Table(
        "one run", "seconds", "seconds a venue", "peak GiB", title=f"{asked.venues} venues of {TICKETS} tickets"
    )
    for job, (seconds, gib) in took.items():
        grid.add_row(job, f"{seconds:.1f}", f"{seconds / asked.venues:.2f}", f"{gib:.2f}")
    Console(width=120).print(grid)
    seconds, gib = took["release"]
    line = {
        "venues": asked.venues,
        "accepted": accepted,
        "seconds": round(seconds, 1),
        "seconds_per_venue": round(seconds / asked.venues, 3),
        "peak_gib": round(gib, 3),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
