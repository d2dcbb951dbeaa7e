"""The lake: what the hub holds, in DuckLake (Parquet files and a DuckDB catalogue), and SQL over it.

`open_lake` gives a connection on which `select * from provenance` works; `hold` puts one release in, whole or not
at all; `query` answers a stranger's question and can do nothing else. Nothing is downloaded: the extension comes
with the Python package, and DuckDB is told not to look for others.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from fractions import Fraction
from importlib.resources import files

import duckdb
import polars as pl

from privacy.calendar import Period
from privacy.errors import Fault
from privacy.policy import Policy
from privacy.release import Release
from warehouse.definitions import dictionary, labels, sql, statements
from warehouse.governance import Hub, members

_INLINED_ROWS = 1000  # a release's table stays in the catalogue until `tidy`: no Parquet file for 84 rows
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # a table name never reaches a Python variable
}


def open_lake(hub: Hub, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the lake, making what is missing unless `read_only`; close it after use (`with`).

    A Fault says when there is none yet, or when another process is writing.
    """
    catalogue = hub.lake / "catalogue.duckdb"
    if read_only and not catalogue.exists():
        raise Fault(
            "The hub holds nothing yet; `jauge accept` takes in what venues have delivered.",
            "Le hub ne contient encore rien ; `jauge accept` reçoit ce que les lieux ont livré.",
        )
    hub.lake.mkdir(parents=True, exist_ok=True)
    lake = duckdb.connect(":memory:", config=_CLOSED)
    mode = "read_only" if read_only else f"data_inlining_row_limit {_INLINED_ROWS}"
    path, data = (str(p.resolve()).replace("'", "''") for p in (catalogue, hub.lake / "data"))
    try:
        lake.execute(f"load '{_extension('ducklake')}'")
        lake.execute(f"attach 'ducklake:{path}' as lake (data_path '{data}/', override_data_path true, {mode})")
        lake.execute("use lake")
        if not read_only:
            _prepare(lake, hub.policy)
    except duckdb.IOException:
        lake.close()
        raise Fault(
            "The hub's lake is in use by another process, or its files are damaged. Try again in a moment.",
            "Le lac du hub est utilisé par un autre processus, ou ses fichiers sont abîmés. Réessayez dans un instant.",
        ) from None
    except BaseException:
        lake.close()
        raise
    return lake


def _extension(name: str) -> str:
    """Return where the Python package keeps a DuckDB extension: loaded from there, never installed or downloaded."""
    package = files(f"duckdb_extension_{name}")
    return str(package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension").replace("'", "''")


def hold(lake: duckdb.DuckDBPyConnection, release: Release, policy: Policy, now: datetime) -> None:
    """Put a verified release in: its row, its losses, every cell and level, within the caller's transaction."""
    manifest = release.manifest
    period = Period.parse(manifest["period"])
    facts = {"release_id": release.id, "period_kind": period.kind, "period_start": period.start}
    facts |= {"period_end": period.end, "manifest_sha256": release.manifest_sha256, "now": now}
    lake.execute(sql("hold"), facts | {"manifest": json.dumps(manifest, ensure_ascii=False)})
    for unit, loss in manifest["privacy_loss"].items():
        own, season = loss["privacy_parameters"], loss["season"]
        row = [release.id, unit, own["epsilon"], float(Fraction(own["delta"]))]
        row += [own["rho"], own["delta_selection"], own["shift"]]
        row += [float(Fraction(season["epsilon"])), float(Fraction(season["delta"]))]
        lake.execute("insert into losses values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for table in policy.tables:
        if table.name in release.tables:
            keys = [pl.lit(manifest[c] if c != "venue" else manifest["venue"]["id"]).alias(c) for c in _KEYS]
            lake.register("arriving", release.tables[table.name].select(*keys, pl.all()))
            lake.execute(f"insert into cells_{table.name} by name from arriving")
            lake.unregister("arriving")


_KEYS = ("release_id", "venue", "season", "period")


def hold_venues(lake: duckdb.DuckDBPyConnection, hub: Hub) -> None:
    """Make the table `venues` say what `governance.toml` says; writes only if it does not."""
    rows = [(m.id, m.name, m.kind, m.commune, m.since) for m in members(hub).values()]
    if sorted(rows) != sorted(lake.execute("from venues").fetchall()):
        lake.execute("begin")
        lake.execute("delete from venues")
        if rows:
            lake.executemany("insert into venues values (?, ?, ?, ?, ?)", rows)
        lake.execute("commit")


def tidy(lake: duckdb.DuckDBPyConnection) -> None:
    """Move what waits in the catalogue to Parquet, one file a table and season where it can be."""
    lake.execute("call ducklake_flush_inlined_data('lake')")
    lake.execute("call ducklake_merge_adjacent_files('lake')")


def query(hub: Hub, question: str) -> pl.DataFrame:
    """Answer one SELECT over the lake. Whatever else it is (a write, a file, a setting) is a Fault.

    The lake is attached read-only, files outside it are closed, and the settings locked.
    """
    try:
        parsed = duckdb.extract_statements(question)
    except duckdb.Error as error:
        raise _no_answer(error) from None
    readable = duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN
    if len(parsed) != 1 or parsed[0].type not in readable:
        raise Fault(
            "One SELECT at a time: the lake can be read, not changed, and no file is read or written.",
            "Un seul SELECT à la fois : le lac se lit, ne se modifie pas, et aucun fichier n’est lu ni écrit.",
        )
    with open_lake(hub, read_only=True) as lake:
        inside = str(hub.lake.resolve()).replace("'", "''")
        lake.execute(f"set allowed_directories = ['{inside}/']")
        lake.execute("set enable_external_access = false")
        lake.execute("set lock_configuration = true")
        try:
            return lake.execute(parsed[0]).pl()
        except duckdb.Error as error:
            raise _no_answer(error) from None


def _no_answer(error: duckdb.Error) -> Fault:
    why = str(error).strip().split("\n\n")[0]
    return Fault(f"The question has no answer. {why}", f"La question n’a pas de réponse. {why}")


def _prepare(lake: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Make tables, views, labels and comments once; again only when their definition has changed."""
    text = statements(policy)
    digest = hashlib.sha256((text + repr(labels(policy))).encode()).hexdigest()
    made = "select 1 from duckdb_tables() where database_name = 'lake' and table_name = 'edition'"
    if lake.execute(made).fetchone() and lake.execute("from edition").fetchall() == [(digest,)]:
        return
    lake.execute("begin")
    try:
        lake.execute(text)
        for name, rows in (("labels", labels(policy)), ("dictionary", dictionary(policy)), ("edition", [(digest,)])):
            lake.execute(f"delete from {name}")  # noqa: S608 (one of three words above)
            lake.register("arriving", pl.DataFrame(rows, orient="row"))
            lake.execute(f"insert into {name} from arriving")
            lake.unregister("arriving")
        lake.execute("commit")
    except BaseException:
        lake.execute("rollback")
        raise
