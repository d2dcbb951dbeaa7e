"""Every rule a release is held to, by name, from its bytes alone.

layout        the files are those the manifest declares
manifest      canonical JSON of a known format, all fields there
signature     Ed25519 (RFC 8032) by the venue's key
identity      the id is the digest of venue, period, policy and revision, and the folder's name
digest        each file's SHA-256 is the manifest's
schema        one row a cell or level of the declared domain, sorted, its columns, no error below its noise; one row a
              bucket of each part of a sketch that is shown
suppression   the threshold keeps k; what is shown exceeds it, a level only above a cell; the rest is null throughout; a
              part of a sketch is shown by its noisy sum
accounting    the declared noise gives the declared loss, recomputed exactly
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy import buckets
from privacy.accounting import Cost, epsilon, round_up, shift
from privacy.cells import check
from privacy.errors import broken, hold
from privacy.policy import canonical_json
from privacy.selection import certain

FORMAT = "jauge-release/3"
_FORMATS = FORMAT, "jauge-release/2"  # the second: before there were sketches


def release_id(venue: str, period: str, policy_digest: str, revision: int) -> str:
    """Return the identity of a release: 32 hex digits of SHA-256 over public facts only."""
    return hashlib.sha256(canonical_json([venue, period, policy_digest, revision])).hexdigest()[:32]


def verify(
    folder: Path, public_key: str | None = None, *, name: str | None = None
) -> tuple[dict[str, Any], dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Return manifest, tables and sketches, or raise VerificationRefusal.

    `public_key`: hex, default the manifest's own. `name`: what the folder will be called, default what it is.
    """
    try:
        text, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_text("ascii")
        manifest = json.loads(text)
        listed = {f"tables/{table}.parquet" for table in manifest["tables"]} | {"manifest.json", "manifest.sig"}
        listed |= {f"sketches/{sketch}.parquet" for sketch in manifest.get("sketches", {})}
        listed |= {"approval.json"} & {p.name for p in folder.iterdir()}  # see `statements`
    except (OSError, ValueError, KeyError, TypeError):
        raise broken("layout", "manifest.json or manifest.sig is missing or unreadable") from None
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    hold("layout", found == listed, "files are missing or not declared in the manifest")
    try:
        _check_manifest(name or folder.name, text, signature, manifest, public_key or manifest["venue"]["public_key"])
        tables = {table: _check_table(folder, table, spec, manifest["k"]) for table, spec in manifest["tables"].items()}
        sketches = {name: _check_sketch(folder, name, manifest) for name in manifest.get("sketches", {})}
        _check_accounting(manifest)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, pl.exceptions.PolarsError):
        raise broken("manifest", "a field is missing or of the wrong type") from None
    return manifest, tables, sketches


def _check_manifest(name: str, text: bytes, signature: str, manifest: dict[str, Any], key: str) -> None:
    known = manifest["format"] in _FORMATS and (manifest["format"] == FORMAT) == ("sketches" in manifest)
    hold("manifest", known and canonical_json(manifest) == text, "not canonical, or unknown")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        raise broken("signature", "the manifest is not signed by the venue's key") from None
    facts = manifest["venue"]["id"], manifest["period"], manifest["policy"]["digest"], manifest["revision"]
    hold("identity", manifest["release_id"] == release_id(*facts) == name, "the id is not its digest")


def _check_table(folder: Path, name: str, spec: dict[str, Any], k: dict[str, Any]) -> pl.DataFrame:
    path = folder / "tables" / f"{name}.parquet"
    hold("digest", sha256(path) == spec["sha256"], f"tables/{name}.parquet was altered")
    rows = pl.read_parquet(path)
    hold(
        "suppression",
        spec["threshold"] >= _least(spec, k),
        f"the threshold of table {name} does not keep the k it states",
    )
    check(rows, name, spec)
    return rows


def _check_sketch(folder: Path, name: str, manifest: dict[str, Any]) -> pl.DataFrame:
    path, spec = folder / "sketches" / f"{name}.parquet", manifest["sketches"][name]
    hold("digest", sha256(path) == spec["sha256"], f"sketches/{name}.parquet was altered")
    hold("manifest", spec["season"] == manifest["season"], f"sketch {name} is of another season")
    rows = pl.read_parquet(path)
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
    known = {t["unit"] for t in manifest["tables"].values()} | ({"person"} if manifest.get("sketches") else set())
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
    for sketch in manifest.get("sketches", {}).values() if unit == "person" else ():
        for drawn in sketch["groups"]:
            bound_squared, sigma = drawn["bound_squared"], drawn["sigma"]
            cost += Cost(Fraction(bound_squared, 2 * sigma**2), shift=shift(bound_squared, sigma, 1))
    return Cost(round_up(cost.rho), cost.delta, round_up(cost.shift))


def sha256(path: Path) -> str:
    """Return the hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
