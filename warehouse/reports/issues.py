"""What the pages may show, out of the lake alone: members, the floor, and each release with the season's losses it states.

A `Scope` says whose pages they are. Figures enter the pages by `filled` and `sketches_of` only, which ask it of every table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

import duckdb

from privacy.calendar import Period
from privacy.policy import Policy
from warehouse.charter import Floor, Governance, Loss, departement_of
from warehouse.definitions import sql
from warehouse.reports.cells import Sheet, read_sheets
from warehouse.sharing import access


@dataclass(frozen=True, slots=True)
class Venue:
    """A member of the hub, as the lake knows it; `commune`: INSEE code."""

    id: str
    name: str
    kind: str
    commune: str
    since: date

    @property
    def departement(self) -> str:
        """The département of its commune."""
        return departement_of(self.commune)


@dataclass(frozen=True, slots=True)
class Issue:
    """The latest revision of one venue and period; `kind`: season or quarter; `end`: the first day after it.

    `sheets`: its tables that may be shown, once `filled`.
    """

    release_id: str
    venue: str
    period: str
    kind: str
    end: date
    revision: int
    published: date
    k: int
    k_rule: str
    losses: Mapping[str, tuple[float, float]]  # unit → (epsilon, delta) of the season, at most
    sheets: Mapping[str, Sheet] = field(default_factory=dict[str, Sheet])


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose pages: the hub's own, with all it holds; or those of a `member`, who sees (venue, table) up to a period's end."""

    member: str | None = None
    until: Mapping[tuple[str, str], date] = field(default_factory=dict[tuple[str, str], date])

    def shows(self, issue: Issue, table: str) -> bool:
        """Tell whether a table of a release may be shown."""
        if self.member is None:
            return True
        last = self.until.get((issue.venue, table))
        return last is not None and issue.end <= last


def scope_of(agreed: Governance, member: str, today: date) -> Scope:
    """Return what a member may see on a day; a GovernanceRefusal of anyone who is none."""
    return Scope(member, {(s.venue, s.table): s.until for s in access(agreed, member, today).shared})


def read_issues(lake: duckdb.DuckDBPyConnection) -> list[Issue]:
    """Return the latest revision of every release, by venue and period, without its sheets."""
    issues: list[Issue] = []
    for release, venue, period, kind, end, revision, published, k, rule, stated in lake.execute(
        sql("issues")
    ).fetchall():
        losses = {u: (v["epsilon"], v["delta"]) for u, v in json.loads(stated).items()}
        issues.append(Issue(release, venue, period, kind, end, revision, published, k, rule, losses))
    return issues


def filled(
    lake: duckdb.DuckDBPyConnection, policy: Policy, issues: Sequence[Issue], scope: Scope, only: Iterable[str] = ()
) -> list[Issue]:
    """Return releases with their tables that may be shown (of those, `only` some); without those that have none."""
    names = set(only) or {t.name for t in policy.tables}
    tables = tuple(t for t in policy.tables if t.name in names)
    found = read_sheets(lake, tables, [i.release_id for i in issues]) if issues else {}
    whole = [
        replace(i, sheets={n: s for n, s in found.get(i.release_id, {}).items() if scope.shows(i, n)}) for i in issues
    ]
    return [i for i in whole if i.sheets]


def compared_period(issues: Sequence[Issue]) -> str | None:
    """Return the period to compare venues on: the latest season that half of those that have one share, else quarter."""
    for kind in ("season", "quarter"):
        counts: dict[str, int] = {}
        for issue in issues:
            if issue.kind == kind:
                counts[issue.period] = counts.get(issue.period, 0) + 1
        if counts:
            most = max(counts.values())
            return max((p for p, n in counts.items() if 2 * n >= most), key=lambda p: Period.parse(p).end)
    return None


def read_venues(lake: duckdb.DuckDBPyConnection) -> dict[str, Venue]:
    """Return the members by id, those of longest standing first."""
    rows = lake.execute("select venue, name, kind, commune, since from venues order by since, venue").fetchall()
    return {row[0]: Venue(*row) for row in rows}


def read_floor(lake: duckdb.DuckDBPyConnection) -> Floor | None:
    """Return what the hub demands of a release; None if it demands nothing."""
    rows = lake.execute("select unit, season_epsilon, season_delta, k, k_rule from floor").fetchall()
    losses = {unit: Loss(epsilon=Fraction(epsilon), delta=Fraction(delta)) for unit, epsilon, delta, *_ in rows}
    return Floor(k=rows[0][3], k_rule=rows[0][4], **losses) if rows else None
