"""The one drawing of the steward's page: load after load, what became of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from warehouse.reports.charts import BAR, INK, LABELS, SOFT, VALUES, render, written

_REFUSED = "#b8501f"
_WIDEST = 34  # of a bar


@dataclass(frozen=True, slots=True)
class Load:
    """One load as drawn: numbers of rows."""

    label: str  # its day
    kept: int
    left_out: int
    refused: int
    changed: int


def draw_loads(loads: Sequence[Load], words: tuple[str, str, str], changed: str, title: str) -> str:
    """Return the SVG of upright bars, oldest first: kept, left out, refused (`words`), and a line at `changed`."""
    labels = [f"{one.label}|{place}" for place, one in enumerate(loads)]
    values = [
        {"label": label, "part": word, "order": place, "rows": rows, "changed": one.changed, "line": changed}
        for label, one in zip(labels, loads, strict=True)
        for place, (word, rows) in enumerate(zip(words, (one.kept, one.left_out, one.refused), strict=True))
    ]
    axis = alt.Axis(labelAngle=-40, labelExpr="split(datum.label, '|')[0]", labelFontSize=11.5, labelOverlap="greedy")
    base = alt.Chart(alt.Data(values=VALUES)).encode(x=alt.X("label:N", sort=LABELS, title=None, axis=axis))
    legend = alt.Legend(orient="top", title=None, labelFontSize=12.5, symbolType="square", labelLimit=300)
    colour = alt.Scale(domain=list(words), range=[BAR, SOFT, _REFUSED])
    rows = alt.Axis(title=None, gridColor="#e6ecef", tickCount=4, format="~s")
    bars = base.mark_bar(size=min(_WIDEST, 560 // len(loads) - 4)).encode(
        y=alt.Y("rows:Q", axis=rows), color=alt.Color("part:N", scale=colour, legend=legend), order="order:Q"
    )
    ticks = base.mark_tick(size=min(_WIDEST, 560 // len(loads) - 4) + 6, thickness=2.5).encode(
        y="changed:Q", color=alt.Color("line:N", scale=alt.Scale(domain=[changed], range=[INK]), legend=legend)
    )
    drawing = alt.layer(bars, ticks).resolve_scale(color="independent").properties(width=600, height=190)
    return render(written(drawing), values, labels, [], 1.0, title)
