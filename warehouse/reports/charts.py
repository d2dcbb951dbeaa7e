"""The drawings: horizontal bars with 95 % whiskers, small multiples, and the quarters. Altair in, SVG text out.

No bar stands where a cell is suppressed: the words for "not publishable" do. One colour that all eyes tell from the
page; values are written beside the bars, so nothing is told by colour alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

_INK, _BAR, _SOFT, _QUIET = "#1b2a33", "#1f6f9f", "#a9b8c2", "#66757f"
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


def draw_bars(bars: Sequence[Bar], title: str, *, width: int = 300) -> str:
    """Return the SVG of one bar chart; `title` is read to those who cannot see it."""
    data = alt.Data(values=[_row(bar) for bar in bars])
    chart = _layers(data, _reach(bars), width, 24, 150)
    return _svg(chart.properties(width=width, height=alt.Step(24)), title)


def draw_panels(panels: Sequence[tuple[str, Sequence[Bar]]], title: str, *, width: int = 205) -> str:
    """Return the SVG of small multiples on one scale, two in a line: (heading, bars) each."""
    values = [_row(bar) | {"panel": heading} for heading, bars in panels for bar in bars]
    reach = _reach([bar for _, bars in panels for bar in bars])
    layers = _layers(alt.Undefined, reach, width, 20, 150).properties(width=width, height=alt.Step(20))
    header = alt.Header(
        title=None, labelFontSize=13, labelFontWeight="bold", labelAnchor="start", labelColor=_INK, labelPadding=6
    )
    facet = alt.Facet("panel:N", sort=[heading for heading, _ in panels], header=header)
    chart = layers.facet(facet, columns=2, data=alt.Data(values=values), spacing={"row": 26, "column": 18})
    return _svg(chart, title)


def draw_quarters(bars: Sequence[Bar], title: str) -> str:
    """Return the SVG of upright bars, oldest first."""
    base = alt.Chart(alt.Data(values=[_row(bar) for bar in bars])).encode(
        x=alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, '|')"))
    )
    scale = alt.Scale(domain=[0, _reach(bars, 1.15)])
    y = alt.Y("value:Q", title=None, axis=None, scale=scale)
    bar = base.mark_bar(color=_BAR, size=34).encode(y=y)
    whisker = base.mark_rule(color=_INK, strokeWidth=1.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    text = base.mark_text(dy=-9, fontSize=12, color=_INK).encode(
        y=alt.Y("end:Q", scale=scale), text="text:N", color=_text_colour()
    )
    return _svg(alt.layer(bar, whisker, text).properties(width=alt.Step(104), height=150), title)


def _layers(data: Any, reach: float, width: int, step: int, label: int) -> Any:
    """Return bars, whiskers and words on one scale from 0 to `reach`, with room for the words."""
    axis = alt.Axis(title=None, labelLimit=label, labelFontSize=12.5, labelPadding=8)
    base = alt.Chart(data).encode(y=alt.Y("label:N", sort=None, axis=axis))
    scale = alt.Scale(domain=[0, reach * width / max(width - 96, 1)], nice=False)
    x = alt.X("value:Q", axis=None, scale=scale)
    colour = alt.condition("datum.quiet", alt.value(_SOFT), alt.value(_BAR))
    bar = base.mark_bar(size=step - 9).encode(x=x, color=colour)
    whisker = base.mark_rule(color=_INK, strokeWidth=1.5).encode(x=alt.X("low:Q", axis=None, scale=scale), x2="high:Q")
    ends = [
        base.mark_tick(color=_INK, size=step - 15, thickness=1.5).encode(x=alt.X(f"{end}:Q", axis=None, scale=scale))
        for end in ("low", "high")
    ]
    text = base.mark_text(align="left", dx=6, fontSize=12).encode(
        x=alt.X("end:Q", axis=None, scale=scale), text="text:N", color=_text_colour()
    )
    return alt.layer(bar, whisker, *ends, text)


def _text_colour() -> Any:
    return alt.condition("datum.value === null", alt.value(_QUIET), alt.value(_INK))


def _row(bar: Bar) -> dict[str, Any]:
    shown = bar.value is not None
    low, high = (max(bar.low, 0.0), max(bar.high, 0.0)) if shown else (None, None)
    value = max(bar.value, 0.0) if bar.value is not None else None  # clamped to be drawn, not in the data
    end = high if high is not None else 0.0
    row = {"label": bar.label, "text": bar.text, "value": value, "low": low, "high": high}
    return row | {"end": end, "quiet": bar.quiet}


def _reach(bars: Sequence[Bar], room: float = 1.0) -> float:
    return max((bar.high for bar in bars if bar.value is not None), default=1.0) * room or 1.0


def _svg(chart: Any, title: str) -> str:
    """Render, and make it fit inside a page: no name space to look up, no fixed size, a name to be read."""
    axis = {"domain": False, "ticks": False, "labelColor": _INK}
    config = {"font": _FONT, "view": {"stroke": None}, "axis": axis, "background": None}
    spec = chart.to_dict(validate=False) | {"config": config, "background": "transparent"}
    text = vl_convert.vegalite_to_svg(spec)
    width = re.search(r'viewBox="0 0 (\S+) ', text)
    size = f'style="max-width:{float(width[1]):.0f}px"' if width else ""
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    text = re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', rf"<svg\1 {size}", text, count=1)
    text = re.sub(r' aria-(label|roledescription|hidden)="[^"]*"| role="[^"]*"', "", text)
    name = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
