"""Every example question has the right answer, on the lake and in a partner's own database, figures worked out by other means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from privacy.calendar import Period
from privacy.declarations import Table
from privacy.errors import Fault
from privacy.policy import read_policy
from tests.hub import EVER
from warehouse.definitions import Z95, labels, questions
from warehouse.governance import Hub
from warehouse.lake import in_turn, open_lake, put, query
from warehouse.partners.extracts import extract, write_database
from warehouse.sharing import Access, Seen

VENUES = ("opera", "theatre")
SEASON, QUARTER = "2025-2026", "2025-2026-T1"
RELEASES = [(v, p, r) for v in VENUES for p, r in ((SEASON, 1), (SEASON, 2), (QUARTER, 1))]
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, dict[str, pl.DataFrame]]:
    """A lake whose cells are made here, and these cells: two venues, a season in two revisions, a quarter."""
    hub = Hub(tmp_path_factory.mktemp("home") / "hub")
    random = np.random.default_rng(5)
    made = {t.name: pl.concat([cells(t, *release, random) for release in RELEASES]) for t in hub.policy.tables}
    with open_lake(hub) as lake:

        def write() -> None:
            put(lake, "venues", pl.DataFrame({"venue": VENUES, "name": VENUES, "kind": "theatre"}))
            put(lake, "releases", pl.DataFrame([released(*r) for r in RELEASES], infer_schema_length=None))
            for name, frame in made.items():
                put(lake, f"cells_{name}", frame.drop("period_kind"))

        in_turn(lake, write)
    last = pl.col("release_id").str.ends_with("2") | pl.col("period").eq(QUARTER)
    return hub, {name: frame.filter(last) for name, frame in made.items()}


def released(venue: str, period: str, revision: int) -> dict[str, object]:
    of = Period.parse(period)
    return {
        "release_id": f"{venue} {period} {revision}", "venue": venue, "period": period, "season": SEASON,
        "period_kind": of.kind, "period_start": of.start, "period_end": of.end, "revision": revision,
        "published": date(2026, 10, 1), "accepted_at": datetime(2026, 10, 2), "k": 11, "k_rule": "certain",  # noqa: DTZ001
    }  # fmt: skip


def cells(table: Table, venue: str, period: str, revision: int, random: np.random.Generator) -> pl.DataFrame:
    """A release's cells, a few not shown, and its total; an older revision has other figures."""
    frame = pl.DataFrame(
        {"release_id": [f"{venue} {period} {revision}"], "venue": venue, "season": SEASON, "period": period}
    )
    frame = frame.with_columns(pl.lit(Period.parse(period).kind).alias("period_kind"))
    for d in table.dimensions:
        frame = frame.join(pl.DataFrame({d.name: d.codes}), how="cross")
    total = frame.head(1).with_columns(pl.lit(None, pl.String).alias(d.name) for d in table.dimensions)
    frame = pl.concat([frame, total])
    shown = random.random(frame.height) < 0.9
    for place, m in enumerate(table.measures):
        value = random.uniform(50, 4000, frame.height) * (place + 1)
        common = value * 0.02
        se = np.hypot(random.uniform(5, 30, frame.height), common)
        held = {m.name: value, f"{m.name}_noisy": value, f"{m.name}_se": se, f"{m.name}_common_se": common}
        keeps = shown & ~((venue == "opera") & (m.name == "revenue"))  # a business secret this venue keeps
        frame = frame.with_columns(
            pl.Series(name, np.where(keeps, v, np.nan)).fill_nan(None) for name, v in held.items()
        )
    return frame


def interval(value: float, se: float) -> Row:
    return value, se, value - Z95 * se, value + Z95 * se


def error(rows: pl.DataFrame, m: str) -> float:
    """The error of a sum: own errors in squares, common ones whole."""
    own, common = rows[f"{m}_se"] ** 2 - rows[f"{m}_common_se"] ** 2, rows[f"{m}_common_se"].sum()
    return float((own.sum() + common**2) ** 0.5)


def total(rows: pl.DataFrame, m: str) -> Row:
    rows = rows.drop_nulls(m)
    return interval(rows[m].sum(), error(rows, m))


def ratio(rows: pl.DataFrame, m: str, per: str) -> Row:
    rows = rows.drop_nulls([m, per])
    value = rows[m].sum() / rows[per].sum()
    return interval(value, np.hypot(error(rows, m), value * error(rows, per)) / rows[per].sum())


def slopes(rows: pl.DataFrame, m: str, of: Callable[[np.ndarray], float]) -> Row:
    """A function of the cells, its error from the slope at each; releases are apart."""
    rows = rows.drop_nulls(m)
    at = rows[m].to_numpy()
    steps = 1e-4 * np.diag(at)
    pull = np.array([(of(at + s) - of(at - s)) / (2 * s.sum()) for s in steps])
    own = rows[f"{m}_se"].to_numpy() ** 2 - rows[f"{m}_common_se"].to_numpy() ** 2
    common = pl.DataFrame({"r": rows["release_id"], "c": pull * rows[f"{m}_common_se"].to_numpy()})
    return interval(of(at), float((pull**2 * own).sum() + (common.group_by("r").sum()["c"] ** 2).sum()) ** 0.5)


def share(rows: pl.DataFrame, m: str, part: pl.Expr) -> Row:
    is_part = rows.drop_nulls(m).select(part).to_series().to_numpy()
    return slopes(rows, m, lambda v: v[is_part].sum() / v.sum())


class Expected:
    """The answers, from the cells alone."""

    def __init__(self, tables: dict[str, pl.DataFrame], venues: tuple[str, ...]) -> None:
        policy = Hub(Path()).policy
        self.words = {(d, code): (fr, en) for d, code, fr, en, _ in labels(policy)}
        self.whole = {name: frame.filter(pl.col("venue").is_in(venues)) for name, frame in tables.items()}
        dimensions = {t.name: [d.name for d in t.dimensions] for t in policy.tables}
        self.cells = {name: frame.drop_nulls(dimensions[name]) for name, frame in self.whole.items()}
        self.season = {name: f.filter(pl.col("period_kind") == "season") for name, f in self.cells.items()}

    def by(self, table: str, keys: tuple[str, ...], answer: Callable[[pl.DataFrame], Row], *, where: object = True, shown: object = None) -> list[Row]:  # fmt: skip
        """One row a group: what it is of, dimensions in words, and its answer; groups where nothing is `shown` are left out."""
        found: list[Row] = []
        for key, rows in self.season[table].filter(where).group_by(keys, maintain_order=True):
            if shown is not None and rows.filter(shown).is_empty():
                continue
            told = [w for k, v in zip(keys, key, strict=True) for w in self.words.get((k, v), (v,))]
            found.append((*told, *answer(rows)))
        return found

    def admissions(self) -> list[Row]:
        scanned, shown = pl.col("admission_kind") == "scanned", pl.col("admissions").is_not_null()
        return self.by("admissions", ("season", "family"), lambda r: total(r, "admissions"), where=scanned, shown=shown)

    def audience_by_venue(self) -> list[Row]:
        return self._totals("season", "people", "season")

    def average_price(self) -> list[Row]:
        shown = pl.col("revenue").is_not_null()
        return self.by("price", ("season", "tariff"), lambda r: ratio(r, "revenue", "tickets"), shown=shown)

    def departements(self) -> list[Row]:
        shown = pl.col("people").is_not_null()
        rows = self.by("departement", ("season", "departement"), lambda r: total(r, "people"), shown=shown)
        codes = {fr: code for (d, code), (fr, _) in self.words.items() if d == "departement"}
        return [(season, codes[fr], fr, *figures) for season, fr, _, *figures in rows]

    def genre_mix(self) -> list[Row]:
        found: list[Row] = []
        here = pl.col("venue") == pl.col("venue").min()
        for family in self.cells["family"]["family"].unique():
            part = pl.col("family") == family
            rows = self.by(
                "family",
                ("venue", "season"),
                lambda r, p=part: share(r, "people", p),
                where=here,
                shown=part & pl.col("people").is_not_null(),
            )
            found += [(*row[:2], *self.words["family", family], *row[2:]) for row in rows]
        return found

    def last_minute(self) -> list[Row]:
        part = pl.col("anticipation").is_in(["jour_meme", "semaine"])
        shown = part & pl.col("people").is_not_null()
        return self.by("anticipation", ("season", "family"), lambda r: share(r, "people", part), shown=shown)

    def local_share(self) -> list[Row]:
        part = pl.col("provenance").is_in(["commune", "epci"])
        return self.by("provenance", ("venue", "season"), lambda r: share(r, "people", part))

    def newcomers(self) -> list[Row]:
        first, shown = pl.col("loyalty") == "primo", pl.col("people").is_not_null()
        return self.by("loyalty", ("season", "age_band"), lambda r: total(r, "people"), where=first, shown=shown)

    def quarters(self) -> list[Row]:
        return self._totals("quarter", "tickets", "period")

    def tickets_per_person(self) -> list[Row]:
        shown = pl.col("people").is_not_null()
        return self.by("provenance", ("season", "provenance"), lambda r: ratio(r, "tickets", "people"), shown=shown)

    def weekend(self) -> list[Row]:
        part = pl.col("schedule").str.starts_with("weekend")
        return self.by("schedule", ("venue", "season"), lambda r: share(r, "tickets", part))

    def what_is_published(self) -> list[Row]:
        found: list[Row] = []
        for name, frame in self.cells.items():
            first = next(t.measures[0].name for t in Hub(Path()).policy.tables if t.name == name)
            for (venue, period), rows in frame.group_by("venue", "period"):
                found.append((venue, period, name, rows[first].count() / rows.height, date(2026, 10, 1)))
        return found

    def young_index(self) -> list[Row]:
        rows = self.season["loyalty"].drop_nulls("people")
        young, mine = (rows["age_band"] == "15-24").to_numpy(), (rows["venue"] == rows["venue"].min()).to_numpy()
        index = lambda v: 100 * v[young & mine].sum() / v[mine].sum() / (v[young].sum() / v.sum())  # noqa: E731
        return [(SEASON, *slopes(rows, "people", index))]

    def _totals(self, kind: str, m: str, column: str) -> list[Row]:
        rows = self.whole["provenance"].filter(pl.col("provenance").is_null(), pl.col("period_kind") == kind)
        shown = rows.drop_nulls(m).iter_rows(named=True)
        return [(r["venue"], r[column], r[m], *interval(r[m], r[f"{m}_se"])[2:]) for r in shown]


def same(found: list[Row], expected: list[Row]) -> None:
    """Rows of any order; figures to six digits, for slopes are numeric."""

    def sort(rows: list[Row]) -> list[Row]:
        return sorted(rows, key=lambda row: [str(v) for v in row if not isinstance(v, float)])

    assert len(found) == len(expected) > 0
    for row, right in zip(sort(found), sort(expected), strict=True):
        for a, b in zip(row, right, strict=True):
            assert a == (pytest.approx(b, rel=1e-6, abs=1e-8) if isinstance(b, float) else b), (row, right)


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_each_question_has_the_right_answer_on_the_lake(known, question):
    hub, tables = known
    same(query(hub, question.sql).rows(), getattr(Expected(tables, VENUES), question.name)())


OWN = tuple(Seen("theatre", t.name, EVER) for t in read_policy().tables if t.name != "admissions")
REGION = Access("region", OWN)


@pytest.fixture(scope="module")
def own(known, tmp_path_factory) -> duckdb.DuckDBPyConnection:
    """The database of a partner who sees one venue, and not the admissions."""
    path = tmp_path_factory.mktemp("own") / "jauge.duckdb"
    write_database(known[0], REGION, path)
    return duckdb.connect(str(path), read_only=True)


def test_each_question_that_can_be_asked_has_the_right_answer_in_a_partners_own_database(known, own):
    asked = own.execute("select name, sql from questions").fetchall()
    assert {name for name, _ in asked} == {q.name for q in questions()} - {"admissions"}
    tables = {name: frame for name, frame in known[1].items() if name != "admissions"}
    expected = Expected(tables, ("theatre",))
    for name, text in asked:
        same(own.execute(text).fetchall(), getattr(expected, name)())


@pytest.mark.slow
@pytest.mark.parametrize("form", ["parquet", "csv", "xlsx"])
def test_files_hold_what_the_database_holds(known, own, tmp_path, form):
    few = Access("region", tuple(s for s in OWN if s.table == "provenance"))
    paths = extract(known[0], few, tmp_path, form)
    tables = sorted(
        ["latest", "coverage", "venues", "provenance", "provenance_totals", "labels", "dictionary", "questions"]
    )
    if form == "xlsx":
        (path,) = paths
        sheets = pl.read_excel(path, sheet_id=0)
        assert sorted(sheets) == tables
        assert sheets["provenance"].height == own.execute("select count(*) from provenance").fetchone()[0]
        assert set(sheets["provenance"]["venue"]) == {"theatre"}
    else:
        assert sorted(p.stem for p in paths) == tables
        for p in paths:
            told = own.execute(
                f"select count(*) from '{p}'" if form == "parquet" else f"select count(*) from read_csv('{p}')"
            )
            if p.stem.startswith("provenance"):
                assert told.fetchone() == own.execute(f"select count(*) from {p.stem}").fetchone()
    assert b"opera" not in b"".join(p.read_bytes() for p in paths if form == "csv")
    with pytest.raises(Fault, match="is there already"):
        extract(known[0], few, tmp_path, form)


def test_there_are_a_dozen_and_each_is_asked_in_two_languages():
    assert len(questions()) >= 12
    for q in questions():
        assert q.fr.endswith(("?", ")")), q.name
        assert q.en.endswith(("?", ")")), q.name
        assert q.fr != q.en
        assert q.sql.lower().startswith("select"), "one statement that works as it is"


def test_the_command_line_shows_questions_and_the_dictionary(known, monkeypatch):
    hub, _ = known
    monkeypatch.setenv("COLUMNS", "300")

    def told(*words: str) -> str:
        done = CliRunner().invoke(app, ["sql", *words, "--home", str(hub.folder.parent)])
        assert done.exit_code == 0, done.output
        return done.stdout

    text = told("--questions")
    for q in questions():
        assert q.name in text
        assert q.sql in text
    words = told("--dictionary")
    for thing in ("noisy_sum", "index_vs_network", "people_common_se", "provenance_totals", "coverage"):
        assert thing in words
