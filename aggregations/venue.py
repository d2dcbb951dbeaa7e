"""One venue's folder: its public facts (`venue.toml`), its keys, and where its files lie.

venues/<id>/
    venue.toml      public facts and the venue's own words; written by `jauge venue add`, edited by hand
    keys/           person.key (hashes people), signing.key (signs releases), match.key (`cooperative`): owner-only
    inbox/          raw exports, as received: the only place where raw data may lie; corrections/ has refused rows, to
                    mend; mailings/ addresses to write to
    presets/        the venue's own mappings, kept since they loaded an export
    store/          canonical records, one folder an ingested export
    quarantine/     rows that were refused: line and reason, never a value
    quality/        what the venue holds, source by source: exact numbers, which stay here
    steward/        the steward's page: how the venue stands; it stays here too
    events/         what is played, for the venue's own site and for agendas (`events`)
    pull/           how far each declared source has been pulled
    forgotten       keyed hashes of who asked to be forgotten: no export brings them back
    declarations/   what the venue owes of its exact figures: SIBIL's drafts, statements of performances; it stays here
    acts.jsonl      when someone was forgotten, when old records went: how many, never who
    register/       the registers of processing, as last made
    ledger.sqlite   the privacy budget
    outbox/         sealed releases, with approvals
    withdrawals/    what was taken back (`departures`)
    decisions.jsonl who approved, refused or withdrew which release
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregations.identifiers import check_identifiers
from privacy.errors import Fault

_ID = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
_ADDRESS = re.compile(r"^https?://[^\s<>\"]+$")
_FOLDER = re.compile(r"^https?://[\w.:-]+/(?:[\w.~-]+/)*$")
PUBLISHABLE = ("transactions", "interactions", "counts")
APPROVALS = ("automatic", "manual")
CALENDARS = ("quarters", "season")
ENGINES = ("polars", "spark")
SITE = ("base", "street", "postal_code")  # where `events/public` is served, and where people come to
RIGHTS = ("text_and_data_mining", "policy", "licence")  # over its texts and images: `events.rights`
CONTROLLER = ("name", "address", "representative", "contact", "dpo", "processors")  # what a register states of it


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue as its `venue.toml` states it. All of it is public but `folder`, `families`, `titles`, `statuses`, `pull`, `declares`, `sibil`."""

    id: str
    name: str
    kind: str  # theatre, opera, museum, festival, media …: for the reader only
    commune: str  # INSEE code of its town: centre of the provenance rings
    timezone: str = "Europe/Paris"
    publishes: tuple[str, ...] = ("transactions",)  # kinds of records it publishes tables of
    revenue: bool = False  # opted in to publish receipts
    approval: str = "automatic"  # or manual: a release leaves once one of the approvers says so
    approvers: tuple[str, ...] = ()  # their names
    calendar: str = "quarters"  # what the schedule releases: quarters and the season, or the season alone
    engine: str = "polars"  # what works on its records: this machine, or a Spark cluster
    capacity: int | None = None
    retention_months: int = 36  # who has not come or written within them is removed; 36 after the CNIL
    raw_days: int = 30  # a raw export stays that long in the inbox once loaded
    hub: str = ""  # where releases go: a folder, s3://… or https://…; none: the hub of the same home
    families: dict[str, str] = field(default_factory=dict[str, str])  # own words -> genre family code
    titles: dict[str, str] = field(default_factory=dict[str, str])  # as one system has it -> as the others do
    identifiers: dict[str, str] = field(default_factory=dict[str, str])  # what others know the venue by
    consent: dict[str, str] = field(default_factory=dict[str, str])  # preset -> consent regime
    # preset -> its own state of a ticket -> status: what only the venue knows of its system's codes
    statuses: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    # source -> which system, and where: what `jauge pull` fetches from; its secrets are in the environment
    pull: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    controller: dict[str, str] = field(default_factory=dict[str, str])  # who answers for the records: `CONTROLLER`
    site: dict[str, str] = field(default_factory=dict[str, str])  # `SITE`
    rights: dict[str, str] = field(default_factory=dict[str, str])  # `RIGHTS`
    declares: dict[str, Any] = field(default_factory=dict[str, Any])  # what declarations ask for: `declarations.facts`
    sibil: dict[str, str] = field(default_factory=dict[str, str])  # where they are sent; its secrets are not here
    folder: Path = Path()

    @property
    def country(self) -> str:
        """ISO 3166 code of where it is, as telephones know it: overseas départements have prefixes of their own."""
        return {"971": "GP", "972": "MQ", "973": "GF", "974": "RE", "976": "YT"}.get(self.commune[:3], "FR")

    @property
    def inbox(self) -> Path:
        """Raw exports, as received."""
        return self.folder / "inbox"

    @property
    def corrections(self) -> Path:
        """Refused rows as received, for the steward to correct: `inbox/corrections/<export>/`."""
        return self.inbox / "corrections"

    @property
    def mailings(self) -> Path:
        """Addresses of consenting contacts that fit a brief: `inbox/mailings/<brief>.csv` (`mailing`)."""
        return self.inbox / "mailings"

    @property
    def quality(self) -> Path:
        """The page on what the venue holds: `quality/<language>/index.html`."""
        return self.folder / "quality"

    @property
    def steward(self) -> Path:
        """The steward's page: `steward/index.<language>.html`."""
        return self.folder / "steward"

    @property
    def declarations(self) -> Path:
        """What the venue declares, exact: `declarations/sibil/<quarter>/`, `declarations/statements/<period>/`."""
        return self.folder / "declarations"

    @property
    def events(self) -> Path:
        """What is played: `events/public/`, to be served."""
        return self.folder / "events"

    @property
    def presets(self) -> Path:
        """The venue's own mappings: `presets/<name>.toml`."""
        return self.folder / "presets"

    @property
    def store(self) -> Path:
        """Canonical records: `store/<ingest_id>/<frame>.parquet`."""
        return self.folder / "store"

    @property
    def quarantine(self) -> Path:
        """Refused rows: `quarantine/<ingest_id>.csv`, line, column and reason."""
        return self.folder / "quarantine"

    @property
    def ledger(self) -> Path:
        """The privacy budget's SQLite file."""
        return self.folder / "ledger.sqlite"

    @property
    def forgotten(self) -> Path:
        """Who asked to be forgotten, a keyed hash a line (`forgotten`)."""
        return self.folder / "forgotten"

    @property
    def acts(self) -> Path:
        """What was removed, a JSON object a line (`acts`)."""
        return self.folder / "acts.jsonl"

    @property
    def decisions(self) -> Path:
        """Who approved, refused or withdrew which release (`departures`)."""
        return self.folder / "decisions.jsonl"

    @property
    def withdrawals(self) -> Path:
        """What the venue takes back: `withdrawals/<release_id>/` (`departures`)."""
        return self.folder / "withdrawals"

    @property
    def outbox(self) -> Path:
        """Sealed releases: `outbox/<release_id>/`."""
        return self.folder / "outbox"

    @property
    def person_key(self) -> bytes:
        """The 32 secret bytes that turn a contact into a person's number, here only."""
        return self._key("person.key")

    @property
    def signing_key(self) -> bytes:
        """The raw 32 bytes of the venue's Ed25519 private key."""
        return self._key("signing.key")

    @property
    def public_key(self) -> str:
        """The Ed25519 public key in hex, which a hub registers."""
        return public_key(self.signing_key)

    def _key(self, name: str) -> bytes:
        try:
            return bytes.fromhex((self.folder / "keys" / name).read_text("ascii"))
        except (OSError, ValueError):
            raise Fault(
                f"The key keys/{name} of venue {self.id} is missing or damaged; restore it from your backup.",
                f"La clé keys/{name} du lieu {self.id} manque ou est abîmée ; restaurez-la depuis la sauvegarde.",
            ) from None


def public_key(secret: bytes) -> str:
    """Return the Ed25519 public key of 32 private bytes, in hex."""
    of = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    return of.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def read_venue(folder: Path) -> Venue:
    """Read `venue.toml` in a venue's folder; a Fault says which key is missing or wrong."""
    try:
        raw = tomllib.loads((folder / "venue.toml").read_text("utf-8"))
        raw["publishes"] = tuple(raw.get("publishes", ("transactions",)))
        raw["approvers"] = tuple(raw.get("approvers", ()))
        raw["pull"] = {
            name: {key: str(value) for key, value in keys.items()} for name, keys in raw.get("pull", {}).items()
        }
        venue = Venue(**raw, folder=folder)
        check_venue(venue)
    except FileNotFoundError:
        raise Fault(
            f"There is no venue {folder.name} here; `jauge venue add {folder.name}` makes it.",
            f"Il n’y a pas de lieu {folder.name} ici ; `jauge venue add {folder.name}` le crée.",
        ) from None
    except (TypeError, ValueError, AttributeError) as fault:
        raise Fault(f"{folder.name}/venue.toml: {fault}", f"{folder.name}/venue.toml : {fault}") from None
    return venue


def check_venue(venue: Venue) -> None:
    """Raise ValueError naming the key of `venue.toml` that cannot be; a Fault for an identifier."""
    if not _ID.match(venue.id):
        raise ValueError("id: lower-case letters, digits and hyphens, 2 to 41 of them, a letter first")
    if not venue.publishes or not set(venue.publishes) <= set(PUBLISHABLE):
        raise ValueError(f"publishes: one or more of {', '.join(PUBLISHABLE)}")
    if venue.approval not in APPROVALS or (venue.approval == "manual" and not venue.approvers):
        raise ValueError(f"approval: one of {', '.join(APPROVALS)}; manual with the names of approvers")
    if venue.calendar not in CALENDARS:
        raise ValueError(f"calendar: one of {', '.join(CALENDARS)}")
    from aggregations.schema import TRANSACTION_STATUSES  # Polars with it, which the command line loads late

    if not all(set(words.values()) <= set(TRANSACTION_STATUSES) for words in venue.statuses.values()):
        raise ValueError(f"statuses: each one of {', '.join(TRANSACTION_STATUSES)}")
    if venue.engine not in ENGINES:
        raise ValueError(f"engine: one of {', '.join(ENGINES)}")
    check_identifiers(venue.identifiers)
    if venue.retention_months < 1 or venue.raw_days < 0:
        raise ValueError("retention_months: 1 or more; raw_days: 0 or more")
    if not venue.site.keys() <= set(SITE) or not venue.rights.keys() <= set(RIGHTS):
        raise ValueError(f"site: {', '.join(SITE)}; rights: {', '.join(RIGHTS)}")
    if not _FOLDER.match(venue.site.get("base", "https://example.org/")):
        raise ValueError("site: base, an address such as https://theatre.example.org/agenda/ with its last slash")
    if venue.rights.get("text_and_data_mining", "reserved") not in ("reserved", "allowed"):
        raise ValueError("rights: text_and_data_mining, reserved or allowed")
    if not all(_ADDRESS.match(venue.rights.get(name, "https://example.org")) for name in ("policy", "licence")):
        raise ValueError("rights: policy and licence, addresses that begin with https://")
    if not venue.controller.keys() <= set(CONTROLLER):
        raise ValueError(f"controller: {', '.join(CONTROLLER)}")
