"""Tables that count the same people show one number of people, and know it better than each would alone."""

from __future__ import annotations

import numpy as np
import pytest
from releases import sender, small_policy

from privacy.agreement import agree, as_drawn
from privacy.calendar import Period
from privacy.plan import TablePlan, plan
from privacy.policy import Policy

PEOPLE = frozenset({"people", "tickets"})


def drawn(plans: tuple[TablePlan, ...], random: np.random.Generator, people: int) -> dict[str, dict]:
    """The noise of a release whose people are all in the first cell of each table, two tickets each."""
    found: dict[str, dict] = {}
    for p in plans:
        found[p.table.name] = {}
        for n in (*p.cells, *p.levels):
            steps = np.zeros(p.table.extent(n.dimensions), np.int64)
            steps[0] = people * n.measure.step * (2 if n.measure.name == "tickets" else 1)
            found[p.table.name][n] = steps + np.rint(random.normal(0, n.sigma, steps.size)).astype(np.int64)
    return found


@pytest.fixture
def plans(policy: Policy) -> tuple[TablePlan, ...]:
    tables = tuple(policy.table(name) for name in ("provenance", "departement", "family"))
    return plan(policy, Period(2025), tables, PEOPLE)


def test_the_agreed_total_is_what_is_claimed(plans: tuple[TablePlan, ...]) -> None:
    """Nearer to the truth than the best table alone, with the standard error that is stated."""
    random = np.random.default_rng(3)
    totals, alone = [], []
    for _ in range(400):
        noisy = drawn(plans, random, 5000)
        found = agree(plans, noisy)
        assert set(found) == {(t, m) for t in ("provenance", "departement") for m in PEOPLE}
        assert found["provenance", "people"] == found["departement", "people"]
        totals.append(found["provenance", "people"][0])
        alone.append(noisy["provenance"][plans[0].cells[0]].sum() / 1000)
    stated = found["provenance", "people"][1] ** 0.5
    assert np.std(totals) == pytest.approx(stated, rel=0.15)
    assert np.mean(totals) == pytest.approx(5000, abs=5 * stated / 20)
    best = plans[0].cells[0].sigma / 1000 * plans[0].table.size ** 0.5
    assert stated < best
    assert np.std(alone) == pytest.approx(best, rel=0.15)


def test_tables_of_other_people_or_many_cells_are_left_alone(policy: Policy) -> None:
    tables = tuple(policy.table(name) for name in ("loyalty", "provenance", "family", "admissions"))
    plans = plan(policy, Period(2025), tables, PEOPLE | {"admissions"})
    assert agree(plans, drawn(plans, np.random.default_rng(1), 100)) == {}


def test_cells_move_alike_to_add_up_to_the_total() -> None:
    noisy = np.array([10.0, 30.0, -4.0])
    found = as_drawn(noisy, 5.0, (42.0, 4.0))
    assert found.values == pytest.approx(noisy + 2)
    values, se = found.sums((), np.zeros(3, np.int64))
    assert (values[0], se[0]) == pytest.approx((42.0, 2.0))


def test_a_release_shows_one_number_of_people(tmp_path, policy: Policy) -> None:
    release = sender(tmp_path, policy=small_policy("provenance", "departement", "family")).release(people=4000)
    totals = {name: rows[-1, "people"] for name, rows in release.tables.items()}
    assert totals["provenance"] == pytest.approx(totals["departement"])
    assert totals["provenance"] == pytest.approx(4000, rel=0.05)
    errors = {name: rows[-1, "people_se"] for name, rows in release.tables.items()}
    assert errors["provenance"] == pytest.approx(errors["departement"])
