"""Rebuild what is built here, `communes.parquet`, and what `datapackage.json` says of its bytes.

Run by hand when the official geography changes, on the npm package `@etalab/decoupage-administratif`:
`npm pack @etalab/decoupage-administratif@6.0.0`, unpack it, then
`uv run python aggregations/reference/build.py package/data`. The other tables are written by hand.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
_SCHEMA: dict[str, pl.DataType] = {
    "code": pl.String(),
    "nom": pl.String(),
    "autres_noms": pl.List(pl.String()),
    "departement": pl.String(),
    "region": pl.String(),
    "epci": pl.String(),
    "population": pl.Int32(),
    "codes_postaux": pl.List(pl.String()),
}


def build(data: Path, folder: Path = HERE) -> None:
    """Write one row a commune of today, sorted by code, and renew its bytes, hash and rows in the descriptor."""
    table = folder / "communes.parquet"
    frame = communes(data)
    frame.write_parquet(table, compression="zstd", compression_level=19)
    descriptor = folder / "datapackage.json"
    package = json.loads(descriptor.read_text("utf-8"))
    (resource,) = (r for r in package["resources"] if r["path"] == table.name)
    content = table.read_bytes()
    resource |= {"bytes": len(content), "hash": "sha256:" + hashlib.sha256(content).hexdigest(), "rows": frame.height}
    descriptor.write_text(json.dumps(package, ensure_ascii=False, indent=2) + "\n", "utf-8")


def communes(data: Path) -> pl.DataFrame:
    """Return the communes of today; a municipal arrondissement (Paris, Lyon, Marseille) is its commune.

    `autres_noms`: of the communes that have become part of it, which people still write in their address.
    """
    known = json.loads((data / "communes.json").read_text("utf-8"))
    groups = json.loads((data / "epci.json").read_text("utf-8"))
    epci = {member["code"]: group["code"] for group in groups for member in group["membres"]}
    former: defaultdict[str, set[str]] = defaultdict(set)
    for c in known:
        if c["type"] in ("commune-deleguee", "commune-associee"):
            former[c["chefLieu"]].add(c["nom"])
    rows = [
        {
            "code": c["code"],
            "nom": c["nom"],
            "autres_noms": sorted(former[c["code"]] - {c["nom"]}),
            "departement": c["departement"],
            "region": c["region"],
            "epci": epci.get(c["code"]),
            "population": c.get("population", 0),
            "codes_postaux": c.get("codesPostaux", []),
        }
        for c in known
        if c["type"] == "commune-actuelle"
    ]
    return pl.DataFrame(rows, schema=_SCHEMA).sort("code")


def for_the_hub(folder: Path = HERE) -> pl.DataFrame:
    """Return what the hub's own table has of it, for briefs and reports: `warehouse/reference/communes.parquet`."""
    return pl.read_parquet(folder / "communes.parquet").select(
        "code", "nom", "epci", "departement", "region", "population", "codes_postaux"
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
    hub = HERE.parents[1] / "warehouse" / "reference" / "communes.parquet"
    for_the_hub().write_parquet(hub, compression="zstd", compression_level=19)
