"""The sensitivity that is charged holds on data: one person more moves the exact cells by no more."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import frame, people, rows_of

from privacy import bounding
from privacy.calendar import Period
from privacy.declarations import Level, Table
from privacy.domains import EXACT, index
from privacy.errors import Fault
from privacy.gathering import Bounded, bound
from privacy.plan import TablePlan, plan
from privacy.policy import Policy, read_policy

POLICY = read_policy()
TABLES = [t for t in POLICY.tables if t.unit == "person"]


def squared_distance(one: pl.DataFrame, other: pl.DataFrame, measure: str) -> int:
    moved = (one[measure] - other[measure]).to_list()
    return sum(step * step for step in moved)  # Python integers: exact


EVERYTHING = frozenset({"people", "tickets", "revenue", "interactions"})


def planned(table: Table) -> TablePlan:
    (made,) = plan(POLICY, Period(2025), (table,), EVERYTHING)
    return made


def sums_at(bounded: Bounded, dimensions: tuple[str, ...]) -> pl.DataFrame:
    """The exact sums at a level, the cells being the finest."""
    levels = dict(zip((level.dimensions for level in bounded.table.levels), bounded.levels, strict=False))
    return bounded.cells if dimensions == bounded.table.names else levels[dimensions]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
@given(data=st.data())
def test_one_person_moves_each_measure_by_at_most_its_bound(table: Table, data: st.DataObject) -> None:
    """At every level that is noised: the cells, the one-way levels, the total."""
    everyone = data.draw(people(table))
    one_more = everyone + data.draw(rows_of(table, 99, 300))
    made = planned(table)
    without = bound(frame(table, everyone), table, made.measures)
    with_them = bound(frame(table, one_more), table, made.measures)
    for noise in (*made.cells, *made.levels):
        before, after = sums_at(without, noise.dimensions), sums_at(with_them, noise.dimensions)
        assert squared_distance(after, before, noise.measure.name) <= noise.bound_squared
        touched = (after[noise.measure.name] != before[noise.measure.name]).sum()
        assert touched <= min(table.max_cells, table.extent(noise.dimensions))  # what `shift` is charged for
    # selection: in at most max_cells cells, by one person each
    moved = (with_them.cells[EXACT] - without.cells[EXACT]).to_list()
    assert all(m in (0, 1) for m in moved)
    assert sum(moved) <= table.max_cells


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_the_bound_is_reached(table: Table) -> None:
    """A charge above what anyone can do would be wasted; someone who does a great deal everywhere reaches every one."""
    made = planned(table)
    cells = bound(frame(table, []), table, table.measures).cells.select(table.names)
    rows = [r | {"person": 1, "tickets": 999, "revenue": 9_999_999, "interactions": 999} for r in cells.to_dicts()]
    most = bound(frame(table, rows[: table.max_cells]), table, table.measures)
    some = bound(frame(table, rows[: table.full_cells]), table, table.measures)
    for noise in made.cells:
        distance = sum(step * step for step in some.cells[noise.measure.name].to_list())
        assert distance == pytest.approx(noise.bound_squared, rel=2e-3)  # rounded down, cell by cell
    for noise in made.levels:
        distance = sum(step * step for step in sums_at(most, noise.dimensions)[noise.measure.name].to_list())
        assert distance <= noise.bound_squared
        if table.max_cells > 10:
            assert distance == pytest.approx(noise.bound_squared, rel=2e-3)


@pytest.mark.parametrize("table", [t for t in TABLES if t.levels], ids=lambda t: t.name)
@given(data=st.data())
def test_what_bounds_took_and_what_they_left_is_all_there_was(table: Table, data: st.DataObject) -> None:
    """With a reach that is never met, a level holds exactly what the cells lack of the same people's unbounded cells."""
    one_way = tuple(Level((d,), 10**4, Fraction(1, 100)) for d in table.names if len(table.names) > 1)
    vast = (Level((), 10**4, Fraction(1, 100)), *one_way)
    rows = frame(table, data.draw(people(table)))
    found = bound(rows, dataclasses.replace(table, levels=vast), table.measures)
    measures = tuple(dataclasses.replace(m, typical=m.clip) for m in table.measures)
    everyone = bound(rows, dataclasses.replace(table, full_cells=table.max_cells, levels=()), measures).cells
    for level, taken in zip(vast, found.levels, strict=True):
        at = index(table, level.dimensions)
        for m in (m for m in table.measures if table.clips(m)):
            left, whole = (np.bincount(at, cells[m.name]) for cells in (found.cells, everyone))
            assert (taken[m.name].to_numpy() + left == whole).all()


def test_without_the_l2_clip_the_property_fails(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property above has teeth: a bounding that forgets to scale is caught."""
    table = policy.table("family")
    rows = [r | {"person": 1, "tickets": 1, "revenue": 100, "interactions": 1}
            for r in bound(frame(table, []), table, table.measures).cells.select("family", "provenance").head(9).to_dicts()]  # fmt: skip
    honest = bounding.bounds_of
    monkeypatch.setattr(
        bounding, "bounds_of", lambda *of: (b := honest(*of))._replace(norm=np.full_like(b.norm, 2**60))
    )
    people_measure = table.measures[:1]
    moved = squared_distance(
        bound(frame(table, rows), table, people_measure).cells, bound(frame(table, []), table, people_measure).cells, "people"
    )  # fmt: skip
    assert moved > table.full_cells * 1000**2


@given(data=st.data())
def test_row_order_does_not_matter(data: st.DataObject) -> None:
    table = POLICY.table("price")
    rows = data.draw(people(table))
    shuffled = data.draw(st.permutations(rows))
    assert bound(frame(table, rows), table, table.measures).cells.equals(
        bound(frame(table, shuffled), table, table.measures).cells
    )


@given(data=st.data())
def test_splitting_a_row_does_not_matter(data: st.DataObject) -> None:
    """One ticket line of 3 or three of 1: the same person in the same cell."""
    table = POLICY.table("channel")
    rows = data.draw(people(table))
    split = [r | {"tickets": t, "revenue": c} for r in rows for t, c in ((r["tickets"], 0), (0, r["revenue"]))]
    assert bound(frame(table, rows), table, table.measures).cells.equals(
        bound(frame(table, split), table, table.measures).cells
    )


def test_someone_in_too_many_cells_is_left_out_whole(policy: Policy) -> None:
    table = dataclasses.replace(policy.table("family"), max_cells=3)
    cells = bound(frame(table, []), table, table.measures).cells.select("family", "provenance")
    rows = [r | {"person": 1, "tickets": 1, "revenue": 100, "interactions": 1} for r in cells.head(4).to_dicts()]
    four = bound(frame(table, rows), table, table.measures).cells
    assert four.select(pl.exclude("family", "provenance").sum()).row(0) == (0, 0, 0, 0)
    three = bound(frame(table, rows[:3]), table, table.measures).cells
    assert three[EXACT].sum() == 3


def test_admissions_move_one_cell_by_one_step(policy: Policy) -> None:
    table = policy.table("admissions")
    rows = pl.LazyFrame({"family": ["danse"], "admission_kind": ["free"], "admissions": [7]})
    one_more = pl.LazyFrame({"family": ["danse"], "admission_kind": ["free"], "admissions": [8]})
    a, b = (bound(r, table, table.measures).cells for r in (rows, one_more))
    assert squared_distance(b, a, "admissions") == (1000) ** 2


def test_contributions_without_a_declared_column_are_a_fault(policy: Policy) -> None:
    with pytest.raises(Fault, match="table price lack price_band, tickets"):
        bound(
            pl.LazyFrame({"person": [1], "tariff": ["plein"], "revenue": [1]}),
            policy.table("price"),
            policy.table("price").measures,
        )
