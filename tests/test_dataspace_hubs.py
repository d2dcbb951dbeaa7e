"""Two hubs on loopback: one reads the other's catalogue, agrees, and fetches the product; and everything that ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import pytest
from rdflib import URIRef
from rdflib.namespace import ODRL2

from aggregations.departures import withdraw
from pipelines.dataspace.fetching import agree, fetch, peer_of
from pipelines.push.pushing import push_what_concerns
from privacy.calendar import Period
from privacy.errors import GovernanceRefusal
from privacy.release import deliver
from tests.dataspace import SCENARIOS, Kit, Talk, be_participant, be_partner, hub_and_kit, running
from tests.hub import two_venues
from tests.releases import sender, small_policy
from tests.servers import free_port
from warehouse.catalogue.dcat import DCAT, graph
from warehouse.catalogue.products import read_catalogue
from warehouse.catalogue.terms import offers
from warehouse.dataspace.book import Book
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.messages import BASE, check
from warehouse.dataspace.process import Process
from warehouse.governance import Hub, governance
from warehouse.inbox import accept
from warehouse.partners.extracts import extract
from warehouse.partners.tokens import new_token, revoke
from warehouse.partners.trail import trail
from warehouse.sharing import access

pytestmark = pytest.mark.slow  # a lake, two servers
HERE, THERE = "https://here.example.org/c/", "https://there.example.org/c/"
DATASET = f"{HERE}#product-provenance"


@dataclass
class Two:
    """`provider`, with a lake and a port; `consumer`; a third participant whom the test plays."""

    provider: Connector
    consumer: Connector
    kit: Kit
    port: int


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = tmp_path_factory.mktemp("homes")
    here, there = two_venues(home / "here", "provenance", "admissions"), Hub(home / "there" / "hub")
    ports = free_port(), free_port()
    addresses = be_participant(here, ports[0], HERE), be_participant(there, ports[1], THERE)
    kit = Kit(addresses[0], free_port())
    tokens = {
        "JAUGE_PEER_QUEBEC": be_partner(there, "paris", f"{HERE}#publisher", addresses[0]),
        "JAUGE_PEER_PARIS": be_partner(here, "quebec", f"{THERE}#publisher", addresses[1]),
        "JAUGE_PEER_KIT": "given",
    }
    kit.token = be_partner(here, "kit", "urn:kit", kit.address, "evaluation")
    with pytest.MonkeyPatch.context() as patch:
        for name, token in tokens.items():
            patch.setenv(name, token)
        with running(here, ports[0]) as provider, running(there, ports[1]) as consumer, kit:
            yield Two(provider, consumer, kit, ports[0])


def offer_of(two: Two, terms: str, **changed: Any) -> dict[str, Any]:
    own = next(o for o in offers(two.provider.settings) if o["@id"].endswith(f"#terms-{terms}"))
    return own | {"target": DATASET} | changed


def asked(two: Two, offer: dict[str, Any]) -> Talk:
    """A negotiation that the kit begins with an offer."""
    talk = Talk(two.kit, "negotiation", "provider", DATASET)
    answer = talk.say("request", talk.message("request") | {"offer": offer})
    assert answer.status_code == 201, answer.text
    return talk


def transfer(two: Two, agreement: str) -> Talk:
    talk = Talk(two.kit, "transfer", "provider", agreement)
    assert talk.say("request").status_code == 201
    return talk


def agreed(two: Two) -> str:
    """What the kit agrees on with the hub, to the end."""
    talk = asked(two, offer_of(two, "evaluation"))
    made = talk.hears("agreement")["agreement"]
    assert talk.say("verification").status_code == 200
    talk.hears("finalized")
    talk.reaches("FINALIZED")
    return made["@id"]


def opened(started: dict[str, Any], below: str = "", token: str | None = None) -> httpx.Response:
    """What an address of data opens."""
    address = started["dataAddress"]
    told = {p["name"]: p["value"] for p in address["endpointProperties"]}
    headers = {"Authorization": f"Bearer {told['authorization'] if token is None else token}"}
    return httpx.get(address["endpoint"] + below, headers=headers, timeout=20)


# --- the catalogue ----------------------------------------------------------------------------------------------------


def test_the_version_is_told_to_anybody_and_the_catalogue_to_participants(two: Two) -> None:
    root = two.kit.base.removesuffix(BASE)
    version = httpx.get(f"{root}/.well-known/dspace-version").json()
    check("common/protocol-version", version)
    assert version == {"protocolVersions": [{"version": "2025-1", "path": BASE, "binding": "HTTPS"}]}
    ask = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}
    catalog = two.kit.call("POST", "/catalog/request", ask).json()
    check("catalog/catalog", catalog)
    assert catalog["participantId"] == f"{HERE}#publisher"
    held = read_catalogue(two.provider.hub)
    assert [d["@id"] for d in catalog["dataset"]] == [f"{HERE}#product-{p.table.name}" for p in held.products]
    assert all(d["hasPolicy"] == offers(held.settings) for d in catalog["dataset"])
    told = graph(held)  # what portals read: the same identifiers, the same terms
    for d in catalog["dataset"]:
        assert {str(p) for p in told.objects(URIRef(d["@id"]), ODRL2.hasPolicy)} == {o["@id"] for o in d["hasPolicy"]}
        (way,) = d["distribution"]
        assert (URIRef(d["@id"]), DCAT.distribution, URIRef(way["@id"])) in told
        assert (URIRef(way["@id"]), DCAT.accessService, URIRef(way["accessService"]["@id"])) in told
    one = two.kit.call("GET", f"/catalog/datasets/{quote(DATASET, safe='')}").json()
    check("catalog/dataset", one)
    assert one.items() > next(d for d in catalog["dataset"] if d["@id"] == DATASET).items()
    for path in ("/catalog/datasets/unknown", f"/catalog/datasets/{quote(DATASET, safe='')}x"):
        answer = two.kit.call("GET", path)
        assert answer.status_code == 404
        check("catalog/catalog-error", answer.json())
    answer = two.kit.call("POST", "/catalog/request", ask | {"filter": [{"x": 1}]})
    assert answer.status_code == 400
    check("catalog/catalog-error", answer.json())
    for token in ("x", "jauge_kit_guessed", two.kit.token + "x"):
        assert two.kit.call("POST", "/catalog/request", ask, token).status_code == 404


def test_the_kits_scenarios_of_metadata_and_catalogue(two: Two) -> None:
    """MET:01-01 and CAT:01-01 to 03: a dataset of a scenario is beside the products, and one that is none is an error."""
    port = free_port()
    with running(two.provider.hub, port, scripted=True):
        root, headers = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {two.kit.token}"}
        assert httpx.get(f"{root}/.well-known/dspace-version").json()["protocolVersions"][0]["version"] == "2025-1"
        ask = {
            "@id": "urn:1",
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
            "@type": "CatalogRequestMessage",
        }
        catalog = httpx.post(f"{root}{BASE}/catalog/request", json=ask, headers=headers, timeout=20).json()
        check("catalog/catalog", catalog)
        assert {"CAT0101", DATASET} <= {d["@id"] for d in catalog["dataset"]}
        one = httpx.get(f"{root}{BASE}/catalog/datasets/CAT0101", headers=headers)
        check("catalog/dataset", one.json())
        none = httpx.get(f"{root}{BASE}/catalog/datasets/CAT0103", headers=headers)
        assert (none.status_code, none.json()["@type"]) == (404, "CatalogError")


# --- two hubs -----------------------------------------------------------------------------------------------------------


def test_a_hub_agrees_with_another_and_fetches_its_product(two: Two, tmp_path: Path) -> None:
    assert next(d["@id"] for d in peer_of(two.consumer, "paris").catalogue()["dataset"]) == DATASET
    made = agree(two.consumer, "paris", "provenance", "statistics", 20)
    soon(lambda: two.provider.book.agreement(made.id))  # our acknowledgement of its last word arrives
    (given,) = [a for a in two.provider.book.agreements() if a.partner == "quebec"]
    assert (made.id, made.text, made.role, given.role) == (given.id, given.text, "consumer", "provider")
    assert (made.text["assigner"], made.text["assignee"]) == (f"{HERE}#publisher", f"{THERE}#publisher")
    check("negotiation/contract", made.text)
    cells, totals = fetch(two.consumer, made, tmp_path / "first", 20)
    assert (cells.name, totals.name) == ("provenance.parquet", "provenance_totals.parquet")
    seen = access(governance(two.provider.hub), "quebec", datetime.fromisoformat(given.made).date())
    extract(two.provider.hub, seen, tmp_path / "extract", "parquet")
    for path in (cells, totals):
        same = pl.read_parquet(tmp_path / "extract" / path.name)
        assert same.height > 0
        assert pl.read_parquet(path).sort(pl.all()).equals(same.sort(pl.all()))
    again = fetch(two.consumer, made, tmp_path / "second", 20)
    assert [p.read_bytes() for p in again] == [cells.read_bytes(), totals.read_bytes()]
    soon(lambda: all(p.over for p in two.provider.book.processes()))
    moved = [p for p in two.provider.book.processes() if p.partner == "quebec" and p.kind == "transfer"]
    assert [p.state for p in moved] == ["COMPLETED", "COMPLETED"]
    lines = trail(
        two.provider.hub, "select outcome, rows from audit where partner = 'quebec' and statement like 'data%'"
    )
    assert lines.height == 4
    assert set(lines["outcome"]) == {"answered"}
    assert lines["rows"].min() > 0
    assert "jauge_quebec_" not in str(two.provider.book.processes() + two.consumer.book.processes())
    with pytest.raises(
        GovernanceRefusal, match=r"paris says no: These terms are for another purpose .* / Ces conditions"
    ):
        agree(two.consumer, "paris", "provenance", "campaign", 20)


def test_terms_are_taken_as_they_are_by_whom_they_are_for(two: Two) -> None:
    own = offer_of(two, "evaluation")
    changed = {**own, "prohibition": own["prohibition"][:-1]}
    wider = {k: v for k, v in own.items() if k != "obligation"}
    for offer, why in [
        (changed, "none of the offers"),
        (wider, "none of the offers"),
        (offer_of(two, "statistics"), "another purpose"),
        (offer_of(two, "comparison"), "for members"),
        (own | {"target": f"{HERE}#product-price"}, "no such dataset"),
        (own | {"@id": "urn:mine"}, "none of the offers"),
    ]:
        talk = asked(two, offer)
        (reason,) = talk.hears("termination")["reason"]
        assert why in reason
        talk.reaches("TERMINATED")
    plain = {k: v for k, v in own.items() if k not in ("title", "conflict", "assigner")}  # what other words mean
    plain["prohibition"] = list(reversed(plain["prohibition"]))
    assert asked(two, plain).hears("agreement")["agreement"]["target"] == DATASET


def test_a_participant_to_whom_nothing_is_open_gets_no_agreement(two: Two) -> None:
    written = two.provider.hub.governance.read_text("utf-8")
    closed = written.replace('[partners.kit]\nname = "kit"\npurpose = "evaluation"\nuntil = 9999-12-31\ntables = {grant = ["all"]}',
                             '[partners.kit]\nname = "kit"\npurpose = "evaluation"\nuntil = 9999-12-31\ntables = {grant = ["admissions"]}')  # fmt: skip
    assert closed != written
    two.provider.hub.governance.write_text(closed, "utf-8")
    try:
        (reason,) = asked(two, offer_of(two, "evaluation")).hears("termination")["reason"]
    finally:
        two.provider.hub.governance.write_text(written, "utf-8")
    assert "Nothing of this dataset is open to you" in reason


# --- a token and its end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["completion", "suspension", "termination", "agreement", "participant", "expiry", "rules", "revoked"]
)
def test_a_token_dies_with_what_it_is_of(two: Two, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = transfer(two, agreed(two))
    started = talk.hears("start")
    assert opened(started).content.startswith(b"PAR1")
    assert opened(started, "/totals").content.startswith(b"PAR1")
    assert opened(started, token="x").status_code == opened(started, token=two.kit.token).status_code == 404
    written = two.provider.hub.governance.read_text("utf-8")
    try:
        if end == "agreement":
            two.provider.end(talk.about, "the members decided so")
            assert talk.hears("termination")["reason"] == ["the members decided so"]
            other = Talk(two.kit, "transfer", "provider", talk.about)
            assert other.say("request").status_code == 404
        elif end == "participant":
            two.provider.hub.governance.write_text(written.replace('id = "urn:kit"', 'id = "urn:x"').replace(
                'purpose = "evaluation"\nuntil = 9999-12-31', 'purpose = "evaluation"\nuntil = 2026-01-01'))  # fmt: skip
        elif end == "rules":
            two.provider.hub.governance.write_text(
                written.replace("embargo_days = 0", 'embargo_days = 0\ndeny = ["kit"]')
            )
        elif end == "revoked":
            revoke(two.provider.hub, "kit", _now())
        elif end == "expiry":
            two.provider.book.change(talk.theirs, _expired)
        else:
            assert talk.say(end).status_code == 200
        answer = opened(started)
        assert (answer.status_code, answer.content) == (404, b"")
    finally:
        two.provider.hub.governance.write_text(written, "utf-8")
        two.kit.token = new_token(two.provider.hub, "kit", _now())
    if end == "suspension":  # whoever suspended goes on with the token it has
        assert talk.say("start").status_code == 200
        assert opened(started).status_code == 200


def venues_in(answer: httpx.Response) -> set[str]:
    return set(pl.read_parquet(answer.content)["venue"])


def test_an_agreement_is_for_what_was_open_that_day_and_still_is(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rules close is closed in it; what they open, and what is published, later is not in it; a withdrawal ends it."""
    monkeypatch.setattr("warehouse.dataspace.connector._FRESH", 0)
    hub = two.provider.hub
    whole = hub.governance.read_text("utf-8")
    head, tail = whole.split("[partners.kit]")
    narrow = head + "[partners.kit]" + tail.replace('venues = {grant = ["all"]}', 'venues = {grant = ["theatre"]}')
    assert narrow != whole
    try:
        wide = transfer(two, agreed(two)).hears("start")
        first = opened(wide)
        assert venues_in(first) == {"opera", "theatre"}
        hub.governance.write_text(narrow, "utf-8")
        assert venues_in(opened(wide)) == {"theatre"}
        tight = transfer(two, agreed(two)).hears("start")
        hub.governance.write_text(whole, "utf-8")
        assert venues_in(opened(tight)) == {"theatre"}
        assert opened(wide).content == first.content
        deliver(
            sender(hub.folder.parent, policy=small_policy("provenance")).release("2025-2026-T1", people=1500).folder,
            hub.inbox,
        )
        assert [d.outcome for d in accept(hub)] == ["accepted"]
        assert opened(wide).content == first.content
        later = opened(transfer(two, agreed(two)).hears("start"))
        assert pl.read_parquet(later.content).height > pl.read_parquet(first.content).height
        venue = sender(hub.folder.parent, "opera").venue
        [departure] = withdraw(venue, Period.parse("2025-2026"), "Claire Martin", "counted twice")
        push_what_concerns(venue, departure.release_id, hub.folder)
        assert [d.outcome for d in accept(hub)] == ["withdrawn"]
        gone = opened(wide)
        assert gone.status_code == 503
        assert "expired" in gone.json()["en"]
        assert venues_in(opened(transfer(two, agreed(two)).hears("start"))) == {"theatre"}
    finally:
        hub.governance.write_text(whole, "utf-8")


def _expired(one: Process) -> Process:
    return replace(one, about=one.about | {"expires": "2026-01-01T00:00:00+00:00"})


def test_what_is_anothers_is_not_there(two: Two) -> None:
    name = agreed(two)
    (negotiation,) = [p for p in two.provider.book.processes() if p.about.get("agreement", {}) and
                      p.kind == "negotiation" and p.about["agreement"]["@id"] == name]  # fmt: skip
    stranger = new_token(two.provider.hub, "quebec", _now())
    try:
        for token in (stranger, "x", "x" * 500):
            assert two.kit.call("GET", f"/negotiations/{negotiation.pid}", token=token).status_code == 404
            ask = Talk(two.kit, "transfer", "provider", name).message("request")
            assert two.kit.call("POST", "/transfers/request", ask, token).status_code == 404
            end = {**ask, "@type": "ContractNegotiationTerminationMessage", "providerPid": negotiation.pid}
            path = f"/negotiations/{negotiation.pid}/termination"
            answer = two.kit.call("POST", path, end, token)
            unknown = two.kit.call("POST", path.replace(negotiation.pid, "urn:uuid:x"), end, token)
            assert answer.status_code == unknown.status_code == 404
            assert answer.text.replace(negotiation.pid, "urn:uuid:x") == unknown.text
    finally:
        os.environ["JAUGE_PEER_PARIS"] = stranger  # the one before ended
    assert two.kit.call("GET", f"/negotiations/{negotiation.pid}").json()["state"] == "FINALIZED"


def _now() -> datetime:
    return datetime.now(UTC)


def soon(true: Callable[[], object]) -> None:
    """Wait until it is."""
    late = time.monotonic() + 10
    while not true():
        assert time.monotonic() < late
        time.sleep(0.01)


# --- as a newcomer, with processes that are killed ------------------------------------------------------------------------


@dataclass
class Machine:
    """A home whose hub is served by `jauge serve`, killed and started again at will."""

    home: Path
    web: int
    secrets: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def jauge(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("jauge")), *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        told = {"JAUGE_HOME": str(self.home), "JAUGE_LANG": "en", "COLUMNS": "400", "DAGSTER_HOME": ""}
        return os.environ | told | self.secrets

    def start(self, *more: str) -> None:
        ports = ["--port", str(free_port()), "--web-port", str(self.web)]
        command = [str(Path(sys.executable).with_name("jauge")), "serve", "--host", "127.0.0.1", *ports, *more]
        self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        late = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{self.web}/.well-known/dspace-version").raise_for_status()
            except httpx.HTTPError:
                assert time.monotonic() < late
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def test_commands_agree_fetch_and_end_though_servers_are_killed(tmp_path: Path) -> None:
    here, there = (Machine(tmp_path / name, free_port(), {}) for name in ("here", "there"))
    provider, consumer = two_venues(here.home, "provenance"), Hub(there.home / "hub")
    addresses = be_participant(provider, here.web, HERE), be_participant(consumer, there.web, THERE)
    here.secrets["JAUGE_PEER_QUEBEC"] = be_partner(consumer, "paris", f"{HERE}#publisher", addresses[0])
    there.secrets["JAUGE_PEER_PARIS"] = be_partner(provider, "quebec", f"{THERE}#publisher", addresses[1])
    try:
        here.start()
        there.start()
        told = there.jauge("dataspace", "catalogue", "paris")
        assert (told.returncode, told.stderr) == (0, "")
        assert "#product-provenance" in told.stdout
        folder = str(tmp_path / "first")
        done = there.jauge("dataspace", "request", "paris", "provenance", "--terms", "statistics", "--to", folder)
        assert (done.returncode, done.stderr) == (0, "")
        agreement = done.stdout.splitlines()[0].removeprefix("Agreed: ")
        here.kill()
        there.kill()
        here.start()
        there.start()
        folder = str(tmp_path / "second")
        assert there.jauge("dataspace", "fetch", agreement, "--to", folder).returncode == 0
        first, second = ((tmp_path / n / "provenance.parquet").read_bytes() for n in ("first", "second"))
        assert first == second
        listed = here.jauge("dataspace", "agreements").stdout
        assert agreement in listed
        assert "provider" in listed
        assert here.jauge("dataspace", "end", agreement, "--why", "the year is over").returncode == 0
        assert "the year is over" in here.jauge("dataspace", "agreements").stdout
        late = there.jauge("dataspace", "fetch", agreement, "--to", str(tmp_path / "third"))
        assert late.returncode == 13
        assert "paris says no: HTTP 404" in late.stderr
        wrong = there.jauge("dataspace", "request", "paris", "provenance", "--to", folder)
        assert (wrong.returncode, wrong.stderr.strip()) == (
            1, "paris: --terms is one of these: comparison, evaluation, statistics, campaign.")  # fmt: skip
        stranger = there.jauge("dataspace", "catalogue", "nobody")
        assert stranger.returncode == 13
    finally:
        here.kill()
        there.kill()


def test_a_negotiation_goes_on_after_each_kill(tmp_path: Path) -> None:
    """The server is killed after each message that it takes, before its own has arrived."""
    hub, port, kit = hub_and_kit(tmp_path)
    machine = Machine(tmp_path, port, {"JAUGE_PEER_KIT": "given"})
    assert hub.folder.parent == machine.home
    talk = Talk(kit, "negotiation", "provider", "ACN0103")

    def a_minute_passes() -> None:
        """What a killed process was sending is anybody's again; it may have arrived, and then comes twice."""
        Book(hub).change(talk.theirs, lambda p: p if p.over else replace(p, due=0))

    try:
        with kit:
            for said, heard in [("request", "offer"), ("accepted", "agreement"), ("verification", "finalized")]:
                machine.start("--scenarios", str(SCENARIOS))
                kit.statuses = [503]  # not now
                assert talk.say(said).status_code in (200, 201)
                soon(lambda: not kit.statuses)
                machine.kill()
                a_minute_passes()
                machine.start("--scenarios", str(SCENARIOS))
                talk.hears(heard)
                machine.kill()
            a_minute_passes()
            machine.start("--scenarios", str(SCENARIOS))
            talk.reaches("FINALIZED")
    finally:
        machine.kill()
