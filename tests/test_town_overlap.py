"""The demo's town, of which the truth is known: what two venues have in common, against what their sketches say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import polars as pl
import pytest
from scipy.stats import binomtest

from aggregations.audience import audience
from aggregations.cooperative import buckets, hold_key, match_key, new_key
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.matches import with_match
from aggregations.programme import programme, with_genres
from aggregations.publication import home, publisher
from aggregations.records import records
from aggregations.tables import Records
from pipelines.town.build import ORGANISATIONS, write_town
from privacy.accounting import Cost
from privacy.buckets import MECHANISM, scale
from privacy.calendar import Period
from privacy.charges import Charge
from privacy.contributions import Part
from privacy.plan import SketchPlan
from privacy.policy import read_policy
from privacy.sketch import count, draw
from warehouse.overlap.estimates import Estimate, overlap, union
from warehouse.overlap.vectors import Vector, noise

pytestmark = pytest.mark.slow
POLICY, SEASON, DRAWS = read_policy(), Period(2025, 0), 200
[REACH] = POLICY.sketches
RICH = Charge("test", str(SEASON), 1, "", {"person": Cost(Fraction(10**6))}, "")
Matches = Mapping[str, pl.Series]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matches, SketchPlan]:
    """Whoever is in the theatre's and the opera's sketch, by match; and the noise that a season's sketch of everyone has."""
    folder = tmp_path_factory.mktemp("town")
    new_key(folder / "key")
    files, found = write_town(folder / "files", people=12_000), dict[str, pl.Series]()
    plan: SketchPlan | None = None
    for declared in (v for v in ORGANISATIONS if v.id in ("theatre", "opera")):
        venue = add_venue(replace(declared, folder=folder / "venues" / declared.id))
        hold_key(venue, folder / "key")
        for export in files[venue.id]:
            ingest(venue, [export])
        rows = with_match(with_genres(records(venue, "transactions"), programme(venue)), venue, pl.scan_parquet)
        of = Records(rows, pl.LazyFrame(), pl.LazyFrame(), home(venue))
        there = audience(of, REACH, SEASON, match_key(venue)).select("person")
        matches = rows.select("person", "match").unique().join(there, on="person", how="semi").collect()
        found[venue.id] = matches.group_by("person").agg(pl.col("match").min())["match"]
        [plan] = publisher(venue).sketches(POLICY, SEASON)
    assert plan
    return found, SketchPlan(replace(plan.sketch, attributes=()), plan.groups[:1])


def sketched(matches: pl.Series, plan: SketchPlan, root: bytes, weight: int = 1) -> Vector:
    """Count and noise as a release does, under a key of its own."""
    people = pl.LazyFrame({"match": matches}).with_row_index("person")
    rows = people.select(
        pl.col("person").cast(pl.UInt64),
        bucket=buckets(pl.col("match"), root, SEASON.season, plan.sketch.buckets),
    )
    exact, _ = count(plan.sketch, rows, Part()).sums[plan.sketch.name]
    shown = draw(plan, weight * exact, RICH)
    law = noise(MECHANISM, scale(plan.groups[0].sigma, plan.sketch.measure.step))
    return Vector("", shown["count"].to_numpy().astype(float), law)


@pytest.mark.parametrize(
    ("estimate", "truth"),
    [(overlap, lambda a, b: len(a & b)), (union, lambda a, b: len(a | b))],
    ids=["overlap", "union"],
)
def test_the_truth_lies_in_the_interval_of_93_of_100_releases(
    town: tuple[Matches, SketchPlan], estimate: Callable[..., Estimate], truth: Callable[..., int]
) -> None:
    found, plan = town
    true = truth(*(set(found[v]) for v in ("theatre", "opera")))
    held, z = 0, list[float]()
    for i in range(DRAWS):
        root = i.to_bytes(32, "big")
        told = estimate([sketched(found[v], plan, root) for v in ("theatre", "opera")])
        held += told.low <= true <= told.high
        z.append((told.value - true) / told.se)
    assert held / DRAWS >= 0.93 or binomtest(held, DRAWS, 0.95).pvalue > 0.01
    assert 0.8 < (sum(x * x for x in z) / DRAWS) ** 0.5 < 1.2


def test_sketches_that_count_people_double_do_not_hold_the_truth(town: tuple[Matches, SketchPlan]) -> None:
    found, plan = town
    true, held = len(set(found["theatre"]) | set(found["opera"])), 0
    for i in range(20):
        root = i.to_bytes(32, "big")
        told = union([sketched(found[v], plan, root, weight=2) for v in ("theatre", "opera")])
        held += told.low <= true <= told.high
    assert held == 0
