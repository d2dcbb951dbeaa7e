"""What each interface is: its lists, their pages, how it is asked for what changed. A table, not a program a system.

Sources, read in November 2026: docs.pretix.eu (orders, fundamentals, ratelimit), billetweb.fr/bo/api.php,
dev.helloasso.com and its OpenAPI, Matomo's reporting interface (plugin Live), developers.openagenda.com. Limits of
requests are theirs where they publish one (pretix 360, Billetweb 100 a minute), else ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from pipelines.pull.credentials import ClientCredentials, InForm, InHeader

Record = dict[str, Any]
Fields = Mapping[str, str]  # what fills the braces of a path or a query
Place = dict[str, Any]  # what is added to a query to ask for a page; nothing for the first


class Pulled(Protocol):
    """What a pull has so far: the days it is about, and the records of the lists it has read."""

    @property
    def days(self) -> Sequence[str]:
        """Whole days between the last pull and this one."""
        ...

    def records(self, listing: str) -> Iterator[Record]:
        """Records of a list read before."""
        ...


def _once(_: Pulled) -> Iterable[Fields]:
    return ({},)


def _one_page(_answer: Any, _records: Sequence[Record], _place: Place) -> Place | None:
    return None


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of an interface; it becomes files of the export, one a page, all of one name."""

    name: str
    path: str  # below the system's address
    query: Mapping[str, str | tuple[str, ...]] = field(
        default_factory=dict[str, str | tuple[str, ...]]
    )  # what has no value for its braces is left out
    member: str = ""  # of the answer, that lists the records; none: the answer is the list
    single: bool = False  # the answer is one record
    each: Callable[[Pulled], Iterable[Fields]] = _once  # asked once for each of these
    following: Callable[[Any, Sequence[Record], Place], Place | None] = _one_page  # the next page; None after the last


@dataclass(frozen=True, slots=True)
class System:
    """One interface: `listings` in the order they are read, the first being what the others stand beside."""

    listings: tuple[Listing, ...]
    needs: tuple[str, ...]  # keys of `venue.toml`
    auth: Callable[[Fields, Sequence[str]], httpx.Auth]  # of these keys and the secrets
    written: Callable[[datetime], str]  # how it is told a time
    secrets: tuple[str, ...] = ("TOKEN",)  # last parts of the names of their variables
    url: str = ""  # none: it has no address but the venue's own
    per_minute: int = 60  # requests
    clock: str = "Date"  # the header that says when it answered
    again: timedelta = timedelta(minutes=5)  # read once more: what was being written while the last pull read
    by_day: bool = False  # asked for whole days that are over


def _by_number(answer: Any, _: Sequence[Record], place: Place) -> Place | None:
    """pretix: a link to the next page; its number is all we take, so that no answer names an address to ask."""
    return {"page": int(place.get("page", 1)) + 1} if answer["next"] else None


def _by_token(answer: Any, records: Sequence[Record], _: Place) -> Place | None:
    """HelloAsso: there may be a token after the last page; the end is a page without records."""
    token = answer["pagination"].get("continuationToken")
    return {"continuationToken": token} if records and token else None


def _by_offset(_: Any, records: Sequence[Record], place: Place) -> Place | None:
    """Matomo: by what came, not by what was asked for, which the server may lower."""
    return {"filter_offset": int(place.get("filter_offset", 0)) + len(records)} if records else None


def _by_after(answer: Any, records: Sequence[Record], _: Place) -> Place | None:
    return {"after[]": answer["after"]} if records and answer.get("after") else None


def _events(pulled: Pulled) -> Iterable[Fields]:
    return [{"event": slug} for slug in sorted({order["event"] for order in pulled.records("orders")})]


def _accounts(pulled: Pulled) -> Iterable[Fields]:
    """Accounts of the orders that have no address of their own: a person is known by it."""
    orders = pulled.records("orders")
    return [{"account": a} for a in sorted({o["customer"] for o in orders if o["customer"] and not o["email"]})]


def _if_items(pulled: Pulled) -> Iterable[Fields]:
    return _once(pulled) if any(True for _ in pulled.records("items")) else ()


def _days(pulled: Pulled) -> Iterable[Fields]:
    return [{"day": day} for day in pulled.days]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unix(at: datetime) -> str:
    return str(int(at.timestamp()))


# Names, seats and ticket secrets are not asked for: only what the preset reads.
_ORDER = ("code", "event", "status", "testmode", "email", "customer", "sales_channel", "datetime",
          "invoice_address.zipcode", "invoice_address.country")  # fmt: skip
_POSITION = ("id", "positionid", "item", "price", "addon_to", "canceled", "subevent", "attendee_email", "zipcode", "country",
             "answers", "checkins")  # fmt: skip
_PRETIX, _EVENT = "api/v1/organizers/{organizer}", "api/v1/organizers/{organizer}/events/{event}"
_PAGED: dict[str, Any] = {"member": "results", "following": _by_number}
_OF_EVENT: dict[str, Any] = {"query": {"page_size": "50"}, "each": _events, **_PAGED}

SYSTEMS: dict[str, System] = {
    # Orders say who changed; a check-in changes its order, and comes with it. Test orders can vanish between two pages.
    "pretix": System(
        (
            Listing(
                "orders", f"{_PRETIX}/orders/", {
                    "modified_since": "{since}", "testmode": "false", "include_canceled_positions": "true",
                    "page_size": "50", "include": (*_ORDER, *(f"positions.{p}" for p in _POSITION)),
                }, **_PAGED,
            ),
            Listing("events", f"{_EVENT}/", single=True, each=_events),
            Listing("subevents", f"{_EVENT}/subevents/", **_OF_EVENT),
            Listing("items", f"{_EVENT}/items/", **_OF_EVENT),
            Listing("questions", f"{_EVENT}/questions/", **_OF_EVENT),
            Listing("customers", f"{_PRETIX}/customers/{{account}}/", single=True, each=_accounts),
        ),
        needs=("organizer",),
        auth=lambda _, secrets: InHeader("Authorization", f"Token {secrets[0]}"),
        written=_iso, clock="X-Page-Generated", per_minute=300,
    ),
    "billetweb": System(
        (Listing("attendees", "api/attendees", {"version": "1", "last_update": "{since}"}),),
        needs=("account",),
        auth=lambda fields, secrets: httpx.BasicAuth(fields["account"], secrets[0]),
        written=_unix, url="https://www.billetweb.fr", per_minute=90,
    ),
    # `from` is about the day of the order, and no list says when an item changed: a season's quarter is read again.
    "helloasso": System(
        (
            Listing(
                "items", "v5/organizations/{organization}/items",
                {"from": "{since}", "withDetails": "true", "pageSize": "100", "sortOrder": "Asc"},
                member="data", following=_by_token,
            ),
            Listing(
                "forms", "v5/organizations/{organization}/forms", {"formTypes": "Event", "pageSize": "100"},
                member="data", each=_if_items, following=_by_token,
            ),
        ),
        needs=("organization",),
        auth=lambda fields, secrets: ClientCredentials(f"{fields['url']}/oauth2/token", *secrets),
        written=_iso, secrets=("CLIENT_ID", "CLIENT_SECRET"), url="https://api.helloasso.com", again=timedelta(days=92),
    ),
    "matomo": System(
        (
            Listing(
                "visits", "index.php", {
                    "module": "API", "method": "Live.getLastVisitsDetails", "format": "JSON", "idSite": "{site}",
                    "period": "day", "date": "{day}", "filter_limit": "500", "hideColumns": "visitIp,userId,fingerprint",
                }, each=_days, following=_by_offset,
            ),
        ),
        needs=("site", "since"),
        auth=lambda _, secrets: InForm("token_auth", secrets[0]),
        written=_iso, per_minute=120, again=timedelta(), by_day=True,
    ),
    "openagenda": System(
        (
            Listing(
                "events", "v2/agendas/{agenda}/events", {"detailed": "1", "size": "100", "updatedAt[gte]": "{since}"},
                member="events", following=_by_after,
            ),
        ),
        needs=("agenda",),
        auth=lambda _, secrets: InHeader("key", secrets[0]),
        written=_iso, url="https://api.openagenda.com",
    ),
}  # fmt: skip
