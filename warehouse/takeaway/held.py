"""What a member takes away, read once from one state of the lake: the only door by which figures enter its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from privacy.calendar import Period
from warehouse.governance import Hub
from warehouse.lake import Snapshot, current, open_lake
from warehouse.reports.cells import Sheet
from warehouse.reports.issues import Issue, read_issues
from warehouse.targeting.sight import Sheets, Sight, see


@dataclass(frozen=True, slots=True)
class Held:
    """A member's own releases by period, and the sheets of all venues that it may see in the one it takes away."""

    venue: str
    name: str
    period: str
    snapshot: Snapshot
    own: Mapping[str, Issue]
    seen: Sheets
    names: Mapping[str, str]  # of the venues seen

    @property
    def issue(self) -> Issue:
        """The member's own release of the period."""
        return self.own[self.period]

    @property
    def moved(self) -> tuple[Issue, Issue] | None:
        """Two releases to compare: that of the period and the one before; None if there is none before."""
        before = before_of(self.period, self.own)
        return (before, self.issue) if before else None

    def at(self, period: str) -> Held:
        """Return the same, of another of its own periods; what other venues show is left behind."""
        return replace(self, period=period, seen={self.venue: self.own[period].sheets})


def hold(hub: Hub, venue: str, today: date, period: str | None = None) -> Held:
    """Return what a member takes away of a period, by default its last season (else its last quarter).

    A GovernanceRefusal if it is no member; a Fault if it has published nothing of the period.
    """
    with open_lake(hub, read_only=True) as lake:
        at = current(lake)
    sight = see(hub, venue, today, at.id, ("person", "admission"))
    of = str(Period.parse(period or sight.latest()))
    seen = sight.at(of)
    with open_lake(hub, read_only=True, snapshot=at.id) as lake:
        issues = [i for i in read_issues(lake) if i.venue == venue]
    own = {i.period: replace(i, sheets=sheets) for i in issues if (sheets := _own(sight, i.period))}
    names = {v: sight.members[v].name for v in seen if v in sight.members}
    first = {venue: seen[venue]} | {v: seen[v] for v in sorted(seen)}
    return Held(venue, names[venue], of, at, own, first, names)


def before_of(period: str, own: Mapping[str, Issue]) -> Issue | None:
    """Return the release that a period is compared with: a year before, else, of a quarter, the quarter just before."""
    one = Period.parse(period)
    candidates = [Period(one.year - 1, one.quarter)]
    if one.quarter:
        candidates.append(Period(one.year, one.quarter - 1) if one.quarter > 1 else Period(one.year - 1, 4))
    return next((own[str(p)] for p in candidates if str(p) in own), None)


def latest_moved(held: Held) -> str:
    """Return the last of a member's periods that has one before it, else the period it takes away."""
    compared = [p for p in held.own if before_of(p, held.own)]
    return max(compared, key=lambda p: (Period.parse(p).end, Period.parse(p).kind), default=held.period)


def _own(sight: Sight, period: str) -> Mapping[str, Sheet]:
    return sight.periods.get(period, {}).get(sight.venue, {})
