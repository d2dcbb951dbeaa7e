"""A venue's hub, wherever it is: each kind can be asked what became of a parcel, and sent one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from pipelines.push.web import Web
from privacy.bucket import Place, local, opened, place, read_object, write_object
from privacy.delivery import TEXT_LIMIT, Answer, Parcel, answer_in, read_answer
from privacy.errors import Fault
from privacy.release import deliver


class Hub(Protocol):
    """Where parcels go."""

    def ask(self, packed: Parcel) -> Answer:
        """Return what became of a parcel: these very bytes."""
        ...

    def send(self, packed: Parcel, folder: Path) -> Answer:
        """Send what is not there yet; killed at any point, it is asked again for the same result."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A hub's folder, on this machine or mounted: `inbox/` takes, `decisions/` answers."""

    folder: Path

    def ask(self, packed: Parcel) -> Answer:
        """Look what lies there."""
        return _read(lambda: answer_in(self.folder, packed.name, packed.digest))

    def send(self, packed: Parcel, folder: Path) -> Answer:
        """Copy it, whole or not at all; a Fault if another folder of that name waits there."""
        deliver(folder, self.folder / "inbox")
        told = self.ask(packed)
        if told.state == "absent":
            raise Fault(
                "Another release of this id waits in the hub's inbox. Push again once the hub has decided.",
                "Une autre publication de cet id attend dans la boîte du hub. Recommencez quand le hub aura décidé.",
            )
        return told


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that the hub takes from: the signature goes last, so that what is half there is never taken."""

    at: Place

    def ask(self, packed: Parcel) -> Answer:
        """Look for the signature, which the hub removes once it has all, then for the answer."""
        with opened(self.at) as bucket:
            if read_object(bucket, f"{self._there(packed)}/{packed.kind.signature}", TEXT_LIMIT) is not None:
                return Answer("waiting")
            told = read_object(bucket, f"{self.at.decisions}/{packed.venue}/{packed.key}.json", TEXT_LIMIT)
        return Answer("absent") if told is None else _read(lambda: read_answer(told))

    def send(self, packed: Parcel, folder: Path) -> Answer:
        """Put every file, each in one request, in their order."""
        with opened(self.at) as bucket:
            for path in (*packed.files, *(name for name in packed.kind.texts if name in packed.texts)):
                write_object(bucket, f"{self._there(packed)}/{path}", (folder / path).read_bytes())
        return Answer("waiting")

    def _there(self, packed: Parcel) -> str:
        return f"{self.at.inbox}/{packed.venue}/{packed.name}"


def _read(told: Callable[[], Answer]) -> Answer:
    try:
        return told()
    except ValueError:
        raise Fault(
            "The hub's answer cannot be read. Ask the hub which version of Jauge it runs.",
            "La réponse du hub est illisible. Demandez au hub sa version de Jauge.",
        ) from None


def hub_at(address: str, own: Path) -> Hub:
    """Return the hub of an address of `venue.toml`; none: `own`, the hub of the same home. A Fault if it cannot be one."""
    if not address:
        return Folder(own)
    if address.startswith("s3://"):
        return Bucket(place(address))
    if address.startswith("/"):
        return Folder(Path(address))
    if _web(address):
        return Web(address.rstrip("/"))
    raise Fault(
        "venue.toml: hub is a folder (/…), a bucket (s3://…) or an address (https://…; http only to this machine).",
        "venue.toml : hub est un dossier (/…), un seau (s3://…) ou une adresse (https://… ; http vers cette machine seule).",
    )


def _web(address: str) -> bool:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    plain = url.host and not url.userinfo and not url.query and not url.fragment
    return bool(plain) and (url.scheme == "https" or (url.scheme == "http" and local(url.host)))
