"""The partners' processes: one each, started at the first statement, replaced when what the partner may see has changed."""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from privacy.errors import Fault
from warehouse.governance import Hub
from warehouse.lake import open_lake
from warehouse.partners.extracts import state, write_database
from warehouse.partners.statements import Refused
from warehouse.sharing import Access
from warehouse.storage import read_storage

_log = logging.getLogger("jauge.serve")
_AT_ONCE = 4  # statements of one partner; others wait their turn
_PATIENCE = 30.0  # seconds that a statement waits for its turn, or for its process
_GRACE = 5.0  # seconds after a limit that the process keeps itself, before it is killed
_LOOKS = 2.0  # seconds between two looks at the lake
_IDLE = 900.0  # seconds after the last statement that a process stays


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one statement may take: seconds of work, rows and bytes of answer."""

    seconds: float = 20
    rows: int = 1_000_000
    size: int = 128 * 2**20


class Died(Refused):
    """The partner's process ended before it answered: by this statement, or by another of the same partner."""


class _Desk:
    """One process and the database it serves."""

    def __init__(self, hub: Hub, partner: Access, folder: Path, limits: Limits) -> None:
        self._partner, self._limits, self._place = partner, limits, folder / secrets.token_hex(8)
        self._turn, self.asked = threading.Semaphore(_AT_ONCE), time.monotonic()
        self._place.mkdir(mode=0o700)
        self.state = write_database(hub, partner, self._place / "jauge.duckdb")
        self._path = str(self._place / "s")
        given = [str(self._place / "jauge.duckdb"), self._path, str(limits.seconds), str(limits.rows), str(limits.size)]
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", "warehouse.partners.worker", *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._place,
            env={"PATH": os.defpath},  # nothing that the hub's own environment holds
        )
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            self.close()
            raise Fault("The partner's process does not start.", "Le processus du partenaire ne démarre pas.")

    def serves(self, partner: Access) -> bool:
        """Return whether the process runs, under the rules of now."""
        return self._process.poll() is None and self._partner == partner

    def again(self, hub: Hub, folder: Path) -> _Desk:
        """Return another for the same partner, of what the lake holds now."""
        return _Desk(hub, self._partner, folder, self._limits)

    def ask(self, text: str) -> pa.Table:
        """Have the process answer, when the partner's turn comes; Refused."""
        self.asked = time.monotonic()
        if not self._turn.acquire(timeout=_PATIENCE):
            raise Refused("busy", "Your other statements are still running.", "Vos autres requêtes tournent encore.")
        try:
            return self._answer(text)
        except TimeoutError:
            self.close()
            raise Refused("time", "Stopped: it took too long.", "Arrêtée : trop longue.") from None
        except (OSError, ValueError, pa.ArrowException):
            self.close()
            raise Died("memory", "The statement takes too much.", "La requête en demande trop.") from None
        finally:
            self._turn.release()

    def _answer(self, text: str) -> pa.Table:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.settimeout(self._limits.seconds + _GRACE)
            asked.connect(self._path)
            asked.sendall(text.encode("utf-8", "replace"))
            asked.shutdown(socket.SHUT_WR)
            with asked.makefile("rb") as reply:
                said = json.loads(reply.readline())
                if said["rule"]:
                    raise Refused(said["rule"], said["en"], said["fr"])
                return pa.ipc.open_stream(reply).read_all()

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        shutil.rmtree(self._place, ignore_errors=True)


class Desks:
    """The processes of all partners of a hub.

    Rules are looked at with every statement. The lake is looked at every other second, for to open it takes longer than most
    answers: a partner asks what was there until a process that has what is there is ready. A process nobody asks ends.
    """

    def __init__(self, hub: Hub, folder: Path, limits: Limits) -> None:
        self._hub, self._folder, self._limits = hub, folder, limits
        self._desks: dict[str, _Desk] = {}
        self._former: set[_Desk] = set()
        self._making: dict[Access, Future[_Desk]] = {}
        self._makers = ThreadPoolExecutor(2)
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._following = threading.Thread(target=self._follow, daemon=True)
        self._following.start()

    def ask(self, partner: Access, text: str) -> pa.Table:
        """Have the partner's process answer, under the rules that are given; Refused or Fault."""
        return self._ready(partner).ask(text)

    def _ready(self, partner: Access) -> _Desk:
        with self._lock:
            desk = self._desks.get(partner.id)
            if desk and desk.serves(partner):
                return desk
            making = self._making.get(partner) or self._makers.submit(self._make, partner)
            self._making[partner] = making
        try:
            return making.result(_PATIENCE)
        except FutureTimeout:  # Arrow's driver loses patience after 60 seconds
            raise Refused("busy", "Your tables are being laid out: ask again in a minute.",
                          "Vos tables se préparent : réessayez dans une minute.") from None  # fmt: skip

    def _make(self, partner: Access) -> _Desk:
        try:
            made = _Desk(self._hub, partner, self._folder, self._limits)
            with self._lock:
                self._put(partner.id, made, grace=0)
            return made
        finally:
            with self._lock:
                self._making.pop(partner, None)

    def close(self) -> None:
        """End all."""
        self._closing.set()
        self._following.join()
        self._makers.shutdown(cancel_futures=True)
        for desk in (*self._desks.values(), *tuple(self._former)):
            desk.close()
        self._desks.clear()

    def _put(self, name: str, desk: _Desk | None, *, grace: float) -> None:
        """Have a partner's statements answered by another process from here on; the former ends after `grace` seconds."""
        former = self._desks.pop(name, None)
        if desk:
            self._desks[name] = desk
        if former:
            self._former.add(former)
            late = threading.Timer(grace, self._end, [former])
            late.daemon = True
            late.start()

    def _end(self, former: _Desk) -> None:
        former.close()
        self._former.discard(former)

    def _follow(self) -> None:
        """Replace the processes that have not what the lake holds, and end those that nobody asks."""
        looked: object = None
        while not self._closing.wait(_LOOKS):
            for name, desk in list(self._desks.items()):
                if time.monotonic() - desk.asked > _IDLE:
                    with self._lock:
                        self._put(name, None, grace=self._limits.seconds + _GRACE)
            try:
                looked = self._look(looked)
            except (
                Fault,
                duckdb.Error,
            ) as fault:  # a release is being accepted, a server is away: what was there answers
                _log.info("The lake cannot be read for partners now: %s", type(fault).__name__)

    def _look(self, looked: object) -> object:
        """Replace what is not of now; return what was looked at."""
        embedded = read_storage(self._hub).catalogue is None  # a file that one process writes: not opened without need
        files = seen(*(self._hub.lake / f"catalogue.duckdb{end}" for end in ("", ".wal"))) if embedded else None
        stale = list(self._desks.items())
        if not stale or (embedded and files == looked):
            return files
        with open_lake(self._hub, read_only=True) as lake:
            now = state(lake)
        for name, desk in stale:
            if desk.state != now:
                made = desk.again(self._hub, self._folder)
                with self._lock:
                    if self._desks.get(name) is desk:
                        self._put(name, made, grace=self._limits.seconds + _GRACE)
                    else:  # the rules have changed meanwhile
                        made.close()
        return files


def seen(*paths: Path) -> object:
    """Return what tells whether files have changed since."""
    return [(s.st_mtime_ns, s.st_ino, s.st_size) if (s := _stat(path)) else None for path in paths]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
