"""Releases travel by folder, bucket and HTTPS: the same promise on each, through real servers, cut and killed for real.

Run as a script, this file is a venue that pushes, or a hub that takes from its bucket, and kills itself at a step.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregations.venue import Venue, read_venue
from pipelines.push import web as client
from pipelines.push.hubs import hub_at
from pipelines.push.pushing import push_all, push_one
from privacy.delivery import Answer, Parcel, pack, parcel, read_answer, write_answer
from privacy.errors import Fault, VerificationRefusal
from privacy.release import Release
from tests.releases import Sender, sender, small_policy
from tests.servers import ENVIRONMENT, ObjectStore, free_port, object_store
from warehouse import arriving
from warehouse.arriving import begin
from warehouse.bucket import exchange, take
from warehouse.governance import Hub
from warehouse.inbox import Decision, accept
from warehouse.lake import query
from warehouse.web.app import Limits
from warehouse.web.server import Web

POLICY = small_policy("provenance", "schedule")


@dataclass
class Way:
    """A venue, a hub, and the way between them."""

    venue: Venue
    hub: Hub
    sender: Sender

    def push(self, *, again: bool = False) -> list[Answer | None]:
        return [p.answer for p in push_all(self.venue, self.hub.folder, again=again)]

    def accept(self) -> list[Decision]:
        with exchange(self.hub):
            return accept(self.hub)

    def release(self, period: str = "2025-2026-T1", *, revise: bool = False) -> Release:
        return self.sender.release(period, people=1200, revise=revise)


@pytest.fixture(scope="session")
def store() -> Iterator[ObjectStore]:
    with object_store() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose venue has released a quarter; tests work on copies."""
    home = tmp_path_factory.mktemp("sealed")
    sender(home, policy=POLICY).release("2025-2026-T1", people=1200)
    return home


@pytest.fixture(params=["folder", "web", pytest.param("bucket", marks=pytest.mark.slow)])
def way(request: pytest.FixtureRequest, sealed: Path, tmp_path: Path) -> Iterator[Way]:
    with ExitStack() as stack:
        yield made(request.param, sealed, tmp_path, stack, request)


@pytest.fixture
def by_web(request: pytest.FixtureRequest, sealed: Path, tmp_path: Path) -> Iterator[Way]:
    with ExitStack() as stack:
        yield made("web", sealed, tmp_path, stack, request)


@pytest.fixture
def by_bucket(request: pytest.FixtureRequest, sealed: Path, tmp_path: Path) -> Iterator[Way]:
    with ExitStack() as stack:
        yield made("bucket", sealed, tmp_path, stack, request)


def made(kind: str, sealed: Path, home: Path, stack: ExitStack, request: pytest.FixtureRequest) -> Way:
    shutil.copytree(sealed / "venues", home / "venues")
    s, hub = sender(home, policy=POLICY), Hub(home / "hub")
    s.join(hub)
    address = str(hub.folder)
    if kind == "web":
        server = stack.enter_context(Web(hub, "127.0.0.1", free_port()))
        address = f"http://127.0.0.1:{server.port}"
    if kind == "bucket":
        store, prefix = request.getfixturevalue("store"), f"{home.name}-{time.time_ns()}"
        told = f'inbox = "s3://hub/{prefix}"\nendpoint = "{store.endpoint}"\npath_style = true\ntls = false\n'
        (hub.folder / "lake.toml").write_text(told)
        address = f"s3://hub/{prefix}?endpoint={store.endpoint}&tls=false"
    venue = replace(s.venue, hub=address)
    (venue.folder / "venue.toml").write_text(
        (venue.folder / "venue.toml").read_text().replace("retention_months", f'hub = "{address}"\nretention_months')
    )
    assert read_venue(venue.folder).hub == address
    return Way(venue, hub, s)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def only(folder: Path) -> Path:
    (one,) = [p for p in folder.iterdir() if not p.name.startswith(".")]
    return one


def states(answers: list[Answer | None]) -> list[str | None]:
    return [a and a.state for a in answers]


# --- the same on each way ---------------------------------------------------------------------------------------------


def test_what_is_pushed_is_decided_once_and_the_sender_reads_it(way: Way) -> None:
    assert states(way.push()) == ["waiting"]
    assert states(way.push()) == ["waiting"]
    assert [d.outcome for d in way.accept()] == ["accepted"]
    assert contents(only(way.hub.accepted)) == contents(only(way.venue.outbox))
    (told,) = way.push()
    assert told
    assert told.state == "accepted"
    assert told.at
    assert way.accept() == []


@pytest.mark.slow
def test_a_refusal_is_read_with_its_rule_and_reason_and_can_be_sent_again(way: Way) -> None:
    rules = way.hub.governance.read_text()
    way.hub.governance.write_text(rules.split("[venues")[0])
    way.push()
    way.accept()
    (refused,) = way.push()
    assert refused
    assert (refused.state, refused.rule) == ("refused", "member")
    assert "not a member of the hub" in refused.sentence("en")
    assert "n’est pas membre du hub" in refused.sentence("fr")
    with pytest.raises(VerificationRefusal, match=r"^member: the hub refused this release\. this venue"):
        push_one(way.venue, only(way.venue.outbox), way.hub.folder)
    way.hub.governance.write_text(rules)
    assert states(way.push(again=True)) == ["waiting"]
    assert [d.outcome for d in way.accept()] == ["accepted"]
    assert states(way.push()) == ["accepted"]


@pytest.mark.slow
def test_a_release_signed_by_another_key_is_refused(way: Way) -> None:
    text = way.hub.governance.read_text()
    way.hub.governance.write_text(text.replace(way.venue.public_key, "ab" * 32))
    way.push()
    way.accept()
    (refused,) = way.push()
    assert refused
    assert refused.rule == "signature"


@pytest.mark.slow
def test_only_the_newest_revision_of_a_period_is_sent(way: Way) -> None:
    way.release(revise=True)
    assert states(way.push()) == [None, "waiting"]
    assert [d.outcome for d in way.accept()] == ["accepted"]
    assert query(way.hub, "select revision from releases").rows() == [(2,)]


def test_a_damaged_outbox_is_told_and_not_sent(way: Way) -> None:
    (only(way.venue.outbox) / "tables" / "schedule.parquet").write_bytes(b"PAR1")
    (pushed,) = push_all(way.venue, way.hub.folder)
    assert isinstance(pushed.error, Fault)
    assert "damaged" in pushed.error.en
    assert not way.hub.inbox.exists()


@pytest.mark.slow
def test_a_push_killed_after_any_step_is_resumed_to_the_very_same_bytes(way: Way) -> None:
    step = {"/": "shutil:copyfile", "s": "pipelines.push.hubs:write_object", "h": "httpx:Client.request"}[
        way.venue.hub[0]
    ]
    killed = 0
    for n in itertools.count(1):
        done = itself("push", way.venue.folder, step, n)
        if done == 0:
            break
        assert done == -signal.SIGKILL
        killed += 1
        assert {d.outcome for d in way.accept()} <= {"accepted"}  # of what was whole; never of a part
    assert killed >= 4
    assert states(way.push())[0] in ("waiting", "accepted")
    way.accept()
    assert contents(only(way.hub.accepted)) == contents(only(way.venue.outbox))
    assert query(way.hub, "select count(*) from releases").rows() == [(1,)]
    assert query(way.hub, "select count(*) from refusals").rows() == [(0,)]
    assert list(way.hub.inbox.iterdir()) == []


def test_a_hub_killed_before_it_answered_answers_when_it_decides_again(sealed: Path, tmp_path: Path) -> None:
    shutil.copytree(sealed / "venues", tmp_path / "venues")
    s, hub = sender(tmp_path, policy=POLICY), Hub(tmp_path / "hub")
    s.join(hub)
    way = Way(s.venue, hub, s)
    way.push()
    way.accept()
    shutil.rmtree(hub.folder / "decisions")  # the lake has it; no answer is filed, no folder moved
    only(hub.accepted).rename(hub.inbox / only(s.venue.outbox).name)
    assert states(way.push()) == ["waiting"]
    assert [d.outcome for d in way.accept()] == ["held"]
    assert states(way.push()) == ["accepted"]


# --- HTTPS ------------------------------------------------------------------------------------------------------------


class Line:
    """A line to a server that is cut after so many bytes sent, each time it is opened; None: it holds."""

    def __init__(self, port: int, cuts: list[int | None]) -> None:
        self.cuts, self._to = cuts, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port, self.opened = self._listening.getsockname()[1], 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                cut = self.cuts[self.opened] if self.opened < len(self.cuts) else None
                self.opened += 1
                threading.Thread(target=self._carry, args=(near, cut), daemon=True).start()

    def _carry(self, near: socket.socket, left: int | None) -> None:
        with near, socket.create_connection(("127.0.0.1", self._to)) as far:
            back = threading.Thread(target=pour, args=(far, near, None), daemon=True)
            back.start()
            pour(near, far, left)
            back.join()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def pour(source: socket.socket, to: socket.socket, left: int | None) -> None:
    """Carry bytes until the end, or until none are left; then neither side hears any more."""
    with suppress(OSError):
        while (left is None or left > 0) and (chunk := source.recv(512)):
            to.sendall(chunk[:left])
            left = left if left is None else left - len(chunk)
    for end in (source, to):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_BACK_OFF", lambda _: 0.02)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("cuts", [[0], [100, 100], [9000, 700], [7200, 7300, 7400], [0, 0, 0, 0, 0]])
def test_a_line_that_is_cut_is_taken_up_where_it_was(by_web: Way, cuts: list[int | None]) -> None:
    with closing(Line(int(by_web.venue.hub.rpartition(":")[2]), cuts)) as line:
        way = replace(by_web, venue=replace(by_web.venue, hub=f"http://127.0.0.1:{line.port}"))
        assert states(way.push()) == ["waiting"]
        assert line.opened > 1
    assert contents(only(by_web.hub.inbox)) == contents(only(by_web.venue.outbox))


@pytest.mark.usefixtures("no_waiting")
def test_a_hub_that_does_not_answer_is_told_in_both_languages(by_web: Way) -> None:
    way = replace(by_web, venue=replace(by_web.venue, hub=f"http://127.0.0.1:{free_port()}"))
    (pushed,) = push_all(way.venue, way.hub.folder)
    assert isinstance(pushed.error, Fault)
    assert "6 times. Nothing is lost" in pushed.error.en
    assert "6 fois. Rien n’est perdu" in pushed.error.fr
    with pytest.raises(Fault, match="Sealed in the outbox, but not sent"):
        push_one(way.venue, only(way.venue.outbox), way.hub.folder)


@pytest.fixture
def asked(by_web: Way) -> Iterator[tuple[httpx.Client, Parcel, str]]:
    """A plain client, the parcel, and its address at the hub."""
    packed = pack(only(by_web.venue.outbox))
    with httpx.Client(base_url=by_web.venue.hub) as http:
        yield http, packed, f"/releases/{packed.name}/{packed.digest}"


def opening(packed: Parcel, **other: str) -> bytes:
    return json.dumps({name: text.decode() for name, text in packed.texts.items()} | other).encode()


Asked = tuple[httpx.Client, Parcel, str]


def test_nothing_is_taken_before_the_signature_holds(asked: Asked, by_web: Way) -> None:
    http, packed, where = asked
    path = next(iter(packed.files))
    numbers = {"Upload-Offset": "0", "Upload-Length": "4"}
    assert http.patch(f"{where}/{path}", headers=numbers, content=b"PAR1").status_code == 404
    forged = http.put(where, content=opening(packed, **{"manifest.sig": "00" * 64}))
    assert (forged.status_code, forged.json()["rule"]) == (422, "signature")
    other = packed.texts["manifest.json"].replace(b"theatre", b"voisine")
    assert http.put(where, content=opening(packed, **{"manifest.json": other.decode()})).json()["rule"] == "identity"
    for body in (b"", b"[]", b"{}", b"\xff", b'{"manifest.json": 3}', b"[" * 100_000, opening(packed, **{"../x": "y"})):
        assert http.put(where, content=body).status_code == 422
    assert http.put(where, content=b"x" * 4_000_000).status_code == 413
    assert not by_web.hub.inbox.exists()


def test_only_files_that_the_manifest_names_are_taken_and_no_more_of_them(asked: Asked, by_web: Way) -> None:
    http, packed, where = asked
    path, file = next(iter(packed.files.items()))
    assert http.put(where, content=opening(packed)).status_code == 201

    def send(at: str, content: bytes, offset: object = 0, length: object = None) -> httpx.Response:
        size = len(content) if length is None else length
        return http.patch(
            f"{where}/{at}", headers={"Upload-Offset": str(offset), "Upload-Length": str(size)}, content=content
        )

    assert send("tables/autre.parquet", b"PAR1").status_code == 403
    assert send("..%2f..%2fx", b"PAR1").status_code == 403
    assert send("manifest.json", b"{}").status_code == 403
    assert send(path, b"x" * 10, length=5).status_code == 413
    arriving_folder = next(by_web.hub.inbox.iterdir())
    assert not (arriving_folder / f"{path}.part").exists() or (arriving_folder / f"{path}.part").stat().st_size == 0
    assert send(path, b"", length=file.limit + 1).status_code == 413
    assert send(path, b"x", offset="-1").status_code == 400
    assert send(path, b"x", offset=7, length=9).status_code == 409
    wrong = send(path, b"PAR1" * 9)
    assert (wrong.status_code, wrong.json()["rule"]) == (422, "digest")
    assert http.get(where).json()["there"] == dict.fromkeys(packed.files, 0)
    assert states(by_web.push()) == ["waiting"]
    assert http.put(where, content=opening(packed)).json()["state"] == "waiting"


def test_an_answer_is_found_only_by_who_knows_the_manifest(asked: Asked, by_web: Way) -> None:
    http, packed, where = asked
    by_web.push()
    by_web.accept()
    assert http.get(where).json()["state"] == "accepted"
    assert http.put(where, content=opening(packed)).json()["state"] == "accepted"
    for other in (
        f"/releases/{packed.name}/{'0' * 64}",
        f"/releases/{packed.name}",
        "/releases/",
        "/releases/x/y",
        "/",
        "/inbox",
    ):
        assert http.get(other).status_code == 404, other
    assert http.delete(where).status_code == 405


def test_every_answer_has_strict_headers_and_the_catalogue_is_all_there_is_to_see(asked: Asked, by_web: Way) -> None:
    http, _, where = asked
    (by_web.hub.folder / "catalogue" / "index.html").write_text("<p>Catalogue</p>")
    (by_web.hub.folder / "catalogue" / "link").symlink_to(by_web.hub.governance)
    assert "Catalogue" in http.get("/catalogue/").text
    for path in (
        "/catalogue/../governance.toml",
        "/catalogue/%2e%2e/governance.toml",
        "/catalogue/link",
        "/governance.toml",
    ):
        assert http.get(path).status_code == 404, path
    for path in ("/catalogue/", where, "/x"):
        headers = http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "server" not in headers


def test_a_sender_who_is_silent_is_let_go(sealed: Path, by_web: Way) -> None:
    packed = pack(only(by_web.venue.outbox))
    with Web(by_web.hub, "127.0.0.1", free_port(), Limits(silence=0.2)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow:
            line = f"PUT /releases/{packed.name}/{packed.digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
            slow.sendall(line.encode() + b"{")
            assert b" 408 " in slow.recv(1000)
        way = replace(by_web, venue=replace(by_web.venue, hub=f"http://127.0.0.1:{server.port}"))
        assert states(way.push()) == ["waiting"]


def test_a_venue_has_only_so_many_on_their_way(asked: Asked, by_web: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    http, packed, where = asked
    monkeypatch.setattr(arriving, "_AT_ONCE", 2)
    other = [by_web.release(period) for period in ("2025-2026-T2", "2025-2026-T3")]
    for release in other:
        begin(by_web.hub, pack(release.folder))
    full = http.put(where, content=opening(packed))
    assert full.status_code == 503
    assert full.headers["Retry-After"] == "60"
    monkeypatch.setattr(arriving, "_FORGOTTEN", -1.0)  # what stands still makes room
    assert http.put(where, content=opening(packed)).status_code == 201


@pytest.mark.slow
@pytest.mark.usefixtures("no_waiting")
def test_a_web_server_killed_at_any_moment_starts_again_with_what_it_had(sealed: Path, tmp_path: Path) -> None:
    shutil.copytree(sealed / "venues", tmp_path / "venues")
    s, hub, port = sender(tmp_path, policy=POLICY), Hub(tmp_path / "hub"), free_port()
    s.join(hub)
    venue = replace(s.venue, hub=f"http://127.0.0.1:{port}")
    for step in (
        "warehouse.web.app:begin",
        "warehouse.web.app:part",
        "warehouse.web.app:settle",
        "warehouse.web.app:finish",
    ):
        with process("serve", hub.folder, step, port) as server:
            (pushed,) = push_all(venue, hub.folder)
            assert pushed.error, step
            assert server.wait(10) == -signal.SIGKILL, step
    with process("serve", hub.folder, "-", port):
        assert [p.answer and p.answer.state for p in push_all(venue, hub.folder)] == ["waiting"]
    assert [d.outcome for d in accept(hub)] == ["accepted"]
    assert contents(only(hub.accepted)) == contents(only(venue.outbox))


# --- a bucket ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_hub_killed_while_it_takes_from_the_bucket_goes_on(by_bucket: Way) -> None:
    by_bucket.push()
    for step in ("begin", "settle", "settle", "finish", "write_object"):  # a file, the other, the folder, the answer
        assert itself("take", by_bucket.hub.folder, f"warehouse.bucket:{step}", 1) == -signal.SIGKILL
    assert [d.outcome for d in by_bucket.accept()] == ["accepted"]
    assert states(by_bucket.push()) == ["accepted"]
    assert contents(only(by_bucket.hub.accepted)) == contents(only(by_bucket.venue.outbox))
    assert query(by_bucket.hub, "select count(*) from releases").rows() == [(1,)]


@pytest.mark.slow
def test_junk_in_the_bucket_neither_fills_the_disk_nor_stops_the_others(by_bucket: Way, store: ObjectStore) -> None:
    from privacy.bucket import opened, place, write_object

    packed, at = pack(only(by_bucket.venue.outbox)), place(by_bucket.venue.hub)
    path = next(iter(packed.files))
    huge = b"x" * (packed.files[path].limit + 1)
    with opened(at) as bucket:
        for key in ("..%2f..%2fetc/passwd", f"theatre/{'a' * 900}", "theatre/x/manifest.sig", "stray", "THEATRE/1/manifest.sig",
                    f"theatre/{'0' * 32}/manifest.sig", f"theatre/{'1' * 32}/../../x"):  # fmt: skip
            with suppress(OSError):
                write_object(bucket, f"{at.inbox}/{key}", b"junk")
        for n in range(300):
            write_object(bucket, f"{at.inbox}/theatre/{n:032x}/tables/a.parquet", b"junk")
        for (
            name,
            text,
        ) in packed.texts.items():  # the texts in order, a file too large, in its own and in another's place
            write_object(bucket, f"{at.inbox}/voisin/{packed.name}/{name}", text)
            write_object(bucket, f"{at.inbox}/theatre/{packed.name}/{name}", text)
        write_object(bucket, f"{at.inbox}/theatre/{packed.name}/{path}", huge)
    assert by_bucket.accept() == []
    assert sum(p.stat().st_size for p in by_bucket.hub.inbox.rglob("*") if p.is_file()) < 100_000
    (refused,) = by_bucket.push()
    assert refused
    assert refused.rule == "layout"
    assert "larger than" in refused.sentence("en")
    rules = query(by_bucket.hub, "select venue, rule from refusals order by 1").rows()
    assert ("theatre", "layout") in rules
    assert ("voisin", "layout") in rules
    assert states(by_bucket.push(again=True)) == ["waiting"]
    assert [d.outcome for d in by_bucket.accept()] == ["accepted"]


@pytest.mark.slow
def test_a_bucket_that_does_not_answer_stops_neither_the_inbox_nor_is_it_hidden(by_bucket: Way) -> None:
    folder = only(by_bucket.venue.outbox)
    hub = by_bucket.hub.folder / "lake.toml"
    hub.write_text(hub.read_text().replace("s3://hub/", "s3://nothere/"))
    push_one(replace(by_bucket.venue, hub=""), folder, by_bucket.hub.folder)
    with pytest.raises(Fault, match="bucket"):
        by_bucket.accept()
    assert only(by_bucket.hub.accepted).name == folder.name


def test_a_bucket_needs_its_keys(by_web: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    (pushed,) = push_all(replace(by_web.venue, hub="s3://hub/x"), by_web.hub.folder)
    assert isinstance(pushed.error, Fault)
    assert "AWS_ACCESS_KEY_ID" in pushed.error.en


# --- what travels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["http://hub.example.org", "https://user:secret@hub.example.org", "https://", "ftp://hub.example.org", "hub", "../hub",
     "s3://", "s3://key:secret@bucket/x", "s3://hub/../x", "s3://hub?endpoint=s3.example.org&tls=false", "https://h.example/?q=1"],
)  # fmt: skip
def test_an_address_that_is_no_hub_or_would_show_a_secret_is_refused(address: str) -> None:
    with pytest.raises(Fault) as fault:
        hub_at(address, Path("/nowhere"))
    assert "secret" not in fault.value.en.replace("secrets in the environment", "")


@given(
    st.dictionaries(
        st.sampled_from(["manifest.json", "manifest.sig", "other", "tables/x.parquet"]), st.binary(max_size=200)
    )
)
def test_texts_of_anyone_are_read_or_refused_by_rule(texts: dict[str, bytes]) -> None:
    with pytest.raises(VerificationRefusal):
        parcel("0" * 32, texts)


@given(
    st.builds(
        Answer, st.sampled_from(["absent", "arriving", "waiting", "accepted", "refused"]), st.none() | st.text(min_size=1),
        st.none() | st.text(min_size=1), there=st.dictionaries(st.text(), st.integers(0, 10**9)),
    )
)  # fmt: skip
def test_an_answer_is_read_as_it_was_written(told: Answer) -> None:
    assert read_answer(write_answer(told, "x", None)) == told


# --- processes that die -----------------------------------------------------------------------------------------------


def itself(*arguments: object) -> int:
    return subprocess.run([sys.executable, __file__, *map(str, arguments)], check=False, timeout=60).returncode


@contextmanager
def process(*arguments: object) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, __file__, *map(str, arguments)]) as child:
        deadline = time.monotonic() + 30
        while not listening(int(str(arguments[-1]))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        try:
            yield child
        finally:
            child.kill()


def listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def dies_after(step: str, n: int) -> None:
    """Kill this process, for good, once the n-th call of a function is done."""
    module, _, name = step.partition(":")
    owner = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    real: Callable[..., object] = getattr(owner, last)
    calls = itertools.count(1)

    def dying(*args: object, **kwargs: object) -> object:
        done = real(*args, **kwargs)
        if next(calls) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, last, dying)


if __name__ == "__main__":
    what, where, step, number = sys.argv[1:]
    if step != "-":
        dies_after(step, 1 if what == "serve" else int(number))
    if what == "serve":
        with Web(Hub(Path(where)), "127.0.0.1", int(number)):
            time.sleep(60)
    elif what == "take":
        take(Hub(Path(where)))
    else:
        venue = read_venue(Path(where))
        errors = [p.error for p in push_all(venue, Path(where).parents[1] / "hub") if p.error]
        sys.exit(1 if errors else 0)
