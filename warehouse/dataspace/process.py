"""A negotiation or a transfer as this hub keeps it, and how a message changes it: functions without a file or a clock.

A message of ours counts when the other side has acknowledged it; until then it is `sending`, and is sent again. One of theirs counts
when it is kept. So a message that was lost is repeated, and the same one again is acknowledged and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from warehouse.dataspace.messages import Message, fingerprint, message, typed
from warehouse.dataspace.states import FINAL, NEW, OTHER, Kind, Role, after
from warehouse.folders import shown

_PIDS = {"provider": "providerPid", "consumer": "consumerPid"}


class Illegal(Exception):
    """A message that may not come in this state, or is of another process."""


@dataclass(frozen=True, slots=True)
class Process:
    """One negotiation or transfer. `pid`: ours; `partner`: with whom; `callback`: where messages go.

    `about`: what it is about, as JSON. `visits`: states entered, in order. `received`: fingerprint of the last message taken.
    `word`, `sending`: our message that is not acknowledged yet; `flying` while some process sends it. `due`: seconds since the
    epoch when there is something to do; `version` grows with every change.
    """

    pid: str
    kind: Kind
    role: Role
    partner: str
    callback: str
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    peer_pid: str = ""
    state: str = NEW
    visits: tuple[str, ...] = ()
    received: str = ""
    word: str = ""
    sending: Message | None = None
    flying: bool = False
    tries: int = 0
    due: float | None = None
    reason: str = ""
    version: int = 0

    @property
    def over(self) -> bool:
        """Whether no message can follow."""
        return self.state in FINAL

    @property
    def pids(self) -> dict[str, str]:
        """Both identifiers, under the protocol's names; theirs may not be known yet."""
        return {_PIDS[self.role]: self.pid} | ({_PIDS[OTHER[self.role]]: self.peer_pid} if self.peer_pid else {})

    def told(self, name: str) -> Message:
        """Return the document of that type that acknowledges a message, or answers who asks."""
        return typed(name, providerPid="", consumerPid="", state=self.state) | self.pids


def entered(one: Process, state: str, now: float) -> Process:
    """Return it in a state, with the hub to look what to say next; a token of theirs is forgotten when it is over."""
    over = state in FINAL
    about = {key: value for key, value in one.about.items() if not (over and key == "dataAddress")}
    return replace(one, state=state, visits=(*one.visits, state), about=about, due=None if over else now)


def spoken(one: Process, word: str, now: float, **content: Any) -> Process:
    """Return it with a message of ours to be sent; Illegal if it may not be sent now."""
    if after(one.kind, one.state, one.role, word) is None:
        raise Illegal(f"{word} in {one.state}")
    return replace(
        one, word=word, sending=message(one.kind, word, **one.pids, **content), tries=0, due=now, flying=False
    )


def acknowledged(one: Process, now: float, peer_pid: str = "") -> Process:
    """Return it after the other side has acknowledged what was being sent: it knows then that its own last one had arrived."""
    state = after(one.kind, one.state, one.role, one.word)
    if state is None:
        raise Illegal(f"nothing was being sent in {one.state}")
    said = replace(one, word="", sending=None, flying=False, tries=0, received="", peer_pid=one.peer_pid or peer_pid)
    return entered(said, state, now)


def taken(one: Process, word: str, came: Message, now: float) -> Process:
    """Return it after a message of theirs; the same one again changes nothing; Illegal.

    What can only follow a message of ours shows that ours arrived, though its acknowledgement was lost.
    """
    theirs, seen = OTHER[one.role], fingerprint(came)
    peer_pid = str(came[_PIDS[theirs]])
    if one.peer_pid not in ("", peer_pid) or came.get(_PIDS[one.role], one.pid) != one.pid:
        raise Illegal("the message names another process")
    for reached in ([acknowledged(one, now, peer_pid)] if one.word else []) + [one]:
        state = after(one.kind, reached.state, theirs, word)
        if state is not None:
            heard = replace(
                reached,
                peer_pid=peer_pid,
                received=seen,
                word="",
                sending=None,
                flying=False,
                tries=0,
                reason=_reason(came),
            )
            return entered(replace(heard, about=heard.about | _about(word, came)), state, now)
    if one.received == seen:
        return one
    raise Illegal(f"{word} in {one.state}")


def _about(word: str, came: Message) -> dict[str, Any]:
    """Return what a message adds to what the process is about."""
    key = {"request": "offer", "offer": "offer", "agreement": "agreement", "start": "dataAddress"}.get(word)
    return {key: came[key]} if key and key in came else {}


def _reason(came: Message) -> str:
    """Return why, in their words, as text that may be printed."""
    return shown("; ".join(str(r) for r in came.get("reason", []))[:1000])
