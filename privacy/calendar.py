"""The public calendar: seasons of one year from 1 September, cut into four quarters.

A period is written `2025-2026` (the season) or `2025-2026-T1` … `-T4` (September-November,
December-February, March-May, June-August). It says nothing about any record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from privacy.errors import Fault

_WRITTEN = re.compile(r"^(\d{4})-(\d{4})(?:-T([1-4]))?$")
_FIRST_MONTH = 9


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A season or one of its quarters; `start` is in it, `end` is the first day after it."""

    year: int
    quarter: int = 0  # 0 is the whole season

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `2025-2026` or `2025-2026-T1`; anything else is a Fault."""
        match = _WRITTEN.match(text)
        if match is None or int(match[2]) != int(match[1]) + 1:
            raise Fault(
                "A period is written 2025-2026 (season) or 2025-2026-T1 to -T4 (quarter, from September).",
                "Une période s’écrit 2025-2026 (saison) ou 2025-2026-T1 à -T4 (trimestre, dès septembre).",
            )
        return cls(int(match[1]), int(match[3] or 0))

    @classmethod
    def containing(cls, day: date) -> Period:
        """Return the quarter a day lies in."""
        months = (day.year * 12 + day.month - 1) - (_FIRST_MONTH - 1)
        return cls(months // 12, months % 12 // 3 + 1)

    def __str__(self) -> str:
        return self.season + (f"-T{self.quarter}" if self.quarter else "")

    @property
    def season(self) -> str:
        """The season whose budget pays for this period."""
        return f"{self.year}-{self.year + 1}"

    @property
    def kind(self) -> Literal["season", "quarter"]:
        """Which share of the season's budget a release of it takes."""
        return "quarter" if self.quarter else "season"

    @property
    def start(self) -> date:
        """First day of the period."""
        return _month(self.year, 3 * max(self.quarter - 1, 0))

    @property
    def end(self) -> date:
        """First day after the period."""
        return _month(self.year, 3 * self.quarter if self.quarter else 12)

    def label(self, language: str) -> str:
        """Write the period for a reader, in "fr" or "en"."""
        season = f"{self.year}–{self.year + 1}"
        if not self.quarter:
            return f"Saison {season}" if language == "fr" else f"{season} season"
        months = {
            "fr": ("septembre–novembre", "décembre–février", "mars–mai", "juin–août"),
            "en": ("September–November", "December–February", "March–May", "June–August"),
        }["fr" if language == "fr" else "en"][self.quarter - 1]
        return f"{months} ({season})"


def _month(year: int, offset: int) -> date:
    months = year * 12 + (_FIRST_MONTH - 1) + offset
    return date(months // 12, months % 12 + 1, 1)
