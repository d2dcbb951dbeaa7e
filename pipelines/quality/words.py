"""The words and numbers of the steward's page in one language, out of `texts.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from markupsafe import Markup

from pipelines.quality.warnings import LANGUAGES, Text, Warn
from warehouse.reports.figures import Writer
from warehouse.reports.words import typeset


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("pipelines") / "quality" / "texts.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is written for a steward of one language, in the venue's own time."""

    language: str
    timezone: str

    def say(self, key: str, **values: str | float) -> Markup:
        """Return a text with its values in; the values are escaped, the text is ours."""
        return Markup(typeset(self.of(_texts()[key]), self.language)).format(**values)  # noqa: S704 (from texts.toml, values escaped)

    def of(self, text: Text) -> str:
        """Return this language's half of a text."""
        return text[LANGUAGES.index(self.language)]

    def column(self, name: str) -> str:
        """Name a canonical column."""
        return self.of(_texts()["columns"].get(name, (name, name)))

    def reason(self, name: str) -> str:
        """Name a reason for which a row is refused."""
        return self.of(_texts()["reasons"].get(name, (name, name)))

    def day(self, nanoseconds: int, style: str = "long") -> str:
        """Write the venue's day of an instant (ns since 1970)."""
        at = datetime.fromtimestamp(nanoseconds / 1e9, UTC).astimezone(ZoneInfo(self.timezone))
        return format_date(at, format=style, locale=self.language)

    def count(self, number: float) -> str:
        """Write a whole number."""
        return Writer(self.language).number(number)

    def quantity(self, value: float, unit: str) -> str:
        """Write a number of a rule, in its unit."""
        write = Writer(self.language)
        if unit == "share":
            # never "0 %" for one row of many, nor "100 %" where one lacks
            percent = 100 * value
            exact = percent in {0, 100} or 1 <= percent <= 99
            shown = write.number(percent if exact else min(max(percent, 0.1), 99.9), 0 if exact else -1)
            return f"{shown}{write.percent_sign}"
        if unit == "euros":
            return f"{write.number(value)}\u00a0€" if self.language == "fr" else f"€{write.number(value)}"
        if unit == "times":
            return f"{write.number(value, 0 if value == round(value) else -1)}\u00a0×"
        if unit == "days" and value < 0:
            return self.ago(-value)
        return write.number(value) + ("\u00a0" + ("jours" if self.language == "fr" else "days")) * (unit == "days")

    def ago(self, days: float) -> str:
        """Write how long ago something was; a negative number is to come."""
        whole = round(days)
        if whole < 0:
            return self.say("in_days", days=self.count(-whole))
        return self.say(("today", "day_ago")[whole]) if whole < 2 else self.say("days_ago", days=self.count(whole))

    def expected(self, rule: Warn, source: str) -> str:
        """Write the bounds of a rule."""
        least, most = (None if b is None else self.quantity(b, rule.unit) for b in rule.bounds(source))
        if least is not None and most is not None:
            return self.say("between", least=least, most=most)
        return self.say("at_least", bound=least) if least is not None else self.say("at_most", bound=most or "")
