"""Every rule a release is held to, by name, from its bytes alone. No file is read before what vouches for it holds.

layout        the folder has the files the manifest declares and no others; none is a link, a pipe or a device
size          no file is larger, no table longer, than what is declared can need
manifest      canonical JSON of a known format, all fields there and no others, each of its type
signature     Ed25519 (RFC 8032) by the venue's key
identity      the id is the digest of venue, period, policy and revision, and the folder's name
digest        each file's SHA-256 is the manifest's
schema        one row a cell or level of the declared domain, sorted, its columns, no error below its noise; one row a
              bucket of each part of a sketch that is shown; plain Parquet
suppression   the threshold keeps k; what is shown exceeds it, a level only above a cell; the rest is null throughout; a
              part of a sketch is shown by its noisy sum
accounting    the declared noise gives the declared loss, recomputed exactly
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy import buckets
from privacy.accounting import Cost, epsilon, round_up, shift
from privacy.cells import check, most_bytes, read_rows
from privacy.errors import broken, hold
from privacy.fields import check_fields
from privacy.files import lists, read_file
from privacy.policy import canonical_json
from privacy.selection import certain

FORMAT = "jauge-release/3"
KINDS = "tables", "sketches"  # of files, each in a folder of that name and a field of the manifest
MOST_BYTES = 2**20  # of a manifest; those of the packaged policy have 24,000


def release_id(venue: str, period: str, policy_digest: str, revision: int) -> str:
    """Return the identity of a release: 32 hex digits of SHA-256 over public facts only."""
    return hashlib.sha256(canonical_json([venue, period, policy_digest, revision])).hexdigest()[:32]


def read_manifest(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Return a manifest's bytes and what they say, of which nothing is verified; refusal `layout` or `size`."""
    text = read_file(folder, "manifest.json", MOST_BYTES)
    try:
        manifest = json.loads(text, parse_constant=_no_number)
        declared = isinstance(manifest["tables"], dict) and isinstance(manifest["sketches"], dict)
        hold("layout", declared, "manifest.json declares no tables or sketches")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise broken("layout", "manifest.json cannot be read") from None
    return text, manifest


def _no_number(_: str) -> None:
    raise ValueError


def verify(
    folder: Path,
    public_key: str | None = None,
    *,
    name: str | None = None,
    demand: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[dict[str, Any], dict[str, pl.DataFrame], dict[str, pl.DataFrame], str]:
    """Return manifest, tables, sketches and the digest of the manifest, or raise VerificationRefusal.

    `public_key`: hex, default the manifest's own. `name`: what the folder will be called, default what it is. `demand`:
    what else a reader holds the manifest to; it is called once that is signed and before any table is opened.
    """
    text, manifest = read_manifest(folder)
    files = {kind: {f"{name}.parquet" for name in manifest[kind]} for kind in KINDS if manifest[kind]}
    own = ("manifest.json", "manifest.sig", *files)  # and who approved it, if anybody had to: see `statements`
    there = lists(folder, ".", own) or lists(folder, ".", (*own, "approval.json"))
    there = there and all(lists(folder, kind, names) for kind, names in files.items())
    hold("layout", there, "files are missing or not declared in the manifest")
    signature = read_file(folder, "manifest.sig", 128)
    hold("manifest", manifest.get("format") == FORMAT and _canonical(manifest, text), "not canonical, or unknown")
    check_fields(manifest)
    _check_signature(text, signature, public_key or manifest["venue"]["public_key"])
    facts = manifest["venue"]["id"], manifest["period"], manifest["policy"]["digest"], manifest["revision"]
    hold("identity", manifest["release_id"] == release_id(*facts) == (name or folder.name), "the id is not its digest")
    try:
        for spec in manifest["tables"].values():
            hold("suppression", spec["threshold"] >= _least(spec, manifest["k"]), "a threshold does not keep its k")
        if demand:
            demand(manifest)
        tables = {table: _read_table(folder, table, spec) for table, spec in manifest["tables"].items()}
        sketches = {name: _read_sketch(folder, name, manifest) for name in manifest["sketches"]}
        _check_accounting(manifest)
    except (ValueError, ArithmeticError):
        raise broken("manifest", "its numbers cannot be") from None
    return manifest, tables, sketches, hashlib.sha256(text).hexdigest()


def _canonical(manifest: dict[str, Any], text: bytes) -> bool:
    try:
        return canonical_json(manifest) == text
    except (ValueError, RecursionError):  # half a character; nested nearly too deep to be read
        return False


def _check_signature(text: bytes, signature: bytes, key: str) -> None:
    try:
        raw = bytes.fromhex(signature.decode("ascii"))
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(raw, text)
    except (InvalidSignature, ValueError):
        raise broken("signature", "the manifest is not signed by the venue's key") from None
    hold("signature", raw.hex().encode() == signature, "the signature is not written as lower-case hexadecimal")


def _read_table(folder: Path, name: str, spec: dict[str, Any]) -> pl.DataFrame:
    data = read_file(folder, f"tables/{name}.parquet", most_bytes(spec))
    hold("digest", hashlib.sha256(data).hexdigest() == spec["sha256"], f"tables/{name}.parquet was altered")
    rows = read_rows(data, spec)
    check(rows, name, spec)
    return rows


def _read_sketch(folder: Path, name: str, manifest: dict[str, Any]) -> pl.DataFrame:
    spec = manifest["sketches"][name]
    hold("manifest", spec["season"] == manifest["season"], f"sketch {name} is of another season")
    data = read_file(folder, f"sketches/{name}.parquet", buckets.most_bytes(spec))
    hold("digest", hashlib.sha256(data).hexdigest() == spec["sha256"], f"sketches/{name}.parquet was altered")
    rows = buckets.read_rows(data, spec)
    buckets.check(rows, name, spec)
    return rows


def _least(spec: dict[str, Any], k: dict[str, Any]) -> int:
    lead = spec["measures"][0]
    one = int(lead["step"] * lead["clip"])
    if k["rule"] != "certain":
        return int(k["minimum"]) * one
    return certain(k["minimum"], one, lead["sigma"], Fraction(spec["delta"]) / _touched(spec))


def _touched(spec: dict[str, Any], level: list[str] | None = None) -> int:
    sizes = (len(d["values"]) for d in spec["dimensions"] if level is None or d["name"] in level)
    return min(spec["max_cells"], prod(sizes))


def _check_accounting(manifest: dict[str, Any]) -> None:
    for unit, loss in manifest["privacy_loss"].items():
        spent, stated = _cost(manifest, unit), loss["privacy_parameters"]
        parts = stated["rho"], stated["delta_selection"], stated["shift"]
        same = spent == Cost(*(Fraction(part) for part in parts))
        allowed = epsilon(spent.rho, Fraction(stated["delta"]) - spent.delta, spent.shift) <= stated["epsilon"]
        hold("accounting", same and allowed, f"the noise stated does not give the loss stated, unit {unit}")
    known = {t["unit"] for t in manifest["tables"].values()} | ({"person"} if manifest["sketches"] else set())
    hold("accounting", known == set(manifest["privacy_loss"]), "a unit of privacy is not accounted for")


def _cost(manifest: dict[str, Any], unit: str) -> Cost:
    cost = Cost()
    for table in (t for t in manifest["tables"].values() if t["unit"] == unit):
        cost += Cost(delta=Fraction(table["delta"]))
        for m in table["measures"]:
            levels = zip(table["levels"], m["levels"], strict=True) if m["levels"] else ()
            draws = [(m, _touched(table)), *((v, _touched(table, level["dimensions"])) for level, v in levels)]
            for drawn, touched in draws:
                bound_squared, sigma = drawn["bound_squared"], drawn["sigma"]
                cost += Cost(Fraction(bound_squared, 2 * sigma**2), shift=shift(bound_squared, sigma, touched))
    for sketch in manifest["sketches"].values() if unit == "person" else ():
        for drawn in sketch["groups"]:
            bound_squared, sigma = drawn["bound_squared"], drawn["sigma"]
            cost += Cost(Fraction(bound_squared, 2 * sigma**2), shift=shift(bound_squared, sigma, 1))
    return Cost(round_up(cost.rho), cost.delta, round_up(cost.shift))
