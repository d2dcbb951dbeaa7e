"""The inbox: every release delivered is verified, then accepted or refused with a reason, in transactions.

Promise: nothing is ever half-loaded, nothing held twice, and nothing lost, however many processes decide at once. The lake
is written before a folder moves; killed between the two, the next run finds the release held (same manifest) or the
refusal recorded (same bytes) and only moves the folder. The order in which releases arrive does not matter to what the
views show.

Folders are verified one by one (`arrival`), then decided some at a time, in turn with other processes: a transaction
costs more than a release. Rules that ask the lake come last: withdrawn, policy, key, then revision. What a
venue withdraws is deleted, and purged before its statement moves.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from privacy.errors import VerificationRefusal
from privacy.release import Release
from warehouse.arrival import Arrival, Rules, check_key, claims, look, refusal, wrong_field
from warehouse.arriving import record_decision
from warehouse.floor import check_policy
from warehouse.folders import alone, fingerprint, move, shown
from warehouse.governance import Hub, governance
from warehouse.holdings import Held, hold, hold_rules, read_held
from warehouse.lake import in_turn, open_lake, put
from warehouse.upkeep import compact, purge
from warehouse.withdrawals import Withdrawal, forget

_AT_ONCE = 64  # folders decided in one transaction
_COMPACT_FROM, _COMPACT_EACH = 16, 1024  # releases accepted in one run that are worth fewer, larger files


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one folder or statement. `held`: the lake had it already. `rule`, `fr`, `en`: only of a refusal."""

    folder: str
    outcome: Literal["accepted", "held", "refused", "withdrawn"]
    venue: str | None = None
    release_id: str | None = None
    rule: str | None = None
    fr: str | None = None
    en: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A folder in the inbox and what it claims to be, unverified (None: its manifest cannot be read)."""

    folder: Path
    venue: str | None
    period: str | None


def waiting(hub: Hub) -> list[Waiting]:
    """List what has arrived, by name; a dotted name is still arriving."""
    return [Waiting(folder, *claims(folder)) for folder in _folders(hub)]


def _folders(hub: Hub) -> list[Path]:
    names = sorted(p.name for p in hub.inbox.iterdir()) if hub.inbox.exists() else []
    return [hub.inbox / n for n in names if not n.startswith(".")]


def accept(hub: Hub, *, now: datetime | None = None) -> list[Decision]:
    """Decide on every folder of the inbox, by name; a release refused is a Decision, never an exception."""
    return list(decide(hub, now=now))


def decide(hub: Hub, *, now: datetime | None = None) -> Iterator[Decision]:
    """Do as `accept` does, and tell decisions as they are taken; what another process is deciding is left to it."""
    accepted, rules = 0, Rules.of(hub)
    with open_lake(hub) as lake:
        hold_rules(lake, rules.agreed)
        folders = iter(_folders(hub))
        while some := list(islice(folders, _AT_ONCE)):
            decisions = _decide(hub, lake, rules, some, now, wait=False)
            yield from decisions
            before, accepted = accepted, accepted + sum(d.outcome == "accepted" for d in decisions)
            if before // _COMPACT_EACH < accepted // _COMPACT_EACH:
                compact(lake)
        if accepted % _COMPACT_EACH >= _COMPACT_FROM:
            compact(lake)


def accept_one(hub: Hub, folder: Path, *, now: datetime | None = None) -> Decision | None:
    """Decide on one folder of the inbox; None if another process has done so."""
    with open_lake(hub) as lake:
        rules = Rules.of(hub)
        hold_rules(lake, rules.agreed)
        return next(iter(_decide(hub, lake, rules, [folder], now, wait=True)), None)


def refuse(hub: Hub, decision: Decision, digest: str, *, now: datetime | None = None) -> None:
    """Record a refusal of what never came as far as the inbox; `digest`: of its bytes, the same of the same."""
    with open_lake(hub) as lake:
        in_turn(
            lake, lambda: _record(lake, [decision], {decision.folder: digest}, governance(hub).digest, _instant(now))
        )


def _instant(now: datetime | None) -> datetime:
    return (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _decide(
    hub: Hub,
    lake: duckdb.DuckDBPyConnection,
    rules: Rules,
    folders: Sequence[Path],
    now: datetime | None,
    *,
    wait: bool,
) -> list[Decision]:
    at = _instant(now)
    with ExitStack() as locks:
        ours = [folder for folder in folders if locks.enter_context(alone(folder, wait=wait))]
        arrivals = [arrival for folder in ours if (arrival := look(folder, rules))]
        if not arrivals:
            return []
        try:
            decisions, prints = in_turn(lake, lambda: _write(lake, rules, arrivals, at))
            if any(isinstance(a.found, Withdrawal) for a in arrivals):
                purge(lake)
        except FileNotFoundError:  # no locks here, and another process has moved one of them
            alone_each = ([folder] for folder in folders if len(folders) > 1)
            return [d for one in alone_each for d in _decide(hub, lake, rules, one, now, wait=wait)]
        for arrival, decision in zip(arrivals, decisions, strict=True):
            record_decision(hub, arrival.folder, decision.rule, decision.en, decision.fr, at)
            if decision.outcome == "refused":
                move(arrival.folder, hub.refused, prints[decision.folder])
            elif isinstance(arrival.found, Release):
                move(arrival.folder, hub.accepted, arrival.found.manifest_sha256)
            elif isinstance(arrival.found, Withdrawal):
                shutil.rmtree(hub.accepted / arrival.found.release_id, ignore_errors=True)
                move(arrival.folder, hub.accepted, "")
    return decisions


def _write(
    lake: duckdb.DuckDBPyConnection, rules: Rules, arrivals: Sequence[Arrival], at: datetime
) -> tuple[list[Decision], dict[str, str]]:
    """Judge each by what is held, write what comes of it; return decisions, and the fingerprints of what is refused."""
    held, accepted, decisions = (
        read_held(lake, {a.venue for a in arrivals if a.venue and isinstance(a.found, Release)}),
        list[Release](),
        list[Decision](),
    )
    prints: dict[str, str] = {}
    gone = [a.found for a in arrivals if isinstance(a.found, Withdrawal)]
    if gone:
        forget(lake, gone, rules.policy, rules.agreed.digest, at)
        held.withdrawn |= {w.release_id for w in gone}
    for a in arrivals:
        if isinstance(a.found, Withdrawal):
            decisions.append(Decision(a.folder.name, "withdrawn", a.venue, a.found.release_id, period=a.period))
            continue
        told = _judge(held, a.found, rules)
        if isinstance(told, VerificationRefusal):
            name = shown(a.folder.name)
            decisions.append(Decision(name, "refused", a.venue, None, told.rule, told.fr, told.en, a.period))
            prints[name] = fingerprint(a.folder)
            continue
        release, known = told
        if not known:
            accepted.append(release)
            held.add(release)
        outcome = "held" if known else "accepted"
        decisions.append(Decision(a.folder.name, outcome, a.venue, release.id, period=a.period))
    if accepted:
        hold(lake, accepted, rules.policy, rules.agreed.digest, at)
    if prints:
        _record(lake, [d for d in decisions if d.outcome == "refused"], prints, rules.agreed.digest, at)
    return decisions, prints


def _judge(
    held: Held, found: Release | VerificationRefusal, rules: Rules
) -> tuple[Release, bool] | VerificationRefusal:
    """Return the release, and whether it is held already; or why it is refused."""
    if isinstance(found, VerificationRefusal):
        return found
    m = found.manifest
    if found.id in held.withdrawn:
        return refusal("withdrawn", "its venue has withdrawn it", "son lieu l’a retirée")
    same = held.releases.get((m["venue"]["id"], m["period"]), {})
    _, manifest = same.get(found.id, (0, None))
    try:
        check_policy(m, rules.agreed.policy, {} if manifest else held.spent.get((m["venue"]["id"], m["season"]), {}))
        if not manifest:
            check_key(found, rules.agreed.venues[m["venue"]["id"]])
        newest = max((revision for revision, _ in same.values()), default=0)
        _check_revision(found, manifest, newest)
    except VerificationRefusal as refused:
        return refused
    except (ValueError, ArithmeticError):
        return wrong_field()
    return found, manifest is not None


def _check_revision(release: Release, manifest: str | None, newest: int) -> None:
    """VerificationRefusal `revision` if a newer one, or another release of that id, is held."""
    if manifest not in (None, release.manifest_sha256):
        raise refusal("revision", "another release of this id is held", "une autre publication de cet id est détenue")
    if manifest is None and release.manifest["revision"] <= newest:
        why = f"revision {newest} of this period is held", f"la révision {newest} de cette période est détenue"
        raise refusal("revision", *why)


def _record(
    lake: duckdb.DuckDBPyConnection, refused: Sequence[Decision], prints: dict[str, str], agreed: str, at: datetime
) -> None:
    """Write refusals, each once for the same bytes under the same name refused by the same rule."""
    known = set(lake.execute("select folder, rule, fingerprint from refusals").fetchall())
    rows = [
        {"refused_at": at, "folder": d.folder, "venue": d.venue, "rule": d.rule, "reason_fr": d.fr, "reason_en": d.en,
         "fingerprint": prints[d.folder], "governance": agreed}
        for d in refused if (d.folder, d.rule, prints[d.folder]) not in known
    ]  # fmt: skip
    if rows:
        put(lake, "refusals", pl.DataFrame(rows, schema_overrides={"venue": pl.String}))
