"""Us against venues of our size: each share as an index, 100 being the group's, and which of them are not noise.

The group: venues that have at least a third and at most three times the audience of ours, whatever their kind, and ours.
What another venue does not publish could be anything: something is told to be above the group's only against those that show
it, and below only if it still is with nobody in what is hidden. Of all comparisons made, at most one in ten that are told
is false, on average (`targeting.discovery`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from privacy.declarations import Table
from warehouse.reports.cells import Sheet
from warehouse.reports.figures import Estimate
from warehouse.reports.sections import Grid
from warehouse.reports.words import Words
from warehouse.targeting.discovery import below, discoveries
from warehouse.targeting.segments import Part, Segment, index, part_of, pooled, segments
from warehouse.targeting.suggestions import PEER_SIZE

_TOLD = 6
Sheets = Mapping[str, Mapping[str, Sheet]]  # venue → table → sheet, of one period


@dataclass(frozen=True, slots=True)
class Compared:
    """A segment at one venue and in the group; `side`: +1 surely above, -1 surely below, 0 not to be told."""

    segment: Segment
    share: Estimate
    group: Estimate
    index: Estimate
    side: int


def audience(tables: Mapping[str, Sheet]) -> float:
    """Return a venue's people, as its first table of people who came tells; 0 where none does."""
    totals = (s.people for s in tables.values() if s.table.records == "transactions")
    return next((t.value for t in totals if t and t.value > 0), 0.0)


def peers(sheets: Sheets, venue: str) -> list[str]:
    """Return the venues of its size, itself left out."""
    size = audience(sheets.get(venue, {}))
    sizes = {v: audience(tables) for v, tables in sheets.items() if v != venue}
    return [v for v, n in sizes.items() if size and n and size / PEER_SIZE <= n <= PEER_SIZE * size]


def compare(sheets: Sheets, venue: str, tables: tuple[Table, ...]) -> list[Compared]:
    """Return a venue's shares beside those of the group of its size, in the policy's order; none without a group."""
    group = [*peers(sheets, venue), venue]
    found: list[tuple[Segment, Part, Estimate, Estimate, float, int]] = []
    for segment in segments(tables) if len(group) > 1 else ():
        name = segment.table.name
        if segment.given is not None or "departement" in segment.codes or name not in sheets[venue]:
            continue
        given = {v: sheets[v][name] for v in group if name in sheets[v]}
        shown = {v: p for v, sheet in given.items() if (p := part_of(sheet, segment))}
        if venue not in shown or len(shown) < 2:
            continue
        least = shown | {v: p for v, s in given.items() if v not in shown and (p := part_of(s, segment, hidden=True))}
        seen = index(shown, venue)
        above, under = 1 - below(seen, 100), max(below(index(least, venue), 100), below(seen, 100))
        found.append(
            (segment, shown[venue], pooled(shown), seen, 2 * min(above, under), 1 if above < under else -1),
        )
    kept = set(discoveries([p for *_, p, _ in found]))
    compared: list[Compared] = []
    for place, (segment, part, overall, seen, _, side) in enumerate(found):
        clear = place in kept and (seen.low > 100 if side > 0 else seen.high < 100)
        compared.append(Compared(segment, part.share, overall, seen, side if clear else 0))
    return compared


def index_grid(found: list[Compared], words: Words) -> Grid:
    """Return the table of indices."""
    heads = tuple(words.say(key) for key in ("ours", "of_the_group", "index", "index_told"))
    told = {1: words.say("index_above"), -1: words.say("index_below"), 0: words.say("index_open")}
    lines = [
        (
            c.segment.label(words.language),
            (
                words.writer.percent(c.share),
                words.writer.percent(c.group),
                words.writer.interval(c.index.low, c.index.high),
                told[c.side],
            ),
        )
        for c in found
    ]
    return Grid(heads, tuple(lines))


def tell_index(found: list[Compared], group: int, words: Words) -> list[Markup]:
    """Return a sentence for each of the clearest differences, or one that says there is none."""
    clear = sorted((c for c in found if c.side), key=lambda c: -abs(math.log(max(c.index.value, 1) / 100)))
    if not clear:
        return [words.tell("s_index_none", group=group)]
    return [
        words.tell(
            "s_index_above" if c.side > 0 else "s_index_below",
            label=c.segment.label(words.language), share=words.writer.percent(c.share),
            low=math.floor(max(c.index.low, 0)), high=math.ceil(c.index.high),
        )
        for c in clear[:_TOLD]
    ]  # fmt: skip
