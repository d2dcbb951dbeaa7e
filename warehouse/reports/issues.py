"""What the pages show, out of the lake alone: members, the floor, and each release with the season's losses it states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import duckdb

from warehouse.charter import Floor, Loss
from warehouse.definitions import sql
from warehouse.reports.cells import Sheet


@dataclass(frozen=True, slots=True)
class Venue:
    """A member of the hub, as the lake knows it."""

    id: str
    name: str
    kind: str
    since: date


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


def read_venues(lake: duckdb.DuckDBPyConnection) -> dict[str, Venue]:
    """Return the members by id, those of longest standing first."""
    rows = lake.execute("select venue, name, kind, since from venues order by since, venue").fetchall()
    return {row[0]: Venue(*row) for row in rows}


def read_floor(lake: duckdb.DuckDBPyConnection) -> Floor | None:
    """Return what the hub demands of a release; None if it demands nothing."""
    rows = lake.execute("select unit, season_epsilon, season_delta, k, k_rule from floor").fetchall()
    losses = {unit: Loss(epsilon=Fraction(epsilon), delta=Fraction(delta)) for unit, epsilon, delta, *_ in rows}
    return Floor(k=rows[0][3], k_rule=rows[0][4], **losses) if rows else None
