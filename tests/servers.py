"""Real servers for tests, on loopback ports of their own: PostgreSQL as Debian packages it, and SeaweedFS for S3."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from warehouse.governance import Hub
from warehouse.lake import open_lake

PASSWORD, KEY, SECRET = "pg-ornithorynque", "hub-key", "s3-ornithorynque"
ENVIRONMENT = {"PGPASSWORD": PASSWORD, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


def free_port(apart: int = 0) -> int:
    """A port nobody listens on, nor on the one `apart` from it."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", port + apart if apart else 0))
                return port


@dataclass
class PostgreSQL:
    """A running server. `owner`: its superuser; it asks for PASSWORD unless made to trust."""

    port: int
    owner: str
    control: list[str | Path]
    options: str
    folder: str

    def stop(self) -> None:
        self._run("-m", "immediate", "stop")

    def start(self) -> None:
        self._run("-o", self.options, "start")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        at = {"host": "127.0.0.1", "port": self.port, "user": self.owner, "password": PASSWORD, "dbname": database}
        with closing(psycopg2.connect(**at)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def _run(self, *arguments: str) -> None:
        subprocess.run([*self.control, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)


@contextmanager
def postgresql(owner: str, *, trust: bool = False) -> Iterator[PostgreSQL]:
    """An empty PostgreSQL; it refuses to run as root."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "password"
        secret.write_text(PASSWORD)
        apart = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        for path in (folder, secret) if apart else ():
            shutil.chown(path, "postgres")
        data, port = f"{folder}/data", free_port()
        asks = ["-A", "trust"] if trust else ["-A", "scram-sha-256", f"--pwfile={secret}"]
        made = [*apart, programs / "initdb", "-D", data, *asks, "-U", owner, "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        control = [*apart, programs / "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log"]
        server = PostgreSQL(port, owner, control, f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off", folder)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # stopped by the test
                server.stop()


@dataclass
class ObjectStore:
    """A running S3 server with the bucket `hub`; stopped and started again it holds what it held."""

    folder: Path
    ports: dict[str, int] = field(
        default_factory=lambda: {n: free_port(10_000) for n in ("master", "volume", "filer", "s3")}
    )
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.ports['s3']}"

    def start(self) -> None:
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        actions = ["Admin", "Read", "Write", "List"]
        identities = [{"name": "hub", "credentials": credentials, "actions": actions}]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        (self.folder / "data").mkdir(exist_ok=True)
        weed = Path(sys.executable).with_name("weed")
        ports = [f"-{name}.port={port}" for name, port in self.ports.items()]
        ports += [f"-{name}.localSocket={self.folder / name}.sock" for name in ("filer", "s3")]
        ports += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [weed, "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
                 f"-s3.config={self.folder / 's3.json'}", "-master.volumeSizeLimitMB=64", "-master.telemetry=false", *ports],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()

    def kill(self) -> None:
        """End at once: nothing that it holds is asked for again."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        """Make the bucket, by way of the files' server, and write a file; the S3 server must answer too, if only to refuse."""
        files = f"http://127.0.0.1:{self.ports['filer']}"
        bucket = urllib.request.Request(f"{files}/buckets/hub/", method="POST")
        written = urllib.request.Request(
            f"{files}/written", data=b"x" * 9999, method="PUT"
        )  # too long to lie beside its name
        there = _status(bucket) in (201, 409) and _status(written) in (200, 201)
        return there and _status(urllib.request.Request(f"http://{self.endpoint}/hub/")) == 403


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """An S3-compatible server with an empty bucket."""
    with tempfile.TemporaryDirectory() as folder:
        server = ObjectStore(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()


@dataclass
class Backend:
    """Where hubs of a test keep their lakes: beside their files, or each in a database and prefix of its own."""

    catalogue: PostgreSQL | None = None
    store: ObjectStore | None = None
    made: int = 0

    def hub(self, folder: Path, *, like: Hub | None = None) -> Hub:
        """A hub in a folder that is not there yet; `like` another, with all that it holds."""
        if like:
            shutil.copytree(like.folder, folder)
        else:
            folder.mkdir(parents=True)
        if self.catalogue and self.store:
            self.made += 1
            name, was = f"hub_{self.made}", _database(like) if like else "template1"
            self.catalogue.execute(f"create database {name} template {was}")
            (folder / "lake.toml").write_text(self.lake_toml(name, _prefix(like) if like else name))
        return Hub(folder)

    def lake_toml(self, database: str, prefix: str) -> str:
        """A copy keeps its files where the first has them: none is ever written over."""
        assert self.catalogue
        assert self.store
        where = f"dbname={database} host=127.0.0.1 port={self.catalogue.port} user={self.catalogue.owner}"
        return (
            f'catalogue = "postgres:{where}"\ndata = "s3://hub/{prefix}"\nendpoint = "{self.store.endpoint}"\n'
            "path_style = true\ntls = false\n"
        )


def _database(hub: Hub) -> str:
    return (hub.folder / "lake.toml").read_text().split("dbname=")[1].split()[0]


def _prefix(hub: Hub) -> str:
    return (hub.folder / "lake.toml").read_text().split("s3://hub/")[1].split('"')[0]


def objects(hub: Hub) -> list[bytes]:
    """The bytes of every file of a hub's lake, wherever they are."""
    with open_lake(hub) as lake:
        (where,) = lake.execute("select data_path from ducklake_settings('lake')").fetchone() or ("",)
        return [content for (content,) in lake.execute("select content from read_blob(?)", [f"{where}**"]).fetchall()]
