"""The audit trail: who asked what, when, and how many rows left; one SQLite file a year, which only grows.

A line is written before the answer leaves. It holds no row of an answer, but the statement as it was typed (its first
10,000 characters): what a partner's employees look for may be personal data. Deleting a year is deleting its file.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import astuple, dataclass, fields
from datetime import datetime

import duckdb
import polars as pl

from privacy.errors import Fault
from warehouse.governance import Hub

_LONGEST = 10_000  # characters kept of a statement


@dataclass(frozen=True, slots=True)
class Asked:
    """One line. `outcome`: answered or refused, by `rule`; `rows` that left; `ms` it took; `asked_at` is ISO 8601, UTC.

    `governance`: digest of what the members had agreed on, under which it was answered or refused.
    """

    asked_at: str
    partner: str | None
    token: str | None
    session: str
    statement: str | None
    outcome: str
    rule: str | None
    rows: int
    ms: int
    governance: str | None = None


_COLUMNS = ", ".join(f.name for f in fields(Asked))
_MAKE = f"""
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists audit ({_COLUMNS});
create trigger if not exists no_update before update on audit begin select raise(abort, 'the trail only grows'); end;
create trigger if not exists no_delete before delete on audit begin select raise(abort, 'the trail only grows'); end;
"""


class Trail:
    """The trail as one process writes it, from any of its threads."""

    def __init__(self, hub: Hub) -> None:
        self._folder, self._lock = hub.partners, threading.Lock()
        self._book: sqlite3.Connection | None = None
        self._year = ""

    def write(self, line: Asked) -> None:
        """Add a line to the file of its year."""
        kept = tuple(v[:_LONGEST] if isinstance(v, str) else v for v in astuple(line))
        with self._lock:
            if self._book is None or line.asked_at[:4] != self._year:
                self._book = self._open(line.asked_at[:4])
            self._book.execute(f"insert into audit values ({', '.join('?' * len(kept))})", kept)  # noqa: S608

    def _open(self, year: str) -> sqlite3.Connection:
        if self._book:
            self._book.close()
        path = self._folder / f"audit-{year}.sqlite"
        book = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        book.executescript(_MAKE)
        self._year = year
        return book

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._book:
                self._book.close()


def trail(hub: Hub, question: str = "from audit order by asked_at desc limit 50") -> pl.DataFrame:
    """Answer the steward's question in SQL over the table `audit`; a Fault says why it has no answer."""
    rows: list[tuple[object, ...]] = []
    for path in sorted(hub.partners.glob("audit-*.sqlite")):
        book = sqlite3.connect(path)
        try:
            rows += book.execute(f"select {_COLUMNS} from audit").fetchall()  # noqa: S608 (the columns of `Asked`)
        finally:
            book.close()
    types = {f.name: pl.Int64 if f.type == "int" else pl.String for f in fields(Asked)}
    table = pl.DataFrame(rows, schema=types, orient="row").with_columns(
        pl.col("asked_at").str.to_datetime(time_zone="UTC")
    )
    with duckdb.connect(config={"enable_external_access": "false"}) as asked:
        asked.register("audit", table)
        try:
            return asked.execute(question).pl()
        except duckdb.Error as error:
            why = str(error).split("\n\n")[0]
            raise Fault(f"The question has no answer. {why}", f"La question n’a pas de réponse. {why}") from None


def instant(now: datetime) -> str:
    """Return a time as lines have it: they sort as text."""
    return now.isoformat(timespec="milliseconds")
