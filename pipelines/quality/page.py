"""The steward's page: what the venue holds of each source, what is refused, and what to do. Exact, so it stays.

    quality/fr/index.html  quality/en/index.html      in the venue's own folder, for its own account

It looks as the hub's pages do (their style and building blocks), and like them holds all it needs: nothing is fetched. The
hub's side never sees it: it is made by the command line, and no asset knows of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from aggregations.disk import swap
from aggregations.inspection import UnknownWords, inspect
from aggregations.receipt import Receipt, receipts
from aggregations.refusals import pending
from aggregations.tally import REPEATED
from aggregations.venue import Venue
from pipelines.quality.charts import Load, draw_loads
from pipelines.quality.warnings import LANGUAGES, Finding, findings
from pipelines.quality.words import Words
from privacy.errors import JaugeError
from warehouse.reports.filling import pages
from warehouse.reports.sections import Grid

_LOADS = 20
_LINES = 12  # numbers of refused lines, a reason
_LARGEST = 1 << 26  # bytes of an export that is looked at again for its unknown labels
_FRAMES = ("transactions", "interactions", "counts", "programme")
_PARTS = ("kept", "left_out", "quarantined")


def build_page(venue: Venue, now: datetime | None = None) -> tuple[list[Finding], list[Path]]:
    """Write the page anew in both languages; return what was found, and the pages."""
    at = now or datetime.now(UTC)
    found, waiting = findings(venue, at), pending(venue)
    each: dict[str, list[Receipt]] = {}
    for receipt in receipts(venue.store):
        each.setdefault(receipt.preset, []).append(receipt)
    unknown = {source: _unknown(venue, loads) for source, loads in each.items()}
    making = venue.quality.with_name(f".{venue.quality.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    for language in LANGUAGES:
        words = Words(language, venue.timezone)
        sources = [
            _source(words, source, [f for f in found if f.source == source], loads, waiting, unknown[source])
            for source, loads in sorted(each.items())
        ]
        other = Words(next(x for x in LANGUAGES if x != language), venue.timezone)
        page = making / language / "index.html"
        page.parent.mkdir(mode=0o700)
        page.touch(mode=0o600)
        page.write_text(_render(
            words=words, other=other, sources=sources, venue=venue.id, under=venue.name, heading=words.say("heading"),
            title=words.say("title", name=venue.name), day=words.day(int(at.timestamp() * 1e9)),
        ), "utf-8")  # fmt: skip
    swap(making, venue.quality)
    return found, sorted(venue.quality.rglob("*.html"))


def _source(
    words: Words,
    source: str,
    found: Sequence[Finding],
    loads: Sequence[Receipt],
    waiting: pl.DataFrame,
    unknown: Sequence[UnknownWords],
) -> dict[str, Any]:
    """Return what the template needs of one source."""
    mine = waiting.filter(pl.col("source") == source)
    shares = [f for f in found if f.rule.suite == "completeness"]
    fresh = [f for f in found if f.rule.suite == "freshness"]
    last = loads[-1]
    shown = loads[-_LOADS:]
    note = words.say("loads_note", shown=len(shown), all=len(loads))
    return {
        "id": source,
        "title": found[0].title if found else source,
        "held": ", ".join(words.say(frame) for frame in _FRAMES if any(r.frames.get(frame) for r in loads)),
        "warnings": [_warning(words, f) for f in found if not f.holds],
        "fresh": [
            (words.say("last_load"), words.day(last.loaded)),
            *((words.of(f.rule.title), words.ago(f.value if f.rule.most is not None else -f.value)) for f in fresh),
        ],
        "shares": [_share(words, f) for f in shares],
        "numbers": Grid(
            (words.say("value"), words.say("expected")),
            tuple(
                (words.of(f.rule.title), (words.quantity(f.value, f.rule.unit), words.expected(f.rule, source)))
                for f in found
                if f not in shares and f not in fresh
            ),
        ),
        "refused": _refused(words, mine),
        "folders": [f"inbox/corrections/{export[:12]}" for export in mine["export"].unique(maintain_order=True)],
        "unknown": _labels(words, unknown),
        "drawing": Markup(_drawing(words, shown)) if len(shown) > 1 else "",  # noqa: S704 (our own SVG)
        "loads": _loads(words, shown),
        "loads_note": note,
    }


def _warning(words: Words, finding: Finding) -> dict[str, str]:
    rule, (least, _) = finding.rule, finding.rule.bounds(finding.source)
    low = least is not None and finding.value < least
    bound = least if low else rule.bounds(finding.source)[1]
    value = words.quantity(finding.value, rule.unit)
    said = words.quantity(bound or 0, rule.unit)
    return {
        "found": _sentence(words.of(rule.found)),
        "numbers": words.say("under_least" if low else "over_most", value=value, bound=said),
        "todo": words.of(rule.todo),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _share(words: Words, finding: Finding) -> dict[str, Any]:
    least, _ = finding.rule.bounds(finding.source)
    return {
        "name": words.of(finding.rule.title),
        "width": round(100 * finding.value, 1),
        "least": None if least is None else round(100 * least, 1),
        "holds": finding.holds,
        "text": words.quantity(finding.value, "share"),
    }


def _refused(words: Words, rows: pl.DataFrame) -> Grid:
    heads = tuple(words.say(key) for key in ("column", "reason", "rows", "lines"))
    by = rows.group_by("file", "column", "reason", maintain_order=True).agg(pl.len(), pl.col("line").sort())
    lines: list[tuple[str, tuple[str | None, ...]]] = []
    for file, column, reason, number, where in by.iter_rows():
        numbers = ", ".join(map(str, where[:_LINES]))
        if number > _LINES:
            numbers += " " + words.say("more", more=words.count(number - _LINES))
        lines.append((file, (words.column(column), words.reason(reason), words.count(number), numbers)))
    return Grid(heads, tuple(lines))


def _unknown(venue: Venue, loads: Sequence[Receipt]) -> Sequence[UnknownWords]:
    """Unknown labels of the last export that had some, as the venue's words are today; none where it has left the inbox."""
    had = [r for r in loads if r.unknown]
    paths = [venue.inbox / name for name in had[-1].files] if had else []
    if not paths or not all(p.is_file() for p in paths):
        return ()
    if sum(p.stat().st_size for p in paths) > _LARGEST:  # told by the receipt alone
        return [UnknownWords(u.column, u.labels, u.rows, u.first_line, (), {}) for u in had[-1].unknown]
    try:
        return inspect(venue, paths, preset=had[-1].preset).unknown
    except JaugeError:
        return ()


def _labels(words: Words, unknown: Sequence[UnknownWords]) -> Grid:
    heads = tuple(words.say(key) for key in ("labels", "rows", "first_line", "near"))
    lines: dict[str, tuple[str | None, ...]] = {}
    for one in unknown:  # two emits of one row meet the same label
        near = ", ".join(f"{n.code} ({n.labels})" for n in one.near) or "–"
        lines[words.column(one.column)] = (words.count(one.labels), words.count(one.rows), str(one.first_line), near)
    return Grid(heads, tuple(lines.items()))


def _drawing(words: Words, loads: Sequence[Receipt]) -> str:
    drawn = [
        Load(words.day(r.loaded, "d MMM yy"), r.rows_kept, sum(r.dropped.values()), r.rows_quarantined, r.rows_changed)
        for r in loads
    ]  # fmt: skip
    kept, left_out, refused = (str(words.say(part)) for part in _PARTS)
    return draw_loads(drawn, (kept, left_out, refused), str(words.say("changed")), str(words.say("loads")))


def _loads(words: Words, loads: Sequence[Receipt]) -> Grid:
    keys = ("file", "read", "kept", "changed", "replaced", "repeated", "left_out", "quarantined")
    lines: list[tuple[str, tuple[str | None, ...]]] = []
    for r in reversed(loads):
        repeated = r.dropped.get(REPEATED, 0)
        numbers = (
            r.rows_read, r.rows_kept, r.rows_changed, sum(r.replaced.values()), repeated,
            sum(r.dropped.values()) - repeated, r.rows_quarantined,
        )  # fmt: skip
        name = r.files[0] + (" …" if len(r.files) > 1 else "")
        said = f"{words.say('correction')} {r.corrects}" if r.corrects else name
        lines.append((words.day(r.loaded, "medium"), (said, *map(words.count, numbers))))
    return Grid(tuple(words.say(key) for key in keys), tuple(lines))


def _render(**values: Any) -> str:
    return pages("pipelines.quality", "warehouse.reports").get_template("quality.html").render(values)
