"""Which message takes a negotiation or a transfer from which state to which, and who may send it: the protocol's diagrams.

Both sides keep the same state, so one table serves provider and consumer. What is not in it is refused, and nothing changes.
"""

from __future__ import annotations

from typing import Literal

Role = Literal["provider", "consumer"]
Kind = Literal["negotiation", "transfer"]
OTHER: dict[Role, Role] = {"provider": "consumer", "consumer": "provider"}
FINAL = frozenset({"FINALIZED", "COMPLETED", "TERMINATED"})
NEW = "NEW"  # before the first message is acknowledged; no state of the protocol's

_Steps = dict[tuple[str, Role, str], str]

_NEGOTIATION: _Steps = {
    (NEW, "consumer", "request"): "REQUESTED",
    (NEW, "provider", "offer"): "OFFERED",
    ("REQUESTED", "provider", "offer"): "OFFERED",
    ("REQUESTED", "provider", "agreement"): "AGREED",
    ("OFFERED", "consumer", "request"): "REQUESTED",
    ("OFFERED", "consumer", "accepted"): "ACCEPTED",
    ("ACCEPTED", "provider", "agreement"): "AGREED",
    ("AGREED", "consumer", "verification"): "VERIFIED",
    ("VERIFIED", "provider", "finalized"): "FINALIZED",
}
_TRANSFER: _Steps = {
    (NEW, "consumer", "request"): "REQUESTED",
    ("REQUESTED", "provider", "start"): "STARTED",
    ("SUSPENDED", "provider", "start"): "STARTED",
    ("SUSPENDED", "consumer", "start"): "STARTED",
    ("STARTED", "provider", "suspension"): "SUSPENDED",
    ("STARTED", "consumer", "suspension"): "SUSPENDED",
    ("STARTED", "provider", "completion"): "COMPLETED",
    ("STARTED", "consumer", "completion"): "COMPLETED",
}
_OPEN: dict[Kind, tuple[str, ...]] = {
    "negotiation": ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED"),
    "transfer": ("REQUESTED", "STARTED", "SUSPENDED"),
}


def _all(kind: Kind, steps: _Steps) -> _Steps:
    """Add what either side may do whenever it is not over."""
    ends: _Steps = {(s, who, "termination"): "TERMINATED" for s in _OPEN[kind] for who in OTHER}
    return steps | ends


STEPS: dict[Kind, _Steps] = {
    "negotiation": _all("negotiation", _NEGOTIATION),
    "transfer": _all("transfer", _TRANSFER),
}


def after(kind: Kind, state: str, sender: Role, message: str) -> str | None:
    """Return the state that a message leads to; None if it may not be sent then."""
    return STEPS[kind].get((state, sender, message))
