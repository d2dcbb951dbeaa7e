"""One table of one release as the pages read it: cells, one-way sums, shares. All out of the lake's views.

A sum takes the published cells only; `hidden` says how many are missing, and the page says so too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from privacy.declarations import Dimension, Measure, Table
from warehouse.reports.figures import Estimate, added, share

_NEVER_ADDED = ("admission_kind",)  # the kinds overlap: one entry is sold, scanned and counted at the door
_LITTLE, _MUCH = 0.1, 0.4  # hidden, at most, as a part of what is shown
Cells = Mapping[tuple[str, ...], Mapping[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a chart or of an HTML table; None is "not publishable" (or a measure the venue does not give)."""

    code: str
    label: str
    estimates: dict[str, Estimate | None]
    share: Estimate | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A policy table in one release. `cells`: published codes → measure → Estimate.

    `threshold`: the noisy number of a hidden cell is at most that, but where too few people really are in it.
    """

    table: Table
    release_id: str
    period: str
    cells: Cells
    threshold: float = 0.0

    @property
    def lead(self) -> Measure:
        """The measure that counts people, or admissions."""
        return self.table.measures[0]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures this venue gives."""
        given = {name for cell in self.cells.values() for name in cell}
        return tuple(m for m in self.table.measures if m.name in given or m == self.lead)

    @property
    def hidden(self) -> int:
        """Number of cells that are not publishable."""
        return self.table.size - len(self.cells)

    @property
    def unseen(self) -> float:
        """How much the hidden cells could hold at most, as a part of what is shown (0: nothing is hidden)."""
        most = self.hidden * self.threshold
        return most / self.total.value if self.total.value > 0 else float("inf") if most else 0.0

    @property
    def complete(self) -> bool:
        """Are the hidden cells too small to change a share much?"""
        return self.unseen <= _LITTLE

    @property
    def telling(self) -> bool:
        """May shares be said at all? Where much could be hidden, shares of the rest would mislead."""
        return self.unseen <= _MUCH

    @property
    def additive(self) -> bool:
        """May the cells be added over the second dimension?"""
        return not any(d.name in _NEVER_ADDED for d in self.table.dimensions)

    @property
    def total(self) -> Estimate:
        """Sum of the lead measure over the published cells."""
        return added(cell[self.lead.name] for cell in self.cells.values())

    def rows(self, language: str, dimension: int = 0, within: str | None = None) -> list[Row]:
        """Return one row a code of a dimension: summed over the other, or `within` one code of the other.

        Shares are of the published cells added up here.
        """
        codes = self.table.dimensions[dimension].values
        kept = {k: v for k, v in self.cells.items() if within is None or k[1 - dimension] == within}
        by_code = {code: [v for k, v in kept.items() if k[dimension] == code] for code, _, _ in codes}
        rows: list[Row] = []
        for code, fr, en in codes:
            own = by_code[code]
            estimates = {m.name: _sum(own, m.name) for m in self.measures}
            lead = estimates[self.lead.name]
            rest = added(c[self.lead.name] for other, cells in by_code.items() if other != code for c in cells)
            part = share(lead, rest) if lead and self.telling and self.additive else None
            rows.append(Row(code, fr if language == "fr" else en, estimates, part))
        return rows

    def part(self, codes: tuple[str, ...], among: tuple[str, ...] | None = None) -> Estimate | None:
        """Return the share of some codes of the first dimension (`among` others), None if it cannot be told."""
        if not self.telling:
            return None
        known = among or tuple(c for c in self.table.dimensions[0].codes if c != "unknown")
        cells = {k: v[self.lead.name] for k, v in self.cells.items() if k[0] in known}
        inside, outside = ([v for k, v in cells.items() if (k[0] in codes) == want] for want in (True, False))
        return share(added(inside), added(outside)) if inside and outside else None


def _sum(cells: list[Mapping[str, Estimate]], measure: str) -> Estimate | None:
    given = [cell[measure] for cell in cells if measure in cell]
    return added(given) if given else None


def read_sheets(lake: duckdb.DuckDBPyConnection, tables: tuple[Table, ...]) -> dict[str, dict[str, Sheet]]:
    """Return release id → table name → Sheet, for the latest revision of every release; one question a table."""
    sheets: dict[str, dict[str, Sheet]] = {}
    thresholds = _thresholds(lake)
    for table in tables:
        for (release, period), cells in _read_table(lake, table).items():
            sheets.setdefault(release, {})[table.name] = Sheet(
                table, release, period, cells, thresholds[release, table.name]
            )
    return sheets


def _thresholds(lake: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], float]:
    """Return (release id, table) → threshold in units of its first measure, from the signed manifests."""
    return {
        (release, name): spec["threshold"] / spec["measures"][0]["step"]
        for release, manifest in lake.execute("select release_id, manifest from releases").fetchall()
        for name, spec in json.loads(manifest)["tables"].items()
    }


def _read_table(lake: duckdb.DuckDBPyConnection, table: Table) -> dict[tuple[str, str], dict[Any, Any]]:
    dimensions = [d.name for d in table.dimensions]
    columns = [c for m in table.measures for c in (m.name, f"{m.name}_se")]
    names = ", ".join(["release_id", "period", *dimensions, *columns])
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    for row in lake.execute(f"select {names} from {table.name}").fetchall():  # noqa: S608 (names of the policy)
        cells = found.setdefault((row[0], row[1]), {})
        numbers = row[2 + len(dimensions) :]
        cell = {
            m.name: Estimate(numbers[2 * i], numbers[2 * i + 1])
            for i, m in enumerate(table.measures)
            if numbers[2 * i] is not None
        }
        if table.measures[0].name in cell:
            cells[row[2 : 2 + len(dimensions)]] = cell
    return found


def title(thing: Dimension | Measure | Table, language: str) -> str:
    """Return the French or English words of the policy for a thing."""
    return thing.fr if language == "fr" else thing.en
