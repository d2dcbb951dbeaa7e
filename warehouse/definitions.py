"""The lake's tables, views and comments, made from a policy and the files of `sql/`.

`statements` gives the SQL that makes them (running it again changes nothing); `dictionary` the French and English
meaning of every relation, column and macro. DuckLake keeps comments on tables, their columns and views, but not on the
columns of a view, nor on macros: those are in the table `dictionary` only, which has them all.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from privacy.cells import SUFFIXES
from privacy.declarations import Table
from privacy.policy import Policy

Z95 = 1.959963984540054  # a normal is within this many standard errors 95 times in 100
Entry = tuple[str, str, str, str]  # relation, column ("" for the relation), French, English
NEVER_ADDED = ("admission_kind",)  # the kinds overlap: one entry is sold, scanned and counted at the door
MACROS = (
    *("sum_se", "noisy_sum", "noisy_ratio", "noisy_share", "index_vs_network"),
    *("interval95", "errors", "folded", "spread"),  # parts of the above
)
REACH_MACROS = "overlap", "reach", "gram", "counts_of", "noise_variance"  # the last three are parts of the first two

_HELD = "releases losses venues floor governance refusals withdrawals sketches labels dictionary edition turn"
_COLUMNS = {  # of the relations written by hand, where a test holds them to the SQL
    "releases": "release_id venue period season period_kind period_start period_end revision published policy_name "
    "policy k k_rule manifest_sha256 accepted_at manifest governance",
    "losses": "release_id unit epsilon delta rho delta_selection shift season_epsilon season_delta",
    "venues": "venue name kind commune since",
    "floor": "unit season_epsilon season_delta k k_rule",
    "refusals": "refused_at folder venue rule reason_fr reason_en fingerprint governance",
    "governance": "digest since text",
    "withdrawals": "release_id venue period season revision withdrawn_at governance",
    "sketches": "release_id venue season period part buckets mechanism scale key counts",
    "labels": "dimension code fr en position",
    "dictionary": "relation column_name fr en",
    "edition": "digest",
    "turn": "taken",
    "latest": "release_id venue period season period_kind period_start period_end revision published k k_rule",
    "coverage": "release_id venue season period period_kind table_name cells published_cells share",
}


def sql(name: str, **values: Any) -> str:
    """Return the text of `sql/<name>.sql`, with the values put in where it is a template."""
    return _template(name).render(**values)


@cache
def _template(name: str) -> Template:
    text = (files("warehouse") / "sql" / f"{name}.sql").read_text("utf-8")
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (SQL, not HTML)
    return environment.from_string(text, {"columns": _columns, "is_cell": _is_cell, "never_added": NEVER_ADDED})


def _columns(table: Table) -> list[str]:
    return [f"{m.name}{part}" for m in table.measures for part in SUFFIXES]


def _is_cell(table: Table) -> str:
    """Return the SQL condition that a row of `cells_<t> as c` is a cell, not a level."""
    return " and ".join(f"c.{d.name} is not null" for d in table.dimensions)


def statements(policy: Policy) -> str:
    """Return the SQL that makes every table, view, macro and comment, in order."""
    parts = [sql("tables"), *(sql("cells", t=t) for t in policy.tables), sql("latest"), sql("macros", z=Z95)]
    parts += [sql("cells_view", t=t, z=Z95) for t in policy.tables]
    parts += [sql("coverage", tables=policy.tables), sql("reach", z=Z95)]
    tables = {*_HELD.split(), *(f"cells_{t.name}" for t in policy.tables)}
    for relation, column, fr, en in dictionary(policy):
        text = f"{fr} / {en}".replace("'", "''")
        if relation in (*MACROS, *REACH_MACROS):
            continue
        if not column:
            kind = "table" if relation in tables else "view"
            parts.append(f"comment on {kind} {relation} is '{text}';")
        elif relation in tables:
            parts.append(f"comment on column {relation}.\"{column}\" is '{text}';")
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Question:
    """An example: asked in French and English, answered by `sql`."""

    name: str
    fr: str
    en: str
    sql: str


@cache
def questions() -> tuple[Question, ...]:
    """Return the files of `sql/questions/`, by name: two lines of comment (French, English), then one SELECT."""
    made: list[Question] = []
    for file in sorted((files("warehouse") / "sql" / "questions").iterdir(), key=lambda f: f.name):
        fr, en, text = file.read_text("utf-8").split("\n", 2)
        made.append(Question(file.name.removesuffix(".sql"), fr.lstrip("- "), en.lstrip("- "), text.strip()))
    return tuple(made)


def labels(policy: Policy) -> list[tuple[str, str, str, str, int]]:
    """Return (dimension, code, French, English, position) for every code of every dimension, once."""
    dimensions = {d.name: d for t in policy.tables for d in t.dimensions}
    return [(d.name, *value, place) for d in dimensions.values() for place, value in enumerate(d.values)]


def dictionary(policy: Policy) -> list[Entry]:
    """Return the meaning of every relation, column and macro; KeyError if a word is missing in `dictionary.toml`."""
    words = tomllib.loads((files("warehouse") / "sql" / "dictionary.toml").read_text("utf-8"))
    entries: list[Entry] = [(macro, "", *words["macros"][macro]) for macro in (*MACROS, *REACH_MACROS)]
    for relation, columns in _COLUMNS.items():
        entries.append((relation, "", *words["relations"][relation]))
        entries += [(relation, column, *words["columns"][column]) for column in columns.split()]
    for table in policy.tables:
        entries += _of_table(table, words["columns"], words["suffixes"])
    return entries


def _of_table(table: Table, columns: dict[str, Any], suffixes: dict[str, Any]) -> list[Entry]:
    def entry(relation: str, column: str, thing: Any, suffix: str) -> Entry:
        fr, en = suffixes[suffix]
        return relation, column, f"{thing.fr} : {fr}", f"{thing.en}: {en}"

    held, views = f"cells_{table.name}", (table.name, f"{table.name}_totals")
    entries = [
        entry(held, "", table, "cells"),
        entry(views[0], "", table, "view"),
        entry(views[1], "", table, "totals"),
    ]
    entries += [(held, c, *columns[c]) for c in ("release_id", "venue", "season", "period")]
    for view in views:
        entries += [(view, c, *columns[c]) for c in ("release_id", "venue", "season", "period", "period_kind")]
        entries.append((view, "published", *suffixes["shown"]))
    for d in table.dimensions:
        entries.append(entry(views[0], d.name, d, "code"))
        entries += [entry(r, d.name, d, "code_or_all") for r in (held, views[1])]
        entries += [entry(view, f"{d.name}_{s}", d, s) for view in views for s in ("fr", "en")]
    for m in table.measures:
        entries += [entry(r, m.name, m, "estimate") for r in (held, *views)]
        entries += [entry(r, f"{m.name}_{s}", m, s) for r in (held, *views) for s in ("se", "common_se")]
        entries.append(entry(held, f"{m.name}_noisy", m, "noisy"))
        entries += [entry(view, f"{m.name}_{s}", m, s) for view in views for s in ("low", "high")]
    return entries
