"""Releases that venues put in a bucket: taken into the inbox once whole, and answered there once decided.

`lake.toml` says which bucket (`inbox`). A name that is none of ours is passed over; of ours, the texts are read first, and
nothing more unless a member has signed them, nor more bytes than they declare. Signature last by the sender, first to go
here: what is half there is never taken. Killed at any point, the next round goes on: an object goes only once the inbox has
it, and an answer is owed (`decisions/.owed/`) until it is given.
"""

# pyright: reportUnknownParameterType=false
from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from privacy.bucket import Place, listed, opened, read_object, write_object
from privacy.delivery import ID, KINDS, TEXT_LIMIT, VENUE, Answer, Parcel, key, kind_of, parcel, write_answer
from privacy.errors import Fault, VerificationRefusal
from warehouse.arriving import TooMuch, answer, begin, check, decision, finish, part, settle
from warehouse.folders import alone
from warehouse.governance import Hub
from warehouse.inbox import Decision, refuse
from warehouse.storage import read_storage

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

_TEXTS = {name for kind in KINDS for name in kind.texts}
_Sizes = dict[str, int]  # path inside a folder → bytes


@contextmanager
def exchange(hub: Hub) -> Generator[None]:
    """Take what is in the bucket, do what is within, and answer. A store that fails stops neither: its Fault comes last."""
    failed = _kept(take, hub)
    yield
    failed = _kept(give, hub) or failed
    if failed:
        raise failed


def _kept(do: Callable[[Hub], object], hub: Hub) -> Fault | None:
    try:
        do(hub)
    except Fault as fault:
        return fault
    return None


def _place(hub: Hub) -> Place | None:
    s = read_storage(hub)
    return Place(s.inbox.removeprefix("s3://").rstrip("/"), s.endpoint, s.region, s.tls) if s.inbox else None


def take(hub: Hub) -> int:
    """Bring every whole release of the bucket into the inbox; return how many came. Nothing to do without a bucket."""
    at, came = _place(hub), 0
    if at is None:
        return 0
    with opened(at) as bucket:
        for (venue, name), sizes in sorted(_whole(listed(bucket, at, at.inbox), at).items()):
            came += _Round(hub, bucket, at).take(venue, name, sizes)
    return came


def give(hub: Hub) -> None:
    """Write the decisions that are owed where the venues read them."""
    at, owed = _place(hub), _owed(hub)
    if at is None or not any(owed.glob("*")):
        return
    with opened(at) as bucket:
        for debt in sorted(owed.glob("*")):
            venue, _, about = debt.name.partition(".")
            told = decision(hub, about)
            if told.exists():
                write_object(bucket, f"{at.decisions}/{venue}/{about}.json", told.read_bytes())
                debt.unlink(missing_ok=True)


def _owed(hub: Hub) -> Path:
    return hub.folder / "decisions" / ".owed"


def _whole(found_there: Iterable[FileInfo], at: Place) -> dict[tuple[str, str], _Sizes]:
    """Return what is there of each folder whose signature has come, by the venue whose place it is in, and name."""
    found: dict[tuple[str, str], _Sizes] = {}
    for info in found_there:
        venue, _, rest = info.path.removeprefix(f"{at.inbox}/").partition("/")
        name, _, path = rest.partition("/")
        if info.is_file and VENUE.fullmatch(venue) and ID.fullmatch(name):
            found.setdefault((venue, name), {})[path] = info.size
    return {folder: sizes for folder, sizes in found.items() if kind_of(sizes.keys() & _TEXTS)}


class _Gone(Exception):
    """An object that was listed is no longer there: another process has just taken it."""


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at the bucket."""

    hub: Hub
    bucket: S3FileSystem
    at: Place

    def take(self, venue: str, name: str, sizes: _Sizes) -> bool:
        """Take a whole folder or refuse it, say so, and only then remove it; False if it must stay for the next round."""
        there, texts = f"{self.at.inbox}/{venue}/{name}", dict[str, bytes]()
        try:
            for text in sorted(sizes.keys() & _TEXTS):
                texts[text] = self._read(f"{there}/{text}", sizes[text], TEXT_LIMIT)
            sent = parcel(name, texts)
            if sent.venue != venue:
                raise _refusal("it lies in another venue’s place", "elle est à la place d’un autre lieu")
            check(self.hub, sent)
            if answer(self.hub, name, sent.digest).state not in ("waiting", "accepted"):
                self._fetch(there, sent, sizes)
            digest, told = sent.digest, answer(self.hub, name, sent.digest)
        except VerificationRefusal as refusal:
            digest, told = self._refuse(name, venue, texts, refusal)
        except (_Gone, TooMuch, Fault):  # no room, or another release of this id waits
            return False
        answered = f"{self.at.decisions}/{venue}/{key(name, digest)}.json"
        write_object(self.bucket, answered, write_answer(told, name, digest))
        for kind in KINDS:
            if kind.signature in sizes:
                self.bucket.delete_file(f"{there}/{kind.signature}")
        self.bucket.delete_dir(there)
        return told.state != "refused"

    def _fetch(self, there: str, sent: Parcel, sizes: _Sizes) -> None:
        folder = begin(self.hub, sent)
        with alone(folder, wait=False) as ours:
            if not ours:
                raise _Gone
            try:
                for path, file in sent.files.items():
                    if path not in sizes:
                        raise _refusal("files are missing", "des fichiers manquent")
                    if not (folder / path).exists():
                        part(folder, path).write_bytes(self._read(f"{there}/{path}", sizes[path], file.limit))
                        settle(folder, path, sent)
            except VerificationRefusal:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            owed = _owed(self.hub)
            owed.mkdir(parents=True, exist_ok=True)
            (owed / f"{sent.venue}.{sent.key}").touch()
            finish(self.hub, sent, folder)

    def _read(self, path: str, size: int, limit: int) -> bytes:
        if size > limit:
            raise _refusal("a file is larger than what it declares can take", "un fichier dépasse ce qu’il déclare")
        content = read_object(self.bucket, path, limit)
        if content is None or len(content) > limit:  # another one than was listed
            raise _Gone
        return content

    def _refuse(
        self, name: str, venue: str, texts: dict[str, bytes], refusal: VerificationRefusal
    ) -> tuple[str | None, Answer]:
        """Record a refusal in the lake; return the digest of what was refused, and the answer."""
        kind, at = kind_of(set(texts)), datetime.now(UTC)
        digest = hashlib.sha256(texts[kind.document]).hexdigest() if kind else None
        print_ = hashlib.sha256(venue.encode() + b"".join(hashlib.sha256(texts[n]).digest() for n in sorted(texts)))
        refused = Decision(name, "refused", venue, None, refusal.rule, refusal.fr, refusal.en)
        refuse(self.hub, refused, print_.hexdigest(), now=at)
        return digest, Answer("refused", refusal.rule, refusal.en, refusal.fr, at.isoformat(timespec="seconds"))


def _refusal(en: str, fr: str) -> VerificationRefusal:
    return VerificationRefusal(
        "layout", f"{en}. Send the release again: push --again.", f"{fr}. À renvoyer : push --again."
    )
