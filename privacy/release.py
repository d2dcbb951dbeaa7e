"""A release: the sealed folder that leaves a venue, and every rule a reader holds it to.

    <release_id>/manifest.json      canonical JSON: promise, tables, noise, digest of each file
    <release_id>/manifest.sig       Ed25519 signature (RFC 8032) of manifest.json by the venue's key, in hex
    <release_id>/approval.json      who approved it, if anybody had to (see `statements`): added after the seal
    <release_id>/tables/<t>.parquet one row a cell of the public domain and a level's value (see `cells`); a measure and
                                    its standard errors, null where suppressed
    <release_id>/sketches/<s>.parquet  noisy counts of the buckets of each part shown (see `buckets`), where the venue has the
                                    cooperative's key

`seal` writes one; `read` returns it verified, or raises VerificationRefusal naming the first rule broken (see
`verification`). This module is all a hub needs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.parquet import encode
from privacy.policy import canonical_json
from privacy.verification import verify


@dataclass(frozen=True, slots=True)
class Release:
    """A verified release. `tables`, `sketches`: name → every row, as in their Parquet files.

    `manifest_sha256`: digest of the manifest as it was verified; with it, every byte of the release is fixed.
    """

    folder: Path
    manifest: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    sketches: dict[str, pl.DataFrame]
    manifest_sha256: str

    @property
    def id(self) -> str:
        """Digest of venue, period, policy and revision."""
        return str(self.manifest["release_id"])

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
        for name in self.tables:
            lead = self.manifest["tables"][name]["measures"][0]["name"]
            facts[f"cells_shown_{name}"] = int(self.cells(name)[lead].count())
        for name in self.sketches:
            facts[f"parts_shown_{name}"] = len(self.manifest["sketches"][name]["parts"])
        return facts

    def cells(self, table: str) -> pl.DataFrame:
        """Return the cells of a table, without the rows of its levels."""
        dimensions = [d["name"] for d in self.manifest["tables"][table]["dimensions"]]
        return self.tables[table].filter(pl.all_horizontal(pl.col(dimensions).is_not_null()))


def seal(
    folder: Path,
    manifest: dict[str, Any],
    tables: dict[str, pl.DataFrame],
    sketches: dict[str, pl.DataFrame],
    signing_key: bytes,
) -> None:
    """Write a release to `folder`, complete or not at all; its parent must exist, `folder` must not.

    The files are made and synced beside it under a dotted name, then renamed: that is the moment of publication.
    """
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)  # left by a crash: never out, so it may be drawn again
    making.mkdir(parents=True)
    for kind, frames in (("tables", tables), ("sketches", sketches)):
        for name, rows in frames.items():
            data, path = encode(rows), making / kind / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            manifest[kind][name]["sha256"] = hashlib.sha256(data).hexdigest()
    text = canonical_json(manifest)
    (making / "manifest.json").write_bytes(text)
    (making / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(signing_key).sign(text).hex(), "ascii")
    for path in (*making.rglob("*"), making):
        _sync(path)
    verify(making, name=folder.name)  # what would be refused is never out
    making.rename(folder)
    _sync(folder.parent)


def deliver(folder: Path, inbox: Path) -> Path:
    """Copy a sealed release, or a statement beside it, into a hub's inbox, complete or not at all; twice is once."""
    there, arriving = inbox / folder.name, inbox / f".{folder.name}.arriving"
    if not there.exists():
        inbox.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.copytree(folder, arriving)
        for path in (*arriving.rglob("*"), arriving):
            _sync(path)
        arriving.rename(there)
    return there


def read(
    folder: Path, public_key: str | None = None, *, demand: Callable[[dict[str, Any]], None] | None = None
) -> Release:
    """Read and verify a release.

    `public_key`: hex key the signature must be by (default: the manifest's own). `demand`: see `verification.verify`.
    """
    return Release(folder, *verify(folder, public_key, demand=demand))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
