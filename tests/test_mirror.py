"""The mirror in a real PostgreSQL, asked by psql, ODBC and SQLAlchemy: each partner reads its own views, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from privacy.errors import Fault
from privacy.release import deliver
from tests.hub import two_venues
from tests.releases import sender, small_policy
from tests.servers import PASSWORD, PostgreSQL, postgresql
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import query
from warehouse.partners import tokens
from warehouse.partners.mirror import mirror

pytestmark = pytest.mark.slow
TABLES = ("provenance", "family")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql("root") as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        running.execute(f"create role mirror login createrole password '{PASSWORD}'")
        yield running


@pytest.fixture
def hub(tmp_path: Path, server: PostgreSQL) -> Iterator[Hub]:
    """Two venues; `region` sees the theatre without the genres, `network` all; as docs/partners.md has the database made."""
    for statement in (
        "create database mirror owner mirror",
        "revoke connect, temporary on database mirror from public",
        "alter database mirror set log_statement = 'all'",
    ):
        server.execute(statement)
    made = two_venues(tmp_path, *TABLES)
    (made.folder / "lake.toml").write_text(
        f'mirror = "postgres:dbname=mirror host=127.0.0.1 port={server.port} user=mirror"\n'
    )
    yield made
    server.execute("drop database mirror with (force)")
    for (role,) in server.execute("select rolname from pg_roles where rolname like 'partner%'"):
        server.execute(f'drop role "{role}"')


def ask(server: PostgreSQL, partner: str, token: str, statement: str) -> list[tuple]:
    at = {"host": "127.0.0.1", "port": server.port, "dbname": "mirror", "user": f"partner_{partner}", "password": token}
    with closing(psycopg2.connect(**at)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_each_partner_reads_its_own_views_with_the_lakes_figures(hub, server):
    token = {p: tokens.new_token(hub, p, NOW) for p in ("region", "network")}
    assert (mirror(hub).added, mirror(hub).added) == (2, 0)
    asked = "select venue, provenance_fr, people, people_se from provenance"
    whole = set(query(hub, asked).rows())
    assert set(ask(server, "network", token["network"], asked)) == whole
    assert set(ask(server, "region", token["region"], asked)) == {row for row in whole if row[0] == "theatre"}
    assert ask(server, "region", token["region"], "select venue from venues") == [("theatre",)]
    assert (
        ask(server, "region", token["region"], "select distinct relation from dictionary where relation = 'family'")
        == []
    )
    told = "select obj_description('partner_region.provenance'::regclass)"
    assert "Provenance" in ask(server, "region", token["region"], told)[0][0]


HOSTILE = """
select * from jauge.provenance
select * from partner_network.provenance
select * from partner_region.family
delete from provenance
insert into venues values ('x')
create table t (a int)
create temporary table t (a int)
create schema mine
create role other
set role mirror
set session authorization mirror
alter role partner_region superuser
grant partner_network to partner_region
copy provenance to '/tmp/x.csv'
copy (select 1) to program 'id'
select pg_read_file('/etc/passwd')
select * from pg_ls_dir('/')
select lo_import('/etc/passwd')
select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mirror'
select rolpassword from pg_authid
select * from pg_shadow
create extension postgres_fdw
create extension dblink
load 'plpython3'
alter system set log_statement = 'none'
set log_statement = 'none'
drop view provenance
create or replace view provenance as select 1
create function f() returns int language sql as 'select 1'
vacuum full
comment on view provenance is 'x'
select query from pg_stat_activity where usename = 'mirror' and query <> '<insufficient privilege>'
""".strip().splitlines()


def test_a_partner_reaches_nothing_else(hub, server):
    token = {p: tokens.new_token(hub, p, NOW) for p in ("region", "network")}
    mirror(hub)
    for setting in ("", "set default_transaction_read_only = off; "):
        for statement in HOSTILE:
            try:
                rows = ask(server, "region", token["region"], setting + statement)
            except psycopg2.Error:
                continue
            assert rows == [], statement
    assert ask(server, "region", token["region"], "select count(*) from provenance") == [(7,)]
    leaky = "select * from provenance where 1 / (case when venue = 'opera' then 0 else 1 end) = 1"
    assert {row[1] for row in ask(server, "region", token["region"], leaky)} == {"theatre"}


def test_releases_rules_and_tokens_are_followed(hub, server):
    token = tokens.new_token(hub, "region", NOW)
    mirror(hub)
    s = sender(hub.folder.parent, "theatre", publishes=("transactions", "counts", "interactions"), revenue=True,
               policy=small_policy(*TABLES))  # fmt: skip
    deliver(s.release("2025-2026-T1").folder, hub.inbox)
    accept(hub)
    done = mirror(hub)
    assert (done.added, done.removed) == (1, 0)
    periods = "select period from latest order by 1"
    assert ask(server, "region", token, periods) == [("2025-2026",), ("2025-2026-T1",)]
    text = hub.governance.read_text("utf-8")
    hub.governance.write_text(text.replace("embargo_days = 0", "embargo_days = 40000"), "utf-8")
    mirror(hub)
    assert ask(server, "region", token, periods) == []
    hub.governance.write_text(text, "utf-8")
    renewed = tokens.new_token(hub, "region", NOW)
    mirror(hub)
    with pytest.raises(psycopg2.OperationalError, match="password"):
        ask(server, "region", token, periods)
    assert len(ask(server, "region", renewed, periods)) == 2
    tokens.revoke(hub, "region", NOW + timedelta(seconds=1))
    assert mirror(hub, now=NOW + timedelta(seconds=2)).partners == 0
    with pytest.raises(psycopg2.OperationalError):
        ask(server, "region", renewed, periods)


def test_what_the_role_may_not_do_is_told_and_the_mirror_stays(hub, server):
    token = tokens.new_token(hub, "region", NOW)
    mirror(hub)
    server.execute("alter role mirror nocreaterole")
    try:
        tokens.new_token(hub, "network", NOW)
        with pytest.raises(Fault, match=r"permission denied|must have|only roles"):
            mirror(hub)
    finally:
        server.execute("alter role mirror createrole")
    assert len(ask(server, "region", token, "select venue from latest")) == 1
    (hub.folder / "lake.toml").write_text("")
    with pytest.raises(Fault, match="names no mirror"):
        mirror(hub)


def test_psql_odbc_and_sqlalchemy_read_it(hub, server, tmp_path):
    token = tokens.new_token(hub, "region", NOW)
    mirror(hub)
    question = "select venue, round(people) from provenance where provenance = 'commune'"
    (right,) = ask(server, "region", token, question)
    at = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "partner_region", "-d", "mirror"]
    psql = max(Path("/usr/lib/postgresql").glob("*/bin/psql"))
    told = subprocess.run(
        [psql, *at, "-At", "-c", question], env={"PGPASSWORD": token}, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == f"theatre|{right[1]:.0f}"
    engine = sa.create_engine(f"postgresql+psycopg2://partner_region:{token}@127.0.0.1:{server.port}/mirror")
    with engine.connect() as connection:
        assert tuple(connection.execute(sa.text(question)).one()) == right
    inspected = sa.inspect(engine)
    assert "provenance" in inspected.get_view_names()  # what a BI tool lists
    engine.dispose()
    driver = next(iter(Path("/usr/lib").glob("*/odbc/psqlodbcw.so")))
    isql = shutil.which("isql")
    assert isql
    where = f"Driver={driver};Server=127.0.0.1;Port={server.port};Database=mirror;UID=partner_region;PWD={token}"
    told = subprocess.run(
        [isql, "-k", where, "-b", "-d,"], input=question + "\n", capture_output=True, text=True, check=True
    )
    assert f"theatre,{right[1]:.0f}" in told.stdout
