"""Negotiations and transfers without a network: the protocol's diagrams, repetition, what is durable; and over HTTP, what is refused."""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dataspace.courier import step
from pipelines.dataspace.peers import Peer, Refused
from privacy.errors import Fault
from privacy.policy import read_policy
from tests.dataspace import Kit, Talk, be_participant, hub_and_kit, new_pid, running
from warehouse.catalogue.settings import Settings
from warehouse.catalogue.terms import offers
from warehouse.charter import Participant
from warehouse.dataspace.book import Book
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.messages import LARGEST, TYPES, Unreadable, check, message, parse, typed
from warehouse.dataspace.offers import Unmet, essence, sight
from warehouse.dataspace.participants import within
from warehouse.dataspace.process import Illegal, Process, acknowledged, spoken, taken
from warehouse.dataspace.scenarios import read_scenarios
from warehouse.dataspace.states import after
from warehouse.governance import Hub, first_lines, read
from warehouse.partners.tokens import new_token, revoke

# The protocol's two diagrams, as lines: state, who (C, P, or either), message, state.
DIAGRAMS = {
    "negotiation": """
        NEW C request REQUESTED | NEW P offer OFFERED | REQUESTED P offer OFFERED | REQUESTED P agreement AGREED
        | OFFERED C request REQUESTED | OFFERED C accepted ACCEPTED | ACCEPTED P agreement AGREED
        | AGREED C verification VERIFIED | VERIFIED P finalized FINALIZED | REQUESTED CP termination TERMINATED
        | OFFERED CP termination TERMINATED | ACCEPTED CP termination TERMINATED | AGREED CP termination TERMINATED
        | VERIFIED CP termination TERMINATED""",
    "transfer": """
        NEW C request REQUESTED | REQUESTED P start STARTED | STARTED CP suspension SUSPENDED | SUSPENDED CP start STARTED
        | STARTED CP completion COMPLETED | REQUESTED CP termination TERMINATED | STARTED CP termination TERMINATED
        | SUSPENDED CP termination TERMINATED""",
}
LEGAL = {
    (kind, before, who, word): then
    for kind, text in DIAGRAMS.items()
    for before, whose, word, then in (line.split() for line in text.split("|"))
    for who in whose
}
SIDES = {"C": "consumer", "P": "provider"}
CONTENT = {
    "offer": {"offer": {"@id": "o", "@type": "Offer", "target": "d", "permission": [{"action": "use"}]}},
    "agreement": {"agreement": {"@id": "a", "@type": "Agreement", "target": "d", "assigner": "p", "assignee": "c",
                                "timestamp": "2026-11-22T12:00:00Z", "permission": [{"action": "use"}]}},
}  # fmt: skip
CONTENT["request"] = CONTENT["offer"]


def theirs(one: Process, word: str, number: int) -> dict:
    """A message of the other side; no two alike unless of one number."""
    content = CONTENT.get(word, {}) if one.kind == "negotiation" else {}
    pids = {"providerPid": "theirs", "consumerPid": "theirs"} | {k: v for k, v in one.pids.items() if v == one.pid}
    return message(one.kind, word, **pids, **content) | {"@id": f"urn:{number}"}


def test_the_hubs_tables_are_the_protocols_diagrams_and_nothing_more():
    states = {key[1] for key in LEGAL} | set(LEGAL.values())
    for kind, state, who, word in itertools.product(TYPES, states, "CP", TYPES["negotiation"] | TYPES["transfer"]):
        assert after(kind, state, SIDES[who], word) == LEGAL.get((kind, state, who, word))


@given(st.data(), st.sampled_from(["negotiation", "transfer"]), st.sampled_from("CP"))
def test_any_messages_in_any_order_move_only_along_the_diagram(data, kind, side):
    """Ours and theirs, lost acknowledgements and repetitions: after each, the state is the diagram's."""
    one, state = Process("ours", kind, SIDES[side], "partner", "http://localhost"), "NEW"
    any_word = st.tuples(st.sampled_from("CP"), st.sampled_from(sorted(TYPES[kind])))
    for number in range(data.draw(st.integers(0, 14))):
        legal = sorted({key[2:] for key in LEGAL if key[:2] == (kind, state)})
        who, word = data.draw(any_word | st.sampled_from(legal) if legal else any_word)
        then = LEGAL.get((kind, state, who, word))
        if who == side:
            try:
                one = spoken(one, word, 0, **(CONTENT.get(word, {}) if kind == "negotiation" else {}))
            except Illegal:
                assert then is None
                continue
            assert then is not None
            assert one.state == state  # it counts when it is acknowledged
            assert spoken(one, word, 0).sending is not None
            one, state = acknowledged(one, 0, "theirs"), then
        else:
            came = theirs(one, word, number)
            try:
                heard = taken(one, word, came, 0)
            except Illegal:
                assert then is None
                continue
            assert then is not None
            one, state = heard, then
            if LEGAL.get((kind, state, who, word)) is None:
                assert taken(one, word, came, 0) == one  # the same again changes nothing
        assert one.state == state
        assert one.visits[-1] == state
        assert one.over == (state in ("FINALIZED", "COMPLETED", "TERMINATED"))
        assert (one.due is None) == one.over


@given(st.sampled_from(sorted(LEGAL)), st.sampled_from(sorted(LEGAL)))
def test_what_can_only_follow_our_message_shows_that_it_arrived(ours, answer):
    """The acknowledgement was lost with a process that was killed; the other side goes on from where it is."""
    kind, before, side, word = ours
    if (answer[0], answer[1]) != (kind, LEGAL[ours]) or answer[2] == side:
        return
    one = replace(Process("ours", kind, SIDES[side], "p", "http://localhost"), state=before, peer_pid="theirs")
    one = spoken(one, word, 0, **(CONTENT.get(word, {}) if kind == "negotiation" else {}))
    assert taken(one, answer[3], theirs(one, answer[3], 1), 0).state == LEGAL[answer]


def test_a_message_of_another_process_is_refused():
    one = replace(Process("ours", "transfer", "consumer", "p", "http://localhost"), state="STARTED", peer_pid="theirs")
    good = message("transfer", "completion", providerPid="theirs", consumerPid="ours")
    assert taken(one, "completion", good, 0).state == "COMPLETED"
    for wrong in ({"providerPid": "other"}, {"consumerPid": "other"}):
        with pytest.raises(Illegal):
            taken(one, "completion", good | wrong, 0)


def test_the_hubs_offers_fit_the_protocols_schema_and_are_known_again_in_other_order():
    for offer in offers(Settings()):
        check("catalog/dataset", typed("Dataset", **{"@id": "x"}, hasPolicy=[offer], distribution=[
            {"format": "HttpData-PULL", "accessService": "urn:s"}]))  # fmt: skip
        assert essence(dict(reversed(offer.items()))) == essence(offer)
        short, long = ((json.dumps(offer).replace('"odrl:', f'"{p}')) for p in ("", "http://www.w3.org/ns/odrl/2/"))
        assert essence(json.loads(short)) == essence(json.loads(long)) == essence(offer)
        assert essence(json.loads(short.replace('"sell"', '"lend"'))) != essence(offer)
        assert essence(json.loads(short.replace("#purpose-", "#purpose-other-"))) != essence(offer)
        assert essence({k: v for k, v in offer.items() if k != "prohibition"}) != essence(offer)
        for rule in offer["permission"]:
            assert essence(offer | {"permission": [r for r in offer["permission"] if r is not rule]}) != essence(offer)


MEMBER = (
    '[venues.opera]\nname = "O"\nkind = "opera"\ncommune = "75056"\nsince = 2026-01-01\npublic_key = "'
    + "ab" * 32
    + '"\n'
)
PARTNERS = "".join(
    f'[partners.{name}]\nname = "{name}"\npurpose = "{purpose}"\nuntil = 9999-12-31\n'
    'tables = {grant = ["all"]}\nvenues = {grant = ["all"]}\n'
    for name, purpose in (("opera", "comparison"), ("region", "evaluation"))
)


@pytest.mark.parametrize(("who", "terms", "why"), [
    ("opera", "comparison", None), ("region", "evaluation", None), ("opera", "statistics", "another purpose"),
    ("region", "comparison", "for members"), ("region", "campaign", "another purpose"),
])  # fmt: skip
def test_terms_are_for_a_purpose_and_some_for_members(who, terms, why):
    agreed, settings = read(first_lines() + MEMBER + PARTNERS, read_policy()), Settings()
    offer = next(o for o in offers(settings) if o["@id"].endswith(terms))
    if why is None:
        (seen,) = sight(settings, agreed, agreed.partners[who], offer, "provenance", date(2026, 11, 23))
        assert (seen.venue, seen.table) == ("opera", "provenance")
    else:
        with pytest.raises(Unmet, match=why):
            sight(settings, agreed, agreed.partners[who], offer, "provenance", date(2026, 11, 23))


def test_what_cannot_be_checked_is_not_met():
    agreed, settings = read(first_lines() + MEMBER + PARTNERS, read_policy()), Settings()
    (offer,) = [o for o in offers(settings) if o["@id"].endswith("evaluation")]
    (use, *others) = offer["permission"]
    near = {"leftOperand": "odrl:spatial", "operator": "eq", "rightOperand": {"@id": "urn:EU"}}
    asked = offer | {"permission": [use | {"constraint": [*use["constraint"], near]}, *others]}
    with pytest.raises(Unmet):
        sight(settings, agreed, agreed.partners["region"], asked, "provenance", date(2026, 11, 23))


@pytest.mark.parametrize("body", [
    b"", b"[]", b"1", b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", b"\xff",
    b"[" * 200_000, b'{"a": ' + b"9" * 100_000 + b"}", b'{"consumerPid": ""}', b'{"consumerPid": ".."}',
    b'{"providerPid": "a b"}', b'{"providerPid": "a\\u0000"}',
])  # fmt: skip
def test_what_is_no_message_is_unreadable(body):
    with pytest.raises(Unreadable):
        parse(body)


OWN = "https://hub.example.org/dsp/2025-1"


@pytest.mark.parametrize(("url", "good"), [
    (OWN, True), (f"{OWN}/", True), (f"{OWN}/callback/7", True), ("https://HUB.example.org/dsp/2025-1", True),
    ("http://hub.example.org/dsp/2025-1", False), ("https://hub.example.org:8443/dsp/2025-1", False),
    ("https://hub.example.org/dsp/2025-10", False), ("https://hub.example.org/dsp", False), ("https://hub.example.org", False),
    ("https://hub.example.org.evil.net/dsp/2025-1", False), ("https://hub.example.org@evil.net/dsp/2025-1", False),
    ("https://evil.net/https://hub.example.org/dsp/2025-1", False), ("https://evil.net#@hub.example.org/dsp/2025-1", False),
    (f"{OWN}/../../admin", False), (f"{OWN}/./x", False), (f"{OWN}/%2e%2e/x", False), (f"{OWN}\\..\\x", False),
    (f"{OWN}?x=1", False), (f"{OWN}#x", False), ("http://169.254.169.254/dsp/2025-1", False), ("file:///etc/passwd", False),
    ("https://[::1/dsp", False), ("", False), ("//hub.example.org/dsp/2025-1", False), (f"{OWN}/\n", False),
    ("https://user:pw@hub.example.org/dsp/2025-1", False), ("https://hüb.example.org/dsp/2025-1", False),
])  # fmt: skip
def test_only_a_participants_own_address_is_called(url, good):
    assert within(url, OWN) is good


@pytest.mark.parametrize(("line", "good"), [
    ('dataspace = {id = "urn:x", address = "https://hub.example.org/dsp/2025-1"}', True),
    ('dataspace = {id = "urn:x", address = "http://localhost:8083"}', True),
    ('dataspace = {id = "urn:x", address = "http://hub.example.org/dsp"}', False),  # in clear
    ('dataspace = {id = "urn:x", address = "https://hub.example.org/../x"}', False),
    ('dataspace = {id = "urn:x", address = "https://a@hub.example.org"}', False),
    ('dataspace = {id = "", address = "https://hub.example.org"}', False),
    ('dataspace = {id = "urn:x"}', False),
])  # fmt: skip
def test_participants_are_declared_in_governance(line, good):
    text = first_lines() + f'\n[partners.quebec]\nname = "Q"\npurpose = "statistics"\nuntil = 2027-08-31\n{line}\n'
    if good:
        assert isinstance(read(text, read_policy()).partners["quebec"].dataspace, Participant)
    else:
        with pytest.raises(Fault, match=r"partners\.quebec\.dataspace"):
            read(text, read_policy())


# --- what is kept -------------------------------------------------------------------------------------------------------


def finalized(book: Book, agreement: str = "a") -> None:
    made = CONTENT["agreement"]["agreement"] | {"@id": agreement}
    one = book.begin(replace(Process(new_pid(), "negotiation", "provider", "kit", "http://x"), state="VERIFIED",
                             about={"agreement": made, "version": {"snapshot": 3}}))  # fmt: skip
    book.change(one.pid, lambda p: acknowledged(spoken(p, "finalized", 0), 0))


def test_an_agreement_is_there_once_it_is_finalized_and_never_changes(tmp_path: Path):
    book = Book(Hub(tmp_path))
    finalized(book)
    (kept,) = book.agreements()
    assert (kept.text, kept.version, kept.ended) == (CONTENT["agreement"]["agreement"], {"snapshot": 3}, None)
    book.end("a", "2026-11-23", "the members decided so")
    book.end("a", "2026-11-24", "another reason")
    assert (book.agreement("a") or kept).reason == "the members decided so"
    with sqlite3.connect(tmp_path / "dataspace" / "dataspace.sqlite") as file:
        for act in ("update agreements set partner = 'x'", "delete from agreements"):
            with pytest.raises(sqlite3.IntegrityError, match="agreements do not change"):
                file.execute(act)
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)


def test_one_process_sends_and_another_takes_over_when_it_dies(tmp_path: Path):
    """Two books are two processes: a claim is for one; a minute later it is anybody's, and late news of the dead one is nothing."""
    first, second = Book(Hub(tmp_path)), Book(Hub(tmp_path))
    first.begin(spoken(Process("ours", "transfer", "consumer", "kit", "http://x"), "request", 0))
    mine = first.claim(10)
    assert mine is not None
    assert mine.flying
    assert first.claim(10) is second.claim(10) is None
    late = second.claim(80)
    assert late is not None
    assert late.sending == mine.sending
    assert first.change("ours", lambda p: acknowledged(p, 0, "theirs"), mine.version) is None
    after = second.change("ours", lambda p: acknowledged(p, 0, "theirs"), late.version)
    assert after is not None
    assert (after.state, after.peer_pid) == ("REQUESTED", "theirs")
    assert first.process("ours") == after


# --- over HTTP ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    hub, port, kit = hub_and_kit(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAUGE_PEER_KIT", "given")
        with running(hub, port, scripted=True), kit:
            yield kit


def test_a_message_that_comes_again_is_acknowledged_and_does_nothing(kit: Kit):
    talk = Talk(kit, "negotiation", "provider", "ACN0202")
    ask = talk.message("request")
    first, again = (talk.say("request", ask) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    other = talk.say("request", ask | {"offer": ask["offer"] | {"@id": "another"}})
    assert other.status_code == 400
    talk.reaches("REQUESTED")
    end = talk.message("termination")
    assert [talk.say("termination", end).json()["state"] for _ in range(3)] == ["TERMINATED"] * 3
    assert talk.say("termination", end | {"code": "another"}).status_code == 400


@pytest.mark.slow
def test_what_the_other_side_does_not_take_is_sent_again_or_ends(kit: Kit):
    talk = Talk(kit, "negotiation", "provider", "ACN0101")
    kit.statuses = [503]
    assert talk.say("request").status_code == 201
    talk.hears("offer")  # a second later
    talk.reaches("OFFERED")
    refused = Talk(kit, "negotiation", "provider", "ACN0101")
    kit.statuses = [400]
    assert refused.say("request").status_code == 201
    refused.hears("termination")
    refused.reaches("TERMINATED")
    led = Talk(kit, "negotiation", "provider", "ACN0101")
    kit.statuses = [307]  # elsewhere: nobody goes there
    assert led.say("request").status_code == 201
    led.hears("termination")
    led.reaches("TERMINATED")


def test_callbacks_go_to_the_registered_address_only(kit: Kit):
    for address in (
        "http://127.0.0.1:1/",
        "http://169.254.169.254",
        kit.address + "@evil.net",
        kit.base,
        "file:///etc",
    ):
        for kind, about in (("negotiation", "ACN0101"), ("transfer", "ATP0101")):
            talk = Talk(kit, kind, "provider", about)
            answer = talk.say("request", talk.message("request") | {"callbackAddress": address})
            assert answer.status_code == 400
            assert "callbackAddress" in answer.json()["reason"][0]


def test_what_is_too_large_or_breaks_the_schema_is_refused_and_nothing_begins(kit: Kit):
    talk = Talk(kit, "negotiation", "provider", "ACN0101")
    good = talk.message("request")
    assert talk.say("request", good | {"x": "x" * LARGEST}).status_code == 413
    for wrong in (
        {**good, "@type": "ContractOfferMessage"}, {k: v for k, v in good.items() if k != "offer"}, {**good, "@context": []},
        {**good, "offer": {"@id": "x", "@type": "Offer"}}, {k: v for k, v in good.items() if k != "callbackAddress"},
        {**good, "callbackAddress": 7}, {**good, "consumerPid": 7},
    ):  # fmt: skip
        answer = kit.call("POST", "/negotiations/request", wrong)
        assert answer.status_code == 400, wrong
        check("negotiation/contract-negotiation-error", answer.json())
    headers = {"Authorization": f"Bearer {kit.token}"}
    assert kit.client.post(f"{kit.base}/negotiations/request", content=b"{", headers=headers).status_code == 400
    assert talk.say("request").status_code == 201  # of the same identifier: none of those had begun
    talk.hears("offer")


def test_who_is_not_known_is_told_nothing(kit: Kit):
    talk = Talk(kit, "negotiation", "provider", "ACN0202")
    talk.say("request")
    for token in ("x", kit.token[:-1], "x" * 300):
        for path in (f"/negotiations/{talk.theirs}", "/negotiations/urn:uuid:none", f"/transfers/{talk.theirs}"):
            assert kit.call("GET", path, token=token).status_code == 404
        assert kit.call("POST", "/negotiations/request", talk.message("request"), token).status_code == 404
    assert kit.call("GET", f"/transfers/{talk.theirs}").status_code == 404  # it is no transfer
    assert kit.client.get(f"{kit.base}/negotiations/{talk.theirs}").status_code == 404


@pytest.mark.slow
def test_a_consumer_takes_the_agreement_it_asked_for_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JAUGE_PEER_KIT", "given")
    hub, port, kit = hub_and_kit(tmp_path)
    asked = {"@id": "urn:o", "@type": "Offer", "target": "d", "permission": [{"action": "use"}],
             "prohibition": [{"action": "odrl:sell"}]}  # fmt: skip

    def answered(word: str, **content: object) -> str:
        one = connector.ask("negotiation", "kit", offer=asked)
        talk = Talk(kit, "negotiation", "consumer", "d")
        talk.pids, talk.begun = {"consumerPid": one.pid}, True
        talk.hears("request")
        assert talk.say(word, talk.message(word) | content).status_code == 200
        return kit.heard[talk.pids["providerPid"]].get(timeout=10)[0]

    with running(hub, port) as connector, kit:
        made = {**asked, "@id": "urn:a", "@type": "Agreement", "assigner": "urn:kit", "assignee": connector.id,
                "timestamp": "2026-11-22T12:00:00Z"}  # fmt: skip
        assert answered("agreement", agreement=made) == "verification"
        wider = {k: v for k, v in made.items() if k != "prohibition"}
        others = (
            {"target": "e"},
            {"assigner": "urn:x"},
            {"assignee": "urn:x"},
            {"permission": [{"action": "odrl:sell"}]},
        )
        for wrong in (wider, *(made | other for other in others)):
            assert answered("agreement", agreement=wrong) == "termination"
        assert answered("offer", offer=asked) == "accepted"
        assert answered("offer", offer=asked | {"target": "e"}) == "termination"
        unasked = Talk(kit, "negotiation", "consumer", "d")
        assert unasked.say("offer").status_code == 201
        assert "takes no offers" in unasked.hears("termination")["reason"][0]


def test_a_token_that_is_revoked_opens_nothing_from_then_on(tmp_path: Path):
    hub, port, kit = hub_and_kit(tmp_path)
    with running(hub, port), kit:
        talk = Talk(kit, "negotiation", "provider", "ACN0202")
        assert talk.say("request").status_code == 201
        revoke(hub, "kit", datetime.now(UTC))
        assert kit.call("GET", f"/negotiations/{talk.theirs}").status_code == 404
        kit.token = new_token(hub, "kit", datetime.now(UTC))
        assert kit.call("GET", f"/negotiations/{talk.theirs}").status_code == 200
        hub.governance.write_text(hub.governance.read_text("utf-8").replace("9999-12-31", "2026-01-01"), "utf-8")
        assert kit.call("GET", f"/negotiations/{talk.theirs}").status_code == 404


def test_only_a_hub_of_scenarios_can_be_made_to_begin(tmp_path: Path):
    hub, port, kit = hub_and_kit(tmp_path)
    with running(hub, port), kit:
        root = kit.base.rsplit("/dsp", 1)[0]
        for kind in ("negotiation", "transfer"):
            assert kit.client.post(f"{root}/test/{kind}s", json={}).status_code == 404


def test_a_hub_that_is_nowhere_says_so_and_serves_nothing_of_it(tmp_path: Path):
    with pytest.raises(Fault, match=r"in no dataspace: hub/catalogue\.toml"):
        Connector(Hub(tmp_path))
    (tmp_path / "bad.toml").write_text("datasets = 7")
    with pytest.raises(Fault, match=r"bad\.toml cannot be read"):
        read_scenarios(tmp_path / "bad.toml")


def test_a_token_that_is_not_in_the_environment_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A process waits for it: what is due is sent once it is there."""
    monkeypatch.delenv("JAUGE_PEER_KIT", raising=False)
    hub, _, kit = hub_and_kit(tmp_path)
    connector = Connector(hub)
    one = connector.ask("transfer", "kit", agreementId="x", format="HttpData-PULL")
    assert step(connector)
    waiting = connector.book.process(one.pid)
    assert waiting is not None
    assert "set JAUGE_PEER_KIT" in waiting.reason
    monkeypatch.setenv("JAUGE_PEER_KIT", "given")
    with kit:
        connector.book.change(one.pid, lambda p: replace(p, due=time.time()))
        assert step(connector)
    sent = connector.book.process(one.pid)
    assert sent is not None
    assert sent.state == "REQUESTED"


def test_a_file_is_fetched_from_the_registered_address_only(tmp_path: Path):
    hub, _, kit = hub_and_kit(tmp_path)
    be_participant(hub, 1)
    peer = Peer(*Connector(hub).partner("kit"))
    kit.server.server_close()
    for endpoint in ("http://127.0.0.1:1/x", "file:///etc/passwd", "", "http://169.254.169.254/"):
        told = [{"name": "authorization", "value": "x"}, {"name": "authType", "value": "bearer"}]
        with pytest.raises(Refused, match="not at the registered one"):
            peer.file({"endpoint": endpoint, "endpointProperties": told}, "")
    with pytest.raises(Refused, match="token cannot be sent"):
        peer.file({"endpoint": kit.address, "endpointProperties": [{"name": "authorization", "value": "a\nb"}]}, "")


def test_the_protocols_own_schemas_are_the_ones_published():
    """As they came: a schema that somebody made milder would let through what others refuse."""
    root = Path(__file__).parents[1] / "warehouse" / "dataspace" / "schemas"
    found = {p.relative_to(root).as_posix(): json.loads(p.read_text("utf-8")) for p in root.rglob("*.json")}
    assert all(s["$id"] == f"https://w3id.org/dspace/2025/1/{name}" for name, s in found.items())
    same = {"contract": "negotiation", "dataset": "catalog", "context": "common"}
    for name, folder in same.items():  # those that the catalogue's own tests have too
        other = Path(__file__).parent / "standards" / "dsp" / f"{name}-schema.json"
        assert json.loads(other.read_text("utf-8")) == found[f"{folder}/{name}-schema.json"]
