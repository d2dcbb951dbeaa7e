"""Negotiations, transfers and agreements, kept in `hub/dataspace/dataspace.sqlite`: what is acknowledged is on the disk.

Every change is one transaction, whole or not at all, whichever process of this machine makes it. An agreement is never changed; that
it ended is a line of its own. Tokens given out are kept as digests, and in clear only inside a message until it has arrived.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from threading import Event
from typing import Any

from warehouse.dataspace.messages import Message
from warehouse.dataspace.process import Process
from warehouse.dataspace.states import FINAL, Kind, Role
from warehouse.governance import Hub

_JSON = ("about", "visits", "sending")
_COLUMNS = [f.name for f in fields(Process)]
_LEASE = 60.0  # seconds that a message may take to be sent, before another process sends it again
_MAKE = f"""
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists processes ({", ".join(_COLUMNS)}, primary key (pid));
create index if not exists due on processes (due) where due is not null;
create index if not exists theirs on processes (partner, kind, role, peer_pid);
create table if not exists agreements (
    id text primary key, role text, partner text, dataset text, text text, made text, version text
);
create table if not exists ends (agreement text primary key, at text, reason text);
create trigger if not exists fixed before update on agreements begin select raise(abort, 'agreements do not change'); end;
create trigger if not exists kept before delete on agreements begin select raise(abort, 'agreements do not change'); end;
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed with a partner. `text`: as both have it; `made`, `ended`: ISO 8601, UTC.

    `version`, of what this hub provides: the lake's snapshot, and rows of venue and last period, for which it holds.
    """

    id: str
    role: Role
    partner: str
    dataset: str
    text: Message
    made: str
    version: dict[str, Any]
    ended: str | None = None
    reason: str | None = None


class Book:
    """The file, opened anew for each act; `written` is set when there may be something to send."""

    def __init__(self, hub: Hub) -> None:
        self._path = hub.folder / "dataspace" / "dataspace.sqlite"
        self._made = False
        self.written = Event()

    def process(self, pid: str) -> Process | None:
        """Return a process by our identifier."""
        with self._open() as book:
            return _one(book, "pid = ?", pid)

    def theirs(self, kind: Kind, partner: str, role: Role, peer_pid: str) -> Process | None:
        """Return a process by the other side's identifier; `role` is ours."""
        with self._open() as book:
            return _one(book, "kind = ? and partner = ? and role = ? and peer_pid = ?", kind, partner, role, peer_pid)

    def processes(self) -> list[Process]:
        """Return all of them, in the order they were begun."""
        with self._open() as book:
            return [_read(row) for row in book.execute(f"select {', '.join(_COLUMNS)} from processes order by rowid")]  # noqa: S608

    def open(self, partner: str) -> int:
        """Return how many processes with a partner are not over."""
        over = ", ".join(f"'{state}'" for state in sorted(FINAL))
        with self._open() as book:
            (n,) = book.execute(
                f"select count(*) from processes where partner = ? and state not in ({over})",  # noqa: S608
                (partner,),
            ).fetchone()
        return int(n)

    def begin(self, one: Process) -> Process:
        """Keep a new process; the one that the same message of theirs began before, if there is one."""
        with self._open() as book:
            known = one.peer_pid and _one(
                book, "kind = ? and partner = ? and role = ? and peer_pid = ?",
                one.kind, one.partner, one.role, one.peer_pid,
            )  # fmt: skip
            if known:
                return known
            _insert(book, one)
        self.written.set()
        return one

    def change(self, pid: str, how: Callable[[Process], Process], version: int | None = None) -> Process | None:
        """Change a process and return it; None, and nothing happens, if there is none of that `version` any more."""
        with self._open() as book:
            held = _one(book, "pid = ?", pid)
            if held is None or version not in (None, held.version):
                return None
            changed = how(held)
            if changed == held:
                return held
            changed = replace(changed, version=held.version + 1)
            _insert(book, changed)
            if changed.state == "FINALIZED" != held.state:
                _agree(book, changed)
        self.written.set()
        return changed

    def claim(self, now: float) -> Process | None:
        """Return a process with which there is something to do, for this caller alone; None if there is none."""
        with self._open() as book:
            held = _one(book, "due <= ? order by due limit 1", now)
            if held is None:
                return None
            mine = replace(held, due=now + _LEASE, flying=held.sending is not None, version=held.version + 1)
            _insert(book, mine)
            return mine

    def agreements(self) -> list[Agreement]:
        """Return all agreements, oldest first, those that ended too."""
        with self._open() as book:
            rows = book.execute(
                "select a.*, e.at, e.reason from agreements as a left join ends as e on e.agreement = a.id order by made"
            ).fetchall()
        return [_agreement(*row) for row in rows]

    def agreement(self, name: str) -> Agreement | None:
        """Return an agreement by its identifier."""
        return next((a for a in self.agreements() if a.id == name), None)

    def end(self, agreement: str, at: str, reason: str) -> None:
        """Write down that an agreement ended; the first time counts."""
        with self._open() as book:
            book.execute("insert or ignore into ends values (?, ?, ?)", (agreement, at, reason))
        self.written.set()

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        book = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            if not self._made:
                book.executescript(_MAKE)
                self._made = True
            book.execute("pragma synchronous = full")
            book.execute("begin immediate")
            try:
                yield book
            except BaseException:
                book.execute("rollback")
                raise
            book.execute("commit")
        finally:
            book.close()


def _agreement(*row: Any) -> Agreement:
    name, role, partner, dataset, text, made, version, ended, reason = row
    return Agreement(name, role, partner, dataset, json.loads(text), made, json.loads(version), ended, reason)


def _read(row: tuple[Any, ...]) -> Process:
    told: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    told |= {name: json.loads(told[name]) for name in _JSON}
    told |= {"visits": tuple(told["visits"]), "flying": bool(told["flying"])}
    return Process(**told)


def _one(book: sqlite3.Connection, where: str, *values: object) -> Process | None:
    row = book.execute(f"select {', '.join(_COLUMNS)} from processes where {where}", values).fetchone()  # noqa: S608 (ours)
    return _read(row) if row else None


def _insert(book: sqlite3.Connection, one: Process) -> None:
    values = dict(zip(_COLUMNS, astuple(one), strict=True))
    values |= {name: json.dumps(values[name], ensure_ascii=False) for name in _JSON}
    marks = ", ".join("?" * len(_COLUMNS))
    same = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
    book.execute(
        f"insert into processes values ({marks}) on conflict (pid) do update set {same}",  # noqa: S608
        list(values.values()),
    )


def _agree(book: sqlite3.Connection, one: Process) -> None:
    """Keep the agreement of a negotiation that has just been finalized."""
    text = one.about["agreement"]
    version = json.dumps(one.about.get("version", {}))
    row = text["@id"], one.role, one.partner, text["target"], json.dumps(text, ensure_ascii=False), text["timestamp"]
    book.execute("insert or ignore into agreements values (?, ?, ?, ?, ?, ?, ?)", (*row, version))
