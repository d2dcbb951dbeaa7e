"""What became of one export: counts, reasons and line numbers. It stays on the venue's disk.

Row counts are exact, so a receipt is never published and no part of it enters a release.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from aggregations.tally import Unknown
from privacy.errors import Fault


@dataclass(frozen=True, slots=True)
class Receipt:
    """One ingested export; `already` says that it had been ingested before and nothing was done."""

    id: str
    seq: int  # order of ingestion at this venue, from 1
    preset: str
    files: tuple[str, ...]  # names in the inbox
    rows_read: int
    rows_kept: int
    quarantined: dict[str, int]  # "column: reason" -> rows
    dropped: dict[str, int]  # reason -> rows
    frames: dict[str, int]  # canonical frame -> rows
    unknown: tuple[Unknown, ...]
    already: bool = False

    @property
    def rows_quarantined(self) -> int:
        """Rows refused, all reasons together."""
        return sum(self.quarantined.values())

    def json(self) -> str:
        """Write it as JSON, without `already`."""
        content = asdict(self)
        del content["already"]
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def read_receipt(folder: Path, *, already: bool = False) -> Receipt:
    """Read `receipt.json` of one ingested export; a Fault when it is damaged."""
    try:
        raw = json.loads((folder / "receipt.json").read_text("utf-8"))
        raw["files"], raw["unknown"] = tuple(raw["files"]), tuple(Unknown(**u) for u in raw["unknown"])
        return Receipt(**raw, already=already)
    except (OSError, ValueError, TypeError, KeyError):
        raise Fault(
            f"store/{folder.name}/receipt.json is damaged; remove that folder and ingest the export again.",
            f"store/{folder.name}/receipt.json est abîmé ; supprimez ce dossier et ingérez à nouveau l’export.",
        ) from None


def receipts(store: Path) -> list[Receipt]:
    """Return the receipts of a venue's store in the order of ingestion."""
    folders = [f for f in store.iterdir() if f.is_dir() and not f.name.startswith(".")] if store.is_dir() else []
    return sorted((read_receipt(folder) for folder in folders), key=lambda receipt: receipt.seq)
