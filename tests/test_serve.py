"""Partners ask through real clients: they see what the rules say, change nothing, and stop nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from privacy.release import deliver
from tests.hub import ask, attached, free_port, shell, two_venues
from tests.releases import sender, small_policy
from warehouse.governance import Hub, governance
from warehouse.inbox import accept
from warehouse.lake import in_turn, open_lake
from warehouse.partners import tokens
from warehouse.partners.desks import Limits
from warehouse.partners.extracts import extract
from warehouse.partners.server import Server
from warehouse.partners.trail import trail
from warehouse.sharing import access
from warehouse.storage import extension

TABLES = ("provenance", "family", "admissions")
LIMITS = Limits(seconds=1, rows=20_000, size=16 * 2**20)
SUM = "select venue, noisy_sum(people, people_se, people_common_se) as s from provenance group by 1 order by 1"
ROOT = Path(__file__).parents[1]
LINES = (Path(__file__).parent / "hostile.sql").read_text("utf-8").splitlines()
TOO_LONG_FOR_A_LINE = {
    "«NUL»": "\0", "«CRLF»": "\r\n", "«RLO»": "\u202e", "«10MB»": "select '" + "x" * 10_000_000 + "'",
    "«DEEP»": "select " + "(" * 20_000 + "1" + ")" * 20_000, "«WIDE»": "select 1" + "+1" * 40_000,
}  # fmt: skip


def hostile(kind: str) -> list[str]:
    """The statements of the headings that begin with a word."""
    found, heading = [], ""
    for line in LINES:
        if line.startswith("## "):
            heading = line[3:]
        elif heading.startswith(kind) and line:
            for mark, text in TOO_LONG_FOR_A_LINE.items():
                line = line.replace(mark, text)  # noqa: PLW2901
            found.append(line)
    return found


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    return two_venues(tmp_path_factory.mktemp("home"), *TABLES)


@contextmanager
def served(hub: Hub, limits: Limits = LIMITS):
    """A running server and the tokens of the two partners."""
    given = {p: tokens.new_token(hub, p, datetime.now(UTC)) for p in ("region", "network")}
    with Server(hub, port=free_port(), limits=limits) as server:
        yield server, given


@pytest.mark.slow
def test_each_partner_sees_what_the_rules_say_and_sums_have_margins(hub):
    with served(hub) as (server, given):
        with attached(server.port, given["region"]) as client:
            [(venue, s)] = ask(client, SUM)
            assert venue == "theatre"
            assert s["low"] < s["value"] < s["high"]
            assert client.execute("select distinct venue from r.provenance_totals").fetchall() == [("theatre",)]
            assert ask(client, "from venues")[0][:2] == ("theatre", "Théâtre du Port")
            with pytest.raises(duckdb.Error, match=r"(?s)Not among your tables.*/ Hors de vos tables"):
                ask(client, "from family")
            assert ask(client, "select 1 as a, 2 as a, 3::hugeint, null, [{'x': 1}], 1.5::decimal(38, 2)")[0][:4] == (
                1,
                2,
                3,
                None,
            )
        with attached(server.port, given["network"]) as client:
            assert [v for v, _ in ask(client, SUM)] == ["opera", "theatre"]
            assert ask(client, "select count(distinct venue) from family") == [(2,)]
    lines = trail(hub, "select partner, outcome, rows, statement from audit").rows()
    assert ("region", "answered", 1, SUM) in lines
    assert ("network", "answered", 2, SUM) in lines
    assert ("region", "refused", 0, "from family") in lines
    assert {p for p, outcome, _, _ in lines if outcome == "opened"} == {"region", "network"}


@pytest.mark.slow
def test_tokens_rules_and_releases_change_under_a_running_server(hub):
    """Rules and tokens from the next statement on, the lake seconds later; sessions that are open included."""

    def soon(statement: str, answer: list[tuple]) -> None:
        late = time.monotonic() + 20
        while ask(client, statement) != answer:
            assert time.monotonic() < late, ask(client, statement)
            time.sleep(0.2)

    with served(hub) as (server, given), attached(server.port, given["network"]) as client:
        assert ask(client, "select count(*) from latest") == [(2,)]
        s = sender(hub.folder.parent, policy=small_policy(*TABLES))
        deliver(s.release("2025-2026-T1", people=1500).folder, hub.inbox)
        assert [d.outcome for d in accept(hub)] == ["accepted"]
        soon("select count(*) from latest", [(3,)])
        with open_lake(hub) as lake:  # what a withdrawal does, by whichever machine
            in_turn(lake, lambda: lake.execute("delete from releases where period = '2025-2026-T1'"))
        shutil.rmtree(hub.accepted)  # its folders say nothing
        soon("select count(*) from latest", [(2,)])

        before = hub.governance.read_text("utf-8")
        hub.governance.write_text(
            before.replace('venues = {grant = ["all"], deny = []}', 'venues = {grant = ["opera"]}')
        )
        assert ask(client, "select distinct venue from latest") == [("opera",)]
        hub.governance.write_text(before.replace('grant = ["all"]', 'grant = ["al"]'))
        with pytest.raises(duckdb.Error, match=r"governance\.toml cannot be read"):
            ask(client, "select 1")
        hub.governance.write_text(before.replace(str(date(9999, 12, 31)), "2020-01-01"))
        with pytest.raises(duckdb.Error, match="access has ended"):
            ask(client, "select 1")
        hub.governance.write_text(before)
        assert ask(client, "select count(*) from latest") == [(2,)]

        new = tokens.new_token(hub, "network", datetime.now(UTC))
        with pytest.raises(duckdb.Error, match="token has ended"):
            ask(client, "select 1")
        with attached(server.port, new) as renewed:
            assert ask(renewed, "select 42") == [(42,)]
            tokens.revoke(hub, "network", datetime.now(UTC))
            with pytest.raises(duckdb.Error, match="token has ended"):
                ask(renewed, "select 1")
        for wrong in (new, given["region"][:-1], given["region"].replace("region", "network"), "none", "x" * 10_000):
            with pytest.raises(duckdb.Error, match="Authentication failed"), attached(server.port, wrong):
                pass


CANARY = "canary-4711"


def leaks(answer: str, hub: Hub) -> list[str]:
    """What of an answer is not for the partner `region`: the other venue, the hub's files and secrets."""
    secrets = [
        "opera'",
        "Opéra du Large",
        str(hub.folder),
        str(Path.home()),
        "root:",
        "jauge_region_",
        "jauge_network_",
        "/tmp/",
        "tokens.sqlite",
        CANARY,
        *os.environ.get("PATH", "x").split(":"),
    ]
    return [secret for secret in secrets if secret in answer]


@pytest.mark.slow
def test_two_hundred_hostile_statements(hub, monkeypatch):
    """Each is refused or bounded, the server still answers, nothing leaks, nothing is written."""
    kinds = {kind: hostile(kind) for kind in ("refused", "bounded", "attached")}
    assert sum(map(len, kinds.values())) >= 300
    before = {p: p.stat().st_mtime_ns for p in (hub.lake / "catalogue.duckdb", hub.governance)}
    wrong: list[tuple[str, str]] = []
    monkeypatch.setenv("JAUGE_SECRET", CANARY)  # in the hub's own environment
    with (
        served(hub) as (server, given),
        attached(server.port, given["region"]) as client,
        attached(server.port, given["network"]) as other,
    ):
        assert ask(other, f"select '{CANARY}'") == [(CANARY,)]  # what another asks, and what they are answered
        for kind, statements in kinds.items():
            for statement in statements:
                start = time.monotonic()
                try:
                    rows = client.execute(statement).fetchall() if kind == "attached" else ask(client, statement)
                    told = str(rows)
                    if kind != "bounded":
                        wrong.append((statement[:80], f"answered {told[:200]}"))
                except duckdb.Error as error:
                    told = str(error).split("LINE 1: from r.query(")[0].replace(statement, "")
                seconds = time.monotonic() - start
                if leaked := [secret for secret in leaks(told, hub) if secret not in statement]:
                    wrong.append((statement[:80], f"leaked {leaked}"))
                if seconds > 2 * LIMITS.seconds + 15:
                    wrong.append((statement[:80], f"took {seconds:.0f} s"))
                try:
                    assert ask(client, "select 42") == [(42,)]
                except duckdb.Error as error:
                    wrong.append((statement[:80], f"no answer after it: {error}"))
        assert ask(client, SUM)[0][0] == "theatre"
        assert ask(client, "select count(*) from provenance")[0][0] > 0
    assert not wrong, "\n".join(f"{statement}: {what}" for statement, what in wrong)
    assert before == {p: p.stat().st_mtime_ns for p in before}
    assert not [name for name in ("jauge-x", "jauge-x.csv", "jauge-x.parquet") if Path("/tmp", name).exists()]
    refused = trail(hub, "select count(*) from audit where outcome = 'refused' and partner = 'region'").item()
    assert refused > 250


@pytest.mark.slow
def test_a_process_that_dies_of_a_statement_takes_no_other_partner_along(hub):
    with (
        served(hub, Limits()) as (server, given),
        attached(server.port, given["region"]) as mine,
        attached(server.port, given["network"]) as other,
    ):
        assert ask(mine, "select 42") == ask(other, "select 42")
        found = subprocess.run(
            ["pgrep", "-f", "-P", str(os.getpid()), "warehouse.partners.worker"],
            capture_output=True,
            text=True,
            check=True,
        )
        pids = found.stdout.split()
        assert len(pids) == 2
        with ThreadPoolExecutor(2) as both:
            late = both.submit(ask, mine, "select count(*) from range(1000000000000)")
            busy = both.submit(ask, other, "select count(*) from family")
            os.kill(int(pids[0]), signal.SIGKILL)
            assert busy.result()[0][0] > 0
            assert late.exception() is not None
        assert ask(mine, "select 42") == [(42,)]


@pytest.mark.slow
def test_the_usual_clients_connect(hub):
    from adbc_driver_quack import dbapi

    with served(hub) as (server, given):
        done = shell(
            server.port, given["region"], "use r; select venue, count(*) > 3 as many from provenance group by 1"
        )
        assert (done.returncode, done.stdout.split()[-1]) == (0, "theatre,true"), done.stderr
        options = {"adbc.quack.token": given["region"]}
        with dbapi.connect(f"quack://localhost:{server.port}", db_kwargs=options) as arrow, arrow.cursor() as cursor:
            cursor.execute(SUM)
            table = cursor.fetch_arrow_table()
            assert table["venue"].to_pylist() == ["theatre"]
            assert set(table.schema.field("s").type.names) == {"value", "se", "low", "high"}
            cursor.execute("select ? + 1", (41,))
            assert cursor.fetchall() == [(42,)]
            assert "people_se" in arrow.adbc_get_table_schema("provenance").names


@pytest.mark.slow
def test_sixty_four_clients_at_once(hub):
    with served(hub, Limits()) as (server, given):

        def client(place: int) -> list[float]:
            took = []
            with attached(server.port, given["region" if place % 2 else "network"]) as c:
                for _ in range(5):
                    start = time.monotonic()
                    assert ask(c, SUM)[-1][0] == "theatre"
                    took.append(time.monotonic() - start)
            return took

        for token in given.values():  # their copies are made
            with attached(server.port, token) as first:
                assert ask(first, SUM)
        with ThreadPoolExecutor(64) as clients:
            took = sorted(t for each in clients.map(client, range(64)) for t in each)
    assert len(took) == 320


@pytest.fixture
def proxy(hub: Hub, tmp_path: Path):
    """nginx as docs/operations.md has it, with a certificate of an authority of our own: the proxy's port, a partner's token."""
    recipe = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.DOTALL)[1]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run([*make.split(), *subject, *files], check=True, capture_output=True)
    with served(hub) as (server, given):
        port = free_port()
        for told, here in (
            ("443", str(port)), ("9494", str(server.port)),
            ("/etc/letsencrypt/live/sql.example.org/fullchain.pem", f"{tmp_path}/cert.pem"),
            ("/etc/letsencrypt/live/sql.example.org/privkey.pem", f"{tmp_path}/key.pem"),
            ("sql.example.org", "localhost"),
        ):  # fmt: skip
            assert told in recipe
            recipe = recipe.replace(told, here)
        own = [f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
        settings = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {' '.join(own)} {recipe} }}"
        (tmp_path / "nginx.conf").write_text(settings)
        found = shutil.which("nginx") or "/usr/sbin/nginx"
        started = [
            found,
            "-e",
            tmp_path / "error.log",
            "-c",
            tmp_path / "nginx.conf",
            "-g",
            "daemon off; master_process off;",
        ]
        running = subprocess.Popen(started)
        try:
            while not (tmp_path / "pid").exists():
                assert running.poll() is None, (tmp_path / "error.log").read_text()
                time.sleep(0.05)
            yield port, given["region"]
        finally:
            running.terminate()
            running.wait()


@pytest.mark.slow
def test_behind_a_reverse_proxy_with_tls(proxy, tmp_path):
    port, token = proxy
    with duckdb.connect() as client:
        for name in ("httpfs", "quack"):
            client.execute(f"load '{extension(name)}'")
        attach = f"attach 'quack:localhost:{port}' as r (token '{token}', disable_ssl false)"
        with pytest.raises(duckdb.Error, match=r"(?i)certificate|SSL"):  # an authority that the client does not know
            client.execute(attach)
        client.execute(f"set ca_cert_file = '{tmp_path}/cert.pem'")
        client.execute(attach)
        assert ask(client, SUM)[0][0] == "theatre"
        assert ask(client, "select count(*) from range(15000)") == [(15_000,)]
        assert len(ask(client, "from range(15000)")) == 15_000  # in several parts
        with pytest.raises(duckdb.Error):
            ask(client, "select '" + "x" * 2_000_000 + "'")
        assert ask(client, SUM)[0][0] == "theatre"
    with pytest.raises(duckdb.Error), attached(port, token):  # in clear, where TLS is asked
        pass
    arrow = (  # Go reads its environment once: a process of its own
        "import sys; from adbc_driver_quack import dbapi\n"
        f"with dbapi.connect('quack://localhost:{port}', db_kwargs={{'adbc.quack.token': sys.argv[1], 'adbc.quack.tls': 'true'}}) as c:\n"
        "    with c.cursor() as k: k.execute('select distinct venue from provenance'); print(k.fetchall())\n"
    )
    trusted = os.environ | {"SSL_CERT_FILE": str(tmp_path / "cert.pem")}
    done = subprocess.run(
        [sys.executable, "-c", arrow, token], env=trusted, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[('theatre',)]"), done.stderr


NODE = """
import { DuckDBInstance } from '@duckdb/node-api';
const [port, token, ...extensions] = process.argv.slice(2);
const client = await (await DuckDBInstance.create(':memory:')).connect();
for (const path of extensions) await client.run(`load '${path}'`);
await client.run(`attach 'quack:localhost:${port}' as r (token '${token}')`);
const asked = await client.runAndReadAll("from r.query('select venue, unnest(noisy_sum(people, people_se, people_common_se)) from provenance group by 1')");
const counted = await client.runAndReadAll("select count(*) > 3 as many from r.provenance");
console.log(JSON.stringify([...asked.getRowObjectsJson(), ...counted.getRowObjectsJson()]));
"""


@pytest.mark.slow
def test_node_connects(hub, tmp_path):
    """With the package from npm, of the same version as the extensions."""
    (tmp_path / "client.mjs").write_text(NODE)
    package = f"@duckdb/node-api@{duckdb.__version__}-r.1"
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", package], cwd=tmp_path, check=True, timeout=300
    )
    extensions = [extension(name) for name in ("httpfs", "quack")]
    with served(hub) as (server, given):
        started = ["node", "client.mjs", str(server.port), given["region"], *extensions]
        done = subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert (rows[0]["venue"], rows[1]) == ("theatre", {"many": True})
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.4.1", "2.0.0"])
def test_older_and_newer_duckdb_read_the_file(hub, tmp_path, version):
    """An extract is for those who cannot take the server's version: questions, macros and comments in it work."""
    (path,) = extract(hub, access(governance(hub), "region", datetime.now(UTC).date()), tmp_path, "duckdb")
    code = (
        "import sys, json, duckdb\n"
        "held = duckdb.connect(sys.argv[1], read_only=True)\n"
        "asked = [len(held.execute(q).fetchall()) for (q,) in held.execute('select sql from questions').fetchall()]\n"
        "index = held.execute(\"select index_vs_network(people, people_se, people_common_se, provenance = 'epci', true, release_id).value from provenance\").fetchone()\n"
        'told = held.execute("select count(*) from duckdb_columns() where comment is not null").fetchone()\n'
        "print(json.dumps([duckdb.__version__, len(asked), max(asked), index[0], told[0]]))\n"
    )
    alone = [
        "uv",
        "run",
        "--quiet",
        "--isolated",
        "--no-project",
        "--with",
        f"duckdb=={version}",
        "python",
        "-c",
        code,
        path,
    ]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found, asked, most, index, told = json.loads(done.stdout)
    assert found == version
    assert asked >= 4
    assert most > 0
    assert index == pytest.approx(100)
    assert told > 20
