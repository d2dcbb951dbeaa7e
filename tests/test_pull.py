"""Pulling from systems that answer as their documentation says, and from systems that do not: nothing lost, nothing told."""

from __future__ import annotations

import base64
import json
import logging
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tenacity import wait_none
from vendors import Answer, Asked, Vendor, vendor

from aggregations.founding import add_venue
from aggregations.receipt import receipts
from aggregations.records import records
from aggregations.venue import Venue, read_venue
from pipelines import venue as node
from pipelines.cli import main
from pipelines.pull import client, progress, pulling
from pipelines.pull.pulling import pull, pull_all, together
from pipelines.pull.systems import SYSTEMS
from privacy.errors import Fault

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPORTS = EXAMPLES / "exports"
SECRET = "ornithorynque-7c1d"
SENT = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pace and no back-off of our own: a vendor's `Retry-After` is still waited for."""
    monkeypatch.setattr(client, "_BACK_OFF", wait_none())
    for name, system in SYSTEMS.items():
        monkeypatch.setitem(SYSTEMS, name, replace(system, per_minute=600_000))


Declare = Callable[..., Venue]


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """A venue with one source, `box`, and its secret in the environment."""

    def make(system: str, url: str, **keys: str) -> Venue:
        for last in ("TOKEN", "CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.setenv(f"JAUGE_THEATRE_DU_LAC_BOX_{last}", SECRET)
        source = {"box": {"system": system, "url": url, **keys}}
        stated = Venue("theatre-du-lac", "Théâtre du Lac", "theatre", "38185", pull=source, folder=tmp_path / "lac")
        return read_venue(add_venue(stated).folder)

    return make


def loaded(path: Path) -> Any:
    return json.loads(path.read_bytes())


def kept(venue: Venue, frame: str = "transactions") -> int:
    return records(venue, frame).collect().height


def exports(venue: Venue) -> list[str]:
    return sorted(p.name for p in venue.inbox.iterdir())


def dated(content: Any, at: datetime = SENT) -> Answer:
    """An answer under a vendor's clock."""
    return Answer(content, headers={"Date": format_datetime(at, usegmt=True)})


# --- the five interfaces, as documented ------------------------------------------------------------------


def pretix(asked: Asked) -> Answer:
    """Pages of 10 by number, a header that tells when the first was made, one event at its own address."""
    *_, last = asked.path.strip("/").split("/")
    if last == "saison2627":
        return Answer(loaded(EXAMPLES / "pretix" / "events.json")[0])
    if "customers" in asked.path:
        return Answer(next(c for c in loaded(EXAMPLES / "pretix" / "customers.json") if c["identifier"] == last))
    rows = loaded(EXAMPLES / "pretix" / f"{last}.json")[:25]
    if "modified_since" in asked.what:
        rows = rows[:1]
    page = int(asked.what.get("page", 1))
    following = "https://elsewhere.example/?page=2" if page * 10 < len(rows) else None
    content = {"count": len(rows), "next": following, "previous": None, "results": rows[page * 10 - 10 : page * 10]}
    return Answer(content, headers={"X-Page-Generated": "2026-11-22T05:00:00.250000+01:00"})


def billetweb(asked: Asked) -> Answer:
    return dated(loaded(EXPORTS / "billetweb.json"))


def helloasso(asked: Asked) -> Answer:
    """A token after the last page too: the end is an empty page."""
    if asked.path == "/oauth2/token":
        return Answer({"access_token": "for-a-while", "token_type": "bearer", "expires_in": 1800})
    items = loaded(EXPORTS / "helloasso" / "items.json")["data"]
    rows = items if asked.path.endswith("items") else loaded(EXPORTS / "helloasso" / "forms.json")
    start = int(asked.what.get("continuationToken", 0))
    page = {"pageSize": 2, "totalCount": -1, "continuationToken": str(min(start + 2, len(rows)))}
    if "continuationToken" in asked.what and start >= len(rows):
        page["continuationToken"] = "end"
    return dated({"data": rows[start : start + 2], "pagination": page})


def matomo(asked: Asked) -> Answer:
    """By day; the server gives fewer rows a page than it is asked for."""
    visits = loaded(EXPORTS / "matomo.json")
    start = int(asked.what.get("filter_offset", 0))
    return Answer(visits[start : start + 1] if asked.what["date"] == "2026-11-21" else [])


def openagenda(asked: Asked) -> Answer:
    events = loaded(EXPORTS / "openagenda.json")["data"]
    start = int(asked.what.get("after[]", 0))
    rows = events[start : start + 3]
    return dated({"total": len(events), "events": rows, "sort": "x", "after": [start + 3] if rows else None})


INTERFACES: dict[str, tuple[Callable[[Asked], Answer], dict[str, str], Path, str]] = {
    "pretix": (pretix, {"organizer": "lac"}, EXAMPLES / "pretix", "transactions"),
    "billetweb": (billetweb, {"account": "1234"}, EXPORTS / "billetweb.json", "transactions"),
    "helloasso": (helloasso, {"organization": "le-lac"}, EXPORTS / "helloasso", "transactions"),
    "matomo": (matomo, {"site": "3", "since": "2026-11-20"}, EXPORTS / "matomo.json", "interactions"),
    "openagenda": (openagenda, {"agenda": "777"}, EXPORTS / "openagenda.json", "programme"),
}


@contextmanager
def pulled(declare: Declare, system: str) -> Iterator[tuple[Venue, Vendor]]:
    """A venue that declares this system, and the system."""
    answer, keys, _, _ = INTERFACES[system]
    with vendor(answer) as there:
        yield declare(system, there.url, **keys), there


@pytest.mark.parametrize("system", INTERFACES)
def test_what_is_pulled_is_what_the_vendors_own_export_gives(declare: Declare, system: str, tmp_path: Path) -> None:
    from aggregations.ingest import ingest

    _, _, export, frame = INTERFACES[system]
    with pulled(declare, system) as (venue, there):
        receipt = pull(venue, "box")
        assert receipt is not None
        assert receipt.preset == system
        dropped = add_venue(replace(venue, id="dropped", folder=tmp_path / "dropped"))
        shutil.copy(venue.folder / "keys" / "person.key", dropped.folder / "keys")
        given = tmp_path / "given"
        shutil.copytree(export, given) if export.is_dir() else shutil.copy(export, given)
        if system == "pretix":
            (given / "orders.json").write_text(json.dumps(loaded(export / "orders.json")[:25]), "utf-8")
        ingest(dropped, [given])
        same = [c for c in records(venue, frame).collect_schema() if c != "source_row"]
        ours, theirs = (records(v, frame).select(same).collect().sort(same) for v in (venue, dropped))
        assert ours.height > 1
        assert ours.equals(theirs)
        assert [p.name for p in venue.inbox.glob(".*")] == []

        asked = len(there.asked)
        again = pull(venue, "box")
        if system in ("pretix", "matomo"):
            assert again is None or kept(venue) == ours.height
        else:
            assert again is not None
            assert again.already
            assert len(exports(venue)) == 1
        assert asked or system == "matomo"


@pytest.mark.slow
def test_each_system_is_asked_for_what_changed_in_its_own_way(declare: Declare) -> None:
    said = {}
    for system, name in (
        ("pretix", "modified_since"),
        ("billetweb", "last_update"),
        ("helloasso", "from"),
        ("openagenda", "updatedAt[gte]"),
    ):
        with pulled(declare, system) as (venue, there):
            pull(venue, "box")
            assert not any(name in one.what for one in there.asked)
            before = len(there.asked)
            pull(venue, "box")
            said[system] = next(one.what[name] for one in there.asked[before:] if name in one.what)
        shutil.rmtree(venue.folder)
    assert said == {
        "pretix": "2026-11-22T03:55:00.250Z",  # its header, less the five minutes that are read once more
        "billetweb": str(int(SENT.timestamp()) - 300),
        "helloasso": "2026-08-22T04:00:00.000Z",
        "openagenda": "2026-11-22T03:55:00.000Z",
    }


def test_matomo_is_asked_for_days_that_are_over(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return (SENT + timedelta(days=later)).astimezone(tz)

    later = 0
    monkeypatch.setattr(progress, "datetime", Now)
    with pulled(declare, "matomo") as (venue, there):
        pull(venue, "box")
        assert sorted({one.what["date"] for one in there.asked}) == ["2026-11-20", "2026-11-21"]
        assert all(one.method == "POST" and "?" not in one.address for one in there.asked)
        there.asked.clear()
        assert pull(venue, "box") is None
        assert there.asked == []
        later = 2
        pull(venue, "box")
        assert sorted({one.what["date"] for one in there.asked}) == ["2026-11-22", "2026-11-23"]
    assert kept(venue, "interactions") == 4


# --- secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", [pytest.param("pretix", marks=pytest.mark.slow), *(name for name in INTERFACES if name != "pretix")]
)
def test_a_secret_is_shown_to_its_system_and_is_nowhere_else(
    declare: Declare, system: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pulled(declare, system) as (venue, there):
        pull(venue, "box")
        there.answer = lambda _: Answer({"detail": f"no such token {SECRET}"}, 403)
        (venue.folder / "pull" / "box.json").unlink()
        with pytest.raises(Fault, match="JAUGE_THEATRE_DU_LAC_BOX_") as refused:
            pull(venue, "box")
        basic = base64.b64encode(f"1234:{SECRET}".encode()).decode()
        assert any(SECRET in str(one) or basic in str(one) for one in there.asked)
        assert not any(s in one.address for one in there.asked for s in (SECRET, basic, "for-a-while"))
    told = str(refused.value) + str(refused.value.__cause__) + caplog.text
    stored = b"".join(p.read_bytes() for p in venue.folder.rglob("*") if p.is_file())
    for secret in (SECRET, basic, "for-a-while"):
        assert secret not in told
        assert secret.encode() not in stored
    assert {p.stat().st_mode & 0o077 for p in (venue.folder, venue.folder / "pull")} == {0}


@pytest.mark.parametrize("secret", [None, "", "deux\nlignes", "clé"])
def test_a_missing_or_odd_secret_is_a_fault_that_names_the_variable(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    with pulled(declare, "helloasso") as (venue, there):
        monkeypatch.delenv("JAUGE_THEATRE_DU_LAC_BOX_CLIENT_SECRET")
        if secret is not None:
            monkeypatch.setenv("JAUGE_THEATRE_DU_LAC_BOX_CLIENT_SECRET", secret)
        with pytest.raises(Fault, match="set JAUGE_THEATRE_DU_LAC_BOX_CLIENT_SECRET in the environment") as fault:
            pull(venue, "box")
        assert there.asked == []
    assert "définissez" in fault.value.fr
    assert not secret or secret not in str(fault.value)


def test_a_redirect_is_not_followed(declare: Declare) -> None:
    with vendor(lambda _: Answer([])) as elsewhere, pulled(declare, "billetweb") as (venue, there):
        there.answer = lambda _: Answer(None, 302, {"Location": f"{elsewhere.url}/api/attendees"})
        with pytest.raises(Fault, match="sends elsewhere"):
            pull(venue, "box")
        assert elsewhere.asked == []


def test_a_certificate_that_nobody_vouches_for_is_refused(declare: Declare, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        made.serial_number(1).not_valid_before(SENT - timedelta(days=99)).not_valid_after(SENT + timedelta(days=9999))
    )
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "tls.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")
    with vendor(billetweb, context) as there:
        venue = declare("billetweb", there.url, account="1234")
        with pytest.raises(Fault, match="certificate"):
            pull(venue, "box")
        assert there.asked == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"system": "mapado"}, "system = one of pretix, billetweb"),
        ({"organizer": ""}, "organizer: missing"),
        ({"token": "x"}, "token: missing, or not a key"),
        ({"url": "http://tickets.example.org"}, "url: https://"),
        ({"url": "https://me:secret@tickets.example.org"}, "url: https://"),
        ({"since": "last year"}, "since: a day"),
    ],
)
def test_a_declaration_that_cannot_be_is_a_fault_that_names_the_key(
    declare: Declare, keys: dict[str, str], said: str
) -> None:
    venue = declare("pretix", "https://tickets.example.org", organizer="lac")
    wrong = replace(venue, pull={"box": venue.pull["box"] | keys})
    with pytest.raises(Fault, match=said) as fault:
        pull(wrong, "box")
    assert "secret" not in str(fault.value).replace("secrets stay", "")
    with pytest.raises(Fault, match=r"write \[pull.other\]"):
        pull(venue, "other")


# --- systems that stumble -------------------------------------------------------------------------------------


def stumbling(answer: Callable[[Asked], Answer], *first: Answer, at: int = 0) -> Callable[[Asked], Answer]:
    """The same system, but its answers from the `at`-th on are these."""
    left, seen = list(first), [0]

    def answers(asked: Asked) -> Answer:
        seen[0] += 1
        return left.pop(0) if seen[0] > at and left else answer(asked)

    return answers


@pytest.mark.parametrize(
    "first",
    [
        [Answer({}, 500), Answer("busy", 503), Answer({}, 502)],
        [Answer(b'[{"id": "1", "order_'), Answer(b"<html>")],
        [Answer([{"id": "x" * 99}], cut=40)],
    ],
)
def test_what_passes_is_asked_for_again(declare: Declare, first: list[Answer]) -> None:
    with pulled(declare, "billetweb") as (venue, there):
        there.answer = stumbling(billetweb, *first)
        receipt = pull(venue, "box")
    assert receipt is not None
    assert receipt.rows_read == len(loaded(EXPORTS / "billetweb.json"))
    assert len(there.asked) == len(first) + 1


@pytest.mark.parametrize("said", ["1", pytest.param("date", marks=pytest.mark.slow)])
def test_a_system_that_asks_to_wait_is_waited_for(declare: Declare, said: str) -> None:
    with pulled(declare, "billetweb") as (venue, there):
        if said == "date":
            said = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        there.answer = stumbling(billetweb, Answer({}, 429, {"Retry-After": said}))
        began = time.monotonic()
        pull(venue, "box")
        assert 0.9 < time.monotonic() - began < 5


def test_requests_keep_the_systems_pace(declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYSTEMS, "openagenda", replace(SYSTEMS["openagenda"], per_minute=600))
    with pulled(declare, "openagenda") as (venue, there):
        began = time.monotonic()
        pull(venue, "box")
    assert len(there.asked) == 3
    assert time.monotonic() - began > 0.2


def test_a_system_that_stays_down_loses_nothing_and_the_next_pull_goes_on(declare: Declare) -> None:
    with pulled(declare, "pretix") as (venue, there):
        there.answer = stumbling(pretix, *[Answer({}, 500)] * 6, at=2)  # after two pages of orders
        with pytest.raises(Fault, match=r"HTTP 500.*what came is kept"):
            pull(venue, "box")
        assert exports(venue) == [".pull-box"]
        there.asked.clear()
        pull(venue, "box")
        assert [one.what.get("page") for one in there.asked if one.path.endswith("/orders/")] == ["3"]
    assert kept(venue) > 25


def test_a_token_that_expires_on_the_way_is_asked_for_again(declare: Declare) -> None:
    with pulled(declare, "helloasso") as (venue, there):
        there.answer = stumbling(helloasso, Answer({}, 401), at=2)
        receipt = pull(venue, "box")
        assert there.paths().count("/oauth2/token") == 2
    assert receipt is not None
    assert receipt.rows_read == len(loaded(EXPORTS / "helloasso" / "items.json")["data"])


def test_a_page_that_is_gone_when_the_pull_goes_on_makes_it_begin_again(declare: Declare) -> None:
    with pulled(declare, "helloasso") as (venue, there):
        there.answer = stumbling(helloasso, Answer({}, 400, {}), at=2)  # its continuation token is too old
        receipt = pull(venue, "box")
    assert receipt is not None
    assert receipt.rows_read == len(loaded(EXPORTS / "helloasso" / "items.json")["data"])


def test_a_page_given_twice_counts_once_and_one_given_for_ever_is_told(declare: Declare) -> None:
    with pulled(declare, "openagenda") as (venue, there):
        first = openagenda(Asked("GET", "", "", {}, {}))
        again = {**first.content, "after": [3]}
        there.answer = stumbling(openagenda, Answer(again | {"after": [0]}), Answer(again))
        pull(venue, "box")
        once = kept(venue, "programme")
        there.answer = lambda _: Answer(again)
        with pytest.raises(Fault, match="again and again"):
            pull(venue, "box")
    assert once == kept(venue, "programme") > 1


@pytest.mark.parametrize("content", [{"result": "error", "message": SECRET}, [1, 2], None, "words"])
def test_an_answer_of_another_shape_is_told_without_its_words(declare: Declare, content: Any) -> None:
    with pulled(declare, "matomo") as (venue, there):
        there.answer = lambda _: Answer(content)
        with pytest.raises(Fault, match="visits is not what the interface documents") as fault:
            pull(venue, "box")
    assert SECRET not in str(fault.value)


# --- killed, and run again ------------------------------------------------------------------------------------


class Killed(BaseException):
    """As a power cut: no handler of Exception sees it."""


def cursor(venue: Venue) -> str | None:
    file = venue.folder / "pull" / "box.json"
    return loaded(file)["since"] if file.exists() else None


STEPS = [
    (progress, "_write", 3, True),  # a page and what is said of it are on disk
    (progress, "_write", 4, True),  # a page is, what is said of it is not
    (progress.Pull, "place_in_inbox", 1, False),
    (progress.Pull, "place_in_inbox", 1, True),
    (pulling, "ingest", 1, True),
    *[
        pytest.param(progress, "_write", n, after, marks=pytest.mark.slow)
        for n in range(1, 9)
        for after in (False, True)
    ],
]


@pytest.mark.parametrize(("where", "step", "nth", "after"), STEPS)
def test_killed_at_any_step_the_next_pull_repeats_one_page_at_most(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, where: Any, step: str, nth: int, after: bool
) -> None:
    real, calls = getattr(where, step), [0]

    def dies(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth and not after:
            raise Killed
        result = real(*args, **kwargs)
        if calls[0] == nth:
            raise Killed
        return result

    with pulled(declare, "openagenda") as (venue, there):
        monkeypatch.setattr(where, step, dies)
        with pytest.raises(Killed):
            pull(venue, "box")
        monkeypatch.setattr(where, step, real)
        if not (moved := cursor(venue)):
            pull(venue, "box")
        assert kept(venue, "programme") == 3
        assert len(there.asked) <= 3 + 1
        assert [name for name in exports(venue) if not name.startswith(".")] == exports(venue), moved
        assert len(exports(venue)) == 1
        assert cursor(venue) == SENT.isoformat()


# --- many sources, and Dagster ----------------------------------------------------------------------------------


def test_one_source_that_fails_neither_stops_nor_hides_the_others(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pulled(declare, "billetweb") as (one, there):
        bad = {"system": "billetweb", "url": there.url, "account": "1"}
        venue = replace(one, pull={"first": bad, **one.pull, "last": bad | {"account": ""}})
        outcomes = list(pull_all(venue))
        assert [(o.name, bool(o.receipt), bool(o.error)) for o in outcomes] == [
            ("first", False, True), ("box", True, False), ("last", False, True)
        ]  # fmt: skip
        monkeypatch.setattr(pulling, "ingest", lambda *_: {}[SECRET])
        there.asked.clear()
        (unexpected,) = pull_all(replace(venue, id=one.id), ["box"])
        assert "KeyError" in str(unexpected.error)
        assert SECRET not in str(unexpected.error)
        told = together([o.error for o in outcomes if o.error])
        assert "JAUGE_THEATRE_DU_LAC_FIRST_TOKEN" in told.en
        assert "[pull.last] : account" in told.fr


@pytest.mark.slow
def test_the_nightly_run_pulls_first_and_loads_the_inbox_whatever_a_source_does(
    declare: Declare, tmp_path: Path
) -> None:
    with pulled(declare, "billetweb") as (one, there):
        home = tmp_path / "home"
        folder = home / "venues" / "theatre-du-lac"
        folder.parent.mkdir(parents=True)
        one.folder.rename(folder)
        with (folder / "venue.toml").open("a") as file:
            file.write(f'\n[pull.broken]\nsystem = "openagenda"\nurl = "{there.url}"\nagenda = 77\n')
        shutil.copy(EXPORTS / "openagenda.json", folder / "inbox")
        with dg.instance_for_test() as instance:
            job = node.defs.resolve_job_def("load_exports")
            config = {"resources": {"node": {"config": {"home": str(home)}}}}
            done = job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
        assert not done.success
        (failure,) = [e for e in done.all_events if e.is_step_failure]
        told = str(failure.step_failure_data.user_failure_data.description)
        assert "JAUGE_THEATRE_DU_LAC_BROKEN_TOKEN" in told
        assert SECRET not in told + str(done.all_events)
    venue = read_venue(folder)
    assert kept(venue) > 0
    assert {Path(file).name for one in receipts(venue.store) for file in one.files} == {
        "attendees-00001.json",
        "openagenda.json",
    }


def test_a_source_declared_otherwise_is_another(declare: Declare) -> None:
    with pulled(declare, "billetweb") as (venue, there):
        pull(venue, "box")
        pull(replace(venue, pull={"box": venue.pull["box"] | {"account": "99"}}), "box")
        assert ["last_update" in one.what for one in there.asked] == [False, False]


def test_an_export_that_could_not_be_ingested_waits_and_one_removed_is_fetched_again(declare: Declare) -> None:
    with pulled(declare, "billetweb") as (venue, there):
        there.answer = lambda _: dated([{"neither": "this", "nor": "that"}])
        with pytest.raises(Fault, match="no preset knows"):
            pull(venue, "box")
        with pytest.raises(Fault, match="no preset knows"):
            pull(venue, "box")
        assert len(there.asked) == 1
        shutil.rmtree(venue.inbox / exports(venue)[0])
        there.answer = billetweb
        pull(venue, "box")
    assert kept(venue) > 0


def test_the_command_says_what_came_and_what_failed(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAUGE_LANG", "fr")
    with pulled(declare, "billetweb") as (one, there):
        home = one.folder.parent / "home"
        (home / "venues").mkdir(parents=True)
        folder = one.folder.rename(home / "venues" / one.id)
        with (folder / "venue.toml").open("a") as file:
            file.write(f'\n[pull.agenda]\nsystem = "openagenda"\nurl = "{there.url}"\nagenda = 77\n')
        monkeypatch.setattr(sys, "argv", ["jauge", "pull", one.id, "--home", str(home)])
        with pytest.raises(SystemExit) as end:
            main()
    said = capsys.readouterr()
    assert end.value.code == 1
    assert "attendees-00001.json (billetweb): chargé" in said.out
    assert "définissez JAUGE_THEATRE_DU_LAC_AGENDA_TOKEN" in said.err
    assert SECRET not in said.out + said.err
