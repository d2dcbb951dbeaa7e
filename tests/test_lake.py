"""The lake: views that say what was sealed, comments on everything, and questions that can only read."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from privacy.errors import Fault
from privacy.release import Release, deliver
from tests.releases import sender, small_policy
from tests.servers import Backend
from warehouse.definitions import MACROS, REACH_MACROS, dictionary
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query
from warehouse.reports.build import build_reports
from warehouse.upkeep import compact

POLICY = small_policy("provenance", "family", "admissions")
ONE_WAY = pl.any_horizontal(pl.col("family", "provenance").is_null())


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> tuple[Hub, Release]:
    """A hub that holds one small venue's season: some cells are suppressed."""
    home = tmp_path_factory.mktemp("home")
    hub, s = backend.hub(home / "hub"), sender(home, publishes=("transactions", "counts"), policy=POLICY)
    s.join(hub)
    release = s.release(people=1500)
    deliver(release.folder, hub.inbox)
    accept(hub)
    return hub, release


def test_a_view_shows_every_cell_as_sealed_with_its_labels_and_interval(held):
    hub, release = held
    sealed = release.cells("family")
    view = query(hub, "select * from family order by family, provenance")
    given = [c for c in sealed.columns if "noisy" not in c]
    assert_frame_equal(view.select(given), sealed.select(given), check_exact=True)
    assert view["published"].to_list() == sealed["people"].is_not_null().to_list()
    assert {True, False} == set(view["published"])
    width = (view["people_high"] - view["people_low"]).drop_nulls()
    assert width.to_list() == pytest.approx((2 * 1.959964 * view["people_se"].drop_nulls()).to_list(), rel=1e-6)
    hidden = view.filter(~pl.col("published"))
    assert hidden.select(pl.col("^(people|tickets|revenue).*$").is_null().all()).row(0) == (True,) * 15
    assert (
        view.row(by_predicate=pl.col("family").eq("danse") & pl.col("provenance").eq("epci"), named=True)[
            "provenance_fr"
        ]
        == "Même intercommunalité"
    )
    assert view["revenue"].null_count() == view.height  # a business secret this venue keeps


def test_the_levels_are_in_a_view_of_their_own_and_all_is_kept_as_sealed(held):
    hub, release = held
    sealed = release.tables["family"]
    kept = query(hub, "from cells_family").select(sealed.columns)
    names = ["family", "provenance"]
    assert_frame_equal(kept.sort(names), sealed.sort(names), check_exact=True)
    levels = query(hub, "from family_totals")
    given = [c for c in sealed.columns if "noisy" not in c]
    assert_frame_equal(
        levels.select(given).sort(names), sealed.filter(ONE_WAY).select(given).sort(names), check_exact=True
    )
    assert levels.height == 12 + 7 + 1
    danse = levels.row(by_predicate=pl.col("family") == "danse", named=True)
    assert (danse["provenance"], danse["provenance_fr"], danse["provenance_en"]) == (None, "ensemble", "all")
    assert (danse["family_fr"], danse["family_en"]) == ("Danse", "Dance")
    assert levels.filter(pl.col("family_fr") == "ensemble", pl.col("provenance_fr") == "ensemble").height == 1
    assert query(hub, "from provenance_totals").select("provenance", "published").rows() == [(None, True)]


def test_a_group_by_counts_nobody_twice(held):
    """The sum of a view is that of the cells shown; the total of everyone, cells not publishable too, is a row."""
    hub, release = held
    shown = release.cells("family")["people"].sum()
    assert query(hub, "select sum(people) from family").item() == pytest.approx(shown)
    total = query(hub, "select people, people_se from family_totals where family is null and provenance is null")
    assert total["people"].item() > shown + 3 * total["people_se"].item()


def test_kinds_of_admission_are_never_added(held):
    hub, release = held
    assert release.tables["admissions"].filter(pl.col("admission_kind").is_null())["admissions"].count() > 0
    assert query(hub, "select count(*) from admissions_totals where admission_kind is null").item() == 0
    assert query(hub, "select count(*) from admissions_totals where family is null").item() > 1


def test_coverage_counts_the_cells_shown(held):
    hub, release = held
    for row in query(hub, "from coverage").iter_rows(named=True):
        cells = release.cells(row["table_name"])
        shown = cells[:, len([c for c in cells.columns if cells[c].dtype == pl.String])].count()
        assert (row["cells"], row["published_cells"]) == (cells.height, shown)
        assert row["share"] == pytest.approx(shown / row["cells"])
    assert query(hub, "from coverage").height == len(release.tables)


def test_noisy_sum_covers_95_times_in_100_where_adding_squares_does_not(held):
    """One error, the same in proportion for all cells, and one of each cell's own."""
    random = np.random.default_rng(7)
    truth, own, common = np.array([900.0, 400.0, 250.0, 60.0]), np.array([12.0, 15.0, 12.0, 10.0]), 0.02
    draws = 4000
    shared = truth * common * random.standard_normal((draws, 1))
    values = truth + shared + own * random.standard_normal((draws, 4))
    cells = pl.DataFrame({
        "draw": np.repeat(np.arange(draws), 4), "people": values.ravel(),
        "people_se": np.tile(np.hypot(own, truth * common), draws),
        "people_common_se": np.tile(truth * common, draws),
    })  # fmt: skip
    with open_lake(held[0]) as lake:
        lake.register("drawn", cells)
        covered, naive = lake.execute(
            "select avg((abs(s.value - 1610) <= 1.96 * s.se)::int), avg((abs(s.value - 1610) <= 1.96 * squares)::int) "
            "from (select noisy_sum(people, people_se, people_common_se) as s, sqrt(sum(people_se ** 2)) as squares "
            "from drawn group by draw)"
        ).fetchone() or (0, 0)
        lake.unregister("drawn")
    assert covered == pytest.approx(0.95, abs=0.012)
    assert naive < 0.9


def test_sums_have_margins_in_any_question(held):
    hub, release = held
    told = "noisy_sum(people, people_se, people_common_se)"
    rows = query(
        hub, f"select family, unnest({told}), sum_se(people_se, people_common_se) as same from family group by 1"
    )
    cells = release.cells("family").drop_nulls("people").filter(pl.col("family") == "theatre_recit")
    own = (cells["people_se"] ** 2 - cells["people_common_se"] ** 2).sum()
    row = rows.row(by_predicate=pl.col("family") == "theatre_recit", named=True)
    assert row["value"] == pytest.approx(cells["people"].sum())
    assert row["se"] == row["same"] == pytest.approx((own + cells["people_common_se"].sum() ** 2) ** 0.5)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.959964 * row["se"], rel=1e-6)
    nothing = rows.join(query(hub, "select family from family group by 1 having count(people) = 0"), on="family")
    assert nothing.height > 0
    assert nothing.select("value", "se", "low", "high").null_count().row(0) == (nothing.height,) * 4


@pytest.mark.slow
def test_a_lake_of_before_levels_is_still_read(held, tmp_path):
    """Releases then had cells alone, with independent errors; opening the lake adds what is missing."""
    s = sender(tmp_path, policy=POLICY)
    hub = Hub(tmp_path / "hub")
    s.join(hub)
    deliver(s.release(people=1500).folder, hub.inbox)
    accept(hub)
    with open_lake(hub) as lake:
        lake.execute("delete from cells_family where family is null or provenance is null")
        lake.execute("delete from cells_provenance where provenance is null")
        for column in ("people_common_se", "people_noisy", "tickets_common_se", "tickets_noisy"):
            lake.execute(f"alter table cells_family drop column {column}")
            lake.execute(f"update cells_provenance set {column} = null")
        lake.execute("delete from edition")
    with open_lake(hub):
        pass
    view = query(hub, "from family")
    assert view.height == 84
    assert view.filter("published")["people_common_se"].unique().to_list() == [0]
    assert query(hub, "select sqrt(sum(people_se ** 2)) = sum_se(people_se, people_common_se) from family").item()
    assert query(hub, "from family_totals").height == query(hub, "from provenance_totals").height == 0
    page = next(p for p in build_reports(hub) if p.match("en/theatre.html")).read_text("utf-8")
    assert page.count("of an earlier format") == 2
    assert '<th scope="col">Share' not in page
    assert "people known to the box office" not in page


def test_every_table_view_and_column_is_explained_in_both_languages(held):
    hub, _ = held
    with open_lake(hub) as lake:
        relations = lake.execute(
            "select table_name, comment from duckdb_tables() where database_name = 'lake' union all "
            "select view_name, comment from duckdb_views() where database_name = 'lake' and not internal"
        ).fetchall()
        columns = lake.execute(
            "select table_name, column_name, comment from duckdb_columns() where database_name = 'lake'"
        ).fetchall()
        functions = "select function_name from duckdb_functions() where database_name = 'lake' and not internal"
        macros = {f for (f,) in lake.execute(functions).fetchall()}
        told = {(r, c): (fr, en) for r, c, fr, en in lake.execute("from dictionary").fetchall()}
        tables = {t for (t,) in lake.execute("select table_name from duckdb_tables()").fetchall()}
    relations = [(r, c) for r, c in relations if not r.startswith("ducklake_")]
    columns = [c for c in columns if c[0] in {r for r, _ in relations}]
    assert {(m, "") for m in macros} == {(m, "") for m in (*MACROS, *REACH_MACROS)}
    told_of = {(r, "") for r, _ in relations} | {(r, c) for r, c, _ in columns} | {(m, "") for m in macros}
    assert told_of == set(told)
    assert all(fr and en for fr, en in told.values())
    assert all(comment == " / ".join(told[r, ""]) for r, comment in relations)
    assert all(comment == " / ".join(told[r, c]) for r, c, comment in columns if r in tables)
    assert len(relations) == 47
    assert len(dictionary(hub.policy)) == len(told)


REFUSED = [
    "copy provenance to '{tmp}/x.csv'",
    "copy (select 1) to '{lake}/x.csv'",
    "from read_csv('/etc/passwd')",
    "from read_text('{lake}/../governance.toml')",
    "from '/etc/passwd'",
    "from glob('/*')",
    "attach '{tmp}/x.duckdb' as x",
    "drop table releases",
    "drop view provenance",
    "delete from releases",
    "insert into venues values ('x', 'x', 'x', 'x', null)",
    "create table memory.main.x as select 1",
    "set enable_external_access = true",
    "install httpfs",
    "call ducklake_expire_snapshots('lake')",
    "from ducklake_expire_snapshots('lake')",
    "from postgres_query('__ducklake_metadata_lake', 'select 1')",
    "from query('select 1')",
    "from __ducklake_metadata_lake.ducklake_snapshot",
    "from 's3://hub/elsewhere.parquet'",
    "select 1; drop table releases",
    "",
    "selec",
    "from nothing",
    "from question",  # a Python variable of `query` itself
]


def test_a_question_reads_the_lake_and_does_nothing_else(held, tmp_path):
    hub, _ = held
    answered: list[str] = []
    for question in REFUSED:
        try:
            query(hub, question.format(tmp=tmp_path, lake=hub.lake))
        except Fault:
            continue
        answered.append(question)
    assert answered == []
    assert list(tmp_path.iterdir()) == []
    assert not (hub.lake / "x.csv").exists()
    assert query(hub, "select count(*) from releases").item() == 1


def test_usual_questions_are_answered(held):
    hub, _ = held
    assert query(hub, "describe provenance").height > 10
    assert "provenance" in query(hub, "show tables")["name"].to_list()
    assert query(hub, "with x as (select sum(people) as s from provenance) select s > 1000 from x").item() is True


def test_tidying_and_moving_the_home_change_no_answer(held, tmp_path):
    hub, _ = held
    before = query(hub, "from family order by all")
    moved = Hub(hub.folder.rename(tmp_path / "elsewhere"))
    try:
        with open_lake(moved) as lake:
            compact(lake)
            files = lake.execute("from ducklake_list_files('lake', 'cells_family')").fetchall()
        assert len(files) == 1
        assert query(moved, "from family order by all").equals(before)
    finally:
        moved.folder.rename(hub.folder)


def test_an_empty_hub_says_so(tmp_path):
    with pytest.raises(Fault, match="holds nothing yet"):
        query(Hub(tmp_path), "select 1")
    assert accept(Hub(tmp_path)) == []
    assert query(Hub(tmp_path), "from provenance").height == 0


def test_the_hub_never_loads_opendp_nor_the_venue():
    code = (
        "import sys, warehouse.inbox, warehouse.lake, warehouse.reports.build\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('opendp', 'aggregations', 'pipelines')]\n"
        "bad += [m for m in sys.modules if m in ('privacy.publish', 'privacy.noise', 'privacy.ledger')]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
