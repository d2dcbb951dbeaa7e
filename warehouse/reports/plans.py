"""Where to place a campaign: the venues that reach most people together, of everyone and of those of one age, loyalty or origin.

Of everyone, all venues in the order in which they add most. Of a part, two: beyond, noise leaves nothing to choose by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from privacy.declarations import Dimension, Sketch
from warehouse.overlap.held import read_sketches
from warehouse.overlap.planning import Placement, plan_reach
from warehouse.overlap.sentences import Teller
from warehouse.overlap.vectors import Vector
from warehouse.reports.cells import title
from warehouse.reports.sections import Grid
from warehouse.reports.words import Words
from warehouse.targeting.segments import word

_PLACEMENTS = 2
_NAMED = 3  # venues that the margin does not tell apart; of more, how many they are


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign for one part of the sketches: for those with a `code` of an `attribute`."""

    attribute: Dimension
    code: str
    steps: Sequence[Placement]


def plans_of(
    lake: duckdb.DuckDBPyConnection, sketches: Sequence[Sketch], releases: Sequence[str], crossed: Sequence[Vector]
) -> list[Plan]:
    """Return the plan of each part that two or more of the venues `crossed` have, under their key, in the policy's order."""
    found: list[Plan] = []
    venues = {v.venue: v.key for v in crossed}
    for attribute in (a for s in sketches for a in s.attributes):
        for code in (c for c in attribute.codes if c != "unknown"):
            held = read_sketches(lake, releases, f"{attribute.name}:{code}")
            vectors = [v for v in held if venues.get(v.venue) == v.key]
            if len(vectors) > 1:
                found.append(Plan(attribute, code, plan_reach(vectors, _PLACEMENTS)))
    return found


def plan_grid(plans: Sequence[Plan], words: Words, names: Mapping[str, str]) -> Grid | None:
    """Return the table of plans, a line a part: the first venue and its people, the next, and both together."""
    if not plans:
        return None
    teller = Teller(words.language)
    lines: list[tuple[str, tuple[str, ...]]] = []
    for plan in plans:
        first, then = plan.steps
        label = f"{title(plan.attribute, words.language)}{words.say('colon')}"
        cells = [(_chosen(step, words, names), _reach(step, words, teller)) for step in (first, then)]
        lines.append((label + word(plan.attribute, plan.code, words.language), (*cells[0], *cells[1])))
    return Grid(tuple(words.say(f"plan_{key}") for key in ("first", "reached", "then", "together")), tuple(lines))


def _chosen(step: Placement, words: Words, names: Mapping[str, str]) -> str:
    """Name the venue of a step, and those that the margin does not tell from it."""
    as_good = [names.get(v, v) for v in (step.venue, *step.close)]
    if len(as_good) > _NAMED:
        return words.say("plan_open", n=len(as_good))
    return words.say("plan_or").join(as_good)


def _reach(step: Placement, words: Words, teller: Teller) -> str:
    return teller.short(step.reach) if step.reach.tells else words.say("in_the_noise")
