"""Raking: what bounds took is put back, and every figure says honestly how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.agreement import as_drawn
from privacy.raking import Estimates, Seen, rake

ROWS, COLUMNS = 12, 20
INDEX = {
    (): np.zeros(ROWS * COLUMNS, np.int64),
    ("row",): np.repeat(np.arange(ROWS), COLUMNS),
    ("column",): np.tile(np.arange(COLUMNS), ROWS),
}
Town = tuple[np.ndarray, np.ndarray]  # true cells, and what bounds leave of them


def town(random: np.random.Generator, *, skewed: bool) -> Town:
    """Cells of a few hundred people of whom bounds keep a half to nine tenths, differently by row and by column.

    Skewed: in a third of the cells bounds keep more, which no one-way level sees.
    """
    cells = random.gamma(2, 150, ROWS * COLUMNS)
    kept = 0.7 * np.exp(random.normal(0, 0.08, ROWS)[INDEX["row",]] + random.normal(0, 0.04, COLUMNS)[INDEX["column",]])
    if skewed:
        kept = kept * np.where((INDEX["row",] + INDEX["column",]) % 3 == 0, 1.06, 1.0)
    return cells, random.binomial(cells.astype(int), np.minimum(kept, 1)).astype(float)


def raked(random: np.random.Generator, found: Town, noise: float = 15.0, most: float = 4.0) -> Estimates:
    cells, left = found
    seen = {}
    for level, index in INDEX.items():
        sigma = noise * (8 if level else 40)
        taken = np.bincount(index, cells - left)
        seen[level] = Seen(index, taken + random.normal(0, sigma, taken.size), sigma)
    return rake(left + random.normal(0, noise, left.size), noise, seen, most)


@pytest.mark.parametrize("skewed", [False, True])
def test_a_95_percent_interval_holds_the_truth_95_times_in_100(skewed: bool) -> None:
    """Cells, one-way sums and the total; and intervals that are a third shorter would not."""
    random = np.random.default_rng(11)
    inside: dict[str, list[float]] = {"cells": [], "short": [], "rows": [], "columns": [], "total": []}
    for _ in range(200):
        truth = town(random, skewed=skewed)
        found = raked(random, truth)
        error = np.abs(found.values - truth[0])
        inside["cells"].append(float((error < 1.96 * found.se).mean()))
        inside["short"].append(float((error < 0.66 * 1.96 * found.se).mean()))
        for name, level in (("rows", ("row",)), ("columns", ("column",)), ("total", ())):
            values, se = found.sums(level, INDEX[level])
            inside[name].append(float((np.abs(values - np.bincount(INDEX[level], truth[0])) < 1.96 * se).mean()))
    cover = {name: float(np.mean(shares)) for name, shares in inside.items()}
    assert 0.93 <= cover["cells"] <= 0.97, cover
    assert cover["short"] < 0.87, cover
    assert all(0.91 <= cover[name] <= 0.995 for name in ("rows", "columns", "total")), cover


def test_the_loss_is_put_back() -> None:
    """Bounds took three tenths; after raking cells are right on average, and so is the total."""
    random = np.random.default_rng(5)
    cells, left = town(random, skewed=False)
    found = raked(random, (cells, left))
    assert left.sum() / cells.sum() < 0.75
    assert np.median(np.abs(found.values / cells - 1)) < 0.1
    assert found.values.sum() == pytest.approx(cells.sum(), rel=0.02)


@given(seed=st.integers(0, 2**32), noise=st.floats(0.1, 5000), most=st.floats(1, 30))
def test_whatever_was_drawn_the_answer_is_finite_and_within_what_bounds_can_do(seed: int, noise: float, most: float) -> None:  # fmt: skip
    random = np.random.default_rng(seed)
    found = raked(random, town(random, skewed=True), noise, most)
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.se).all()
    assert (found.se > 0).all()
    assert (found.common(found.values) <= found.se * (1 + 1e-9)).all()
    for level, index in INDEX.items():
        values, se = found.sums(level, index)
        assert np.isfinite(values).all()
        assert np.isfinite(se).all()
        assert np.allclose(values, np.bincount(index, found.values))


def test_too_little_to_tell_leaves_the_figures_as_drawn_and_says_how_wrong_they_may_be() -> None:
    """The cells are lost in their noise: nothing is corrected, and the margin has room for all that bounds may have taken."""
    noisy = np.full(4, 100.0)
    seen = {(): Seen(np.zeros(4, np.int64), np.array([300.0]), 400.0)}
    found = rake(noisy, 150.0, seen, most=2.0)
    assert (found.values == noisy).all()
    assert (found.se >= 100 * np.log(2)).all()


def test_less_than_nothing_taken_is_noise_and_takes_nothing_away() -> None:
    """Bounds never add: cells are not made smaller."""
    noisy = np.full(50, 100.0)
    seen = {(): Seen(np.zeros(50, np.int64), np.array([-300.0]), 300.0)}
    found = rake(noisy, 10.0, seen, most=2.0)
    assert found.values == pytest.approx(noisy)


def test_more_people_make_the_spread_of_amounts_smaller() -> None:
    noisy = np.full(50, 1000.0)
    seen = {(): Seen(np.zeros(50, np.int64), np.array([25_000.0]), 300.0)}
    few, many = (rake(noisy, 10.0, seen, 4.0, np.full(50, crowd)).se[0] for crowd in (20.0, 2000.0))
    assert few**2 - many**2 == pytest.approx(0.5 * 1500**2 * (1 / 20 - 1 / 2000))  # the ratio is one and a half


def test_the_total_is_the_cells_and_what_was_taken_with_the_errors_of_both() -> None:
    noisy = np.full(50, 1000.0)
    seen = {(): Seen(np.zeros(50, np.int64), np.array([25_000.0]), 300.0)}
    values, se = rake(noisy, 10.0, seen, 4.0).sums((), seen[()].index)
    assert values[0] == pytest.approx(75_000.0)
    assert se[0] == pytest.approx(np.hypot(300.0, 10 * 50**0.5), rel=0.1)


def test_a_measure_that_bounds_do_not_cut_is_as_drawn() -> None:
    noisy = np.array([5.0, -3.0, 40.0])
    found = as_drawn(noisy, 6.0, None)
    assert (found.values == noisy).all()
    assert found.se == pytest.approx([6.0, 6.0, 6.0])
    values, se = found.sums((), np.zeros(3, np.int64))
    assert (values[0], se[0]) == pytest.approx((42.0, 6 * 3**0.5))
