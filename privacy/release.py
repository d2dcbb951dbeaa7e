"""A release: the sealed folder that leaves a venue, and every rule a reader holds it to.

    <release_id>/manifest.json      canonical JSON: promise, tables, noise, digest of each file
    <release_id>/manifest.sig       Ed25519 signature (RFC 8032) of manifest.json by the venue's key, in hex
    <release_id>/tables/<t>.parquet one row a cell of the public domain, sorted by dimensions; a measure and its
                                    standard error (`people`, `people_se`), null where the cell is suppressed

`seal` writes one; `read` returns it verified, or raises VerificationRefusal naming the first rule broken:
layout, manifest, signature, identity, digest, schema, suppression, accounting. This module is all a hub needs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.accounting import epsilon, round_up
from privacy.errors import VerificationRefusal
from privacy.policy import canonical_json

FORMAT = "jauge-release/1"


@dataclass(frozen=True, slots=True)
class Release:
    """A verified release. `tables`: name → frame of every cell, as in the Parquet file."""

    folder: Path
    manifest: dict[str, Any]
    tables: dict[str, pl.DataFrame]

    @property
    def id(self) -> str:
        """Digest of venue, period, policy and revision."""
        return str(self.manifest["release_id"])

    @property
    def manifest_sha256(self) -> str:
        """Digest of the manifest as it lies on disk; with it, every byte of the release is fixed."""
        return _sha256(self.folder / "manifest.json")

    def public_facts(self) -> dict[str, str | int | float]:
        """Facts of this release that anyone may see: identity, promise, cells shown. For logs and metadata."""
        facts: dict[str, str | int | float] = {
            "release_id": self.id,
            "revision": int(self.manifest["revision"]),
            "policy": str(self.manifest["policy"]["digest"])[:12],
            "k": int(self.manifest["k"]["minimum"]),
        }
        for unit, loss in self.manifest["privacy_loss"].items():
            facts[f"epsilon_{unit}"] = round(float(loss["privacy_parameters"]["epsilon"]), 4)
        for name, cells in self.tables.items():
            facts[f"cells_shown_{name}"] = int(cells[self.manifest["tables"][name]["measures"][0]["name"]].count())
        return facts


def release_id(venue: str, period: str, policy_digest: str, revision: int) -> str:
    """Return the identity of a release: 32 hex digits of SHA-256 over public facts only."""
    return hashlib.sha256(canonical_json([venue, period, policy_digest, revision])).hexdigest()[:32]


def seal(folder: Path, manifest: dict[str, Any], tables: dict[str, pl.DataFrame], signing_key: bytes) -> None:
    """Write a release to `folder`, complete or not at all; its parent must exist, `folder` must not.

    The files are made and synced beside it under a dotted name, then renamed: that is the moment of publication.
    """
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)  # left by a crash: never out, so it may be drawn again
    (making / "tables").mkdir(parents=True)
    for name, table in tables.items():
        path = making / "tables" / f"{name}.parquet"
        table.write_parquet(path, compression="zstd", statistics=False)
        manifest["tables"][name]["sha256"] = _sha256(path)
    text = canonical_json(manifest)
    (making / "manifest.json").write_bytes(text)
    (making / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(signing_key).sign(text).hex(), "ascii")
    for path in (*making.rglob("*"), making):
        _sync(path)
    making.rename(folder)
    _sync(folder.parent)


def deliver(folder: Path, inbox: Path) -> Path:
    """Copy a sealed release into a hub's inbox, complete or not at all; twice is the same as once."""
    there, arriving = inbox / folder.name, inbox / f".{folder.name}.arriving"
    if not there.exists():
        inbox.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.copytree(folder, arriving)
        arriving.rename(there)
    return there


def read(folder: Path, public_key: str | None = None) -> Release:
    """Read and verify a release. `public_key`: hex key the signature must be by (default: the manifest's own)."""
    try:
        text, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_text("ascii")
        manifest = json.loads(text)
        listed = {f"tables/{name}.parquet" for name in manifest["tables"]} | {"manifest.json", "manifest.sig"}
    except (OSError, ValueError, KeyError, TypeError):
        raise _broken("layout", "manifest.json or manifest.sig is missing or unreadable") from None
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    _hold("layout", found == listed, "files are missing or not declared in the manifest")
    try:
        _check_manifest(folder, text, signature, manifest, public_key or manifest["venue"]["public_key"])
        tables = {name: _check_table(folder, name, spec) for name, spec in manifest["tables"].items()}
        _check_accounting(manifest)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, pl.exceptions.PolarsError):
        raise _broken("manifest", "a field is missing or of the wrong type") from None
    return Release(folder, manifest, tables)


def _check_manifest(folder: Path, text: bytes, signature: str, manifest: dict[str, Any], key: str) -> None:
    _hold("manifest", manifest["format"] == FORMAT and canonical_json(manifest) == text, "not canonical, or unknown")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        raise _broken("signature", "the manifest is not signed by the venue's key") from None
    facts = manifest["venue"]["id"], manifest["period"], manifest["policy"]["digest"], manifest["revision"]
    _hold("identity", manifest["release_id"] == release_id(*facts) == folder.name, "the id is not its digest")


def _check_table(folder: Path, name: str, spec: dict[str, Any]) -> pl.DataFrame:
    path = folder / "tables" / f"{name}.parquet"
    _hold("digest", _sha256(path) == spec["sha256"], f"tables/{name}.parquet was altered")
    cells = pl.read_parquet(path)
    dimensions, measures = [d["name"] for d in spec["dimensions"]], [m["name"] for m in spec["measures"]]
    types = dict.fromkeys(dimensions, pl.String()) | {c: pl.Float64() for m in measures for c in (m, f"{m}_se")}
    domain = pl.DataFrame({"_": [0]})
    for d in spec["dimensions"]:
        domain = domain.join(pl.DataFrame({d["name"]: [code for code, _, _ in d["values"]]}), how="cross")
    domain = domain.select(dimensions).sort(dimensions)
    good = dict(cells.schema) == types and cells.select(dimensions).equals(domain)
    _hold("schema", good, f"table {name} is not one row a declared cell, sorted, with its declared columns")
    shown = cells.filter(pl.col(measures[0]).is_not_null())
    hidden = cells.filter(pl.col(measures[0]).is_null()).select(pl.exclude(dimensions))
    least, lead = spec["threshold"], spec["measures"][0]
    fair = bool((shown[lead["name"]] * lead["step"]).round().gt(least).all())
    fair &= hidden.null_count().sum_horizontal().sum() == hidden.height * hidden.width
    fair &= shown.null_count().sum_horizontal().sum() == 0
    _hold("suppression", fair, f"table {name} shows a cell that should be suppressed, or half of one")
    for m in spec["measures"]:
        _hold("schema", shown[f"{m['name']}_se"].eq(m["sigma"] / m["step"]).all(), f"wrong standard error in {name}")
    return cells


def _check_accounting(manifest: dict[str, Any]) -> None:
    for unit, loss in manifest["privacy_loss"].items():
        specs = [t for t in manifest["tables"].values() if t["unit"] == unit]
        terms = [Fraction(m["bound_squared"], 2 * m["sigma"] ** 2) for t in specs for m in t["measures"]]
        rho, delta = round_up(sum(terms, Fraction(0))), sum((Fraction(t["delta"]) for t in specs), Fraction(0))
        stated = loss["privacy_parameters"]
        same = rho == Fraction(stated["rho"]) and delta == Fraction(stated["delta_selection"])
        allowed = epsilon(rho, Fraction(stated["delta"]) - delta) <= stated["epsilon"] * (1 + 1e-9)
        _hold("accounting", same and allowed, f"the noise stated does not give the loss stated, unit {unit}")
    known = {t["unit"] for t in manifest["tables"].values()}
    _hold("accounting", known == set(manifest["privacy_loss"]), "a unit of privacy is not accounted for")


def _hold(rule: str, holds: bool, why: str) -> None:
    if not holds:
        raise _broken(rule, why)


def _broken(rule: str, why: str) -> VerificationRefusal:
    return VerificationRefusal(
        rule, f"{why}. Ask the venue to send the release again.", f"règle non respectée ({why}). À renvoyer par le lieu."
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
