"""Partners who ask at once, through the real client: how long an answer takes when 64 of them do.

    uv run python benchmarks/clients.py [--clients 64] [--questions 20]

Four partners who see everything share the clients. Each client is a DuckDB connection that has attached the server and asks sums
with their margins, one after the other, without a pause; they run in processes of their own, on the same machine. Here the hub
is of three made-up venues; `benchmarks/hub.py` asks a large one the same. The last line is a JSON object; times are in
milliseconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from tenacity import retry, retry_if_exception_message, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from releases import sender

from privacy.release import deliver
from warehouse.amendments import add_partner
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.partners.server import Server
from warehouse.partners.tokens import new_token
from warehouse.storage import extension

PORT = 9487
ALL = {"grant": ("all",)}
PARTNERS = 4
QUESTION = (
    "from r.query('select season, family, noisy_sum(people, people_se, people_common_se) "
    "from family where period_kind = ''season'' group by all')"
)


@dataclass(frozen=True, slots=True)
class Waits:
    """What the clients saw: milliseconds of each answer, what went wrong, seconds from the first question to the last."""

    ms: list[float]
    wrong: list[str]
    seconds: float

    def within(self, percent: float) -> float:
        """Return the milliseconds within which so many in a hundred answers came."""
        return round(float(np.percentile(self.ms, percent)), 1)


def ask_at_once(hub: Hub, clients: int = 64, questions: int = 20) -> Waits:
    """Serve a hub, have clients ask it, and return how long they waited."""
    names = [f"partner-{n}" for n in range(PARTNERS)]
    for name in names:
        add_partner(hub, name, name=name, purpose="statistics", until=date(9999, 1, 1), tables=ALL, venues=ALL)
    tokens = [new_token(hub, name, datetime.now(UTC)) for name in names]
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    with Server(hub, port=PORT):
        groups = [
            context.Process(target=be, args=(token, clients // PARTNERS, questions, start, results)) for token in tokens
        ]
        for group in groups:
            group.start()
        for _ in groups:
            results.get()
        began = time.perf_counter()
        start.set()
        told = [results.get() for _ in groups]
        seconds = time.perf_counter() - began
        for group in groups:
            group.join()
    return Waits([t for ms, _ in told for t in ms], [w for _, wrong in told for w in wrong], seconds)


@retry(retry=retry_if_exception_message(match=r"(?s).*ask again"), stop=stop_after_delay(300), wait=wait_fixed(1))
def patient(execute: Callable[[str], duckdb.DuckDBPyConnection], statement: str) -> duckdb.DuckDBPyConnection:
    """Ask, and again while the partner's copy is being made: it is not what is measured."""
    return execute(statement)


def be(token: str, count: int, questions: int, start: Any, results: Any) -> None:
    """Be some of the clients, in a process of their own."""
    took: list[float] = []
    wrong: list[str] = []
    ready = threading.Barrier(count + 1, timeout=400)

    def ask() -> None:
        with duckdb.connect(config={"threads": 1}) as client:
            for name in ("httpfs", "quack"):
                client.execute(f"load '{extension(name)}'")
            client.execute("set enable_progress_bar = false; set enable_progress_bar_print = false")
            patient(client.execute, f"attach 'quack:localhost:{PORT}' as r (token '{token}')")
            patient(client.execute, QUESTION).fetchall()
            ready.wait()
            start.wait()
            for _ in range(questions):
                began = time.perf_counter()
                try:
                    client.execute(QUESTION).fetchall()
                    took.append(1000 * (time.perf_counter() - began))
                except duckdb.Error as error:
                    wrong.append(str(error)[:200])

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    results.put("ready")
    for thread in threads:
        thread.join()
    results.put((took, wrong))


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--clients", type=int, default=64, help="a multiple of four")
    read.add_argument("--questions", type=int, default=20)
    asked = read.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        hub = Hub(home / "hub")
        for venue in ("theatre", "opera", "museum"):
            s = sender(home, venue, name=venue)
            s.join(hub)
            deliver(s.release(people=3000).folder, hub.inbox)
        accept(hub)
        waits = ask_at_once(hub, asked.clients, asked.questions)
    told = f"{asked.clients} clients of {PARTNERS} partners: {len(waits.ms)} answers in {waits.seconds:.1f} s"
    sys.stdout.write(f"{told}, {len(waits.wrong)} refused {sorted(set(waits.wrong))}\n")
    sys.stdout.write(f"half within {waits.within(50):.0f} ms, 99 in 100 within {waits.within(99):.0f} ms\n")
    line = {
        "clients": asked.clients, "answers_per_s": round(len(waits.ms) / waits.seconds, 1), "refused": len(waits.wrong),
        "p50_ms": waits.within(50), "p99_ms": waits.within(99),
    }  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
