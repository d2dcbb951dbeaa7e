"""The cooperative's key: 32 secret bytes that member venues hand each other in a file, and never the hub.

It turns an e-mail address into a `match`, the same number at every venue that holds the key: the first 8 bytes of
HMAC-SHA-256(root key, "match" + 0x00 + address written in one way). A season's bucket is a hash of that under a key of the
season (`privacy.sketch`). Telephones, vendors' numbers and records under exempt_audience have no match.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from aggregations.disk import write_whole
from aggregations.persons import keyed, keyed_ref
from aggregations.venue import Venue
from privacy.errors import Fault
from privacy.sketch import key_id, season_key

_BYTES = 32


def new_key(file: Path) -> str:
    """Write a new root key to a file for this account only; return its id. A file that is there is a Fault."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Fault(f"{file} cannot be made ({error.strerror}); name a new file.",
                    f"{file} ne peut être créé ({error.strerror}) ; nommez un nouveau fichier.") from None  # fmt: skip
    key = secrets.token_bytes(_BYTES)
    with os.fdopen(descriptor, "w") as out:
        out.write(key.hex() + "\n")
    return key_id(key)


def match_key(venue: Venue) -> bytes:
    """Return the root key the venue holds; empty where it has none."""
    return _read(_place(venue)) if _place(venue).exists() else b""


def hold_key(venue: Venue, file: Path) -> bytes:
    """Have the venue hold the key in a file; return it."""
    key = _read(file)
    write_whole(_place(venue), key.hex() + "\n")
    return key


def of_address(address: pl.Expr, key: bytes) -> pl.Expr:
    """Return the match of an address written in one way; null for a contact that is no e-mail."""
    return keyed(pl.when(address.str.contains("@", literal=True)).then(address), key, "match")


def matches_of(texts: Sequence[str], key: bytes) -> frozenset[int]:
    """Return the matches of contacts, written in one way, under a key."""
    given = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frozenset(given.select(of_address(pl.col("text"), key)).to_series().drop_nulls())


def buckets(match: pl.Expr, root: bytes, season: str, number: int) -> pl.Expr:
    """Return the bucket of a season for each match: the first 8 bytes of its HMAC under the season's key, modulo `number`."""
    key = season_key(root, season)
    return match.map_batches(
        lambda m: keyed_ref(m.cast(pl.String), key, "bucket"), return_dtype=pl.UInt64, is_elementwise=True
    ) % pl.lit(number, pl.UInt64)  # fmt: skip


def _place(venue: Venue) -> Path:
    return venue.folder / "keys" / "match.key"


def _read(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text("ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise Fault(
            f"{file.name} holds no key of a cooperative: 64 hexadecimal digits, as `jauge coop new-key` makes it. Ask a member.",
            f"{file.name} ne contient pas de clé de coopérative : 64 chiffres hexadécimaux, comme `jauge coop new-key` la fait. "
            "Demandez-la à un membre.",
        )
    return key
