"""A release as the pages show it: its facts, its tables, and the season's losses it states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from warehouse.definitions import sql
from warehouse.reports.cells import Sheet


@dataclass(frozen=True, slots=True)
class Issue:
    """The latest revision of one venue and period; `kind`: season or quarter."""

    release_id: str
    venue: str
    period: str
    kind: str
    revision: int
    published: date
    k: int
    k_rule: str
    losses: Mapping[str, tuple[float, float]]  # unit → (epsilon, delta) of the season, at most
    sheets: Mapping[str, Sheet]


def read_issues(lake: duckdb.DuckDBPyConnection, sheets: Mapping[str, Mapping[str, Sheet]]) -> list[Issue]:
    """Return the latest revision of every release, by venue and period."""
    issues: list[Issue] = []
    for release, venue, period, kind, revision, published, k, rule, stated in lake.execute(sql("issues")).fetchall():
        losses = {u: (v["epsilon"], v["delta"]) for u, v in json.loads(stated).items()}
        known = sheets.get(release, {})
        issues.append(Issue(release, venue, period, kind, revision, published, k, rule, losses, known))
    return issues
