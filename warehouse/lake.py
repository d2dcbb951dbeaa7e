"""The lake: what the hub holds, in DuckLake (Parquet files and a catalogue), and SQL over it.

`open_lake` gives a connection on which `select * from provenance` works, as the lake is or was at a snapshot; `hold` puts
releases in, whole or not at all; `answer` answers a stranger's question and can do nothing else.

Any number of processes may write to a lake whose catalogue is PostgreSQL. DuckLake lets two that insert both through, as
neither has touched what the other read: the same release would be held twice. So who writes rewrites the one row of the
table `turn` too; of two at once, one commits and the other starts again from what it then finds (`in_turn`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import duckdb
import polars as pl
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from privacy.errors import Fault
from privacy.policy import Policy
from warehouse.definitions import dictionary, labels, statements
from warehouse.governance import Hub
from warehouse.storage import Storage, attach, folder, gone, of_a_server, read_storage, trouble

T = TypeVar("T")
# functions that could write, or speak to the catalogue's server, from within a SELECT
_AROUND = re.compile(r"postgres_|\bquery(_table)?\b|\bjson_execute|\bducklake_|__ducklake", re.IGNORECASE)
_PATIENCE = 60.0  # seconds of other writers being quicker


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the lake. `id` grows by one with every change; `at`: when it was made, UTC."""

    id: int
    at: datetime


@contextmanager
def open_lake(
    hub: Hub, *, read_only: bool = False, snapshot: int | None = None
) -> Generator[duckdb.DuckDBPyConnection]:
    """Open the lake, making what is missing, unless `read_only`, or as it was at a `snapshot`.

    A Fault says when there is none yet, when another process is writing (embedded catalogue), or what a server did.
    """
    storage, reads = read_storage(hub), read_only or snapshot is not None
    if not storage.catalogue:
        if reads and not (hub.lake / "catalogue.duckdb").exists():
            raise _nothing()
        hub.lake.mkdir(parents=True, exist_ok=True)
    try:
        with _attached(hub, storage, read_only=reads, snapshot=snapshot) as lake:
            if not reads:
                _prepare(lake, hub.policy)
            yield lake
    except (duckdb.IOException, duckdb.ConnectionException, duckdb.InternalException, duckdb.FatalException) as error:
        raise trouble(error) from None
    except duckdb.Error as error:
        if isinstance(error, duckdb.TransactionException) and not gone(error):
            raise _busy() from None
        if storage.catalogue and of_a_server(error):  # one that goes away may answer anything
            raise trouble(error) from None
        if snapshot is None:
            raise
        raise Fault(
            f"The lake cannot be read as of snapshot {snapshot}: there is none, it has expired, or it was made under "
            "another policy or version of Jauge.",
            f"Le lac ne peut être lu dans son état {snapshot} : il n’existe pas, a expiré, ou fut fait avec une autre "
            "politique ou version de Jauge.",
        ) from error


@contextmanager
def _attached(
    hub: Hub, storage: Storage, *, read_only: bool, snapshot: int | None
) -> Generator[duckdb.DuckDBPyConnection]:
    """Attach, again if another process made the catalogue at the same moment; close at the end."""
    try:
        lake = patiently(lambda: attach(hub, storage, read_only=read_only, snapshot=snapshot))
    except duckdb.Error as error:
        if "does not match existing data path" in str(error):
            raise trouble(error) from None
        if "creating a new DuckLake is explicitly disabled" in str(error):
            raise _nothing() from None
        raise
    try:
        yield lake
    finally:
        lake.close()


def current(lake: duckdb.DuckDBPyConnection) -> Snapshot:
    """Return the state of the lake that this connection, or its transaction, sees."""
    number, at = lake.execute(
        "select snapshot_id, epoch_us(snapshot_time) from ducklake_snapshots('lake') "
        "where snapshot_id = (select id from ducklake_current_snapshot('lake'))"
    ).fetchone() or (0, 0)
    return Snapshot(number, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at))


def in_turn(lake: duckdb.DuckDBPyConnection, do: Callable[[], T]) -> T:
    """Return what `do` returns, all of it in one transaction; run again whole if another writer was quicker."""
    return patiently(lambda: _once(lake, do))


def _once(lake: duckdb.DuckDBPyConnection, do: Callable[[], T]) -> T:
    lake.execute("begin")
    try:
        _take_turn(lake)
        done = do()
        lake.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):  # a commit that was refused has rolled back
            lake.execute("rollback")
        raise
    return done


def _take_turn(lake: duckdb.DuckDBPyConnection) -> None:
    if lake.execute("update turn set taken = taken + 1").fetchall() != [(1,)]:
        raise Fault(
            "The lake's table `turn` has not its one row: without it two processes may hold a release twice. "
            "Restore the catalogue.",
            "La table `turn` du lac n’a pas sa ligne unique : sans elle, deux processus pourraient détenir deux "
            "fois une publication. Restaurez le catalogue.",
        )


def patiently(do: Callable[[], T]) -> T:
    """Return what `do` returns, tried again while other writers are quicker; after a minute, a Fault."""
    waits = wait_random_exponential(multiplier=0.05, max=2)
    conflict = retry_if_exception(lambda e: isinstance(e, duckdb.TransactionException) and not gone(e))
    try:
        return Retrying(retry=conflict, wait=waits, stop=stop_after_delay(_PATIENCE))(do)
    except RetryError:
        raise _busy() from None


def put(lake: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Add rows to a table, columns by name."""
    lake.register("arriving", rows)
    try:
        lake.execute(f"insert into {table} by name from arriving")
    finally:
        lake.unregister("arriving")


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question, and the state of the lake they are of."""

    rows: pl.DataFrame
    snapshot: Snapshot


def query(hub: Hub, question: str, *, snapshot: int | None = None) -> pl.DataFrame:
    """Return the rows of `answer`."""
    return answer(hub, question, snapshot=snapshot).rows


def answer(hub: Hub, question: str, *, snapshot: int | None = None) -> Answer:
    """Answer one SELECT over the lake, as it is or was. Whatever else it is (a write, a file, a setting) is a Fault.

    The lake is attached read-only, files outside it are closed, and the settings locked.
    """
    try:
        parsed = duckdb.extract_statements(question)
    except duckdb.Error as error:
        raise _no_answer(error) from None
    readable = duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN
    if len(parsed) != 1 or parsed[0].type not in readable or _AROUND.search(question):
        raise Fault(
            "One SELECT at a time: the lake can be read, not changed, and no file is read or written.",
            "Un seul SELECT à la fois : le lac se lit, ne se modifie pas, et aucun fichier n’est lu ni écrit.",
        )
    with open_lake(hub, read_only=True, snapshot=snapshot) as lake:
        inside = folder(hub, read_storage(hub)).replace("'", "''")
        lake.execute(f"set allowed_directories = ['{inside}']")
        lake.execute("set enable_external_access = false")
        lake.execute("set lock_configuration = true")
        try:
            lake.execute("begin")  # the rows are of the snapshot that is named
            return Answer(lake.execute(parsed[0]).pl(), current(lake))
        except duckdb.IOException:
            raise
        except duckdb.Error as error:
            raise _no_answer(error) from None


def _no_answer(error: duckdb.Error) -> Fault:
    why = str(error).strip().split("\n\n")[0]
    return Fault(f"The question has no answer. {why}", f"La question n’a pas de réponse. {why}")


def _nothing() -> Fault:
    return Fault(
        "The hub holds nothing yet; `jauge accept` takes in what venues have delivered.",
        "Le hub ne contient encore rien ; `jauge accept` reçoit ce que les lieux ont livré.",
    )


def _busy() -> Fault:
    return Fault(
        "Other processes are writing to the hub's lake without a break. Nothing is half done: try again in a moment.",
        "D’autres processus écrivent sans cesse dans le lac du hub. Rien n’est fait à moitié : réessayez bientôt.",
    )


def _prepare(lake: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Make tables, views, labels and comments once; again only when their definition has changed."""
    text = statements(policy)
    digest = hashlib.sha256((text + repr(labels(policy))).encode()).hexdigest()

    def done() -> bool:
        made = "select 1 from duckdb_tables() where database_name = 'lake' and table_name = 'edition'"
        return bool(lake.execute(made).fetchone()) and lake.execute("from edition").fetchall() == [(digest,)]

    def make() -> None:
        if done():  # by another process, since
            return
        lake.execute(text)
        rows = {"labels": labels(policy), "dictionary": dictionary(policy), "edition": [(digest,)]}
        for name, told in rows.items():
            lake.execute(f"delete from {name}")  # noqa: S608 (one of the three words above)
            lake.register("arriving", pl.DataFrame(told, orient="row"))
            lake.execute(f"insert into {name} from arriving")
            lake.unregister("arriving")

    if not done():
        patiently(lambda: _begin(lake))
        in_turn(lake, make)


def _begin(lake: duckdb.DuckDBPyConnection) -> None:
    """Make the table `turn` with its row, if it is not there, and say that all but it is written to Parquet.

    Rows kept in the catalogue itself ("inlined") may lose a double's last bit, and moving them to Parquet while another
    process changes them loses the change (DuckLake 1.0, tried): only `turn` is kept so, and it is never moved.
    """
    lake.execute("call lake.set_option('data_inlining_row_limit', 0)")
    lake.execute("create table if not exists turn as select 0::bigint as taken")
    lake.execute("call lake.set_option('data_inlining_row_limit', 1, table_name => 'turn')")
