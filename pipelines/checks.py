"""The one adapter to Great Expectations: rules on a profile of a frame, answered by booleans.

A rule is a number that Polars computes in one streaming pass (how many nulls, the least price, how many codes
outside the vocabulary) and the range it must lie in. Great Expectations sees those numbers between their bounds, never a
record, and is asked for BOOLEAN_ONLY: its other formats print values and counts. What leaves is rule → passed.
Great Expectations takes seconds to import: only where a check runs.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from privacy.errors import QualityRefusal

_ALONE = threading.Lock()  # Great Expectations, and the filter of warnings, serve one thread at a time


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` says what must hold; `value` is a one-row expression; null passes (nothing to judge)."""

    name: str
    value: pl.Expr
    least: float | None = None
    most: float | None = None


def about(what: str, rules: Sequence[Rule]) -> list[Rule]:
    """Say of each rule what it is about, so that rules of several frames keep apart."""
    return [replace(rule, name=f"{what}: {rule.name}") for rule in rules]


def no_nulls(*columns: str) -> list[Rule]:
    """No null in any of these columns."""
    return [Rule(f"{c} is never missing", pl.col(c).null_count(), most=0) for c in columns]


def only(column: str, codes: Sequence[str]) -> Rule:
    """Every value of a column is one of the codes."""
    return Rule(f"{column} is of its vocabulary", (~pl.col(column).is_in(list(codes))).sum(), most=0)


def between(column: str, least: float | None = None, most: float | None = None) -> list[Rule]:
    """Every value of a column lies in a range."""
    rules = [Rule(f"{column} is at least {least:g}", pl.col(column).min(), least=least)] if least is not None else []
    return rules + (
        [Rule(f"{column} is at most {most:g}", pl.col(column).max(), most=most)] if most is not None else []
    )


def evaluate(*asked: tuple[pl.LazyFrame, Sequence[Rule]]) -> dict[str, bool]:
    """Return rule name → passed, as Great Expectations judges the profiles of the frames.

    It judges all rules at once, and each alone only if they do not all hold: it takes milliseconds a rule.
    """
    profiles = (f.select(rule.value.cast(pl.Float64).alias(rule.name) for rule in rules) for f, rules in asked)
    values = [value for one in pl.collect_all(profiles, engine="streaming") for value in one.row(0)]
    rules = [rule for _, some in asked for rule in some]
    low, high = [rule.least for rule in rules] + values, values + [rule.most for rule in rules]
    profile = pl.DataFrame({"low": low, "high": high}, schema={"low": pl.Float64, "high": pl.Float64})
    if _holds(profile):
        return {rule.name: True for rule in rules}
    return {rule.name: _holds(profile[[i, len(rules) + i]]) for i, rule in enumerate(rules)}


def _holds(profile: pl.DataFrame) -> bool:
    """Is each `low` at most its `high`, where both are there?"""
    gx, batches = _great_expectations()
    with _ALONE, warnings.catch_warnings():  # third-party deprecations; our own code raises on every warning
        warnings.simplefilter("ignore")
        ordered = gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="high", column_B="low", or_equal=True, ignore_row_if="either_value_is_missing"
        )
        suite = gx.ExpectationSuite(name="rules", expectations=[ordered])
        batch = batches.get_batch({"dataframe": profile.to_pandas()})
        return bool(batch.validate(suite, result_format="BOOLEAN_ONLY").success)


@cache
def _great_expectations() -> tuple[Any, Any]:
    """Return the library and the door for a frame: no analytics, no progress bars, nothing kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        context: Any = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("profile").add_dataframe_asset("profile")
        return gx, asset.add_batch_definition_whole_dataframe("all")


def require(results: dict[str, bool], what: str) -> None:
    """Raise QualityRefusal naming the rules that failed, and nothing of the records."""
    failed = ", ".join(name for name, passed in results.items() if not passed)
    if failed:
        raise QualityRefusal(
            f"{what}: {failed}: not so. See the receipts of the last exports, mend them and load them again.",
            f"{what} : règle non tenue : {failed}. Voir les reçus des derniers exports, corriger, puis recharger.",
        )
