"""A venue's signing key is renewed: the new one signs from then on, and a statement tells the hub.

    keys/signing.key            signs releases
    keys/signing.key.new        being made
    keys/former-<8 digits>.key  what signed before
    key-<8 digits>.json         the statement of the key of that name, for the hub: signed by the former key and the new one

The person's key is another matter: it is never renewed, or nobody would be recognised any more.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from aggregations.disk import settle, write_whole
from aggregations.venue import Venue, public_key
from privacy.statements import state


def renew_key(venue: Venue) -> Path:
    """Make a new signing key and the statement of it; return the statement's path. Killed midway, it goes on with that key."""
    keys = venue.folder / "keys"
    new = keys / "signing.key.new"
    if not new.exists():
        write_whole(new, secrets.token_hex(32))
    old_secret, new_secret = venue.signing_key, bytes.fromhex(new.read_text("ascii"))
    old, renewed = venue.public_key, public_key(new_secret)
    statement = venue.folder / f"key-{renewed[:8]}.json"
    facts = {"old": old, "new": renewed}
    write_whole(statement, state("key", venue.id, datetime.now(UTC), facts, old_secret, new_secret).decode())
    write_whole(keys / f"former-{old[:8]}.key", old_secret.hex())
    settle(new, keys / "signing.key")
    return statement
