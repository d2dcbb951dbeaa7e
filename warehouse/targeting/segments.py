"""Segments of a venue's audience, their shares, and those shares against others' (index), all with their margins.

A segment is a code of a dimension among the known codes of it: of the whole table, or within one code of the other dimension
(a genre, an age). Who is of unknown origin or age is left out of both sides, or a venue that asks nothing would look
weak everywhere.

Errors: each figure's own and its table's common one (`figures.share`, where the common one cancels), and *chance*: who comes
in a season is one draw among many, and a difference that the next season would not show is no insight. With n people of
whom a share p, chance adds p (1 - p) / n to the share's variance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from privacy.declarations import Dimension, Table
from warehouse.reports.cells import Codes, Sheet
from warehouse.reports.figures import Estimate, added, apart, share, without

GIVEN = ("family", "age_band")  # a segment may be within one code of these
_OFFER = ("tariff", "price_band", "schedule")  # what a venue decides, not whom it reaches
_NO_AIM = {"loyalty": ("endormi", "a_reactiver")}  # people who no longer come are nobody's to win for being few


@dataclass(frozen=True, slots=True)
class Segment:
    """One code of dimension number `dimension` of a table, within `given` (a code of the other dimension) or anywhere."""

    table: Table
    dimension: int
    code: str
    given: str | None = None

    @property
    def codes(self) -> dict[str, str]:
        """Dimension → code, all that someone in it has."""
        names = self.table.names
        own = {names[self.dimension]: self.code}
        return own if self.given is None else own | {names[1 - self.dimension]: self.given}

    def label(self, language: str) -> str:
        """Name it by the policy's words: "Age: 25–39", "Where from: Same town (Dance)"."""
        own = self.table.dimensions[self.dimension]
        name, colon = (own.fr, "\u00a0: ") if language == "fr" else (own.en, ": ")
        text = f"{name}{colon}{word(own, self.code, language)}"
        if self.given is None:
            return text
        return f"{text} ({word(self.table.dimensions[1 - self.dimension], self.given, language)})"


@dataclass(frozen=True, slots=True)
class Part:
    """A segment in one release: people in it, people of whom the answer is known, and the share, with chance apart."""

    people: Estimate
    known: Estimate
    share: Estimate

    def chance(self, p: float) -> float:
        """Return the variance that chance adds to the share if the true one is p."""
        return max(p * (1 - p), 0.0) / self.known.value


def segments(tables: tuple[Table, ...], family: str | None = None) -> Iterator[Segment]:
    """Yield each dimension's codes once, of the first table that has it; and those within a genre or an age.

    With `family`, only those within that genre. Topics read are not tickets bought: that table is left out.
    """
    done = set[str]()
    for table in (t for t in tables if t.unit == "person" and t.name != "topics"):
        for i, d in enumerate(table.dimensions):
            other = table.dimensions[1 - i] if len(table.dimensions) == 2 else None
            codes = [c for c in d.codes if c != "unknown" and c not in _NO_AIM.get(d.name, ())]
            if d.name in _OFFER:
                continue
            if d.name not in done and family is None:
                yield from (Segment(table, i, c) for c in codes)
            done.add(d.name)
            if other and other.name in GIVEN:
                within = [g for g in other.codes if g != "unknown" and (family is None or (other.name, g) == ("family", family))]  # fmt: skip
                yield from (Segment(table, i, c, g) for g in within for c in codes)


def part_of(sheet: Sheet, segment: Segment, *, hidden: bool = False) -> Part | None:
    """Return a segment as one release tells it; None if it is not publishable, or what is known is hardly above its error.

    With `hidden`, one that is not publishable counts as nobody.
    """
    key = segment.dimension, segment.code, segment.given
    if key not in sheet.told:
        sheet.told[key] = _read(sheet, segment)
    shown, part = sheet.told[key]
    return part if shown or hidden else None


def _read(sheet: Sheet, segment: Segment) -> tuple[bool, Part | None]:
    """Return whether a segment is told, and the part that it is; of one that is not publishable, as if nobody were in it."""
    dimension = segment.table.dimensions[segment.dimension]

    def at(code: str | None) -> Estimate | None:
        codes: Codes = tuple(code if i == segment.dimension else segment.given for i in range(len(segment.table.names)))
        figures = (sheet.levels if None in codes else sheet.cells).get(codes, {})
        return figures.get(sheet.lead.name)

    given, total, unknown = at(segment.code), at(None), at("unknown")
    if total is None:
        return False, None
    people = given or Estimate(0.0, 0.0)
    n = len(dimension.codes)
    gone = [unknown] if unknown else []
    known, rest = without(total, gone, len(gone) / n), without(total, [*gone, people], (len(gone) + 1) / n)
    pulled = apart(people, rest, known)
    if unknown is None and "unknown" in dimension.codes:
        # Not shown: anywhere between nobody and all that is not shown.
        shown = [e for c in dimension.codes if (e := at(c))]
        half = max(without(total, shown, len(shown) / n).high, 0.0) / 2
        unsure = Estimate(-half, half / 2)
        known, rest = added((known, unsure)), added((rest, unsure))
    found = share(people, rest, pulled)
    return given is not None and found is not None and found.value > 0, Part(people, known, found) if found else None


def pooled(parts: Mapping[str, Part]) -> Estimate:
    """Return the share over several releases together, chance included."""
    return _over(parts, None)[0]


def index(parts: Mapping[str, Part], mine: str) -> Estimate:
    """Return 100 × the share at `mine` / the share over all, mine included (as the macro `index_vs_network`): 100 is the same.

    By the delta method over independent releases. Chance at `mine` is taken at the larger of its own share and all's: that
    of a share of nearly none would be nearly none, and any small segment would seem sure.
    """
    return _over(parts, mine)[1]


def _over(parts: Mapping[str, Part], mine: str | None) -> tuple[Estimate, Estimate]:
    whole = sum(p.known.value for p in parts.values())
    overall = sum(p.known.value * p.share.value for p in parts.values()) / whole
    ratio = parts[mine].share.value / overall if mine else 1.0
    variance = squared = 0.0
    for venue, p in parts.items():
        chance = p.chance(p.share.value)
        own = math.sqrt(p.share.se**2 + (max(chance, p.chance(overall)) if venue == mine else chance))
        weight = p.known.value / whole
        # A share and its total may go together: what each moves adds up whole, so that no margin is too small.
        moved = abs(p.share.value - overall) / whole * p.known.se
        variance += (weight * own + moved) ** 2
        squared += (abs((venue == mine) - ratio * weight) * own + ratio * moved) ** 2
    return Estimate(overall, math.sqrt(variance)), Estimate(100 * ratio, 100 * math.sqrt(squared) / overall)


def word(dimension: Dimension, code: str, language: str) -> str:
    """Return a code's label in the policy."""
    return next(fr if language == "fr" else en for c, fr, en in dimension.values if c == code)
