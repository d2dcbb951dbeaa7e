"""Where the lake lies: beside the hub's other files, or, as `hub/lake.toml` says, in PostgreSQL and an object store.

    catalogue = "postgres:dbname=jauge host=db.example.org user=hub sslmode=verify-full"
    data = "s3://bucket/prefix"         # or a folder that all of the hub's machines see
    endpoint = "s3.example.org:443"     # S3-compatible servers other than Amazon's
    region = "eu-west-3"
    path_style = true                   # https://endpoint/bucket rather than https://bucket.endpoint
    tls = true
    mirror = "postgres:dbname=jauge_mirror host=db.example.org user=mirror"   # tables for BI tools: `jauge mirror`
    keep_days = 400                     # how long a state of the lake can be asked for again
    inbox = "s3://bucket/arrivals"      # a bucket of the same store where venues put releases: see `bucket`

Each line may be left out. Secrets are in the environment only: PGPASSWORD (or libpq's own password file),
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if there is one, AWS_SESSION_TOKEN. What goes wrong is told by `trouble`, in
sentences that quote neither: servers' own words may.
"""

from __future__ import annotations

import os
import re
import tomllib
from importlib.resources import files

import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_fixed

from privacy.errors import Fault
from warehouse.governance import Hub

_POSTGRES = r"^postgres:\s*(\w+=\S+\s*)+$"
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # a table name never reaches a Python variable
}
_WAITS = Retrying(  # a catalogue of one writer: `jauge serve` looks at it now and then, for less than that
    retry=retry_if_exception_message(match=r"(?s).*set lock on file"),
    wait=wait_fixed(0.2),
    stop=stop_after_delay(5),
    reraise=True,
)


class Storage(BaseModel):
    """What `lake.toml` says. `catalogue`, `data`: None is beside the hub's other files."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    catalogue: str | None = Field(None, pattern=_POSTGRES)
    data: str | None = Field(None, pattern=r"^(s3://[^/?#\s]+(/[^?#]*)?|/.*)$")
    endpoint: str | None = Field(None, pattern=r"^[\w.-]+(:\d+)?$")
    region: str = "us-east-1"
    path_style: bool = False
    tls: bool = True
    keep_days: int = Field(400, ge=1)
    mirror: str | None = Field(None, pattern=_POSTGRES)
    inbox: str | None = Field(None, pattern=r"^s3://[^/?#\s]+(/[\w./=-]*)?$")

    @property
    def remote(self) -> bool:
        """Are the files in an object store?"""
        return bool(self.data and self.data.startswith("s3://"))


def read_storage(hub: Hub) -> Storage:
    """Return what `lake.toml` says, all defaults without one; a Fault names the line that is wrong."""
    path = hub.folder / "lake.toml"
    try:
        told = Storage.model_validate(tomllib.loads(path.read_text("utf-8")) if path.exists() else {})
    except ValidationError as wrong:
        why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors(include_input=False))
        raise _unreadable(why) from None
    except (ValueError, OSError) as wrong:  # of tomllib: a line and a column
        raise _unreadable(str(wrong)) from None
    if any(re.search(r"\b(ssl)?password\s*=", where) for where in (told.catalogue, told.mirror) if where):
        raise _unreadable("a password belongs in the environment, PGPASSWORD")
    return told


def attach(hub: Hub, storage: Storage, *, read_only: bool, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection with the lake attached as `lake`, as it is now or was at a snapshot."""
    lake = duckdb.connect(":memory:", config=_CLOSED)
    try:
        lake.execute("set enable_progress_bar = false")  # nothing is printed among an answer's rows
        lake.execute(f"load '{extension('ducklake')}'")
        if storage.catalogue:
            lake.execute(f"load '{extension('postgres_scanner')}'")
        if storage.remote:
            lake.execute(f"load '{extension('httpfs')}'")
            lake.execute(_secret(storage))
        options = [f"data_path {_text(folder(hub, storage))}"]
        if not storage.data:
            options.append("override_data_path true")  # a home may be moved with all that is in it
        if snapshot is not None:
            options.append(f"snapshot_version {snapshot}")
        if read_only or snapshot is not None:
            options.append("read_only")
        where = storage.catalogue or str((hub.lake / "catalogue.duckdb").resolve())
        _WAITS(lake.execute, f"attach {_text(f'ducklake:{where}')} as lake ({', '.join(options)})")
        lake.execute("use lake")
    except BaseException as error:
        lake.close()
        if isinstance(error, duckdb.Error) and re.search(r"initialize DuckLake.*already exists", str(error), re.DOTALL):
            raise duckdb.TransactionException("another process has made the catalogue meanwhile") from None
        raise
    return lake


def attach_mirror(lake: duckdb.DuckDBPyConnection, hub: Hub) -> None:
    """Attach the PostgreSQL database of the mirror as `pg`; a Fault if lake.toml names none."""
    where = read_storage(hub).mirror
    if where is None:
        raise Fault(
            'lake.toml names no mirror: mirror = "postgres:dbname=… host=…", a database apart from the catalogue\'s.',
            'lake.toml ne nomme pas de miroir : mirror = "postgres:dbname=… host=…", une base à part du catalogue.',
        )
    lake.execute(f"load '{extension('postgres_scanner')}'")
    lake.execute(f"attach {_text(where.removeprefix('postgres:'))} as pg (type postgres)")


def folder(hub: Hub, storage: Storage) -> str:
    """Return where the Parquet files are, with a slash at the end."""
    return (storage.data or str((hub.lake / "data").resolve())).rstrip("/") + "/"


def extension(name: str) -> str:
    """Return where the Python package keeps a DuckDB extension: loaded from there, never installed or downloaded."""
    try:
        package = files(f"duckdb_extension_{name}")
    except ModuleNotFoundError:
        raise Fault(
            f"lake.toml asks for PostgreSQL or an object store, and DuckDB's extension {name} is not installed. "
            "Install Jauge with its extra `shared`: uv sync --extra shared.",
            f"lake.toml demande PostgreSQL ou un stockage objet, et l’extension {name} de DuckDB n’est pas installée. "
            "Installez Jauge avec son extra `shared` : uv sync --extra shared.",
        ) from None
    return str(package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension").replace("'", "''")


def _secret(storage: Storage) -> str:
    names = {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"}
    found = {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}
    if not {"key_id", "secret"} <= set(found):
        raise Fault(
            "The object store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of this process.",
            "Le stockage objet demande AWS_ACCESS_KEY_ID et AWS_SECRET_ACCESS_KEY dans l’environnement du processus.",
        )
    style = "path" if storage.path_style else "vhost"
    found |= {"region": storage.region, "url_style": style, "scope": storage.data or ""}
    if storage.endpoint:
        found["endpoint"] = storage.endpoint
    settings = ", ".join(f"{key} {_text(value)}" for key, value in found.items())
    return f"create secret lake (type s3, {settings}, use_ssl {str(storage.tls).lower()})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_IN_USE = (
    "The hub's lake is in use by another process, or its files are damaged. Try again in a moment.",
    "Le lac du hub est utilisé par un autre processus, ou ses fichiers sont abîmés. Réessayez dans un instant.",
)
_GONE = r"server closed the connection|connection to server|terminating connection"
_POSTGRESQL = rf"postgres|{_GONE}"
_TROUBLES = (  # what the error's text has in it; English, French. The first that fits is told.
    (r"set lock on file", *_IN_USE),
    (r"password|no pg_hba\.conf entry|role .* does not exist|permission denied for",
     "PostgreSQL refuses this hub. Check the user in lake.toml, PGPASSWORD and the user's rights.",
     "PostgreSQL refuse ce hub. Vérifiez l’utilisateur dans lake.toml, PGPASSWORD et ses droits."),
    (r"database .* does not exist",
     "PostgreSQL has no database of the name that lake.toml gives. Make it: createdb.",
     "PostgreSQL n’a pas la base que nomme lake.toml. Créez-la : createdb."),
    (r"does not match existing data path",
     "The catalogue keeps its files elsewhere than `data` in lake.toml says. Put the former place back.",
     "Le catalogue garde ses fichiers ailleurs que ne le dit `data` dans lake.toml. Remettez l’ancien emplacement."),
    (_POSTGRESQL,
     "PostgreSQL, where the lake's catalogue is, does not answer. Nothing is half done: try again when it does.",
     "PostgreSQL, où est le catalogue du lac, ne répond pas. Rien n’est fait à moitié : réessayez quand il répondra."),
    (r"403|Forbidden|SignatureDoesNotMatch|InvalidAccessKeyId",
     "The object store refuses this hub. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the key's rights.",
     "Le stockage objet refuse ce hub. Vérifiez AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY et les droits de la clé."),
    (r"HTTP (404|5\d\d)|code (404|5\d\d)|NoSuchBucket",
     "The object store does not give or take the lake's files. Is there the bucket that `data` in lake.toml names, and "
     "is the store in order? Nothing is half done.",
     "Le stockage objet ne donne ou ne prend pas les fichiers du lac. Le seau que nomme `data` dans lake.toml existe-t-il, "
     "et le stockage est-il en ordre ? Rien n’est fait à moitié."),
    (r"http|s3://",
     "The object store, where the lake's files are, does not answer. Nothing is half done: try again when it does.",
     "Le stockage objet, où sont les fichiers du lac, ne répond pas. Rien n’est fait à moitié : réessayez plus tard."),
    (r"", *_IN_USE),
)  # fmt: skip


def trouble(error: duckdb.Error) -> Fault:
    """Return what a server or a disk has done, told by what is to be done about it."""
    said = str(error)
    en, fr = next((en, fr) for words, en, fr in _TROUBLES if re.search(words, said, re.IGNORECASE))
    return Fault(en, fr)


def gone(error: BaseException) -> bool:
    """Return whether an error is of a database server that went away: waiting for other writers does not help."""
    return bool(re.search(_GONE, str(error), re.IGNORECASE))


def of_a_server(error: duckdb.Error) -> bool:
    """Return whether an error is of a server that the lake is on, whatever DuckDB takes it for."""
    return bool(re.search(_POSTGRESQL, str(error), re.IGNORECASE))


def _unreadable(why: str) -> Fault:
    return Fault(f"lake.toml cannot be read ({why}).", f"lake.toml est illisible ({why}).")
