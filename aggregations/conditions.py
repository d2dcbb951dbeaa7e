"""What a preset asks of a row's columns, as one yes or no.

Of a column's text: `"*"` anything, `""` nothing, a word however it is written (case, accents), `~` a pattern found
in it, `crawler!` the user agent of a robot; with `!` before it, all that is not so.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from aggregations.mapping import When
from aggregations.referential import normal_labels, on_distinct, worded

CRAWLER = "crawler!"


def holds(when: When) -> pl.Expr:
    """Tell whether all conditions hold; `a|b` is either column, several values are any of them; never null."""
    result = pl.lit(True)
    for columns, values in when.items():
        result &= pl.any_horizontal([_any(pl.col(c).cast(pl.String), values) for c in columns.split("|")])
    return result


def _any(text: pl.Expr, values: tuple[str, ...]) -> pl.Expr:
    either = [pl.lit(False)]
    words: list[str] = []
    for value in values:
        if value == "*":
            either.append(text.is_not_null())
        elif value == "":
            either.append(text.is_null())
        elif value.startswith("!"):
            either.append(~_any(text, (value[1:],)))
        elif value.startswith("~"):
            either.append(text.str.contains(value[1:]).fill_null(False))
        elif value == CRAWLER:
            robots = on_distinct(text, lambda one: one.str.contains(_crawlers()), pl.Boolean())
            either.append(robots.fill_null(False))
        else:
            words.append(value)
    if words:
        known = dict.fromkeys(normal_labels(words), True)
        either.append(worded(text, known, pl.Boolean()).fill_null(False))
    return pl.any_horizontal(either)


@cache
def _crawlers() -> str:
    """One pattern out of the public list of crawlers, which is kept by many hands and renewed every month."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    return "|".join(f"(?:{entry['pattern']})" for entry in CRAWLER_USER_AGENTS_DATA)
