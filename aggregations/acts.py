"""What a venue removed, or took out to write to, and when: how many were asked for and found, never who. One JSON object a line.

An erasure is two lines: what was removed, then what the search of everything found. Retention states the days before which
nobody's records are held any more; later exports are held to them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from aggregations.disk import write_whole
from aggregations.venue import Venue
from privacy.errors import Fault

Kind = Literal["erasure", "objection", "retention", "search", "mailing"]
RIGHTS: tuple[Kind, ...] = ("erasure", "objection")


@dataclass(frozen=True, slots=True)
class Act:
    """One line. Counts are exact, so it stays on the venue's disk."""

    kind: Kind
    at: str  # "2026-11-22T03:00:00+00:00"
    asked: int = 0  # contacts that were given
    found: int = 0  # of those, how many records or raw exports knew; of a match, addresses written
    exports: int = 0  # raw exports that left the inbox
    searched: int = 0  # files
    left: int = 0  # of those, files that still hold one of them, or could not be opened
    people: str = ""  # nobody is held who was last seen before this day
    audience: str = ""  # no measure of the site's audience is held that is older than this day


def acts(venue: Venue) -> list[Act]:
    """Read them in the order they were done; a damaged file is a Fault."""
    try:
        return [Act(**json.loads(line)) for line in venue.acts.read_text("utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        raise Fault(
            "acts.jsonl is damaged; restore it from your backup: it is the record of what was removed.",
            "acts.jsonl est abîmé ; restaurez-le depuis la sauvegarde : c’est la trace de ce qui a été effacé.",
        ) from None


def record(venue: Venue, kind: Kind, **counts: int | str) -> Act:
    """Add one act, done now. Under the store's lock."""
    act = Act(kind, datetime.now(UTC).isoformat(timespec="seconds"), **counts)  # pyright: ignore[reportArgumentType]
    lines = [{k: v for k, v in asdict(a).items() if v != ""} for a in [*acts(venue), act]]
    write_whole(venue.acts, "".join(json.dumps(line) + "\n" for line in lines))
    return act
