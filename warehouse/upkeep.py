"""Keeping the lake small: `compact` makes few files of many, `expire` lets old states go, `purge` all but the present.

DuckLake never rewrites what a snapshot shows: deleted rows stay readable in older ones, and their files stay on disk,
until those snapshots expire. What is withdrawn has gone only after `purge`, and so has every page made before it: none can
be made again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb

from warehouse.governance import Hub
from warehouse.lake import in_turn, open_lake, patiently
from warehouse.storage import read_storage

_DAY = timedelta(days=1)  # longer than any reading of files that are no longer needed, or writing of ones not yet known


def tend(hub: Hub, *, now: datetime | None = None) -> int:
    """Compact the lake, and let go of states older than `keep_days` of `lake.toml`; return how many went."""
    at = now or datetime.now(UTC)
    with open_lake(hub) as lake:
        compact(lake)
        return expire(lake, at - timedelta(days=read_storage(hub).keep_days), now=at)


def compact(lake: duckdb.DuckDBPyConnection) -> None:
    """Merge files of the same season and venues, as far as their snapshots allow. No answer changes."""
    inlined = lake.execute(
        "select distinct t.table_name from __ducklake_metadata_lake.ducklake_inlined_data_tables as i "
        "join __ducklake_metadata_lake.ducklake_table as t using (table_id) "
        "where t.end_snapshot is null and t.table_name <> 'turn'"
    ).fetchall()
    if inlined:  # a lake of before: no other process may be writing, so it takes its turn
        in_turn(lake, lambda: [_call(lake, "flush_inlined_data", f"table_name => '{t}'") for (t,) in inlined])
    patiently(lambda: _call(lake, "merge_adjacent_files"))


def expire(lake: duckdb.DuckDBPyConnection, before: datetime, *, now: datetime | None = None) -> int:
    """Let snapshots of before a moment go, never the present one, then files nothing needs since a day.

    Return how many snapshots went.
    """
    gone = patiently(lambda: _call(lake, "expire_snapshots", f"older_than => {_moment(before)}"))
    since = _moment((now or datetime.now(UTC)) - _DAY)
    _call(lake, "cleanup_old_files", f"older_than => {since}")
    _call(lake, "delete_orphaned_files", f"older_than => {since}")  # of processes that were killed
    return gone


def purge(lake: duckdb.DuckDBPyConnection) -> None:
    """Rewrite files that hold deleted rows, and let go of every state but the present and of all that only they showed.

    For withdrawal: delete, then this. A reader of that moment may fail once for want of a file, and ask again.
    """
    patiently(lambda: _call(lake, "rewrite_data_files", "delete_threshold => 0"))
    compact(lake)
    patiently(lambda: _call(lake, "expire_snapshots", f"older_than => {_moment(datetime.now(UTC))}"))
    _call(lake, "cleanup_old_files", "cleanup_all => true")


def _call(lake: duckdb.DuckDBPyConnection, function: str, *options: str) -> int:
    arguments = ", ".join(("'lake'", *options))
    return len(lake.execute(f"call ducklake_{function}({arguments})").fetchall())


def _moment(at: datetime) -> str:
    return f"timestamptz '{at.astimezone(UTC).isoformat(sep=' ')}'"
