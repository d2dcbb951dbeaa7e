"""What one partner may see, cut out of the lake: their own database, and files for those who want files.

Every relation has the name it has in the lake, so that one question works in both: the policy tables and their totals,
`latest`, `coverage`, `venues`, `labels`, the `dictionary` of these, and the `questions` that can be asked of them. Only rows of
venues that the rules let them see are copied. The database is written as DuckDB 1.4 does: later versions read it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import polars as pl

from privacy.errors import Fault
from warehouse.definitions import MACROS, REACH_MACROS, Z95, dictionary, questions, sql
from warehouse.governance import Hub
from warehouse.lake import open_lake
from warehouse.sharing import Access

STORAGE = "v1.4.0"
_SHEET_ROWS = 1_048_576  # a worksheet has no more, its heading included
Form = Literal["duckdb", "parquet", "csv", "xlsx"]


def state(lake: duckdb.DuckDBPyConnection) -> object:
    """Return what is the same as long as all that partners could see is: releases, members, definitions."""
    held = (("release_id", "releases"), ("venues", "venues"), ("edition", "edition"))
    return [lake.execute(f"select count(*), bit_xor(hash({what})) from {where}").fetchone() for what, where in held]  # noqa: S608


def write_database(hub: Hub, seen: Access, path: Path) -> object:
    """Write a database of what somebody may see to `path`, where none is; return the `state` it is of.

    A Fault if the lake cannot be read.
    """
    tables = [t.name for t in hub.policy.tables if t.name in {s.table for s in seen.shared}]
    views = {f"{t}{part}": t for t in tables for part in ("", "_totals")}
    sketches = [s.name for s in hub.policy.sketches if s.name in {s.table for s in seen.shared}]
    if sketches:  # a policy has one at most
        views["sketches"] = sketches[0]
    macros = (*MACROS, *(REACH_MACROS if sketches else ()))
    by_venue = ["latest", "coverage", "venues", *views]
    rows = [(s.venue, s.table, s.until) for s in seen.shared]
    of = "select l.release_id{} from lake.latest as l join shared as s on s.venue = l.venue and l.period_end <= s.until"
    where = {name: f"release_id in ({of.format('')} where s.table_name = '{table}')" for name, table in views.items()}
    where["latest"] = f"release_id in ({of.format('')})"
    where["coverage"] = f"(release_id, table_name) in ({of.format(', s.table_name')})"
    where["venues"] = "venue in (select venue from shared)"
    with open_lake(hub, read_only=True) as lake:
        lake.execute(f"attach '{_quoted(path)}' as jauge (storage_version '{STORAGE}')")
        shared = pl.DataFrame(rows, {"venue": pl.String, "table_name": pl.String, "until": pl.Date}, orient="row")
        lake.register("shared", shared)
        lake.execute("begin")
        at = state(lake)
        for name, rule in where.items():
            lake.execute(f"create table jauge.{name} as from lake.{name} where {rule} order by venue")
        lake.unregister("shared")
        dimensions = [d.name for t in hub.policy.tables if t.name in tables for d in t.dimensions]
        lake.execute("create table jauge.labels as from lake.labels where list_contains($1, dimension)", [dimensions])
        told = {*by_venue, "labels", "dictionary", "questions", *macros}
        entries = [entry for entry in dictionary(hub.policy) if entry[0] in told]
        _hold(lake, "dictionary", ["relation", "column_name", "fr", "en"], entries)
        lake.execute("use jauge")
        lake.execute(sql("macros", z=Z95))  # in this database from here on
        if sketches:
            lake.execute(sql("reach", z=Z95))
        asked = [(q.name, q.fr, q.en, q.sql) for q in questions() if _answerable(lake, q.sql)]
        _hold(lake, "questions", ["name", "fr", "en", "sql"], asked)
        lake.execute(";".join(_comment(*entry) for entry in entries if entry[0] not in macros))
        lake.execute("commit")
        return at


def _hold(lake: duckdb.DuckDBPyConnection, name: str, columns: list[str], rows: Sequence[tuple[str, ...]]) -> None:
    lake.register("arriving", pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))
    lake.execute(f"create table jauge.{name} as from arriving")
    lake.unregister("arriving")


def _comment(relation: str, column: str, fr: str, en: str) -> str:
    what = f'column {relation}."{column}"' if column else f"table {relation}"
    return f"comment on {what} is '{_quoted(f'{fr} / {en}')}'"


def _answerable(lake: duckdb.DuckDBPyConnection, question: str) -> bool:
    """Return whether a question reads only tables that the partner has, by binding it."""
    try:
        lake.execute(f"explain {question}")
    except duckdb.CatalogException:
        return False
    return True


def extract(hub: Hub, seen: Access, folder: Path, form: Form) -> list[Path]:
    """Write what a partner may see as files in `folder`, and return their paths; a Fault if one is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / f"{seen.id}.duckdb"
    _free(database)
    write_database(hub, seen, database)
    if form == "duckdb":
        return [database]
    try:
        with duckdb.connect(str(database), read_only=True) as held:
            names = [name for (name,) in held.execute("select table_name from duckdb_tables() order by 1").fetchall()]
            if form != "parquet":  # buckets are read by macros, and a list has no place in a cell
                names = [name for name in names if name != "sketches"]
            frames = {name: held.execute(f'from "{name}"').pl() for name in names}
    finally:
        database.unlink()
    if form == "xlsx":
        return [_workbook(frames, folder / f"{seen.id}.xlsx")]
    write: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
        "parquet": lambda frame, path: frame.write_parquet(path),
        "csv": lambda frame, path: frame.write_csv(path),
    }
    paths = {folder / f"{name}.{form}": frame for name, frame in frames.items()}
    for path in paths:
        _free(path)
    for path, frame in paths.items():
        write[form](frame, path)
    return list(paths)


def _workbook(frames: dict[str, pl.DataFrame], path: Path) -> Path:
    """Write one sheet a table; no text becomes a formula or a link."""
    from xlsxwriter import Workbook

    _free(path)
    longest = max(frames, key=lambda name: frames[name].height)
    if frames[longest].height >= _SHEET_ROWS:
        raise Fault(f"{longest} has more rows than a worksheet; take Parquet or CSV.",
                    f"{longest} a plus de lignes qu’une feuille ; prenez Parquet ou CSV.")  # fmt: skip
    with Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name, frame in frames.items():
            frame.write_excel(book, worksheet=name[:31])
    return path


def _free(path: Path) -> None:
    if path.exists():
        raise Fault(f"{path.name} is there already; choose an empty folder.",
                    f"{path.name} existe déjà ; choisissez un dossier vide.")  # fmt: skip


def _quoted(text: str | Path) -> str:
    return str(text).replace("'", "''")
