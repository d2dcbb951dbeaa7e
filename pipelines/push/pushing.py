"""Pushing: every release of the outbox that the hub has not got goes to it; pushed twice is pushed once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregations.departures import outgoing
from aggregations.venue import Venue
from pipelines.push.hubs import Hub, hub_at
from privacy.delivery import KINDS, Answer, pack
from privacy.errors import Fault, JaugeError
from privacy.statements import FORMAT as STATEMENT
from privacy.verification import FORMAT


@dataclass(frozen=True, slots=True)
class Sealed:
    """A folder that may leave: a release, or what `withdraws` one. `period`: None if it cannot be read."""

    folder: Path
    period: str | None
    revision: int
    format: str

    @property
    def withdraws(self) -> bool:
        """Does it take a release back?"""
        return self.format == STATEMENT


@dataclass(frozen=True, slots=True)
class Pushed:
    """A folder and what the hub says of it, or why it could not be asked; neither: it is `superseded`, and not sent."""

    sealed: Sealed
    answer: Answer | None = None
    error: JaugeError | None = None


def outbox(venue: Venue) -> list[Sealed]:
    """List what may leave, by period and revision; what an earlier format sealed is not sent any more."""
    found = [_sealed(folder) for folder in outgoing(venue)]
    sent = (s for s in found if s.format in ("", FORMAT, STATEMENT))
    return sorted(sent, key=lambda s: (s.period or "", s.revision, s.withdraws, s.folder.name))


def _sealed(folder: Path) -> Sealed:
    document = next((folder / kind.document for kind in KINDS if (folder / kind.document).exists()), None)
    try:
        told: dict[str, Any] = json.loads(document.read_bytes()) if document else {}
        period, revision = told.get("period"), int(told.get("revision", 0))
        return Sealed(folder, period and str(period), revision, str(told.get("format", "")))
    except (ValueError, TypeError, AttributeError):  # told when it is packed
        return Sealed(folder, None, 0, "")


def push_all(venue: Venue, own: Path, *, again: bool = False) -> Iterator[Pushed]:
    """Push the newest revision of each period, telling of each as it is done; `own`: the hub of the same home.

    `again`: what the hub refused too. One that fails does not stop the others.
    """
    hub, all_of = hub_at(venue.hub, own), outbox(venue)
    newest = {s.period: s for s in all_of if s.period and not s.withdraws}
    for sealed in all_of:
        if not sealed.withdraws and newest.get(sealed.period or "", sealed) is not sealed:
            yield Pushed(sealed)
            continue
        try:
            yield Pushed(sealed, _push(hub, sealed.folder, again=again))
        except JaugeError as error:
            yield Pushed(sealed, error=error)


def push_what_concerns(venue: Venue, release_id: str, own: Path) -> bool:
    """Push a release, or its withdrawal, as far as it may leave; False if nothing may. See `push_one`."""
    leaving = [folder for folder in outgoing(venue) if folder.name == release_id]
    for folder in leaving:
        push_one(venue, folder, own)
    return bool(leaving)


def push_one(venue: Venue, folder: Path, own: Path) -> Answer:
    """Push one folder and return the hub's answer.

    Raises:
        VerificationRefusal: the hub has refused these very bytes.
        Fault: they are sealed all the same; another push sends them.
    """
    try:
        told = _push(hub_at(venue.hub, own), folder, again=False)
    except Fault as fault:
        raise Fault(
            f"Sealed in the outbox, but not sent. {fault.en} `jauge push {venue.id}` sends it.",
            f"Scellée dans l’outbox, mais pas envoyée. {fault.fr} `jauge push {venue.id}` l’envoie.",
        ) from None
    if told.state == "refused":
        raise told.refusal()
    return told


def _push(hub: Hub, folder: Path, *, again: bool) -> Answer:
    packed = pack(folder)
    told = hub.ask(packed)
    if told.state in ("waiting", "accepted") or (told.state == "refused" and not again):
        return told
    return hub.send(packed, folder)
