"""A bucket of an S3-compatible store, as an address says: releases go through it, and answers come back.

    s3://bucket/prefix?endpoint=s3.example.org&region=eu-west-3

`inbox/<venue>/<release_id>/…` is what venues put there, its signature last; `decisions/<venue>/<key>.json` what the hub
answers. Secrets are in the environment only (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN); what the store
itself says is never repeated, as it may quote them.
"""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from privacy.errors import Fault

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

_ATTEMPTS = 5  # the AWS SDK's own: each waits longer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is. `root`: bucket and prefix; `endpoint` None: Amazon's."""

    root: str
    endpoint: str | None = None
    region: str = "us-east-1"
    tls: bool = True

    @property
    def inbox(self) -> str:
        """Where venues put their releases."""
        return f"{self.root}/inbox"

    @property
    def decisions(self) -> str:
        """Where the hub answers."""
        return f"{self.root}/decisions"


def place(address: str) -> Place:
    """Return what an address says; a Fault shows how one is written. Without TLS only to this machine."""
    url = urlsplit(address)
    told = dict(parse_qsl(url.query, keep_blank_values=True))
    endpoint, root = told.get("endpoint"), f"{url.netloc}{url.path}".rstrip("/")
    fine = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=-]+)*", root) and ".." not in root
    fine = fine and told.keys() <= {"endpoint", "region", "tls"} and not url.fragment
    fine = fine and (endpoint is None or re.fullmatch(r"[\w.-]+(:\d+)?", endpoint))
    if not fine or (told.get("tls", "true") != "true" and not (endpoint and local(endpoint.split(":")[0]))):
        shape = "s3://bucket/prefix?endpoint=s3.example.org&region=eu-west-3"
        raise Fault(
            f"The bucket's address is not of the form {shape} (tls=false on this machine only; secrets in the environment).",
            f"L’adresse du seau n’est pas de la forme {shape} (tls=false sur cette machine seulement ; secrets dans "
            "l’environnement).",
        )
    return Place(root, endpoint, told.get("region", "us-east-1"), told.get("tls", "true") == "true")


def local(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def opened(at: Place) -> Generator[S3FileSystem]:
    """Speak to a bucket; what fails, after retries, is a Fault that says what to look at."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # starts Amazon's SDK

    names = {
        "access_key": "AWS_ACCESS_KEY_ID",
        "secret_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    }
    found = {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}
    if not {"access_key", "secret_key"} <= found.keys():
        raise Fault(
            "The bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of this process.",
            "Le seau demande AWS_ACCESS_KEY_ID et AWS_SECRET_ACCESS_KEY dans l’environnement de ce processus.",
        )
    try:
        yield S3FileSystem(
            **found, region=at.region, endpoint_override=at.endpoint, scheme="https" if at.tls else "http",
            connect_timeout=10, request_timeout=60, retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
            background_writes=False, allow_delayed_open=True,  # a small file is one request: there whole, or not
        )  # fmt: skip
    except OSError as error:
        if error.errno is not None and error.filename is not None:  # a disk's, not the store's
            raise
        raise _trouble(str(error)) from None


def listed(bucket: S3FileSystem, at: Place, below: str) -> list[FileInfo]:
    """Return all that lies below a path; a Fault if there is not even the bucket."""
    from pyarrow.fs import FileSelector, FileType

    found = bucket.get_file_info(FileSelector(below, allow_not_found=True, recursive=True))
    if not found and bucket.get_file_info(at.root.partition("/")[0]).type == FileType.NotFound:
        raise OSError("NoSuchBucket")
    return found


def read_object(bucket: S3FileSystem, path: str, limit: int) -> bytes | None:
    """Return an object's bytes, no more than one beyond `limit`; None if there is none."""
    try:
        with bucket.open_input_stream(path) as stream:
            return stream.read(limit + 1)
    except FileNotFoundError:
        return None


def write_object(bucket: S3FileSystem, path: str, content: bytes) -> None:
    """Put an object in one request."""
    with bucket.open_output_stream(path) as stream:
        stream.write(content)


def _trouble(said: str) -> Fault:
    if re.search(r"ACCESS_DENIED|403|Forbidden|SignatureDoesNotMatch|InvalidAccessKeyId", said, re.IGNORECASE):
        return Fault(
            "The bucket refuses this key. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the key's rights. Nothing is lost.",
            "Le seau refuse cette clé. Vérifiez AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY et ses droits. Rien n’est perdu.",
        )
    if re.search(r"NO_SUCH_BUCKET|NoSuchBucket|does not exist|404", said, re.IGNORECASE):
        return Fault(
            "There is no bucket of the name that the address gives. Check it with the hub. Nothing is lost.",
            "Il n’y a pas de seau du nom que donne l’adresse. Vérifiez-la avec le hub. Rien n’est perdu.",
        )
    return Fault(
        f"The object store does not answer as it should, {_ATTEMPTS} times. Nothing is lost or half done: try again later.",
        f"Le stockage objet ne répond pas comme il faut, {_ATTEMPTS} fois. Rien n’est perdu ni à moitié fait : réessayez.",
    )
