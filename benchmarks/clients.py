"""Partners who ask at once, through the real client: how long an answer takes when 64 of them do.

    uv run python benchmarks/clients.py [--clients 64] [--questions 20]

A hub of three made-up venues is served to four partners. Each client is a DuckDB connection that has attached the server and asks
sums with their margins, one after the other, without a pause. The last line is a JSON object; times are in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np

from privacy.release import deliver
from tests.releases import sender
from warehouse.amendments import add_partner
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.partners.server import Server
from warehouse.partners.tokens import new_token
from warehouse.storage import extension

PORT = 9487
ALL = {"grant": ("all",)}
QUESTION = (
    "from r.query('select venue, family, noisy_sum(people, people_se, people_common_se) "
    "from family where period_kind = ''season'' group by all')"
)


def clients(token: str, count: int, questions: int, start, results) -> None:  # noqa: ANN001 (multiprocessing's own)
    """Be some of the clients, in a process of their own."""
    took: list[float] = []
    wrong: list[str] = []
    ready = threading.Barrier(count + 1, timeout=120)

    def ask() -> None:
        with duckdb.connect(config={"threads": 1}) as client:
            for name in ("httpfs", "quack"):
                client.execute(f"load '{extension(name)}'")
            client.execute(f"attach 'quack:localhost:{PORT}' as r (token '{token}')")
            client.execute(QUESTION).fetchall()
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
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--questions", type=int, default=20)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, hub = Path(folder), Hub(Path(folder) / "hub")
        for venue in ("theatre", "opera", "museum"):
            s = sender(home, venue, name=venue)
            s.join(hub)
            deliver(s.release(people=3000).folder, hub.inbox)
        accept(hub)
        ids = [f"partner-{n}" for n in range(4)]
        for name in ids:
            add_partner(hub, name, name=name, purpose="statistics", until=date(9999, 1, 1), tables=ALL, venues=ALL)
        tokens = [new_token(hub, name, datetime.now(UTC)) for name in ids]
        with Server(hub, port=PORT):
            context = multiprocessing.get_context("spawn")
            start, results = context.Event(), context.Queue()
            each = [asked.clients // 4 + (n < asked.clients % 4) for n in range(4)]
            groups = [
                context.Process(target=clients, args=(token, n, asked.questions, start, results))
                for token, n in zip(tokens, each, strict=True)
                if n
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
    took = np.array([t for ms, _ in told for t in ms])
    wrong = [w for _, errors in told for w in errors]
    low, high, most = np.percentile(took, [50, 99, 100])
    print(
        f"{asked.clients} clients of 4 partners, {len(took)} answers in {seconds:.1f} s, {len(wrong)} refused {set(wrong)}"
    )
    print(f"half within {low:.0f} ms, 99 in 100 within {high:.0f} ms, the slowest {most:.0f} ms")
    print(json.dumps({
        "clients": asked.clients, "answers_per_s": round(len(took) / seconds, 1), "refused": len(wrong),
        "p50_ms": round(low, 1), "p99_ms_64_clients" if asked.clients == 64 else "p99_ms": round(high, 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
