"""The drawings: horizontal bars with 95 % whiskers, small multiples, and the quarters. Altair in, SVG text out.

No bar stands where a cell is suppressed: the words for "not publishable" do. One colour that all eyes tell from the
page; values are written beside the bars, so nothing is told by colour alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

import altair as alt
from markupsafe import Markup

from warehouse.reports.drawings import drawn

INK, BAR, SOFT, _QUIET = "#1b2a33", "#1f6f9f", "#a9b8c2", "#66757f"
VALUES, LABELS, _HEADINGS, _REACH = [{"": "values"}], ["-labels-"], ["-headings-"], 987654321  # put in by `render`
_FONT = "Helvetica Neue, Helvetica, Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as drawn: `value`, `low`, `high` on one scale, or None; `text` stands beside it."""

    label: str
    text: str
    value: float | None = None
    low: float = 0.0
    high: float = 0.0
    quiet: bool = False  # unknown or other: there to be complete, not to be looked at


def themed(svg: str) -> Markup:
    """Return a drawing that takes its colours from the page it stands in: light, dark or printed."""
    for colour, name in ((INK, "ink"), (BAR, "fill"), (SOFT, "quiet"), (_QUIET, "soft"), ("#000", "ink")):
        svg = re.sub(rf'"{colour}"', f'"var(--{name})"', svg, flags=re.IGNORECASE)
    return Markup(svg)  # noqa: S704 (SVG we drew; its words are escaped by the drawer)


def draw_bars(bars: Sequence[Bar], title: str) -> str:
    """Return the SVG of one bar chart; `title` is read to those who cannot see it."""
    return render(_bars_spec(), [_row(bar) for bar in bars], [bar.label for bar in bars], [], _reach(bars), title)


def draw_panels(panels: Sequence[tuple[str, Sequence[Bar]]], title: str) -> str:
    """Return the SVG of small multiples on one scale, two in a line: (heading, bars) each."""
    values = [_row(bar) | {"panel": heading} for heading, bars in panels for bar in bars]
    labels = [bar.label for bar in panels[0][1]]
    reach = _reach([bar for _, bars in panels for bar in bars])
    return render(_panels_spec(), values, labels, [heading for heading, _ in panels], reach, title)


def draw_quarters(bars: Sequence[Bar], title: str) -> str:
    """Return the SVG of upright bars, oldest first."""
    labels = [bar.label for bar in bars]
    return render(_quarters_spec(), [_row(bar) for bar in bars], labels, [], _reach(bars) * 1.12, title)


@cache
def _bars_spec() -> str:
    return written(_layers(alt.Data(values=VALUES), 270, 24).properties(width=270, height=alt.Step(24)))


@cache
def _panels_spec() -> str:
    layers = _layers(alt.Undefined, 300, 21).properties(width=300, height=alt.Step(21))
    header = alt.Header(
        title=None, labelFontSize=13.5, labelFontWeight="bold", labelAnchor="start", labelColor=INK, labelPadding=6
    )
    facet = alt.Facet("panel:N", sort=_HEADINGS, header=header)
    return written(layers.facet(facet, columns=2, data=alt.Data(values=VALUES), spacing={"row": 28, "column": 24}))


@cache
def _quarters_spec() -> str:
    axis = alt.Axis(labelAngle=0, labelExpr="split(datum.label, '|')", labelFontSize=11.5)
    base = alt.Chart(alt.Data(values=VALUES)).encode(x=alt.X("label:N", sort=LABELS, title=None, axis=axis))
    scale = alt.Scale(domain=[0, _REACH])
    y = alt.Y("value:Q", title=None, axis=None, scale=scale)
    bar = base.mark_bar(color=BAR, size=34).encode(y=y)
    whisker = base.mark_rule(color=INK, strokeWidth=1.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    text = base.mark_text(dy=-9, fontSize=13).encode(y=alt.Y("end:Q", scale=scale), text="text:N", color=_text_colour())
    return written(alt.layer(bar, whisker, text).properties(width=alt.Step(122), height=160))


def _layers(data: Any, width: int, step: int) -> Any:
    """Return bars, whiskers and words on one scale; the scale leaves room for the words at its end."""
    axis = alt.Axis(title=None, labelLimit=215, labelFontSize=12.5, labelPadding=8)
    base = alt.Chart(data).encode(y=alt.Y("label:N", sort=LABELS, axis=axis))
    scale = alt.Scale(domain=[0, _REACH], range=[0, width - 100], nice=False)
    x = alt.X("value:Q", axis=None, scale=scale)
    colour = alt.condition("datum.quiet", alt.value(SOFT), alt.value(BAR))
    bar = base.mark_bar(size=step - 9).encode(x=x, color=colour)
    whisker = base.mark_rule(color=INK, strokeWidth=1.5).encode(x=alt.X("low:Q", axis=None, scale=scale), x2="high:Q")
    ends = [
        base.mark_tick(color=INK, size=step - 15, thickness=1.5).encode(x=alt.X(f"{end}:Q", axis=None, scale=scale))
        for end in ("low", "high")
    ]
    text = base.mark_text(align="left", dx=6, fontSize=12).encode(
        x=alt.X("end:Q", axis=None, scale=scale), text="text:N", color=_text_colour()
    )
    return alt.layer(bar, whisker, *ends, text)


def _text_colour() -> Any:
    return alt.condition("datum.value === null", alt.value(_QUIET), alt.value(INK))


def _row(bar: Bar) -> dict[str, Any]:
    shown = bar.value is not None
    low, high = (max(bar.low, 0.0), max(bar.high, 0.0)) if shown else (None, None)
    value = max(bar.value, 0.0) if bar.value is not None else None  # clamped to be drawn, not in the data
    end = high if high is not None else 0.0
    row = {"label": bar.label, "text": bar.text, "value": value, "low": low, "high": high}
    return row | {"end": end, "quiet": bar.quiet}


def _reach(bars: Sequence[Bar]) -> float:
    return max((bar.high for bar in bars if bar.value is not None), default=1.0) or 1.0


def written(chart: Any) -> str:
    """Return a drawing without its numbers, as text: Altair is slow to make one, and they differ by numbers only."""
    axis = {"domain": False, "ticks": False, "labelColor": INK}
    config = {"font": _FONT, "view": {"stroke": None}, "axis": axis}
    return json.dumps(chart.to_dict() | {"config": config, "background": "transparent"})


def render(spec: str, values: list[Any], labels: list[str], headings: list[str], reach: float, title: str) -> str:
    """Return the SVG: numbers put in, rendered, made to fit a page: no name space, no fixed size, a name to be read."""
    for token, given in ((VALUES, values), (LABELS, labels), (_HEADINGS, headings), (_REACH, reach)):
        spec = spec.replace(json.dumps(token), json.dumps(given))
    text = drawn(spec)
    width = re.search(r'viewBox="0 0 (\S+) ', text)
    size = f'style="--natural:{float(width[1]):.0f}px"' if width else ""
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    text = re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', rf"<svg\1 {size}", text, count=1)
    text = re.sub(r' aria-(label|roledescription|hidden)="[^"]*"| role="[^"]*"', "", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
