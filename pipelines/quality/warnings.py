"""Warnings: what is worth a steward's look, source by source. They never stop anything.

The rules are data (`rules.toml`); the numbers are counted where the records are (`aggregations/profile.py`) and judged between
their bounds by `checks`. A finding has its number for the steward's page; what goes to Dagster is `told`: true
or false and a sentence, never a number.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from aggregations.adopted import own_presets
from aggregations.mapping import Preset, presets
from aggregations.profile import Numbers, profiles
from aggregations.venue import Venue
from pipelines.checks import Measured, judge

Text = tuple[str, str]  # French, English
LANGUAGES = ("fr", "en")


@dataclass(frozen=True, slots=True)
class Warn:
    """A rule on one number of a source: see `rules.toml`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: str
    suite: str
    number: str
    unit: str  # share, days, euros, rows, times
    title: Text
    found: Text
    todo: Text
    least: float | None = None
    most: float | None = None
    column: str = ""
    asked: tuple[str, ...] = ()
    sources: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def bounds(self, source: str) -> tuple[float | None, float | None]:
        """Return least and most, of the source's own where it has some."""
        own = self.sources.get(source, {})
        return own.get("least", self.least), own.get("most", self.most)

    def concerns(self, preset: Preset | None) -> bool:
        """Tell whether the source ever says what the rule is about."""
        frame = self.number.split(".")[0]
        return not self.column or preset is None or any(
            self.column in emit.fields for emit in preset.emits if emit.frame == frame
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule, a source, its exact number and whether it holds."""

    rule: Warn
    source: str
    title: str  # of the source
    value: float
    holds: bool


@cache
def suites() -> dict[str, Text]:
    """Return the name of each suite -> what it is about."""
    return {name: (french, english) for name, (french, english) in _data()["suites"].items()}


@cache
def rules() -> tuple[Warn, ...]:
    """Return the packaged rules, in the order of the file."""
    read = TypeAdapter(Warn)
    return tuple(read.validate_python({**raw, "name": name}) for name, raw in _data()["rules"].items())


def findings(venue: Venue, now: datetime | None = None) -> list[Finding]:
    """Judge each source by each rule that concerns it, where there is a number to judge."""
    known = {**presets(), **own_presets(venue)}
    numbers = profiles(venue, now or datetime.now(UTC))
    told = [
        (rule, source, value)
        for source, own in numbers.items()
        for rule in rules()
        if rule.concerns(known.get(source)) and (value := _value(rule, source, own, venue)) is not None
    ]
    measured = [Measured(f"{s}: {rule.name}", value, *rule.bounds(s)) for rule, s, value in told]
    results = judge(measured)
    return [
        Finding(rule, s, known[s].title if s in known else s, value, results[m.name])
        for (rule, s, value), m in zip(told, measured, strict=True)
    ]


def watch(venue: Venue) -> dict[str, dict[str, bool | str]]:
    """Return, a suite, what Dagster may be told of the venue: see `told`."""
    found = findings(venue)
    return {suite: told([one for one in found if one.rule.suite == suite]) for suite in suites()}


def told(found: Sequence[Finding]) -> dict[str, bool | str]:
    """Return rule of a source → whether it holds, and sentences on those that do not; no number is in them."""
    said: dict[str, bool | str] = {f"{one.source}: {one.rule.name}": one.holds for one in found}
    broken = [one for one in found if not one.holds]
    for i, language in enumerate(LANGUAGES):
        between = " : " if language == "fr" else ": "
        lines = [f"{one.title}{between}{one.rule.found[i]}. {one.rule.todo[i]}" for one in broken]
        if lines:
            said[language] = "\n".join(lines)
    return said


def _value(rule: Warn, source: str, numbers: Numbers, venue: Venue) -> float | None:
    value = numbers.get(rule.number)
    if value == 0 and source in rule.asked:
        return None  # a question that nobody ever answered was not asked
    if rule.suite == "volume" and any(keys.get("system") == source for keys in venue.pull.values()):
        return None  # what is new since yesterday has no usual size
    return value


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("pipelines") / "quality" / "rules.toml").read_text("utf-8"))
