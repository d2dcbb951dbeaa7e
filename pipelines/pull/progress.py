"""Where a source stands, in `pull/<source>.json` of the venue's folder: no secret, no row.

`since` moves only when what was fetched is in the store; the rest says how far a pull has come, so that one that was
killed goes on where it was. Its pages wait in `inbox/.pull-<source>/`, which nothing else reads or sweeps.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aggregations.reception import sync
from pipelines.pull.sources import Source
from pipelines.pull.systems import Place, Record

_OVER = timedelta(hours=2)  # after midnight, a day is over: for visits that end, and for a site on another clock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source has been pulled, and how far this pull has come."""

    declared: dict[str, str]  # the source as it was; declared otherwise, it is another
    since: str | None = None  # ISO time: all that changed before is in the store
    until: str | None = None  # what `since` will be
    done: tuple[str, ...] = ()  # lists read to their end
    at: str = ""  # the list being read
    place: Place = field(default_factory=dict[str, Any])  # its next page
    pages: int = 0  # kept so far
    export: str = ""  # all is here: the folder of the inbox it is ingested from


class Pull:
    """One source's progress and pages, on disk."""

    def __init__(self, source: Source) -> None:
        self.source = source
        inbox = source.venue.inbox
        self._file = source.venue.folder / "pull" / f"{source.name}.json"
        self.part = inbox / f".pull-{source.name}"
        first = source.first
        self._declared = {"system": source.venue.pull[source.name]["system"], **source.fields}
        self.progress = self._read() or Progress(self._declared, since=first.isoformat() if first else None)
        if not self._whole():
            self.begin()

    @property
    def export(self) -> Path:
        """Where the pull's files go once all are there."""
        return self.source.venue.inbox / self.progress.export

    @property
    def since(self) -> datetime | None:
        """What the last pull came to."""
        return datetime.fromisoformat(self.progress.since) if self.progress.since else None

    @property
    def days(self) -> Sequence[str]:
        """Days since the last pull that were over when this one began, in the venue's time."""
        if self.since is None or self.progress.until is None:
            return ()
        zone = ZoneInfo(self.source.venue.timezone)
        first = self.since.astimezone(zone).date()
        last = datetime.fromisoformat(self.progress.until).astimezone(zone).date()
        return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days)]

    def records(self, listing: str) -> Iterator[Record]:
        """Records of the pages kept of a list."""
        for page in sorted(self.part.glob(f"{listing}-*.json")):
            yield from json.loads(page.read_bytes())

    def keep(self, listing: str, records: Sequence[Record]) -> int:
        """Have the disk hold a page; return the number of those kept. Twice the same page is one."""
        if not records:
            return self.progress.pages
        page = self.part / f"{listing}-{self.progress.pages + 1:05}.json"
        _write(page, json.dumps(records, ensure_ascii=False))
        return self.progress.pages + 1

    def note(self, **changes: Any) -> None:
        """Have the disk hold what changed in the progress."""
        self.progress = replace(self.progress, **changes)
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        _write(self._file, json.dumps(asdict(self.progress)))

    def begin(self) -> None:
        """Forget the pages of a pull that did not come to its end."""
        if self.part.exists():
            shutil.rmtree(self.part)
        self.part.mkdir(mode=0o700, parents=True)
        until = None
        if self.source.system.by_day:
            now = datetime.now(ZoneInfo(self.source.venue.timezone)) - _OVER
            until = now.replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
        self.note(until=until, done=(), at="", place={}, pages=0, export="")

    def new_name(self) -> str:
        """Name the export by its source and time; no other of the inbox is so named."""
        until = datetime.fromisoformat(self.progress.until or "").astimezone(UTC)
        name = f"{self.source.name}-{until:%Y%m%dT%H%M%S}"
        names = (name, *(f"{name}-{n}" for n in range(2, 1000)))
        return next(n for n in names if not (self.source.venue.inbox / n).exists())

    def end(self) -> None:
        """Move the cursor: what was fetched is in the store."""
        until = self.progress.until
        if self.since is None or (until and datetime.fromisoformat(until) > self.since):
            self.progress = replace(self.progress, since=until)
        self.note(until=None, done=(), at="", place={}, pages=0, export="")
        if self.part.exists():
            shutil.rmtree(self.part)

    def place_in_inbox(self) -> None:
        """Have the export appear in the inbox, whole, in one rename."""
        if self.part.exists():
            sync(self.part)
            self.part.rename(self.export)
            sync(self.source.venue.inbox)

    def _read(self) -> Progress | None:
        try:
            raw = json.loads(self._file.read_bytes())
            progress = Progress(**raw | {"done": tuple(raw["done"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            file = f"pull/{self._file.name}"
            raise self.source.fault(
                f"{file} is damaged. Remove it: the next pull reads everything again, which changes nothing that is stored.",
                f"{file} est abîmé. Supprimez-le : la prochaine collecte relit tout, sans changer ce qui est gardé.",
            ) from None
        return progress if progress.declared == self._declared else None

    def _whole(self) -> bool:
        """Tell whether what the progress says is there: a folder may have been removed by hand, or the pull be new."""
        if self.progress.export:
            return self.export.exists() or self.part.exists()
        kept = len(list(self.part.glob("*-*.json"))) if self.part.exists() else -1
        return self._file.exists() and kept >= self.progress.pages > 0


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".part-{path.name}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    sync(part)
    part.replace(path)
    sync(path.parent)
