"""How long and how much memory: a ticket export in the neutral format into a venue's store, then the next week's.

The export has a contact, an order of two or so tickets, eighteen columns, and a row a ticket. The second export repeats
it with one row in a hundred refunded. Each ingest runs in a process of its own, whose peak memory is measured; imports
are not counted, hashing, copying to the inbox and syncing are.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table as Grid

_TARIFFS = ("Plein tarif", "Tarif réduit", "Abonnement", "Scolaire", "Exonéré")
_GENRES = ("Théâtre", "Danse", "Cirque", "Musique classique", "Opéra", "Jeune public", "Humour", "Jazz")
_CHANNELS = ("web", "guichet", "téléphone")
_CODES = ("38000", "38100", "38400", "38130", "69001", "73000", "75011", "")
_BLOCK = 1_000_000


def make(rows: int, form: str) -> tuple[Path, Path]:
    """Return two exports of that many rows, made the first time; the second changes one row in a hundred."""
    folder = Path(tempfile.gettempdir()) / "jauge-benchmarks" / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / f"{rows}.{form}", folder / f"{rows}-next.{form}"
    for file, refunded in zip(files, (False, True), strict=True):
        if not file.exists():
            blocks = [_block(first, rows, refunded=refunded) for first in range(0, rows, _BLOCK)]
            making, whole = file.with_suffix(".making"), pl.concat(blocks)
            whole.sink_csv(making) if form == "csv" else whole.sink_parquet(making, compression="zstd")
            making.rename(file)
    return files


def _block(first: int, rows: int, *, refunded: bool) -> pl.LazyFrame:
    i = pl.col("i")
    order = i * 5 // 11
    person = (order * 2_654_435_761) % max(rows // 6, 1)
    performance = (order * 40_503) % 600
    pick = lambda by, words: pl.lit(pl.Series(words)).gather(by % len(words))  # noqa: E731
    day = pl.lit("2025-09-01").str.to_datetime() + pl.duration(days=performance // 2, hours=20)
    status = pl.when(i % 100 == 7).then(pl.lit("refunded" if refunded else "paid")).otherwise(pl.lit("paid"))
    numbers = pl.LazyFrame().select(i=pl.int_range(first, min(first + _BLOCK, rows), dtype=pl.Int64))
    return numbers.select(
        order_id=pl.format("C{}", order),
        ticket_id=pl.format("T{}", i),
        email=pl.format("spectateur.{}@exemple.fr", person),
        event=pl.format("Spectacle {}", performance // 4),
        genre=pick(performance // 4, _GENRES),
        performance_id=pl.format("S{}", performance),
        performance_at=day.dt.strftime("%Y-%m-%d %H:%M"),
        purchased_at=(day - pl.duration(minutes=order % 90_000)).dt.strftime("%Y-%m-%d %H:%M:%S"),
        tariff=pick(i, _TARIFFS),
        price=pl.format("{},50", 8 + i % 30),
        quantity=pl.lit("1"),
        channel=pick(order, _CHANNELS),
        status=status,
        postal_code=pick(person, _CODES),
        birth_year=(1940 + person % 65).cast(pl.String),
        consent_marketing=pick(person, ("oui", "non")),
        attended=pick(i % 13, ("oui",) * 12 + ("non",)),
        capacity=pl.lit("450"),
    )


def run(home: Path, export: Path) -> tuple[float, float, int]:
    """Ingest one export; return the seconds, those of all processors, and the bytes that the store holds more."""
    from aggregations.founding import add_venue
    from aggregations.ingest import ingest
    from aggregations.venue import Venue, read_venue

    there = (home / "venue.toml").exists()
    venue = read_venue(home) if there else add_venue(Venue("theatre", "T", "theatre", "38185", folder=home))
    before = _size(venue.store)
    began, worked = time.perf_counter(), time.process_time()
    ingest(venue, [export])
    return time.perf_counter() - began, time.process_time() - worked, _size(venue.store) - before


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def apart(home: Path, export: Path) -> dict[str, float]:
    """Run one ingest in a process of its own."""
    command = [sys.executable, __file__, "--child", str(home), str(export)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 (our own)
    return json.loads(out.strip().splitlines()[-1])


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--rows", type=int, default=1_000_000)
    read.add_argument("--form", choices=("csv", "parquet"), default="csv")
    read.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = read.parse_args()
    if asked.child:
        seconds, cpu, size = run(*asked.child)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "gib": peak, "mib": size / 2**20}) + "\n")
        return
    grid = Grid(title=f"{asked.rows:,} rows, {asked.form}")
    for head in ("", "seconds", "seconds a million rows", "CPU seconds", "peak GiB", "MiB stored"):
        grid.add_column(head, justify="right" if head else "left")
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="jauge-") as home:
        for name, export in zip(("first export", "1 % changed"), make(asked.rows, asked.form), strict=True):
            told.append(apart(Path(home) / "theatre", export))
            million = told[-1]["seconds"] / asked.rows * 1e6
            grid.add_row(
                name,
                *(f"{n:.2f}" for n in (told[-1]["seconds"], million, *(told[-1][of] for of in ("cpu", "gib", "mib")))),
            )
    Console(width=120).print(grid)
    line = {
        "rows": asked.rows,
        "seconds_per_million": round(told[0]["seconds"] / asked.rows * 1e6, 3),
        "peak_gib": round(told[0]["gib"], 3),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
