"""A hub of N venues and Q quarters: how fast it accepts, how large its lake is, how long its questions take.

The releases are real in format, and each is signed by its venue's own key; they go through the real inbox. Drawing
twenty thousand of them would take a night and measure the venues, so a few are drawn for real, under the packaged
policy, and every other is a variation of one: in each cell shown the number drawn is a little larger, what follows from
it moves alike, then manifest and signature are made again. A venue could have sealed it: the hub holds it to every rule.

Quarters arrive one after the other, all venues at once. The questions are those of `warehouse/sql/questions/`, or, where
there are none, the few below. `--lake FILE` builds on the PostgreSQL and S3 that a `lake.toml` names.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from rich.console import Console
from rich.table import Table as Grid

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from releases import sender

from privacy.calendar import Period
from privacy.policy import canonical_json
from privacy.release import Release
from privacy.verification import release_id, sha256
from warehouse.governance import Hub
from warehouse.inbox import decide
from warehouse.lake import open_lake, query

AUDIENCES = (600, 3_000, 15_000)  # people of the venues drawn for real
QUESTIONS = {
    "coverage of all tables, last season": "select table_name, avg(share) from coverage where season = '{season}' group by 1",
    "provenance over the network": "select provenance_fr, unnest(noisy_sum(people, people_se, people_common_se)) "
    "from provenance where period = '{quarter}' group by 1",
    "one venue's families, all quarters": "select period, family_fr, unnest(noisy_sum(people, people_se, people_common_se)) "
    "from family where venue = '{venue}' group by all",
    "venues by people, last quarter": "select venue, people, people_low, people_high from provenance_totals "
    "where period = '{quarter}' order by people desc",
    "départements over all quarters": "select departement, period, sum(people), sum_se(people_se, people_common_se) "
    "from departement group by all",
    "young audiences by venue": "select venue, sum(people) from loyalty where age_band = '15_25' group by 1 order by 2 desc limit 20",
    "releases by quarter": "select period, count(*), count(distinct venue) from latest group by 1 order by 1",
}


def drawn(home: Path) -> list[Release]:
    """Return a few releases made by the whole of the venue's side: bounds, charge, noise, raking, seal."""
    kinds = ("transactions", "interactions", "counts")
    return [
        sender(home, f"drawn-{people}", publishes=kinds, revenue=True).release("2021-2022-T1", people=people)
        for people in AUDIENCES
    ]


def signing_key(venue: str) -> Ed25519PrivateKey:
    """Return a venue's key, the same at every call: nothing here is secret."""
    return Ed25519PrivateKey.from_private_bytes(venue.encode().rjust(32, b"\0"))


def vary(release: Release, venue: str, period: Period, inbox: Path) -> None:
    """Lay a variation of a release in the inbox, as of another venue and period, under that venue's key."""
    manifest = copy.deepcopy(release.manifest)
    key, random = signing_key(venue), np.random.default_rng([*venue.encode(), period.start.toordinal()])
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    manifest["venue"] |= {"id": venue, "public_key": public}
    manifest |= {"period": str(period), "season": period.season, "published": period.end.isoformat()}
    manifest["release_id"] = release_id(venue, str(period), manifest["policy"]["digest"], manifest["revision"])
    making = inbox / f".{manifest['release_id']}.making"
    (making / "tables").mkdir(parents=True)
    for name, table in release.tables.items():
        path, spec = making / "tables" / f"{name}.parquet", manifest["tables"][name]
        more = pl.Series(random.integers(0, 1 + int(table[spec["measures"][0]["name"]].mean() or 0), table.height))
        table.with_columns(_moved(spec, more)).write_parquet(path, compression="zstd", statistics=False)
        spec["sha256"] = sha256(path)
    text = canonical_json(manifest)
    (making / "manifest.json").write_bytes(text)
    (making / "manifest.sig").write_text(key.sign(text).hex(), "ascii")
    making.rename(inbox / manifest["release_id"])


def _moved(spec: Mapping[str, Any], more: pl.Series) -> list[pl.Expr]:
    """Return each measure with `more` drawn in its cells: added where nothing was cut, else raked as before."""
    cell = pl.all_horizontal(pl.col(d["name"]).is_not_null() for d in spec["dimensions"])
    moved: list[pl.Expr] = []
    for m in spec["measures"]:
        value, noisy = pl.col(m["name"]), pl.col(f"{m['name']}_noisy")
        new = value * (noisy + more) / noisy if m["levels"] else value + more
        moved += [pl.when(cell).then(new).otherwise(value).alias(m["name"])]
        moved += [pl.when(cell).then(noisy + more).otherwise(noisy).alias(f"{m['name']}_noisy")]
    return moved
