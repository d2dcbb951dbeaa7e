"""What this hub says next in a negotiation or a transfer: by the catalogue's terms and the rules, or by a scenario.

As provider it agrees when the terms are met, and else ends with the reason; it finalizes what was verified, and starts what was
agreed. As consumer it takes the agreement that it asked for, to the word, and no other. What it says is kept before it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from privacy.errors import GovernanceRefusal, JaugeError
from warehouse.dataspace.connector import Connector, new_pid
from warehouse.dataspace.messages import HTTP, Message
from warehouse.dataspace.offers import Unmet, essence, meet, written
from warehouse.dataspace.process import Process, spoken
from warehouse.partners.tokens import digest, drawn

HOURS = 24  # that a transfer's token holds
_POLICY = ("profile", "permission", "prohibition", "obligation")
_POSTPONED = 5.0  # seconds until the lake is asked again


@dataclass(frozen=True, slots=True)
class Saying:
    """A message of ours: its word, what it holds, and what is kept of it."""

    word: str
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    about: dict[str, Any] = field(default_factory=dict[str, Any])


def take_turn(connector: Connector, one: Process, now: float) -> Process | None:
    """Decide what to say in a claimed process and keep it, to be sent at once; None if there is nothing to say."""
    try:
        saying = decide(connector, one)
    except (Unmet, GovernanceRefusal) as why:
        saying = Saying("termination", {"code": "terms", "reason": [_told(why)]})
    except JaugeError:  # the lake is being written, say
        connector.book.change(one.pid, lambda p: replace(p, due=now + _POSTPONED), one.version)
        return None
    if saying is None:
        connector.book.change(one.pid, lambda p: replace(p, due=None), one.version)
        return None

    def said(p: Process) -> Process:
        reason = "; ".join(saying.content.get("reason", [])) or p.reason
        kept = replace(p, about=p.about | saying.about, reason=reason)
        # sent by who decided it: claimed already, whoever else looks
        return replace(spoken(kept, saying.word, now, **saying.content), flying=True, due=p.due)

    return connector.book.change(one.pid, said, one.version)


def decide(connector: Connector, one: Process) -> Saying | None:
    """Return what this hub says in a state, None for nothing; Unmet, and Faults of the lake."""
    script = connector.scenarios.script(one) if connector.scenarios else None
    if script is not None:
        words = script.get(one.state, ())
        turn = one.visits.count(one.state)
        return _scripted(connector, one, words[turn - 1]) if turn <= len(words) else None
    match one.kind, one.role, one.state:
        case "negotiation", "provider", "REQUESTED" | "ACCEPTED":
            return _agreement(connector, one)
        case "negotiation", "provider", "VERIFIED":
            return Saying("finalized")
        case "negotiation", "consumer", "OFFERED":
            return _accept(one)
        case "negotiation", "consumer", "AGREED":
            return _verify(connector, one)
        case "transfer", "provider", "REQUESTED":
            found = connector.book.agreement(one.about["agreement"])
            if found:
                connector.seen(found)  # still open, or Unmet
            return _start(connector, one)
        case _:
            return None


def _agreement(connector: Connector, one: Process) -> Saying:
    partner, _ = connector.partner(one.partner)
    catalogue, offer = connector.catalogue(), one.about["offer"]
    own, seen = meet(catalogue, connector.governance(), partner, offer, datetime.now(UTC).date())
    version = {"snapshot": catalogue.snapshot.id, "table": seen[0].table, "seen": written(seen)}
    made = _agreed(connector, one, own)
    return Saying("agreement", {"agreement": made}, {"agreement": made, "version": version})


def _agreed(connector: Connector, one: Process, policy: Message) -> Message:
    """Return the agreement that an offer becomes, in a policy's words."""
    _, there = connector.partner(one.partner)
    return {
        "@id": new_pid(),
        "@type": "Agreement",
        "target": one.about["offer"]["target"],
        "assigner": connector.id,
        "assignee": there.id,
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{key: policy[key] for key in _POLICY if key in policy},
    }


def _accept(one: Process) -> Saying:
    asked, offer = one.about.get("asked"), one.about["offer"]
    if asked is None:
        raise Unmet("This hub asks for what it wants, and takes no offers.", "Ce hub demande ce qu’il veut, et ne prend pas d’offres.")  # fmt: skip
    if (essence(asked), asked["target"]) != (essence(offer), offer["target"]):
        raise Unmet("This is not the offer that was asked for.", "Ce n’est pas l’offre qui était demandée.")
    return Saying("accepted")


def _verify(connector: Connector, one: Process) -> Saying:
    _, there = connector.partner(one.partner)
    asked, made = one.about.get("asked"), one.about["agreement"]
    parties = made["assigner"], made["assignee"], made["target"]
    if asked is None or (essence(asked), there.id, connector.id, asked["target"]) != (essence(made), *parties):
        raise Unmet("The agreement is not what was asked for, or is between others.",
                    "L’accord n’est pas ce qui était demandé, ou lie d’autres parties.")  # fmt: skip
    return Saying("verification")


def _start(connector: Connector, one: Process) -> Saying:
    """Open a transfer by a new token; who resumes what it suspended itself goes on with the one it has."""
    token, expires = drawn(one.partner), datetime.now(UTC) + timedelta(hours=HOURS)
    properties = {"authorization": token, "authType": "bearer"}
    address = {
        "@type": "DataAddress",
        "endpointType": HTTP,
        "endpoint": f"{connector.endpoint}/data/{one.pid}",
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": name, "value": value} for name, value in properties.items()
        ],
    }
    return Saying("start", {"dataAddress": address}, {"token": digest(token), "expires": expires.isoformat()})


def _scripted(connector: Connector, one: Process, word: str) -> Saying:
    """Say what a scenario has, terms or not."""
    if word in ("offer", "request"):
        return Saying(word, {"offer": one.about["offer"]})
    if word == "agreement":
        made = _agreed(connector, one, one.about["offer"])
        return Saying(word, {"agreement": made}, {"agreement": made})
    if word == "start" and one.role == "provider":
        return _start(connector, one)
    return Saying(
        word,
        {"code": "scenario", "reason": ["as the scenario has it"]} if word in ("termination", "suspension") else {},
    )


def _told(why: JaugeError) -> str:
    return f"{why.en} / {why.fr}"
