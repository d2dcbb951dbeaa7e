"""Pages of declarations, to be read and printed: whole in themselves, fetching nothing, in French and English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

LANGUAGES = ("fr", "en")
Said = tuple[str, str]  # French, English


def page(template: str, language: str, facts: Mapping[str, Any]) -> str:
    """Fill a template of `aggregations/templates/` in, in one language."""
    helps = {
        "language": language,
        "say": lambda *said: (said[0] if len(said) == 1 else said)[language != "fr"],
        "marked": _marked,
        "named": partial(_named, language),
        "number": lambda n: "–" if n is None else format_decimal(n, locale=language),
        "euros": lambda cents: "–" if cents is None else format_currency(cents / 100, "EUR", locale=language),
        "percent": lambda share: "–" if share is None else format_percent(share, "#,##0.0 %" if language == "fr" else "#,##0.0%", locale=language),
        "rate": lambda points: "–" if points is None else format_percent(points / 10_000, "#,##0.## %" if language == "fr" else "#,##0.##%", locale=language),
        "when": lambda at: _when(language, at),
        "month": lambda code: format_date(datetime.fromisoformat(f"{code}-01"), "LLLL yyyy", locale=language),
    }  # fmt: skip
    return _pages().get_template(template).render({**facts, **helps})


def _marked(text: str) -> Markup:
    """What stands between backquotes, as code; all of it escaped first."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped)


def _when(language: str, at: datetime) -> str:
    return format_datetime(at, "EEEE d MMMM yyyy, HH:mm", locale=language)


def _named(language: str, vocabulary: str, code: str) -> str:
    """The vocabulary's own word for a code, else the code."""
    return _vocabulary().get(vocabulary, {}).get(code, (code, code))[language != "fr"]


@cache
def _vocabulary() -> dict[str, dict[str, Said]]:
    known = tomllib.loads((files("privacy") / "vocabulary.toml").read_text("utf-8"))
    return {name: {code: (fr, en) for code, fr, en in known[name]["values"]} for name in ("family", "tariff")}


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("aggregations", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
