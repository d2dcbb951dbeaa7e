"""From real releases to a brief: what a member may see, where people live, the platforms' shapes, the command line."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from privacy.errors import Fault, GovernanceRefusal
from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.targeting.brief import make_brief, read_segments, segment_of
from warehouse.targeting.places import RINGS, communes, postal_codes, ring, within
from warehouse.targeting.sight import see
from warehouse.targeting.suggestions import departement_of, suggest
from warehouse.targeting.timing import window

pytestmark = pytest.mark.slow  # four venues released, accepted and asked
ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 22)
POLICY = small_policy("loyalty", "departement", "provenance", "anticipation")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four venues' seasons, each with tastes of its own; everyone shows everything to members but `museum`."""
    folder = tmp_path_factory.mktemp("home")
    hub = Hub(folder / "hub")
    for seed, (venue, kind) in enumerate(
        {"theatre": "theatre", "opera": "theatre", "festival": "festival", "museum": "museum"}.items()
    ):
        s = sender(folder, venue, name=venue.title(), kind=kind, policy=POLICY)
        s.join(hub)
        for period in ("2024-2025", "2025-2026")[venue != "theatre" :]:
            deliver(s.release(period, people=4000, seed=seed + 5).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    text = hub.governance.read_text("utf-8")
    text += '\n[venues.museum.sharing]\ndeny = ["members"]\n'
    hub.governance.write_text(text, "utf-8")
    return folder


def test_only_what_the_member_may_see_enters(home: Path) -> None:
    hub = Hub(home / "hub")
    seen = {who: see(hub, who, TODAY).at("2025-2026") for who in ("theatre", "museum")}
    assert set(seen["theatre"]) == {"theatre", "opera", "festival"}  # museum denies members
    assert set(seen["museum"]) == {"theatre", "opera", "festival", "museum"}
    with pytest.raises(GovernanceRefusal):
        see(hub, "stranger", TODAY)
    whole = hub.governance.read_text("utf-8")
    try:
        hub.governance.write_text(whole.replace('[sharing]\ngrant = ["all"]', "[sharing]\ngrant = []"), "utf-8")
        alone = see(hub, "theatre", TODAY)
        assert set(alone.at("2025-2026")) == {"theatre"}
        assert suggest(alone) == []
    finally:
        hub.governance.write_text(whole, "utf-8")


def test_suggestions_of_real_releases_say_no_more_than_their_intervals(home: Path) -> None:
    sight = see(Hub(home / "hub"), "theatre", TODAY)
    found = suggest(sight)
    assert found, "venues of different tastes differ"
    for s in found:
        assert s.index.high < 100
        assert s.venues in (2, 3)  # of three that are shared, those that show it
        for language in ("fr", "en"):
            ends = re.search(r"(?:indice entre|index between) (\d+) (?:et|and) (\d+)", s.sentence(language))
            assert int(ends[1]) <= s.index.low
            assert int(ends[2]) >= s.index.high
        assert s.peers is None or (("too" in s.sentence("en")) == (s.peers.high < 100))
    assert [s.volume.low for s in found] == sorted((s.volume.low for s in found), reverse=True)


def test_the_hubs_communes_are_the_venues_own() -> None:
    own = pl.read_parquet(ROOT / "aggregations" / "reference" / "communes.parquet")
    assert communes().equals(own.select(communes().columns))


def test_rings_part_the_country_and_are_those_that_records_are_placed_by() -> None:
    from aggregations.geography import commune
    from aggregations.segments import Home, provenance

    place = commune("38185")
    rows = communes().rename({"code": "commune"}).with_columns(country=pl.lit("FR"))
    told = rows.select(
        "commune", ring=provenance(Home(place.code, place.epci, place.departement, place.region, "Europe/Paris"))
    )
    for code in (*RINGS, "france"):
        assert set(ring("38185", code)["code"]) == set(told.filter(ring=code)["commune"])
    assert ring("38185", "etranger").is_empty()
    assert postal_codes(ring("38185", "commune")) == ["38000", "38100"]
    assert len(within("2A")) > 100
    assert all(
        departement_of(row["code"]) == row["departement"]
        for row in communes().iter_rows(named=True)
        if row["code"][:2] not in ("97", "98")
    )
    assert departement_of("97411") == "974"


def test_a_brief_has_the_platforms_shapes_and_no_minor(home: Path, tmp_path: Path) -> None:
    sight = see(Hub(home / "hub"), "theatre", TODAY)
    chosen = (
        "age_band=15-24",
        "age_band=60+",
        "provenance=france",
        "departement=69",
        "anticipation=mois",
        "age_band=0-14",
    )
    made = make_brief(sight, [], chosen, performance=date(2027, 3, 12))
    files = {p.name: p for p in made.write(tmp_path)}
    assert set(files) == {"brief.json", "geography.csv", "meta.json", "google-ads-editor.csv"}
    targets = json.loads(files["meta.json"].read_text("utf-8"))
    assert len(targets) == 4  # a lead time is no place, and children are nobody's target
    young, old, country, lyon = targets.values()
    assert (young["age_min"], young["age_max"]) == (18, 24)
    assert (old["age_min"], "age_max" in old) == (60, False)
    assert country["geo_locations"] == {"countries": ["FR"]}
    assert {"key": "FR:69001"} in lyon["geo_locations"]["zips"]
    assert all(set(t["geo_locations"]) in ({"zips"}, {"countries"}) for t in targets.values())
    rows = list(csv.DictReader(files["geography.csv"].read_text("utf-8").splitlines()))
    assert {
        "departement": "69",
        "departement_name": "Rhône",
        "commune_name": "Lyon",
        "postal_code": "69001",
    }.items() <= next(r for r in rows if r["postal_code"] == "69001").items()
    google = list(csv.DictReader(files["google-ads-editor.csv"].read_text("utf-8").splitlines()))
    assert {r["Location"] for r in google if r["Campaign"].endswith("france")} == {"France"}
    told = json.loads(files["brief.json"].read_text("utf-8"))
    assert [s["codes"] for s in told["segments"]] == [s.codes for s in read_segments(sight, files["brief.json"])]
    assert told["timing"]["to"] <= "2027-03-12"
    assert told["unverified"]


def test_windows_are_the_days_of_lead_times() -> None:
    assert window(["mois"], date(2027, 3, 12)) == (date(2027, 2, 9), date(2027, 3, 4))
    assert window(["jour_meme", "semaine"], date(2027, 3, 12)) == (date(2027, 3, 5), date(2027, 3, 12))


def test_lead_times_are_those_of_the_records() -> None:
    from aggregations.segments import anticipation
    from warehouse.targeting.timing import LEAD_DAYS

    at = pl.Series("performance_at", ["2026-06-01T18:00:00Z"] * 366).str.to_datetime(time_zone="UTC")
    rows = (
        pl.DataFrame({"performance_at": at})
        .with_row_index("days")
        .with_columns(purchased_at=pl.col("performance_at") - pl.duration(days="days"))
    )
    for days, code in rows.select("days", anticipation("UTC")).iter_rows():
        low, high = LEAD_DAYS[code]
        assert low <= days <= high


def test_what_cannot_be_aimed_at_is_a_sentence(home: Path, tmp_path: Path) -> None:
    sight = see(Hub(home / "hub"), "theatre", TODAY)
    with pytest.raises(Fault, match="Nothing stands out"):
        make_brief(sight, [])
    with pytest.raises(Fault, match="No table has a segment"):
        segment_of(sight, {"provenance": "lune"})
    (tmp_path / "x.json").write_text("[]", "utf-8")
    with pytest.raises(Fault, match="is no brief"):
        read_segments(sight, tmp_path / "x.json")


@pytest.mark.parametrize("language", ["fr", pytest.param("en", marks=pytest.mark.slow)])
def test_the_command_line_goes_from_a_suggestion_to_its_lift(
    home: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("JAUGE_HOME", str(home))
    monkeypatch.setenv("JAUGE_LANG", language)

    def jauge(*words: str) -> str:
        done = CliRunner().invoke(app, [*words])
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.output

    assert ("indice entre" if language == "fr" else "index between") in jauge("suggest", "theatre")
    written = jauge("brief", "theatre", "--on", "2027-03-12").split()
    assert "brief.json" in written[0]
    told = jauge("lift", "theatre", written[0], "2025-2026")
    assert ("attendu" if language == "fr" else "expected") in told
