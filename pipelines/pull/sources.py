"""A source as a venue declares it: `[pull.<name>]` of its `venue.toml`, public facts only, and the names of its secrets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import httpx

from aggregations.venue import Venue
from pipelines.pull.systems import SYSTEMS, System
from privacy.errors import Fault

_NAME = re.compile(r"^[a-z][a-z0-9]{0,30}$")  # no hyphen: two sources never share a variable


@dataclass(frozen=True, slots=True)
class Source:
    """One declared source; `fields` are its keys in `venue.toml` and `url`, where the system has its own."""

    venue: Venue
    name: str
    system: System
    fields: Mapping[str, str]

    @property
    def url(self) -> str:
        """Address of the system, without a slash at its end."""
        return self.fields["url"]

    @property
    def variables(self) -> list[str]:
        """Names of the variables that hold its secrets."""
        start = f"JAUGE_{self.venue.id}_{self.name}".upper().replace("-", "_")
        return [f"{start}_{secret}" for secret in self.system.secrets]

    @property
    def first(self) -> datetime | None:
        """What the first pull begins with; None for all that there is."""
        since = self.fields.get("since")
        return datetime.combine(date.fromisoformat(since), time(), ZoneInfo(self.venue.timezone)) if since else None

    def fault(self, en: str, fr: str) -> Fault:
        """Return what went wrong with this source, by its name; never a word of an answer."""
        return Fault(f"[pull.{self.name}]: {en}", f"[pull.{self.name}] : {fr}")


def declared(venue: Venue, name: str) -> Source:
    """Return a source of the venue; a Fault says what its declaration lacks."""
    if name not in venue.pull:
        known = ", ".join(venue.pull)
        raise Fault(
            f"Venue {venue.id} declares no source {name} (declared: {known}): write [pull.{name}] in venue.toml.",
            f"Le lieu {venue.id} ne déclare pas de source {name} (déclarées : {known}) : écrivez [pull.{name}] dans venue.toml.",
        )
    given = dict(venue.pull[name])
    system = SYSTEMS.get(given.pop("system", ""))
    if system is None or not _NAME.match(name):
        systems = ", ".join(SYSTEMS)
        raise Fault(
            f"[pull.{name}]: a name in lower-case letters and digits, and system = one of {systems}.",
            f"[pull.{name}] : un nom en minuscules et chiffres, et system = l’un de {systems}.",
        )
    fields = {"url": system.url} | given
    source = Source(venue, name, system, fields | {"url": fields["url"].rstrip("/")})
    _check(source)
    return source


def _check(source: Source) -> None:
    needed, given = {"url", *source.system.needs}, {key for key, value in source.fields.items() if value}
    odd = sorted((needed - given) | (given - needed - {"since"}))
    if odd:
        raise source.fault(
            f"{', '.join(odd)}: missing, or not a key of this system. It takes {', '.join(sorted(needed))} and since; "
            "secrets stay in the environment.",
            f"{', '.join(odd)} : manque, ou n’est pas une clé de ce système. Il prend {', '.join(sorted(needed))} et since ; "
            "les secrets restent dans l’environnement.",
        )
    if not safe(source.url):
        raise source.fault(
            "url: https://, a name and perhaps a path, no more.",
            "url : https://, un nom et peut-être un chemin, rien de plus.",
        )
    try:
        _ = source.first
    except ValueError:
        raise source.fault("since: a day, such as 2026-09-01.", "since : un jour, comme 2026-09-01.") from None


def safe(text: str) -> bool:
    """Tell an address to which a secret may be sent: over TLS, or to this machine."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    if not url.host or url.userinfo or url.query or url.fragment:
        return False
    return url.scheme == "https" or (url.scheme == "http" and _here(url.host))


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
