"""The policy: what is counted, how finely, under which promise. Read from TOML, frozen, digested.

`policy.toml` and `vocabulary.toml` in this package are the default. A policy holds public facts only;
its digest (SHA-256 of its canonical JSON) is in every release's id.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from privacy.calendar import Period
from privacy.declarations import RECORDS, Dimension, Level, Measure, Sketch, Table, Unit
from privacy.errors import Fault


@dataclass(frozen=True, slots=True)
class Loss:
    """A season's (epsilon, delta) for one unit of privacy, and the part of delta for selection."""

    epsilon: Fraction
    delta: Fraction
    selection_delta: Fraction


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it; see `policy.toml` for the meaning of each number."""

    name: str
    season: dict[Unit, Loss]
    k: int
    k_rule: Literal["certain", "probable"]
    k_z: Fraction
    calendar: dict[str, Fraction]
    tables: tuple[Table, ...]
    sketches: tuple[Sketch, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of every public number, code and label."""
        return hashlib.sha256(canonical_json(asdict(self))).hexdigest()

    def table(self, name: str) -> Table:
        """Return the table of that name, or a Fault naming the ones there are."""
        for table in self.tables:
            if table.name == name:
                return table
        known = ", ".join(t.name for t in self.tables)
        raise Fault(
            f"The policy has no table of that name; it has {known}.",
            f"La politique n’a pas de table de ce nom ; elle a {known}.",
        )

    def share(self, period: Period) -> Fraction:
        """Part of a season's budget that a release of this period takes."""
        return self.calendar[period.kind]


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8, fractions as text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.encode()


def read_policy(path: Path | None = None) -> Policy:
    """Read a policy file (the packaged one by default); a Fault names the key that is wrong."""
    own = files("privacy")
    text = path.read_text("utf-8") if path else (own / "policy.toml").read_text("utf-8")
    vocabulary = (own / "vocabulary.toml").read_text("utf-8")
    try:
        return _build(tomllib.loads(text), tomllib.loads(vocabulary))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as fault:  # also tomllib's
        raise Fault(f"The policy file cannot be read: {fault!r}.", f"La politique est illisible : {fault!r}.") from None


def _build(raw: dict[str, Any], vocabulary: dict[str, Any]) -> Policy:
    dimensions = {
        name: Dimension(name, d["fr"], d["en"], tuple((c, f, e) for c, f, e in d["values"]))
        for name, d in (vocabulary | raw.get("dimensions", {})).items()
    }
    for dimension in dimensions.values():
        if dimension.codes[-1] != "unknown" or len(set(dimension.codes)) != len(dimension.codes):
            raise ValueError(f"dimensions.{dimension.name}: codes must differ and end with unknown")
    measures = {n: Measure(n, **(m | {"share": Fraction(m["share"])})) for n, m in raw["measures"].items()}
    tables = tuple(
        Table(
            n,
            **(t | {
                "dimensions": tuple(dimensions[d] for d in t["dimensions"]),
                "measures": tuple(measures[m] for m in t["measures"]),
                "leaves_out": tuple(sorted(t.get("leaves_out", ()))),
                "levels": tuple(
                    Level(tuple(v["dimensions"]), v["reach"], Fraction(v["share"])) for v in t.get("levels", [])
                ),
            }),
        )
        for n, t in raw["tables"].items()
    )  # fmt: skip
    sketches = tuple(
        Sketch(
            n,
            **(s | {
                "measure": measures["people"],
                "attributes": tuple(dimensions[d] for d in s["attributes"]),
                "everyone": Fraction(s["everyone"]),
                "z": Fraction(s["z"]),
                "leaves_out": tuple(sorted(s.get("leaves_out", ()))),
            }),
        )
        for n, s in raw.get("sketches", {}).items()
    )  # fmt: skip
    of_delta = Fraction(raw["selection"]["share_of_delta"])
    season: dict[Unit, Loss] = {
        unit: Loss(Fraction(s["epsilon"]), Fraction(s["delta"]), Fraction(s["delta"]) * of_delta)
        for unit, s in raw["season"].items()
    }
    k = raw["k"]
    policy = Policy(
        raw["name"], season, k["minimum"], k["rule"], Fraction(str(k.get("z", 0))),
        {name: Fraction(share) for name, share in raw["calendar"].items()}, tables, sketches,
    )  # fmt: skip
    faults = list(_faults(policy))
    if faults:
        raise ValueError("; ".join(faults))
    return policy


def _faults(policy: Policy) -> Any:
    if policy.k < 1 or policy.k_rule not in ("certain", "probable"):
        yield "k: minimum must be 1 or more, rule certain or probable"
    for unit, loss in policy.season.items():
        if not (loss.epsilon > 0 and 0 < loss.selection_delta < loss.delta < 1):
            yield f"season.{unit}: epsilon and delta must be above 0, and share_of_delta between 0 and 1"
    if set(policy.calendar) != {"quarter", "season"} or min(policy.calendar.values()) <= 0:
        yield "calendar: quarter and season are needed, both above 0"
    for table in policy.tables:
        if table.records not in RECORDS or table.unit not in policy.season:
            yield f"tables.{table.name}: records must be one of {', '.join(RECORDS)}, with a season budget"
        yield from table.faults()
    if len(policy.sketches) > 1:
        yield "sketches: one at most, of which a hub compares everyone's"
    for sketch in policy.sketches:
        yield from sketch.faults()
    for measure in {m.name: m for table in policy.tables for m in table.measures}.values():
        yield from measure.faults()
