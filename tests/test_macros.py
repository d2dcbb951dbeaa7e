"""The macros keep their word under a partner's own GROUP BY: 95 intervals in 100 hold the truth, and no other scale would do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import duckdb
import numpy as np
import polars as pl
import pytest

from warehouse.definitions import Z95, sql

DRAWS = 4000  # 95 in 100 of them, give or take a third of one
RIGHT = pytest.approx(0.95, abs=0.011)
VENUES, CELLS = 3, 8
TRUE = np.random.default_rng(11).integers(150, 2500, (VENUES, CELLS)).astype(float)
TICKETS = TRUE * np.linspace(1.4, 2.6, CELLS)
PART = np.arange(CELLS) < 3
HIDDEN = np.zeros((VENUES, CELLS), bool)
HIDDEN[0, 1] = HIDDEN[1, 6] = True


def measured(truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, standard error, common standard error: each cell's own error, and one a release in proportion to its cells."""
    random = np.random.default_rng(seed)
    own = random.uniform(8, 25, truth.shape)
    common = truth * np.array([[0.01], [0.03], [0.0]])
    drawn = truth + own * random.standard_normal((DRAWS, *truth.shape))
    drawn += common * random.standard_normal((DRAWS, VENUES, 1))
    drawn[:, HIDDEN] = np.nan
    return drawn, *(np.broadcast_to(np.where(HIDDEN, np.nan, e), drawn.shape) for e in (np.hypot(own, common), common))


@pytest.fixture(scope="module")
def drawn() -> duckdb.DuckDBPyConnection:
    """`cells`: 4,000 times what a partner could see of three venues' releases."""
    draw, venue, cell = (axis.ravel() for axis in np.indices((DRAWS, VENUES, CELLS)))
    columns = {"draw": draw, "venue": venue, "cell": cell, "release_id": venue}
    for name, truth, seed in (("people", TRUE, 1), ("tickets", TICKETS, 2)):
        told = zip(("", "_se", "_common_se"), measured(truth, seed), strict=True)
        columns |= {f"{name}{end}": values.ravel() for end, values in told}
    connection = duckdb.connect()
    connection.execute(sql("macros", z=Z95))
    frame = pl.DataFrame(columns).with_columns(pl.selectors.float().fill_nan(None))
    connection.register("arriving", frame)
    connection.execute("create table cells as from arriving")
    return connection


def covers(drawn: duckdb.DuckDBPyConnection, macro: str, truth: float, where: str, scale: float = 1) -> float:
    """In how many draws the interval, made `scale` as wide, holds the truth."""
    held = f"select avg((abs(s.value - {truth}) <= {scale} * {Z95} * s.se)::int)"
    (share,) = drawn.execute(f"{held} from (select {macro} as s from cells where {where} group by draw)").fetchone()
    (same,) = drawn.execute(
        f"select bool_and(abs(s.high - s.low - 2 * {Z95} * s.se) < 1e-9 * abs(s.value)) "
        f"from (select {macro} as s from cells where {where} group by draw)"
    ).fetchone()
    assert same  # the interval is what it says it is
    return share


SHOWN, PEOPLE = ~HIDDEN, "people, people_se, people_common_se"


def share(rows: np.ndarray) -> float:
    """The part among what is shown."""
    return (TRUE * SHOWN * rows * PART).sum() / (TRUE * SHOWN * rows).sum()


ONE = np.array([[0], [1], [0]])  # the venue whose common error is large
EACH: dict[str, tuple[str, float, str]] = {
    "a sum in one release": (f"noisy_sum({PEOPLE})", (TRUE * SHOWN)[1].sum(), "venue = 1"),
    "a sum of some of its cells": (f"noisy_sum({PEOPLE})", (TRUE * SHOWN)[0, :5].sum(), "venue = 0 and cell < 5"),
    "a ratio in one release": (
        f"noisy_ratio(tickets, tickets_se, tickets_common_se, {PEOPLE})",
        (TICKETS * SHOWN)[1].sum() / (TRUE * SHOWN)[1].sum(),
        "venue = 1",
    ),
    "a share in one release": (f"noisy_share({PEOPLE}, cell < 3, release_id)", share(ONE), "venue = 1"),
    "a share over three": (f"noisy_share({PEOPLE}, cell < 3, release_id)", share(ONE + 1 > 0), "true"),
    "an index": (
        f"index_vs_network({PEOPLE}, cell < 3, venue = 1, release_id)",
        100 * share(ONE) / share(ONE + 1 > 0),
        "true",
    ),
    "a sum without a common error": (f"noisy_sum({PEOPLE})", TRUE[2].sum(), "venue = 2"),
}


@pytest.mark.parametrize("what", EACH)
def test_95_intervals_in_100_hold_the_truth_and_a_wrong_scale_is_seen(drawn, what):
    macro, truth, where = EACH[what]
    assert covers(drawn, macro, truth, where) == RIGHT
    for wrong in (0.9, 1.1):
        assert covers(drawn, macro, truth, where, wrong) != RIGHT


def test_over_several_releases_sums_and_ratios_are_safe_rather_than_exact(drawn):
    """SQL cannot tell releases apart in a sum: their common errors are added as if they were one."""
    assert covers(drawn, f"noisy_sum({PEOPLE})", (TRUE * SHOWN).sum(), "true") >= 0.95
    ratio = (TICKETS * SHOWN).sum() / (TRUE * SHOWN).sum()
    macro = f"noisy_ratio(tickets, tickets_se, tickets_common_se, {PEOPLE})"
    assert covers(drawn, macro, ratio, "true") >= 0.95


@pytest.mark.parametrize("naive", ["sqrt(sum(people_se ** 2))", "sum(people_se)"])
def test_what_people_would_write_themselves_is_wrong(drawn, naive):
    macro = f"interval95(sum(people), {naive})"
    assert covers(drawn, macro, (TRUE * SHOWN)[1].sum(), "venue = 1") != RIGHT


def numeric(value: Callable[[np.ndarray], float], cells: pl.DataFrame) -> float:
    """The standard error of any function of the cells, by its slope at each, without a formula of the macros."""
    at = cells["people"].to_numpy()
    steps = 1e-4 * np.abs(at) * np.eye(len(at))
    slopes = np.array([(value(at + s) - value(at - s)) / (2 * s.sum()) for s in steps])
    own = cells["people_se"].to_numpy() ** 2 - cells["people_common_se"].to_numpy() ** 2
    pulls = pl.DataFrame({"release": cells["release_id"], "pull": slopes * cells["people_common_se"].to_numpy()})
    return float(np.sqrt((slopes**2 * own).sum() + (pulls.group_by("release").sum()["pull"] ** 2).sum()))


def test_shares_and_indices_are_what_their_slopes_say(drawn):
    cells = drawn.execute("from cells where draw = 0 and people is not null").pl()
    part, mine = (cells["cell"] < 3).to_numpy(), (cells["venue"] == 1).to_numpy()

    def of(values: np.ndarray, rows: np.ndarray) -> float:
        return values[part & rows].sum() / values[rows].sum()

    everywhere = np.ones(len(part), bool)
    told = drawn.execute(
        f"select noisy_share({PEOPLE}, cell < 3, release_id).se, "
        f"index_vs_network({PEOPLE}, cell < 3, venue = 1, release_id).se from cells where draw = 0"
    ).fetchone()
    assert told == pytest.approx(
        (
            numeric(lambda v: of(v, everywhere), cells),
            numeric(lambda v: 100 * of(v, mine) / of(v, everywhere), cells),
        ),
        rel=1e-5,
    )


def test_cells_that_are_not_shown_and_errors_not_told_count_for_nothing(drawn):
    rows = "(values (10.0, 3.0, 1.0, true), (20.0, 4.0, null, false), (null, null, null, true)) as t(v, se, c, part)"
    found = drawn.execute(
        f"select noisy_sum(v, se, c), noisy_share(v, se, c, part, 1).value, noisy_share(v, se, c, v is null, 1), "
        f"noisy_ratio(v, se, c, if(part, null, v), if(part, null, se), if(part, null, c)).value from {rows}"
    ).fetchone()
    assert found[0]["value"] == 30
    assert found[0]["se"] == pytest.approx((9 - 1 + 16 + 1) ** 0.5)
    assert found[1] == pytest.approx(1 / 3)
    assert found[2]["value"] is None
    assert found[3] == 1
    widths = [found[0][k] for k in ("low", "value", "high")]
    assert all(a < b for a, b in pairwise(widths))
