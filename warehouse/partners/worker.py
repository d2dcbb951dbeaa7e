"""A partner's own process: answers statements over a Unix socket, out of that partner's database and nothing else.

`python -m warehouse.partners.worker DATABASE SOCKET SECONDS ROWS BYTES` says `ready` and ends with its standard input. The database
is read-only, DuckDB reaches no file, network, extension or setting, and the system lets the process write no file. A
connection is one statement: text in, then one line of JSON (`rule`, `en`, `fr`), and an Arrow stream if it is answered.
What a statement can do at worst is take this process down, with this partner's other statements.
"""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import socketserver
import sys
import threading
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse.partners.statements import Refused, admit

MEMORY = "1GB"
_DATA_BYTES = 3 * 2**30  # what DuckDB does not count, long texts for one, is stopped by the system
_OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "threads": "2",
    "memory_limit": MEMORY,
    "temp_directory": "",  # nothing spills to disk
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "arrow_lossless_conversion": "true",
}


class Desk:
    """One partner's database, and how much one answer may be."""

    def __init__(self, database: str, seconds: float, rows: int, size: int) -> None:
        self._held = duckdb.connect(database, read_only=True, config=_OPTIONS)
        names = self._held.execute("select lower(table_name) from duckdb_tables()").fetchall()
        self._tables = frozenset(name for (name,) in names)
        self._parser = duckdb.connect(config=_OPTIONS)
        for each in (self._held, self._parser):
            each.execute("set enable_external_access = false")
            each.execute("set lock_configuration = true")
        self._seconds, self._rows, self._size = seconds, rows, size

    def answer(self, text: str) -> pa.Table:
        """Return the rows of a statement, or raise Refused."""
        try:
            return self._run(admit(text, self._parser, self._tables))
        except duckdb.InterruptException:
            seconds = f"{self._seconds:g}"
            raise Refused("time", f"Stopped after {seconds} seconds.", f"Arrêtée après {seconds} secondes.") from None
        except (duckdb.OutOfMemoryException, MemoryError):
            raise Refused("memory", "It takes too much memory.", "Elle prend trop de mémoire.") from None
        except (duckdb.Error, OSError, ValueError, RecursionError, pa.ArrowException) as error:
            why = str(error).split("\n\nStack Trace")[0]
            raise Refused("sql", why, why) from None

    def _run(self, text: str) -> pa.Table:
        """Run a statement to its end, or to the first limit."""
        cursor = self._held.cursor()
        late = threading.Timer(self._seconds, cursor.interrupt)
        late.start()
        try:
            reader = cursor.execute(text).to_arrow_reader(2048)
            batches: list[pa.RecordBatch] = []
            rows = size = 0
            for batch in reader:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                if rows > self._rows or size > self._size:
                    raise Refused("rows", f"More than {self._rows} rows or {self._size // 2**20} MiB: add up first, or ask for an extract.",
                                  f"Plus de {self._rows} lignes ou {self._size // 2**20} Mio : additionnez d’abord, ou demandez un extrait.")  # fmt: skip
                batches.append(batch)
            return pa.Table.from_batches(batches, reader.schema).rename_columns(_apart(reader.schema.names))
        finally:
            late.cancel()
            cursor.close()


def _apart(names: list[str]) -> list[str]:
    """Tell columns of one name apart, as DuckDB does in a table: a, a_1."""
    taken: set[str] = set()
    for place, name in enumerate(names):
        given = next(n for n in (name, *(f"{name}_{i}" for i in range(1, len(names) + 1))) if n.lower() not in taken)
        taken.add(given.lower())
        names[place] = given
    return names


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        table, said = None, {"rule": None, "en": "", "fr": ""}
        with contextlib.suppress(BrokenPipeError):  # who asked does not wait any more
            try:
                text = self.rfile.read().decode("utf-8", "replace")
                table = self.server.desk.answer(text)  # type: ignore[attr-defined]
            except Refused as refused:
                said = {"rule": refused.rule, "en": refused.en, "fr": refused.fr}
            self.wfile.write(json.dumps(said).encode() + b"\n")
            if table is not None:
                with pa.ipc.new_stream(self.wfile, table.schema) as stream:
                    stream.write_table(table)
        if _data_bytes() > _DATA_BYTES / 2:  # left behind by a statement: better a new process than a slow death
            self.connection.shutdown(socket.SHUT_WR)
            os._exit(1)


def _data_bytes() -> int:
    """Return what this process has of the memory that the system counts against its limit."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[5]) * resource.getpagesize()


class _Socket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, desk: Desk) -> None:
        self.desk = desk
        super().__init__(path, _Handler)


def main() -> None:
    """Answer until standard input ends."""
    database, path, seconds, rows, size = sys.argv[1:]
    desk = Desk(database, float(seconds), int(rows), int(size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))
    os.nice(5)  # the server, and whoever accepts releases, come first
    with _Socket(path, desk) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    os._exit(0)  # statements that still run are of no use to anyone


if __name__ == "__main__":
    main()
