"""Events for other programs: iCalendar, OpenAgenda's import, DATAtourisme (JSON-LD and CSV), and the sitemap.

What a form needs and no export tells is not made up: an event that OpenAgenda would refuse (a performance without an end)
is left out of its file, and the steward is told.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from icalendar import Calendar, vGeo, vUri
from icalendar import Event as Entry
from icalendar.enums import STATUS

from aggregations.events.jsonld import page_url
from aggregations.events.record import Event, Performance
from aggregations.events.words import Words
from aggregations.referential import written
from aggregations.venue import Venue

_ICS = {"cancelled": STATUS.CANCELLED, "postponed": STATUS.TENTATIVE}
_OPENAGENDA = {"scheduled": 1, "rescheduled": 2, "online": 3, "postponed": 4, "cancelled": 6}
_FULL = 5  # OpenAgenda's state of what is sold out
_SHORT = 200  # letters of OpenAgenda's short description
_CORE = "https://www.datatourisme.fr/ontology/core#"
_DATATOURISME: dict[str, Any] = {
    "@vocab": _CORE, "schema": "https://schema.org/", "dc": "http://purl.org/dc/elements/1.1/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    **{name: {"@id": name, "@container": "@language"} for name in ("rdfs:label", "rdfs:comment", "shortDescription")},
}  # fmt: skip
_COLUMNS = (
    "Nom_du_POI", "Categories_de_POI", "Latitude", "Longitude", "Adresse_postale", "Code_postal_et_commune",
    "Periodes_regroupees", "Contacts_du_POI", "Description", "URI_ID_du_POI", "Date_de_mise_a_jour",
)  # fmt: skip
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_DAY = timedelta(days=1)


def calendar(venue: Venue, events: Sequence[Event], made: datetime) -> bytes:
    """Return an iCalendar feed, an entry a performance; `made` stands where nothing says when one was changed."""
    host = urlsplit(venue.site.get("base", "")).hostname or venue.id
    feed = Calendar.new(name=venue.name, prodid="-//Jauge//events//FR", method="PUBLISH", uid=f"{venue.id}@{host}")
    for event in events:
        for one in event.performances:
            feed.add_component(_entry(venue, event, one, f"{event.slug}-{one.key}@{host}", made))
    if events:
        days = [event.performances[0].starts.year for event in events], [event.last_day.year for event in events]
        feed.add_missing_timezones(date(min(days[0]), 1, 1), date(max(days[1]) + 1, 1, 1))
    return feed.to_ical()


def _entry(venue: Venue, event: Event, one: Performance, uid: str, made: datetime) -> Entry:
    ends = one.ends.date() + _DAY if one.ends and one.all_day else one.ends
    place = one.place
    where = ", ".join(filter(None, (place.hall, place.street, " ".join(filter(None, (place.postal_code, place.city))))))
    url = page_url(venue, event)
    entry = Entry.new(
        uid=uid, summary=event.title, start=one.starts.date() if one.all_day else one.starts, end=ends,
        stamp=event.changed or made, description=event.description, location=where, categories=event.keywords,
        status=_ICS.get(one.status, STATUS.CONFIRMED), url=url if venue.site.get("base") else None,
    )  # fmt: skip
    if place.latitude is not None and place.longitude is not None:
        entry.add("geo", vGeo((place.latitude, place.longitude)))
    if event.image:
        entry.add("image", vUri(event.image), parameters={"VALUE": "URI"})
    return entry


def openagenda(venue: Venue, events: Sequence[Event]) -> tuple[str, list[Event]]:
    """Return events as OpenAgenda takes them in, and those left out as a performance of theirs has no end."""
    whole = [event for event in events if all(one.ends and not one.all_day for one in event.performances)]
    told = [_entered(venue, event) for event in whole]
    return _json({"events": told}), [event for event in events if event not in whole]


def _entered(venue: Venue, event: Event) -> dict[str, Any]:
    last = event.performances[-1]
    full = all(one.availability == "sold_out" for one in event.performances)
    text = event.description or ""
    keywords = list(event.keywords) or [*filter(None, [Words("fr").family(event)])]
    return _filled({
        "extIds": [{"key": "jauge", "value": f"{venue.id}/{event.slug}"}],
        "title": {"fr": event.title},
        "description": {"fr": text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"} if text else None,
        "longDescription": {"fr": text} if text else None,
        "conditions": {"fr": event.conditions or prices(event)} if event.conditions or prices(event) else None,
        "keywords": {"fr": keywords} if keywords else None,
        "timings": [{"begin": one.starts.isoformat(), "end": one.ends.isoformat()} for one in event.performances if one.ends],
        "image": {"url": event.image} if event.image else None,
        "age": _filled({"min": event.age_min, "max": event.age_max}),
        "accessibility": {code: code in event.accessibility for code in ("hi", "ii", "mi", "pi", "vi")} if event.accessibility else None,
        "languages": list(event.languages),
        "registration": [{"type": "link", "value": url} for url in dict.fromkeys(o.ticket_url for o in event.performances) if url],
        "status": _FULL if full else _OPENAGENDA[last.status], "attendanceMode": 2 if last.status == "online" else 1,
        "location": _filled({
            "name": event.place.hall, "address": event.place.street, "postalCode": event.place.postal_code,
            "city": event.place.city, "insee": event.place.insee, "countryCode": "FR" if event.place.insee else None,
            "latitude": event.place.latitude, "longitude": event.place.longitude,
        }),
        "canonicalUrl": page_url(venue, event) if venue.site.get("base") else event.url,
        "updatedAt": event.changed and event.changed.isoformat(),
    })  # fmt: skip


def prices(event: Event) -> str | None:
    """Return the range of prices in words (French), or None where none is told."""
    told = [one for one in event.performances if one.price_min is not None]
    if not told:
        return None
    low = min(one.price_min or 0 for one in told)
    high = max(one.price_max or one.price_min or 0 for one in told)
    if high == 0:
        return "Gratuit"
    return f"{_money(low)} €" if low == high else f"De {_money(low)} à {_money(high)} €"


def _money(cents: int) -> str:
    return f"{cents // 100}" if cents % 100 == 0 else f"{cents / 100:.2f}".replace(".", ",")


def datatourisme(venue: Venue, events: Sequence[Event]) -> str:
    """Return events in the shape of DATAtourisme's JSON-LD: a point of interest an event, its days as periods."""
    return _json({"@context": _DATATOURISME, "@graph": [_point(venue, event) for event in events]})


def _point(venue: Venue, event: Event) -> dict[str, Any]:
    place = event.place
    city = _filled({"@type": "City", "insee": place.insee}) if place.insee else None
    low = [one.price_min for one in event.performances if one.price_min is not None]
    high = [one.price_max for one in event.performances if one.price_max is not None]
    price = {
        "@type": "schema:PriceSpecification", "schema:priceCurrency": "EUR",
        "schema:minPrice": min(low) / 100, "schema:maxPrice": max(high) / 100,
    } if low and high else None  # fmt: skip
    return _filled({
        "@id": page_url(venue, event), "@type": _classes(event), "dc:identifier": f"{venue.id}-{event.slug}",
        "rdfs:label": {"fr": [event.title]},
        "hasDescription": [{"@type": "Description", "shortDescription": {"fr": [event.description]}}] if event.description else None,
        "isLocatedAt": [_filled({
            "@type": "Place",
            "schema:address": [_filled({
                "@type": "schema:PostalAddress", "schema:streetAddress": [place.street] if place.street else None,
                "schema:postalCode": place.postal_code, "schema:addressLocality": place.city, "hasAddressCity": city,
            })],
            "schema:geo": _filled({"@type": "schema:GeoCoordinates", "schema:latitude": place.latitude, "schema:longitude": place.longitude})
            if place.latitude is not None else None,
        })],
        "takesPlaceAt": [{"@type": "Period", "startDate": a.isoformat(), "endDate": b.isoformat()} for a, b in _periods(event)],
        "offers": [{"@type": "schema:Offer", "schema:priceSpecification": [price]}] if price else None,
        "lastUpdate": event.changed and event.changed.date().isoformat(),
    })  # fmt: skip


def _classes(event: Event) -> list[str]:
    own = written(event.family, event.domain).get("datatourisme", "ShowEvent")
    return ["EntertainmentAndEvent", own, *(["ChildrensEvent"] if event.young else [])]


def _periods(event: Event) -> Iterator[tuple[date, date]]:
    """Each day once; a run of several days is as it was told."""
    for first, *rest in sorted({(*one.days,) for one in event.performances}):
        yield first, rest[-1] if rest else first


def datatourisme_table(venue: Venue, events: Sequence[Event]) -> str:
    """Return events in the columns of DATAtourisme's CSV. It has none for prices or the time of day."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_COLUMNS)
    for event in events:
        place = event.place
        periods = "|".join(f"{a}<->{b}" for a, b in _periods(event))
        table.writerow((
            event.title, "|".join(_CORE + name for name in _classes(event)), _text(place.latitude), _text(place.longitude),
            place.street or "", f"{place.postal_code or ''}#{place.city or ''}", periods, "", event.description or "",
            page_url(venue, event), event.changed.date().isoformat() if event.changed else "",
        ))  # fmt: skip
    return out.getvalue()


def _text(value: float | None) -> str:
    return "" if value is None else str(value)


def sitemap(venue: Venue, events: Iterable[Event]) -> bytes:
    """Return the sitemap of all pages, in both languages."""
    ET.register_namespace("", _SITEMAP)
    root = ET.Element(f"{{{_SITEMAP}}}urlset")
    base = venue.site["base"]
    pages = [(f"{base}{language}/index.html", None) for language in ("fr", "en")]
    pages += [(page_url(venue, event, language), event.changed) for event in events for language in ("fr", "en")]
    for address, changed in pages:
        entry = ET.SubElement(root, f"{{{_SITEMAP}}}url")
        ET.SubElement(entry, f"{{{_SITEMAP}}}loc").text = address
        if changed:
            ET.SubElement(entry, f"{{{_SITEMAP}}}lastmod").text = changed.astimezone(UTC).isoformat()
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _filled(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, [], {})}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
