"""Events entered once: every form of them is valid by what others wrote, and read back it says the same."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import schema_org
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from playwright.sync_api import sync_playwright
from rdflib import RDF, SDO, Graph, URIRef

from aggregations.events.build import build
from aggregations.events.discoverability import ASPECTS, score
from aggregations.events.feeds import calendar, datatourisme, datatourisme_table, openagenda, sitemap
from aggregations.events.jsonld import document
from aggregations.events.record import Event, Performance, Place, events
from aggregations.events.rights import crawlers, robots, server_files, tdmrep
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.listings import listings
from aggregations.publication import venue_records
from aggregations.receipt import receipts
from aggregations.schema import ACCESSIBILITY, AVAILABILITIES, LISTING_STATUSES
from aggregations.venue import Venue, read_venue
from pipelines.town.agenda import write_agenda
from pipelines.town.programme import performances as played
from privacy.errors import Fault

PARIS = ZoneInfo("Europe/Paris")
EXAMPLES = Path(__file__).parents[1] / "examples"
BASE = "https://theatre.example/agenda/"
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
LAC = Venue(
    "lac", "Théâtre du Lac", "theatre", "38185", site={"base": BASE, "street": "1 quai du Lac", "postal_code": "38000"}
)
CSV = ["title", "performance_at", "ends_at", "description", "image", "ticket_url", "price_min", "price_max", "age_min",
       "availability", "accessibility", "performers", "status", "genre"]  # fmt: skip
FULL = {
    "title": "Le Lac", "performance_at": "2026-10-03 20:30", "ends_at": "2026-10-03 22:00", "description": "Un lac. " * 20,
    "image": "https://theatre.example/lac.jpg", "ticket_url": "https://billets.example/lac", "price_min": "12", "price_max": "32,50",
    "age_min": "8", "availability": "limited", "accessibility": "mi|hi", "performers": "Ana Lune|Bo Sel", "status": "", "genre": "danse",
}  # fmt: skip


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(replace(LAC, folder=tmp_path / "venues" / "lac"))


def pushed(folder: Path, *rows: dict[str, str], name: str = "lac.csv") -> Path:
    with (file := folder / name).open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, CSV, delimiter=";")
        table.writeheader()
        table.writerows(FULL | row for row in rows)
    return file


words = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
links = st.sampled_from([None, "https://images.example/a.jpg", "https://billets.example/?a=1&b=2"])
places = st.builds(
    Place, words, st.none() | words, st.none() | st.just("38000"), st.none() | words, st.none() | st.just("38185"),
    own=st.booleans(),
)  # fmt: skip


@st.composite
def performances(draw: st.DrawFn) -> tuple[Performance, ...]:
    days = sorted(draw(st.sets(st.integers(0, 300), min_size=1, max_size=4)))
    place, made = draw(places), []
    for day in days:
        starts = datetime(2026, 9, 1, draw(st.integers(9, 22)), 30, tzinfo=PARIS) + timedelta(days=day)
        ends = draw(st.none() | st.just(starts + timedelta(minutes=90)))
        price = draw(st.none() | st.tuples(st.integers(0, 9000), st.integers(0, 9000)).map(sorted))
        made.append(Performance(
            starts, ends, all_day=False, place=place, status=draw(st.sampled_from(LISTING_STATUSES)),
            availability=draw(st.none() | st.sampled_from(AVAILABILITIES)), ticket_url=draw(links),
            price_min=price[0] if price else None, price_max=price[1] if price else None,
        ))  # fmt: skip
    return tuple(made)


several = st.lists(words, max_size=3, unique=True).map(tuple)
made_events = st.builds(
    Event, slug=st.just("le-lac-2026-2027"), title=words, family=st.sampled_from(["danse", "theatre_recit", "cirque_rue", "projection", "unknown"]),
    domain=st.none(), young=st.booleans(), performances=performances(), description=st.none() | words, image=links, url=links,
    age_min=st.none() | st.integers(0, 18), age_max=st.none(), languages=several, keywords=several, performers=several,
    accessibility=st.lists(st.sampled_from(ACCESSIBILITY), unique=True).map(tuple), festival=st.none() | words,
    organiser=st.none() | words, conditions=st.none() | words, changed=st.sampled_from([None, datetime(2026, 9, 1, 10, tzinfo=UTC)]),
)  # fmt: skip


# --- schema.org --------------------------------------------------------------------------------------


def graph(told: dict[str, Any]) -> Graph:
    """The document as a processor of RDF has it; schema.org's own context, which is on a network, in short."""
    ids = {name: {"@type": "@id"} for name in ("url", "image", "sameAs", "eventStatus", "availability", "superEvent")}
    return Graph().parse(data=json.dumps(told | {"@context": {"@vocab": str(SDO), **ids}}), format="json-ld")


@given(made_events)
def test_json_ld_read_as_rdf_says_the_same(event: Event) -> None:
    told = graph(document(LAC, event))

    def said(node: Any, name: str) -> list[str]:
        return sorted(str(value) for value in told.objects(node, SDO[name])) if node else []

    for one in event.performances:
        node = URIRef(f"{BASE}fr/{event.slug}.html#{one.key}")
        assert said(node, "name") == [event.title]
        assert said(node, "description") == [d for d in [event.description] if d]
        assert said(node, "keywords") == sorted(event.keywords)
        assert said(node, "inLanguage") == sorted(event.languages)
        assert [datetime.fromisoformat(text) for text in said(node, "startDate")] == [one.starts]
        assert [datetime.fromisoformat(text) for text in said(node, "endDate")] == [e for e in [one.ends] if e]
        performers = [name for each in told.objects(node, SDO.performer) for name in said(each, "name")]
        assert sorted(performers) == sorted(event.performers)
        statuses = {
            "scheduled": "Scheduled", "online": "MovedOnline", "rescheduled": "Rescheduled", "postponed": "Postponed",
            "cancelled": "Cancelled",
        }  # fmt: skip
        assert said(node, "eventStatus") == [f"{SDO}Event{statuses[one.status]}"]
        offer = told.value(node, SDO.offers)
        assert [round(float(text) * 100) for text in said(offer, "price")] == [
            p for p in [one.price_min] if p is not None
        ]
        place = told.value(node, SDO.location)
        if one.status != "online":
            assert said(place, "name") == [one.place.hall]
            assert said(told.value(place, SDO.address), "streetAddress") == [s for s in [one.place.street] if s]
        parts = (
            (node, SDO.superEvent / SDO.superEvent, None)
            if len(event.performances) > 1
            else (node, SDO.superEvent, None)
        )
        festivals = {str(name) for part in told.objects(node, parts[1]) for name in told.objects(part, SDO.name)}
        assert festivals == {f for f in [event.festival] if f}
    assert len(set(told.subjects(RDF.type, SDO.EventSeries))) == (len(event.performances) > 1)


def valid(node: Any, key: str = "") -> Any:
    """A node as schema.org's own vocabulary has it, each type it claims; what it does not know, it refuses."""
    if isinstance(node, list):
        return [valid(one, key) for one in node]
    if isinstance(node, str):
        enumerated = {
            "eventStatus": "EventStatusType",
            "availability": "ItemAvailability",
            "eventAttendanceMode": "EventAttendanceModeEnumeration",
        }
        if key in enumerated:
            return getattr(schema_org, enumerated[key])(node)
        if key in ("startDate", "endDate", "dateModified"):
            return datetime.fromisoformat(node) if "T" in node else date.fromisoformat(node)
    if not isinstance(node, dict):
        return node
    if node.keys() == {"@id"}:
        return schema_org.EventSeries()
    kinds = node["@type"] if isinstance(node["@type"], list) else [node["@type"]]
    content = {name: valid(value, name) for name, value in node.items() if not name.startswith("@")}
    first, *_ = [getattr(schema_org, kind)(**content) for kind in kinds]
    return first


@pytest.mark.slow  # the whole vocabulary is built first
@given(made_events)
def test_every_property_is_schema_orgs_and_of_its_range(event: Event) -> None:
    told = document(
        replace(LAC, rights={"licence": "https://licence.example/", "policy": "https://policy.example/"}), event
    )
    assert [valid(node) for node in told["@graph"]]
    with pytest.raises(ValueError, match="Extra inputs"):
        valid(told["@graph"][0] | {"licence": "https://licence.example/"})


# --- feeds ---------------------------------------------------------------------------------------------


@given(st.lists(made_events, max_size=2))
def test_the_calendar_read_back_says_the_same(told: list[Event]) -> None:
    told = [replace(event, slug=f"e{n}") for n, event in enumerate(told)]
    feed = Calendar.from_ical(calendar(LAC, told, NOW))
    assert not feed.errors
    expected = [(event, one) for event in told for one in event.performances]
    assert [entry["uid"] for entry in feed.events] == [f"{e.slug}-{o.key}@theatre.example" for e, o in expected]
    for entry, (event, one) in zip(feed.events, expected, strict=True):
        assert str(entry["summary"]) == event.title
        assert entry.start == one.starts
        assert ("dtend" in entry, str(entry.get("description", ""))) == (one.ends is not None, event.description or "")
        assert entry["status"] == {"cancelled": "CANCELLED", "postponed": "TENTATIVE"}.get(one.status, "CONFIRMED")
    assert calendar(LAC, told, NOW) == calendar(LAC, told, NOW)


def test_agendas_read_what_is_written_for_them(venue: Venue, tmp_path: Path) -> None:
    """What we write as OpenAgenda and DATAtourisme have it, our own readers of their exports read back."""
    ingest(venue, [pushed(tmp_path, {}, {"performance_at": "2026-10-04 17:00", "ends_at": "2026-10-04 18:30"})])
    (event,) = events(venue, NOW.date())
    text, left = openagenda(venue, [event])
    (entered,) = json.loads(text)["events"]
    (tmp_path / "a.json").write_text(json.dumps({"events": [entered | {"uid": 1, "state": 2}]}), "utf-8")
    (tmp_path / "b.csv").write_text(datatourisme_table(venue, [event]), "utf-8")
    points = json.loads(datatourisme(venue, [event]))
    (tmp_path / "c.json").write_text(json.dumps(points["@graph"]), "utf-8")
    assert left == []
    again: dict[str, list[Event]] = {}
    for name in ("a.json", "b.csv", "c.json"):
        other = add_venue(replace(venue, folder=tmp_path / name[0] / "lac"))
        ingest(other, [tmp_path / name])
        again[name] = events(other, NOW.date())
    (agenda,) = again["a.json"]
    assert [(one.starts, one.ends, one.ticket_url) for one in agenda.performances] == [
        (one.starts, one.ends, one.ticket_url) for one in event.performances
    ]
    for name in ("title", "family", "description", "age_min", "accessibility"):
        assert getattr(agenda, name) == getattr(event, name), name
    for name in ("b.csv", "c.json"):
        (point,) = again[name]
        assert (point.title, point.family, point.description) == (event.title, event.family, event.description)
        assert (point.place.postal_code, point.place.city) == ("38000", "Grenoble")
        assert {day for one in point.performances for day in one.days} == {date(2026, 10, 3), date(2026, 10, 4)}
    core = "https://www.datatourisme.fr/ontology/core#"
    told = Graph().parse(data=json.dumps(points), format="json-ld")
    assert URIRef(f"{core}DanceEvent") in set(told.objects(URIRef(f"{BASE}fr/{event.slug}.html"), RDF.type))


def test_what_openagenda_would_refuse_is_left_out_and_told(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {"ends_at": ""}, {"title": "La Mer"})])
    text, left = openagenda(venue, events(venue, NOW.date()))
    assert [event.title for event in left] == ["Le Lac"]
    assert [one["title"]["fr"] for one in json.loads(text)["events"]] == ["La Mer"]


def test_the_sitemap_lists_every_page(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {}, {"title": "La Mer"})])
    built = build(venue, NOW)
    root = ET.fromstring(sitemap(venue, events(venue, NOW.date())))
    pages = {
        path.relative_to(built.folder / "public").as_posix() for path in (built.folder / "public").glob("??/*.html")
    }
    assert {loc.text for loc in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")} == {
        BASE + p for p in pages
    }


# --- one record an event ---------------------------------------------------------------------------------


def test_one_event_a_title_and_season(venue: Venue, tmp_path: Path) -> None:
    rows = [{"performance_at": day} for day in ("2026-10-03 20:30", "2026-10-04 17:00", "2027-10-02 20:30")]
    ingest(venue, [pushed(tmp_path, *rows, {"title": "LE LAC", "performance_at": "2026-10-05 20:30"})])
    found = events(venue, NOW.date())
    assert [(event.slug, len(event.performances)) for event in found] == [
        ("le-lac-2026-2027", 3),
        ("le-lac-2027-2028", 1),
    ]


def test_a_page_stays_a_year(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {})])
    assert len(events(venue, date(2027, 10, 3))) == 1
    assert events(venue, date(2027, 10, 4)) == []


def test_a_period_that_covers_known_hours_tells_nothing_more(venue: Venue, tmp_path: Path) -> None:
    period = {"performance_at": "2026-10-03", "ends_at": "2026-10-04"}
    ingest(venue, [pushed(tmp_path, period, {})])
    (event,) = events(venue, NOW.date())
    assert [one.key for one in event.performances] == ["2026-10-03-2030"]


def test_who_bought_changes_nothing_of_an_event(tmp_path: Path) -> None:
    """Other tickets, other prices paid: the same pages, to the byte."""
    pages: list[dict[str, bytes]] = []
    for few in (False, True):
        one = add_venue(replace(LAC, folder=tmp_path / str(few) / "lac"))
        export = Path(shutil.copytree(EXAMPLES / "pretix", tmp_path / f"pretix-{few}"))
        if few:
            orders = json.loads((export / "orders.json").read_text("utf-8"))[:40]
            (export / "orders.json").write_text(json.dumps(orders), "utf-8")
        ingest(one, [export])
        folder = build(one, NOW).folder
        pages.append(
            {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
        )
    assert len(pages[0]) > 20
    assert pages[0] == pages[1]


def test_no_release_reads_them(venue: Venue, tmp_path: Path) -> None:
    """What is to be published is the same where listings are torn: nothing on that way opens them."""
    receipt = ingest(venue, [EXAMPLES / "pretix"])

    def read() -> list[Any]:
        found = venue_records(venue)
        return [one.collect().to_dicts() for one in (found.transactions, found.interactions, found.counts)]

    before = read()
    (venue.store / receipt.id / "listings.parquet").write_bytes(b"torn")
    assert read() == before
    with pytest.raises(pl.exceptions.PolarsError):
        listings(venue)


# --- rights ------------------------------------------------------------------------------------------------


def allowed(venue: Venue, robot: str, page: str = "fr/le-lac.html") -> bool:
    parser = RobotFileParser()
    parser.parse(robots(venue).splitlines())
    return parser.can_fetch(robot, BASE + page)


def test_mining_is_reserved_unless_the_venue_says_otherwise() -> None:
    assert json.loads(tdmrep(LAC)) == [{"location": "/agenda/*", "tdm-reservation": 1}]
    assert not any(allowed(LAC, robot) for robot in ("GPTBot", "CCBot", "ClaudeBot", "Google-Extended", "Bytespider"))
    assert all(allowed(LAC, robot) for robot in ("Googlebot", "bingbot", "OAI-SearchBot", "Mozilla"))
    assert len(crawlers()) > 40
    open_ = replace(LAC, rights={"text_and_data_mining": "allowed", "policy": "https://theatre.example/tdm"})
    assert json.loads(tdmrep(open_)) == [
        {"location": "/agenda/*", "tdm-reservation": 0, "tdm-policy": "https://theatre.example/tdm"}
    ]
    assert all(allowed(open_, robot) for robot in crawlers())


def test_servers_and_pages_say_what_the_file_says(venue: Venue, tmp_path: Path) -> None:
    own = replace(venue, rights={"policy": "https://theatre.example/tdm", "licence": "https://licence.example/by"})
    ingest(own, [pushed(tmp_path, {})])
    built = build(own, NOW)
    page = (built.folder / "public" / "en" / "le-lac-2026-2027.html").read_text("utf-8")
    assert '<meta name="tdm-reservation" content="1">' in page
    assert '<meta name="tdm-policy" content="https://theatre.example/tdm">' in page
    (node,) = (n for n in document(own, built.scores[0].event)["@graph"] if n["@type"] == "WebPage")
    assert (node["license"], node["usageInfo"]) == ("https://licence.example/by", "https://theatre.example/tdm")
    for text in server_files(own).values():
        assert re.search(r"tdm-reservation[\":]* \"?1", text)


@pytest.mark.parametrize("table", [
    '[site]\nbase = "theatre.example"', '[site]\nhome = "x"', '[rights]\ntext_and_data_mining = "maybe"',
    '[rights]\nlicence = "CC BY"',
])  # fmt: skip
def test_what_venue_toml_cannot_say_is_a_fault(venue: Venue, table: str) -> None:
    file = venue.folder / "venue.toml"
    text = re.sub(r"\n\[(site|rights)\][^\[]*", "\n", file.read_text("utf-8"))
    file.write_text(f"{text}\n{table}\n", "utf-8")
    with pytest.raises(Fault, match=r"site|rights"):
        read_venue(venue.folder)


# --- pages -----------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a browser would fetch or run, and the data of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.data: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inside = tag == "script" and given.get("type") == "application/ld+json"
        if (tag == "script" and not self.inside) or "src" in given or given.get("rel") == "stylesheet":
            self.fetched.append(tag)
        self.fetched += [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.data.append(data)


def readers(folder: Path) -> Iterator[tuple[Path, Reader]]:
    for path in sorted(folder.rglob("*.html")):
        yield path, Reader(path.read_text("utf-8"))


def test_no_text_of_an_export_leaves_its_place_in_a_page(venue: Venue, tmp_path: Path) -> None:
    nasty = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    ingest(
        venue,
        [pushed(tmp_path, {"description": nasty + " < 3", "performers": nasty, "title": f"Le {nasty}", "image": ""})],
    )
    pages = list(readers(build(venue, NOW).folder))
    assert len(pages) == 2 * 4
    for path, page in pages:
        assert page.fetched == [], path
        if path.name.startswith("le"):
            (event,) = (n for n in json.loads("".join(page.data))["@graph"] if n["@type"] == "DanceEvent")
            assert "alert(1)" in event["name"]


def test_an_image_of_another_host_is_a_link(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {"image": "https://images.example/a.jpg"}, {"title": "La Mer"})])
    public = build(venue, NOW).folder / "public" / "fr"
    assert Reader((public / "le-lac-2026-2027.html").read_text("utf-8")).fetched == []
    assert Reader((public / "la-mer-2026-2027.html").read_text("utf-8")).fetched == ["img"]


def test_the_folder_is_swapped_as_a_whole(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {})])
    first = build(venue, NOW).folder
    assert (first / "public" / "fr" / "le-lac-2026-2027.html").exists()
    assert [score.points for score in build(venue, datetime(2030, 1, 1, tzinfo=UTC)).scores] == []
    assert not (first / "public" / "fr" / "le-lac-2026-2027.html").exists()
    assert {p.name for p in venue.folder.iterdir() if p.name.startswith(".")} == set()


def test_the_score_says_what_is_missing(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, {})])
    (event,) = events(venue, NOW.date())
    assert sum(aspect.points for aspect in ASPECTS) == 100
    assert (score(venue, event).points, score(venue, event).missing) == (100, ())
    bare = score(replace(venue, site={}), replace(event, image=None, description="Court."))
    assert ({a.key for a in bare.missing}, bare.points, bare.eligible) == ({"base", "image", "description"}, 60, True)
    nowhere = replace(event.place, street=None)
    moved = replace(event, performances=tuple(replace(one, place=nowhere) for one in event.performances))
    assert not score(venue, moved).eligible


@pytest.mark.slow
def test_pages_open_alone_and_to_everyone(tmp_path: Path) -> None:
    """The demo's theatre, in Chromium, in both languages and schemes: nothing asked, nothing inaccessible."""
    one = add_venue(replace(LAC, folder=tmp_path / "lac", commune="75056"))
    ingest(one, [write_agenda(tmp_path / "agenda.json", played("theatre").filter(pl.col("season") == 2025))])
    folder = build(one, datetime(2025, 10, 1, tzinfo=UTC)).folder
    pages = [p for p in folder.rglob("*.html") if "embed" not in p.parts and (p.name[0] in "is" or "brumes" in p.name)]
    assert len(pages) >= 6
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 740}).new_page()  # type: ignore[arg-type]
            said: list[str] = []
            page.on("console", lambda message, to=said: to.append(message.text))
            page.on("request", lambda asked, to=said: None if asked.url.startswith("file:") else to.append(asked.url))
            for path in pages:
                page.goto(path.as_uri())
                assert Axe().run(page, options=rules).response["violations"] == [], path
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert said == []
        browser.close()


def test_every_receipt_of_a_programme_has_its_listings(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [write_agenda(tmp_path / "agenda.json", played("theatre").filter(pl.col("season") == 2025))])
    (receipt,) = receipts(venue.store)
    told = listings(venue)
    assert receipt.frames == {"programme": told.height}
    assert told["title"].n_unique() == 17
