"""The one adapter to Great Expectations: rules on a profile of a frame, answered by booleans.

A rule is a number that Polars computes in one streaming pass (how many nulls, the least price, how many codes
outside the vocabulary) and the range it must lie in. Great Expectations sees one row of such numbers, never a
record, and is asked for BOOLEAN_ONLY: its other formats print values and counts. What leaves is rule → passed.
Great Expectations takes seconds to import: only where a check runs.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from privacy.errors import QualityRefusal


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` says what must hold; `value` is a one-row expression; null passes (nothing to judge)."""

    name: str
    value: pl.Expr
    least: float | None = None
    most: float | None = None


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


def evaluate(frame: pl.LazyFrame, rules: Sequence[Rule]) -> dict[str, bool]:
    """Return rule name → passed, as Great Expectations judges the profile of the frame."""
    numbers = frame.select(rule.value.cast(pl.Float64).alias(rule.name) for rule in rules)
    profile = numbers.collect(engine="streaming")
    gx, batches = _great_expectations()
    with warnings.catch_warnings():  # third-party deprecations; our own code raises on every warning
        warnings.simplefilter("ignore")
        between_values = gx.expectations.ExpectColumnValuesToBeBetween
        suite = gx.ExpectationSuite(
            name="rules",
            expectations=[between_values(column=r.name, min_value=r.least, max_value=r.most) for r in rules],
        )
        batch = batches.get_batch({"dataframe": profile.to_pandas()})
        result = batch.validate(suite, result_format="BOOLEAN_ONLY")
    return {str(r.expectation_config.kwargs["column"]): bool(r.success) for r in result.results}


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
