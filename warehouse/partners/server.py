"""The server partners ask: DuckDB's own protocol (Quack) on one port, for any DuckDB client.

    ATTACH 'quack:host:9494' AS jauge (TOKEN 'jauge_…');
    FROM jauge.query('select …');

The instance that speaks to the network holds no table and never runs a word of what it is sent. Quack asks `_statement` what
to run instead; that hands the text to the partner's process (`worker`), keeps the rows that come back under a name nobody can
guess, and has Quack read those. Rules, tokens and releases are looked at with every statement: what changes, holds from
the next one on, and sessions stay open. See docs/decisions/0023-partners-ask-a-copy-of-their-own.md.
"""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from privacy.errors import Fault, GovernanceRefusal
from warehouse.charter import Governance
from warehouse.governance import Hub, governance
from warehouse.partners import tokens, trail
from warehouse.partners.desks import Desks, Died, Limits, seen
from warehouse.partners.statements import HANDSHAKES, Refused
from warehouse.sharing import Access, access
from warehouse.storage import extension

_log = logging.getLogger("jauge.serve")
_SESSIONS = 512  # of one partner; the protocol ends one only when its client says so
_KEPT_SECONDS = 300  # an answer waits so long for its client to fetch it
_MEMORY = "4GB"  # answers that wait, of all partners
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "threads": "2",
    "memory_limit": _MEMORY,
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "arrow_lossless_conversion": "true",
}


@dataclass(slots=True)
class _Session:
    partner: str
    digest: str
    answer: str | None = None
    answered: float = field(default_factory=time.monotonic)


class Server:
    """Serves a hub's partners while its `with` block lasts; `host` other than localhost needs TLS before it."""

    def __init__(self, hub: Hub, host: str = "localhost", port: int = 9494, limits: Limits | None = None) -> None:
        self._hub, self.port, self.uri = hub, port, f"quack:{host}:{port}"
        self._folder = Path(tempfile.mkdtemp(prefix="jauge-"))
        self._desks = Desks(hub, self._folder, limits or Limits())
        self._front = duckdb.connect(":memory:", config=_CLOSED)
        self._sessions: dict[str, _Session] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._trail, self._failed = trail.Trail(hub), 0.0
        self._agreed: tuple[object, Governance, dict[str, Access]] | None = None

    def __enter__(self) -> Self:
        """Open the port; a Fault if that cannot be done."""
        host = self.uri.split(":")[1]
        if _listening(host, self.port):  # Quack would share the port, and each server get half of what is sent
            raise self._unserved()
        self._hub.partners.mkdir(parents=True, exist_ok=True, mode=0o700)
        front = self._front
        for name in ("httpfs", "quack"):  # httpfs brings the random numbers of session names
            front.execute(f"load '{extension(name)}'")
        front.execute("create schema answers")
        text, made = "VARCHAR", {"null_handling": "special", "side_effects": True}
        front.create_function("jauge_login", self._login, [text] * 3, "BOOLEAN", **made)  # type: ignore[arg-type]
        front.create_function("jauge_statement", self._statement, [text] * 2, text, **made)  # type: ignore[arg-type]
        front.execute("set global quack_authentication_function = 'jauge_login'")
        front.execute("set global quack_authorization_function = 'jauge_statement'")
        try:
            # The server's own token opens nothing: `_login` looks at the partners' only.
            serve = "call quack_serve($1, token = $2, allow_other_hostname = $3)"
            front.execute(serve, [self.uri, secrets.token_hex(32), host != "localhost"])
        except duckdb.Error:
            self.__exit__(None, None, None)
            raise self._unserved() from None
        front.execute("set enable_external_access = false")
        front.execute("set lock_configuration = true")
        threading.Thread(target=self._sweep, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Close the port and end the partners' processes."""
        self._closing.set()
        self._desks.close()
        with contextlib.suppress(duckdb.Error):  # it was never opened
            self._front.execute("call quack_stop($1)", [self.uri])
        self._front.close()
        self._trail.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _unserved(self) -> Fault:
        return Fault(f"{self.uri} cannot be served: the port is taken, or the address is not this machine's.",
                     f"{self.uri} ne peut être servi : port pris, ou adresse d’une autre machine.")  # fmt: skip

    def _login(self, session: str, token: str, _: str) -> bool:
        """Say whether a token opens a session. A failure is told to nobody but the trail, once a second at most."""
        now = datetime.now(UTC)
        found = tokens.find(self._hub, tokens.digest(token)) if len(token) < 200 else None
        with self._lock:
            mine = sum(s.partner == found.partner for s in self._sessions.values()) if found else 0
            opened = found is not None and found.holds(now) and mine < _SESSIONS
            if found and opened:
                self._sessions[session] = _Session(found.partner, found.digest)
            quiet = not opened and time.monotonic() - self._failed < 1
            self._failed = self._failed if opened else time.monotonic()
        if not quiet:
            name, who = (found.name, found.partner) if found else (None, None)
            rule = None if opened else "sessions" if found and found.holds(now) else "token"
            outcome = "opened" if opened else "refused"
            self._trail.write(trail.Asked(trail.instant(now), who, name, session, None, outcome, rule, 0, 0))
        return opened

    def _statement(self, session: str, text: str) -> str | None:
        """Return what Quack runs for a statement: a read of the answer, a sentence, or nothing (an append is refused)."""
        known = self._sessions.get(session)
        if known is None:
            return None
        now, start = datetime.now(UTC), time.perf_counter()
        line = trail.Asked(trail.instant(now), known.partner, known.digest[:8], session, text, "refused", None, 0, 0)
        reply: str | None
        try:
            try:
                table = self._ask(known, text, now)
            except Died:  # of another statement, perhaps: once more, in a new process
                table = self._ask(known, text, now)
            self._keep(known, table)
            line = replace(line, outcome="answered", rows=table.num_rows)
            reply = f"from answers.{known.answer}"
        except Refused as refused:
            line = replace(line, rule=refused.rule)
            reply = None if _appends(text) else f"select error('{_told(refused)}')"
        except Exception:  # noqa: BLE001 (a client is told nothing of ours: the hub's own log has it, without the statement)
            _log.exception("A statement of %s met a fault of the server.", known.partner)
            line, reply = (
                replace(line, rule="fault"),
                "select error('Try again in a moment. / Réessayez dans un instant.')",
            )
        if text.strip() not in HANDSHAKES:
            agreed = self._agreed[1].digest if self._agreed else None
            self._trail.write(replace(line, ms=int(1000 * (time.perf_counter() - start)), governance=agreed))
        return reply

    def _ask(self, known: _Session, text: str, now: datetime) -> pa.Table:
        """Look at token, rules and releases as they are now, then have the partner's process answer."""
        token = tokens.find(self._hub, known.digest)
        if token is None or not token.holds(now):
            raise Refused("token", "This token has ended; ask the hub for another.", "Ce jeton a pris fin ; demandez-en un autre au hub.")  # fmt: skip
        try:
            return self._desks.ask(self._access(known.partner, now.date()), text)
        except GovernanceRefusal:
            raise Refused(
                "until", "Your access has ended; ask the hub.", "Votre accès a pris fin ; voyez avec le hub."
            ) from None
        except Fault as fault:  # rules that cannot be read, or a lake that is being written
            raise Refused("hub", fault.en, fault.fr) from None

    def _access(self, partner: str, today: date) -> Access:
        """Return what a partner may see now; the rules are read again only when their file, or the day, has changed."""
        now = today, seen(self._hub.governance, self._hub.folder / "policy.toml")
        if self._agreed is None or self._agreed[0] != now:
            self._agreed = now, governance(self._hub), {}
        _, agreed, known = self._agreed
        if partner not in known:
            known[partner] = access(agreed, partner, today)
        return known[partner]

    def _keep(self, known: _Session, table: pa.Table) -> None:
        """Put an answer where Quack reads it, in the place of the session's last one."""
        name = f"a{secrets.token_hex(16)}"
        cursor = self._front.cursor()
        try:
            cursor.register("arriving", table)
            cursor.execute(f"create table answers.{name} as from arriving")
            former, known.answer, known.answered = known.answer, name, time.monotonic()
            if former:
                cursor.execute(f"drop table if exists answers.{former}")
        finally:
            cursor.close()

    def _sweep(self) -> None:
        """Drop answers that were fetched long ago, and forget sessions that Quack has closed."""
        while not self._closing.wait(min(30, _KEPT_SECONDS / 4)):
            cursor = self._front.cursor()
            open_now = {s for (s,) in cursor.execute("select connection_id from quack_active_connections()").fetchall()}
            for session, known in list(self._sessions.items()):
                old = time.monotonic() - known.answered > _KEPT_SECONDS
                if known.answer and (old or session not in open_now):
                    cursor.execute(f"drop table if exists answers.{known.answer}")
                    known.answer = None
                if session not in open_now and old:
                    with self._lock:
                        self._sessions.pop(session, None)
            cursor.close()


def _listening(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _appends(text: str) -> bool:
    """Return whether Quack asks about an append: any text it got back would let that happen."""
    return text.lstrip()[:6].upper() == "INSERT"


def _told(refused: Refused) -> str:
    sentence = refused.en if refused.en == refused.fr else f"{refused.en} / {refused.fr}"
    return sentence.replace("'", "''").replace("\0", "")
