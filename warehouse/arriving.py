"""What comes from afar, by bucket or HTTPS, until it is whole in the inbox: texts first, then the files they name.

    inbox/.<venue>.<key>.arriving/    the texts; files as `<path>.part` until their digest holds
    inbox/<release_id>/               the same folder, renamed: from then on `inbox` decides
    decisions/<key>.json              what was decided, for the sender (see `privacy.delivery`)

The disk keeps all there is to know: a process killed at any point goes on from what it finds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from privacy.delivery import Answer, Parcel, answer_in, document_of, key, kind_of, parcel, read_answer, write_answer
from privacy.errors import Fault, VerificationRefusal
from warehouse.governance import Hub, members

_AT_ONCE = 32  # parcels of one venue that may be on their way
_FORGOTTEN = 7 * 86400.0  # seconds after which one that stands still is dropped
_LEFT = 1 << 28  # bytes of disk that arrivals never take


class TooMuch(Exception):
    """There is no room for another parcel of this venue now; later there may be."""


def check(hub: Hub, sent: Parcel) -> None:
    """Raise VerificationRefusal unless the parcel is signed by a venue that is a member."""
    member = members(hub).get(sent.venue)
    if member is None:
        raise VerificationRefusal(
            "member", "this venue is not a member of the hub. Have the hub register its public key, then push --again.",
            "ce lieu n’est pas membre du hub. Faites-y enregistrer sa clé publique, puis push --again.",
        )  # fmt: skip
    sent.check(member.keys)


def begin(hub: Hub, sent: Parcel) -> Path:
    """Return the folder where a checked parcel arrives, with its texts; as it is if it had begun. TooMuch: not now."""
    folder = _folder(hub, sent)
    if not folder.exists():
        _make_room(hub, sent.venue)
        making = folder.with_suffix(f".{os.getpid()}.making")
        shutil.rmtree(making, ignore_errors=True)
        (making / "tables").mkdir(parents=True)
        for name, text in sent.texts.items():
            (making / name).write_bytes(text)
        try:
            making.rename(folder)
        except OSError:  # begun by another process at the same moment
            shutil.rmtree(making, ignore_errors=True)
    return folder


def _folder(hub: Hub, sent: Parcel) -> Path:
    return hub.inbox / f".{sent.venue}.{sent.key}.arriving"


def _make_room(hub: Hub, venue: str) -> None:
    hub.inbox.mkdir(parents=True, exist_ok=True)
    for old in (*hub.inbox.glob(".*.arriving"), *hub.inbox.glob(".*.making")):
        if time.time() - _touched(old) > _FORGOTTEN:
            shutil.rmtree(old, ignore_errors=True)
    if len(list(hub.inbox.glob(f".{venue}.*.arriving"))) >= _AT_ONCE or shutil.disk_usage(hub.inbox).free < _LEFT:
        raise TooMuch


def _touched(folder: Path) -> float:
    return max((p.stat().st_mtime for p in (folder, *folder.rglob("*")) if p.exists()), default=0.0)


def begun(hub: Hub, name: str, digest: str) -> tuple[Parcel, Path] | None:
    """Return a parcel that is arriving, and where; None if there is none of that name and document."""
    for folder in hub.inbox.glob(f".*.{key(name, digest)}.arriving"):
        texts = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
        if kind_of(set(texts)):
            sent = parcel(name, texts)
            return (sent, folder) if sent.digest == digest else None
    return None


def part(folder: Path, path: str) -> Path:
    """Return where a file's bytes are kept while they come."""
    return folder / f"{path}.part"


def has(folder: Path, path: str) -> int:
    """Return how many bytes of a file are there."""
    for there in (folder / path, part(folder, path)):
        if there.exists():
            return there.stat().st_size
    return 0


def settle(folder: Path, path: str, sent: Parcel) -> None:
    """Take a file whose last byte has come; VerificationRefusal `digest`, and its bytes dropped, if it is another."""
    coming = part(folder, path)
    if hashlib.sha256(coming.read_bytes()).hexdigest() != sent.files[path].sha256:
        coming.unlink()
        raise VerificationRefusal(
            "digest", f"{path} was altered on its way. Send the release again: push --again.",
            f"{path} a été altéré en route. À renvoyer : push --again.",
        )  # fmt: skip
    _sync(coming)
    coming.rename(folder / path)


def finish(hub: Hub, sent: Parcel, folder: Path) -> bool:
    """Put a parcel in the inbox if all of it is there. A Fault if another folder of that name waits there."""
    if not all((folder / path).exists() for path in sent.files):
        return False
    for made in (*(folder / name for name in sent.texts), folder / "tables", folder):
        _sync(made)
    if not sent.files:
        (folder / "tables").rmdir()
    there, former = hub.inbox / sent.name, decision(hub, sent.key)
    if former.exists() and read_answer(former.read_bytes()).state == "refused":
        former.unlink()  # sent again: the answer is to come; the lake's `refusals` keeps the former
    try:
        folder.rename(there)
    except FileNotFoundError:  # by another process, just now
        return True
    except OSError:
        if document_of(there) != sent.digest:
            raise Fault(
                "Another release of this id waits to be decided at the hub. Push again once it is.",
                "Une autre publication de cet id attend une décision du hub. Recommencez ensuite.",
            ) from None
        shutil.rmtree(folder, ignore_errors=True)
    _sync(hub.inbox)
    return True


def answer(hub: Hub, name: str, digest: str) -> Answer:
    """Return what became of a document that came under a name."""
    told = answer_in(hub.folder, name, digest)
    coming = None if told.state == "waiting" else begun(hub, name, digest)
    if coming:
        sent, folder = coming
        return Answer("arriving", there={path: has(folder, path) for path in sent.files})
    return told


def decision(hub: Hub, answer_key: str) -> Path:
    """Return where a decision is filed."""
    return hub.folder / "decisions" / f"{answer_key}.json"


def record(hub: Hub, name: str, digest: str | None, told: Answer) -> None:
    """File a decision for the sender. What was accepted stays so, whatever came under its name later."""
    path = decision(hub, key(name, digest))
    if path.exists() and told.state == "refused" and read_answer(path.read_bytes()).state == "accepted":
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.{os.getpid()}.making")
    making.write_bytes(write_answer(told, name, digest))
    making.replace(path)


def record_decision(hub: Hub, folder: Path, rule: str | None, en: str | None, fr: str | None, at: datetime) -> None:
    """File what `inbox` has decided about a folder that still lies there; `rule` None: the lake holds it."""
    when = at.replace(tzinfo=UTC).isoformat(timespec="seconds")
    told = Answer("refused" if rule else "accepted", rule, en, fr, when)
    record(hub, folder.name, document_of(folder), told)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
