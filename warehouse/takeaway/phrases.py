"""The words of the files in one language, out of `texts.toml`; those that the pages say too are taken from there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from babel.numbers import format_decimal

from warehouse.lake import Snapshot
from warehouse.reports.cells import Sheet, title
from warehouse.reports.figures import Estimate, place_of
from warehouse.reports.issues import Issue
from warehouse.reports.words import Words

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = ("fr", "en")


@cache
def _texts() -> dict[str, list[str]]:
    return tomllib.loads((files("warehouse") / "takeaway" / "texts.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Everything that is written for readers of one language, as plain text: whoever makes HTML of it escapes it."""

    language: Language

    @property
    def words(self) -> Words:
        """The words of the pages."""
        return Words(self.language)

    def say(self, key: str, **values: str | float) -> str:
        """Return a text with its values in."""
        return _texts()[key][LANGUAGES.index(self.language)].format(**values)

    @property
    def hidden(self) -> str:
        """What stands where a cell is suppressed."""
        return plain(self.words.say("not_published"))

    def number(self, value: float, digits: int = 1) -> str:
        """Write a number for a spreadsheet's reader: its language's decimal sign, no separator of thousands."""
        return format_decimal(value, format=f"0.{'0' * digits}", locale=self.language)

    def share_points(self, moved: Estimate) -> str:
        """Write how a share between 0 and 1 moved: `+7 points ± 3`; a share is not told to less than a tenth of a point."""
        place = max(place_of(100 * moved.margin), -1)
        margin = (
            max(-(-round(100 * moved.margin, 6) // 10**place), 1) * 10**place
        )  # rounded up: it never promises too much
        sign = "−" if moved.value < 0 else "+"
        write = self.words.writer.number
        return self.say("points", value=f"{sign}{write(abs(100 * moved.value), place)}", margin=write(margin, place))

    def amount(self, euros: Estimate) -> str:
        """Write euros as `18,4 ± 0,6`, never to less than a cent."""
        place = min(max(place_of(euros.margin), -2), 0)
        margin = max(-(-round(euros.margin, 6) // 10**place), 1) * 10**place
        write = self.words.writer.number
        return f"{write(max(euros.value, 0.0), place)} ±\u202f{write(margin, place)}"

    def promise(self, issue: Issue) -> list[str]:
        """Return the promise as a release states it."""
        units = sorted(issue.losses.items(), reverse=True)  # person before admission
        said = [self.words.say(f"promise_{unit}", **self.words.loss(*loss)) for unit, loss in units]
        said += [self.words.say(f"promise_k_{issue.k_rule}", k=issue.k), self.words.say("promise_several")]
        return [plain(s) for s in said]

    @property
    def margins(self) -> str:
        """What a margin is."""
        return plain(self.words.say("margins"))

    def source(self, name: str, period: str) -> str:
        """Write whose figures of when."""
        return f"{name} — {self.words.quarter(period)}"

    def made_from(self, snapshot: Snapshot) -> str:
        """Write the state of the lake that a file was made from."""
        at = snapshot.at
        return plain(self.words.say("made_from", id=snapshot.id, date=self.words.day(at.date()), time=f"{at:%H:%M:%S}"))

    def notes(self, sheet: Sheet) -> Iterator[str]:
        """Yield what must be known to read one release's table right."""
        if not sheet.cells:
            yield plain(self.words.say("no_cell"))
        yield from self.rules(sheet)
        if sheet.hidden:
            yield plain(self.words.say("hidden_note", hidden=sheet.hidden, size=sheet.table.size))

    def rules(self, sheet: Sheet) -> Iterator[str]:
        """Yield what is so of a table whoever publishes it: what adds up, what is capped, who is left out."""
        table, say = sheet.table, self.words.say
        if not sheet.additive:
            yield plain(say("kinds_note"))
        if table.max_cells > 1:
            yield plain(say("cells_note", full=table.full_cells, most=table.max_cells))
        if table.unit == "person" and len(sheet.measures) > 1:
            caps = (f"{title(m, self.language).lower()} {m.clip}" for m in sheet.measures[1:])
            yield plain(say("caps_note", caps=", ".join(caps)))
        if table.leaves_out:
            yield plain(say("_".join(("without", *table.leaves_out))))


def plain(text: str) -> str:
    """Return the text of a page's words without its tags: it goes to spreadsheets, documents and e-mail."""
    return str(getattr(text, "striptags", lambda: text)())
