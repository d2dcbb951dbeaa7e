"""The law's quarters: January to March, and so on, by the calendar year; written `2026-T1`.

They are not those of a season (`2025-2026-T1`, from September: `privacy.calendar`), which releases and their budget follow. A
declaration is due before the tenth day of the month after its quarter (décret 2017-926 of 9 May 2017).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from privacy.calendar import Period
from privacy.errors import Fault

_WRITTEN = re.compile(r"^(\d{4})-T([1-4])$")


@dataclass(frozen=True, slots=True, order=True)
class CivilQuarter:
    """Three months of a calendar year; `start` is in it, `end` is the first day after it."""

    year: int
    number: int  # 1 to 4

    @classmethod
    def parse(cls, text: str) -> CivilQuarter:
        """Read `2026-T1`; a Fault says which are meant by a season's quarter, or how one is written."""
        if match := _WRITTEN.match(text):
            return cls(int(match[1]), int(match[2]))
        how = "January to March of 2026 are written 2026-T1.", "janvier à mars 2026 s’écrit 2026-T1."
        try:
            period = Period.parse(text)
        except Fault:
            raise Fault(f"A civil quarter: {how[0]}", f"Un trimestre civil : {how[1]}") from None
        meant = dict.fromkeys(str(cls.containing(day)) for day in (period.start, period.end - timedelta(days=1)))
        raise Fault(
            f"{text} is of a season (from September); SIBIL counts by civil quarter, here {' to '.join(meant)}. {how[0][0].upper()}{how[0][1:]}",
            f"{text} est de saison (dès septembre) ; SIBIL compte par trimestre civil, ici {' à '.join(meant)}. {how[1][0].upper()}{how[1][1:]}",
        )

    @classmethod
    def containing(cls, day: date) -> CivilQuarter:
        """Return the quarter a day lies in."""
        return cls(day.year, (day.month + 2) // 3)

    def __str__(self) -> str:
        return f"{self.year}-T{self.number}"

    @property
    def start(self) -> date:
        """First day of the quarter."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> date:
        """First day after the quarter."""
        return date(self.year + self.number // 4, 3 * self.number % 12 + 1, 1)

    @property
    def due(self) -> date:
        """The day before which its declarations are owed."""
        return self.end.replace(day=10)
