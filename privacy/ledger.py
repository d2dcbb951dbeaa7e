"""The privacy ledger of one venue: append-only, hash-chained, exact, charged before any noise.

One SQLite file, written with full synchronisation. Two kinds of entry: `charge` (what a release costs, one a
release id, refused when the season's budget does not hold it) and `seal` (the release went out: digest of its
manifest, and a keyed fingerprint of what it was made from, which stays here). Triggers forbid changing or
deleting; each entry carries the SHA-256 of the one before, checked at every opening, so that a hand-edited
ledger stops publication instead of hiding a charge. There are no refunds.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from privacy.accounting import Cost, season_budget
from privacy.calendar import Period
from privacy.charges import Charge, Seal, refusal
from privacy.declarations import Unit
from privacy.errors import Fault
from privacy.policy import Policy, canonical_json

_TABLE = """
create table if not exists entries (seq integer primary key, body text not null, hash text not null) strict;
create trigger if not exists no_update before update on entries begin select raise(abort, 'append-only'); end;
create trigger if not exists no_delete before delete on entries begin select raise(abort, 'append-only'); end;
"""


class Ledger:
    """The ledger file at `path`; made when first charged. Raises Fault when its chain is broken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.charges: list[Charge] = []
        self.seals: dict[str, Seal] = {}
        with self._open() as db:
            self._read(db)

    def latest(self, period: Period) -> Charge | None:
        """Return the last charge for this period, whatever its policy."""
        return next((c for c in reversed(self.charges) if c.period == str(period)), None)

    def spent(self, season: str) -> dict[Unit, Cost]:
        """Add up, exactly, what every release of a season was charged."""
        total: dict[Unit, Cost] = {}
        for charge in self.charges:
            if Period.parse(charge.period).season == season:
                for unit, cost in charge.costs.items():
                    total[unit] = total.get(unit, Cost()) + cost
        return total

    def charge(self, release_id: str, period: Period, revision: int, costs: dict[Unit, Cost], policy: Policy) -> Charge:
        """Pay for a release, or raise BudgetRefusal and write nothing. Charging an id again is free."""
        with self._open() as db:
            self._read(db)  # under the write lock: two processes cannot both fit in the same rest
            for charge in self.charges:
                if charge.release_id == release_id:
                    if charge.costs != costs:
                        raise Fault(
                            "This release id was charged another amount; ask for a revision.",
                            "Cet identifiant a été débité d’un autre montant ; demandez une révision.",
                        )
                    return charge
            for unit, cost in costs.items():
                before = self.spent(period.season).get(unit, Cost())
                if not (before + cost).within(season_budget(policy, unit)):
                    raise refusal(self.charges, before, unit, period, cost, policy)
            body = {"kind": "charge", "release_id": release_id, "period": str(period), "revision": revision,
                    "policy": policy.digest,
                    "costs": {u: [str(c.rho), str(c.delta), str(c.shift)] for u, c in costs.items()}}  # fmt: skip
            self._append(db, body)
        return self.charges[-1]

    def seal(self, release_id: str, manifest: str, fingerprint: str) -> Seal:
        """Record that a release is out, once; sealing the same id again changes nothing."""
        with self._open() as db:
            self._read(db)
            if release_id not in self.seals:
                body = {"kind": "seal", "release_id": release_id, "manifest": manifest, "fingerprint": fingerprint}
                self._append(db, body)
        return self.seals[release_id]

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            db.execute("pragma synchronous = extra")
            db.executescript(_TABLE)
            db.execute("begin immediate")
            yield db
            db.execute("commit")
        finally:  # an exception leaves the transaction open: closing rolls it back
            db.close()

    def _append(self, db: sqlite3.Connection, body: dict[str, Any]) -> None:
        (previous,) = db.execute("select coalesce((select hash from entries order by seq desc limit 1), '')").fetchone()
        text = canonical_json(body | {"at": datetime.now(UTC).isoformat(timespec="seconds"), "previous": previous})
        row = text.decode(), hashlib.sha256(text).hexdigest()
        db.execute("insert into entries (body, hash) values (?, ?)", row)
        self._read(db)

    def _read(self, db: sqlite3.Connection) -> None:
        self.charges, self.seals, previous = [], {}, ""
        for seq, (body, digest) in enumerate(db.execute("select body, hash from entries order by seq"), 1):
            entry = json.loads(body)
            if entry["previous"] != previous or hashlib.sha256(body.encode()).hexdigest() != digest:
                raise Fault(
                    f"The ledger was altered at entry {seq}; restore ledger.sqlite from your backup.",
                    f"Le registre a été modifié à l’entrée {seq} ; restaurez ledger.sqlite depuis la sauvegarde.",
                )
            previous, kind = digest, entry.pop("kind")
            del entry["previous"]
            if kind == "charge":
                costs = {u: Cost(*map(Fraction, parts)) for u, parts in entry.pop("costs").items()}
                self.charges.append(Charge(**entry, costs=costs))
            else:
                self.seals[entry["release_id"]] = Seal(**entry)
