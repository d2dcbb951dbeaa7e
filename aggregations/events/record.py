"""One clean record an event: what all listings of one title in one season agree on, and its performances.

Listings alone are read, never tickets: what is here is the same whoever came, and how many.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from aggregations.geography import commune
from aggregations.listings import listings
from aggregations.referential import normal_labels
from aggregations.venue import Venue
from privacy.calendar import Period

SHOWN = timedelta(days=365)  # a page stays a year after the last performance: links to it go on working


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is played; `insee`: code of its commune. `own`: in the venue's own walls, as nothing says otherwise."""

    hall: str
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    insee: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Performance:
    """One performance; times in the venue's zone. `all_day`: only its days are known. Prices in cents."""

    starts: datetime
    ends: datetime | None
    all_day: bool
    place: Place
    status: str = "scheduled"  # `schema.LISTING_STATUSES`
    availability: str | None = None  # `schema.AVAILABILITIES`
    ticket_url: str | None = None
    price_min: int | None = None
    price_max: int | None = None

    @property
    def days(self) -> Iterator[date]:
        """The days it is on, of those that are known only as days."""
        last = (self.ends or self.starts).date() if self.all_day else self.starts.date()
        yield from (self.starts.date() + timedelta(n) for n in range((last - self.starts.date()).days + 1))

    @property
    def key(self) -> str:
        """Its name within the event: `2026-10-03-2030`, or the day alone."""
        return f"{self.starts:%Y-%m-%d}" if self.all_day else f"{self.starts:%Y-%m-%d-%H%M}"


@dataclass(frozen=True, slots=True)
class Event:
    """What is performed or shown in one season; `slug` is its name in addresses and feeds."""

    slug: str
    title: str
    family: str
    domain: str | None
    young: bool
    performances: tuple[Performance, ...]  # by time, one at least
    description: str | None = None
    image: str | None = None
    url: str | None = None  # its page elsewhere, as an agenda tells it
    age_min: int | None = None
    age_max: int | None = None
    languages: tuple[str, ...] = ()
    accessibility: tuple[str, ...] = ()  # `schema.ACCESSIBILITY`
    keywords: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()
    festival: str | None = None
    organiser: str | None = None
    conditions: str | None = None
    changed: datetime | None = None  # UTC

    @property
    def place(self) -> Place:
        """Where it is first played."""
        return self.performances[0].place

    @property
    def last_day(self) -> date:
        """The last day of the last performance."""
        return max((one.ends or one.starts).date() for one in self.performances)


def events(venue: Venue, today: date) -> list[Event]:
    """Return the events with a performance to come, or past by no more than `SHOWN`, by first performance."""
    rows = listings(venue).to_dicts()
    same = dict(zip(normal_labels(venue.titles), normal_labels(venue.titles.values()), strict=True))
    titles = [same.get(label, label) for label in normal_labels([row["title"] for row in rows])]
    zone = ZoneInfo(venue.timezone)
    keyed = [
        ((title, Period.containing(row["performance_at"].astimezone(zone).date()).year), row)
        for title, row in zip(titles, rows, strict=True)
    ]
    ordered = sorted(keyed, key=lambda one: (one[0], one[1]["performance_at"], one[1]["performance_ref"]))
    made = [
        _event(venue, [row for _, row in group], year) for (_, year), group in groupby(ordered, key=lambda one: one[0])
    ]
    shown = [one for one in made if one.last_day >= today - SHOWN]
    return sorted(shown, key=lambda one: (one.performances[0].starts, one.slug))


def _event(venue: Venue, rows: Sequence[dict[str, Any]], year: int) -> Event:
    def first(name: str) -> Any:
        return next((row[name] for row in rows if row[name] is not None), None)

    performances = {one.key: one for one in (_performance(venue, row) for row in rows)}
    timed = {one.starts.date() for one in performances.values() if not one.all_day}
    alone = ("domain", "description", "image", "url", "age_min", "age_max", "festival", "organiser", "conditions")
    told: dict[str, Any] = {name: first(name) for name in alone}
    told |= {name: tuple(first(name) or ()) for name in ("languages", "accessibility", "keywords", "performers")}
    return Event(
        slug=f"{slug(rows[0]['title'])}-{year}-{year + 1}",
        title=rows[0]["title"],
        family=next((row["family"] for row in rows if row["family"] != "unknown"), "unknown"),
        young=any(row["young_audience"] for row in rows),
        # A period that covers known hours tells nothing more.
        performances=tuple(one for one in performances.values() if not (one.all_day and timed & {*one.days})),
        changed=max((row["changed_at"] for row in rows if row["changed_at"]), default=None),
        **told,
    )


def _performance(venue: Venue, row: dict[str, Any]) -> Performance:
    zone = ZoneInfo(venue.timezone)
    starts = row["performance_at"].astimezone(zone)
    ends = row["ends_at"].astimezone(zone) if row["ends_at"] else None
    all_day = starts.time() == time() and (ends is None or ends.time() == time())
    if ends is not None and (ends < starts or (ends == starts and not all_day)):
        ends = None
    return Performance(
        starts, ends, all_day, _place(venue, row), row["status"] or "scheduled", row["availability"], row["ticket_url"],
        row["price_min_cents"], row["price_max_cents"],
    )  # fmt: skip


def _place(venue: Venue, row: dict[str, Any]) -> Place:
    # The venue's own walls, unless a street or a town elsewhere is told.
    own = not row["address"] and row["commune"] in (None, venue.commune) and (row["city"] is None or row["commune"])
    insee = row["commune"] or (venue.commune if own else None)
    site = venue.site if own and row["hall"] in (None, venue.name) else {}
    both = row["latitude"] is not None and row["longitude"] is not None
    return Place(
        hall=row["hall"] or venue.name,
        street=row["address"] or site.get("street"),
        postal_code=row["postal_code"] or site.get("postal_code"),
        city=row["city"] or (commune(insee).nom if insee else None),
        insee=insee,
        latitude=row["latitude"] if both else None,
        longitude=row["longitude"] if both else None,
        own=bool(site),
    )


def slug(title: str) -> str:
    """Return a title as addresses write it; of a title without a Latin letter or a digit, the first digits of its digest."""
    plain = unicodedata.normalize("NFKD", title.replace("œ", "oe").replace("Œ", "Oe")).encode("ascii", "ignore")
    words = re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")[:80].strip("-")
    return words or sha256(title.encode()).hexdigest()[:12]
