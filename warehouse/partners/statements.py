"""What a partner may ask: one SELECT over their own tables. DuckDB's own parser says what a statement is.

Rights do not rest on this: the statement runs where there is nothing else to see, read-only and without files. It is here
so that a refusal is a sentence, and so that nobody learns how the machine is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

LONGEST = 100_000  # characters

# What clients send by themselves when they connect or page, letter for letter, and what they are told.
_TABLES = "select 'main' as schema_name, sql, 'table' as kind from duckdb_tables() where not internal"
HANDSHAKES = {
    "SELECT catalog_name, schema_name\nFROM information_schema.schemata\n"
    "WHERE catalog_name NOT IN ('system', 'temp')\nORDER BY ALL": "select 'jauge' as catalog_name, 'main' as schema_name",
    "SELECT schema_name, sql, 'table'\nFROM duckdb_tables()\nUNION ALL\n"
    "SELECT schema_name, view_name, 'view'\nFROM duckdb_views()": _TABLES,
    **dict.fromkeys(("BEGIN TRANSACTION", "COMMIT", "ROLLBACK"), "select true as done"),
}
_CATALOGUE = {"tables", "columns", "schemata"}  # of information_schema
_ABOUT = {"duckdb_tables", "duckdb_views", "duckdb_columns"}  # drivers ask these: where it runs, they know nothing else
_ROWS = {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}
_HIDDEN = re.compile(
    r"^(duckdb_|pragma_|pg_|has_|getenv|getvariable|current_setting|write_log|sleep_ms|currval|nextval|txid_|quack|"
    r"json_execute|in_search_path|current_(database|schemas?|catalog|role|user)|session_user)"
)


class Refused(Exception):
    """A statement is not answered: the rule's name, and the sentence in both languages."""

    def __init__(self, rule: str, en: str, fr: str) -> None:
        super().__init__(en)
        self.rule, self.en, self.fr = rule, en, fr


def admit(text: str, parser: duckdb.DuckDBPyConnection, tables: frozenset[str]) -> str:
    """Return what to run for a statement, or raise Refused; `tables`: names in lower case."""
    if text.strip() in HANDSHAKES:
        return HANDSHAKES[text.strip()]
    if len(text) > LONGEST or "\0" in text:
        raise Refused("length", f"A statement is text of {LONGEST} characters at most.",
                      f"Une requête est un texte de {LONGEST} caractères au plus.")  # fmt: skip
    parsed = duckdb.extract_statements(text)
    if len(parsed) != 1 or parsed[0].type != duckdb.StatementType.SELECT:
        raise Refused("select", "One SELECT at a time: the tables can be read, not changed.",
                      "Un seul SELECT à la fois : les tables se lisent, ne se modifient pas.")  # fmt: skip
    answer = parser.cursor().execute("select json_serialize_sql(?)", [text]).fetchone()
    tree = json.loads(answer[0]) if answer else {"error": True}
    if tree["error"]:
        raise Refused("select", "This kind of statement is not answered.", "Ce genre de requête n’a pas de réponse.")
    for fault in _strangers(tree, tables):
        raise Refused("reach", f"Not among your tables and functions: {fault}. `from dictionary` tells what there is.",
                      f"Hors de vos tables et fonctions : {fault}. `from dictionary` dit ce qu’il y a.")  # fmt: skip
    return text


def _strangers(tree: Any, tables: frozenset[str]) -> Iterator[str]:
    """Name what a statement reaches for that is not the partner's, wherever it stands."""
    nodes = list(_nodes(tree))
    named = {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    for node in nodes:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            catalogue, schema, table = (str(node[f"{w}_name"]).lower() for w in ("catalog", "schema", "table"))
            own = schema in {"", "main"} and table in tables | _ABOUT | (named if not schema else set())
            about = schema == "information_schema" and table in _CATALOGUE
            if catalogue not in {"", "jauge"} or not (own or about):
                yield table
        elif kind == "SHOW_REF" and node["query"] is None and node["table_name"].strip('"') != "tables":
            yield node["table_name"]
        elif kind == "TABLE_FUNCTION":
            function = str(node["function"].get("function_name"))  # none where it is no plain call
            if function.lower() not in _ROWS | _ABOUT:
                yield function
            node["function"]["function_name"] = ""
        elif _HIDDEN.match(str(node.get("function_name", "")).lower()):
            yield node["function_name"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
