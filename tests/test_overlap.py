"""Overlap and reach from noisy sketches: right on average, honest about their error, and the same in SQL."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from privacy.errors import Fault
from warehouse.definitions import Z95, sql
from warehouse.overlap.attendance import attendance
from warehouse.overlap.estimates import (
    Estimate,
    audience,
    frequencies,
    new_reach,
    normal,
    overlap,
    pooled,
    share,
    union,
)
from warehouse.overlap.likelihood import fit
from warehouse.overlap.moments import binomial_moments, correlation, gram, reach_bounds
from warehouse.overlap.planning import plan_reach
from warehouse.overlap.tables import attendances, crossing_share, crossings, partners, reach_curve
from warehouse.overlap.vectors import Vector, added, aligned, combined, misfit, noise, read_vectors

RANDOM = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def _seeded():
    """Each test draws the same, whichever others run."""
    RANDOM.bit_generator.state = np.random.default_rng(11).bit_generator.state


def sketches(goes, m, epsilon, *, told=None, key="k", period="2025-2026", mechanism="discrete Laplace"):
    """What venues would publish of a town, `goes` (venues, people): true noise of `epsilon`, declared as `told`."""
    bucket, q = RANDOM.integers(m, size=goes.shape[1]), 1 - np.exp(-epsilon)
    law = noise(mechanism, 1 / (told or epsilon))
    made = []
    for venue, there in enumerate(goes):
        noisy = np.bincount(bucket[there], minlength=m) + RANDOM.geometric(q, m) - RANDOM.geometric(q, m)
        made.append(Vector(f"v{venue}", noisy.astype(float), law, key, period))
    return made


def town(venues, people, outings=2.0, seed=1):
    """Who goes where: a few go out a lot, and venues differ in size."""
    draw = np.random.default_rng(seed)
    zeal, size = draw.gamma(0.6, 1 / 0.6, people), draw.lognormal(0, 0.5, venues)
    return draw.random((venues, people)) < 1 - np.exp(-outings / venues * size[:, None] * zeal)


def three(a=3000, b=2000, c=1500, ab=600, ac=300, bc=200, abc=150):
    """Three venues of known crossings."""
    sizes = {(1, 1, 1): abc, (1, 1, 0): ab - abc, (1, 0, 1): ac - abc, (0, 1, 1): bc - abc}
    sizes |= {(1, 0, 0): a - ab - ac + abc, (0, 1, 0): b - ab - bc + abc, (0, 0, 1): c - ac - bc + abc}
    return np.repeat(np.array(list(sizes), dtype=bool), list(sizes.values()), axis=0).T


TOWN = three()
TRUTH = {
    "audience": (lambda v: audience(v[0]), 3000),
    "overlap": (lambda v: overlap(v[:2]), 600),
    "overlap of three": (overlap, 150),
    "union": (lambda v: union(v[:2]), 4400),
    "union of three": (union, 3000 + 2000 + 1500 - 600 - 300 - 200 + 150),
    "once": (lambda v: frequencies(v)[0], 3000 + 2000 + 1500 - 2 * 1100 + 3 * 150),
    "new": (lambda v: new_reach(v[2], v[:2]), 1500 - 300 - 200 + 150),
}


def by_moments(vectors):
    g = gram(vectors)
    return normal(g.common[0, 1], g.covariance((0, 1), (0, 1)) ** 0.5)


def in_bounds(vectors):
    value, se, low, high = reach_bounds(vectors)
    return Estimate(value, se, low, high)


def held(truth, estimate, draws, **how):
    """How many intervals hold the truth, and the errors in standard errors."""
    found = [estimate(sketches(TOWN, 4096, 1.0, **how)) for _ in range(draws)]
    return sum(e.low <= truth <= e.high for e in found), np.array([(e.value - truth) / e.se for e in found])


@pytest.mark.parametrize("draws", [60, pytest.param(600, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("estimate", "truth"),
    [*TRUTH.values(), (by_moments, 600), (lambda v: in_bounds(v[:2]), 4400)],
    ids=[*TRUTH, "overlap by moments", "reach by moments"],
)
def test_intervals_hold_95_times_in_100(estimate, truth, draws):
    """Their error is that of noise, hashing and sizes together: neither smaller nor much larger than what is stated."""
    count, z = held(truth, estimate, draws)
    assert binomtest(count, draws, 0.95).pvalue > 1e-3
    assert abs(z.mean()) < 4 / draws**0.5
    if draws > 100:
        assert count / draws >= 0.93
        assert 0.88 < z.std() < 1.12


@pytest.mark.parametrize("estimate", ["audience", "overlap"])
def test_a_wrong_scale_is_rejected(estimate):
    """Noise declared at half its scale: intervals are too short, and this way of testing sees it."""
    count, _ = held(TRUTH[estimate][1], TRUTH[estimate][0], 60, told=2.0)
    assert binomtest(count, 60, 0.95).pvalue < 1e-3


@pytest.mark.parametrize(("told", "fits"), [(1.0, True), (1.2, False), (0.8, False)])
def test_the_spread_of_the_buckets_tells_the_scale(told, fits):
    assert (abs(misfit(sketches(TOWN, 16384, 1.0, told=told)[0])) < 4) == fits


@pytest.mark.slow
def test_attendance_of_four_venues_is_held_95_times_in_100():
    goes = town(4, 8000)
    times = goes.sum(axis=0)
    count = [
        e.low <= t <= e.high
        for _ in range(200)
        for e, t in zip(frequencies(sketches(goes, 4096, 1.0)), [(times == j).sum() for j in range(1, 5)], strict=True)
    ]
    assert np.mean(count) >= 0.93


def test_attendance_of_many_venues_is_bounded_or_said_to_be_unknown():
    goes = town(12, 40_000)
    times = goes.sum(axis=0)
    vectors = sketches(goes, 16384, 2.0)
    reach = union(vectors)
    assert reach.low <= (times > 0).sum() <= reach.high
    assert reach.tells
    table = attendances(vectors)
    assert table["venues"].to_list() == ["1", "2", "3", "4+"]
    truth = [(times == 1).sum(), (times == 2).sum(), (times == 3).sum(), (times >= 4).sum()]
    assert ((table["people_low"] <= pl.Series(truth)) & (pl.Series(truth) <= table["people_high"])).all()
    assert not table["tells"][1], "twice exactly is not to be told from once and thrice"


def test_binomial_moments_are_right_on_average():
    """S_k counts everyone's choices of k of their venues."""
    goes = town(5, 3000, 3.0)
    times = goes.sum(axis=0)
    found = np.array([binomial_moments(sketches(goes, 2048, 2.0), 4)[0] for _ in range(150)])
    truth = np.array(
        [times.sum(), *((np.array([len(list(combinations(range(t), k))) for t in times])).sum() for k in (2, 3, 4))]
    )
    assert (np.abs(found.mean(axis=0) - truth) < 4 * found.std(axis=0) / 150**0.5).all()


def test_the_joint_likelihood_is_worth_a_third_of_the_variance():
    two = three(a=2000, b=2000, c=0, ab=400, ac=0, bc=0, abc=0)[:2]
    errors = []
    for _ in range(200):
        vectors = sketches(two, 8192, 2.0)
        errors.append((overlap(vectors).value - 400, by_moments(vectors).value - 400))
    likely, moments = np.square(errors).mean(axis=0)
    assert likely < moments * 0.75


def test_nothing_in_common_keeps_negative_estimates():
    apart = three(a=1500, b=1500, c=0, ab=0, ac=0, bc=0, abc=0)[:2]
    found = [overlap(sketches(apart, 2048, 1.0)) for _ in range(60)]
    values = np.array([e.value for e in found])
    assert (values < 0).any()
    assert abs(values.mean()) < 4 * values.std() / 60**0.5
    assert not any(e.tells for e in found[:20])


def test_a_large_sketch_is_folded_as_if_hashed_so():
    """Over the smaller's buckets, with the noise of all that was added up."""
    (one,) = sketches(TOWN[:1], 8192, 1.0)
    (other,) = sketches(TOWN[:1], 2048, 1.0)
    folded, same = aligned([one, other])
    assert same is other
    assert folded.counts[5] == one.counts[5::2048].sum()
    assert folded.noise.variance == pytest.approx(4 * one.noise.variance)
    spread = np.arange(folded.noise.law.size) - folded.noise.law.size // 2
    assert (spread**2 @ folded.noise.law) == pytest.approx(4 * one.noise.variance)


def test_what_cannot_be_compared_is_refused():
    (one,) = sketches(TOWN[:1], 1000, 1.0)
    (other,) = sketches(TOWN[:1], 2048, 1.0)
    (later,) = sketches(TOWN[:1], 2048, 1.0, key="next")
    with pytest.raises(Fault, match="power of two"):
        overlap([one, other])
    with pytest.raises(Fault, match="different season keys"):
        overlap([other, later])
    with pytest.raises(Fault, match="2, 3 or 4 venues"):
        overlap([other])
    with pytest.raises(Fault, match="not “Gumbel”"):
        noise("Gumbel", 1.0)
    with pytest.raises(Fault, match="positive scale"):
        noise("discrete Laplace", 0.0)
    with pytest.raises(Fault, match="at least one"):
        plan_reach([], 3)


@pytest.mark.parametrize(
    ("mechanism", "scale"), [("discrete Laplace", 0.5), ("discrete Laplace", 2.0), ("discrete Gaussian", 2.5)]
)
def test_the_law_of_the_noise_has_its_variance(mechanism, scale):
    law = noise(mechanism, scale)
    assert law.law.sum() == pytest.approx(1)
    spread = np.arange(law.law.size) - law.law.size // 2
    assert (spread**2 @ law.law) == pytest.approx(law.variance, rel=1e-4)


def test_everyone_and_the_parts_of_everyone_say_more_together():
    """An attribute's values share nobody: their sum is everyone again, with noise of its own."""
    bucket = RANDOM.integers(4096, size=TOWN.shape[1])
    parts = [TOWN * (np.arange(TOWN.shape[1]) % 3 == i) for i in range(3)]
    errors = []
    for _ in range(40):
        vectors = [Vector("v", np.bincount(bucket[who[0]], minlength=4096) + sketches(TOWN[:1] * False, 4096, 1.0)[0].counts,
                          noise("discrete Laplace", 1.0)) for who in (TOWN, *parts)]  # fmt: skip
        whole, together = vectors[0], combined([vectors[0], added(vectors[1:])])
        assert together.noise.variance == pytest.approx(whole.noise.variance * 0.75)
        errors.append((whole.counts.sum() - 3000, together.counts.sum() - 3000, audience(together).se))
    alone, better, stated = np.array(errors).T
    assert better.std() < alone.std()
    assert better.std() == pytest.approx(stated.mean(), rel=0.4)


def test_several_periods_and_venues_say_more_than_one_pair():
    """A fifth of a venue's people go to each of two others, in each of three seasons."""
    both = np.tile(np.array([[1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1], [0, 1, 1]], bool).T, 300)
    errors = []
    for _ in range(15):
        pairs = []
        for season in range(3):
            a, b, c = sketches(both, 1024, 1.0, key=f"{season}")
            pairs += [(a, b), (a, c)]
        table = crossing_share({"one": pairs[:1], "all": pairs})
        errors.append((table["share"] - 20, table["share_se"]))
    one, together = np.square(np.array(errors)[:, 0]).mean(axis=0) ** 0.5
    assert together < 0.6 * one
    stated = np.array(errors)[:, 1].mean(axis=0)
    assert stated[1] < 0.6 * stated[0]


def test_errors_of_pairs_move_together_as_stated():
    """Two pairs that share a venue, whose others share people: by the product of what the four have in common."""
    goes = three(a=3000, b=3000, c=3000, ab=2000, ac=2000, bc=2500, abc=1800)
    found = [sketches(goes, 1024, 2.0) for _ in range(200)]
    errors = np.array([[by_moments(v[:2]).value, by_moments(v[::2]).value] for v in found])
    stated = np.mean([correlation([(v[0], v[1]), (v[0], v[2])])[0, 1] for v in found])
    assert stated > 0.4
    assert np.corrcoef(errors.T)[0, 1] == pytest.approx(stated, abs=0.15)
    (a, b), (c, d) = sketches(goes[:2], 1024, 2.0), sketches(goes[:2], 1024, 2.0, key="next")
    assert correlation([(a, b), (c, d)])[0, 1] == 0


def test_what_differs_by_more_than_its_error_widens_the_pool():
    same = [normal(10, 1), normal(10.5, 1), normal(9.5, 1)]
    apart = [normal(5, 1), normal(10, 1), normal(15, 1)]
    assert pooled(same).se == pytest.approx(3**-0.5)
    assert pooled(apart).se == pytest.approx(5 / 3**0.5, rel=0.01)
    assert pooled(same, np.full((3, 3), 0.5) + 0.5 * np.eye(3)).se > pooled(same).se


def test_crossings_have_volume_share_and_lift():
    table = crossings(sketches(three(40_000, 30_000, 20_000, 8_000, 1000, 6000, 300), 65536, 2.0), normal(200_000, 0))
    first = table.row(0, named=True)
    assert (first["a"], first["b"], first["tells"]) == ("v0", "v1", True)
    for name, truth in (("people", 8000), ("share_a", 20), ("share_b", 8000 / 300), ("lift", 0.2 / 0.15)):
        assert first[f"{name}_low"] < truth < first[f"{name}_high"]
        assert first[name] == pytest.approx(truth, rel=0.1)
    weak = share(normal(5, 1), normal(1, 1))
    assert np.isnan(weak.value), "of an audience that may be nobody there is no share"


def test_the_reach_curve_and_new_partners_agree_with_the_town():
    goes = town(5, 30_000)
    vectors = sketches(goes, 16384, 2.0)
    curve = reach_curve(vectors)
    for count, row in enumerate(curve.iter_rows(named=True), 1):
        truth = goes[:count].any(axis=0).sum()
        assert row["reach"] == pytest.approx(truth, abs=4 * row["reach_se"])
        assert row["added"] == pytest.approx(truth - goes[: count - 1].any(axis=0).sum(), abs=4 * row["added_se"])
    told = partners(vectors[:1], vectors[1:])
    assert told["new"].is_sorted(descending=True)
    best = max(range(1, 5), key=lambda v: (goes[v] & ~goes[0]).sum())
    assert told["partner"][0] == f"v{best}"


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.slow) for s in range(2, 12))])
def test_the_plan_is_within_5_per_cent_of_the_best_set(seed):
    goes = town(12, 40_000, seed=seed)
    steps = plan_reach(sketches(goes, 16384, 1.0), 5)
    best = max(goes[list(chosen)].any(axis=0).sum() for chosen in combinations(range(12), 5))
    chosen = [int(step.venue[1:]) for step in steps]
    assert goes[chosen].any(axis=0).sum() >= 0.95 * best
    assert len(set(chosen)) == 5
    assert all(step.adds.low <= step.adds.value <= step.adds.high for step in steps)


def test_venues_that_noise_cannot_tell_apart_are_named():
    same = np.repeat(np.eye(3, dtype=bool), 2000, axis=1)
    first, *_ = plan_reach(sketches(same, 2048, 1.0), 2)
    assert set(first.close) | {first.venue} == {"v0", "v1", "v2"}


@pytest.fixture(scope="module")
def lake():
    """The lake's tables, as DuckDB has them, of four venues: one with a larger sketch, one with an older revision."""
    held = duckdb.connect()
    held.execute(
        "create table latest (release_id varchar);"
        "create table sketches (release_id varchar, venue varchar, season varchar, period varchar, part varchar,"
        " buckets integer, mechanism varchar, scale double, key varchar, counts integer[])"
    )
    goes = town(4, 4000)
    vectors = [*sketches(goes[:3], 1024, 1.0), *sketches(goes[3:], 4096, 1.0)]
    old = sketches(goes[:1], 1024, 1.0)
    for vector, release in zip([*vectors, *old], ["r0", "r1", "r2", "r3", "old"], strict=True):
        facts = {"release_id": release, "venue": vector.venue if release != "r3" else "v3", "season": "2025-2026",
                 "period": "2025-2026", "part": "all"}  # fmt: skip
        law = {"buckets": vector.buckets, "mechanism": "discrete Laplace", "scale": 1.0, "key": "k"}
        held.register("rows", pl.DataFrame([facts | law | {"counts": vector.counts.astype(int).tolist()}]))
        held.execute("insert into sketches by name select * from rows")
    held.execute("insert into latest values ('r0'), ('r1'), ('r2'), ('r3')")
    held.execute(sql("reach", z=Z95))
    read = read_vectors(held.execute("from sketches semi join latest using (release_id)").pl())
    yield held, {v.venue: v for v in read}
    held.close()


def test_overlap_in_sql_is_that_of_python(lake):
    held, vectors = lake
    for a, b in combinations(vectors, 2):
        (row,) = held.execute("from overlap(?, ?)", [a, b]).fetchall()
        found = by_moments([vectors[a], vectors[b]])
        assert row[:2] == ("2025-2026", "all")
        assert row[2:] == pytest.approx((found.value, found.se, found.low, found.high))


@pytest.mark.parametrize(
    "chosen", [["v0"], ["v0", "v1"], ["v2", "v0", "v1"], ["v0", "v1", "v2", "v3"], ["v1", "v1", "v0"]]
)
def test_reach_in_sql_is_that_of_python(lake, chosen):
    held, vectors = lake
    (row,) = held.execute("from reach(?)", [chosen]).fetchall()
    assert row[2:] == pytest.approx(reach_bounds([vectors[v] for v in dict.fromkeys(chosen)]))


def test_sql_tells_nothing_of_a_venue_without_a_sketch(lake):
    held, _ = lake
    assert held.execute("from reach(['v0', 'nobody'])").fetchall() == []
    assert held.execute("from overlap('v0', 'nobody')").fetchall() == []


def test_bounds_of_reach_hold_with_more_than_two_venues():
    goes = town(8, 20_000)
    vectors = sketches(goes, 8192, 1.0)
    _, _, low, high = reach_bounds(vectors)
    assert low <= goes.any(axis=0).sum() <= high


def test_what_is_out_of_reach_of_the_likelihood_is_left_to_moments():
    goes = town(4, 3000)
    vectors = sketches(goes, 1024, 1.0)
    assert fit(vectors) is None
    assert attendance(vectors).range_of(np.ones(4))[0] == union(vectors).value
    blended = combined([vectors[0], vectors[0]])
    assert fit([blended]) is None
    assert audience(blended).value == pytest.approx(blended.counts.sum())
    assert overlap(vectors).low <= goes.all(axis=0).sum() <= overlap(vectors).high + 3 * overlap(vectors).se


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(-25, 60), min_size=16, max_size=16), min_size=2, max_size=3), st.floats(0.8, 8))
def test_whatever_was_counted_each_figure_has_an_error(counts, scale):
    law = noise("discrete Gaussian", scale)
    vectors = [Vector(str(i), np.array(own, dtype=float), law) for i, own in enumerate(counts)]
    for found in (overlap(vectors), union(vectors), new_reach(vectors[0], vectors[1:]), *frequencies(vectors)):
        assert np.isfinite([found.value, found.se]).all()
        assert found.se > 0 or found.low == found.high == 0
        assert found.low <= found.high


def test_one_sketch_under_two_names_stops_no_report():
    """The same counts, noise included, or all but: as of a venue that is there twice. No rates explain them."""
    [first] = sketches(town(1, 6000), 512, 0.3)
    for seed in range(12):
        moved = np.random.default_rng(seed).integers(-10, 11, first.counts.size) * (seed % 3 > 0)
        twin = replace(first, venue="twin", counts=first.counts + moved)
        shared = overlap([first, twin])
        assert np.isfinite([shared.value, shared.se, shared.low, shared.high]).all()
        assert len(plan_reach([first, twin], 2)) == 2
