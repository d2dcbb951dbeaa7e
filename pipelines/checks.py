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


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of a profile and the range it must lie in; null passes."""

    name: str
    value: float | None
    least: float | None = None
    most: float | None = None


def measure(*asked: tuple[pl.LazyFrame, Sequence[Rule]], by: str = "") -> list[Measured]:
    """Compute the numbers of rules on frames, one streaming pass each; `by` a column, once for each of its values."""
    profiles: list[pl.LazyFrame] = []
    for frame, rules in asked:
        values = [rule.value.cast(pl.Float64).alias(rule.name) for rule in rules]
        profiles.append(frame.group_by(by).agg(values).sort(by) if by else frame.select(values))
    found: list[Measured] = []
    for (_, rules), profile in zip(asked, pl.collect_all(profiles, engine="streaming"), strict=True):
        for row in profile.iter_rows(named=True):
            of = f"{row[by]}, " if by else ""
            found += [Measured(of + rule.name, row[rule.name], rule.least, rule.most) for rule in rules]
    return found


def judge(measured: Sequence[Measured]) -> dict[str, bool]:
    """Return name → passed, as Great Expectations judges the numbers.

    It judges all at once, and each alone only if they do not all hold: it takes milliseconds a rule.
    """
    values = [one.value for one in measured]
    low, high = [one.least for one in measured] + values, values + [one.most for one in measured]
    profile = pl.DataFrame({"low": low, "high": high}, schema={"low": pl.Float64, "high": pl.Float64})
    if _holds(profile):
        return {one.name: True for one in measured}
    return {one.name: _holds(profile[[i, len(measured) + i]]) for i, one in enumerate(measured)}


def evaluate(*asked: tuple[pl.LazyFrame, Sequence[Rule]]) -> dict[str, bool]:
    """Return rule name → passed, of the profiles of whole frames."""
    return judge(measure(*asked))


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
