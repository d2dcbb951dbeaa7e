"""A table as lines of a spreadsheet: total, levels, cells; what is not publishable is there, without a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from privacy.declarations import Measure, Table
from warehouse.reports.cells import Row, Sheet, title
from warehouse.reports.figures import Estimate
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases

Value = str | float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A figure, or None where it is not publishable. `labels`: one a dimension. `share`: of the table's total, 0 to 1."""

    venue: str
    period: str
    labels: tuple[str, ...]
    measure: Measure
    estimate: Estimate | None
    share: Estimate | None

    def values(self, phrases: Phrases) -> list[Value]:
        """Return what stands under `heads`: numbers, clamped at 0 as on the pages; words only where not publishable."""
        first: list[Value] = [self.venue, self.period, *self.labels, title(self.measure, phrases.language)]
        e, part = self.estimate, self.share
        if e is None:
            return [*first, phrases.hidden, None, None, None, None, None, phrases.hidden]
        share: list[Value] = [min(max(part.value, 0.0), 1.0), part.margin] if part else [None, None]
        return [*first, max(e.value, 0.0), e.margin, max(e.low, 0.0), max(e.high, 0.0), *share, self.readable(phrases)]

    def readable(self, phrases: Phrases) -> str:
        """Write the figure for a reader, without false precision."""
        return phrases.words.writer.count(self.estimate) if self.estimate else phrases.hidden


def heads(table: Table, phrases: Phrases) -> list[str]:
    """Return the heads of a table's columns."""
    labels = [title(d, phrases.language) for d in table.dimensions]
    first, last = ("head_venue", "head_period"), ("value", "margin", "low", "high", "share", "share_margin", "text")
    return [
        *(phrases.say(k) for k in first),
        *labels,
        *(phrases.say(f"head_{k}") for k in ("measure", *last)),
    ]


def tables_of(held: Held) -> dict[str, Table]:
    """Return the tables that the member may see of anyone in the period, in the policy's order, its own first."""
    return {name: sheet.table for sheets in held.seen.values() for name, sheet in sheets.items()}


def lines_of(held: Held, table: str, phrases: Phrases) -> Iterator[Line]:
    """Yield the lines of one table: the member's own, then those of every venue that shows it to the member."""
    for venue, sheets in held.seen.items():
        if table in sheets:
            yield from _of_sheet(sheets[table], held.names.get(venue, venue), phrases)


def _of_sheet(sheet: Sheet, venue: str, phrases: Phrases) -> Iterator[Line]:
    language, everything = phrases.language, phrases.say("all")
    period = phrases.words.quarter(sheet.period)
    total = sheet.levels.get((None,) * len(sheet.table.dimensions), {})

    def lines(labels: tuple[str, ...], row: Row) -> Iterator[Line]:
        for measure in sheet.measures:
            share = row.share if measure == sheet.lead and sheet.additive else None
            yield Line(venue, period, labels, measure, row.estimates.get(measure.name), share)

    if len(sheet.table.dimensions) == 1:
        if sheet.additive:
            yield from lines((everything,), Row("", "", {m.name: total.get(m.name) for m in sheet.measures}, None))
        for row in sheet.rows(language):
            yield from lines((row.label,), row)
        return
    first, second = sheet.table.dimensions
    if sheet.additive:
        every = (everything, everything)
        yield from lines(every, Row("", "", {m.name: total.get(m.name) for m in sheet.measures}, None))
        for row in sheet.rows(language):
            yield from lines((row.label, everything), row)
    for row in sheet.rows(language, 1):
        yield from lines((everything, row.label), row)
    for code, fr, en in second.values:
        for row in sheet.rows(language, sheet.table.dimensions.index(first), code):
            yield from lines((row.label, fr if language == "fr" else en), row)
