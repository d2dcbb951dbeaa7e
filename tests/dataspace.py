"""A hub that is a participant, run for real on loopback, and another participant that a test plays message by message."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

from pipelines.dataspace.courier import Courier
from tests.servers import free_port
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.messages import BASE, CONTEXT, STATE, TYPES, check
from warehouse.dataspace.scenarios import read_scenarios
from warehouse.governance import Hub, first_lines, written
from warehouse.partners.tokens import new_token
from warehouse.web.server import Web

SCENARIOS = Path(__file__).parent / "scenarios.toml"
PATHS = {"offer": "offers", "accepted": "events", "finalized": "events", "verification": "agreement/verification"}
PID = {"provider": "providerPid", "consumer": "consumerPid"}
OTHER = {"provider": "consumer", "consumer": "provider"}


def be_participant(hub: Hub, port: int, base: str = "https://audiences.example.org/catalogue/") -> str:
    """Say where the hub is reached, and return its endpoints' base."""
    hub.folder.mkdir(parents=True, exist_ok=True)
    (hub.folder / "catalogue.toml").write_text(f'base = "{base}"\ndataspace = "http://127.0.0.1:{port}"\n')
    return f"http://127.0.0.1:{port}{BASE}"


def be_partner(hub: Hub, name: str, participant: str, address: str, purpose: str = "statistics") -> str:
    """Declare a participant in governance.toml, and return its token."""
    text = written(hub) if hub.governance.exists() else first_lines()
    text += f'\n[partners.{name}]\nname = "{name}"\npurpose = "{purpose}"\nuntil = 9999-12-31\n'
    text += 'tables = {grant = ["all"]}\nvenues = {grant = ["all"]}\n'
    text += f'dataspace = {{id = "{participant}", address = "{address}"}}\n'
    hub.governance.write_text(text, "utf-8")
    return new_token(hub, name, datetime.now(UTC))


@contextmanager
def running(hub: Hub, port: int, *, scripted: bool = False) -> Iterator[Connector]:
    """The hub's web server and courier."""
    connector = Connector(hub, read_scenarios(SCENARIOS) if scripted else None)
    with Web(hub, "127.0.0.1", port, connector=connector), Courier(connector):
        yield connector


class Kit:
    """Another participant: a callback server that acknowledges what it hears, and a client that says what a test says."""

    def __init__(self, hub_base: str, port: int) -> None:
        self.base, self.address, self.token = hub_base, f"http://127.0.0.1:{port}", ""
        self.heard: dict[str, queue.Queue[tuple[str, dict[str, Any]]]] = defaultdict(queue.Queue)
        self.bases = deque([hub_base])  # of the processes that serve the hub, asked in turn
        self.statuses: list[int] = []  # of the next answers, before they are 200 again
        self.authorizations: set[str | None] = set()
        self.client = httpx.Client(timeout=20)
        kit = self

        class Callback(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                came = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kit.authorizations.add(self.headers.get("Authorization"))
                status, answer = kit.hear(self.path, came)
                body = json.dumps(answer).encode()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", kit.address + "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Callback)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.client.close()

    def hear(self, path: str, came: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Hold a message to its schema, keep it for the test, and acknowledge it."""
        kind = "negotiation" if path.startswith("/negotiations/") else "transfer"
        word = next(
            w
            for w, (name, _) in TYPES[kind].items()
            if name == came["@type"] and came.get("eventType", w.upper()) == w.upper()
        )
        check(TYPES[kind][word][1], came)
        if self.statuses:
            return self.statuses.pop(0), {}
        if path.endswith("s/request"):
            mine = new_pid()
            self.heard[came["consumerPid"]].put((word, came | {"providerPid": mine}))
            pids = {"providerPid": mine, "consumerPid": came["consumerPid"]}
            return 201, {"@context": [CONTEXT], "@type": STATE[kind][0], **pids, "state": "REQUESTED"}
        mine = path.split("/")[2].replace("%3A", ":")
        self.heard[mine].put((word, came))
        return 200, {}

    def call(self, method: str, path: str, sent: Any = None, token: str | None = None) -> httpx.Response:
        """Say something to the hub."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        self.bases.rotate()
        return self.client.request(method, self.bases[0] + path, json=sent, headers=headers)


def new_pid() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


OFFER = {"@type": "Offer", "permission": [{"action": "use"}]}


class Talk:
    """One negotiation or transfer between the hub, in a `role`, and the kit. `about`: a dataset or an agreement."""

    def __init__(self, kit: Kit, kind: str, role: str, about: str) -> None:
        self.kit, self.kind, self.role, self.about = kit, kind, role, about
        self.pids = {PID[OTHER[role]]: new_pid()}

    @property
    def theirs(self) -> str:
        """The hub's identifier."""
        return self.pids[PID[self.role]]

    def content(self, word: str) -> dict[str, Any]:
        """What a message holds beside identifiers."""
        if word in ("offer", "request") and self.kind == "negotiation":
            return {"offer": OFFER | {"@id": f"offer:{self.about}", "target": self.about}}
        if word == "request":
            return {"agreementId": self.about, "format": "HttpData-PULL"}
        if word == "agreement":
            parties = {"assigner": "urn:kit", "assignee": "https://audiences.example.org/catalogue/#publisher"}
            stamp = {"timestamp": "2026-11-22T12:00:00Z", "target": self.about}
            return {"agreement": {**OFFER, "@id": new_pid(), "@type": "Agreement", **parties, **stamp}}
        if word in ("accepted", "finalized"):
            return {"eventType": word.upper()}
        if word == "start" and self.role == "consumer":
            return {"dataAddress": {"@type": "DataAddress", "endpointType": "https://w3id.org/idsa/v4.1/HTTP"}}
        return {}

    def message(self, word: str) -> dict[str, Any]:
        first = word in ("request", "offer") and PID[self.role] not in self.pids
        made = {"@context": [CONTEXT], "@type": TYPES[self.kind][word][0], **self.pids, **self.content(word)}
        return made | ({"callbackAddress": self.kit.address} if first else {})

    def say(self, word: str, sent: dict[str, Any] | None = None) -> httpx.Response:
        """Send a message; the first tells the hub's identifier."""
        sent = sent or self.message(word)
        if "callbackAddress" in sent:
            answer = self.kit.call("POST", f"/{self.kind}s/{PATHS.get(word, word)}", sent)
            if answer.status_code == 201:
                self.pids |= {PID[self.role]: answer.json()[PID[self.role]]}
            return answer
        return self.kit.call("POST", f"/{self.kind}s/{self.theirs}/{PATHS.get(word, word)}", sent)

    def hears(self, word: str) -> dict[str, Any]:
        """Wait for the hub's next message, which must be this one."""
        mine = self.pids.get(PID[OTHER[self.role]]) if PID[OTHER[self.role]] in self.pids else None
        came = self.kit.heard[self.theirs if word == "request" and self.begun else str(mine)].get(timeout=10)
        assert came[0] == word, came
        if self.begun:
            self.pids[PID["provider"]] = came[1]["providerPid"]
            self.begun = False
        return came[1]

    begun = False

    def begin(self) -> None:
        """Have the hub begin, as a kit does."""
        root = self.kit.base.removesuffix(BASE)
        asked = {"providerId": "urn:kit", "connectorAddress": self.kit.address}
        if self.kind == "negotiation":
            asked |= {"offerId": f"offer:{self.about}", "datasetId": self.about}
        else:
            asked |= {"agreementId": self.about, "format": "HttpData-PULL"}
        answer = self.kit.client.post(f"{root}/test/{self.kind}s", json=asked)
        assert answer.status_code == 201, answer.text
        self.pids, self.begun = {PID["consumer"]: answer.json()["pid"]}, True

    def state(self) -> str:
        answer = self.kit.call("GET", f"/{self.kind}s/{self.theirs}")
        assert answer.status_code == 200, answer.text
        check(STATE[self.kind][1], answer.json())
        return answer.json()["state"]

    def reaches(self, state: str) -> None:
        """Wait until the hub is in a state."""
        late = time.monotonic() + 5
        while (now := self.state()) != state:
            assert time.monotonic() < late, f"{now}, not {state}"
            time.sleep(0.01)


def hub_and_kit(home: Path) -> tuple[Hub, int, Kit]:
    """A hub without a lake that knows one participant."""
    hub, port, other = Hub(home / "hub"), free_port(), free_port()
    kit = Kit(be_participant(hub, port), other)
    kit.token = be_partner(hub, "kit", "urn:kit", kit.address)
    return hub, port, kit
