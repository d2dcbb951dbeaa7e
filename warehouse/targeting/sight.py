"""What one member may see on a day, as sheets: the only door by which figures enter suggestions, briefs and lift."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.errors import Fault, GovernanceRefusal
from privacy.policy import Policy
from warehouse.charter import Member
from warehouse.governance import Hub, governance
from warehouse.lake import open_lake
from warehouse.reports.cells import Sheet, read_sheets
from warehouse.sharing import access

Sheets = Mapping[str, Mapping[str, Sheet]]  # venue → table → sheet, of one period


@dataclass(frozen=True, slots=True)
class Sight:
    """All sheets that member `venue` may see, by period; `members` tells kinds and communes, which are public."""

    venue: str
    members: Mapping[str, Member]
    policy: Policy
    periods: Mapping[str, Sheets]

    def latest(self, kind: str = "season") -> str:
        """Return the last period of its own that has sheets: of this kind, else of any; a Fault if it has none."""
        own = [p for p, sheets in self.periods.items() if sheets.get(self.venue)]
        if not own:
            raise Fault(
                f"{self.venue} has published nothing here yet: there is nothing of its own to compare.",
                f"{self.venue} n’a encore rien publié ici : il n’a rien à comparer.",
            )
        return max([p for p in own if Period.parse(p).kind == kind] or own)

    def at(self, period: str) -> Sheets:
        """Return the sheets of a period; a Fault if the member has none of its own there."""
        sheets = self.periods.get(str(Period.parse(period)), {})
        if not sheets.get(self.venue):
            raise Fault(
                f"{self.venue} has published nothing of {period} here.",
                f"{self.venue} n’a rien publié ici pour {period}.",
            )
        return sheets


def see(hub: Hub, venue: str, today: date, snapshot: int | None = None, units: Collection[Unit] = ("person",)) -> Sight:
    """Return what a member may see of the tables that count `units`; a GovernanceRefusal of anyone else."""
    agreed = governance(hub)
    if venue not in agreed.venues:
        raise GovernanceRefusal(
            f"{venue} is no member of this hub: what is compared here is a member's own audience with others'.",
            f"{venue} n’est pas membre de ce hub : on compare ici le public d’un membre à celui des autres.",
        )
    seen = access(agreed, venue, today)
    until = {(s.venue, s.table): s.until for s in seen.shared}
    tables = tuple(t for t in hub.policy.tables if t.unit in units and t.name in {s.table for s in seen.shared})
    with open_lake(hub, read_only=True, snapshot=snapshot) as lake:
        sheets = read_sheets(lake, tables)
        rows = lake.execute(
            "select release_id, venue, period, period_end from latest order by period, venue"
        ).fetchall()
    periods: dict[str, dict[str, dict[str, Sheet]]] = {}
    for release, of, period, end in rows:
        for table, sheet in sheets.get(release, {}).items():
            if (of, table) in until and end <= until[of, table]:
                periods.setdefault(period, {}).setdefault(of, {})[table] = sheet
    return Sight(venue, agreed.venues, hub.policy, periods)
