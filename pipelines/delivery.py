"""What leaves a venue and may: from its outbox to the hub."""

from __future__ import annotations

from pathlib import Path

from aggregations.departures import outgoing
from aggregations.venue import Venue
from privacy.release import deliver


def deliver_all(venue: Venue, inbox: Path, release_id: str) -> bool:
    """Deliver what concerns a release and may leave; False if nothing may."""
    leaving = [path for path in outgoing(venue) if path.name.startswith(release_id)]
    for path in leaving:
        deliver(path, inbox)
    return bool(leaving)
