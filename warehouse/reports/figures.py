"""Numbers with a margin: adding them, dividing them, and writing them without false precision.

An Estimate is a noisy value and its standard error; the margin is half of the 95 % interval. Figures of one table share
one error, the same in proportion for all (`common`): it adds up whole, and cancels in a share. What each has of its own
is independent, as everything is between releases. Negative values are kept here and clamped only where a number is
written or drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from babel.numbers import format_decimal

from warehouse.definitions import Z95

_NARROW = "\u202f"  # keeps a number and its sign on one line


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its standard error, same unit. `common`: the part of the error that the whole table shares."""

    value: float
    se: float
    common: float = 0.0

    @property
    def own(self) -> float:
        """The part of the standard error that no other figure of the table shares."""
        return math.sqrt(max(self.se**2 - self.common**2, 0.0))

    @property
    def margin(self) -> float:
        """Half the width of the 95 % interval."""
        return Z95 * self.se

    @property
    def low(self) -> float:
        """Low end of the 95 % interval."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """High end of the 95 % interval."""
        return self.value + self.margin


def added(parts: Iterable[Estimate]) -> Estimate:
    """Return the sum of figures of one table: own errors add up in squares, the common one whole."""
    parts = tuple(parts)
    common = sum(p.common for p in parts)
    return Estimate(sum(p.value for p in parts), math.hypot(common, *(p.own for p in parts)), common)


def without(total: Estimate, parts: Iterable[Estimate], fraction: float) -> Estimate:
    """Return what is left of a total of a table once these parts, a `fraction` of its cells, are taken away.

    Let V be the total's own variance, P the parts', Q the cells' in all. The total is either their sum, V = Q; or known
    better from another table (V < Q), all cells then being moved alike to add up to it: each takes its share of what
    that takes away. The rest has (Q - P) - (Q - V) (1 - fraction)².
    """
    gone = added(parts)
    parts_own = gone.own**2
    cells = max(total.own**2, parts_own / fraction) if fraction else total.own**2
    own = (cells - parts_own) - (cells - total.own**2) * (1 - fraction) ** 2
    common = abs(total.common - gone.common)
    return Estimate(total.value - gone.value, math.hypot(math.sqrt(max(own, 0.0)), common), common)


def apart(part: Estimate, rest: Estimate, whole: Estimate) -> float:
    """Return minus twice the covariance of two parts of a total, which its own variance tells; 0 where they are free."""
    return max(part.own**2 + rest.own**2 - whole.own**2, 0.0)


def share(part: Estimate, rest: Estimate, pulled: float = 0.0) -> Estimate | None:
    """Return part / (part + rest) of one table, by the delta method; None where their sum is not well above its error.

    With p = part / total: variance = ((1 - p)² σ_part² + p² σ_rest² + p (1 - p) pulled) / total², of own errors only: the
    common one is the same in proportion above and below, and cancels. `pulled`: see `apart`.
    """
    total = added((part, rest))
    if total.value <= 3 * total.se or total.value <= 0:
        return None
    p = part.value / total.value
    squared = ((1 - p) * part.own) ** 2 + (p * rest.own) ** 2 + p * (1 - p) * pulled
    return Estimate(p, math.sqrt(squared) / total.value)


def ratio(over: Estimate, per: Estimate) -> Estimate | None:
    """Return over / per, errors taken as independent, by the delta method; None where `per` is not well above its error."""
    if per.value <= 3 * per.se:
        return None
    value = over.value / per.value
    return Estimate(value, math.hypot(over.se, value * per.se) / per.value)


def change(before: Estimate, after: Estimate) -> Estimate | None:
    """Return after / before - 1 of two releases; None where `before` is not well above its error."""
    found = ratio(after, before)
    return Estimate(found.value - 1, found.se) if found else None


def place_of(margin: float) -> int:
    """Return the power of ten to round to: one digit of the margin, two if it begins with 1 or 2."""
    if margin <= 0:
        return 0
    place = math.floor(math.log10(margin))
    return place - 1 if margin / 10**place < 3 else place


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes numbers for readers of one language, "fr" or "en"."""

    language: str

    def number(self, value: float, place: int = 0) -> str:
        """Write a number rounded to 10**place."""
        rounded = round(value / 10**place) * 10**place
        pattern = "#,##0" + ("." + "0" * -place if place < 0 else "")
        return format_decimal(rounded, format=pattern, locale=self.language)

    def count(self, estimate: Estimate, unit: str = "") -> str:
        """Write `2 870 ± 30`; a value below zero is written 0."""
        margin, place = self._margin(estimate.margin, 0)
        text = f"{self.number(max(estimate.value, 0.0), place)} ±{_NARROW}{margin}"
        return f"{text}\u00a0{unit}" if unit else text

    def percent(self, estimate: Estimate) -> str:
        """Write `54 % ± 3` out of a share between 0 and 1, never a decimal beyond the first."""
        margin, place = self._margin(100 * estimate.margin, -1)
        value = self.number(min(max(100 * estimate.value, 0.0), 100.0), place)
        return f"{value}{self.percent_sign} ±{_NARROW}{margin}"

    def rate(self, estimate: Estimate) -> str:
        """Write people for 1,000 inhabitants, or euros for a ticket: `1.19 ± 0.06`."""
        margin, place = self._margin(estimate.margin, -2)
        return f"{self.number(max(estimate.value, 0.0), place)} ±{_NARROW}{margin}"

    def interval(self, low: float, high: float) -> str:
        """Write whole numbers no narrower than an interval: `75–85`."""
        return f"{self.number(math.floor(max(low, 0.0)))}–{self.number(math.ceil(max(high, 0.0)))}"

    def points(self, estimate: Estimate) -> str:
        """Write a change, with its sign: `+12 % ± 4`."""
        margin, place = self._margin(100 * estimate.margin, -1)
        sign = "−" if estimate.value < 0 else "+"
        return f"{sign}{self.number(abs(100 * estimate.value), place)}{self.percent_sign} ±{_NARROW}{margin}"

    @property
    def percent_sign(self) -> str:
        """The sign with the space French asks for."""
        return "\u00a0%" if self.language == "fr" else "%"

    def _margin(self, margin: float, least: int) -> tuple[str, int]:
        """Write a margin rounded up, so that it never promises too much; and the place to round the value to."""
        place = max(place_of(margin), least)
        steps = math.ceil(round(margin / 10**place, 6))
        return self.number(max(steps, 1) * 10**place, place), place
