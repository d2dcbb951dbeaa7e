"""Where to look next: noise is not sold as insight, a planted difference is found, and only what is shared enters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from privacy.policy import read_policy
from warehouse.charter import Member
from warehouse.reports.cells import Sheet
from warehouse.reports.figures import Estimate
from warehouse.targeting.discovery import RATE, discoveries
from warehouse.targeting.segments import Segment, index, part_of, pooled
from warehouse.targeting.sight import Sight
from warehouse.targeting.suggestions import suggest

POLICY = read_policy()
PERIOD = "2025-2026"
NAMES = ("loyalty", "provenance", "family", "anticipation", "channel")
SIZES = {"a": 1500, "b": 2500, "c": 4000, "d": 8000, "e": 3000, "f": 900}
NOISE, COMMON, SHOWN = 6.0, 0.01, 30.0  # of a cell; in proportion, of a table; least that is shown


def weights(name: str, size: int) -> np.ndarray:
    """What the whole town's audience is like: the same for every venue, small segments included."""
    random = np.random.default_rng([7, *name.encode()])
    return random.dirichlet(np.full(size, 0.7))


def sheet(name: str, people: int, truth: np.ndarray, random: np.random.Generator) -> Sheet:
    """One table of one release: who came is drawn, then noise, one error common to all, and small cells hidden."""
    table = POLICY.table(name)
    sizes = [len(d.codes) for d in table.dimensions]
    drawn = random.multinomial(people, truth / truth.sum()).reshape(sizes).astype(float)
    noisy = (drawn + random.normal(0, NOISE, sizes)) * (1 + random.normal(0, COMMON))
    cells, levels = {}, {}

    def put(into, codes, values):
        value, own = values.sum(), NOISE * np.sqrt(values.size)
        if value >= SHOWN:
            into[codes] = {"people": Estimate(value, float(np.hypot(own, COMMON * value)), COMMON * value)}

    for place in np.ndindex(*sizes):
        put(cells, tuple(d.codes[i] for d, i in zip(table.dimensions, place, strict=True)), noisy[place])
    put(levels, (None,) * len(sizes), noisy)
    if len(sizes) == 2:
        for i, code in enumerate(table.dimensions[0].codes):
            put(levels, (code, None), noisy[i])
        for i, code in enumerate(table.dimensions[1].codes):
            put(levels, (None, code), noisy[:, i])
    return Sheet(table, "r", PERIOD, cells, levels)


def member(venue: str, kind: str = "theatre") -> Member:
    return Member(id=venue * 3, name=venue, kind=kind, commune="38185", public_key="0" * 64, since="2025-09-01")


def town(seed: int, tilt: dict[str, np.ndarray] | None = None) -> Sight:
    """Six venues of one town; `tilt`: what venue `a` draws of a table, in proportion to the others."""
    random = np.random.default_rng(seed)
    sheets = {}
    for venue, people in SIZES.items():
        sheets[venue] = {}
        for name in NAMES:
            table = POLICY.table(name)
            truth = weights(name, table.size)
            if venue == "a" and tilt and name in tilt:
                truth = truth * tilt[name]
            sheets[venue][name] = sheet(name, people, truth, random)
    tables = tuple(POLICY.table(n) for n in NAMES)
    return Sight("a", {v: member(v).model_copy(update={"id": v}) for v in SIZES}, replace(POLICY, tables=tables), {PERIOD: sheets})


TOWNS = 60


def test_where_no_venue_differs_hardly_ever_is_anything_suggested():
    """All suggestions are then false: in at most the stated share of towns is there one."""
    said = [suggest(town(seed)) for seed in range(TOWNS)]
    assert sum(bool(s) for s in said) <= RATE * TOWNS
    uncontrolled = [sum(s.p_value < 0.05 for s in suggest(town(seed), rate=1e9)) for seed in range(5)]
    assert sum(uncontrolled) > 0  # without control there would be some


def test_a_planted_weakness_is_found_and_told_in_its_interval():
    table = POLICY.table("provenance")
    truth = weights("provenance", table.size)
    code = int(np.argmax(truth[:6]))
    tilt = np.ones(table.size)
    tilt[code] = 0.6
    hits = 0
    for seed in range(20):
        found = [s for s in suggest(town(seed, {"provenance": tilt})) if s.segment.codes == {"provenance": table.dimensions[0].codes[code]}]
        hits += bool(found)
    assert hits >= 19
    (s,) = found
    for language in ("fr", "en"):
        said = s.sentence(language)
        assert str(int(np.floor(s.index.low))) in said
        assert str(int(np.ceil(s.index.high))) in said
    assert s.index.high < 100
    assert s.volume.low > 0


def test_the_interval_of_an_index_holds_the_truth():
    """Chance included: of the town's own proportions, not of who happened to come."""
    table = POLICY.table("provenance")
    segment = Segment(table, 0, table.dimensions[0].codes[int(np.argmax(weights("provenance", 7)[:6]))])
    held = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        parts = {v: part_of(sheet("provenance", n, weights("provenance", 7), random), segment) for v, n in SIZES.items()}
        found = index(parts, "a")
        held += found.low <= 100 <= found.high
    assert 0.93 <= held / 400 <= 0.995


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_the_control_is_benjamini_and_yekutielis(rate):
    random = np.random.default_rng(3)
    for _ in range(20):
        p = np.concatenate([random.uniform(size=40), random.uniform(0, 0.004, size=8)])
        assert sorted(discoveries(list(p), rate)) == list(np.flatnonzero(false_discovery_control(p, method="by") <= rate))
    assert discoveries([]) == []
