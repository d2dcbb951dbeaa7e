"""Segments where the network's audience is strong and a venue's is weak, sure enough to be told, as sentences.

Every segment that can be compared is tested, and those are kept that the control of false discoveries keeps
(`discovery`); nothing is chosen before. They are told in the order of what they would surely bring.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from privacy.calendar import Period
from warehouse.charter import Member, departement_of
from warehouse.reports.figures import Estimate, Writer, place_of
from warehouse.targeting.discovery import RATE, below, discoveries
from warehouse.targeting.segments import Part, Segment, index, part_of, pooled, segments
from warehouse.targeting.sight import Sheets, Sight

PEER_SIZE = 3.0  # a peer has the same kind, and at least a third and at most three times the audience


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A segment to look at, with its numbers.

    `share`, `network`: 0 to 1. `index`, `peers`: 100 is the same; `peers` is None where none of the `peer_venues` shows it.
    `volume`: people a period more, had the venue the network's share at its present size. `tested`: how many segments
    were compared. Intervals are of 95 % each; `p_value` is what the selection was made by.
    """

    segment: Segment
    venues: int
    share: Estimate
    network: Estimate
    index: Estimate
    peers: Estimate | None
    peer_venues: int
    volume: Estimate
    p_value: float
    tested: int
    period: str

    def sentence(self, language: str) -> str:
        """Say it in "fr" or "en": whole numbers, rounded away from what would sound better."""
        write, fr = Writer(language), language == "fr"
        low, high = _apart(self.index)
        least, most = _people(self.volume, write)
        label, when = self.segment.label(language), Period.parse(self.period).label(language)
        mine, theirs = write.percent(self.share), write.percent(self.network)
        if fr:
            text = f"{label} : {mine} de votre public, {theirs} dans le réseau ({self.venues} lieux, {when}) ; indice entre {low} et {high}."  # fmt: skip
            return f"{text} À la part du réseau, entre {least} et {most} personnes de plus. {self._peers(language)}"
        text = f"{label}: {mine} of your audience, {theirs} in the network ({self.venues} venues, {when}); index between {low} and {high}."  # fmt: skip
        return f"{text} At the network’s share, between {least} and {most} more people. {self._peers(language)}"

    def _peers(self, language: str) -> str:
        fr = language == "fr"
        if self.peers is None:
            return "Aucun lieu de même genre et de taille proche ne le montre." if fr else "No venue of its kind and about its size shows it."  # fmt: skip
        low, high = _apart(self.peers)
        n = self.peer_venues
        told = f"({n} : indice entre {low} et {high})" if fr else f"({n}: index between {low} and {high})"
        if self.peers.high < 100:
            return f"Faible aussi face aux lieux comparables {told}." if fr else f"Weak against comparable venues too {told}."  # fmt: skip
        if self.peers.low > 100:
            return f"Fort face aux lieux comparables {told}." if fr else f"Strong against comparable venues {told}."
        return f"Face aux lieux comparables, la marge ne permet pas de conclure {told}." if fr else f"Against comparable venues the margin does not tell {told}."  # fmt: skip


def suggest(sight: Sight, period: str | None = None, family: str | None = None, rate: float = RATE) -> list[Suggestion]:
    """Return what stands out at the member, the surest volume first; none where nothing does.

    `family`: within a genre. Départements are compared among venues of the same one: elsewhere it is geography, not taste.
    """
    when = period or sight.latest()
    sheets = sight.at(when)
    peers = _peers_of(sight, sheets)
    found = list[Suggestion]()
    for segment in segments(sight.policy.tables, family):
        parts = _parts(sight, sheets, segment)
        if "departement" in segment.codes:
            own = sight.members[sight.venue].commune
            parts = {v: p for v, p in parts.items() if departement_of(sight.members[v].commune) == departement_of(own)}
        mine = parts.get(sight.venue)
        if mine is None or len(parts) < 2:
            continue
        network, against = pooled(parts), index(parts, sight.venue)
        near = {v: p for v, p in parts.items() if v in peers or v == sight.venue}
        gain = mine.known.value * network.value / 100
        volume = gain * (100 - against.value)
        own_error = math.hypot(gain * against.se, volume * mine.known.se / mine.known.value)
        share = Estimate(mine.share.value, math.hypot(mine.share.se, math.sqrt(mine.chance(mine.share.value))))
        found.append(
            Suggestion(segment, len(parts), share, network, against, index(near, sight.venue) if len(near) > 1 else None,
                len(near) - 1,
                       Estimate(volume, own_error), below(against, 100), 0, when)
        )  # fmt: skip
    kept = [s for i in discoveries([s.p_value for s in found], rate) if (s := found[i]).index.high < 100]
    told = [replace(s, tested=len(found)) for s in kept]
    return sorted(told, key=lambda s: (-s.volume.low, s.segment.label("en")))


def _parts(sight: Sight, sheets: Sheets, segment: Segment) -> Mapping[str, Part]:
    """Return what each venue tells; what others hide counts as nobody, so that nothing is suggested for being hidden."""
    name, me = segment.table.name, sight.venue
    own = {v: part_of(s[name], segment, hidden=v != me) for v, s in sheets.items() if name in s}
    return {v: p for v, p in own.items() if p is not None}


def _peers_of(sight: Sight, sheets: Sheets) -> set[str]:
    me: Member = sight.members[sight.venue]
    size = _size(sheets, sight.venue)
    if not size:
        return set()
    sizes = {v: _size(sheets, v) for v in sheets if v != me.id and v in sight.members and sight.members[v].kind == me.kind}  # fmt: skip
    return {v for v, n in sizes.items() if n and size / PEER_SIZE <= n <= size * PEER_SIZE}


def _size(sheets: Sheets, venue: str) -> float | None:
    """Return a venue's people in the period, as its first table of people who came tells."""
    totals = (s.people for s in sheets[venue].values() if s.table.records == "transactions")
    return next((t.value for t in totals if t and t.value > 0), None)


def _apart(estimate: Estimate) -> tuple[int, int]:
    """Write an interval in whole numbers, no narrower than it is."""
    return max(math.floor(estimate.low), 0), math.ceil(estimate.high)


def _people(estimate: Estimate, write: Writer) -> tuple[str, str]:
    step = 10 ** max(place_of(estimate.margin), 0)
    low, high = (f(end / step) * step for f, end in ((math.floor, estimate.low), (math.ceil, estimate.high)))
    return write.number(max(low, 0)), write.number(max(high, 0))
