"""Make the pages: one a venue and one for the network, in French and English, swapped in when all are written.

    reports/fr/index.html  reports/fr/<venue>.html  reports/en/…

Each page holds everything it needs: style and drawings inside, no script, nothing fetched. It names the snapshot of the
lake that it was made from, and nothing on it is from elsewhere or of today: made again from that snapshot, it is the same.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from warehouse.governance import Hub, governance
from warehouse.holdings import hold_rules
from warehouse.lake import Snapshot, current, open_lake
from warehouse.reports.cells import read_sheets
from warehouse.reports.charts import Bar, draw_quarters
from warehouse.reports.figures import Estimate
from warehouse.reports.issues import Issue, Venue, read_floor, read_issues, read_venues
from warehouse.reports.network import network_page
from warehouse.reports.sections import Section, section, share_bar
from warehouse.reports.words import Words, first_timers

_LANGUAGES = ("fr", "en")
_QUARTERS_SHOWN = 6
_EVERY_QUARTER = ("loyalty", "provenance", "referrers")


def build_reports(hub: Hub, *, snapshot: int | None = None) -> list[Path]:
    """Write every page anew and return their paths; the old pages stay until all the new ones are there.

    They are of the lake as it is, or as it was at a `snapshot`.
    """
    if snapshot is None:
        with open_lake(hub) as lake:
            hold_rules(lake, governance(hub))
            snapshot = current(lake).id
    policy = hub.policy
    with open_lake(hub, snapshot=snapshot) as lake:  # whatever other processes add meanwhile
        of, venues, floor = current(lake), read_venues(lake), read_floor(lake)
        issues = read_issues(lake, read_sheets(lake, policy.tables))
    making = hub.reports.with_name(f".{hub.reports.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for language in _LANGUAGES:
        words = Words(language)
        (making / language).mkdir(parents=True)
        pages = {"index": network_page(words, venues, issues, floor, policy.tables)}
        pages |= {v.id: _venue_page(words, v, [i for i in issues if i.venue == v.id]) for v in venues.values()}
        for name, page in pages.items():
            other = next(x for x in _LANGUAGES if x != language)
            made = _made_from(words, of)
            text = _render(page, words=words, other=Words(other), page=name, made=made, venues=venues)
            (making / language / f"{name}.html").write_text(text, "utf-8")
    swap(making, hub.reports)
    return sorted(hub.reports.rglob("*.html"))


def _made_from(words: Words, snapshot: Snapshot) -> Markup:
    return words.say("made_from", id=snapshot.id, date=words.day(snapshot.at), time=f"{snapshot.at:%H:%M:%S}")


def _venue_page(words: Words, venue: Venue, issues: list[Issue]) -> dict[str, Any]:
    """Return what the template of a venue's page needs: latest season, later or latest quarter, trend, promise."""
    seasons = sorted((i for i in issues if i.kind == "season"), key=lambda i: i.period)
    quarters = sorted((i for i in issues if i.kind == "quarter"), key=lambda i: i.period)
    shown = [("season_section", i) for i in seasons[-1:]] + [("quarter_section", i) for i in quarters[-1:]]
    parts = [
        {
            "title": words.say(key),
            "period": words.quarter(issue.period),
            "published": words.say("published_on", date=words.day(issue.published)),
            "revision": words.say("revision", n=issue.revision) if issue.revision > 1 else "",
            "headlines": words.headlines(issue.sheets),
            "sections": _sections(words, issue, whole=key == "season_section" or not seasons),
        }
        for key, issue in shown
    ]
    return {
        "template": "venue.html",
        "title": words.say("venue_title", name=venue.name),
        "heading": venue.name,
        "under": words.kind(venue.kind),
        "parts": parts,
        "trend": _trend(words, quarters[-_QUARTERS_SHOWN:]),
        "promise": _promise(words, max((i for _, i in shown), key=lambda i: i.published)) if shown else [],
    }


def _sections(words: Words, issue: Issue, *, whole: bool) -> list[Section]:
    """Return every table; of a quarter with a season above it, only what most ask for, and not crossed."""
    told = [s for name, s in issue.sheets.items() if whole or name in _EVERY_QUARTER]
    return [section(sheet, words, crossed=whole) for sheet in told]


def _trend(words: Words, quarters: list[Issue]) -> dict[str, Any] | None:
    """Return the drawings of people and first-timers by quarter, and the sentence on the last two."""
    came = [(q, q.sheets["provenance"]) for q in quarters if "provenance" in q.sheets]
    if len(came) < 2:
        return None
    people = [_quarter_bar(words, q, s.people) for q, s in came]
    first = [
        share_bar(_short(words, q), first_timers(q.sheets["loyalty"]), words) for q in quarters if "loyalty" in q.sheets
    ]
    drawings = [(k, bars) for k, bars in (("trend_people", people), ("trend_first", first)) if _any_shown(bars)]
    if not drawings:
        return None
    return {
        "sentence": words.trend(came[-2][1], came[-1][1]),
        "drawings": [
            (words.say(key), Markup(draw_quarters(bars, words.say(key))))  # noqa: S704 (our own SVG)
            for key, bars in drawings
        ],
    }


def _any_shown(bars: list[Bar]) -> bool:
    return any(bar.value is not None for bar in bars)


def _quarter_bar(words: Words, issue: Issue, number: Estimate | None) -> Bar:
    if number is None:
        return Bar(_short(words, issue), words.say("not_published"))
    return Bar(_short(words, issue), words.writer.count(number), number.value, number.low, number.high)


def _short(words: Words, issue: Issue) -> str:
    months, years = words.quarter(issue.period).split(" (")
    return f"{months}|{years.rstrip(')')}"


def _promise(words: Words, issue: Issue) -> list[Markup]:
    """Return the promise as the venue's latest release states it."""
    said = [
        words.say(f"promise_{unit}", **words.loss(*loss))
        for unit, loss in sorted(issue.losses.items(), reverse=True)  # person before admission
    ]
    return [*said, words.say(f"promise_k_{issue.k_rule}", k=issue.k), words.say("promise_several")]


def _render(content: dict[str, Any], **values: Any) -> str:
    loader = PackageLoader("warehouse.reports", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(content["template"]).render(values | content)


def swap(making: Path, place: Path) -> None:
    """Put the new folder in the place of the old; killed in between, the next run mends it."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    making.rename(place)
    shutil.rmtree(old, ignore_errors=True)
