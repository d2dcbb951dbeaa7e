"""What a policy declares: dimensions (public domains), measures, tables, sketches. Frozen values, no records."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Unit = Literal["person", "admission"]
RECORDS: dict[str, Unit] = {
    "base": "person",
    "transactions": "person",
    "interactions": "person",
    "counts": "admission",
}
LEAVABLE = ("minors", "sensitive")  # whose records a table may leave out, before anything is bounded


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

    `typical`: units a cell is worth in the norm that bounds a person over all cells, at most `clip`. `raw`: steps that
    one whole number of the records is worth (records hold tickets, but cents).
    """

    name: str
    fr: str
    en: str
    unit: str
    clip: int
    typical: int
    step: int
    raw: int
    share: Fraction
    opt_in: bool = False

    def faults(self) -> Iterator[str]:
        """Say what a policy may not declare of it."""
        if min(self.clip, self.step, self.raw, self.typical) < 1 or self.step % self.raw or self.share <= 0:
            yield f"measures.{self.name}: clip, typical, step, raw and share must be above 0, raw a divisor of step"
        if self.typical > self.clip or (self.name in ("people", "admissions") and self.typical != self.clip):
            yield f"measures.{self.name}: typical must be clip at most, and clip itself for people and admissions"


@dataclass(frozen=True, slots=True)
class Level:
    """A coarser sight of a table: its cells added up over all dimensions but these. What bounds take is measured there.

    `reach`: what they take of one person counts fully while its norm is at most that many typical cells. `share`: part of
    a measure's budget. The total is the level without dimensions.
    """

    dimensions: tuple[str, ...]
    reach: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table. Its first measure counts the unit of privacy and decides what is shown.

    `leaves_out`: people who may be minors, performances marked sensitive; each person's records alone decide. `levels`: the total first, then coarse to fine; what bounds take from the cells is put back from them.
    """

    name: str
    fr: str
    en: str
    records: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    full_cells: int
    max_cells: int
    weight: int
    levels: tuple[Level, ...]
    leaves_out: tuple[str, ...] = ()

    @property
    def basis(self) -> tuple[str, tuple[str, ...]]:
        """Which records it is made from, and which of them it leaves out: tables of one basis are read together."""
        return self.records, self.leaves_out

    @property
    def unit(self) -> Unit:
        """Whom the noise of this table protects."""
        return RECORDS[self.records]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its dimensions."""
        return tuple(d.name for d in self.dimensions)

    @property
    def size(self) -> int:
        """Number of cells: the product of the domains."""
        return self.extent(self.names)

    def extent(self, dimensions: tuple[str, ...]) -> int:
        """Return the number of values of a level: the product of the domains of these dimensions."""
        return math.prod(len(d.values) for d in self.dimensions if d.name in dimensions)

    def typical(self, measure: Measure) -> int:
        """Return what a cell is worth in a person's norm: where people have but one, all that the clip allows."""
        return measure.typical if self.max_cells > 1 else measure.clip

    def clips(self, measure: Measure) -> bool:
        """Return whether bounding can take anything from what a person adds to the cells, beyond the cell's clip."""
        return self.full_cells < self.max_cells or self.typical(measure) < measure.clip

    def most_cut(self, measure: Measure) -> float:
        """Return the most times that what people add to the cells can be what bounds leave of it.

        A person's norm is at most sqrt(max_cells) x clip, and is scaled to no less than sqrt(full_cells) x typical.
        """
        return math.sqrt(self.max_cells / self.full_cells) * measure.clip / self.typical(measure)

    def faults(self) -> Iterator[str]:
        """Say what a policy may not declare of it. A table that bounds cut has levels: no loss is silent."""
        if min(self.full_cells, self.max_cells, self.weight, len(self.dimensions), len(self.measures)) < 1:
            yield f"tables.{self.name}: full_cells, max_cells, weight, dimensions and measures must be 1 or more"
            return
        if self.measures[0].name not in ("people", "admissions"):
            yield f"tables.{self.name}: the first measure must be people or admissions"
        if not set(self.leaves_out) <= set(LEAVABLE) or (self.leaves_out and self.records != "transactions"):
            yield f"tables.{self.name}: leaves_out has some of {', '.join(LEAVABLE)}, in tables on transactions"
        if any(self.clips(m) for m in self.measures) != bool(self.levels) or any(v.dimensions for v in self.levels[:1]):
            yield f"tables.{self.name}: a table that bounds cut has levels, the total first; another has none"
        known = [tuple(n for n in self.names if n in level.dimensions) for level in self.levels]
        if known != [level.dimensions for level in self.levels] or self.names in known or len({*known}) < len(known):
            yield f"tables.{self.name}: a level has some of the table's dimensions, in their order, and is there once"
        if any(level.reach < 1 or level.share <= 0 for level in self.levels):
            yield f"tables.{self.name}: a level's reach must be 1 or more, its share above 0"
        if sum(level.share for level in self.levels) >= 1:
            yield f"tables.{self.name}: the levels must leave a share to the cells"


EVERYONE = "all"  # the group, and the one part of it, of everyone in a sketch


@dataclass(frozen=True, slots=True)
class Sketch:
    """A declared sketch: people hashed into `buckets` counts; all of them, and those of each value of each attribute.

    `measure`: people, whose steps the noise is drawn in. `everyone`: the share of its budget that the sketch of all people
    gets; each attribute's have an equal part of the rest. `minimum`: people that a part must have to be shown, judged by its
    noisy sum, which must be `z` of its standard errors above. `max_tickets`: who has more in the period resells or
    books for a group, and is left out whole.
    """

    name: str
    fr: str
    en: str
    records: str
    measure: Measure
    attributes: tuple[Dimension, ...]
    buckets: int
    weight: int
    everyone: Fraction
    minimum: int
    z: Fraction
    max_tickets: int
    leaves_out: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Everyone, then each attribute: a person is in one part of each."""
        return EVERYONE, *(d.name for d in self.attributes)

    def parts(self, group: str) -> tuple[str, ...]:
        """Return the parts of a group, as releases name them: `all`, or `age_band:15-24` and so on."""
        own = (d for d in self.attributes if d.name == group)
        return next((tuple(f"{d.name}:{code}" for code in d.codes) for d in own), (EVERYONE,))

    def share(self, group: str) -> Fraction:
        """Return the share of the sketch's budget that a group gets."""
        if group == EVERYONE:
            return self.everyone if self.attributes else Fraction(1)
        return (1 - self.everyone) / len(self.attributes)

    def faults(self) -> Iterator[str]:
        """Say what a policy may not declare of it."""
        if (
            min(self.buckets, self.weight, self.minimum, self.max_tickets) < 1
            or self.z < 0
            or not 0 < self.everyone < 1
        ):
            yield f"sketches.{self.name}: buckets, weight, minimum and max_tickets must be 1 or more, z 0 or more, everyone a share"
        if self.buckets > 2**14:  # counts of two bytes, 32 KiB a part
            yield f"sketches.{self.name}: buckets must be 16384 at most"
        if self.records != "transactions" or not set(self.leaves_out) <= set(LEAVABLE):
            yield f"sketches.{self.name}: records must be transactions; leaves_out has some of {', '.join(LEAVABLE)}"
