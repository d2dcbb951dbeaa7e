"""The steward's page: quality, refused rows, budget, coming charges, what would be shown, approvals, exports. It stays.

    steward/index.fr.html  steward/index.en.html     in the venue's own folder, for its own account

It holds all it needs and forbids scripts and requests. Counts on it are exact; no row, label nor value is there. The page of
`pipelines/quality` has the details of each source, and is made anew beside it.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from babel.dates import format_date
from markupsafe import Markup

from aggregations.departures import Departure, departures
from aggregations.disk import swap
from aggregations.publication import TablePreview, preview, publisher
from aggregations.receipt import Receipt, receipts
from aggregations.refusals import pending
from aggregations.venue import Venue
from pipelines.quality.page import build_page as build_quality
from pipelines.quality.warnings import LANGUAGES, Finding, suites
from pipelines.quality.words import Words
from pipelines.steward.standing import Months, Season, has_rows, months, next_release, seasons
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.policy import Policy
from warehouse.reports.figures import Writer
from warehouse.reports.filling import pages
from warehouse.reports.words import typeset

_LOADS = 12


def build_page(venue: Venue, policy: Policy, now: datetime | None = None) -> list[Path]:
    """Write the page anew in both languages, and that of quality; return its paths. Spends nothing, draws no noise."""
    at, loaded = now or datetime.now(UTC), receipts(venue.store)
    today = at.astimezone(ZoneInfo(venue.timezone)).date()
    findings, _ = build_quality(venue, at)
    stands = seasons(venue, publisher(venue), policy, today)
    period = next_release(stands, loaded) if loaded else None
    would = preview(venue, period, policy) if period else []
    waiting = [d for d in departures(venue) if d.state == "waiting"]
    refused, gaps = pending(venue), months(loaded, today)
    folder = venue.steward
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    for language in LANGUAGES:
        words = Words(language, venue.timezone)
        page = making / f"index.{language}.html"
        page.touch(mode=0o600)
        page.write_text(_render(
            say=partial(_say, language), language=language, other=next(x for x in LANGUAGES if x != language),
            venue=venue, day=format_date(today, "long", locale=language),
            todo=_todo(language, venue, findings, refused, stands, waiting, loaded, gaps),
            quality=_quality(words, findings), refused=_refused(words, refused),
            seasons=[_season(language, words, s) for s in stands],
            period=period.label(language) if period else "", running=period is not None and period.end > today, would=[_would(language, words, p) for p in would],
            waiting=[(Period.parse(d.period).label(language), d.period, d.revision) for d in waiting],
            loads=[_load(words, r) for r in sorted(loaded, key=lambda r: r.seq)[:-_LOADS - 1:-1]],
            gaps=[_gaps(language, g) for g in gaps],
        ), "utf-8")  # fmt: skip
    swap(making, folder)
    return sorted(folder.glob("*.html"))


def _todo(
    language: str, venue: Venue, found: Sequence[Finding], refused: pl.DataFrame, stands: Sequence[Season],
    waiting: Sequence[Departure], loaded: Sequence[Receipt], gaps: Sequence[Months],
) -> list[Markup]:  # fmt: skip
    """Return what asks for the steward, the most pressing first."""
    say = partial(_say, language)
    said = [say("todo_approve", period=Period.parse(d.period).label(language), venue=venue.id, code=d.period)
            for d in waiting]  # fmt: skip
    for step in (step for season in stands for step in season.steps):
        key = {"due": "todo_release", "unsealed": "todo_seal"}.get(step.state)
        if key and (step.charged or has_rows(loaded, step.period)):
            said.append(say(key, period=step.period.label(language), venue=venue.id, code=str(step.period)))
    said += [say("todo_budget", season=s.name, venue=venue.id) for s in stands if min(s.left_after.values()) < 0]
    if refused.height:
        said.append(say("todo_refused", rows=refused.height, venue=venue.id))
    if broken := sum(not f.holds for f in found):
        said.append(say("todo_quality", count=broken))
    if any(g.missing for g in gaps):
        said.append(say("todo_gaps"))
    return said


def _quality(words: Words, found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return each suite: how many of its rules hold, and what those found that do not."""
    told: list[dict[str, Any]] = []
    for suite, name in suites().items():
        mine = [f for f in found if f.rule.suite == suite]
        if mine:
            broken = [(f.title, words.of(f.rule.found), words.of(f.rule.todo)) for f in mine if not f.holds]
            told.append({"name": words.of(name), "all": len(mine), "hold": len(mine) - len(broken), "broken": broken})
    return told


def _refused(words: Words, rows: pl.DataFrame) -> list[tuple[str, str, str, str]]:
    by = (
        rows.group_by("source", "column", "reason")
        .len()
        .sort("len", "source", "column", descending=[True, False, False])
    )
    return [(s, words.column(c), words.reason(r), words.count(n)) for s, c, r, n in by.iter_rows()]


def _season(language: str, words: Words, season: Season) -> dict[str, Any]:
    """Return a season's budget as bars, a unit each, and its calendar as a table."""
    say = partial(_say, language)
    bars = [_bar(language, words, season, unit) for unit in sorted(season.left, reverse=True)]
    steps = [
        {
            "period": step.period.label(language),
            "from": format_date(step.period.end, "medium", locale=language),
            "state": say("state_revised" if step.revisions > 1 else f"state_{step.state}", count=step.revisions),
            "due": step.state in ("due", "unsealed"),
            "shares": [
                _share(words, (step.charged | step.will).get(unit)) for unit in sorted(season.left, reverse=True)
            ],
        }
        for step in season.steps
    ]
    return {"name": season.name, "bars": bars, "steps": steps, "units": [say(f"unit_{b['unit']}") for b in bars]}


def _bar(language: str, words: Words, season: Season, unit: Unit) -> dict[str, Any]:
    parts = [
        (kind, step.period.label(language), float(100 * shares[unit]))
        for kind, pick in (("spent", "charged"), ("planned", "will"))
        for step in season.steps
        if unit in (shares := getattr(step, pick))
    ]
    whole = max(sum(width for *_, width in parts), 100.0)
    spent, planned = (sum((p[2] for p in parts if p[0] == kind), 0.0) for kind in ("spent", "planned"))
    left = _share(words, max(season.left_after[unit], Fraction(0)))
    text = _say(language, "bar", unit=_say(language, f"unit_{unit}"), spent=_percent(words, spent),
                planned=_percent(words, planned), left=left)  # fmt: skip
    cells = [(kind, label, round(100 * width / whole, 3)) for kind, label, width in parts]
    return {"unit": unit, "parts": cells, "text": text, "over": season.left_after[unit] < 0}


def _would(language: str, words: Words, found: TablePreview) -> dict[str, Any]:
    table, shown = found.plan.table, found.people_shown
    return {
        "name": table.fr if language == "fr" else table.en,
        "shown": words.count(found.shown),
        "hidden": words.count(max(found.cells - found.shown, 0)),
        "width": round(100 * shown, 1),
        "people": words.quantity(shown, "share") if found.cells else "–",
    }


def _load(words: Words, receipt: Receipt) -> tuple[str, ...]:
    name = receipt.files[0] + (" …" if len(receipt.files) > 1 else "")
    numbers = (receipt.rows_read, receipt.rows_kept, receipt.rows_changed, receipt.rows_quarantined)
    return words.day(receipt.loaded, "medium"), receipt.preset, name, *map(words.count, numbers)


def _gaps(language: str, found: Months) -> dict[str, Any]:
    def month(text: str, form: str = "LLL yyyy") -> str:
        return format_date(date.fromisoformat(f"{text}-01"), form, locale=language)

    cells = [(month(m), month(m, "LLLLL"), there, m in found.missing) for m, there in found.held]
    return {"source": found.source, "cells": cells, "missing": ", ".join(map(month, found.missing))}


def _share(words: Words, share: Fraction | None) -> str:
    return "–" if share is None else _percent(words, float(100 * share))


def _percent(words: Words, percent: float) -> str:
    write = Writer(words.language)
    return write.number(percent, -1 if percent else 0) + write.percent_sign


def _say(language: str, key: str, **values: str | float) -> Markup:
    """Return a text of `texts.toml`; the values are escaped, the text is ours."""
    return Markup(typeset(_texts()[key][LANGUAGES.index(language)], language)).format(**values)  # noqa: S704 (from texts.toml, values escaped)


@cache
def _texts() -> dict[str, list[str]]:
    return tomllib.loads((files("pipelines") / "steward" / "texts.toml").read_text("utf-8"))


def _render(**values: Any) -> str:
    return pages("pipelines.steward", "warehouse.reports").get_template("steward.html").render(values)
