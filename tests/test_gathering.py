"""Gathering: however long the log and however it comes, the sums are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from privacy import bounding
from privacy.bounding import bounds_of
from privacy.contributions import Contributions, Found, Job, Part, Work
from privacy.declarations import Table
from privacy.errors import Fault
from privacy.gathering import Bounded, gather
from privacy.grouping import by_person
from privacy.policy import Policy


@pytest.fixture
def jobs(policy: Policy) -> list[Job]:
    """Three tables on the same records: one cell a person, several, several with receipts."""
    return [((t := policy.table(name)), t.measures) for name in ("provenance", "anticipation", "price")]


def log(jobs: list[Job], rows: int = 20_000, people: int = 3000) -> pl.DataFrame:
    random = np.random.default_rng(4)
    person = random.integers(0, 2**63, people).astype(np.uint64)[random.integers(0, people, rows)]
    columns = {
        "person": person,
        "tickets": random.integers(-1, 9, rows),
        "revenue": random.integers(-500, 20_000, rows),
    }
    for d in {d.name: d for table, _ in jobs for d in table.dimensions}.values():
        columns[d.name] = random.choice(np.array(d.codes), rows)
    return pl.DataFrame(columns).with_columns(pl.col("provenance").first().over("person"))


def same(one: list[Bounded], other: list[Bounded]) -> bool:
    for a, b in zip(one, other, strict=True):
        assert_frame_equal(a.cells, b.cells)
        for x, y in zip(a.levels, b.levels, strict=True):
            assert_frame_equal(x, y)
    return True


def in_so_many(rows: pl.DataFrame, parts: int) -> Contributions:
    """The rows in parts, as an engine hands them over; the last first."""

    def each(tables: tuple[Table, ...], work: Work) -> Iterator[Found]:
        for number in reversed(range(parts)):
            yield work(rows.lazy().filter(pl.col("person") % parts == number), tables, Part(number, parts))

    return Contributions("", each)


@pytest.mark.parametrize("parts", [2, 7, 300])
def test_records_in_parts_give_the_same_sums(jobs: list[Job], parts: int) -> None:
    """Also where a part has one person, or none."""
    rows = log(jobs, *((200, 40) if parts > 100 else ()))
    whole = gather(in_so_many(rows, 1), jobs)
    assert whole[1].levels[0]["people"][0] > 0  # bounds do take something here
    assert same(gather(in_so_many(rows, parts), jobs), whole)


def test_tables_read_together_or_alone_give_the_same_sums(jobs: list[Job]) -> None:
    rows = in_so_many(log(jobs), 1)
    assert same(gather(rows, jobs), [gather(rows, [job])[0] for job in jobs])


def test_a_person_in_two_parts_would_be_bounded_twice(jobs: list[Job]) -> None:
    """What an engine must not get wrong: the same part twice, none at all, people of another, two ways to part them."""
    rows, parts = log(jobs).lazy(), [Part(0, 2), Part(1, 2)]

    def handed(*of: tuple[Part, Part]) -> Contributions:
        def one(told: Part, held: Part, tables: tuple[Table, ...], work: Work) -> Found:
            return work(rows.filter(pl.col("person") % held.of == held.number), tables, told)

        return Contributions("", lambda tables, work: [one(*pair, tables, work) for pair in of])

    gather(handed(*((p, p) for p in parts)), jobs)
    for wrong in (
        [(parts[0], parts[0])], [(parts[0], parts[0])] * 2, [(p, p) for p in (*parts, parts[1])],
        [(parts[0], parts[0]), (parts[1], Part(0, 1))], [(Part(0, 1), Part(0, 1)), (parts[1], parts[1])],
    ):  # fmt: skip
        with pytest.raises(Fault, match=r"[Pp]art"):
            gather(handed(*wrong), jobs)


def test_codes_may_come_as_enums(jobs: list[Job]) -> None:
    """No string is then looked at; in another order of codes they are read as words."""
    rows = log(jobs)
    for order in (sorted, lambda codes: sorted(codes, reverse=True)):
        enums = [pl.col(d.name).cast(pl.Enum(order(d.codes))) for d in jobs[1][0].dimensions]
        assert same(gather(in_so_many(rows.with_columns(enums), 1), jobs), gather(in_so_many(rows, 1), jobs))


ALIKE = np.uint64(0xF1DE83E19937733D) * np.arange(
    8, dtype=np.uint64
)  # the multiplier's inverse: hashes 0 to 7, one place


@pytest.mark.parametrize("people", [1, 700, pytest.param(40_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("crews", [1, 3])
def test_grouping_brings_each_persons_rows_together(people: int, crews: int) -> None:
    """As Polars groups them; also numbers that differ in one bit, and whose hashes begin alike."""
    random = np.random.default_rng(people)
    known = np.concatenate([random.integers(0, 2**64, people, np.uint64), ALIKE, np.arange(8, dtype=np.uint64)])
    person = known[random.integers(0, known.size, 50_000)]
    cells, amounts = random.integers(0, 2**32, (2, person.size), np.uint32), random.integers(-9, 9, (3, person.size))
    rows = pl.DataFrame({"person": person, "c0": cells[0], "c1": cells[1], **{f"a{j}": amounts[j] for j in range(3)}})
    together = []
    for crew in range(crews):
        c, a, starts = by_person(person, cells, amounts, crew, crews)
        assert starts[-1] == c.shape[1] == a.shape[1]
        who = np.repeat(np.arange(starts.size - 1), np.diff(starts))
        frame = pl.DataFrame({"who": who, "crew": crew, "c0": c[0], "c1": c[1], **{f"a{j}": a[j] for j in range(3)}})
        together.append(frame.group_by("who", "crew").agg(pl.struct(rows.columns[1:]).sort()))
    ours = pl.concat(together).select("c0").to_series()
    theirs = rows.group_by("person").agg(pl.struct(rows.columns[1:]).sort()).select("c0").to_series()
    assert sorted(ours.to_list(), key=repr) == sorted(theirs.to_list(), key=repr)


def test_the_grouping_does_compiled_what_its_python_does() -> None:
    random = np.random.default_rng(2)
    known = np.concatenate([random.integers(0, 2**64, 60, np.uint64), ALIKE])
    person = known[random.integers(0, known.size, 400)]
    given = person, random.integers(0, 9, (1, 400), np.uint32), random.integers(0, 9, (1, 400)), 0, 2
    with np.errstate(over="ignore"):  # hashes wrap around
        plain = by_person.py_func(*given)
    for a, b in zip(by_person(*given), plain, strict=True):
        assert (a == b).all()


def test_the_compiled_loop_does_what_its_python_does(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    for declared, measures in jobs:
        table = replace(declared, max_cells=min(declared.max_cells, 30))
        starts = np.append(0, np.cumsum(random.integers(0, 40, 60)))
        cell = random.integers(0, table.size, starts[-1]).astype(np.uint32)
        amounts = random.integers(-9, 10**5, (len(measures) - 1, starts[-1]))
        given = starts, cell, amounts, bounds_of(table, measures)
        compiled = bounding.bound_people(*given)
        with monkeypatch.context() as patch:
            for name in ("_add", "_scale"):
                patch.setattr(bounding, name, getattr(bounding, name).py_func)
            plain = bounding.bound_people(*given)
        for a, b in zip(compiled, plain, strict=True):
            assert (a == b).all()


def test_amounts_that_are_no_whole_numbers_are_refused_without_telling_one(jobs: list[Job]) -> None:
    rows = in_so_many(log(jobs).with_columns(revenue=pl.col("revenue").cast(pl.String) + " Ornithorynque"), 1)
    with pytest.raises(Fault, match="revenue must be whole numbers") as fault:
        gather(rows, jobs)
    assert "Ornithorynque" not in fault.value.en + fault.value.fr
