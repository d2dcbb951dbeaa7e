"""Explore: one page a language to filter, add up and compare whatever the hub holds, with its margins, in the browser.

    explore_page → fr/explore.html  en/explore.html

The page holds its figures: nothing is fetched, and its own rule (Content-Security-Policy) forbids it. Of each table, every
release is a dense grid: its cells, and its levels at one code more a dimension (all values). Values, standard errors and
common ones are 32-bit floats, not a number where nothing is shown; their bytes lie apart by rank, which packs better, gzipped
and in base 64. The formulas in `explore.js` are those of `sql/macros.sql`: the same figures give the same sums.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from markupsafe import Markup
from numpy.typing import NDArray

from privacy.calendar import Period
from privacy.declarations import Table
from privacy.policy import Policy
from warehouse.charter import departement_of
from warehouse.definitions import NEVER_ADDED, Z95
from warehouse.lake import Snapshot, current
from warehouse.reports.cells import title
from warehouse.reports.figures import Estimate
from warehouse.reports.filling import pages
from warehouse.reports.words import Words, typeset
from warehouse.sharing import Access

_LANGUAGES = ("fr", "en")
_MOST = 12_000_000  # numbers in a page, some ten megabytes at most; older periods then stay in the lake
_PARTS = ("", "_se", "_common_se")


@dataclass(frozen=True, slots=True)
class _Release:
    """The latest revision of one venue and period; `end`: the first day after it."""

    id: str
    venue: str
    period: str
    end: date


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table's figures: float32 of shape (measures, 3, releases, cells and levels); `held`: which releases these are."""

    table: Table
    held: tuple[int, ...]
    numbers: NDArray[np.float32]

    def packed(self) -> str:
        """Return the numbers as text: bytes by rank, gzip, base 64; the same for the same numbers."""
        planes = np.ascontiguousarray(self.numbers.reshape(-1).view(np.uint8).reshape(-1, 4).T).tobytes()
        return base64.b64encode(gzip.compress(planes, 6, mtime=0)).decode()

    def gives(self, measure: int, place: int) -> bool:
        """Tell whether the `place`-th release held has the measure at all, or shows nothing by which to tell."""
        lead, own = (bool(np.isfinite(self.numbers[m, 0, place]).any()) for m in (0, measure))
        return own or not lead

    def total(self, measure: int, place: int) -> Estimate | None:
        """Return a measure over the whole table of the `place`-th release held; None where it is not shown."""
        value, se, common = map(float, self.numbers[measure, :, place, -1])
        return None if math.isnan(value) else Estimate(value, se, common)


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody may see of a lake, ready to be written: venues (id, name, kind, commune), releases, tables."""

    venues: tuple[tuple[str, str, str, str], ...]
    releases: tuple[_Release, ...]
    grids: tuple[_Grid, ...]
    older: bool  # there are periods that the page has no room for
    of: Snapshot


def read_held(lake: duckdb.DuckDBPyConnection, policy: Policy, seen: Access | None = None) -> Held:
    """Read the figures of an open lake; of what a member or partner may see, if `seen`. One question a table."""
    until = None if seen is None else {(s.venue, s.table): s.until for s in seen.shared}
    rows = lake.execute(
        "select release_id, venue, period, period_end from latest order by period_end desc, period, venue"
    ).fetchall()
    known = [_Release(*row) for row in rows]
    if until is not None:
        known = [r for r in known if any(r.end <= end for (venue, _), end in until.items() if venue == r.venue)]
    room = _MOST // sum(3 * len(t.measures) * _extent(t) for t in policy.tables)
    whole = next(i for i, r in enumerate(known) if r.period == known[room].period) if len(known) > room else len(known)
    kept = known[: whole or room]
    grids = [_read_grid(lake, table, kept, until) for table in policy.tables]
    shown = {r.venue for r in kept}
    venues = lake.execute("select venue, name, kind, commune from venues order by since, venue").fetchall()
    return Held(
        tuple(v for v in venues if v[0] in shown), tuple(kept), tuple(g for g in grids if g.held),
        len(kept) < len(known), current(lake),
    )  # fmt: skip


def _extent(table: Table) -> int:
    """Return the number of cells and levels: one code more a dimension."""
    return math.prod(len(d.codes) + 1 for d in table.dimensions)


def _read_grid(
    lake: duckdb.DuckDBPyConnection, table: Table, kept: list[_Release], until: dict[tuple[str, str], date] | None
) -> _Grid:
    columns = [f"{m.name}{part}" for m in table.measures for part in _PARTS]
    names = ", ".join(["release_id", *table.names, *columns])
    found = lake.execute(f"select {names} from {table.name} union all select {names} from {table.name}_totals").pl()  # noqa: S608 (names of the policy)
    allowed = [i for i, r in enumerate(kept) if until is None or r.end <= until.get((r.venue, table.name), date.min)]
    here = set(found["release_id"])
    held = tuple(i for i in allowed if kept[i].id in here)
    place = pl.DataFrame({"release_id": [kept[i].id for i in held], "_place": range(len(held))}).lazy()
    at, step = pl.lit(0), 1
    for d in reversed(table.dimensions):
        codes: dict[str | None, int] = {code: i for i, code in enumerate(d.codes)}
        at += step * pl.col(d.name).replace_strict(codes | {None: len(codes)}, default=None, return_dtype=pl.Int64)
        step *= len(d.codes) + 1
    rows = found.lazy().cast({"release_id": pl.String}).join(
        place.cast({"release_id": pl.String}), on="release_id"
    ).with_columns(_at=at).filter(pl.col("_at").is_not_null()).collect()  # fmt: skip
    numbers = np.full((len(table.measures), 3, len(held), step), np.nan, np.float32)
    for i, column in enumerate(columns):
        values = rows[column].cast(pl.Float32).fill_null(np.nan).to_numpy()
        numbers[i // 3, i % 3, rows["_place"].to_numpy(), rows["_at"].to_numpy()] = values
    return _Grid(table, held, numbers)


def explore_page(held: Held, language: str) -> str:
    """Return the page in a language: figures, script, style and a table for those without scripts."""
    words, other = Words(language), Words(next(x for x in _LANGUAGES if x != language))
    script = _file("explore.js")
    at = held.of.at
    return pages("warehouse.reports").get_template("explore.html").render(
        say=_texts(language)["page"], language=language, words=words, other=other, page="explore", root="",
        script=Markup(script), style=Markup(_file("explore.css")),  # noqa: S704 (files of this package)
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        about=Markup(_json(_about(held, words))),  # noqa: S704 (JSON without <)
        packed={g.table.name: g.packed() for g in held.grids}, still=_still(held, words), older=held.older,
        made=_texts(language)["page"]["made"].format(id=held.of.id, date=words.day(at), time=f"{at:%H:%M:%S}"),
    )  # fmt: skip


def write_explore(
    folder: Path, lake: duckdb.DuckDBPyConnection, policy: Policy, *, seen: Access | None = None
) -> list[Path]:
    """Write `fr/explore.html` and `en/explore.html` under a folder, of an open lake; return their paths."""
    held, written = read_held(lake, policy, seen), list[Path]()
    for language in _LANGUAGES:
        page = folder / language / "explore.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(explore_page(held, language), "utf-8")
        written.append(page)
    return written


def _about(held: Held, words: Words) -> dict[str, Any]:
    """Return what the figures are of: every code and word that the script needs, figures aside."""
    venues = [v[0] for v in held.venues]
    periods = sorted({r.period for r in held.releases}, key=Period.parse)
    return {
        "language": words.language,
        "z": Z95,
        "words": _texts(words.language)["script"],
        "venues": [
            {"code": id_, "label": name, "group": kind, "place": departement_of(commune)}
            for id_, name, kind, commune in held.venues
        ],
        "groups": {kind: words.kind(kind) for _, _, kind, _ in held.venues},
        "periods": [{"code": p, "label": words.quarter(p), "kind": Period.parse(p).kind} for p in periods],
        "releases": [[venues.index(r.venue), periods.index(r.period)] for r in held.releases],
        "tables": [
            {
                "name": g.table.name, "label": title(g.table, words.language), "held": g.held,
                "several": g.table.max_cells > 1, "unit": g.table.unit,
                "dimensions": [
                    {
                        "name": d.name, "label": title(d, words.language), "added": d.name not in NEVER_ADDED,
                        "codes": [[code, fr if words.language == "fr" else en] for code, fr, en in d.values],
                    }
                    for d in g.table.dimensions
                ],
                "measures": [{"name": m.name, "label": title(m, words.language)} for m in g.table.measures],
            }
            for g in held.grids
        ],
    }  # fmt: skip


def _still(held: Held, words: Words) -> dict[str, Any] | None:
    """Return the totals of the latest season by venue, of tables where nobody is in two cells: as text, with margins."""
    seasons = sorted({r.period for r in held.releases if "T" not in r.period})
    if not seasons:
        return None
    heads, columns, told = list[str](), list[dict[str, str | None]](), set[tuple[str, str]]()
    for grid in held.grids:
        if grid.table.unit != "person" or grid.table.max_cells > 1:
            continue
        for i, m in enumerate(grid.table.measures):
            head = f"{title(grid.table, words.language)} · {title(m, words.language)}"
            if (m.name, grid.table.records) in told:  # départements tell the same people as rings
                continue
            told.add((m.name, grid.table.records))
            column = {
                held.releases[at].venue: words.writer.count(total) if (total := grid.total(i, place)) else None
                for place, at in enumerate(grid.held)
                if held.releases[at].period == seasons[-1] and grid.gives(i, place)
            }
            heads, columns = [*heads, head], [*columns, column]
    rows = [(name, [column.get(id_, "–") for column in columns]) for id_, name, *_ in held.venues]
    return {"period": words.quarter(seasons[-1]), "heads": heads, "rows": rows}


def _json(thing: object) -> str:
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _file(name: str) -> str:
    return (files("warehouse") / "reports" / "templates" / name).read_text("utf-8")


@cache
def _texts(language: str) -> dict[str, dict[str, str]]:
    told = tomllib.loads((files("warehouse") / "reports" / "explore.toml").read_text("utf-8"))
    at = _LANGUAGES.index(language)
    return {part: {key: typeset(text[at], language) for key, text in texts.items()} for part, texts in told.items()}
