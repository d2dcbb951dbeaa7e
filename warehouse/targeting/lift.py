"""Did a campaign show? Before and after of its segments in published figures, with interval and power.

Expected without it: the segment's people a year before, moved as the rest of the same table moved since (difference in
differences, in proportion). Noise and chance both count, so does what the year before had of them. Nothing is known of
who saw the campaign: whatever else happened to the segment alone is in the lift too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

from privacy.calendar import Period
from privacy.errors import Fault
from warehouse.definitions import Z95
from warehouse.reports.figures import Estimate, Writer
from warehouse.targeting.segments import Part, Segment, part_of
from warehouse.targeting.sight import Sight

POWER = 0.8
_SEEN = Z95 + NormalDist().inv_cdf(POWER)  # standard errors that an effect must have, to be seen so often


@dataclass(frozen=True, slots=True)
class Lift:
    """People more than expected. `least`: fewer than so many could not have been seen, 8 times in 10, at this budget."""

    segment: Segment
    period: str
    baseline: str
    people: Estimate
    expected: float
    least: float

    @property
    def seen(self) -> bool:
        """Whether the interval excludes none."""
        return self.people.low > 0 or self.people.high < 0

    def sentence(self, language: str) -> str:
        """Say it in "fr" or "en"; rounded away from what would sound better."""
        write, fr = Writer(language), language == "fr"
        low, high = write.number(math.floor(self.people.low)), write.number(math.ceil(self.people.high))
        least, label = write.number(math.ceil(self.least)), self.segment.label(language)
        percent = f"{write.number(math.ceil(100 * self.least / self.expected))}{write.percent_sign}"
        now, then = (Period.parse(p).label(language) for p in (self.period, self.baseline))
        if fr:
            change = "plus" if self.people.value > 0 else "moins"
            head = f"{label}, {now} face à {then} : entre {low} et {high} personnes par rapport à l’attendu"
            if self.seen:
                return f"{head} ; il en est venu {change} que prévu. La cause n’est pas prouvée."
            return f"{head} : on ne peut pas conclure. À ce budget de confidentialité, un effet sous {least} personnes ({percent}) n’aurait pas pu être vu."  # fmt: skip
        change = "more" if self.people.value > 0 else "fewer"
        head = f"{label}, {now} against {then}: between {low} and {high} people against what was expected"
        if self.seen:
            return f"{head}; {change} came than expected. The cause is not proved."
        return f"{head}: it cannot be told. At this privacy budget, an effect below {least} people ({percent}) could not have been seen."  # fmt: skip


def lift(sight: Sight, segment: Segment, period: str, baseline: str | None = None) -> Lift:
    """Return the lift of one segment at the member, in a period against the same a year before, or `baseline`.

    A Fault if one of the two is not published, the segment is not publishable there, or their kinds differ.
    """
    when = Period.parse(period)
    then = Period.parse(baseline) if baseline else replace(when, year=when.year - 1)
    if then.kind != when.kind:
        raise Fault(
            f"{when} and {then} are not as long: compare quarters with quarters, seasons with seasons.",
            f"{when} et {then} n’ont pas la même durée : comparez un trimestre à un trimestre, une saison à une saison.",
        )
    after, before = (_part(sight, segment, str(p)) for p in (when, then))
    (a, b), (c, d) = (_rest(after), _rest(before)), (after.people, before.people)
    ratio = a.value / b.value
    expected = d.value * ratio
    noise = math.hypot(
        _spread(c),
        ratio * _spread(d),
        expected * _spread(a) / a.value,
        expected * _spread(b) / b.value,
    )
    return Lift(segment, str(when), str(then), Estimate(c.value - expected, noise), expected, _SEEN * noise)


def measurable(segment: Segment) -> bool:
    """Whether its table counts who came in the period; one of all who are known moves with their history."""
    return segment.table.records != "base"


def least(part: Part) -> float:
    """Return how many people a campaign must bring to be seen 8 times in 10, if both periods are as this one was."""
    rest = _rest(part)
    return _SEEN * math.sqrt(2) * math.hypot(_spread(part.people), part.people.value * _spread(rest) / rest.value)


def _part(sight: Sight, segment: Segment, period: str) -> Part:
    if not measurable(segment):
        raise Fault(
            f"{segment.label('en')} is told of everyone known, not of who came: a campaign does not show there.",
            f"{segment.label('fr')} est dit de tout le public connu, non de qui est venu : une campagne ne s’y voit pas.",
        )
    sheet = sight.at(period)[sight.venue].get(segment.table.name)
    part = part_of(sheet, segment) if sheet else None
    if part is None or part.share.value >= 1:
        raise Fault(
            f"{segment.label('en')} is not publishable in {period}: its lift cannot be told.",
            f"{segment.label('fr')} n’est pas publiable pour {period} : son effet ne peut être mesuré.",
        )
    return part


def _rest(part: Part) -> Estimate:
    """Return the people of known answer who are not in the segment."""
    value = max(part.known.value - part.people.value, 1.0)
    return Estimate(value, math.hypot(part.known.se, part.people.se))


def _spread(people: Estimate) -> float:
    """Return the standard error of a number of people, chance included: who comes is a draw (Poisson)."""
    return math.hypot(people.se, math.sqrt(max(people.value, 0.0)))
