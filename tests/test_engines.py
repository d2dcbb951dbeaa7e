"""Engines: the same sums whether a venue's records are worked on at once, in parts, or by Spark."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from aggregations import engines
from aggregations.cooperative import hold_key, new_key
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.publication import offer, publisher
from aggregations.venue import Venue
from pipelines.town.build import ORGANISATIONS, write_town
from privacy.calendar import Period
from privacy.contributions import Part
from privacy.errors import Fault
from privacy.gathering import Bounded
from privacy.policy import Policy
from privacy.publish import bound_tables
from privacy.sketch import gather_sketch

SEASON = Period.parse("2025-2026")


@pytest.fixture(scope="module")
def opera(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    """A venue of the town, whose exports correct one another."""
    home = tmp_path_factory.mktemp("opera")
    declared = next(v for v in ORGANISATIONS if v.id == "opera")
    files = write_town(home / "files", people=2000)["opera"]
    venue = add_venue(replace(declared, folder=home / "venue"))
    new_key(home / "key")
    hold_key(venue, home / "key")
    for file in files:
        ingest(venue, [file])
    return venue


def bounded(venue: Venue, policy: Policy) -> dict[str, Bounded]:
    return bound_tables(offer(venue, SEASON), publisher(venue).plan(policy, SEASON))


def sketched(venue: Venue, policy: Policy) -> list[int]:
    [sketch] = policy.sketches
    return gather_sketch(offer(venue, SEASON), sketch).tolist()


def same(one: dict[str, Bounded], other: dict[str, Bounded]) -> None:
    assert one.keys() == other.keys()
    for name, a in one.items():
        for x, y in zip((a.cells, *a.levels), (other[name].cells, *other[name].levels), strict=True):
            assert_frame_equal(x, y)


def test_records_too_long_for_memory_are_parted_and_leave_nothing(
    opera: Venue, policy: Policy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = bounded(opera, policy)
    assert whole["family"].cells["people"].sum() > 0
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(engines, "_SAMPLE", 100)
    monkeypatch.setattr(engines, "PART", 2**17)
    seen: list[int] = []
    real = engines.count
    monkeypatch.setattr(engines, "count", lambda rows: seen.append(real(rows)) or seen[-1])
    same(bounded(opera, policy), whole)
    assert max(seen) > 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A real Spark: two workers on this machine."""
    pytest.importorskip(
        "pyspark", reason="an extra: `uv run --isolated --extra spark pytest -m slow tests/test_engines.py`"
    )
    from aggregations import spark

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", "--master local[2] --conf spark.ui.enabled=false pyspark-shell")
        session = spark.session()
        yield session
        session.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_spark_gives_the_same_sums(opera: Venue, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    from aggregations import spark

    answered: list[int] = []

    def watched(*given: Any) -> Iterator[Any]:
        answers = list(real(*given))
        answered.append(len(answers))
        return iter(answers)

    real = spark.in_parts
    monkeypatch.setattr(spark, "PART", 1000)
    monkeypatch.setattr(spark, "in_parts", watched)
    on_spark = replace(opera, engine="spark")
    same(bounded(on_spark, policy), bounded(opera, policy))
    assert sketched(on_spark, policy) == sketched(opera, policy)
    assert sum(sketched(opera, policy)) > 0
    assert max(answered) > 2


@pytest.mark.slow
def test_what_goes_wrong_in_a_worker_is_told_without_a_record(cluster: Any) -> None:
    from aggregations import spark

    rows, schema = cluster.createDataFrame([("Ornithorynque",)], "name string"), pl.Schema({"name": pl.String()})

    def refuse(rows: pl.LazyFrame, part: Part) -> int:
        raise Fault(f"{part.of} part with {rows.collect().height} row", "-")

    def fail(rows: pl.LazyFrame, _part: Part) -> int:
        raise ValueError(rows.collect().item())

    with pytest.raises(Fault, match=r"^1 part with 1 row$"):
        list(spark.in_parts(rows, schema, refuse))
    with pytest.raises(Fault, match="Spark did not finish") as fault:
        list(spark.in_parts(rows, schema, fail))
    assert "Ornithorynque" not in "".join(traceback.format_exception(fault.value))
