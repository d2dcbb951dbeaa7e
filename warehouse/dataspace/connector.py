"""A hub's part in a dataspace: takes what others send, keeps it, and has ready what is to be sent.

The web server gives it messages, `pipelines.dataspace` takes from it what is due; several processes may do either, over one book.
"""

from __future__ import annotations

import hmac
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from privacy.errors import Fault, GovernanceRefusal
from warehouse.catalogue.products import Catalogue, read_catalogue
from warehouse.catalogue.settings import read_settings
from warehouse.charter import Governance, Participant, Partner
from warehouse.dataspace.book import Agreement, Book
from warehouse.dataspace.messages import PULL, Message, fingerprint
from warehouse.dataspace.offers import narrowed, read, sight
from warehouse.dataspace.participants import takes_part, within
from warehouse.dataspace.process import Illegal, Process, acknowledged, spoken, taken
from warehouse.dataspace.product import Part, product
from warehouse.dataspace.scenarios import Scenarios
from warehouse.dataspace.states import Kind, Role
from warehouse.governance import Hub, governance
from warehouse.lake import current, open_lake
from warehouse.partners.tokens import digest, tokens
from warehouse.sharing import Seen

_PATIENCE = 2.0  # seconds for an acknowledgement that is on its way
_FRESH = 5.0  # seconds that the catalogue is not looked at again
_OPEN = 256  # processes of one participant that are not over


class Unknown(Exception):
    """Not there, or not for who asks: nobody is told which."""


class TooMany(Exception):
    """A participant has too many processes that are not over."""


@dataclass(frozen=True, slots=True)
class File:
    """Bytes of Parquet, and how many rows they are."""

    data: bytes
    rows: int


class Connector:
    """`hub` as a participant; a Fault without an address of its own. `scenarios`: for conformance kits, never for partners."""

    def __init__(self, hub: Hub, scenarios: Scenarios | None = None) -> None:
        settings = read_settings(hub)
        if settings.endpoint is None:
            raise Fault(
                'This hub is in no dataspace: hub/catalogue.toml says where it is reached, dataspace = "https://…".',
                'Ce hub n’est dans aucun espace de données : hub/catalogue.toml dit où le joindre, dataspace = "https://…".',
            )
        self.hub, self.settings, self.scenarios, self.book = hub, settings, scenarios, Book(hub)
        self.id, self.endpoint = settings.iri("publisher"), settings.endpoint
        self._catalogue: Catalogue | None = None
        self._looked, self._lock = 0.0, threading.Lock()

    def governance(self) -> Governance:
        """Return the rules as they are now."""
        return governance(self.hub)

    def catalogue(self) -> Catalogue:
        """Return the catalogue of what the lake holds, some seconds old at most; Faults as `open_lake`."""
        with self._lock:
            if self._catalogue is None or time.monotonic() - self._looked > _FRESH:
                with open_lake(self.hub, read_only=True) as lake:
                    snapshot = current(lake).id
                if self._catalogue is None or self._catalogue.snapshot.id != snapshot:
                    self._catalogue = read_catalogue(self.hub, snapshot=snapshot)
                self._looked = time.monotonic()
            return self._catalogue

    def partner(self, name: str) -> tuple[Partner, Participant]:
        """Return a participant of now by its id in governance.toml; a GovernanceRefusal if it is none."""
        found = self.governance().partners.get(name)
        if found is None or found.dataspace is None or not takes_part(found, _now()):
            raise GovernanceRefusal(
                f"{name} takes no part in the dataspace: governance.toml has no `dataspace` of it, or its last day is over.",
                f"{name} n’est pas dans l’espace de données : governance.toml n’en dit rien, ou son dernier jour est passé.",
            )
        return found, found.dataspace

    # --- what comes ---------------------------------------------------------------------------------------------------

    def begin(self, kind: Kind, word: str, partner: Partner, came: Message) -> Process:
        """Take the first message of a process; the same one again finds the process. Illegal, Unknown, TooMany."""
        role: Role = "consumer" if word == "offer" else "provider"
        address, peer_pid = (
            str(came.get("callbackAddress")),
            str(came["providerPid" if word == "offer" else "consumerPid"]),
        )
        known = self.book.theirs(kind, partner.id, role, peer_pid)
        if known is not None:
            if known.received != fingerprint(came):
                raise Illegal("this identifier is of a process that has begun otherwise, or gone on")
            return known
        about: dict[str, Any] = {}
        if kind == "transfer":
            about = {"agreement": came["agreementId"], "format": came["format"]}
            self._agreed(partner, about["agreement"])
            if came["format"] != PULL:
                raise Illegal(f"only {PULL} is served")
        assert partner.dataspace is not None  # who called is a participant
        if not within(address, partner.dataspace.address):
            raise Illegal("callbackAddress is not at the address that this hub knows of you")
        if self.book.open(partner.id) >= _OPEN:
            raise TooMany
        fresh = Process(new_pid(), kind, role, partner.id, address.rstrip("/"), about)
        return self.book.begin(taken(fresh, word, came, time.time()))

    def _agreed(self, partner: Partner, name: str) -> Agreement | None:
        """Return the agreement that a partner may ask a transfer by; Unknown."""
        if self.scenarios and name in self.scenarios.transfers:
            return None
        late = time.monotonic() + _PATIENCE
        while True:
            found = self.book.agreement(name)
            if found:
                if (found.role, found.partner, found.ended) != ("provider", partner.id, None):
                    raise Unknown
                return found
            if time.monotonic() > late or not any(
                p.flying and p.partner == partner.id and p.word == "finalized" for p in self.book.processes()
            ):
                raise Unknown
            time.sleep(0.02)

    def find(self, kind: Kind, pid: str, partner: Partner) -> Process:
        """Return a process of that partner, when what this hub was saying has arrived or takes too long; Unknown."""
        late = time.monotonic() + _PATIENCE
        while True:
            one = self.book.process(pid)
            if one is None or (one.kind, one.partner) != (kind, partner.id):
                raise Unknown
            if not one.flying or time.monotonic() > late:
                return one
            time.sleep(0.01)

    def receive(self, kind: Kind, pid: str, word: str, partner: Partner, came: Message) -> Process:
        """Take a message of a process that there is, and return it as it is then; Illegal, Unknown."""
        self.find(kind, pid, partner)
        changed = self.book.change(pid, partial(taken, word=word, came=came, now=time.time()))
        if changed is None:
            raise Unknown
        return changed

    # --- what goes ----------------------------------------------------------------------------------------------------

    def ask(self, kind: Kind, partner: str, **content: Any) -> Process:
        """Begin a process as consumer: its request is sent when its turn comes. `content`: of the request."""
        _, there = self.partner(partner)
        about = {"offer": content["offer"], "asked": content["offer"]} if kind == "negotiation" else {
            "agreement": content["agreementId"], "format": content["format"]}  # fmt: skip
        one = Process(new_pid(), kind, "consumer", partner, there.address, about)
        return self.book.begin(spoken(one, "request", time.time(), callbackAddress=self.endpoint, **content))

    def say(self, pid: str, word: str, **content: Any) -> Process | None:
        """Have a message sent, if it may be sent now; Illegal."""
        return self.book.change(pid, partial(spoken, word=word, now=time.time(), **content))

    def arrived(self, one: Process, peer_pid: str = "") -> None:
        """Keep that what was being sent is acknowledged."""
        self.book.change(one.pid, lambda p: acknowledged(p, time.time(), peer_pid), one.version)

    # --- agreements ---------------------------------------------------------------------------------------------------

    def agreement(self, name: str) -> Agreement:
        """Return an agreement; a Fault if there is none of that name."""
        found = self.book.agreement(name)
        if found is None:
            raise Fault(
                f"There is no agreement {name}. `jauge dataspace agreements` tells which there are.",
                f"Il n’y a pas d’accord {name}. `jauge dataspace agreements` les donne tous.",
            )
        return found

    def seen(self, agreement: Agreement) -> tuple[Seen, ...]:
        """Return what an agreement still opens, by the rules of now; Unmet, or a GovernanceRefusal."""
        partner, _ = self.partner(agreement.partner)
        table, today = agreement.version["table"], _now().date()
        now = sight(self.settings, self.governance(), partner, agreement.text, table, today)
        return narrowed(read(agreement.version["seen"]), now)

    def file(self, pid: str, token: str, part: Part) -> tuple[Process, File]:
        """Return what a transfer's token opens; Unknown when it opens nothing, any more or at all. Faults as `open_lake`."""
        held = self.book.process(pid)
        if held is None or not token or not hmac.compare_digest(digest(token), str(held.about.get("token", ""))):
            raise Unknown
        partner = self.governance().partners.get(held.partner)
        agreement = self.book.agreement(str(held.about.get("agreement")))
        if partner is None or agreement is None or agreement.ended:
            raise Unknown
        one = self.find("transfer", pid, partner)
        if not any(t.partner == held.partner and t.holds(_now()) for t in tokens(self.hub)):
            raise Unknown  # revoked, and nothing in its place
        if one.state != "STARTED" or one.role != "provider" or _now().isoformat() >= str(one.about["expires"]):
            raise Unknown
        version = agreement.version
        return one, File(*product(self.hub, version["table"], part, version["snapshot"], self.seen(agreement)))

    def end(self, name: str, reason: str) -> Agreement:
        """End an agreement, and with it every transfer and token; a Fault if there is none."""
        found = self.agreement(name)
        self.book.end(name, _now().isoformat(timespec="seconds"), reason)
        for one in self.book.processes():
            if one.kind == "transfer" and one.about.get("agreement") == name and not one.over:
                with suppress(Illegal):  # our own request, which is not there yet: it will be refused
                    self.say(one.pid, "termination", code="ended", reason=[reason])
        return found


def new_pid() -> str:
    """Return an identifier that nothing else has."""
    return f"urn:uuid:{uuid.uuid4()}"


def _now() -> datetime:
    return datetime.now(UTC)
