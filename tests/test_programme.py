"""The same performance sold in two systems is one performance, and what the programme tells of it reaches its tickets."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.performances import performances
from aggregations.publication import offer, venue_records
from aggregations.records import records, version
from aggregations.segments import loyalty
from aggregations.tables import visits
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.contributions import Found, Part
from privacy.declarations import Table
from privacy.policy import Policy

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
T1 = Period.parse("2026-2027-T1")
LAKE = "2026-10-03 20:30:00"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("lac", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "lac"))


def billetweb(folder: Path, *shows: tuple[str, str], email: str = "nina@example.org") -> Path:
    """A ticket a show (title, start), all in one order."""
    sample = json.loads((EXPORTS / "billetweb.json").read_text("utf-8"))[0]
    rows: list[dict[str, Any]] = [
        sample | {"id": str(n), "order_email": email, "email": email, "event": str(n), "event_name": title}
        | {"category": "", "order_session": str(n), "session_start": start, "event_start": start}
        for n, (title, start) in enumerate(shows)
    ]  # fmt: skip
    return written(folder / "billetweb.json", json.dumps(rows))


def pass_culture(folder: Path, *shows: tuple[str, str], email: str = "nina@example.org") -> Path:
    with (EXPORTS / "passculture.csv").open(encoding="utf-8", newline="") as file:
        sample, *_ = csv.DictReader(file, delimiter=";")
    lines = [";".join(sample)]
    for n, (title, start) in enumerate(shows):
        own = {"Nom de l’offre": title, "Date de l'évènement": start, "Email du bénéficiaire": email}
        lines.append(";".join(f'"{v}"' for v in (sample | own | {"Contremarque": f"T{n}", "Duo": "Non"}).values()))
    return written(folder / "passculture.csv", "\n".join(lines))


def openagenda(folder: Path, *shows: tuple[str, str, str]) -> Path:
    """An event a show (title, start with its zone, keyword)."""
    events = [
        {"uid": n, "title": {"fr": title}, "keywords": {"fr": [keyword]}, "status": 1, "state": 2,
         "timings": [{"begin": start, "end": start}]}
        for n, (title, start, keyword) in enumerate(shows)
    ]  # fmt: skip
    return written(folder / "openagenda.json", json.dumps({"data": events}))


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, "utf-8")
    return path


def refs(venue: Venue, frame: str = "transactions") -> set[int]:
    return set(records(venue, frame).collect()["performance_ref"])


def test_one_performance_in_three_systems(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [billetweb(tmp_path, ("Le Lac", LAKE))])
    ingest(
        venue, [pass_culture(tmp_path, ("LE LAC !", "2026-10-03 20:30:59"))]
    )  # the same minute, and normalised title
    ingest(venue, [openagenda(tmp_path, ("Le lac", "2026-10-03T20:30:00+02:00", "danse"))])
    assert len(refs(venue)) == 1
    assert set(performances(venue)["performance_ref"]) == refs(venue)
    assert refs(venue, "programme") == refs(venue)


@pytest.mark.parametrize(
    ("other", "starts"),
    [
        ("Macbeth", LAKE),  # another hall
        ("Le Lac", "2026-10-03 20:31:00"),
        ("Le Lac", "2026-10-04 20:30:00"),
        ("Le Lac (scolaire)", LAKE),
    ],
)
def test_two_performances(venue: Venue, tmp_path: Path, other: str, starts: str) -> None:
    ingest(venue, [billetweb(tmp_path, ("Le Lac", LAKE))])
    ingest(venue, [pass_culture(tmp_path, (other, starts))])
    assert len(refs(venue)) == 2


def test_two_halls_stay_two_in_one_system(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [billetweb(tmp_path, ("Le Lac", LAKE), ("Macbeth", LAKE))])
    assert len(refs(venue)) == 2


def test_the_venue_says_which_titles_are_the_same(venue: Venue, tmp_path: Path) -> None:
    own = replace(venue, titles={"Le Lac (pass Culture)": "Le Lac"})
    ingest(own, [billetweb(tmp_path, ("Le Lac", LAKE))])
    ingest(own, [pass_culture(tmp_path, ("le lac — pass culture", LAKE))])
    assert len(refs(own)) == 1


def test_without_a_title_a_performance_is_its_systems_own(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [billetweb(tmp_path, ("", LAKE))])
    ingest(venue, [pass_culture(tmp_path, ("!", LAKE))])
    assert len(refs(venue)) == 2


def test_two_venues_never_meet(venue: Venue, tmp_path: Path) -> None:
    other = add_venue(replace(venue, id="mer", folder=tmp_path / "mer"))
    for one in (venue, other):
        ingest(one, [billetweb(tmp_path, ("Le Lac", LAKE))])
    assert not refs(venue) & refs(other)


@pytest.mark.parametrize(("other", "expected"), [("LE LAC", "occasionnel"), ("Macbeth", "regulier")])
def test_one_visit_to_a_show_bought_in_two_systems(venue: Venue, tmp_path: Path, other: str, expected: str) -> None:
    ingest(venue, [billetweb(tmp_path, ("Le Lac", LAKE), ("Cinna", "2025-10-03 20:30:00"))])
    ingest(venue, [pass_culture(tmp_path, (other, LAKE))])
    known = visits(venue_records(venue)).with_columns(identified=True)
    assert known.collect()["person"].n_unique() == 1
    (segment,) = loyalty(known, Period.parse("2026-2027"), venue.timezone).collect()["loyalty"]
    assert segment == expected


def families(venue: Venue, policy: Policy) -> dict[str, int]:
    """Tickets by family, as a release hands them to the border; of the young as well."""
    table = replace(policy.table("family"), leaves_out=())
    seen: list[pl.DataFrame] = []

    def work(rows: pl.LazyFrame, tables: tuple[Table, ...], part: Part) -> Found:
        seen.append(rows.collect())
        return Found(part, {})

    list(offer(venue, T1).each((table,), work))
    return dict(pl.concat(seen).group_by("family").agg(pl.col("tickets").sum()).iter_rows())


@pytest.mark.slow
def test_the_programme_tells_genres_whichever_comes_first(venue: Venue, policy: Policy, tmp_path: Path) -> None:
    exports = [
        billetweb(tmp_path, ("Le Lac", LAKE), ("Macbeth", LAKE)),
        pass_culture(tmp_path, ("Le lac", LAKE), email="marc@example.org"),
        openagenda(tmp_path, ("Le Lac", "2026-10-03T18:30:00Z", "danse"), ("Autre", "2026-10-03T18:30:00Z", "cirque")),
    ]
    for n, order in enumerate(itertools.permutations(exports)):
        own = add_venue(replace(venue, id=f"lac-{n}", folder=tmp_path / f"lac-{n}"))
        for export in order:
            ingest(own, [export])
        assert families(own, policy) == {"danse": 2, "unknown": 1}


def test_what_tickets_say_of_their_genre_stands_and_reaches_no_other(
    venue: Venue, policy: Policy, tmp_path: Path
) -> None:
    """One person's row must not change another's genre: only the programme, which is no one's, may."""
    rows = json.loads(billetweb(tmp_path, ("Le Lac", LAKE), ("Le Lac", LAKE)).read_text("utf-8"))
    rows[0]["category"] = "Théâtre"
    ingest(venue, [written(tmp_path / "billetweb.json", json.dumps(rows))])
    assert families(venue, policy) == {"theatre_recit": 1, "unknown": 1}
    ingest(venue, [openagenda(tmp_path, ("Le Lac", "2026-10-03T18:30:00Z", "danse"))])
    assert families(venue, policy) == {"theatre_recit": 1, "danse": 1}


def test_a_programme_that_changes_changes_what_a_release_reads(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [billetweb(tmp_path, ("Le Lac", LAKE))])
    before = version(venue, T1)
    ingest(venue, [openagenda(tmp_path, ("Le Lac", "2027-03-03T18:30:00Z", "danse"))])  # in spring
    assert version(venue, T1) == before
    ingest(venue, [openagenda(tmp_path, ("Le Lac", "2026-10-03T18:30:00Z", "danse"))])
    assert version(venue, T1) != before
