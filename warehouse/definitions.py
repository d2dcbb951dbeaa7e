"""The lake's tables, views and comments, made from a policy and the files of `sql/`.

`statements` gives the SQL that makes them (running it again changes nothing); `dictionary` the French and English
meaning of every relation and column. DuckLake keeps comments on tables, their columns and views, but not on the
columns of a view: those are in the table `dictionary` only, which has them all.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from privacy.declarations import Table
from privacy.policy import Policy

Z95 = 1.959963984540054  # a normal is within this many standard errors 95 times in 100
Entry = tuple[str, str, str, str]  # relation, column ("" for the relation), French, English

_HELD = "releases losses venues refusals labels dictionary edition"
_COLUMNS = {  # of the relations written by hand, where a test holds them to the SQL
    "releases": "release_id venue period season period_kind period_start period_end revision published policy_name "
    "policy k k_rule manifest_sha256 accepted_at manifest",
    "losses": "release_id unit epsilon delta rho delta_selection shift season_epsilon season_delta",
    "venues": "venue name kind commune since",
    "refusals": "refused_at folder venue rule reason_fr reason_en fingerprint",
    "labels": "dimension code fr en position",
    "dictionary": "relation column_name fr en",
    "edition": "digest",
    "latest": "release_id venue period season period_kind period_start period_end revision published k k_rule",
    "coverage": "release_id venue season period period_kind table_name cells published_cells share",
}


def sql(name: str, **values: Any) -> str:
    """Return the text of `sql/<name>.sql`, with the values put in where it is a template."""
    return _template(name).render(**values)


@cache
def _template(name: str) -> Template:
    text = (files("warehouse") / "sql" / f"{name}.sql").read_text("utf-8")
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text)  # noqa: S701 (SQL, not HTML)


def statements(policy: Policy) -> str:
    """Return the SQL that makes every table, view and comment, in order."""
    parts = [sql("tables"), *(sql("cells", t=t) for t in policy.tables), sql("latest")]
    parts += [sql("cells_view", t=t, z=Z95) for t in policy.tables]
    parts.append(sql("coverage", tables=policy.tables))
    tables = {*_HELD.split(), *(f"cells_{t.name}" for t in policy.tables)}
    for relation, column, fr, en in dictionary(policy):
        text = f"{fr} / {en}".replace("'", "''")
        if not column:
            kind = "table" if relation in tables else "view"
            parts.append(f"comment on {kind} {relation} is '{text}';")
        elif relation in tables:
            parts.append(f"comment on column {relation}.\"{column}\" is '{text}';")
    return "\n".join(parts)


def labels(policy: Policy) -> list[tuple[str, str, str, str, int]]:
    """Return (dimension, code, French, English, position) for every code of every dimension, once."""
    dimensions = {d.name: d for t in policy.tables for d in t.dimensions}
    return [(d.name, *value, place) for d in dimensions.values() for place, value in enumerate(d.values)]


def dictionary(policy: Policy) -> list[Entry]:
    """Return the meaning of every relation and column; KeyError if a word is missing in `dictionary.toml`."""
    words = tomllib.loads((files("warehouse") / "sql" / "dictionary.toml").read_text("utf-8"))
    entries: list[Entry] = []
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

    held, view = f"cells_{table.name}", table.name
    entries = [entry(held, "", table, "cells"), entry(view, "", table, "view")]
    entries += [(held, c, *columns[c]) for c in ("release_id", "venue", "season", "period")]
    entries += [(view, c, *columns[c]) for c in ("release_id", "venue", "season", "period", "period_kind")]
    entries.append((view, "published", *suffixes["shown"]))
    for d in table.dimensions:
        entries += [entry(r, d.name, d, "code") for r in (held, view)]
        entries += [entry(view, f"{d.name}_{s}", d, s) for s in ("fr", "en")]
    for m in table.measures:
        entries += [entry(r, m.name, m, "estimate") for r in (held, view)]
        entries += [entry(r, f"{m.name}_se", m, "se") for r in (held, view)]
        entries += [entry(view, f"{m.name}_{s}", m, s) for s in ("low", "high")]
    return entries
