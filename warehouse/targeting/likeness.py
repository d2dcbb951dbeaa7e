"""Venues whose audience is like a venue's: the Hellinger distance of their profiles, with its uncertainty.

H² = ½ Σ (√p - √q)², from 0 (the same shares) to 1 (no code in common). Noise alone makes it larger than it is, by ½ Σ of the
variances of √p and √q, that is σ² / 4p each: so much is taken off, and where nothing certain is left, the two cannot be told
apart. Profiles are compared dimension by dimension, over the codes that both show and all others together; the mean of H²
is taken. Released figures only: nothing here says that two venues share people.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.definitions import Z95
from warehouse.reports.figures import Estimate
from warehouse.targeting.segments import Part, part_of, segments
from warehouse.targeting.sight import Sight


@dataclass(frozen=True, slots=True)
class Likeness:
    """A venue, its distance (0 to 1) with the 95 % interval, and how many dimensions it rests on."""

    venue: str
    name: str
    distance: float
    low: float
    high: float
    dimensions: int

    @property
    def told_apart(self) -> bool:
        """Whether the two profiles surely differ."""
        return self.low > 0

    def sentence(self, language: str) -> str:
        """Say it in "fr" or "en"."""
        low, high = math.floor(100 * self.low), math.ceil(100 * self.high)
        if language == "fr":
            told = "profil distinct" if self.told_apart else "profil que la marge ne distingue pas du vôtre"
            return f"{self.name} : {told}, distance entre {low} et {high} sur 100 ({self.dimensions} dimensions)."
        told = "a different profile" if self.told_apart else "a profile that the margin does not tell from yours"
        return f"{self.name}: {told}, distance between {low} and {high} of 100 ({self.dimensions} dimensions)."


def alike(sight: Sight, period: str | None = None) -> list[Likeness]:
    """Return the other venues whose figures the member may see, the most alike first."""
    sheets = sight.at(period or sight.latest())
    own = [s for s in segments(sight.policy.tables) if s.given is None and "departement" not in s.codes]
    codes = Counter(s.table.names[s.dimension] for s in own)
    profiles: dict[str, dict[str, dict[str, Part]]] = {}
    for venue, tables in sheets.items():
        for segment in own:
            part = part_of(tables[segment.table.name], segment) if segment.table.name in tables else None
            if part is not None:
                name = segment.table.names[segment.dimension]
                profiles.setdefault(venue, {}).setdefault(name, {})[segment.code] = part
    mine = profiles.get(sight.venue, {})
    found = list[Likeness]()
    for venue, profile in profiles.items():
        squares = [squared(mine[name], profile[name], codes[name]) for name in mine if name in profile]
        if venue == sight.venue or not squares:
            continue
        n = len(squares)
        mean = sum(s.value for s in squares) / n
        margin = Z95 * math.hypot(*(s.se for s in squares)) / n
        low, value, high = (math.sqrt(max(v, 0.0)) for v in (mean - margin, mean, mean + margin))
        found.append(Likeness(venue, sight.members[venue].name, value, low, high, n))
    return sorted(found, key=lambda x: (x.distance, x.high, x.venue))


def squared(p: Mapping[str, Part], q: Mapping[str, Part], codes: int) -> Estimate:
    """Return H² of two profiles (code → part), its bias by noise and chance taken off.

    `codes`: how many there are; those not shown by both are one code more.
    """
    shared = sorted(p.keys() & q.keys())
    pairs = [(_share(p[c]), _share(q[c])) for c in shared]
    if len(shared) < codes:
        pairs.append((_rest([a for a, _ in pairs]), _rest([b for _, b in pairs])))
    value = variance = 0.0
    for a, b in pairs:
        x, y = max(a.value, a.se), max(b.value, b.se)  # below its error a share's root has no slope to go by
        noise = a.se**2 / (4 * x) + b.se**2 / (4 * y)  # variance of √x - √y
        apart = math.sqrt(x) - math.sqrt(y)
        value += (apart**2 - noise) / 2
        variance += apart**2 * noise + noise**2 / 2
    return Estimate(value, math.sqrt(variance))


def _share(part: Part) -> Estimate:
    return Estimate(part.share.value, math.hypot(part.share.se, math.sqrt(part.chance(part.share.value))))


def _rest(shares: list[Estimate]) -> Estimate:
    """Return the share of all other codes: of a sum of shares, the error is at most that of its parts in squares."""
    return Estimate(max(1 - sum(s.value for s in shares), 0.0), math.hypot(0.0, *(s.se for s in shares)))
