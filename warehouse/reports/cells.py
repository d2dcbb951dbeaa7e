"""One table of one release as the pages read it: cells, levels, shares. All out of the lake's views.

A level's figure (a total, or one value of a dimension alone) comes from the release and includes the cells that are not
publishable; nothing here is a sum of the cells shown. A share is of the total, so that it is true whatever is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from privacy.declarations import Dimension, Measure, Table
from warehouse.definitions import NEVER_ADDED
from warehouse.reports.figures import Estimate, added, apart, share, without

_NOTHING = Estimate(0.0, 0.0)
Codes = tuple[str | None, ...]  # one a dimension; None is all its values
Figures = Mapping[Codes, Mapping[str, Estimate]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a chart or of an HTML table; None is "not publishable" (or a measure the venue does not give)."""

    code: str
    label: str
    estimates: dict[str, Estimate | None]
    share: Estimate | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A policy table in one release. `cells`, `levels`: codes of what is shown → measure → Estimate.

    A release sealed before levels were published has none: its pages tell cells, and neither totals nor shares.
    """

    table: Table
    release_id: str
    period: str
    cells: Figures
    levels: Figures
    # What `targeting.segments.part_of` has told of it: each venue is compared with every other, so each is asked for often.
    told: dict[tuple[int, str, str | None], Any] = field(
        default_factory=dict[tuple[int, str, str | None], Any], repr=False, compare=False
    )

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
    def additive(self) -> bool:
        """May the cells be added over the second dimension?"""
        return not any(d.name in NEVER_ADDED for d in self.table.dimensions)

    @property
    def total(self) -> Estimate | None:
        """The lead measure over the whole table, cells not publishable included; None where none is shown."""
        return self.whole(self.lead.name)

    def whole(self, measure: str) -> Estimate | None:
        """Return a measure over the whole table, cells not publishable included; None where it is not shown."""
        return self._at((None,) * len(self.table.dimensions)).get(measure)

    @property
    def people(self) -> Estimate | None:
        """How many people there are: the total, where nobody is in two cells. Elsewhere it is not a number of people."""
        return self.total if self.table.unit == "person" and self.table.max_cells == 1 else None

    @property
    def unshown(self) -> Estimate | None:
        """What the cells not publishable hold together: the total without the cells shown."""
        shown = (c[self.lead.name] for c in self.cells.values())
        return without(self.total, shown, len(self.cells) / self.table.size) if self.total else None

    def rows(self, language: str, dimension: int = 0, within: str | None = None) -> list[Row]:
        """Return one row a code of a dimension: over the whole of the other, or `within` one code of the other.

        Shares are of the table's total.
        """
        rows: list[Row] = []
        for code, fr, en in self.table.dimensions[dimension].values:
            figures = self._at(self._codes(code, dimension, within))
            estimates = {m.name: figures.get(m.name) for m in self.measures}
            lead = estimates[self.lead.name]
            fraction = 1 / (self.table.size if within else len(self.table.dimensions[dimension].codes))
            part = None
            if lead and self.total:
                rest = without(self.total, [lead], fraction)
                part = share(lead, rest, apart(lead, rest, self.total))
            rows.append(Row(code, fr if language == "fr" else en, estimates, part))
        return rows

    def part(self, codes: tuple[str, ...], among: tuple[str, ...] | None = None) -> Estimate | None:
        """Return the share of some codes of the first dimension (`among` others, by default all but `unknown`).

        None if one of them is not publishable. Of those to leave out, the ones not publishable are anywhere between
        none and all that is not shown: it widens the margin.
        """
        first = self.table.dimensions[0].codes
        out = set(first) - set(among or (c for c in first if c != "unknown"))
        shown = {c: e for c in first if (e := self._lead(self._codes(c)))}
        if self.total is None or any(c not in shown for c in codes):
            return None
        inside = added(shown[c] for c in codes)
        gone = [e for c, e in shown.items() if c in out]
        whole = without(self.total, gone, len(gone) / len(first))
        rest = without(self.total, [*gone, inside], (len(gone) + len(codes)) / len(first))
        missing = self.missing if out - set(shown) else _NOTHING
        half = max(missing.high, 0.0) / 2
        unsure = Estimate(-half, half / 2)  # between 0 and all that is missing, 95 times in 100
        return share(inside, added((rest, unsure)), apart(inside, rest, whole))

    @property
    def missing(self) -> Estimate:
        """What the values of the first dimension that are not publishable hold together."""
        codes = self.table.dimensions[0].codes
        shown = [e for c in codes if (e := self._lead(self._codes(c)))]
        return without(self.total, shown, len(shown) / len(codes)) if self.total else _NOTHING

    def _codes(self, code: str, dimension: int = 0, within: str | None = None) -> Codes:
        return tuple(code if i == dimension else within for i in range(len(self.table.dimensions)))

    def _at(self, codes: Codes) -> Mapping[str, Estimate]:
        return (self.levels if None in codes else self.cells).get(codes, {})

    def _lead(self, codes: Codes) -> Estimate | None:
        return self._at(codes).get(self.lead.name)


def read_sheets(
    lake: duckdb.DuckDBPyConnection, tables: tuple[Table, ...], releases: Sequence[str] | None = None
) -> dict[str, dict[str, Sheet]]:
    """Return release id → table name → Sheet, of the latest revision of these releases, or of all; two questions a table."""
    sheets: dict[str, dict[str, Sheet]] = {}
    for table in tables:
        levels = _read_view(lake, table, f"{table.name}_totals", releases)
        for (release, period), cells in _read_view(lake, table, table.name, releases).items():
            own = Sheet(table, release, period, cells, levels.get((release, period), {}))
            sheets.setdefault(release, {})[table.name] = own
    return sheets


def _read_view(
    lake: duckdb.DuckDBPyConnection, table: Table, view: str, releases: Sequence[str] | None
) -> dict[tuple[str, str], dict[Any, Any]]:
    columns = [f"{m.name}{part}" for m in table.measures for part in ("", "_se", "_common_se")]
    names = ", ".join(["release_id", "period", *table.names, *columns])
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    order = ", ".join(["release_id", *table.names])  # sums go in this order: the same pages, however the files lie
    where, given = ("", []) if releases is None else ("where list_contains($1, release_id)", [list(releases)])
    for row in lake.execute(f"select {names} from {view} {where} order by {order}", given).fetchall():  # noqa: S608 (names of the policy)
        figures = found.setdefault((row[0], row[1]), {})
        numbers = row[2 + len(table.names) :]
        shown = {
            m.name: Estimate(*numbers[3 * i : 3 * i + 3])
            for i, m in enumerate(table.measures)
            if numbers[3 * i] is not None
        }
        if shown:
            figures[row[2 : 2 + len(table.names)]] = shown
    return found


def title(thing: Dimension | Measure | Table, language: str) -> str:
    """Return the French or English words of the policy for a thing."""
    return thing.fr if language == "fr" else thing.en
