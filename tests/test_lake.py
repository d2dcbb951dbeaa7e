"""The lake: views that say what was sealed, comments on everything, and questions that can only read."""

import subprocess
import sys

import polars as pl
import pytest

from privacy.errors import Fault
from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.definitions import dictionary
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query, tidy

POLICY = small_policy("provenance", "family")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, dict[str, pl.DataFrame]]:
    """A hub that holds one small venue's season: some cells are suppressed."""
    home = tmp_path_factory.mktemp("home")
    hub, s = Hub(home / "hub"), sender(home, policy=POLICY)
    s.join(hub)
    release = s.release(people=1500)
    deliver(release.folder, hub.inbox)
    accept(hub)
    return hub, release.tables


def test_a_view_shows_every_cell_as_sealed_with_its_labels_and_interval(held):
    hub, sealed = held
    view = query(hub, "select * from family order by family, provenance")
    assert view.select(sealed["family"].columns[:6]).equals(sealed["family"].select(sealed["family"].columns[:6]))
    assert view["published"].to_list() == sealed["family"]["people"].is_not_null().to_list()
    assert {True, False} == set(view["published"])
    width = (view["people_high"] - view["people_low"]).drop_nulls()
    assert width.to_list() == pytest.approx((2 * 1.959964 * view["people_se"].drop_nulls()).to_list(), rel=1e-6)
    hidden = view.filter(~pl.col("published"))
    assert hidden.select(pl.col("^(people|tickets|revenue).*$").is_null().all()).row(0) == (True,) * 12
    assert (
        view.row(by_predicate=pl.col("family").eq("danse") & pl.col("provenance").eq("epci"), named=True)[
            "provenance_fr"
        ]
        == "Même intercommunalité"
    )
    assert view["revenue"].null_count() == view.height  # a business secret this venue keeps


def test_coverage_counts_the_cells_shown(held):
    hub, sealed = held
    for row in query(hub, "from coverage").iter_rows(named=True):
        if row["table_name"] in sealed:
            shown = sealed[row["table_name"]]["people"].count()
            assert (row["cells"], row["published_cells"]) == (sealed[row["table_name"]].height, shown)
            assert row["share"] == pytest.approx(shown / row["cells"])
    assert query(hub, "from coverage").height == len(sealed)


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
        told = {(r, c): (fr, en) for r, c, fr, en in lake.execute("from dictionary").fetchall()}
        tables = {t for (t,) in lake.execute("select table_name from duckdb_tables()").fetchall()}
    relations = [(r, c) for r, c in relations if not r.startswith("ducklake_")]
    columns = [c for c in columns if c[0] in {r for r, _ in relations}]
    assert {(r, "") for r, _ in relations} | {(r, c) for r, c, _ in columns} == set(told)
    assert all(fr and en for fr, en in told.values())
    assert all(comment == " / ".join(told[r, ""]) for r, comment in relations)
    assert all(comment == " / ".join(told[r, c]) for r, c, comment in columns if r in tables)
    assert len(relations) == 31
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
            tidy(lake)
        assert list(moved.lake.rglob("*.parquet"))
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
        "import sys, warehouse.inbox, warehouse.lake, warehouse.reports\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('opendp', 'aggregations', 'pipelines')]\n"
        "bad += [m for m in sys.modules if m in ('privacy.publish', 'privacy.noise', 'privacy.ledger')]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
