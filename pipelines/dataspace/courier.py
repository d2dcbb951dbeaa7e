"""Sends what is due in negotiations and transfers, while its `with` block lasts: again, with patience, until it has arrived.

Any number may work from one book, in this process and others: each takes a process for itself. One that is killed leaves what it was
sending to be sent again a minute later; the other side knows a message that it has had.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from pipelines.dataspace.peers import Passing, Peer, Refused
from privacy.errors import Fault, GovernanceRefusal
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.process import Process, entered, spoken
from warehouse.dataspace.turns import take_turn

_log = logging.getLogger("jauge.dataspace")
_TRIES, _LONGEST = 24, 900.0  # the last some five hours after the first
_THREADS = 4
_LOOKS = 1.0  # seconds, for what other processes have written


class Courier:
    """Sends for a connector, by some threads."""

    def __init__(self, connector: Connector) -> None:
        self._connector, self._stopping = connector, threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]

    def __enter__(self) -> Self:
        """Begin to send."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Finish what is being sent; what is due waits for the next time."""
        self._stopping.set()
        self._connector.book.written.set()
        for thread in self._threads:
            thread.join(35)

    def _work(self) -> None:
        written = self._connector.book.written
        while not self._stopping.is_set():
            try:
                if not step(self._connector):
                    written.wait(_LOOKS)
                    written.clear()
            except Exception as error:  # noqa: BLE001 (one message must not stop the others; of a message nothing is logged)
                _log.error("The dataspace's courier met %s.", type(error).__name__)
                self._stopping.wait(_LOOKS)


def step(connector: Connector) -> bool:
    """Do one thing that is due, and return whether there was one."""
    one = connector.book.claim(time.time())
    if one is None:
        return False
    if one.sending is None:
        decided = take_turn(connector, one, time.time())
        if decided is None:
            return True
        one = decided
    try:
        peer_pid = Peer(*connector.partner(one.partner)).send(one)
    except (Passing, Fault) as why:  # also rules that cannot be read, or a token that is not in the environment
        if one.tries < _TRIES:
            due, said = time.time() + min(2.0**one.tries, _LONGEST), str(why)
            connector.book.change(
                one.pid, lambda p: replace(p, tries=p.tries + 1, flying=False, due=due, reason=said), one.version
            )
        else:
            _give_up(connector, one, str(why))
    except (Refused, GovernanceRefusal) as why:
        _give_up(connector, one, str(why))
    else:
        connector.arrived(one, peer_pid)
    return True


def _give_up(connector: Connector, one: Process, why: str) -> None:
    """End a process whose other side does not take what it must: both are told apart from here on, so neither goes on."""

    def ended(p: Process) -> Process:
        silent = replace(p, word="", sending=None, flying=False, reason=why)
        if p.word == "termination" or not p.peer_pid:
            return entered(silent, "TERMINATED", time.time())
        return spoken(silent, "termination", time.time(), code="refused", reason=["a message was not taken"])

    connector.book.change(one.pid, ended, one.version)
