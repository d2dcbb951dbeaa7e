"""A venue's inbox: load every export that lies there, oldest first; one that fails does not stop the others."""

from __future__ import annotations

from dataclasses import dataclass

from aggregations.ingest import ingest
from aggregations.receipt import Receipt
from aggregations.venue import Venue
from privacy.errors import JaugeError


@dataclass(frozen=True, slots=True)
class Loaded:
    """One entry of the inbox (a file, or a folder of files that belong together) and what became of it."""

    name: str
    receipt: Receipt | None
    error: JaugeError | None


def load_inbox(venue: Venue) -> list[Loaded]:
    """Ingest all entries of the inbox by date of arrival; what was ingested before costs nothing."""
    # Corrections are a desk: what lies there is loaded when the steward says so, from a copy that stays (`corrections`).
    entries = [e for e in venue.inbox.iterdir() if not e.name.startswith(".")] if venue.inbox.is_dir() else []
    entries = [e for e in entries if e not in (venue.corrections, venue.mailings)]
    loaded: list[Loaded] = []
    for entry in sorted(entries, key=lambda e: (e.stat().st_mtime_ns, e.name)):
        try:
            loaded.append(Loaded(entry.name, ingest(venue, [entry]), None))
        except JaugeError as error:
            loaded.append(Loaded(entry.name, None, error))
    return loaded
