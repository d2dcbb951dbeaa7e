"""What a venue signs beside its releases: that one is approved, that one is withdrawn, that its key is another from now on.

A statement is one file of canonical JSON: what is said, and an Ed25519 signature (RFC 8032) of the rest by the venue's key.
It says public facts only: ids, dates, a digest of a manifest, and of an approval the name of who approved.

    approval     release_id, manifest_sha256, by, at
    withdrawal   release_id, period, revision, at
    key          old, new, at, proof (the new key's signature of the rest)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.errors import broken
from privacy.policy import canonical_json

Kind = Literal["approval", "withdrawal", "key"]
FORMAT = "jauge-statement/1"
_FACTS: dict[str, dict[str, type]] = {
    "approval": {"release_id": str, "manifest_sha256": str, "by": str},
    "withdrawal": {"release_id": str, "period": str, "revision": int},
    "key": {"old": str, "new": str},
}


def state(kind: Kind, venue: str, at: datetime, facts: dict[str, Any], *keys: bytes) -> bytes:
    """Return a statement signed by the venue's private key; of a new key, by the old and then the new one."""
    told = {"format": FORMAT, "kind": kind, "venue": venue, "at": at.isoformat(timespec="seconds"), **facts}
    signed = [Ed25519PrivateKey.from_private_bytes(key).sign(canonical_json(told)).hex() for key in keys]
    return canonical_json(told | dict(zip(("signature", "proof"), signed, strict=False)))


def read_statement(data: bytes, kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
    """Return what a statement of a kind says, without signatures; `keys`: in hex, one of which signed it.

    VerificationRefusal `statement` if none did, or it says other things than its kind does.
    """
    try:
        told: Any = json.loads(data)
        good = canonical_json(told) == data and (told["format"], told["kind"]) == (FORMAT, kind)
        signature, proof = told.pop("signature"), told.pop("proof", None)
        good &= {name: type(value) for name, value in told.items()} == _expected(kind)
        good &= datetime.fromisoformat(told["at"]).tzinfo is not None
        good &= any(_signed(key, signature, told) for key in keys)
        good &= kind != "key" or _signed(told["new"], proof, told)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        good, told = False, {}
    if not good:
        raise broken("statement", f"this {kind} is not signed by a key of the venue, or says something else")
    return told


def _expected(kind: str) -> dict[str, type]:
    return dict.fromkeys(("format", "kind", "venue", "at"), str) | _FACTS[kind]


def _signed(key: str, signature: str, told: dict[str, Any]) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), canonical_json(told))
    except InvalidSignature:
        return False
    return True
