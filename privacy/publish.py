"""The sequence, once: plan, bound, charge, noise, select, seal. What a venue calls.

Contributions come in, a sealed folder goes out; nothing in between is kept anywhere. Killed at any point,
the ledger holds at most one charge and the outbox at most one draw: a charge without a seal may be drawn again,
for nothing went out; a sealed release is only ever read again, and no record with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from privacy.calendar import Period
from privacy.charges import Seal
from privacy.contributions import Contributions, Ints
from privacy.drawing import draw_tables
from privacy.errors import Fault
from privacy.gathering import Bounded, gather
from privacy.ledger import Ledger
from privacy.manifest import describe, write_manifest
from privacy.plan import SketchPlan, TablePlan, total
from privacy.policy import Policy
from privacy.publisher import Publisher
from privacy.release import Release, read, seal
from privacy.sketch import draw, gather_sketch, key_id, season_key
from privacy.verification import release_id


@dataclass(frozen=True, slots=True)
class Published:
    """A sealed release, and what a steward should be told: just `drawn`? have rows or policy changed since?"""

    release: Release
    drawn: bool
    rows_changed: bool
    policy_changed: bool


def publish(
    publisher: Publisher, contributions: Contributions, policy: Policy, period: Period, *, revise: bool = False
) -> Published:
    """Publish a period once; asked again, return the same bytes at no cost. `revise` makes a new revision.

    Raises BudgetRefusal, with nothing charged or drawn, when the season's budget does not hold it. Two processes
    that publish at once take turns: the second finds the first one's release.
    """
    plans, sketches = publisher.plan(policy, period), publisher.sketches(policy, period)
    fingerprint = hmac.new(publisher.fingerprint_key, contributions.version.encode(), hashlib.sha256).hexdigest()
    with _turn(publisher.outbox):
        ledger = Ledger(publisher.ledger)
        last = ledger.latest(period)
        if last and last.release_id not in ledger.seals and (publisher.outbox / last.release_id).exists():
            out = read(publisher.outbox / last.release_id, publisher.public_key)  # killed after the renaming
            ledger.seal(out.id, out.manifest_sha256, fingerprint)
        sealed = ledger.seals.get(last.release_id) if last else None
        if last and sealed and not revise:
            release = _sealed(publisher, sealed)
            return Published(release, False, sealed.fingerprint != fingerprint, last.policy != policy.digest)
        bounded = bound_tables(contributions, plans)
        counted = {p.sketch.name: (p, gather_sketch(contributions, p.sketch)) for p in sketches}
        drawn = _draw(publisher, ledger, policy, period, plans, bounded, fingerprint, counted)
        return Published(drawn, True, False, False)


def _draw(
    publisher: Publisher, ledger: Ledger, policy: Policy, period: Period,
    plans: tuple[TablePlan, ...], bounded: Mapping[str, Bounded], fingerprint: str,
    counted: Mapping[str, tuple[SketchPlan, Ints]],
) -> Release:  # fmt: skip
    """Charge, noise, select, seal: in this order, and nowhere else."""
    sketches = tuple(plan for plan, _ in counted.values())
    costs, last = total(plans, sketches), ledger.latest(period)
    unfinished = last and last.release_id not in ledger.seals and (last.policy, last.costs) == (policy.digest, costs)
    revision = last.revision + (0 if unfinished else 1) if last else 1  # charged, never out: drawn now
    name = release_id(publisher.venue, str(period), policy.digest, revision)
    charge = ledger.charge(name, period, revision, costs, policy)
    tables = draw_tables(plans, bounded, policy, charge)
    reach = {sketch: draw(plan, exact, charge) for sketch, (plan, exact) in counted.items()}
    venue = {"id": publisher.venue, "public_key": publisher.public_key}
    key = key_id(season_key(publisher.match_key, period.season))
    manifest = write_manifest(venue, charge, policy, period.season, plans)
    manifest |= {"sketches": {p.sketch.name: describe(p, reach[p.sketch.name], period.season, key) for p in sketches}}
    folder = publisher.outbox / name
    seal(folder, manifest, tables, reach, publisher.signing_key)
    release = read(folder, publisher.public_key)
    ledger.seal(name, release.manifest_sha256, fingerprint)
    return release


def bound_tables(contributions: Contributions, plans: tuple[TablePlan, ...]) -> dict[str, Bounded]:
    """Bound every table of a plan. The result is exact: it may be looked at where the records are, never kept."""
    return {b.table.name: b for b in gather(contributions, [(p.table, p.measures) for p in plans])}


def _sealed(publisher: Publisher, entry: Seal) -> Release:
    folder = publisher.outbox / entry.release_id
    if not folder.exists():
        raise Fault(
            f"Release {folder.name} was sealed, but its folder is gone; restore the outbox from your backup.",
            f"La publication {folder.name} est scellée mais son dossier manque ; restaurez l’outbox.",
        )
    release = read(folder)  # by the key of then: it may have been renewed, and the ledger knows the manifest
    if release.manifest_sha256 != entry.manifest:
        raise Fault(
            f"Release {folder.name} is not the one the ledger sealed; restore the outbox from your backup.",
            f"La publication {folder.name} n’est pas celle que le registre a scellée ; restaurez l’outbox.",
        )
    return release


@contextmanager
def _turn(outbox: Path) -> Generator[None]:
    """One publication at a time of this venue; the lock dies with its process."""
    outbox.mkdir(parents=True, exist_ok=True)
    with (outbox / ".turn").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
