"""A hub of N venues and Q quarters: how fast it accepts, how large its lake is, how long its questions take.

The releases are real in format, and each is signed by its venue's own key; they go through the real inbox. Drawing
twenty thousand of them would take a night and measure the venues, so a few are drawn for real, under the packaged
policy, and every other is a variation of one: in each cell shown the number drawn is a little larger, what follows from
it moves alike, then manifest and signature are made again. A venue could have sealed it: the hub holds it to every rule.

Quarters arrive one after the other, all venues at once, and each season after its last. The questions are those of
`warehouse/sql/questions/`, asked on the lake and in the database of a partner who sees everything; then 64 clients ask that
partner's server at once (`clients.py`). `--lake FILE` builds on the PostgreSQL and S3 that a
`lake.toml` names; `--processes 2` accepts there by two at once.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.console import Console
from rich.table import Table as Grid

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from clients import ask_at_once
from releases import sender

from privacy.calendar import Period
from privacy.parquet import encode
from privacy.policy import canonical_json
from privacy.release import Release
from privacy.verification import release_id
from warehouse.amendments import register
from warehouse.definitions import questions
from warehouse.governance import Hub, members
from warehouse.inbox import decide
from warehouse.lake import open_lake, query
from warehouse.partners.extracts import write_database
from warehouse.sharing import Access, Seen
from warehouse.upkeep import tend

AUDIENCES = (600, 3_000, 15_000)  # people of the venues drawn for real


def drawn(home: Path) -> dict[str, list[Release]]:
    """Return a few quarters and seasons made by the whole of the venue's side: bounds, charge, noise, raking, seal."""
    senders = [
        sender(home, f"drawn-{people}", publishes=("transactions", "interactions", "counts"), revenue=True)
        for people in AUDIENCES
    ]
    return {
        kind: [s.release(period, people=people) for s, people in zip(senders, AUDIENCES, strict=True)]
        for kind, period in (("quarter", "2021-2022-T1"), ("season", "2021-2022"))
    }


def signing_key(venue: str) -> Ed25519PrivateKey:
    """Return a venue's key, the same at every call: nothing here is secret."""
    return Ed25519PrivateKey.from_private_bytes(venue.encode().rjust(32, b"\0"))


def public_key(venue: str) -> str:
    """Return the key that the hub knows a venue by, in hex."""
    return signing_key(venue).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def vary(release: Release, venue: str, period: Period, inbox: Path) -> None:
    """Lay a variation of a release in the inbox, as of another venue and period, under that venue's key."""
    manifest = copy.deepcopy(release.manifest)
    key, random = signing_key(venue), np.random.default_rng([*venue.encode(), period.start.toordinal()])
    manifest["venue"] |= {"id": venue, "public_key": public_key(venue)}
    manifest |= {"period": str(period), "season": period.season, "published": period.end.isoformat()}
    manifest["release_id"] = release_id(venue, str(period), manifest["policy"]["digest"], manifest["revision"])
    making = inbox / f".{manifest['release_id']}.making"
    (making / "tables").mkdir(parents=True)
    for name, table in release.tables.items():
        path, spec = making / "tables" / f"{name}.parquet", manifest["tables"][name]
        more = pl.Series(random.integers(0, 1 + int(table[spec["measures"][0]["name"]].mean() or 0), table.height))
        path.write_bytes(encode(table.with_columns(_moved(table, spec, more))))
        spec["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    text = canonical_json(manifest)
    (making / "manifest.json").write_bytes(text)
    (making / "manifest.sig").write_text(key.sign(text).hex(), "ascii")
    making.rename(inbox / manifest["release_id"])


def _moved(table: pl.DataFrame, spec: Mapping[str, Any], more: pl.Series) -> list[pl.Expr]:
    """Return each measure with `more` drawn in its cells: added where nothing was cut, else raked as before."""
    cell = pl.all_horizontal(pl.col(d["name"]).is_not_null() for d in spec["dimensions"])
    moved: list[pl.Expr] = []
    for m in spec["measures"]:
        value, noisy = pl.col(m["name"]), pl.col(f"{m['name']}_noisy")
        steps = np.rint(table[f"{m['name']}_noisy"].to_numpy() * m["step"]) + more.to_numpy() * m["step"]
        other = pl.lit(pl.Series(steps / m["step"], nan_to_null=True))  # drawn in whole steps; Polars divides otherwise
        new = value * other / noisy if m["levels"] else value + (other - noisy)
        moved += [pl.when(cell).then(new).otherwise(value).alias(m["name"])]
        moved += [pl.when(cell).then(other).otherwise(noisy).alias(f"{m['name']}_noisy")]
    return moved


def join(hub: Hub, venues: list[str]) -> None:
    """Write the governance file of a hub of many members at once."""
    register(hub, id=venues[0], name=venues[0], kind="theatre", commune="75056", public_key=public_key(venues[0]))
    with hub.governance.open("a", encoding="utf-8") as file:
        for v in venues[1:]:
            file.write(f'\n[venues.{v}]\nname = "{v}"\nkind = "theatre"\ncommune = "75056"\n')
            file.write(f'public_key = "{public_key(v)}"\nsince = 2021-09-01\n')


def calendar(quarters: int) -> list[Period]:
    """Return so many quarters up to the last of 2025-2026, and each season after its last quarter, as the policy has it."""
    periods: list[Period] = []
    for back in reversed(range(quarters)):
        periods.append(Period(2025 - back // 4, 4 - back % 4))
        if back % 4 == 0 and back + 4 <= quarters:
            periods.append(Period(2025 - back // 4))
    return periods


def ask(hub: Hub) -> list[tuple[str, float, float, int]]:
    """Return name, seconds on the lake, seconds in a partner's own database, and rows of every question.

    Each on a connection already open: the second of two askings. The partner sees everything.
    """
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        path = Path(folder) / "jauge.duckdb"
        every = tuple(Seen(v, t.name, date.max) for v in members(hub) for t in hub.policy.tables)
        write_database(hub, Access("everything", every), path)
        took = time.perf_counter() - began
        sys.stdout.write(f"a partner's database: {path.stat().st_size / 2**20:.0f} MiB, written in {took:.1f} s\n")
        with open_lake(hub, read_only=True) as lake, duckdb.connect(str(path), read_only=True) as own:
            own.execute("set enable_progress_bar = false")
            return [
                (q.name, timed(lake, q.sql), timed(own, q.sql), len(own.execute(q.sql).fetchall())) for q in questions()
            ]


def timed(connection: duckdb.DuckDBPyConnection, text: str) -> float:
    """Return the seconds that a question takes, its rows fetched as Arrow, the second time it is asked."""
    connection.execute(text).to_arrow_table()
    began = time.perf_counter()
    connection.execute(text).to_arrow_table()
    return time.perf_counter() - began


def size(hub: Hub) -> tuple[int, int]:
    """Return bytes and number of the Parquet files that the lake as it is needs."""
    with open_lake(hub, read_only=True) as lake:
        told = "select sum(file_size_bytes)::bigint, sum(file_count)::bigint from ducklake_table_info('lake')"
        weight, number = lake.execute(told).fetchone() or (0, 0)
        return weight, number


def accept_all(hub: Hub, processes: int) -> float:
    """Return the seconds that one or several processes take to accept what waits."""
    began = time.perf_counter()
    if processes == 1:
        refused = [d for d in decide(hub) if d.outcome != "accepted"]
        assert not refused, refused[:3]
    else:
        command = [sys.executable, __file__, "--child", str(hub.folder)]
        running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(processes)]  # noqa: S603
        assert {p.wait() for p in running} == {0}
    return time.perf_counter() - began


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--venues", type=int, default=150)
    read.add_argument("--quarters", type=int, default=8)
    read.add_argument("--processes", type=int, default=1, help="hub processes that accept at once; more need --lake")
    read.add_argument("--lake", type=Path, help="a lake.toml: PostgreSQL and S3 instead of files")
    read.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = read.parse_args()
    if asked.child:
        for _ in decide(Hub(asked.child)):
            pass
        return
    with TemporaryDirectory() as folder:
        measure(Path(folder), asked)


def measure(home: Path, asked: argparse.Namespace) -> None:
    """Build the hub, quarter after quarter; print what was measured."""
    console = Console(width=120)
    hub, venues = Hub(home / "hub"), [f"venue-{n:04}" for n in range(asked.venues)]
    join(hub, venues)
    if asked.lake:
        shutil.copy(asked.lake, hub.folder / "lake.toml")
    releases, took = drawn(home), list[float]()
    hub.inbox.mkdir()
    periods = calendar(asked.quarters)
    for period in periods:
        of = releases[period.kind]
        for number, venue in enumerate(venues):
            vary(of[number % len(of)], venue, period, hub.inbox)
        took.append(accept_all(hub, asked.processes))
        console.print(f"{period}: {len(venues)} accepted in {took[-1]:.1f} s, {len(venues) / took[-1]:.0f} a second")
        shutil.rmtree(hub.accepted)  # a copy of what the lake holds: room on the disk
    began = time.perf_counter()
    tend(hub)
    tended = time.perf_counter() - began
    held = query(hub, "select count(*) from releases").item()
    assert held == len(venues) * len(periods), held
    (weight, number), answers = size(hub), ask(hub)
    grid = Grid(
        *("question", "seconds on the lake", "in a partner's database", "rows"),
        title=f"{asked.venues} venues, {asked.quarters} quarters: {held} releases",
    )
    for name, lake, own, rows in answers:
        grid.add_row(name, f"{lake:.3f}", f"{own:.3f}", str(rows))
    console.print(grid)
    waits = ask_at_once(hub)
    assert not waits.wrong, waits.wrong[:3]
    console.print(
        f"64 clients: half of {len(waits.ms)} answers within {waits.within(50):.0f} ms, all in {waits.seconds:.1f} s"
    )
    console.print(f"lake: {weight / 2**20:.0f} MiB in {number} files; upkeep took {tended:.1f} s")
    line = {
        "venues": asked.venues, "releases": held, "accept_per_s": round(held / sum(took), 1),
        "last_period_per_s": round(len(venues) / took[-1], 1), "lake_mib": round(weight / 2**20, 1), "files": number,
        "slowest_question_s": round(max(max(lake, own) for _, lake, own, _ in answers), 3),
        "p99_ms_64_clients": waits.within(99),
    }  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
