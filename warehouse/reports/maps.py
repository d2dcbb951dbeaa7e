"""The map of an audience's départements: shaded by share in four steps, each with its figure as a title.

The steps are fixed, so that two maps can be laid side by side. What is not publishable is left blank and dashed; overseas
départements and countries abroad are in the table beside it only. Outlines: `warehouse/reference/departements.json`.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise

from markupsafe import Markup

from warehouse.reports.cells import Row, Sheet
from warehouse.reports.words import Words

STEPS = (0.01, 0.05, 0.2)  # of the audience; the last has no end
_CAPITAL = "0 0 896 720"  # the frame of Île-de-France, in tenths of the map's unit, once moved to its corner


@cache
def _outlines() -> dict[str, dict[str, str]]:
    text = (files("warehouse") / "reference" / "departements.json").read_text("utf-8")
    drawn: dict[str, dict[str, str]] = json.loads(text)
    return drawn


def draw_map(sheet: Sheet, words: Words, name: str) -> Markup | None:
    """Return the SVG of where people live, by the table `departement`; None where no share is publishable."""
    rows = {r.code: r for r in sheet.rows(words.language)}
    if not any(row.share for row in rows.values()):
        return None
    drawn = _outlines()
    mainland = "".join(_place(rows.get(code), path, words) for code, path in drawn["france"].items())
    capital = "".join(_place(rows.get(code), path, words) for code, path in drawn["capital"].items())
    return Markup(  # noqa: S704 (outlines are ours, labels escaped)
        f'<svg class="map" role="img" aria-label="{escape(name)}" viewBox="0 0 800 590">'
        f'<g>{mainland}</g><rect class="frame" x="628" y="8" width="166" height="142" rx="4"/>'
        f'<svg x="634" y="14" width="154" height="130" viewBox="{_CAPITAL}">'
        f'<g class="capital" transform="translate(-2744 -1188)">{capital}</g></svg>'
        f'<text x="711" y="168" text-anchor="middle">Île-de-France</text></svg>'
    )


def legend(words: Words) -> list[tuple[str, str]]:
    """Return the classes of the map's steps, and what each means."""
    ends = [words.writer.number(100 * step) for step in STEPS]
    sign = words.writer.percent_sign
    said = [words.say("map_under", high=ends[0] + sign)]
    said += [words.say("map_between", low=a, high=b + sign) for a, b in pairwise(ends)]
    said.append(words.say("map_over", low=ends[-1] + sign))
    return [*((f"m{i}", str(text)) for i, text in enumerate(said)), ("none", words.say("not_published"))]


def _place(row: Row | None, path: str, words: Words) -> str:
    if row is None:
        return ""
    if row.share is None:
        return f'<path class="none" d="{path}"><title>{escape(row.label)} – {words.say("not_published_why")}</title></path>'
    step = sum(row.share.value >= end for end in STEPS)
    return f'<path class="m{step}" d="{path}"><title>{escape(row.label)} – {words.writer.percent(row.share)}</title></path>'
