"""How long the pages of a hub take, and how much memory: venues and quarters by the hundred.

    uv run python benchmarks/reports.py --venues 20 --quarters 8

Releases are copied in the lake from one real sealed season and quarter, the counts of sketches moved at random: sealing thousands
takes an hour and is not what is measured. Some pages are then opened in Chromium, from the disk.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

from privacy.calendar import Period
from privacy.release import deliver
from tests.browser import chromium
from tests.releases import sender
from warehouse.amendments import register
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import in_turn, open_lake
from warehouse.reports.build import build_reports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venues", type=int, default=20)
    parser.add_argument("--quarters", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = filled(Path(folder), asked.venues, asked.quarters)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        pages = build_reports(hub)
        took = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(p.stat().st_size for p in pages) / 1e6
        opened = {name: opens(hub.reports / "fr" / f"{name}.html") for name in ("index", "v0", "crossings", "explore")}
    print(f"{asked.venues} venues x {asked.quarters} quarters: {len(pages)} pages, {size:.0f} MB in {took:.0f} s")
    print(f"{len(pages) / took:.2f} pages a second, {took / asked.venues:.2f} s a venue")
    print(f"peak memory {peak:.0f} MB, of which {before:.0f} MB before")
    for name, ms in opened.items():
        print(f"{name}.html opens in {ms:.0f} ms")
    told = {
        "venues": asked.venues,
        "quarters": asked.quarters,
        "s_per_venue": round(took / asked.venues, 2),
        "peak_mb": round(peak),
        "slowest_page_ms": round(max(opened.values())),
    }
    print(json.dumps(told))


def opens(page: Path) -> float:
    """Return the milliseconds until a page is loaded and drawn, the median of five, each in a new window."""
    with chromium() as browser:
        took: list[float] = []
        for _ in range(5):
            window = browser.new_page()
            start = time.perf_counter()
            window.goto(page.as_uri(), wait_until="load")
            window.evaluate("() => new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))")
            took.append(1000 * (time.perf_counter() - start))
            window.close()
    return statistics.median(took)


def filled(home: Path, venues: int, quarters: int) -> Hub:
    """Return a hub that holds so many venues, each with a season and so many quarters."""
    hub = Hub(home / "hub")
    first = replace(sender(home, "v0", name="Venue 0"), match_key=b"m" * 32)
    first.join(hub)
    for period in ("2025-2026", "2025-2026-T4"):
        deliver(first.release(period, people=6000).folder, hub.inbox)
    accept(hub)
    for n in range(1, venues):
        register(hub, id=f"v{n}", name=f"Venue {n}", kind="theatre", commune="75056", public_key=f"{n:064x}")
    with open_lake(hub) as lake:
        made = lake.execute("select release_id, period_kind from releases").fetchall()
        tables = [r for (r,) in lake.execute(
            "select distinct table_name from information_schema.columns where column_name = 'release_id' "
            "and table_name in (select table_name from information_schema.tables where table_type = 'BASE TABLE')"
        ).fetchall()]  # fmt: skip

        past = [Period(2025 - i // 4, 4 - i % 4) for i in range(quarters)]

        def copy() -> None:
            for release, kind in made:
                wanted = [Period(2025)] if kind == "season" else past
                others = [
                    (n, p) for n in range(venues) for p in wanted if n or str(p) not in ("2025-2026", "2025-2026-T4")
                ]
                if others:
                    for table in tables:
                        put(lake, table, release, others)

        in_turn(lake, copy)
    return hub


def put(lake: duckdb.DuckDBPyConnection, table: str, release: str, others: list[tuple[int, Period]]) -> None:
    """Copy what a table holds of a release to those of other venues and periods."""
    names = [r[0] for r in lake.execute(f"describe {table}").fetchall()]
    new = {
        "release_id": f"'{release}-' || n || '-' || p", "venue": "'v' || n", "period": "p", "season": "s",
        "period_start": "a", "period_end": "b",
        "counts": "list_transform(counts, c -> c + (20 * random())::integer - 10)",
    }  # fmt: skip
    columns = ", ".join(new.get(name, f'"{name}"') for name in names)
    values = ", ".join(f"({n}, '{p}', '{p.year}-{p.year + 1}', date '{p.start}', date '{p.end}')" for n, p in others)
    lake.execute(
        f"insert into {table} select {columns} from {table}, (values {values}) other (n, p, s, a, b) where release_id = '{release}'"  # noqa: S608
    )


if __name__ == "__main__":
    main()
