"""Where to place a campaign so that it reaches the most people once.

Greedy: the candidate that adds most to what is chosen, again and again. Reach is a coverage function (each new candidate
adds less, the more is chosen), so on exact figures the greedy set reaches at least 1 - 1/e (63 %) of the best set of that
size (Nemhauser, Wolsey and Fisher 1978), and mostly nearly all of it. On noisy figures, where each choice may be off by e
people, it reaches at least that share less 2 k e people for k placements.

What a candidate adds to three or more is hardly known (`attendance`), and choosing the largest of many uncertain figures
chooses the luckiest. So candidates are compared by what overlaps of two leave open: between |C| - Σ |C ∩ each chosen| and
|C| less their mean, the middle. Each step is then told with the interval of what it adds and of all it reaches, and with
the candidates that noise does not tell from it. These intervals do not know that the step was chosen: they are a little
high for a close choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from privacy.errors import Fault
from warehouse.definitions import Z95
from warehouse.overlap.estimates import Estimate, audience, new_reach, overlap, union
from warehouse.overlap.vectors import Vector


@dataclass(frozen=True, slots=True)
class Placement:
    """One step of a plan: `reach` with all steps so far, `adds` of this one; `close`: others as good, given the noise."""

    venue: str
    adds: Estimate
    reach: Estimate
    close: tuple[str, ...]


def plan_reach(candidates: Sequence[Vector], placements: int) -> list[Placement]:
    """Return up to `placements` candidates in the order in which they add reach; a Fault if there are none to choose from.

    Candidates are vectors of one key: venues, media, newsletters, or one segment of each.
    """
    if placements < 1 or not candidates:
        raise Fault(
            "A plan needs at least one placement and one candidate with a sketch.",
            "Un plan demande au moins un placement et un candidat qui ait une esquisse.",
        )
    sizes = [audience(v) for v in candidates]
    common: dict[tuple[int, int], Estimate] = {}

    def adds(one: int, chosen: list[int]) -> tuple[float, float]:
        """Return what pairs say that a candidate adds, the middle of what they leave open, and its standard error."""
        size = sizes[one]
        pairs = [(min(one, c), max(one, c)) for c in chosen]
        for a, b in pairs:
            if (a, b) not in common:
                common[a, b] = overlap([candidates[a], candidates[b]])
        if not pairs:
            return size.value, size.se
        shared = sum(common[p].value for p in pairs)
        weight = (1 + 1 / len(pairs)) / 2
        se = sqrt(size.se**2 + weight**2 * sum(common[p].se ** 2 for p in pairs))
        return (max(size.value - shared, 0.0) + size.value - shared / len(pairs)) / 2, se

    chosen: list[int] = []
    steps: list[Placement] = []
    while len(steps) < min(placements, len(candidates)):
        score = {i: adds(i, chosen) for i in range(len(candidates)) if i not in chosen}
        first = max(score, key=lambda i: score[i][0])
        best, error = score.pop(first)
        close = tuple(candidates[i].venue for i, (v, se) in score.items() if v + Z95 * hypot(se, error) >= best)
        brings = new_reach(candidates[first], [candidates[c] for c in chosen])
        chosen.append(first)
        reach = union([candidates[c] for c in chosen])
        steps.append(Placement(candidates[first].venue, brings, reach, close))
    return steps
