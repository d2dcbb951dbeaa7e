"""Events as schema.org JSON-LD: what search engines, portals and assistants read of a page.

Each performance is an event of its own, as search engines ask, within a series where there are several and within the
festival that is told. Types are those of the référentiel (`written`); the vocabulary has none for circus or opera, so
those are what their family is written as. Texts and images are the page's, and so is their licence.
"""

from __future__ import annotations

import json
from typing import Any

from aggregations.events.record import Event, Performance, Place
from aggregations.events.rights import headers
from aggregations.events.words import Words
from aggregations.referential import written
from aggregations.venue import Venue

CONTEXT = "https://schema.org"
_SDO = "https://schema.org/"
_STATUS = {
    "scheduled": "EventScheduled", "online": "EventMovedOnline", "rescheduled": "EventRescheduled",
    "postponed": "EventPostponed", "cancelled": "EventCancelled",
}  # fmt: skip
_AVAILABILITY = {"available": "InStock", "limited": "LimitedAvailability", "sold_out": "SoldOut"}
_VENUES = {"theatre": "PerformingArtsTheater", "opera": "PerformingArtsTheater", "museum": "Museum"}
_WORKS = {
    "theatre_recit": "Play", "projection": "Movie", "exposition_visite": None, "rencontre_atelier": None, "unknown": None,
}  # fmt: skip


def page_url(venue: Venue, event: Event, language: str = "fr") -> str:
    """Return where an event's page is served; relative to the site where the venue has told no address."""
    return f"{venue.site.get('base', '')}{language}/{event.slug}.html"


def document(venue: Venue, event: Event, language: str = "fr") -> dict[str, Any]:
    """Return one event, its series if any, and the page that tells it, as one JSON-LD document."""
    url, words = page_url(venue, event, language), Words(language)
    page = _filled({
        "@type": "WebPage", "@id": url, "url": url, "name": event.title, "inLanguage": language,
        "license": venue.rights.get("licence"), "usageInfo": headers(venue).get("tdm-policy"),
        "copyrightHolder": _organisation(venue.name, venue), "dateModified": event.changed and event.changed.isoformat(),
    })  # fmt: skip
    nodes = [_performance(venue, event, one, url, words) for one in event.performances]
    series = [_series(venue, event, url, words)] if len(event.performances) > 1 else []
    return {"@context": CONTEXT, "@graph": [*series, *nodes, page]}


def written_safely(document: dict[str, Any]) -> str:
    """Write JSON that may stand in a page: no text in it can end the script."""
    return json.dumps(document, ensure_ascii=False, indent=1).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _types(event: Event) -> str | list[str]:
    kind = written(event.family, event.domain).get("schema_org", "Event")
    if not event.young:
        return kind
    return "ChildrensEvent" if kind == "Event" else [kind, "ChildrensEvent"]


def _series(venue: Venue, event: Event, url: str, words: Words) -> dict[str, Any]:
    return _filled({
        "@type": "EventSeries", "@id": f"{url}#series", "name": event.title, "url": url,
        "startDate": _start(event.performances[0]), "endDate": _end(event.performances[-1]) or _start(event.performances[-1]),
        "superEvent": _festival(event), "organizer": _organisation(event.organiser, venue),
        "location": _place(event.place, venue, event, words), "image": event.image, "description": event.description,
    })  # fmt: skip


def _performance(venue: Venue, event: Event, one: Performance, url: str, words: Words) -> dict[str, Any]:
    online = one.status == "online"
    series = {"@id": f"{url}#series"} if len(event.performances) > 1 else None
    work = _WORKS.get(event.family, "CreativeWork")
    return _filled({
        "@type": _types(event), "@id": f"{url}#{one.key}", "url": url, "name": event.title,
        "description": event.description, "image": event.image, "sameAs": event.url,
        "startDate": _start(one), "endDate": _end(one),
        "eventStatus": _SDO + _STATUS[one.status],
        "eventAttendanceMode": _SDO + ("OnlineEventAttendanceMode" if online else "OfflineEventAttendanceMode"),
        "location": {"@type": "VirtualLocation", "url": one.ticket_url or event.url or url} if online else _place(one.place, venue, event, words),
        "offers": _offer(one), "isAccessibleForFree": None if one.price_max is None else one.price_max == 0,
        "organizer": _organisation(event.organiser, venue),
        "performer": [{"@type": "PerformingGroup", "name": name} for name in event.performers],
        "workPerformed": {"@type": work, "name": event.title} if work else None,
        "superEvent": series or _festival(event),
        "typicalAgeRange": _ages(event), "inLanguage": list(event.languages), "keywords": list(event.keywords),
        "audience": {"@type": "Audience", "audienceType": "children"} if event.young else None,
    })  # fmt: skip


def _festival(event: Event) -> dict[str, Any] | None:
    return {"@type": "Festival", "name": event.festival} if event.festival else None


def _organisation(name: str | None, venue: Venue) -> dict[str, Any]:
    own = name in (None, venue.name)
    return _filled(
        {"@type": "Organization", "name": name or venue.name, "url": venue.site.get("base") if own else None}
    )


def _place(place: Place, venue: Venue, event: Event, words: Words) -> dict[str, Any]:
    address = _filled({
        "@type": "PostalAddress", "streetAddress": place.street, "postalCode": place.postal_code,
        "addressLocality": place.city, "addressCountry": "FR" if place.insee else None,
    })  # fmt: skip
    geo = {"@type": "GeoCoordinates", "latitude": place.latitude, "longitude": place.longitude}
    return _filled({
        "@type": _VENUES.get(venue.kind, "Place") if place.own else "Place", "name": place.hall,
        "address": address if len(address) > 1 else None, "geo": geo if place.latitude is not None else None,
        "amenityFeature": [
            {"@type": "LocationFeatureSpecification", "name": f"{words.say('Accessible en cas de', 'Accessible with')} {name}", "value": True}
            for name in words.access(event)
        ],
    })  # fmt: skip


def _offer(one: Performance) -> dict[str, Any] | None:
    low, high = _euros(one.price_min), _euros(one.price_max)
    if low is None and one.ticket_url is None and one.availability is None:
        return None
    span = {"@type": "PriceSpecification", "priceCurrency": "EUR", "minPrice": low, "maxPrice": high}
    return _filled({
        "@type": "Offer", "url": one.ticket_url, "price": low, "priceCurrency": None if low is None else "EUR",
        "availability": _SDO + _AVAILABILITY[one.availability] if one.availability else None,
        "priceSpecification": span if low is not None and high is not None and low != high else None,
    })  # fmt: skip


def _euros(cents: int | None) -> float | int | None:
    return None if cents is None else cents // 100 if cents % 100 == 0 else cents / 100


def _ages(event: Event) -> str | None:
    if event.age_min is None and event.age_max is None:
        return None
    return f"{event.age_min or 0}-{'' if event.age_max is None else event.age_max}"


def _start(one: Performance) -> str:
    return one.starts.date().isoformat() if one.all_day else one.starts.isoformat()


def _end(one: Performance) -> str | None:
    if one.ends is None:
        return None
    return one.ends.date().isoformat() if one.all_day else one.ends.isoformat()


def _filled(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None and value != []}
