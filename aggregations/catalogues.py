"""Catalogues in which records lie under a key each: `{"12": {…}, "13": {…}}` becomes a list of records.

Polars decodes the names that it is told, and such keys are numbers that nobody knows before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def listed(text: str, keyed: Sequence[str]) -> str:
    """Return the JSON as a list, with lists where the paths of `keyed` have objects; ValueError where it is no JSON."""
    content = json.loads(text.removeprefix("\ufeff"))
    for path in keyed:
        content = _values_at(content, path.split("."))
    return json.dumps(content if isinstance(content, list) else [content])


def _values_at(value: Any, parts: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_values_at(one, parts) for one in value]
    if not isinstance(value, dict):
        return value
    if not parts:
        return [one for one in value.values() if isinstance(one, (dict, list))]
    return {k: _values_at(v, parts[1:]) if k == parts[0] else v for k, v in value.items()}
