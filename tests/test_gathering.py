"""Gathering: however long the log and however it comes, the sums are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from privacy import gathering
from privacy.errors import Fault
from privacy.gathering import Bounded, Job, gather
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


@pytest.mark.parametrize("bucket", [700, 6000, 19_999])
def test_a_log_parted_in_buckets_gives_the_same_sums_and_leaves_nothing(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bucket: int
) -> None:
    rows = log(jobs).lazy()
    whole = gather(rows, jobs)
    assert whole[1].levels[0]["people"][0] > 0  # bounds do take something here
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(gathering, "BUCKET", bucket)
    assert same(gather(rows, jobs), whole)
    assert list(tmp_path.iterdir()) == []


def test_tables_read_together_or_alone_give_the_same_sums(jobs: list[Job]) -> None:
    rows = log(jobs).lazy()
    assert same(gather(rows, jobs), [gather(rows, [job])[0] for job in jobs])


def test_codes_may_come_as_enums(jobs: list[Job]) -> None:
    """No string is then looked at; in another order of codes they are read as words."""
    rows = log(jobs)
    for order in (sorted, lambda codes: sorted(codes, reverse=True)):
        enums = [pl.col(d.name).cast(pl.Enum(order(d.codes))) for d in jobs[1][0].dimensions]
        assert same(gather(rows.with_columns(enums).lazy(), jobs), gather(rows.lazy(), jobs))


def test_a_few_thousand_people_at_a_time_or_all(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = log(jobs).lazy()
    whole = gather(rows, jobs)
    monkeypatch.setattr("privacy.bounding._AT_ONCE", 7)
    assert same(gather(rows, jobs), whole)


def test_amounts_that_are_no_whole_numbers_are_refused_without_telling_one(jobs: list[Job]) -> None:
    rows = log(jobs).with_columns(revenue=pl.col("revenue").cast(pl.String) + " Ornithorynque").lazy()
    with pytest.raises(Fault, match="revenue must be whole numbers") as fault:
        gather(rows, jobs)
    assert "Ornithorynque" not in fault.value.en + fault.value.fr
