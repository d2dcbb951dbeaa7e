"""The folder of a venue's events: `public/` is served as it is, the rest is for the steward and who keeps the server.

    events/
        score.fr.html  score.en.html         what is missing, event by event
        headers/                             for nginx and Apache
        public/
            fr/  en/                         a page an event, and their list; embed/ has fragments to paste into a page
            events.ics  events.jsonld        everything, for calendars and programs
            openagenda.json  datatourisme.jsonld  datatourisme.csv
            .well-known/tdmrep.json  robots.txt  _headers  sitemap.xml

Pages hold all they need: nothing is fetched from anywhere, an image of another host is a link.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aggregations.disk import swap
from aggregations.events.discoverability import Score, score
from aggregations.events.feeds import calendar, datatourisme, datatourisme_table, openagenda, sitemap
from aggregations.events.jsonld import CONTEXT, document, page_url, written_safely
from aggregations.events.record import Event, events
from aggregations.events.rights import headers, reserved, robots, server_files, tdmrep
from aggregations.events.words import Words
from aggregations.venue import Venue

LANGUAGES = ("fr", "en")


@dataclass(frozen=True, slots=True)
class Built:
    """What was written: a score an event, by first performance, and the events that OpenAgenda's file leaves out."""

    scores: tuple[Score, ...]
    without_end: tuple[Event, ...]
    folder: Path

    @property
    def mean(self) -> int:
        """Mean points of 100; 0 without an event."""
        return round(sum(one.points for one in self.scores) / len(self.scores)) if self.scores else 0


def build(venue: Venue, now: datetime | None = None) -> Built:
    """Write the venue's events anew, swapped as a whole."""
    at = now or datetime.now(UTC)
    told = events(venue, at.date())
    scores = tuple(score(venue, event) for event in told)
    making = venue.events.with_name(f".{venue.events.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    agenda, left = openagenda(venue, told)
    written: dict[str, str | bytes] = {
        "public/events.ics": calendar(venue, told, at.replace(microsecond=0)),
        "public/events.jsonld": _all(venue, told),
        "public/openagenda.json": agenda,
        "public/datatourisme.jsonld": datatourisme(venue, told),
        "public/datatourisme.csv": datatourisme_table(venue, told),
        "public/.well-known/tdmrep.json": tdmrep(venue),
        "public/robots.txt": robots(venue),
        **server_files(venue),
        **_pages(venue, told, scores, at),
    }
    if "base" in venue.site:
        written["public/sitemap.xml"] = sitemap(venue, told)
    for name, content in written.items():
        path = making / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    swap(making, venue.events)
    return Built(scores, tuple(left), venue.events)


def _all(venue: Venue, told: Sequence[Event]) -> str:
    graph = [node for event in told for node in document(venue, event)["@graph"]]
    return json.dumps({"@context": CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1) + "\n"


def _pages(venue: Venue, told: Sequence[Event], scores: Sequence[Score], at: datetime) -> dict[str, str]:
    loader = PackageLoader("aggregations.events")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made: dict[str, str] = {}
    for language in LANGUAGES:
        words = Words(language)
        common = {
            "venue": venue, "words": words, "say": words.say, "language": language, "other": LANGUAGES[language == "fr"],
            "today": at.date(), "headers": headers(venue), "reserved": reserved(venue), "url": lambda e, of=language: page_url(venue, e, of),
        }  # fmt: skip
        for event in told:
            data = Markup(written_safely(document(venue, event, language)))  # noqa: S704 (`written_safely`)
            own = {"event": event, "data": data, "image": _own_image(venue, event), **common}
            made[f"public/{language}/{event.slug}.html"] = pages.get_template("event.html").render(**own)
            made[f"public/embed/{language}/{event.slug}.html"] = pages.get_template("embed.html").render(**own)
        made[f"public/{language}/index.html"] = pages.get_template("index.html").render(
            coming=[e for e in told if e.last_day >= at.date()],
            past=[e for e in told if e.last_day < at.date()],
            **common,
        )
        made[f"score.{language}.html"] = pages.get_template("score.html").render(scores=scores, **common)
    return made


def _own_image(venue: Venue, event: Event) -> bool:
    """Whether the image is on the host that serves the page, so that showing it tells no one else who reads."""
    host = urlsplit(venue.site.get("base", "")).netloc
    return bool(event.image and host and urlsplit(event.image).netloc == host)
