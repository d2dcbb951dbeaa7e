"""Where to look next: noise is not sold as insight, a planted difference is found, and only what is shared enters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from privacy.errors import Fault
from privacy.policy import read_policy
from warehouse.charter import Member
from warehouse.reports.cells import Sheet
from warehouse.reports.figures import Estimate
from warehouse.targeting.discovery import RATE, discoveries
from warehouse.targeting.lift import lift
from warehouse.targeting.likeness import alike, squared
from warehouse.targeting.segments import Segment, index, part_of
from warehouse.targeting.sight import Sight
from warehouse.targeting.suggestions import suggest
from warehouse.targeting.timing import best

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
    return Sight(
        "a",
        {v: member(v).model_copy(update={"id": v}) for v in SIZES},
        replace(POLICY, tables=tables),
        {PERIOD: sheets},
    )


@pytest.mark.parametrize("towns", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_where_no_venue_differs_hardly_ever_is_anything_suggested(towns):
    """All suggestions are then false: in at most the stated share of towns is there one."""
    said = [suggest(town(seed)) for seed in range(towns)]
    assert sum(bool(s) for s in said) <= RATE * towns
    uncontrolled = [sum(s.p_value < 0.05 for s in suggest(town(seed), rate=1e9)) for seed in range(3)]
    assert sum(uncontrolled) > 0  # without control there would be some


def test_a_planted_weakness_is_found_and_told_in_its_interval():
    table = POLICY.table("provenance")
    truth = weights("provenance", table.size)
    code = int(np.argmax(truth[:6]))
    tilt = np.ones(table.size)
    tilt[code] = 0.6
    hits = 0
    for seed in range(10):
        found = [
            s
            for s in suggest(town(seed, {"provenance": tilt}))
            if s.segment.codes == {"provenance": table.dimensions[0].codes[code]}
        ]
        hits += bool(found)
    assert hits >= 9
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
        parts = {
            v: part_of(sheet("provenance", n, weights("provenance", 7), random), segment) for v, n in SIZES.items()
        }
        found = index(parts, "a")
        held += found.low <= 100 <= found.high
    assert 0.93 <= held / 400 <= 0.995


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.3])
def test_the_control_is_benjamini_and_yekutielis(rate):
    random = np.random.default_rng(3)
    for _ in range(20):
        p = np.concatenate([random.uniform(size=40), random.uniform(0, 0.004, size=8)])
        assert sorted(discoveries(list(p), rate)) == list(
            np.flatnonzero(false_discovery_control(p, method="by") <= rate)
        )
    assert discoveries([]) == []


@pytest.mark.slow
def test_a_venue_of_the_same_profile_is_not_told_apart_and_another_is():
    table = POLICY.table("provenance")
    tilt = np.geomspace(0.25, 4, table.size)
    apart = same = 0
    for seed in range(20):
        same += sum(x.told_apart for x in alike(town(seed)))
        apart += sum(
            x.told_apart for x in alike(town(seed, {"provenance": tilt})) if x.venue != "f"
        )  # 900 people are too few
    assert same <= 0.05 * 20 * 5
    assert apart >= 0.95 * 20 * 4


def test_the_interval_of_a_distance_holds_the_true_one():
    table = POLICY.table("provenance")
    p, q = weights("provenance", 7), weights("provenance", 7) * np.array([0.6, 1.4, 1, 1, 1.3, 1, 1])
    own = [Segment(table, 0, c) for c in table.dimensions[0].codes[:6]]
    known = [w[:6] / w[:6].sum() for w in (p, q)]
    held = total = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        told = []
        for truth in (p, q):
            made = sheet("provenance", 4000, truth, random)
            told.append({s.code: part for s in own if (part := part_of(made, s))})
        shared = [i for i, s in enumerate(own) if s.code in told[0] and s.code in told[1]]
        a, b = ([*k[shared], max(1 - k[shared].sum(), 0)] for k in known)
        truth = sum((np.sqrt(x) - np.sqrt(y)) ** 2 for x, y in zip(a, b, strict=True)) / 2
        found = squared(*told, len(own))
        held += found.low <= truth <= found.high
        total += 1
    assert held / total >= 0.93


def test_a_lead_time_is_named_only_where_it_is_surely_first():
    table = POLICY.table("anticipation")
    spread = np.ones((7, 12)) * np.array([1, 1, 1, 1, 1, 1, 0.2])[:, None]
    even = town(1, {"anticipation": (spread / weights("anticipation", table.size).reshape(7, 12)).ravel()})
    only = replace(even, periods={PERIOD: {"a": even.periods[PERIOD]["a"]}})
    tied = best(only, "anticipation")
    assert not tied.clear
    assert "La marge" in tied.sentence("fr")
    ahead = best(town(1), "anticipation")
    _, share = ahead.codes[0]
    assert share.value == max(s.value for _, s in ahead.codes)
    assert ahead.clear == (len(ahead.codes) == 1)


def years(seed: int, boost: float = 1.0, growth: float = 1.0) -> tuple[Sight, Segment]:
    """Two autumns of one venue: all of it grows, and one segment more than the rest."""
    table, random = POLICY.table("provenance"), np.random.default_rng(seed)
    truth = weights("provenance", 7)
    code = int(np.argmax(truth[:6]))
    moved = truth.copy()
    moved[code] *= boost
    before = sheet("provenance", random.poisson(3000), truth, random)
    after = sheet("provenance", random.poisson(3000 * growth * moved.sum()), moved, random)
    periods = {"2024-2025-T1": {"a": {"provenance": before}}, "2025-2026-T1": {"a": {"provenance": after}}}
    return Sight("a", {"a": member("a")}, POLICY, periods), Segment(table, 0, table.dimensions[0].codes[code])


@pytest.mark.parametrize("growth", [1.0, 1.5])
def test_a_venue_that_grows_has_no_lift_and_its_interval_says_so(growth):
    found = [lift(*years(seed, growth=growth), "2025-2026-T1") for seed in range(300)]
    assert sum(f.seen for f in found) <= 0.07 * 300
    quiet = next(f for f in found if not f.seen)
    assert "could not have been seen" in quiet.sentence("en")
    assert "n’aurait pas pu être vu" in quiet.sentence("fr")


def test_a_campaign_as_large_as_the_least_is_seen_about_eight_times_in_ten():
    sight, segment = years(0)
    quiet = lift(sight, segment, "2025-2026-T1")
    boost = 1 + quiet.least / quiet.expected
    seen = sum(lift(*years(seed, boost=boost), "2025-2026-T1").people.low > 0 for seed in range(300))
    assert 0.7 <= seen / 300 <= 0.92


def test_a_quarter_is_not_compared_with_a_season():
    sight, segment = years(0)
    with pytest.raises(Fault, match="not as long"):
        lift(sight, segment, "2025-2026-T1", "2024-2025")
    with pytest.raises(Fault, match="published nothing"):
        lift(sight, segment, "2024-2025-T1")


@pytest.mark.parametrize(("elsewhere", "found"), [("38544", True), ("75056", False)])
def test_departements_are_compared_among_venues_of_the_same_one(elsewhere, found):
    """A venue in Paris draws on other places: that is no weakness of one in Isère."""
    table, random = POLICY.table("departement"), np.random.default_rng(1)
    places = [d for d in table.dimensions[0].codes if d in ("38", "69", "26", "unknown")]
    truth = np.array([float(c in places) for c in table.dimensions[0].codes])
    tilt = np.where(np.array(table.dimensions[0].codes) == "69", 0.3, 1.0)
    sheets = {v: {"departement": sheet("departement", 3000, truth * (tilt if v == "a" else 1), random)} for v in "abc"}
    members = {v: member(v).model_copy(update={"id": v, "commune": "38185" if v == "a" else elsewhere}) for v in "abc"}
    said = suggest(Sight("a", members, replace(POLICY, tables=(table,)), {PERIOD: sheets}))
    assert [s.segment.codes for s in said] == [{"departement": "69"}] * found


def test_a_channel_that_one_small_venue_alone_shows_is_not_the_networks_first():
    """Shares are of everyone: where a code is hidden it counts as nobody, not as a venue that is not there."""
    whole = town(1)
    channel = POLICY.table("channel")
    free = np.zeros([len(d.codes) for d in channel.dimensions])
    free[5] = 1
    rest = 1 - free
    random = np.random.default_rng(2)
    for venue, sheets in whole.periods[PERIOD].items():
        truth = (free if venue == "f" else rest).ravel()
        sheets["channel"] = sheet("channel", SIZES[venue], truth, random)
    found = best(whole, "channel")
    assert all(segment.code != "inscription" for segment, _ in found.codes)
    assert channel.dimensions[0].codes[5] == "inscription"


def test_what_is_told_of_everyone_known_has_no_lift():
    sight, _ = years(0)
    with pytest.raises(Fault, match="of everyone known"):
        lift(sight, Segment(POLICY.table("loyalty"), 0, "occasionnel"), "2025-2026-T1")
