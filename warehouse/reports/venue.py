"""A venue's page: the questions of a marketer, in their order, each with a plain sentence, its figures and its table.

The latest season tells, or the latest quarter where there is no season; quarters tell the trend. What others publish
enters by `Around`: the venues of its size, whom it shares its audience with, where to look next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markupsafe import Markup

from privacy.errors import Fault
from warehouse.reports.charts import Bar, draw_quarters, themed
from warehouse.reports.crossings import Crossed, said, shared_audience
from warehouse.reports.figures import Estimate
from warehouse.reports.issues import Issue, Venue
from warehouse.reports.maps import draw_map, legend
from warehouse.reports.peers import Compared, index_grid, tell_index
from warehouse.reports.sections import Grid, Section, count_bar, rate, section, share_bar
from warehouse.reports.words import Words, first_timers
from warehouse.targeting.likeness import Likeness
from warehouse.targeting.places import RINGS, communes, ring, within
from warehouse.targeting.suggestions import Suggestion
from warehouse.targeting.timing import Best

_QUARTERS_SHOWN = 6
_SUGGESTED = 8
_EVERY_QUARTER = ("loyalty", "provenance", "referrers")
_TABLES = {  # question → tables of the policy, as they are told
    "who": ("loyalty", "admissions"),
    "where": ("provenance", "departement"),
    "loyal": ("loyalty",),
    "lead": ("anticipation",),
    "prices": ("price",),
    "channels": ("channel", "referrers"),
    "when": ("schedule",),
    "genres": ("family", "topics"),
}


@dataclass(frozen=True, slots=True)
class Around:
    """What others tell about a venue, in a period: indices in its `group`, suggestions, timing, likeness, crossings."""

    period: str = ""
    group: tuple[str, ...] = ()
    compared: Sequence[Compared] = ()
    suggestions: Sequence[Suggestion] = ()
    best: Sequence[Best] = ()
    alike: Sequence[Likeness] = ()
    crossed: Crossed | None = None
    asked: bool = False  # may be told where to look next at all
    inhabitants: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Question:
    """A part of the page. `more`: what only this question has (a map, a trend, a table of indices)."""

    id: str
    title: Markup
    said: Sequence[Markup]
    sections: Sequence[Section] = ()
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])


def inhabitants(commune: str) -> dict[str, int]:
    """Return the inhabitants of each ring around a commune; none where it is no commune of today."""
    try:
        return {code: int(ring(commune, code)["population"].sum()) for code in RINGS}
    except Fault:
        return {}


@cache
def departements() -> dict[str, int]:
    """Return the inhabitants of each département."""
    codes = communes()["departement"].unique().to_list()
    return {code: int(within(code)["population"].sum()) for code in sorted(codes)}


def venue_page(words: Words, venue: Venue, issues: Sequence[Issue], around: Around) -> dict[str, Any]:
    """Return what the template of a venue's page needs."""
    seasons = sorted((i for i in issues if i.kind == "season"), key=lambda i: i.end)
    quarters = sorted((i for i in issues if i.kind == "quarter"), key=lambda i: i.end)
    main = seasons[-1] if seasons else quarters[-1] if quarters else None
    later = quarters[-1] if seasons and quarters else None
    page: dict[str, Any] = {
        "template": "venue.html",
        "title": words.say("venue_title", name=venue.name),
        "heading": venue.name,
        "under": words.kind(venue.kind),
        "main": _head(words, main) if main else None,
        "questions": _questions(words, venue, main, quarters, around) if main else [],
        "later": None,
        "promise": _promise(words, max((i for i in (main, later) if i), key=lambda i: i.published)) if main else [],
    }
    if later:
        told = [section(s, words, crossed=False) for n, s in later.sheets.items() if n in _EVERY_QUARTER]
        page["later"] = _head(words, later) | {"sections": told}
    return page


def _head(words: Words, issue: Issue) -> dict[str, Any]:
    return {
        "title": words.say("season_section" if issue.kind == "season" else "quarter_section"),
        "period": words.quarter(issue.period),
        "published": words.say("published_on", date=words.day(issue.published)),
        "revision": words.say("revision", n=issue.revision) if issue.revision > 1 else "",
        "headlines": words.headlines(issue.sheets),
    }


def _questions(words: Words, venue: Venue, issue: Issue, quarters: Sequence[Issue], around: Around) -> list[Question]:
    asked = [_question(words, venue, issue, name, around) for name in _TABLES]
    found = [q for q in asked if q.sections]
    if trend := _trend(words, quarters[-_QUARTERS_SHOWN:]):
        who = next((q for q in found if q.id == "who"), None)
        mine = Question("who", words.say("q_who"), [s for s in (trend["sentence"],) if s], (), {"trend": trend})
        if who:
            both = [*who.said, *mine.said]
            found[found.index(who)] = Question("who", who.title, both, who.sections, mine.more)
        else:
            found.insert(0, mine)
    return [*found, *_beyond(words, venue, around)]


def _question(words: Words, venue: Venue, issue: Issue, name: str, around: Around) -> Question:
    sheets = {n: issue.sheets[n] for n in _TABLES[name] if n in issue.sheets}
    populations = {"provenance": around.inhabitants, "departement": departements()}
    sections = [
        section(s, words, crossed=name != "who", populations=populations.get(n), dimension=int(name == "who" and n == "loyalty"))
        for n, s in sheets.items()
    ]  # fmt: skip
    more: dict[str, Any] = {}
    if "departement" in sheets and (drawn := draw_map(sheets["departement"], words, words.say("map_title"))):
        more = {"map": drawn, "legend": legend(words)}
    return Question(name, words.say(f"q_{name}"), _sentences(words, venue, issue, name, around), sections, more)


def _sentences(words: Words, venue: Venue, issue: Issue, name: str, around: Around) -> list[Markup]:
    sheets = issue.sheets
    told: dict[str, list[Markup | None]] = {
        "who": [words.people(sheets), words.admissions(sheets)],
        "where": [words.near(sheets), _top_place(words, issue), _penetration(words, venue, issue, around)],
        "loyal": [words.first(sheets)],
        "lead": [words.late(sheets)],
        "prices": [words.average(sheets), words.top(sheets, "price")],
        "channels": [words.top(sheets, "channel"), words.top(sheets, "referrers")],
        "when": [words.top(sheets, "schedule")],
        "genres": [words.top(sheets, "family"), words.top(sheets, "topics")],
    }
    found = [s for s in told[name] if s]
    return found or [words.tell("s_open")]


def _top_place(words: Words, issue: Issue) -> Markup | None:
    return words.top(issue.sheets, "departement")


def _penetration(words: Words, venue: Venue, issue: Issue, around: Around) -> Markup | None:
    """Tell how many people came out of a thousand inhabitants of the venue's own commune."""
    sheet = issue.sheets.get("provenance")
    row = next((r for r in sheet.rows(words.language) if r.code == "commune"), None) if sheet else None
    inhabited = around.inhabitants.get("commune")
    found = rate(row.estimates["people"], inhabited) if row else None
    return words.tell("s_rate", rate=words.writer.rate(found)) if found and inhabited and venue.commune else None


def _beyond(words: Words, venue: Venue, around: Around) -> list[Question]:
    """Return the questions that others' figures answer."""
    questions: list[Question] = []
    if around.compared:
        more = {"grid": index_grid(list(around.compared), words), "group": ", ".join(around.group)}
        told = tell_index(list(around.compared), len(around.group), words)
        questions.append(Question("size", words.say("q_size"), told, (), more))
    if shared := shared_audience(words, around.crossed, venue.id):
        questions.append(Question("shared", words.say("q_shared"), shared["said"], (), {"shared": shared}))
    if around.asked:
        language = words.language
        told = [
            said("suggestion", s.sentence(language), s.segment.label("en")) for s in around.suggestions[:_SUGGESTED]
        ]
        more_of = len(around.suggestions) - _SUGGESTED
        more = {
            "best": [said("best", b.sentence(language), b.dimension) for b in around.best],
            "others": words.say("next_more", n=more_of, venue=venue.id) if more_of > 0 else "",
            "alike": [said("alike", a.sentence(language), a.venue) for a in around.alike],
        }
        questions.append(Question("next", words.say("q_next"), told or [words.tell("s_next_none")], (), more))
    return questions


def _trend(words: Words, quarters: Sequence[Issue]) -> dict[str, Any] | None:
    """Return the drawings of people and first-timers by quarter, their table, and the sentence on the last one.

    The last quarter is told against the same a year before where it is held, else against the one before it.
    """
    came = [(q, q.sheets["provenance"]) for q in quarters if "provenance" in q.sheets]
    if len(came) < 2:
        return None
    people = [s.people for _, s in came]
    first = [first_timers(q.sheets["loyalty"]) if "loyalty" in q.sheets else None for q, _ in came]
    bars = {
        "trend_people": [count_bar(_short(words, q), n, words) for (q, _), n in zip(came, people, strict=True)],
        "trend_first": [share_bar(_short(words, q), n, words) for (q, _), n in zip(came, first, strict=True)],
    }
    drawn = [(words.say(k), _drawn(b, words.say(k))) for k, b in bars.items() if any(x.value is not None for x in b)]
    if not drawn:
        return None
    lines = [
        (str(words.quarter(q.period)), (_count(words, n), words.writer.percent(f) if f else None))
        for (q, _), n, f in zip(came, people, first, strict=True)
    ]
    last, before = came[-1], came[-2]
    same = [c for c in came[:-1] if c[0].period[-2:] == last[0].period[-2:]]
    return {
        "sentence": words.trend((same or [before])[-1][1], last[1]),
        "drawings": drawn,
        "grid": Grid((words.say("trend_people"), words.say("trend_first")), tuple(lines)),
    }


def _drawn(bars: Sequence[Bar], title: str) -> Markup:
    return themed(draw_quarters(bars, title))


def _count(words: Words, number: Estimate | None) -> str | None:
    return words.writer.count(number) if number else None


def _short(words: Words, issue: Issue) -> str:
    months, years = words.quarter(issue.period).split(" (")
    return f"{months}|{years.rstrip(')')}"


def _promise(words: Words, issue: Issue) -> list[Markup]:
    """Return the promise as the venue's latest release states it."""
    stated = [
        words.say(f"promise_{unit}", **words.loss(*loss))
        for unit, loss in sorted(issue.losses.items(), reverse=True)  # person before admission
    ]
    return [*stated, words.say(f"promise_k_{issue.k_rule}", k=issue.k), words.say("promise_several")]
