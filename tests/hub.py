"""A hub of two venues with two partners, and the real clients that ask its server."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from socket import socket

import duckdb

from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.amendments import add_partner
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.storage import extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL = {"grant": ("all",)}
EVER = date(9999, 12, 31)


def two_venues(home: Path, *tables: str) -> Hub:
    """Two venues' season; `region` sees one venue without the table family, `network` sees everything."""
    hub = Hub(home / "hub")
    policy = small_policy(*tables)
    for venue, name in (("theatre", "Théâtre du Port"), ("opera", "Opéra du Large")):
        records = ("transactions", "counts", "interactions")
        s = sender(home, venue, name=name, publishes=records, revenue=True, policy=policy)
        s = replace(s, match_key=b"m" * 32)
        s.join(hub)
        deliver(s.release(people=2500, seed=len(venue)).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    denied = () if tables and "family" not in tables else ("family",)
    tables, venues = {"grant": ("all",), "deny": denied}, {"grant": ("theatre",)}
    add_partner(hub, "region", name="Région", purpose="evaluation", until=EVER, tables=tables, venues=venues)
    add_partner(hub, "network", name="Réseau", purpose="statistics", until=EVER, tables=ALL, venues=ALL)
    return hub


def free_port() -> int:
    with socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def attached(port: int, token: str, host: str = "localhost"):
    """A DuckDB client of Python, with the server attached as `r`."""
    with duckdb.connect() as client:
        for name in ("httpfs", "quack"):
            client.execute(f"load '{extension(name)}'")
        client.execute("set enable_progress_bar = false")
        client.execute(f"attach 'quack:{host}:{port}' as r (token '{token}')")
        yield client


def ask(client: duckdb.DuckDBPyConnection, statement: str) -> list[tuple]:
    """Send a statement as it is."""
    return client.execute("from r.query('" + statement.replace("'", "''") + "')").fetchall()


def shell(port: int, token: str, statement: str) -> subprocess.CompletedProcess[str]:
    """DuckDB's own command line."""
    duck = Path(sys.executable).with_name("duckdb")
    loads = "; ".join(f"load '{extension(name)}'" for name in ("httpfs", "quack"))
    script = f"{loads}; attach 'quack:localhost:{port}' as r (token '{token}'); {statement}"
    return subprocess.run([duck, "-csv", "-c", script], capture_output=True, text=True, check=False)
