"""The mirror: the hub's views as PostgreSQL tables, for tools that speak nothing else; a role and real grants a partner.

    jauge.<table>, jauge.<table>_totals, latest, coverage   what the lake shows, of every venue: no partner may read it
    jauge.shown                                             which releases and tables each partner may see today
    partner_<id>.<table> …                                  views of that, with `venues`, `labels`, `dictionary`: a partner's own

A database of its own, apart from the lake's catalogue: `mirror` of lake.toml. Only what has changed is written, all in one
transaction. A partner logs in as `partner_<id>` with its token for a password; PostgreSQL has a SCRAM verifier of it
(RFC 5802), made when the token was. Views are security barriers: no condition of a partner's is tried on others' rows.
"""

# ruff: noqa: S608 (tables are the policy's, ids are of one form)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from privacy.errors import Fault
from warehouse.definitions import MACROS, REACH_MACROS, Entry, dictionary
from warehouse.governance import Hub, governance
from warehouse.lake import current, open_lake
from warehouse.partners.tokens import Token, tokens
from warehouse.sharing import Access, access
from warehouse.storage import attach_mirror

_SETTINGS = {"statement_timeout": "'20s'", "default_transaction_read_only": "on", "search_path": "{own}"}
_SESSIONS = 16  # of one partner


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a run did. `snapshot`: of the lake; `added`, `removed`: releases."""

    snapshot: int
    added: int
    removed: int
    partners: int


def mirror(hub: Hub, *, now: datetime | None = None) -> Mirrored:
    """Make the mirror show what the lake holds, and each partner what the rules say; a Fault if a server does not do it."""
    at = now or datetime.now(UTC)
    agreed, held = governance(hub), {t.partner: t for t in tokens(hub) if t.holds(at)}
    partners = [p.id for p in agreed.partners.values() if p.until >= at.date() and p.id in held]
    accesses = [access(agreed, name, at.date()) for name in partners]
    tables = [t.name for t in hub.policy.tables]
    by_release = [*(f"{t}{part}" for t in tables for part in ("", "_totals")), "coverage", "latest"]
    words = [entry for entry in dictionary(hub.policy) if entry[0] not in (*MACROS, *REACH_MACROS)]
    with open_lake(hub, read_only=True) as lake:
        attach_mirror(lake, hub)
        try:
            lake.execute("begin")
            _do(lake, "create schema if not exists jauge; revoke all on schema public from public")
            added, removed = _follow(lake, by_release)
            _copy(lake, words, accesses)
            for statement in (
                *_leave(lake, partners),
                *(s for a in accesses for s in _welcome(a, held[a.id], tables, words)),
            ):
                _do(lake, statement)
            of = current(lake).id
            lake.execute("commit")
        except duckdb.IOException:
            raise
        except duckdb.Error as error:  # PostgreSQL's words name a role, a table or a right, and no row
            why = next((line for line in str(error).splitlines() if "ERROR" in line), "").partition("ERROR:")[2].strip()
            raise Fault(
                f"The mirror was not written, and shows what it did ({why}). docs/partners.md tells what its role must be "
                "allowed.",
                f"Le miroir n’a pas été écrit et montre ce qu’il montrait ({why}). docs/partners.md dit ce que son rôle "
                "doit pouvoir.",
            ) from None
    return Mirrored(of, added, removed, len(accesses))


def _follow(lake: duckdb.DuckDBPyConnection, names: Sequence[str]) -> tuple[int, int]:
    """Write the releases that the mirror lacks, delete those that the lake does not show; return how many of each."""
    for name in names:
        told = [(c, kind) for c, kind, *_ in lake.execute(f"describe lake.{name}").fetchall()]
        if _there(lake, name) != [column for column, _ in told]:  # none yet, or under another policy
            columns = ", ".join(f'"{c}" {_TYPES[kind]}' for c, kind in told)
            _do(lake, f"drop table if exists jauge.{name} cascade; create table jauge.{name} ({columns})")
            _do(lake, f"create index on jauge.{name} (release_id)")
    lake.execute("call pg_clear_cache()")
    shown = _ids(lake, "lake.latest")
    counts = [0, 0]
    for name in names:  # each by itself: a table that is new has everything to come
        known = _ids(lake, f"pg.jauge.{name}")
        gone, come = sorted(known - shown), sorted(shown - known)
        if gone:
            lake.execute(f"delete from pg.jauge.{name} where list_contains($1, release_id)", [gone])
        if come:
            lake.execute(f"insert into pg.jauge.{name} from lake.{name} where list_contains($1, release_id)", [come])
        counts = [len(come), len(gone)]  # at the end: of `latest`, which has every release
    return counts[0], counts[1]


def _copy(lake: duckdb.DuckDBPyConnection, words: Sequence[Entry], accesses: Sequence[Access]) -> None:
    """Write what is small, whole: labels, venues, words, and who may see what."""
    seen = [(a.id, s.venue, s.table, s.until) for a in accesses for s in a.shared]
    columns: dict[str, type[pl.DataType]] = {
        "partner": pl.String,
        "venue": pl.String,
        "table_name": pl.String,
        "until": pl.Date,
    }
    made = {
        "labels": lake.execute("from lake.labels").pl(),
        "venues": lake.execute("from lake.venues").pl(),
        "dictionary": pl.DataFrame(words, ["relation", "column_name", "fr", "en"], orient="row"),
        "shared": pl.DataFrame(seen, columns, orient="row"),
    }
    for name, rows in made.items():
        lake.register("arriving", rows)
        made_of = ", ".join(f'"{c}" {_POLARS[str(kind)]}' for c, kind in rows.schema.items())
        _do(lake, f"create table if not exists jauge.{name} ({made_of}); delete from jauge.{name}")
        lake.execute("call pg_clear_cache()")
        lake.execute(f"insert into pg.jauge.{name} by name from arriving")
        lake.unregister("arriving")
    _do(lake, "create table if not exists jauge.shown (partner varchar, release_id varchar, table_name varchar, "
              "primary key (partner, release_id, table_name)); delete from jauge.shown; "
              "insert into jauge.shown select s.partner, l.release_id, s.table_name from jauge.shared as s "
              "join jauge.latest as l on l.venue = s.venue and l.period_end <= s.until")  # fmt: skip


def _leave(lake: duckdb.DuckDBPyConnection, staying: Sequence[str]) -> Iterator[str]:
    """Yield what takes everything from partners who may see nothing any more: revoked, ended, or no longer named."""
    for (role,) in lake.execute(
        "from postgres_query('pg', $$select rolname from pg_roles where starts_with(rolname, 'partner_')$$)"
    ).fetchall():
        if role.removeprefix("partner_") not in staying:
            yield f'drop schema if exists "{role}" cascade'
            yield _on_database(f'revoke connect on database %I from "{role}"')
            yield f'drop role "{role}"'


def _on_database(statement: str) -> str:
    return f"do $$ begin execute format('{statement}', current_database()); end $$"


def _welcome(seen: Access, token: Token, tables: Sequence[str], words: Sequence[Entry]) -> Iterator[str]:
    """Yield what makes a partner's role, its password, and its views."""
    own = f'"partner_{seen.id}"'
    yield f"""do $$ begin if not exists (select from pg_roles where rolname = 'partner_{seen.id}') then
        create role {own} login; end if; end $$"""
    until = datetime.fromisoformat(token.expires).isoformat()
    yield f"alter role {own} password '{token.verifier}' valid until '{until}' connection limit {_SESSIONS}"
    for name, value in _SETTINGS.items():
        yield f"alter role {own} set {name} = {value.format(own=own)}"
    yield _on_database(f"grant connect on database %I to {own}")
    yield f"drop schema if exists {own} cascade; create schema {own}; grant usage on schema {own} to {own}"
    mine = f"from jauge.shown as s where s.partner = '{seen.id}'"
    shared = [t for t in tables if t in {s.table for s in seen.shared}]
    where = {f"{t}{part}": f"r.release_id in (select release_id {mine} and table_name = '{t}')"
             for t in shared for part in ("", "_totals")}  # fmt: skip
    where["latest"] = f"r.release_id in (select release_id {mine})"
    where["coverage"] = f"(r.release_id, r.table_name) in (select release_id, table_name {mine})"
    where["venues"] = f"r.venue in (select venue from jauge.shared where partner = '{seen.id}')"
    known = ", ".join(f"'{name}'" for name in (*where, "labels", "dictionary"))
    where |= {"labels": "true", "dictionary": f"r.relation in ({known})"}
    for view, rule in where.items():
        yield f"create view {own}.{view} with (security_barrier) as select r.* from jauge.{view} as r where {rule}"
    yield f"grant select on all tables in schema {own} to {own}"
    yield "; ".join(_comment(own, *entry) for entry in words if entry[0] in where)


def _comment(own: str, view: str, column: str, fr: str, en: str) -> str:
    what, told = (
        f'column {own}.{view}."{column}"' if column else f"view {own}.{view}",
        f"{fr} / {en}".replace("'", "''"),
    )
    return f"comment on {what} is '{told}'"


def _there(lake: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    asked = (f"select column_name from information_schema.columns where table_schema = 'jauge' and table_name = '{table}' "
             "order by ordinal_position")  # fmt: skip
    return [c for (c,) in lake.execute(f"from postgres_query('pg', $${asked}$$)").fetchall()]


def _ids(lake: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    return {i for (i,) in lake.execute(f"select distinct release_id from {relation}").fetchall()}


def _do(lake: duckdb.DuckDBPyConnection, statement: str) -> None:
    lake.execute("call postgres_execute('pg', $1)", [statement])


_TYPES = {"VARCHAR": "varchar", "DOUBLE": "double precision", "BOOLEAN": "boolean", "DATE": "date", "INTEGER": "integer",
          "BIGINT": "bigint"}  # fmt: skip
_POLARS = {"String": "varchar", "Date": "date", "Int32": "integer", "Int64": "bigint"}
