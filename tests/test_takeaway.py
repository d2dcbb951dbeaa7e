"""What a member takes away: the lake's figures in every file, nothing it may not see, no change that its interval denies."""

import csv
import io
import math
import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import openpyxl
import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import Fault, GovernanceRefusal
from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query
from warehouse.reports.cells import Sheet, title
from warehouse.reports.figures import Estimate, Writer
from warehouse.takeaway import package, take_away
from warehouse.takeaway.funder import chapters, mean_price, share_of, total
from warehouse.takeaway.held import Held, hold
from warehouse.takeaway.letter import compared, larger_than_noise, write_letter
from warehouse.takeaway.phrases import Phrases
from warehouse.takeaway.pictures import write_pictures

POLICY = small_policy("loyalty", "provenance", "family", "price", "admissions")
TODAY = date(2026, 11, 22)
Z = 1.959963984540054
HIDDEN = {"fr": "non publiable", "en": "not publishable"}
QUARTERS = ("2025-2026-T3", "2025-2026-T4")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Three venues: one takes away, one hides its genres from it, one hides everything."""
    home = tmp_path_factory.mktemp("home")
    made = Hub(home / "hub")
    for venue, name, people in (
        ("theatre", "Théâtre <du> Port", 4000),
        ("opera", "=1+1 Opéra", 900),
        ("festival", "Festival Secret", 500),
    ):
        kinds = ("transactions", "counts") if venue == "theatre" else ("transactions",)
        s = sender(home, venue, name=name, publishes=kinds, revenue=venue == "theatre", policy=POLICY)
        s.join(made)
        for period in ("2025-2026", *(QUARTERS if venue == "theatre" else ())):
            deliver(s.release(period, people=people // 2 if "-T4" in period else people).folder, made.inbox)
    assert {d.outcome for d in accept(made)} == {"accepted"}
    said = '\n[venues.opera.sharing.tables.family]\ndeny = ["all"]\n\n[venues.festival.sharing]\ndeny = ["all"]\n'
    made.governance.write_text(made.governance.read_text("utf-8") + said, "utf-8")
    return made


@pytest.fixture(scope="module")
def taken(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; charts and what the browser prints are slow to make, and have tests of their own."""
    folder = tmp_path_factory.mktemp("taken") / "away"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "browser", lambda: None)
        patch.setattr(package, "write_pictures", lambda held, phrases, folder: [])
        paths = take_away(hub, "theatre", TODAY, folder)
    assert set(paths) == {p for p in folder.rglob("*") if p.is_file()}
    return folder


Truth = dict[tuple[str, ...], tuple[float, float] | None]


@pytest.fixture(scope="module")
def truth(hub: Hub) -> dict[tuple[str, str], Truth]:
    """By SQL, for each table and language: (venue, labels, measure) → value and margin, or None where suppressed."""
    found: dict[tuple[str, str], Truth] = {}
    with open_lake(hub, read_only=True) as lake:
        for table in POLICY.tables:
            for view in (table.name, f"{table.name}_totals"):
                who = "('theatre')" if table.name == "family" else "('theatre', 'opera')"
                rows = lake.execute(
                    f"select v.name, t.* from {view} as t join venues as v using (venue) "
                    f"where period = '2025-2026' and venue in {who}"
                ).pl()
                for row in rows.to_dicts():
                    for language, everyone in (("fr", "Ensemble"), ("en", "All")):
                        labels = [row[f"{d}_{language}"] for d in table.names]
                        key = row["name"], *(everyone if x in ("ensemble", "all") else x for x in labels)
                        for m in table.measures:
                            value = row[m.name]
                            told = None if value is None else (value, Z * row[f"{m.name}_se"])
                            found.setdefault((table.name, language), {})[*key, title(m, language)] = told
    return found


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("table", POLICY.tables, ids=lambda t: t.name)
def test_every_csv_has_the_lakes_figures_and_opens_in_its_readers_excel(truth, taken: Path, table, language) -> None:
    path = taken / language / "tables" / f"{table.name}.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    text = path.read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";" if language == "fr" else ","))[1:]
    true, told, width = truth[table.name, language], set(), len(table.names)

    def number(cell: str) -> float:
        assert "." not in cell if language == "fr" else "," not in cell
        return float(cell.replace(",", "."))

    for venue, _, *rest in rows:
        key = (venue.removeprefix("'"), *rest[: width + 1])
        told.add(key)
        numbers = rest[width + 1 :]
        if true.get(key) is None:
            assert numbers == [HIDDEN[language], "", "", "", "", "", HIDDEN[language]]
            continue
        value, margin = true[key]
        shown = [number(x) for x in numbers[:4]]
        expected = [max(value, 0), margin, max(value - margin, 0), max(value + margin, 0)]
        assert shown == pytest.approx(expected, abs=0.0501)
        assert numbers[-1] == Writer(language).count(Estimate(value, margin / Z))
        if numbers[4]:
            whole = true[venue.removeprefix("'"), *[{"fr": "Ensemble", "en": "All"}[language]] * width, key[-1]]
            assert whole
            assert number(numbers[4]) == pytest.approx(100 * value / whole[0], abs=0.00501)
    assert {k for k, v in true.items() if v is not None} <= told
    assert any(HIDDEN[language] in r for r in rows) or table.name == "admissions"
    assert not re.search(r"(^|[;,])=", text, re.MULTILINE)


@pytest.mark.parametrize(("language", "file"), [("fr", "classeur"), ("en", "workbook")])
def test_the_workbook_has_the_lakes_figures_as_numbers_and_no_formula(truth, taken: Path, language, file) -> None:
    book = openpyxl.load_workbook(taken / language / f"{file}.xlsx")
    notes, *sheets = book.worksheets
    assert len(sheets) == len(POLICY.tables)
    said = " ".join(str(c.value) for row in notes.iter_rows() for c in row if c.value)
    assert "ε = 4" in said
    assert {"fr": "95 fois sur 100", "en": "95 times in 100"}[language] in said
    for sheet, table in zip(sheets, POLICY.tables, strict=True):
        true, width = truth[table.name, language], len(table.names)
        for row in sheet.iter_rows(min_row=2):
            assert all(c.data_type in ("s", "n") for c in row)
            cells = [c.value for c in row]
            key = (cells[0], *cells[2 : 3 + width])
            value = true.get(key)
            if value is None:
                assert cells[3 + width :] == [HIDDEN[language], None, None, None, None, None, HIDDEN[language]]
            else:
                assert cells[3 + width] == pytest.approx(max(value[0], 0), abs=1e-6)
                assert cells[4 + width] == pytest.approx(value[1], abs=1e-6)
                assert row[3 + width].number_format == "#,##0"


def everything(folder: Path) -> bytes:
    """All bytes of all files, those of packed ones unpacked."""
    found = b""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found += path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                found += b"".join(packed.read(n) for n in packed.namelist())
    return found


def test_what_governance_hides_is_in_no_byte(taken: Path) -> None:
    held = everything(taken).decode("utf-8", "replace")
    assert "Festival Secret" not in held
    assert "1+1 Opéra" in held
    for language in ("fr", "en"):
        tables = {p.stem: p.read_text("utf-8-sig") for p in (taken / language / "tables").iterdir()}
        assert "1+1 Opéra" in tables["provenance"]
        assert "1+1 Opéra" not in tables["family"]


def test_only_a_member_takes_away_and_only_into_an_empty_folder(hub: Hub, taken: Path, tmp_path: Path) -> None:
    with pytest.raises(GovernanceRefusal):
        take_away(hub, "stranger", TODAY, tmp_path / "new")
    with pytest.raises(Fault, match="2024-2025"):
        take_away(hub, "theatre", TODAY, tmp_path / "new", period="2024-2025")
    with pytest.raises(Fault, match="not empty"):
        take_away(hub, "theatre", TODAY, taken)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def own(hub: Hub) -> Held:
    return hold(hub, "theatre", TODAY)


def check_pictures(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
            assert int.from_bytes(path.read_bytes()[16:20]) > 1000  # pixels: wide enough for a slide
            continue
        text = path.read_text("utf-8")
        assert "Théâtre <du> Port" in " ".join(ET.fromstring(text).itertext())  # well-formed, by itself
        assert "var(" not in text
        assert path.with_suffix(".png").exists()


def test_every_chart_stands_alone_as_svg_and_png(own: Held, tmp_path: Path) -> None:
    few = {name: own.issue.sheets[name] for name in ("provenance", "family")}
    held = replace(own, own={own.period: replace(own.issue, sheets=few)})
    paths = write_pictures(held, Phrases("fr"), tmp_path / "charts")
    assert {p.stem for p in paths} == {"provenance", "family", "family-provenance"}
    check_pictures(tmp_path / "charts")
    drawn = (tmp_path / "charts" / "provenance.svg").read_text("utf-8")
    for row in few["provenance"].rows("fr"):
        assert (Writer("fr").percent(row.share) if row.share else HIDDEN["fr"]) in drawn


@pytest.mark.parametrize(("language", "file"), [("fr", "reddition"), ("en", "funder-report")])
def test_the_funders_figures_are_those_of_sql(hub: Hub, own: Held, taken: Path, language, file) -> None:
    document = Document(str(taken / language / f"{file}.docx"))
    lines = [[c.text for c in row.cells] for table in document.tables for row in table.rows]
    told = "\n".join([*("\t".join(line) for line in lines), *(p.text for p in document.paragraphs)])
    write = Writer(language)
    row = query(hub, "select * from provenance_totals where venue = 'theatre' and period = '2025-2026'").to_dicts()[0]
    for name in ("people", "tickets", "revenue"):
        assert write.count(Estimate(row[name], row[f"{name}_se"])) in told
    price = row["revenue"] / row["tickets"]
    error = price * math.hypot(row["revenue_se"] / row["revenue"], row["tickets_se"] / row["tickets"])
    assert Phrases(language).amount(Estimate(price, error)) in told
    free = query(
        hub,
        "select tickets / (select tickets from price_totals where tariff is null and price_band is null and venue = 'theatre' "
        "and period = '2025-2026') from price_totals where tariff = 'exonere' and price_band is null and venue = 'theatre' "
        "and period = '2025-2026'",
    ).item()
    part = share_of(own.issue.sheets["price"], 0, ("exonere",), "tickets")
    assert (part is None) == (free is None)  # a small code may be hidden by its noise
    assert part is None or (part.value == pytest.approx(free) and write.percent(part) in told)
    assert HIDDEN[language].capitalize() in told or HIDDEN[language] in told
    most = {"fr": "au plus", "en": "at most"}[language]
    assert all("±" in cell or most in cell or not re.search(r"\d", cell) for line in lines for cell in line[1:])


def test_a_figure_that_may_be_nought_is_told_as_at_most(own: Held) -> None:
    prices = own.issue.sheets["price"]
    lost = {codes: figures | {"revenue": Estimate(6000.0, 9000.0)} for codes, figures in prices.levels.items()}
    held = replace(own, own={own.period: replace(own.issue, sheets={"price": replace(prices, levels=lost)})})
    tariffs = next(c for c in chapters(held, Phrases("en")) if c.title.startswith("2."))
    assert tariffs.lines
    assert all("at most 24,000" in line for line in tariffs.lines)


def test_the_board_reads_at_most_five_sentences_and_four_charts(taken: Path) -> None:
    for path in (taken / "fr" / "synthese.html", taken / "en" / "summary.html"):
        page = path.read_text("utf-8")
        assert 1 <= page.count("<li>") <= 5
        assert 1 <= page.count("<figure") <= 4
        assert "Théâtre &lt;du&gt; Port" in page
        assert "ε = 4" in page
        assert "<script" not in page
        assert not re.search(r"\bsrc\s*=|@import|url\(|https?:", page)


def test_the_letter_tells_what_fell_in_both_forms(hub: Hub, taken: Path) -> None:
    sql = "select people, people_se from provenance_totals where venue = 'theatre' and period = '2025-2026-T{}'"
    before, after = (Estimate(*query(hub, sql.format(n)).row(0)) for n in (3, 4))
    assert after.high < before.low
    for file, word in (("fr/lettre", "en baisse"), ("en/letter", "down")):
        page, text = ((taken / f"{file}.{form}").read_text("utf-8") for form in ("html", "txt"))
        write = Writer(file[:2])
        line = next(x for x in text.splitlines() if f"{write.count(before)} → {write.count(after)}" in x)
        assert word in line
        assert line.removeprefix("- ") in page
        assert "style=" in page
        assert "<style" not in page
        assert "Théâtre &lt;du&gt; Port" in page


def loyalty(values: list[float | None], errors: list[float]) -> Sheet:
    table = POLICY.table("loyalty")
    shown = {
        c: Estimate(v, s) for c, v, s in zip(table.dimensions[0].codes, values, errors, strict=True) if v is not None
    }
    levels = {(c, None): {"people": e} for c, e in shown.items()}
    whole = Estimate(sum(e.value for e in shown.values()), math.hypot(*(e.se for e in shown.values())))
    return Sheet(table, "r", "2025-2026", {}, levels | {(None, None): {"people": whole}})


codes = len(POLICY.table("loyalty").dimensions[0].codes)
drawn_sheets = st.builds(
    loyalty,
    st.lists(st.none() | st.floats(11, 5000), min_size=codes, max_size=codes),
    st.lists(st.floats(0.5, 200), min_size=codes, max_size=codes),
)


@settings(max_examples=60, deadline=None)
@given(drawn_sheets, drawn_sheets)
def test_no_change_is_told_that_its_interval_does_not_support(before: Sheet, after: Sheet) -> None:
    for language in ("fr", "en"):
        phrases = Phrases(language)
        for move in larger_than_noise(compared({"loyalty": before}, {"loyalty": after}, phrases)):
            difference = move.after.value - move.before.value
            assert abs(difference) > Z * math.hypot(move.before.se, move.after.se)
            told = move.sentence(phrases)
            assert ({"fr": "en hausse", "en": ": up"}[language] in told) == (difference > 0)
            assert ({"fr": "en baisse", "en": ": down"}[language] in told) == (difference < 0)


def test_where_nothing_changed_nothing_stands_out() -> None:
    """Of 300 pairs of quarters with the same people, at most one in ten has a letter that tells a change."""
    random, phrases, told = np.random.default_rng(3), Phrases("fr"), 0
    truth, errors = [800.0, 400, 300, 120, 500, 450, 60], [12.0] * codes
    for _ in range(300):
        pair = [loyalty(list(truth + 12 * random.standard_normal(codes)), errors) for _ in range(2)]
        told += bool(larger_than_noise(compared({"loyalty": pair[0]}, {"loyalty": pair[1]}, phrases)))
    assert told <= 30
    moved = loyalty([1000.0, *truth[1:]], errors)
    assert larger_than_noise(compared({"loyalty": loyalty(truth, errors)}, {"loyalty": moved}, phrases))


def test_a_letter_with_nothing_to_tell_says_so(own: Held, tmp_path: Path) -> None:
    held = own.at("2025-2026-T4")
    same = replace(held.own["2025-2026-T3"], sheets=held.issue.sheets)
    still = replace(held, own=dict(held.own) | {"2025-2026-T3": same})
    for stand, told in ((still, "Rien ne ressort"), (held.at("2025-2026-T3"), "Aucune période précédente")):
        for path in write_letter(stand, Phrases("fr"), tmp_path / "lettre"):
            text = path.read_text("utf-8")
            assert told in text
            assert "→" not in text


def test_a_price_whose_tickets_are_lost_in_noise_is_not_told(own: Held) -> None:
    assert mean_price(Estimate(900.0, 10.0), Estimate(20.0, 8.0)) is None
    came = own.issue.sheets["provenance"]
    price = mean_price(total(came, "revenue"), total(came, "tickets"))
    assert price
    assert price.low > 0


@pytest.mark.slow
def test_all_of_it_is_in_the_folder_and_the_summary_prints_on_two_pages(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "away"
    take_away(hub, "theatre", TODAY, folder)
    for language, charts, summary in (("fr", "graphiques", "synthese"), ("en", "charts", "summary")):
        drawn = {p.stem for p in (folder / language / charts).iterdir()}
        assert drawn >= {t.name for t in POLICY.tables if t.unit == "person"}
        check_pictures(folder / language / charts)
        pdf = folder / language / f"{summary}.pdf"
        assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 2
    assert "Festival Secret" not in everything(folder).decode("utf-8", "replace")
    assert not list(tmp_path.glob(".*"))
