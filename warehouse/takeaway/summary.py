"""A board's summary on two printed pages: at most five sentences and four charts, the promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup

from warehouse.reports.filling import pages
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases
from warehouse.takeaway.pictures import Picture, bars

_SENTENCES, _CHARTS = 5, 4
_FIRST = ("loyalty", "provenance", "family", "anticipation", "topics", "referrers", "channel", "schedule", "price")


def write_summary(held: Held, phrases: Phrases, path: Path) -> Path:
    """Write the page, self-contained, with a print style for two sides of A4."""
    words = phrases.words
    charts = [(p, Markup(p.drawing)) for p in _pictures(held, phrases)]  # noqa: S704 (SVG we drew, its words escaped)
    said = words.headlines(held.issue.sheets)
    if pair := held.moved:
        before, after = pair
        if "provenance" in before.sheets and "provenance" in after.sheets:
            trend = words.trend(before.sheets["provenance"], after.sheets["provenance"])
            said = [*said[:1], *([trend] if trend else []), *said[1:]]
    text = (
        pages("warehouse.takeaway")
        .get_template("summary.html")
        .render(
            language=phrases.language,
            title=phrases.say("summary_title", name=held.name),
            heading=phrases.say("summary_heading"),
            name=held.name,
            period=words.quarter(held.period),
            published=words.say("published_on", date=words.day(held.issue.published)),
            said_title=phrases.say("summary_said"),
            said=said[:_SENTENCES],
            charts_title=phrases.say("summary_charts"),
            charts=charts,
            promise_title=phrases.say("note_promise"),
            promise=phrases.promise(held.issue),
            margins_title=phrases.say("summary_margins"),
            margins=phrases.margins,
            made=phrases.made_from(held.snapshot),
        )
    )
    path.write_text(text, "utf-8")
    return path


def _pictures(held: Held, phrases: Phrases) -> list[Picture]:
    def drawn() -> Iterator[Picture]:
        for name in _FIRST:
            if name in held.issue.sheets and (picture := bars(held.issue.sheets[name], phrases)):
                yield picture

    return [picture for picture, _ in zip(drawn(), range(_CHARTS), strict=False)]
