"""A product as a data contract of the Open Data Contract Standard 3.1.0: what a reader may count on, column by column.

Descriptions are in French, then English, as in the lake's own comments. The rules of quality are SQL that can be run on the
views as they are: tests do.
"""

from __future__ import annotations

from typing import Any

from warehouse.catalogue.products import Catalogue, Column, Product, View
from warehouse.catalogue.words import Both, about, promise, say

_LOGICAL = {"VARCHAR": "string", "BOOLEAN": "boolean", "DOUBLE": "number", "INTEGER": "integer", "DATE": "date"}
_KEYS = ("release_id", "venue", "season", "period", "period_kind", "published")


def contract(catalogue: Catalogue, product: Product) -> dict[str, Any]:
    """Return the contract as plain values, ready for YAML."""
    table, settings, least = product.table, catalogue.settings, product.promise
    made: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": settings.iri("product", table.name),
        "name": _one((table.fr, table.en)),
        "version": f"{catalogue.policy.name}+{catalogue.policy.digest[:12]}",
        "status": "active",
        "domain": "audiences",
        "tenant": settings.publisher,
        "description": {
            "purpose": _one(about(catalogue, product)),
            "usage": _one(say("usage")),
            "limitations": _one(say("limitations", promise=promise(product))),
            "authoritativeDefinitions": [
                {"type": "privacyRecord", "url": f"{settings.base}privacy/{table.name}.yaml"},
                {"type": "catalogue", "url": f"{settings.base}catalogue.ttl"},
            ],
        },
        "schema": [_schema(product, view) for view in product.views],
        "slaProperties": [
            {"property": "frequency", "value": 3, "unit": "month", "description": _one(say("frequency"))},
            {"property": "retention", "value": catalogue.keep_days, "unit": "d", "description": _one(say("retention"))},
            {"property": "generalAvailability", "value": min(h.published for h in product.holdings).isoformat(),
             "description": _one(say("since"))},
        ],
        "roles": [
            {"role": "partner", "access": "read", "description": _one(say("role_partner")), "firstLevelApprovers": "steward"},
            {"role": "steward", "access": "read", "description": _one(say("role_steward"))},
        ],
        "customProperties": _properties({
            "privacyUnit": table.unit, "seasonEpsilon": least.epsilon, "seasonDelta": least.delta,
            "leastInCell": least.k, "leastInCellRule": least.k_rule, "fullCells": table.full_cells, "maxCells": table.max_cells,
            "clips": {m.name: m.clip for m in table.measures}, "leavesOut": list(table.leaves_out),
            "lakeSnapshot": catalogue.snapshot.id,
            "held": [{"venue": h.venue, "period": h.period, "policy": h.policy, "policyDigest": h.policy_digest}
                     for h in product.holdings],
        }),
    }  # fmt: skip
    if settings.email:
        made["support"] = [{"channel": "email", "tool": "email", "url": f"mailto:{settings.email}"}]
    if settings.sql:
        text = _one(say("service_about", address=settings.sql))
        server = {
            "server": "sql",
            "type": "custom",
            "description": text,
            "host": settings.sql.split(":")[1],
            "catalog": "jauge",
        }
        made["servers"] = [server]
    return made


def _one(text: Both) -> str:
    return f"{text[0]} / {text[1]}"


def _properties(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in values.items()]


def _schema(product: Product, view: View) -> dict[str, Any]:
    table, cells = product.table, view.name == product.table.name
    dimensions = ", ".join(table.names)
    return {
        "name": view.name,
        "physicalName": view.name,
        "physicalType": "view",
        "logicalType": "object",
        "description": _one((view.fr, view.en)),
        "dataGranularityDescription": _one(say("grain", dimensions=dimensions) if cells else say("grain_totals")),
        "properties": [
            _property(c, required=c.name in (*_KEYS, *(table.names if cells else ()))) for c in view.columns
        ],
        "quality": _quality(product, view),
    }


def _property(column: Column, *, required: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.type],
        "physicalType": column.type,
        "description": _one((column.fr, column.en)),
        "required": required,
    }
    if required:
        made["quality"] = [{"metric": "nullValues", "mustBe": 0, "description": _one(say("q_null"))}]
    return made


def _quality(product: Product, view: View) -> list[dict[str, Any]]:
    first = product.table.measures[0].name
    keys = ["venue", "period", *product.table.names]
    margin = (
        f"published and not coalesce({first}_se >= 0 and {first}_low <= {first} and {first} <= {first}_high, false)"
    )
    rules: dict[str, tuple[str, str]] = {
        "q_margin": ("accuracy", f"select count(*) from {view.name} where {margin}"),  # noqa: S608 (names of the policy)
        "q_empty": ("conformity", f"select count(*) from {view.name} where not published and {first} is not null"),  # noqa: S608
    }
    unique = {"metric": "duplicateValues", "arguments": {"properties": keys}, "mustBe": 0, "dimension": "uniqueness"}
    return [
        {**unique, "description": _one(say("q_keys"))},
        *(
            {"type": "sql", "query": query, "mustBe": 0, "dimension": dimension, "description": _one(say(key))}
            for key, (dimension, query) in rules.items()
        ),
    ]
