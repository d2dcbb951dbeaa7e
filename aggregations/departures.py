"""What may leave a venue's outbox: a release as soon as it is sealed, or once somebody named has approved it.

    outbox/<release_id>/                  sealed; with approval.json, signed by the venue, once approved
    withdrawals/<release_id>/             the venue asks the hub to forget it, signed
    decisions.jsonl                       who approved, refused or withdrew what, when and why: stays here

`approval = "manual"` in venue.toml, with the names of the `approvers`; the hub can demand the same in governance.toml. A release
is charged and drawn before it is looked at, so that refusing it gives nothing back: a choice made on what was drawn is
covered by what was paid. The name is a word given by whoever has the venue's account on this machine, not a proof of who.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from aggregations.disk import write_whole
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.charges import Charge
from privacy.errors import Fault, GovernanceRefusal
from privacy.ledger import Ledger
from privacy.release import read
from privacy.statements import sign, state

State = Literal["free", "waiting", "approved", "refused", "withdrawn"]
Verdict = Literal["approved", "refused", "withdrawn"]
APPROVAL, WITHDRAWAL, SIGNATURE = "approval.json", "withdrawal.json", "withdrawal.sig"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of `decisions.jsonl`. `at`: ISO 8601, UTC."""

    release_id: str
    verdict: Verdict
    by: str
    at: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """A sealed release and whether it may leave; `free`: it needs nobody's approval."""

    release_id: str
    period: str
    revision: int
    state: State
    decision: Decision | None

    @property
    def leaves(self) -> bool:
        """May it leave?"""
        return self.state in ("free", "approved")


def departures(venue: Venue) -> list[Departure]:
    """Return every sealed release of a venue, oldest first, with what was decided last."""
    if not venue.ledger.exists():
        return []
    book, last = Ledger(venue.ledger), {d.release_id: d for d in decisions(venue)}
    sealed = (c for c in book.charges if c.release_id in book.seals)
    return [
        Departure(c.release_id, c.period, c.revision, _state(venue, c, last), last.get(c.release_id)) for c in sealed
    ]


def _state(venue: Venue, charge: Charge, last: dict[str, Decision]) -> State:
    """Return how a release stands; the signed files count, and the log for what has none."""
    if (venue.withdrawals / charge.release_id / SIGNATURE).exists():
        return "withdrawn"
    if (venue.outbox / charge.release_id / APPROVAL).exists():
        return "approved"
    decision = last.get(charge.release_id)
    if decision and decision.verdict == "refused":
        return "refused"
    return "waiting" if venue.approval == "manual" else "free"


def decisions(venue: Venue) -> list[Decision]:
    """Read what was decided, oldest first; a damaged file is a Fault."""
    try:
        lines = venue.decisions.read_text("utf-8").splitlines()
        return [Decision(**json.loads(line)) for line in lines]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        raise Fault(
            "decisions.jsonl is damaged; restore it from your backup: it says who approved what.",
            "decisions.jsonl est abîmé ; restaurez-le depuis la sauvegarde : il dit qui a approuvé quoi.",
        ) from None


def approve(venue: Venue, period: Period, by: str, why: str = "") -> Departure:
    """Let the last release of a period leave; again changes nothing. GovernanceRefusal if `by` is no approver, or too late."""
    found = _named(venue, period, by)
    if found.state == "waiting":
        folder = venue.outbox / found.release_id
        facts = {"release_id": found.release_id, "manifest_sha256": read(folder).manifest_sha256, "by": by}
        _record(venue, Decision(found.release_id, "approved", by, _now().isoformat(timespec="seconds"), why))
        write_whole(folder / APPROVAL, state("approval", venue.id, _now(), facts, venue.signing_key).decode())
    return _after(venue, found, "approved")


def refuse(venue: Venue, period: Period, by: str, why: str) -> Departure:
    """Keep the last release of a period here for good; what it cost stays spent. A new revision may be released."""
    found = _named(venue, period, by)
    if found.state == "waiting":
        _record(venue, Decision(found.release_id, "refused", by, _now().isoformat(timespec="seconds"), why))
    return _after(venue, found, "refused")


def withdraw(venue: Venue, period: Period, by: str, why: str) -> list[Departure]:
    """Write a signed withdrawal of every release of a period that may have left; return them. What it cost stays spent."""
    left = [d for d in departures(venue) if d.period == str(period) and (d.leaves or d.state == "withdrawn")]
    if not left:
        raise _none(period)
    for d in left:
        if d.state != "withdrawn":
            facts = {"release_id": d.release_id, "period": d.period, "revision": d.revision}
            _record(venue, Decision(d.release_id, "withdrawn", by, _now().isoformat(timespec="seconds"), why))
            notice, folder = state("withdrawal", venue.id, _now(), facts), venue.withdrawals / d.release_id
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / WITHDRAWAL, notice.decode())
            write_whole(folder / SIGNATURE, sign(notice, venue.signing_key))  # last: with it, it counts
    gone = {d.release_id for d in left}
    return [d for d in departures(venue) if d.release_id in gone]


def outgoing(venue: Venue) -> list[Path]:
    """Return the folders that may leave, under the names they travel by: releases, then withdrawals."""
    found = departures(venue)
    withdrawn = [venue.withdrawals / d.release_id for d in found if d.state == "withdrawn"]
    return [*(venue.outbox / d.release_id for d in found if d.leaves), *withdrawn]


def _named(venue: Venue, period: Period, by: str) -> Departure:
    if venue.approval == "manual" and by not in venue.approvers:
        names = ", ".join(venue.approvers)
        raise GovernanceRefusal(
            f"Releases of {venue.id} are approved by {names} (venue.toml).",
            f"Les publications de {venue.id} sont approuvées par {names} (venue.toml).",
        )
    last = [d for d in departures(venue) if d.period == str(period)]
    if not last:
        raise _none(period)
    return last[-1]


def _after(venue: Venue, before: Departure, wanted: State) -> Departure:
    now = next(d for d in departures(venue) if d.release_id == before.release_id)
    if now.state == "free":
        raise GovernanceRefusal(
            "Releases of this venue leave as soon as they are sealed (approval in venue.toml); `jauge withdraw` takes one back.",
            "Les publications de ce lieu partent dès qu’elles sont scellées (approval dans venue.toml) ; `jauge withdraw` en "
            "retire une.",
        )
    if now.state != wanted:
        raise GovernanceRefusal(
            f"The release of {now.period} is {now.state} already; `jauge release --revise` makes another.",
            f"La publication de {now.period} est déjà décidée ({now.state}) ; `jauge release --revise` en fait une autre.",
        )
    return now


def _none(period: Period) -> Fault:
    return Fault(
        f"There is no release of {period} in the outbox; `jauge release` makes one.",
        f"Il n’y a pas de publication de {period} dans l’outbox ; `jauge release` la fait.",
    )


def _record(venue: Venue, decision: Decision) -> None:
    lines = [{k: v for k, v in asdict(d).items() if v} for d in [*decisions(venue), decision]]
    write_whole(venue.decisions, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _now() -> datetime:
    return datetime.now(UTC)
