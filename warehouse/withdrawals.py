"""A venue takes a release back: its rows go, from every state of the lake, and it is never taken in again.

What remains is that it was there, and what it cost: the season's loss counts what was once out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from privacy.calendar import Period
from privacy.files import read_file
from privacy.policy import Policy
from privacy.statements import read_statement
from warehouse.charter import Member
from warehouse.lake import put

DOCUMENT, SIGNATURE = "withdrawal.json", "withdrawal.sig"
LIMIT = 10_000  # bytes of a statement; ours have some hundreds


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a venue's signed statement takes back."""

    release_id: str
    venue: str
    period: str
    revision: int


def read_withdrawal(folder: Path, member: Member) -> Withdrawal:
    """Return what a folder of the inbox takes back; VerificationRefusal `statement` if the venue did not sign just that."""
    signature = read_file(folder, SIGNATURE, LIMIT).decode("ascii", "replace")
    told = read_statement(read_file(folder, DOCUMENT, LIMIT), "withdrawal", member.keys, signature)
    period = str(Period.parse(told["period"]))
    return Withdrawal(told["release_id"], told["venue"]["id"], period, told["revision"])


def forget(
    lake: duckdb.DuckDBPyConnection, gone: Sequence[Withdrawal], policy: Policy, agreed: str, at: datetime
) -> None:
    """Delete the rows of releases, held or not, and record that they are withdrawn; within the caller's transaction.

    What is deleted stays in older snapshots, and in files, until `upkeep.purge`.
    """
    ids = [w.release_id for w in gone]
    for table in ("releases", "sketches", *(f"cells_{t.name}" for t in policy.tables)):
        lake.execute(f"delete from {table} where list_contains($1, release_id)", [ids])  # noqa: S608 (our tables)
    known = {i for (i,) in lake.execute("select release_id from withdrawals").fetchall()}
    rows = [
        {"release_id": w.release_id, "venue": w.venue, "period": w.period, "season": Period.parse(w.period).season,
         "revision": w.revision, "withdrawn_at": at, "governance": agreed}
        for w in gone if w.release_id not in known
    ]  # fmt: skip
    if rows:
        put(lake, "withdrawals", pl.DataFrame(rows))
