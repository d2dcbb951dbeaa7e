"""What a venue signs beside its releases: that one is approved, that one is withdrawn, that its key is another from now on.

A statement is canonical JSON that says public facts only: ids, dates, the digest of a manifest, and of an approval the name
of who approved. It is signed as releases are, with Ed25519 (RFC 8032) by the venue's key: a withdrawal travels alone, with
its signature in a file of its own; the others hold it.

    approval     release_id, manifest_sha256, by
    withdrawal   release_id, period, revision
    key          old, new; signed by the old key, and by the new one as `proof`
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
    """Return a statement, with its signatures by private keys of 32 bytes: the venue's, and of a new key that one too."""
    told = {"format": FORMAT, "kind": kind, "venue": {"id": venue}, "at": at.isoformat(timespec="seconds"), **facts}
    signed = [sign(canonical_json(told), key) for key in keys]
    return canonical_json(told | dict(zip(("signature", "proof"), signed, strict=False)))


def read_statement(data: bytes, kind: Kind, keys: Sequence[str], signature: str | None = None) -> dict[str, Any]:
    """Return what a statement says, without signatures; `keys`: in hex, one of which signed it, in `signature` if not within.

    VerificationRefusal `statement` if none did, or it says other things than its kind does.
    """
    try:
        told: Any = json.loads(data)
        good = canonical_json(told) == data and (told["format"], told["kind"]) == (FORMAT, kind)
        within, proof = (told.pop("signature"), told.pop("proof", None)) if signature is None else (signature, None)
        good &= {name: type(value) for name, value in told.items()} == _expected(kind)
        good &= type(told["venue"]["id"]) is str and datetime.fromisoformat(told["at"]).tzinfo is not None
        good &= any(signed(canonical_json(told), within, key) for key in keys)
        good &= kind != "key" or signed(canonical_json(told), str(proof), told["new"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        good, told = False, {}
    if not good:
        raise broken("statement", f"this {kind} is not signed by a key of the venue, or says something else")
    return told


def _expected(kind: str) -> dict[str, type]:
    return {"format": str, "kind": str, "venue": dict, "at": str} | _FACTS[kind]


def sign(document: bytes, key: bytes) -> str:
    """Return the Ed25519 signature of a document by 32 private bytes, in hex."""
    return Ed25519PrivateKey.from_private_bytes(key).sign(document).hex()


def signed(document: bytes, signature: str, public_key: str) -> bool:
    """Return whether a signature of a document, in hex, is by a public key, in hex; ValueError if one is not hex."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), document)
    except InvalidSignature:
        return False
    return True
