"""What travels from a venue to a hub, and what the hub answers: the same through a folder, a bucket or HTTPS.

A *parcel* is a sealed folder on its way: small texts, of which one is signed by the venue, and the files that one names with
their digests. The texts are checked before any file is taken. `KINDS` is the one place that says which files may travel.

The answer lies at the hub in `decisions/<folder>.<16 digits of the document's SHA-256>.json`: about these very bytes, not
about whatever else came under that name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

from privacy.errors import Fault, VerificationRefusal, broken, hold
from privacy.statements import signed

ID = re.compile(r"[0-9a-f]{32}")
VENUE = re.compile(r"[a-z][a-z0-9-]{1,40}")
TEXT_LIMIT = 1 << 20  # bytes: the largest manifests have some 20,000
FILE_LIMIT = 1 << 24  # bytes, whatever a manifest declares: the packaged policy's tables have some 5,000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_FILES = 64  # tables and sketches

State = Literal["absent", "arriving", "waiting", "accepted", "refused"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of sealed folder: a document and its signature by the venue; `beside`: texts that may come along."""

    document: str
    signature: str
    beside: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of all its texts, the signature last: where files arrive one by one, it says that all are there."""
        return (*self.beside, self.document, self.signature)

    def digest(self, texts: Mapping[str, bytes]) -> str:
        """SHA-256 of the document, or of its digest and those of the texts beside it, in hex."""
        told = [hashlib.sha256(texts[name]) for name in (self.document, *self.beside) if name in texts]
        return told[0].hexdigest() if len(told) == 1 else hashlib.sha256(b"".join(t.digest() for t in told)).hexdigest()


KINDS = (
    Kind("manifest.json", "manifest.sig", ("approval.json",)),
    Kind("withdrawal.json", "withdrawal.sig"),
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a document names: SHA-256 in hex, and the most bytes that its declared cells can take."""

    sha256: str
    limit: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A sealed folder's texts, and what they say; nothing is verified but by `check`. `name`: the folder's."""

    name: str
    kind: Kind
    texts: Mapping[str, bytes]
    venue: str
    files: Mapping[str, File]  # by path inside the folder, in the order they travel

    @property
    def digest(self) -> str:
        """Digest of the document and what comes beside it: with it, every byte that the venue signed is fixed."""
        return self.kind.digest(self.texts)

    @property
    def key(self) -> str:
        """What the answer is filed under."""
        return key(self.name, self.digest)

    def check(self, keys: Sequence[str]) -> None:
        """Raise VerificationRefusal unless the document is signed by one of these keys (hex)."""
        document = self.texts[self.kind.document]
        try:
            signature = self.texts[self.kind.signature].decode("ascii")
            good = any(signed(document, signature, key) for key in keys)
        except ValueError:
            good = False
        hold("signature", good, "the document is not signed by the venue's key")


def kind_of(names: frozenset[str] | set[str]) -> Kind | None:
    """Return the kind of folder whose texts are among these names, if all that it needs is."""
    return next((kind for kind in KINDS if {kind.document, kind.signature} <= names), None)


def parcel(name: str, texts: Mapping[str, bytes]) -> Parcel:
    """Return what a folder's texts say; VerificationRefusal `layout`, `manifest` or `identity` if they cannot be right."""
    kind = kind_of(set(texts))
    whole = kind is not None and set(texts) <= set(kind.texts) and all(len(t) <= TEXT_LIMIT for t in texts.values())
    hold("layout", whole, "texts are missing, too large, or not of those that travel")
    assert kind is not None
    try:
        document: Any = json.loads(texts[kind.document])
        venue, own = document["venue"]["id"], document["release_id"]
        files = {
            f"{folder}/{name}.parquet": _file(name, spec, cells(spec))
            for folder, cells in _CELLS.items()
            for name, spec in document.get(folder, {}).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise broken("manifest", "a field is missing or of the wrong type") from None
    hold(
        "manifest",
        isinstance(venue, str) and VENUE.fullmatch(venue) and len(files) <= _FILES,
        "no such venue, or too many files",
    )
    hold("identity", own == name and ID.fullmatch(name), "the id is not the folder's name")
    return Parcel(name, kind, dict(texts), venue, files)


def _file(name: str, spec: dict[str, Any], cells: int) -> File:
    """32 bytes a value is more than Parquet ever takes."""
    if not _NAME.fullmatch(name) or not re.fullmatch(r"[0-9a-f]{64}", spec["sha256"]):
        raise ValueError
    return File(spec["sha256"], min(FILE_LIMIT, (1 << 16) + 32 * cells))


def _of_table(spec: dict[str, Any]) -> int:
    """Rows and columns are public facts of the manifest."""
    rows = prod(len(d["values"]) + 1 for d in spec["dimensions"])
    return rows * (len(spec["dimensions"]) + 8 * len(spec["measures"]))


def _of_sketch(spec: dict[str, Any]) -> int:
    return 3 * len(spec["parts"]) * int(spec["buckets"])


_CELLS = {"tables": _of_table, "sketches": _of_sketch}


def pack(folder: Path) -> Parcel:
    """Return the parcel of a folder of the outbox, each file compared with its digest; a Fault if it was damaged."""
    damaged = Fault(
        f"outbox/{folder.name} is damaged: it is not as it was sealed. Restore it from your backup.",
        f"outbox/{folder.name} est abîmé : il n’est plus tel que scellé. Restaurez-le depuis la sauvegarde.",
    )
    known = {name for kind in KINDS for name in kind.texts}
    try:
        packed = parcel(folder.name, {n: (folder / n).read_bytes() for n in sorted(known) if (folder / n).exists()})
        whole = all(
            hashlib.sha256((folder / path).read_bytes()).hexdigest() == file.sha256
            for path, file in packed.files.items()
        )
    except (VerificationRefusal, OSError):
        raise damaged from None
    if not whole:
        raise damaged
    return packed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hub says of a parcel. `rule`, `en`, `fr`: why it is refused; `there`: bytes it has of each file, arriving."""

    state: State
    rule: str | None = None
    en: str | None = None
    fr: str | None = None
    at: str | None = None  # when it was decided, UTC
    there: Mapping[str, int] = field(default_factory=dict[str, int])

    def sentence(self, language: str) -> str:
        """Return why, in "fr" or English."""
        return (self.fr if language == "fr" else self.en) or ""

    def refusal(self) -> VerificationRefusal:
        """Return the hub's refusal as an error of this side."""
        rule = self.rule or "hub"
        en, fr = (self.en or "").removeprefix(f"{rule}: "), (self.fr or "").removeprefix(f"{rule} : ")
        return VerificationRefusal(
            rule, f"the hub refused this release. {en}", f"le hub a refusé cette publication. {fr}"
        )


ABSENT = Answer("absent")


def key(folder: str, digest: str | None) -> str:
    """Return the name of an answer about a folder's document; `digest` None: it has none that can be read."""
    name = (
        folder
        if re.fullmatch(r"[\w.-]{1,100}", folder)
        else hashlib.sha256(folder.encode("utf-8", "replace")).hexdigest()
    )
    return f"{name}.{digest[:16] if digest else 'unread'}"


def document_of(folder: Path) -> str | None:
    """Return the digest of the signed document in a folder, and of what is beside it, if they can be read."""
    try:
        kind = None if folder.is_symlink() else kind_of({p.name for p in folder.iterdir()})
        there = [folder / n for n in (kind.document, *kind.beside) if os.path.lexists(folder / n)] if kind else []
        if kind is None or any(p.is_symlink() or not p.is_file() or p.stat().st_size > TEXT_LIMIT for p in there):
            return None
        return kind.digest({p.name: p.read_bytes() for p in there})
    except OSError:
        return None


def answer_in(hub: Path, name: str, digest: str) -> Answer:
    """Return what a hub's folder says of a document under a name: it waits, was decided, or is not there."""
    if document_of(hub / "inbox" / name) == digest:
        return Answer("waiting")
    told = hub / "decisions" / f"{key(name, digest)}.json"
    if told.exists():
        return read_answer(told.read_bytes())
    return Answer("accepted") if document_of(hub / "accepted" / name) == digest else ABSENT


def write_answer(told: Answer, name: str, digest: str | None) -> bytes:
    """Return an answer as it is filed and sent: JSON, with what it is about."""
    facts = {n: value for n, value in asdict(told).items() if value} | {"folder": name, "document_sha256": digest}
    return json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace")  # a folder's name may be any bytes


def read_answer(text: bytes | str) -> Answer:
    """Read an answer; ValueError if it is none. Fields that a later version adds are passed over."""
    told: Any = json.loads(text)
    try:
        reasons = {n: str(told[n]) for n in ("rule", "en", "fr", "at") if told.get(n) is not None}
        state, there = told["state"], {str(n): int(size) for n, size in dict(told.get("there") or {}).items()}
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not an answer") from None
    if state not in ("absent", "arriving", "waiting", "accepted", "refused"):
        raise ValueError("not an answer")
    return Answer(state, **reasons, there=there)
