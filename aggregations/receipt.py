"""What became of one export: counts, reasons and line numbers. It stays on the venue's disk.

Row counts are exact, so a receipt is never published and no part of it enters a release.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from aggregations.disk import write_whole
from aggregations.tally import Unknown
from privacy.errors import Fault


@dataclass(frozen=True, slots=True)
class Receipt:
    """One ingested export; `already` says that it had been ingested before and nothing was done."""

    id: str
    seq: int  # order of ingestion at this venue, from 1
    written: int  # when the newest of its files was last written: ns since 1970
    loaded: int  # when: ns since 1970
    preset: str
    files: tuple[str, ...]  # names in the inbox
    rows_read: int
    rows_kept: int
    quarantined: dict[str, int]  # "column: reason" -> rows
    dropped: dict[str, int]  # reason -> rows
    frames: dict[str, int]  # canonical frame -> rows written, new or changed; after a removal, those that are left
    replaced: dict[str, int]  # canonical frame -> rows of other exports that they replace
    months: dict[str, list[str]]  # canonical frame -> local months, "2025-10", of both
    unknown: tuple[Unknown, ...]
    corrects: str = ""  # first digits of the export whose refused rows it corrects (`corrections`)
    in_inbox: bool = True  # its files may be there; no longer once it held someone forgotten, or after `raw_days`
    removals: int = 0  # times that rows which held were taken out because someone was forgotten
    already: bool = False

    @property
    def day(self) -> date:
        """The day it was loaded, UTC."""
        return datetime.fromtimestamp(self.loaded // 10**9, UTC).date()

    @property
    def rows_quarantined(self) -> int:
        """Rows refused, all reasons together."""
        return sum(self.quarantined.values())

    @property
    def rows_changed(self) -> int:
        """Rows kept that the venue did not hold, or held otherwise."""
        return sum(self.frames.values())

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
            f"store/{folder.name}/receipt.json is damaged; restore store/ from your backup and run `jauge purge`, or empty "
            "store/ and load your systems' full exports again, for each export holds only what it changed.",
            f"store/{folder.name}/receipt.json est abîmé ; restaurez store/ depuis la sauvegarde puis lancez `jauge purge`, ou "
            "videz store/ et rechargez les exports complets de vos systèmes : chaque export ne contient que ce qu’il a changé.",
        ) from None


def write_receipt(store: Path, receipt: Receipt) -> None:
    """Put a receipt in the place of the one an export has, at once."""
    write_whole(store / receipt.id / "receipt.json", receipt.json())


def receipts(store: Path) -> list[Receipt]:
    """Return the receipts of a venue's store in the order of ingestion."""
    folders = [f for f in store.iterdir() if f.is_dir() and not f.name.startswith(".")] if store.is_dir() else []
    return sorted((read_receipt(folder) for folder in folders), key=lambda receipt: receipt.seq)
