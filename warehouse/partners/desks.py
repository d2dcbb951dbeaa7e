"""The partners' processes: one each, started at the first statement, replaced when what the partner may see has changed."""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from privacy.errors import Fault
from warehouse.governance import Hub
from warehouse.partners.extracts import write_database
from warehouse.partners.statements import Refused
from warehouse.partners.worker import PATIENCE
from warehouse.sharing import Access

_GRACE = 5.0  # seconds after a limit that the process keeps itself, before it is killed


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one statement may take: seconds of work, rows and bytes of answer."""

    seconds: float = 20
    rows: int = 1_000_000
    size: int = 128 * 2**20


class Died(Refused):
    """The partner's process ended before it answered: by this statement, or by another of the same partner."""


class _Desk:
    """One process and the database it serves. `state`: what the database was made from."""

    def __init__(self, hub: Hub, partner: Access, state: object, folder: Path, limits: Limits) -> None:
        name = secrets.token_hex(8)
        self.state, self.partner = state, partner
        self._limits, self._place = limits, folder / name
        self._place.mkdir(mode=0o700)
        write_database(hub, partner, self._place / "jauge.duckdb")
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

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, text: str) -> pa.Table:
        begun = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.settimeout(PATIENCE + _GRACE)
            try:
                asked.connect(self._path)
                asked.sendall(text.encode("utf-8", "replace"))
                asked.shutdown(socket.SHUT_WR)
                with asked.makefile("rb") as reply:
                    begun = reply.readline() == b"\n"
                    asked.settimeout(self._limits.seconds + _GRACE)
                    said = json.loads(reply.readline())
                    if said["rule"]:
                        raise Refused(said["rule"], said["en"], said["fr"])
                    return pa.ipc.open_stream(reply).read_all()
            except (OSError, ValueError, pa.ArrowException) as fault:
                self.close()
                if begun and isinstance(fault, TimeoutError):
                    raise Refused("time", "Stopped: it took too long.", "Arrêtée : trop longue.") from None
                raise Died("memory", "The statement takes too much.", "La requête en demande trop.") from None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        for file in self._place.glob("*"):
            file.unlink(missing_ok=True)


class Desks:
    """The processes of all partners of a hub."""

    def __init__(self, hub: Hub, folder: Path, limits: Limits) -> None:
        self._hub, self._folder, self._limits = hub, folder, limits
        self._desks: dict[str, _Desk] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def ask(self, partner: Access, text: str) -> pa.Table:
        """Have the partner's process answer, on what the rules and the lake say now; Refused or Fault."""
        with self._lock:
            mine = self._locks.setdefault(partner.id, threading.Lock())
        with mine:
            desk = self._current(partner)
        return desk.ask(text)

    def close(self) -> None:
        """End all."""
        with self._lock:
            for desk in self._desks.values():
                desk.close()
            self._desks.clear()

    def _current(self, partner: Access) -> _Desk:
        desk, state = self._desks.get(partner.id), self._released()
        if desk and desk.alive and (desk.partner, desk.state) == (partner, state):
            return desk
        try:
            made = _Desk(self._hub, partner, state, self._folder, self._limits)
        except Fault:  # a release is being accepted: what was there still answers, but never under other rules
            if desk and desk.alive and desk.partner == partner:
                return desk
            raise
        self._desks[partner.id] = made
        if desk:
            late = threading.Timer(self._limits.seconds + _GRACE if desk.partner == partner else 0, desk.close)
            late.daemon = True
            late.start()
        return made

    def _released(self) -> object:
        """Return what changes when releases come or go, or the policy does."""
        return seen(self._hub.accepted, self._hub.folder / "policy.toml")


def seen(*paths: Path) -> object:
    """Return what tells whether files have changed since."""
    return [(s.st_mtime_ns, s.st_ino, s.st_size) if (s := _stat(path)) else None for path in paths]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
