"""Crossings and campaign plans: of what a member may see, told no more surely than the intervals."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipelines.cli import app
from privacy.errors import Fault, GovernanceRefusal
from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.governance import Hub, governance
from warehouse.inbox import accept
from warehouse.lake import open_lake
from warehouse.overlap.estimates import Estimate, normal, overlap
from warehouse.overlap.held import comparable, read_sketches
from warehouse.overlap.planning import Placement, plan_reach
from warehouse.overlap.sentences import Teller, tell_crossings, tell_kinds, tell_plan
from warehouse.partners.extracts import write_database
from warehouse.reports.plans import Plan, plan_grid, plans_of
from warehouse.reports.words import Words
from warehouse.sharing import access

POLICY, TODAY, KEY = small_policy("provenance"), date(2026, 11, 22), b"m" * 32
MEMBERS = {  # id: kind, seed (the same seed: the same people), key
    "theatre": ("theatre", 1, KEY),
    "opera": ("opera", 1, KEY),
    "museum": ("museum", 2, KEY),
    "hall": ("theatre", 1, b"other key of a former cooperative"),
    "radio": ("media", 1, b""),  # none
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    for name, (kind, seed, key) in MEMBERS.items():
        s = replace(sender(home, name, name=f"Le {name}", kind=kind, policy=POLICY), match_key=key)
        s.join(hub)
        deliver(s.release(people=20_000, seed=seed).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    return home


def test_a_venue_is_compared_with_those_of_its_key_and_the_others_are_named(home: Path) -> None:
    seen = comparable(Hub(home / "hub"), "theatre", TODAY)
    assert (seen.period, list(seen.vectors), seen.without) == (
        "2025-2026", ["theatre", "museum", "opera"], ("hall", "radio")
    )  # fmt: skip
    common = overlap([seen.own, seen.vectors["opera"]])
    assert abs(common.value - 20_000) < 6 * common.se  # one interval of 95 % is missed one day in twenty
    assert [v.venue for v in seen.among(["opera", "opera", "theatre"])] == ["opera", "theatre"]
    with pytest.raises(Fault, match="No comparable sketch of hall"):
        seen.among(["opera", "hall"])
    assert list(comparable(Hub(home / "hub"), "theatre", TODAY, territory="75").vectors) == [
        "theatre",
        "museum",
        "opera",
    ]
    assert list(comparable(Hub(home / "hub"), "theatre", TODAY, territory="7").vectors) == ["theatre"]
    part = comparable(Hub(home / "hub"), "theatre", TODAY, part="loyalty:primo")
    assert 0 < part.own.counts.sum() < seen.own.counts.sum()


def test_who_has_no_sketch_or_is_no_member_is_told_so(home: Path) -> None:
    hub = Hub(home / "hub")
    for venue, period, words in (
        ("radio", None, "cooperative's key"), ("radio", "2025-2026", "cooperative's key"), ("theatre", "2024-2025", "no sketch of"),
    ):  # fmt: skip
        with pytest.raises(Fault, match=words):
            comparable(hub, venue, TODAY, period=period)
    with pytest.raises(GovernanceRefusal, match="no member"):
        comparable(hub, "nobody", TODAY)


@pytest.mark.slow
def test_a_venue_that_does_not_share_its_sketches_is_in_no_comparison_and_no_partners_database(
    home: Path, tmp_path: Path
) -> None:
    hub = Hub(home / "hub")
    whole = hub.governance.read_text("utf-8")
    partner = '\n[partners.town]\nname = "Ville"\npurpose = "statistics"\nuntil = 2027-12-31\n'
    partner += 'tables = {grant = ["all"]}\nvenues = {grant = ["all"]}\n'
    secret = '\n[venues.opera.sharing.tables.reach]\ndeny = ["all"]\n'
    try:
        for name, more, venues in (
            ("open", partner, {"theatre", "opera", "museum", "hall"}),
            ("shut", partner + secret, {"theatre", "museum", "hall"}),
        ):
            hub.governance.write_text(whole + more, "utf-8")
            write_database(hub, access(governance(hub), "town", TODAY), tmp_path / f"{name}.duckdb")
            with duckdb.connect(str(tmp_path / f"{name}.duckdb"), read_only=True) as own:
                assert {v for (v,) in own.execute("select distinct venue from sketches").fetchall()} == venues
                told = own.execute(
                    "select value, low, high from overlap('theatre', 'opera') where part = 'all'"
                ).fetchall()
                assert bool(told) == ("opera" in venues)
                assert own.execute("select fr from dictionary where relation = 'overlap'").fetchone()
        assert set(comparable(hub, "theatre", TODAY).vectors) == {"theatre", "museum"}
        assert set(comparable(hub, "opera", TODAY).vectors) == {"opera", "theatre", "museum"}  # one's own is one's own
        hub.governance.write_text(whole + partner.replace('grant = ["all"]}\nvenues', 'grant = ["all"], deny = ["reach"]}\nvenues'), "utf-8")  # fmt: skip
        write_database(hub, access(governance(hub), "town", TODAY), tmp_path / "none.duckdb")
        with duckdb.connect(str(tmp_path / "none.duckdb"), read_only=True) as own:
            tables = {t for (t,) in own.execute("select table_name from duckdb_tables()").fetchall()}
            assert "sketches" not in tables
            with pytest.raises(duckdb.Error):
                own.execute("from overlap('theatre', 'opera')")
    finally:
        hub.governance.write_text(whole, "utf-8")


@pytest.mark.slow
def test_crossings_are_told_with_their_shares_and_a_plan_with_what_each_adds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = comparable(Hub(home / "hub"), "theatre", TODAY)
    told = list(tell_crossings(seen, "en"))
    assert re.match(r"- Le opera: [\d,]+ to [\d,]+ people in common, \d+ to 100% of your audience", told[1])
    assert "more than by chance" in told[1]
    assert told[-1] == "Without a comparable sketch: Le hall, Le radio."
    assert any(line.startswith("- theatre → opera:") for line in tell_kinds(seen, "en"))
    first, second, *_ = plan_reach(list(seen.vectors.values()), 2)
    assert "museum" in (first.venue, second.venue), "the theatre and the opera have the same people"
    run = CliRunner()
    for language in ("fr", "en"):
        monkeypatch.setenv("JAUGE_LANG", language)
        for command in (
            ["crossings", "theatre"],
            ["plan-campaign", "theatre", "--among", "opera,museum", "--placements", "2"],
        ):
            done = run.invoke(app, [*command, "--home", str(home)])
            assert done.exit_code == 0, done.output
            assert "museum" in done.output
    assert "63" in list(tell_plan([first, second], seen, "fr"))[-1]


def test_a_plan_for_a_part_names_who_would_do_as_well_and_gives_no_figure_the_margin_hides() -> None:
    [age, *_] = small_policy().sketches[0].attributes
    names = {"theatre": "Le Port", "opera": "Le Large", "museum": "Les Marées"}

    def told(first: Placement, then: Placement) -> tuple[str | None, ...]:
        grid = plan_grid([Plan(age, "15-24", (first, then))], Words("en"), names)
        assert grid is not None
        [(label, cells)] = grid.lines
        assert label == "Age: 15–24"
        return cells

    sure, vague = normal(3000, 200), normal(3000, 2000)
    assert told(Placement("opera", sure, sure, ("theatre",)), Placement("museum", sure, vague, ())) == (
        "Le Large or Le Port", "2,600 to 3,400 people", "Les Marées", "within the margin"
    )  # fmt: skip
    many = Placement("opera", sure, sure, ("theatre", "museum", "other"))
    assert told(many, many)[0] == "4 venues as good, within the margin"
    assert plan_grid([], Words("en"), names) is None


def test_a_part_has_a_plan_only_of_venues_of_one_key(home: Path) -> None:
    hub = Hub(home / "hub")
    with open_lake(hub, read_only=True) as lake:
        releases = [r for (r,) in lake.execute("select release_id from latest").fetchall()]
        vectors = {v.venue: v for v in read_sketches(lake, releases, "all")}
        alike = [vectors[v] for v in ("theatre", "museum", "opera")]
        plans = plans_of(lake, POLICY.sketches, releases, alike)
        assert {p.attribute.name for p in plans} == {"age_band", "loyalty", "provenance"}
        assert "unknown" not in {p.code for p in plans}
        assert {s.venue for p in plans for s in p.steps} <= {"theatre", "museum", "opera"}
        assert plans_of(lake, POLICY.sketches, releases, [vectors["theatre"]]) == []


@given(st.floats(-5000, 50_000), st.floats(0.5, 9000))
def test_an_interval_told_holds_the_interval_known(value: float, se: float) -> None:
    known = normal(value, se)
    for language in ("fr", "en"):
        said = re.sub(r"[\s\u202f\u00a0,](?=\d)", "", Teller(language).people(known))
        ends = [int(n) for n in re.findall(r"\d+", said)]
        assert ends[-1] >= known.high
        if len(ends) == 2:
            assert 0 < ends[0] <= known.low
        else:
            assert ("au plus" in said) or ("at most" in said)
    share = Estimate(value / 500, se / 500, known.low / 500, known.high / 500)
    low, high = (int(n) for n in re.findall(r"\d+", Teller("en").percent(share)))
    assert low <= max(share.low, 0)
    assert high >= min(share.high, 100)
