"""Rebuild `communes.parquet` from the data folder of the npm package `@etalab/decoupage-administratif`.

Run by hand when the official geography changes: `python build_communes.py package/data`.
Communes of today only; a municipal arrondissement (Paris, Lyon, Marseille) is its commune.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl


def build(data: Path, target: Path) -> None:
    """Write one row a commune of today, sorted by code, with the EPCI it belongs to."""
    communes = json.loads((data / "communes.json").read_text("utf-8"))
    groups = json.loads((data / "epci.json").read_text("utf-8"))
    epci = {member["code"]: group["code"] for group in groups for member in group["membres"]}
    rows = [
        {
            "code": c["code"],
            "nom": c["nom"],
            "departement": c["departement"],
            "region": c["region"],
            "epci": epci.get(c["code"]),
            "population": c.get("population", 0),
            "codes_postaux": c.get("codesPostaux", []),
        }
        for c in communes
        if c["type"] == "commune-actuelle"
    ]
    frame = pl.DataFrame(rows, schema_overrides={"population": pl.Int32}, infer_schema_length=None)
    frame.sort("code").write_parquet(target, compression="zstd", compression_level=19)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(__file__).with_name("communes.parquet"))
