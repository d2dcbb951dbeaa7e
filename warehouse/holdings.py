"""What the hub holds, written into the lake: releases with all they declare, and the rules of the hub.

What the pages say comes from the lake alone, the names of members and what is demanded of them too: a page made from a
snapshot can be made again from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import duckdb
import polars as pl

from privacy.calendar import Period
from privacy.policy import Policy
from privacy.release import Release
from warehouse.governance import Hub, floor, members
from warehouse.lake import in_turn, put


def hold(lake: duckdb.DuckDBPyConnection, releases: Sequence[Release], policy: Policy, now: datetime) -> None:
    """Put verified releases in: their rows, losses, every cell and level, within the caller's transaction."""
    put(lake, "releases", pl.DataFrame([_facts(r, now) for r in releases]))
    put(lake, "losses", pl.DataFrame([loss for r in releases for loss in _losses(r)]))
    for table in policy.tables:
        name, own = table.name, [r for r in releases if table.name in r.tables]
        cells = [r.tables[name].select(*_keys(r.manifest), pl.all()) for r in own]
        if cells:
            put(lake, f"cells_{name}", pl.concat(cells, how="diagonal"))  # a measure that a venue keeps is null


def _facts(release: Release, now: datetime) -> dict[str, Any]:
    m, period = release.manifest, Period.parse(release.manifest["period"])
    return {
        "release_id": release.id, "venue": m["venue"]["id"], "period": m["period"], "season": m["season"],
        "period_kind": period.kind, "period_start": period.start, "period_end": period.end,
        "revision": m["revision"], "published": m["published"], "policy_name": m["policy"]["name"],
        "policy": m["policy"]["digest"], "k": m["k"]["minimum"], "k_rule": m["k"]["rule"],
        "manifest_sha256": release.manifest_sha256, "accepted_at": now,
        "manifest": json.dumps(m, ensure_ascii=False),
    }  # fmt: skip


def _losses(release: Release) -> Iterator[dict[str, Any]]:
    for unit, loss in release.manifest["privacy_loss"].items():
        own, season = loss["privacy_parameters"], loss["season"]
        yield {
            "release_id": release.id, "unit": unit, "epsilon": own["epsilon"], "delta": float(Fraction(own["delta"])),
            "rho": own["rho"], "delta_selection": own["delta_selection"], "shift": own["shift"],
            "season_epsilon": float(Fraction(season["epsilon"])), "season_delta": float(Fraction(season["delta"])),
        }  # fmt: skip


def _keys(manifest: dict[str, Any]) -> list[pl.Expr]:
    keys = {"release_id": manifest["release_id"], "venue": manifest["venue"]["id"]}
    keys |= {"season": manifest["season"], "period": manifest["period"]}
    return [pl.lit(value).alias(name) for name, value in keys.items()]


def hold_rules(lake: duckdb.DuckDBPyConnection, hub: Hub) -> None:
    """Make `venues` and `floor` say what `governance.toml` says; writes only if they do not."""
    least = floor(hub)
    told: dict[str, list[dict[str, Any]]] = {
        "venues": [
            {"venue": m.id, "name": m.name, "kind": m.kind, "commune": m.commune, "since": m.since}
            for m in members(hub).values()
        ],
        "floor": [
            {"unit": u, "season_epsilon": str(e), "season_delta": str(d), "k": least.k, "k_rule": least.k_rule}
            for u, (e, d) in least.losses.items()
        ],
    }

    def write() -> None:
        for table, rows in told.items():
            lake.execute(f"delete from {table}")  # noqa: S608 (one of the two above)
            if rows:
                put(lake, table, pl.DataFrame(rows))

    held = {table: lake.execute(f"from {table}").fetchall() for table in told}
    if any(sorted(held[table]) != sorted(tuple(row.values()) for row in rows) for table, rows in told.items()):
        in_turn(lake, write)
