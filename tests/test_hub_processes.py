"""Several hub processes on one lake, and what breaks under them: killed, cut off, refused; resumed, the end is the same."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from privacy.errors import Fault
from privacy.release import deliver
from tests.releases import Sender, sender, small_policy
from tests.servers import KEY, PASSWORD, SECRET, Backend, object_store, postgresql
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query

pytestmark = pytest.mark.slow

POLICY = small_policy("provenance", "loyalty")
VENUES, PERIODS = 12, ("2025-2026-T1", "2025-2026-T2", "2025-2026-T3")
ACCEPT = "import sys; from pathlib import Path; from warehouse.governance import Hub; from warehouse import inbox\n"
ACCEPT += "inbox._AT_ONCE = 2\n"  # many transactions, for others to come between
ACCEPT += "for d in inbox.decide(Hub(Path(sys.argv[1]))): print(d.folder, d.outcome, d.rule or '', flush=True)"


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Sender, list[Path]]]:
    """Twelve venues' three quarters, the last in two revisions."""
    home = tmp_path_factory.mktemp("home")
    made = []
    for number in range(VENUES):
        s = sender(home, f"venue-{number}", policy=POLICY)
        folders = [s.release(period, people=400, seed=number + 1).folder for period in PERIODS]
        made.append((s, [*folders, s.release(PERIODS[-1], people=400, revise=True).folder]))
    return made


def join(hub: Hub, sent: list[tuple[Sender, list[Path]]]) -> list[Path]:
    """Make all venues members and deliver all they have released."""
    for s, _ in sent:
        s.join(hub)
    return [deliver(folder, hub.inbox) for _, folders in sent for folder in folders]


def start(hub: Hub) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ACCEPT, str(hub.folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip


def first_to_decide(processes: Sequence[subprocess.Popen[str]], times: int) -> subprocess.Popen[str]:
    """Return the one that first has decided so often: which one it is, nothing says."""
    with selectors.DefaultSelector() as waiting:
        seen = dict.fromkeys(processes, b"")
        for process in processes:
            assert process.stdout
            waiting.register(process.stdout, selectors.EVENT_READ, process)
        while waiting.get_map():
            for key, _ in waiting.select():
                process = key.data
                seen[process] += (read := os.read(key.fd, 4096))
                if seen[process].count(b"\n") >= times:
                    return process
                if not read:  # it has ended: the other has the rest
                    waiting.unregister(key.fileobj)
    raise AssertionError([process.communicate() for process in processes])


def whole(hub: Hub, folders: list[Path]) -> None:
    """Every release is held once, with all its cells; every folder is where it belongs."""
    names = sorted(f.name for f in folders)
    held = query(hub, "select release_id from releases order by 1")["release_id"].to_list()
    refused = sorted(p.name for p in hub.refused.iterdir()) if hub.refused.exists() else []
    assert sorted([*held, *refused]) == names
    assert sorted(p.name for p in hub.accepted.iterdir()) == held
    assert list(hub.inbox.iterdir()) == []
    assert query(hub, "select rule from refusals").height == len(refused)
    # a revision that comes after the newer one is refused, whoever decides: never both ways
    newest = "select venue, max(revision) as r, count(*) as n from releases where period = '2025-2026-T3' group by 1"
    assert {(row["r"], row["n"] + 0) for row in query(hub, newest).iter_rows(named=True)} <= {(2, 1), (2, 2)}
    for table, rows in (("cells_provenance", 7 + 1), ("cells_loyalty", 42 + 7 + 6 + 1), ("losses", 1)):
        odd = query(hub, f"select release_id from {table} group by 1 having count(*) <> {rows}")
        assert odd.height == 0, table
        assert query(hub, f"select count(distinct release_id) from {table}").item() == len(held)


def test_two_processes_hold_each_release_once_though_one_is_killed(tmp_path, shared, sent):
    hub = shared.hub(tmp_path / "hub")
    folders = join(hub, sent)
    both = start(hub), start(hub)  # on a catalogue that neither has made yet
    killed = first_to_decide(both, 5)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (left,) = (p for p in both if p is not killed)
    told, errors = left.communicate(timeout=300)
    assert (left.returncode, errors) == (0, "")
    assert told
    whole_after = start(hub)  # what the killed one had in hand
    _, errors = whole_after.communicate(timeout=300)
    assert (whole_after.returncode, errors) == (0, "")
    whole(hub, folders)


def test_without_locks_on_files_the_catalogue_alone_sees_to_it(tmp_path, shared, sent, monkeypatch):
    """As on two machines: both verify the same folders, both write, one starts again."""
    hub = shared.hub(tmp_path / "hub")
    folders = join(hub, sent)
    code = ACCEPT.replace("inbox._AT_ONCE", "import fcntl; fcntl.flock = lambda *_: None\ninbox._AT_ONCE")
    monkeypatch.setattr(sys.modules[__name__], "ACCEPT", code)
    both = [start(hub), start(hub)]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
    whole(hub, folders)


def test_an_embedded_lake_has_one_writer_and_says_so(tmp_path, sent):
    hub = Backend().hub(tmp_path / "hub")
    join(hub, sent)
    with open_lake(hub):
        late = start(hub)
        _, errors = late.communicate(timeout=60)
    assert late.returncode == 1
    assert "in use by another process" in errors


def test_killed_on_an_embedded_lake_the_next_run_ends_the_same(tmp_path, sent):
    hub = Backend().hub(tmp_path / "hub")
    folders = join(hub, sent)
    first = start(hub)
    assert first.stdout
    for _ in range(5):
        assert first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    accept(hub)
    whole(hub, folders)


@pytest.mark.parametrize("broken", ["catalogue", "store"])
def test_cut_off_from_a_server_nothing_is_half_done_and_the_next_run_goes_on(tmp_path, sent, broken, shared):
    """`shared`: for what it puts in the environment."""
    with postgresql("hub") as catalogue, object_store() as store:
        hub = Backend(catalogue, store).hub(tmp_path / "hub")
        folders = join(hub, sent)
        running, server = start(hub), catalogue if broken == "catalogue" else store
        assert running.stdout
        for _ in range(5):
            assert running.stdout.readline(), running.stderr.read() if running.stderr else ""
        server.stop()
        told, errors = running.communicate(timeout=300)
        assert running.returncode == 1
        told_of = "PostgreSQL" if broken == "catalogue" else "object store"  # which may answer in disorder as it stops
        assert told_of in errors.splitlines()[-1], errors
        assert not any(secret in told + errors for secret in (PASSWORD, SECRET, KEY))
        for ask in (lambda: accept(hub), lambda: query(hub, "select sum(people) from provenance")):
            with pytest.raises(Fault, match="does not answer") as fault:
                ask()
            assert "ne répond pas" in fault.value.fr
        waiting = {p.name for p in hub.inbox.iterdir()}
        server.start()
        held = set(query(hub, "select release_id from releases")["release_id"])
        assert len(held | waiting) == len(folders)
        accept(hub)
        whole(hub, folders)


def test_what_servers_refuse_is_told_without_secrets(tmp_path, shared, monkeypatch):
    def wrong(change: dict[str, str], **environment: str) -> str:
        hub = shared.hub(tmp_path / str(time.monotonic_ns()))
        lake_toml = hub.folder / "lake.toml"
        text = lake_toml.read_text()
        for old, new in change.items():
            text = text.replace(old, new)
        lake_toml.write_text(text)
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(Fault) as fault:
                accept(hub)
        for secret in (PASSWORD, SECRET, KEY, "wrong-one"):
            assert secret not in fault.value.en + fault.value.fr
        assert fault.value.fr != fault.value.en
        assert fault.value.__cause__ is None
        return fault.value.en

    assert "refuses this hub" in wrong({}, PGPASSWORD="wrong-one")
    assert "refuses this hub" in wrong({"user=hub": "user=nobody"})
    assert "has no database" in wrong({"dbname=hub": "dbname=other"})
    assert "PostgreSQL" in wrong({f"port={shared.catalogue.port}": "port=1"})
    assert "does not answer" in wrong({f"port={shared.catalogue.port}": "port=1"})
    assert "object store refuses" in wrong({}, AWS_SECRET_ACCESS_KEY="wrong-one")
    assert "does not give or take" in wrong({"s3://hub/": "s3://other/"})
    assert "object store" in wrong({shared.store.endpoint: "127.0.0.1:1"})


def test_a_lake_that_is_elsewhere_than_its_catalogue_says_is_told(tmp_path, shared):
    hub = shared.hub(tmp_path / "hub")
    accept(hub)
    lake_toml = hub.folder / "lake.toml"
    lake_toml.write_text(lake_toml.read_text().replace("s3://hub/", "s3://hub/moved/"))
    with pytest.raises(Fault, match="elsewhere"):
        accept(hub)


def test_an_empty_shared_hub_says_so(tmp_path, shared):
    with pytest.raises(Fault, match="holds nothing yet"):
        query(shared.hub(tmp_path / "hub"), "select 1")
