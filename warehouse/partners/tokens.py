"""Tokens: 256 random bits that say who asks, shown once; the hub keeps their digest, when they end, and nothing else.

A plain SHA-256 is enough here: passwords need slow, salted functions because people choose them among few; nobody tries
2²⁵⁶ values, and a table of digests of random tokens cannot be made in advance. A partner has one token at a time: to renew is
to end the one before. What is written here holds from the next statement on, in a server that is running too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from privacy.errors import Fault
from warehouse.governance import Hub

DAYS = 365
_TABLE = """create table if not exists tokens (
    digest text primary key, partner text not null, made text not null, expires text not null, ended text,
    verifier text not null
)"""


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; `name` is the start of its digest, times are ISO 8601, UTC.

    `verifier`: what PostgreSQL holds it to, where there is a mirror.
    """

    digest: str
    partner: str
    made: str
    expires: str
    ended: str | None
    verifier: str

    @property
    def name(self) -> str:
        """How people and the audit trail speak of it."""
        return self.digest[:8]

    def holds(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired."""
        return self.ended is None and now.isoformat() < self.expires


def new_token(hub: Hub, partner: str, now: datetime, days: int = DAYS) -> str:
    """End the tokens that a partner has and return a new one, which cannot be shown again."""
    text = drawn(partner)
    row = (digest(text), partner, now.isoformat(), (now + timedelta(days=days)).isoformat(), scram(text))
    with _book(hub) as book:
        book.execute("update tokens set ended = ? where partner = ? and ended is null", (now.isoformat(), partner))
        book.execute("insert into tokens values (?, ?, ?, ?, null, ?)", row)
    return text


def drawn(partner: str) -> str:
    """Return a text that nobody can guess."""
    return f"jauge_{partner}_{secrets.token_urlsafe(32)}"


def revoke(hub: Hub, partner: str, now: datetime) -> None:
    """End what a partner has; a Fault if that is nothing."""
    with _book(hub) as book:
        ended = book.execute(
            "update tokens set ended = ? where partner = ? and ended is null", (now.isoformat(), partner)
        )
        if not ended.rowcount:
            raise Fault(f"{partner} has no token that holds.", f"{partner} n’a pas de jeton valable.")


def tokens(hub: Hub) -> list[Token]:
    """Return all tokens ever made, oldest first."""
    with _book(hub) as book:
        return [Token(*row) for row in book.execute("select * from tokens order by made")]


def find(hub: Hub, token_digest: str) -> Token | None:
    """Return what is known of the token of that digest."""
    with _book(hub) as book:
        row = book.execute("select * from tokens where digest = ?", (token_digest,)).fetchone()
    return Token(*row) if row else None


def digest(text: str) -> str:
    """Return the SHA-256 of a token, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _book(hub: Hub) -> Generator[sqlite3.Connection]:
    hub.partners.mkdir(parents=True, exist_ok=True, mode=0o700)
    book = sqlite3.connect(hub.partners / "tokens.sqlite", timeout=10)
    try:
        with book:
            book.execute(_TABLE)
            yield book
    finally:
        book.close()


def scram(password: str) -> str:
    """Return a SCRAM-SHA-256 verifier as PostgreSQL keeps one (RFC 5803): the password cannot be had from it.

    An ASCII password needs no preparation (SASLprep); the token's 256 random bits make the number of rounds of no matter.
    """
    salt, rounds = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{encoded[0]}${encoded[1]}:{encoded[2]}"
