"""When and where people book: the lead time and the channel most of them choose, if the margin lets one be named.

Lead times are published by genre, channels by party size: the tables cross no more, and nothing is inferred beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist

from warehouse.reports.figures import Estimate, Writer
from warehouse.targeting.segments import Segment, part_of, pooled, segments
from warehouse.targeting.sight import Sight

LEAD_DAYS = {  # days before a performance that a lead time means, least and most; the earliest is open
    "jour_meme": (0, 0), "semaine": (1, 7), "mois": (8, 31), "3_mois": (32, 92), "6_mois": (93, 183), "avant": (184, 365),
}  # fmt: skip
_SURE = 0.05  # that the first is not the first, all others looked at


@dataclass(frozen=True, slots=True)
class Best:
    """The codes that may be the most chosen, largest share first; one alone where the margin lets it be named."""

    dimension: str
    codes: tuple[tuple[Segment, Estimate], ...]

    @property
    def clear(self) -> bool:
        """Whether one code is surely ahead."""
        return len(self.codes) == 1

    def sentence(self, language: str) -> str:
        """Say it in "fr" or "en"."""
        write, fr = Writer(language), language == "fr"
        told = [f"{segment.label(language)} ({write.percent(share)})" for segment, share in self.codes]
        if self.clear:
            return f"D’abord, dans le réseau : {told[0]}." if fr else f"First, in the network: {told[0]}."
        listed = (" ou " if fr else " or ").join(told)
        return f"La marge ne départage pas : {listed}." if fr else f"The margin does not tell which comes first: {listed}."  # fmt: skip


def best(sight: Sight, dimension: str, period: str | None = None, given: str | None = None) -> Best | None:
    """Return the most chosen codes of a dimension over all that the member sees, within one genre or size, or anywhere.

    None where no code of it is publishable.
    """
    sheets = sight.at(period or sight.latest())
    wanted = [s for s in segments(sight.policy.tables, given) if s.table.names[s.dimension] == dimension and s.given == given]  # fmt: skip
    shares = list[tuple[Segment, Estimate]]()
    for segment in wanted:
        own = [tables[segment.table.name] for tables in sheets.values() if segment.table.name in tables]
        if any(part_of(sheet, segment) for sheet in own):  # where it is hidden, it counts as nobody
            parts = {str(i): part_of(sheet, segment, hidden=True) for i, sheet in enumerate(own)}
            shares.append((segment, pooled({i: p for i, p in parts.items() if p})))
    shares.sort(key=lambda x: -x[1].value)
    return Best(dimension, tuple(_leading(shares))) if shares else None


def window(lead: Sequence[str], performance: date) -> tuple[date, date]:
    """Return the first and last day on which people with these lead times book a performance of that day."""
    least = min(LEAD_DAYS[code][0] for code in lead)
    most = max(LEAD_DAYS[code][1] for code in lead)
    return performance - timedelta(most), performance - timedelta(least)


def _leading(shares: list[tuple[Segment, Estimate]]) -> list[tuple[Segment, Estimate]]:
    """Return the first, and all that are not surely behind it (Bonferroni over those looked at)."""
    (_, first), *others = shares
    z = NormalDist().inv_cdf(1 - _SURE / max(len(others), 1))
    behind = [first.value - s.value > z * (first.se**2 + s.se**2) ** 0.5 for _, s in others]
    return [shares[0], *(other for other, clear in zip(others, behind, strict=True) if not clear)]
