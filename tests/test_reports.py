"""The pages: both languages, every number with its margin, nothing fetched, nothing claimed beyond the promise."""

import math
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from privacy.release import deliver
from tests.releases import contributions, sender, small_policy
from warehouse.amendments import register
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query
from warehouse.reports.build import build_reports
from warehouse.reports.cells import Sheet, read_sheets
from warehouse.reports.figures import Estimate, Writer, added, apart, change, share, without

POLICY = small_policy("loyalty", "provenance", "family", "schedule", "admissions")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, dict[str, str]]:
    """Pages of a large and a small venue, and of one that has sent nothing."""
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    large = sender(home, name="Théâtre <du> Port", publishes=("transactions", "counts"), policy=POLICY)
    small = sender(home, "festival", name="Festival", kind="festival", policy=POLICY)
    for s, people in ((large, 9000), (small, 700)):
        s.join(hub)
        for period in ("2025-2026-T3", "2025-2026-T4", "2025-2026"):
            deliver(s.release(period, people=people if "-T4" not in period else people // 2).folder, hub.inbox)
    register(hub, id="silent", name="Silent", kind="museum", commune="75056", public_key="00" * 32)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    written = build_reports(hub)
    pages = {p.relative_to(hub.reports).as_posix(): p.read_text("utf-8") for p in written}
    return hub, pages


def test_a_page_a_venue_genre_and_territory_and_those_of_the_network_in_both_languages(site):
    names = {p for p in site[1] if "/genres/" not in p}
    once = ("index", "crossings", "explore", "method", "theatre", "festival", "silent", "places/75", "places/69")
    assert names <= {f"{x}/{n}.html" for x in ("fr", "en") for n in once}
    assert names >= {f"{x}/{n}.html" for x in ("fr", "en") for n in once[:7]}
    assert "fr/genres/danse.html" in site[1]
    for name, page in site[1].items():
        language, file = name.split("/", 1)
        other = "en" if language == "fr" else "fr"
        assert f'<html lang="{language}">' in page
        assert f'{"../" * file.count("/")}../{other}/{file}"' in page
        assert re.search(r"\d{1,2} \w+ 20\d\d" if language == "fr" else r"[A-Z]\w+ \d{1,2}, 20\d\d", page), (
            "of which day"
        )


def test_nothing_is_fetched_or_run_and_every_link_leads_somewhere(site):
    for name, page in site[1].items():
        assert "http" not in page.replace("http-equiv", "").replace(
            "http://www.w3.org/2000/svg", ""
        )  # a name, not a place
        assert ("<script" in page) == name.endswith("explore.html")  # whose script is its own: `test_explore`
        assert not re.search(r"\bsrc\s*=|@import|url\(", page)
        for link in re.findall(r'href="([^"]*)"', page):
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            assert not anchor or f'id="{anchor}"' in site[1][target], link
            assert target in site[1], link


def test_every_page_is_two_clicks_from_every_other(site):
    def links(name: str) -> set[str]:
        found = re.findall(r'href="([^"#]+)', site[1][name])
        return {posixpath.normpath(posixpath.join(posixpath.dirname(name), link)) for link in found}

    for language in ("fr", "en"):
        own = {p for p in site[1] if p.startswith(language)}
        for page in own:
            assert own <= links(page) | {p for step in links(page) for p in links(step)}


def test_every_drawing_has_a_name_and_a_table_that_says_the_same(site):
    for page in site[1].values():
        for attributes in re.findall(r"<svg([^>]*)>", page):
            assert (
                re.search(r'role="img" aria-label="[^"]+"', attributes) or "viewBox" in attributes
            )  # the map's corner
        for chart in re.findall(
            r'<figure[^>]*role="group".*?</figure>\s*<div class="scroll".*?</div>', page, re.DOTALL
        ):
            svg, _, table = chart.partition("</figure>")
            drawn = set(re.findall(r">([^<>]*±[^<>]*)</text>", svg))
            assert drawn <= set(re.findall(r">([^<>]*±[^<>]*)</td>", table))


def test_the_promise_is_said_and_no_more(site):
    for name, page in site[1].items():
        assert "anonym" not in page.lower()
        if name.endswith(("index.html", "method.html", "theatre.html", "festival.html")):
            assert "ε = 4" in page
            assert "10⁻⁷" in page
    assert "confidentialité différentielle" in site[1]["fr/theatre.html"]
    assert "11 personnes" in site[1]["fr/theatre.html"]
    assert (
        "la marge comprend les trois\u00a0: le bruit, les bornes et le redressement"
        in site[1]["fr/theatre.html"].lower()
    )
    assert "the margin covers all three: noise, bounds and correction" in site[1]["en/index.html"].lower()
    assert "par entrée" in site[1]["fr/theatre.html"]
    assert "par entrée" not in site[1]["fr/festival.html"]


def test_a_suppressed_cell_is_said_not_publishable_and_never_nought(site):
    hub, pages = site
    hidden = query(hub, "select count(*) from loyalty where venue = 'festival' and not published").item()
    assert hidden > 0
    assert "non publiable" in pages["fr/festival.html"]
    assert "not publishable" in pages["en/festival.html"]
    assert re.search(r"Cells not publishable \(too few in them\): \d+ of 42\.", pages["en/festival.html"])
    told = pages["fr/festival.html"].split('id="size"')[0].split('id="next"')[0]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", told)
    assert "non publiable" in cells
    assert not {"0", "0,0", "", "None", "nan"} & set(cells)
    assert all("±" in c for c in cells if c not in {"non publiable", "—"})
    assert re.search(r'<td class="none" title="non publiable\u00a0: trop peu de personnes">', told)


def test_the_headline_is_the_lakes_number_with_its_margin(site):
    hub, pages = site
    total, se = query(
        hub, "select people, people_se from provenance_totals where venue = 'theatre' and period_kind = 'season'"
    ).row(0)
    assert f"<b>{Writer('fr').count(Estimate(total, se))}</b>" in pages["fr/theatre.html"]
    assert f"<b>{Writer('en').count(Estimate(total, se))}</b>" in pages["en/theatre.html"]
    assert abs(total - 9000) < 3 * 1.96 * se
    assert "the number of people falls" in pages["en/theatre.html"]
    assert "(admission" not in pages["en/theatre.html"]


def sheet(hub: Hub, venue: str, table: str) -> Sheet:
    release = query(hub, f"select release_id from releases where venue = '{venue}' and period = '2025-2026'").item()
    with open_lake(hub, read_only=True) as lake:
        return read_sheets(lake, hub.policy.tables)[release][table]


@pytest.mark.slow
def test_people_of_several_cells_are_never_told_as_a_number_of_people(site):
    hub, pages = site
    assert sheet(hub, "theatre", "provenance").people == sheet(hub, "theatre", "provenance").total
    assert sheet(hub, "theatre", "family").total
    assert sheet(hub, "theatre", "family").people is None
    assert sheet(hub, "theatre", "admissions").total is None
    assert "n’est un nombre de personnes" in pages["fr/theatre.html"]
    assert "is a number of people" in pages["en/theatre.html"]


def test_names_are_escaped_and_pages_are_well_formed(site):
    assert "Théâtre &lt;du&gt; Port" in site[1]["fr/theatre.html"]

    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    for page in site[1].values():
        assert "<du>" not in page
        assert page.lstrip().startswith("<!doctype html>")
        reader = Balance()
        reader.feed(page)
        assert reader.open == []


@pytest.mark.slow
@pytest.mark.parametrize(("venue", "people"), [("theatre", 9000), ("festival", 700)])
@pytest.mark.parametrize("table", ["loyalty", "provenance", "family"])
def test_where_much_is_hidden_shares_are_still_of_everyone(site, venue, people, table):
    """A share of the cells shown would mislead; of the total it holds, however much is missing."""
    told = sheet(site[0], venue, table)
    everyone = contributions(people, 1)((told.table,)).unique(["person", *told.table.names]).collect()
    first, total = told.table.names[0], told.total
    assert total
    assert abs(total.value - everyone.height) < 2.5 * total.margin
    for row in told.rows("en"):
        if row.share:
            true = everyone.filter(everyone[first] == row.code).height / everyone.height
            assert abs(row.share.value - true) < 2.5 * row.share.margin
    shown = everyone.select(told.table.names).to_dicts()
    held = sum(tuple(d[n] for n in told.table.names) not in told.cells for d in shown)
    assert told.unshown
    assert abs(told.unshown.value - held) <= 2.5 * told.unshown.margin + 1e-6


def test_what_is_hidden_is_said_in_total(site):
    hub, pages = site
    rest = sheet(hub, "festival", "loyalty").unshown
    assert rest
    assert rest.value > 100
    assert f"Ensemble, elles comptent pour {Writer('fr').count(rest)} (personnes)" in pages["fr/festival.html"]
    assert f"Together they hold {Writer('en').count(rest)} (people)" in pages["en/festival.html"]


def spread(rows: dict[str, float | None], total: float) -> Sheet:
    """Loyalty with these rows shown, one age; None is not publishable. Noise of 10 a row, of 30 in the total."""
    table = POLICY.table("loyalty")
    levels = {(c, None): {"people": Estimate(v, 10.0)} for c, v in rows.items() if v is not None}
    return Sheet(table, "r", "2025-2026", {}, levels | {(None, None): {"people": Estimate(total, 30.0)}})


def test_a_part_that_is_not_publishable_is_not_said():
    came, all_of_them = ("primo", "occasionnel"), dict.fromkeys(POLICY.table("loyalty").dimensions[0].codes, 100.0)
    assert spread(all_of_them, 700).part(("primo",), came)
    assert spread(all_of_them | {"primo": None}, 700).part(("primo",), came) is None
    assert Sheet(POLICY.table("loyalty"), "r", "2025-2026", {}, {}).part(("primo",), came) is None


def test_what_may_be_missing_from_those_left_out_widens_the_margin():
    """First-timers among those who came: the 200 of two rows not publishable may all have come, or none."""
    came, rows = ("primo", "occasionnel"), dict.fromkeys(POLICY.table("loyalty").dimensions[0].codes, 100.0)
    known = spread(rows, 700).part(("primo",), came)
    unsure = spread(rows | {"endormi": None, "unknown": None}, 700).part(("primo",), came)
    assert known
    assert unsure
    assert known.low < 1 / 2 < known.high
    assert unsure.low < 100 / 400 < 1 / 2 < unsure.high


def test_pages_are_replaced_whole_or_not_at_all(site, monkeypatch):
    hub, pages = site

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.reports.build.venue_page", dies)
        with pytest.raises(KeyboardInterrupt):
            build_reports(hub)
    assert {p.relative_to(hub.reports).as_posix(): p.read_text("utf-8") for p in hub.reports.rglob("*.html")} == pages


def test_an_empty_hub_has_a_page(tmp_path: Path):
    pages = build_reports(Hub(tmp_path / "hub"))
    assert [p.relative_to(tmp_path / "hub" / "reports").as_posix() for p in pages] == [
        f"{x}/{n}.html" for x in ("en", "fr") for n in ("crossings", "explore", "index", "method")
    ]
    assert "encore rien publié" in pages[6].read_text("utf-8")


def test_the_margin_of_sums_shares_and_changes_covers_95_times_in_100():
    """Three cells of one release, one of another; the cells of a release share an error, the same in proportion."""
    random = np.random.default_rng(5)
    truth, own, common = np.array([800.0, 300.0, 150.0]), np.array([20.0, 25.0, 15.0]), 0.05
    draws = 6000
    drawn = truth * (1 + common * random.standard_normal((draws, 1))) + own * random.standard_normal((draws, 3))
    hits, alone, late = np.zeros(4), 0, Estimate(500.0, 40.0)
    for values, other in zip(drawn, 500 + 40 * random.standard_normal(draws), strict=True):
        cells = [Estimate(v, math.hypot(s, c), c) for v, s, c in zip(values, own, truth * common, strict=True)]
        whole = added(cells)
        part, moved = share(cells[0], added(cells[1:])), change(cells[0], Estimate(other, late.se))
        assert part
        assert moved
        told = ((whole, 1250), (part, 800 / 1250), (moved, 500 / 800 - 1), (without(whole, cells[:1], 1 / 3), 450))
        hits += [estimate.low <= true <= estimate.high for estimate, true in told]
        alone += abs(whole.value - 1250) <= 1.96 * math.hypot(*(c.se for c in cells))
    assert all(math.isclose(covered, 0.95, abs_tol=0.015) for covered in hits / draws)
    assert alone / draws < 0.9  # as if the errors of cells were independent


@pytest.mark.parametrize("known", [6.0, 60.0, 10**6])
def test_shares_and_rests_cover_95_times_in_100_however_well_the_total_is_known(known: float):
    """Forty cells, twelve of them shown, moved alike to agree on a total that another table knows: well, so so, not at all."""
    random, draws, hits = np.random.default_rng(6), 5000, np.zeros(2)
    truth, sigma = np.concatenate([[900.0], np.full(11, 120.0), np.full(28, 10.0)]), 12.0
    for _ in range(draws):
        cells, other = truth + sigma * random.standard_normal(40), truth.sum() + known * random.standard_normal()
        variance = 1 / (1 / known**2 + 1 / (40 * sigma**2))
        agreed = variance * (other / known**2 + cells.sum() / (40 * sigma**2))
        shown = [Estimate(v, sigma) for v in (cells + (agreed - cells.sum()) / 40)[:12]]
        total = Estimate(agreed, math.sqrt(variance))
        hidden, rest = without(total, shown, 12 / 40), without(total, shown[:1], 1 / 40)
        part = share(shown[0], rest, apart(shown[0], rest, total))
        assert part
        hits += hidden.low <= 280 <= hidden.high, part.low <= 900 / truth.sum() <= part.high
    assert all(math.isclose(covered, 0.95, abs_tol=0.015) for covered in hits / draws)


@pytest.mark.parametrize(
    ("value", "margin", "french", "english"),
    [
        (2868.9, 58.2, "2\u202f870 ±\u202f60", "2,870 ±\u202f60"),
        (2868.9, 28.2, "2\u202f869 ±\u202f29", "2,869 ±\u202f29"),
        (12345, 420, "12\u202f300 ±\u202f500", "12,300 ±\u202f500"),
        (-3.0, 9.0, "0 ±\u202f9", "0 ±\u202f9"),
        (52.3, 0.04, "52 ±\u202f1", "52 ±\u202f1"),
    ],
)
def test_digits_follow_the_margin(value, margin, french, english):
    estimate = Estimate(value, margin / 1.959963984540054)
    assert (Writer("fr").count(estimate), Writer("en").count(estimate)) == (french, english)


def test_shares_are_written_as_each_language_does():
    estimate = Estimate(0.5432, 0.03 / 1.959963984540054)
    assert Writer("fr").percent(estimate) == "54\u00a0% ±\u202f3"
    assert Writer("en").percent(estimate) == "54% ±\u202f3"
    assert Writer("fr").points(Estimate(-0.1234, 0.001)) == "−12,3\u00a0% ±\u202f0,2"
    assert Writer("en").percent(Estimate(1.02, 0.02)) == "100% ±\u202f4"


@pytest.mark.slow
def test_pages_from_kept_drawings_are_the_same_and_drawings_no_page_has_are_gone(site):
    hub, pages = site
    held = {p.name: p.read_text("utf-8") for p in hub.drawings.iterdir()}
    assert all(text.endswith("</svg>") for text in held.values())
    first, *_ = held
    (hub.drawings / first).write_text(held[first][:-50], "utf-8")  # cut short by a failing disk
    (hub.drawings / ("0" * 64)).write_text("<svg>of what was withdrawn</svg>", "utf-8")
    moment = re.compile(r"\d\d:\d\d:\d\d")
    for page in build_reports(hub):
        name = page.relative_to(hub.reports).as_posix()
        assert moment.sub("", page.read_text("utf-8")) == moment.sub("", pages[name])
    assert {p.name: p.read_text("utf-8") for p in hub.drawings.iterdir()} == held
