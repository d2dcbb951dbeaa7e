"""The sketches that a member may see, of one period and part: the only door by which they enter estimates.

Venues are compared under the season's key that the member has used; those that hold another, or published none, or too few
people for one, are told by name, so that nobody takes them for venues without a common audience.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from privacy.calendar import Period
from privacy.errors import Fault, GovernanceRefusal
from warehouse.charter import Member, departement_of
from warehouse.governance import Hub, governance
from warehouse.lake import open_lake
from warehouse.overlap.vectors import Vector, read_vectors
from warehouse.sharing import access


@dataclass(frozen=True, slots=True)
class Comparable:
    """What can be compared. `vectors`: by venue, `venue`'s own first; `without`: venues seen that have no such sketch."""

    venue: str
    period: str
    part: str
    vectors: Mapping[str, Vector]
    without: tuple[str, ...]
    members: Mapping[str, Member]

    @property
    def own(self) -> Vector:
        """The member's own sketch."""
        return self.vectors[self.venue]

    @property
    def others(self) -> tuple[Vector, ...]:
        """The other venues' sketches."""
        return tuple(v for name, v in self.vectors.items() if name != self.venue)

    def name(self, venue: str) -> str:
        """Return what a venue is called."""
        return self.members[venue].name if venue in self.members else venue

    def among(self, venues: Collection[str]) -> Sequence[Vector]:
        """Return the sketches of some venues; a Fault names those that have none to compare."""
        if left := sorted(set(venues) - self.vectors.keys()):
            raise Fault(
                f"No comparable sketch of {', '.join(left)} for {self.period}, part {self.part}.",
                f"Pas d’esquisse comparable de {', '.join(left)} pour {self.period}, partie {self.part}.",
            )
        return [self.vectors[v] for v in dict.fromkeys(venues)]


def comparable(
    hub: Hub, venue: str, today: date, *, period: str | None = None, part: str = "all", territory: str | None = None
) -> Comparable:
    """Return what a member can compare with its own; of its last season (else its last quarter) if no period is named.

    `territory`: the code of a département, of whose venues alone.

    Raises:
        GovernanceRefusal: it is no member.
        Fault: it has no sketch of the period and part.
    """
    agreed = governance(hub)
    if venue not in agreed.venues:
        raise GovernanceRefusal(
            f"{venue} is no member of this hub: sketches are compared with a member's own.",
            f"{venue} n’est pas membre de ce hub : les esquisses se comparent à celle d’un membre.",
        )
    sketches = {s.name for s in hub.policy.sketches}
    until = {s.venue: s.until for s in access(agreed, venue, today).shared if s.table in sketches}
    with open_lake(hub, read_only=True) as lake:
        of = str(Period.parse(period)) if period else _last(lake, venue)
        seen = [
            (r, v) for r, v, end in lake.execute(_RELEASES, [of]).fetchall()
            if v in until and end <= until[v] and (v == venue or territory in (None, departement_of(agreed.venues[v].commune)))
        ]  # fmt: skip
        found = {v.venue: v for v in read_sketches(lake, [r for r, _ in seen], part)}
    if venue not in found:
        raise Fault(
            f"{venue} has published no sketch of {of}, part {part}: it needs the cooperative's key (`jauge venue "
            "match-key`) and enough people.",
            f"{venue} n’a publié aucune esquisse de {of}, partie {part} : il y faut la clé de la coopérative (`jauge venue "
            "match-key`) et assez de public.",
        )
    own = found.pop(venue)
    alike = {v.venue: v for v in found.values() if v.key == own.key}
    without = tuple(sorted({v for _, v in seen} - alike.keys() - {venue}))
    return Comparable(venue, of, part, {venue: own} | alike, without, agreed.venues)


_RELEASES = "select release_id, venue, period_end from latest where period = $1 order by venue"


def read_sketches(lake: duckdb.DuckDBPyConnection, releases: Sequence[str], part: str) -> list[Vector]:
    """Return one part of the sketches of some releases, by period and venue."""
    held = "from sketches where part = $1 and list_contains($2, release_id)"
    return read_vectors(lake.execute(held, [part, releases]).pl())


def _last(lake: duckdb.DuckDBPyConnection, venue: str) -> str:
    rows = lake.execute(
        "select distinct latest.period from latest join sketches using (release_id) where latest.venue = $1",
        [venue],
    )
    periods = [p for (p,) in rows.fetchall()]
    if not periods:
        raise Fault(
            f"{venue} has published no sketch here: it needs the cooperative's key (`jauge venue match-key`).",
            f"{venue} n’a publié aucune esquisse ici : il y faut la clé de la coopérative (`jauge venue match-key`).",
        )
    return max([p for p in periods if Period.parse(p).kind == "season"] or periods)
