"""What a policy declares: dimensions (public domains), measures, tables. Frozen values, no records."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Literal

Unit = Literal["person", "admission"]
RECORDS: dict[str, Unit] = {
    "base": "person",
    "transactions": "person",
    "interactions": "person",
    "counts": "admission",
}


@dataclass(frozen=True, slots=True)
class Dimension:
    """A fixed public list of codes, `unknown` last, each with its French and English label."""

    name: str
    fr: str
    en: str
    values: tuple[tuple[str, str, str], ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in display order."""
        return tuple(code for code, _, _ in self.values)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted: at most `clip` units by one person in one cell, a unit being cut into `step` integer steps.

    `raw`: steps that one whole number of the records is worth (records hold tickets, but cents).
    """

    name: str
    fr: str
    en: str
    unit: str
    clip: int
    step: int
    raw: int
    share: Fraction
    opt_in: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table. Its first measure counts the unit of privacy and decides what is shown."""

    name: str
    fr: str
    en: str
    records: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    full_cells: int
    max_cells: int
    weight: int

    @property
    def unit(self) -> Unit:
        """Whom the noise of this table protects."""
        return RECORDS[self.records]

    @property
    def size(self) -> int:
        """Number of cells: the product of the domains."""
        return prod(len(d.values) for d in self.dimensions)
