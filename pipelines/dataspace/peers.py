"""Another participant by HTTPS: at the address that `governance.toml` has of it, and nowhere else.

The secret it gave this hub is in the environment, as JAUGE_PEER_<ID>. No redirect is followed, nothing larger than it may be is
read, and of an answer only what the protocol fixes is used.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from privacy.errors import Fault
from warehouse.charter import Participant, Partner
from warehouse.dataspace import messages
from warehouse.dataspace.messages import LARGEST, STATE, Message, Unreadable
from warehouse.dataspace.participants import within
from warehouse.dataspace.process import Process

_TIMEOUT = httpx.Timeout(30, connect=10)
_SECONDS = 300  # for the whole of an answer
_CATALOGUE = 16 * 2**20  # bytes, at most
_FILE = 2**30
_PASSING = (408, 423, 425, 429, 500, 502, 503, 504)
_PATHS = {
    "negotiation": {
        "request": "request", "offer": "offers", "agreement": "agreement", "verification": "agreement/verification",
        "accepted": "events", "finalized": "events", "termination": "termination",
    },
    "transfer": {word: word for word in ("start", "completion", "suspension", "termination")},
}  # fmt: skip


class Refused(Exception):
    """The other side says no, for good."""


class Passing(Exception):
    """What may go otherwise the next time."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A participant as this hub calls it."""

    partner: Partner
    there: Participant

    def send(self, one: Process) -> str:
        """Send what a process is sending and return their identifier if this is what makes them have one; Refused, Passing."""
        known = quote(one.peer_pid, safe="")
        path = f"/{one.kind}s/{known}/{_PATHS[one.kind][one.word]}" if known else f"/{one.kind}s/request"
        status, body = self._request("POST", one.callback, path, LARGEST, one.sending)
        if not 200 <= status < 300:
            raise Refused(f"HTTP {status}")
        if one.peer_pid:
            return ""
        try:
            told = messages.parse(body)
            messages.check(STATE[one.kind][1], told)
        except Unreadable:
            raise Refused("its acknowledgement is not as the protocol has it") from None
        if told["consumerPid"] != one.pid or not told["providerPid"]:
            raise Refused("its acknowledgement is of another process")
        return str(told["providerPid"])

    def catalogue(self) -> Message:
        """Return its catalogue; a Fault says why there is none."""
        asked, status = messages.typed("CatalogRequestMessage"), 0
        try:
            status, body = self._request("POST", self.there.address, "/catalog/request", _CATALOGUE, asked)
            told = messages.parse(body) if status == 200 else {}
            messages.check("catalog/catalog", told)
        except (Refused, Passing, Unreadable) as why:
            said = f"HTTP {status}" if status not in (0, 200) else str(why)
            raise self.fault(
                f"its catalogue cannot be read ({said})", f"son catalogue est illisible ({said})"
            ) from None
        if told["participantId"] != self.there.id:
            raise self.fault(
                "it calls itself otherwise than governance.toml does", "il se nomme autrement que dans governance.toml"
            )
        return told

    def file(self, address: Message, part: str) -> bytes:
        """Return what a transfer's address opens; Refused, Passing."""
        told: dict[str, Any] = {p["name"]: p["value"] for p in address.get("endpointProperties", [])}
        endpoint = str(address.get("endpoint", ""))
        if str(told.get("authType", "bearer")).lower() != "bearer" or not _header(str(told.get("authorization", ""))):
            raise Refused("its token cannot be sent")
        status, body = self._request("GET", endpoint, part, _FILE, token=str(told["authorization"]))
        if status != 200:
            raise Refused(f"HTTP {status}")
        return body

    def fault(self, en: str, fr: str) -> Fault:
        """Return a Fault about this participant."""
        return Fault(f"{self.partner.id}: {en}.", f"{self.partner.id} : {fr}.")

    def _request(
        self, method: str, base: str, path: str, most: int, sent: Message | None = None, token: str | None = None
    ) -> tuple[int, bytes]:
        """Ask at a base that they gave, if it is theirs, and a path below it that is ours to choose."""
        if not within(base, self.there.address):
            raise Refused("the address is not at the registered one")
        headers = {"Authorization": f"Bearer {self._secret() if token is None else token}"}
        try:
            with (
                httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client,
                client.stream(method, base + path, headers=headers, json=sent) as answer,
            ):
                if answer.status_code in _PASSING:
                    raise Passing(f"HTTP {answer.status_code}")
                body = bytearray()
                end = time.monotonic() + _SECONDS
                for chunk in answer.iter_bytes():
                    body += chunk
                    if time.monotonic() > end:
                        raise Passing("too slow")
                    if len(body) > most:
                        raise Refused("its answer is too large")
                return answer.status_code, bytes(body)
        except httpx.HTTPError as error:
            raise Passing(type(error).__name__) from None

    def _secret(self) -> str:
        name = f"JAUGE_PEER_{self.partner.id}".upper().replace("-", "_")
        secret = os.environ.get(name, "").strip()
        if not _header(secret):
            raise Fault(
                f"No token to show to {self.partner.id}: set {name} in the environment of this process.",
                f"Pas de jeton à présenter à {self.partner.id} : définissez {name} dans l’environnement.",
            )
        return secret


def _header(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()
