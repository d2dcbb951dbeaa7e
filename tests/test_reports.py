"""The pages: both languages, every number with its margin, nothing fetched, nothing claimed beyond the promise."""

import math
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.governance import Hub, register
from warehouse.inbox import accept
from warehouse.lake import query
from warehouse.reports import build_reports
from warehouse.reports.figures import Estimate, Writer, added, change, share

POLICY = small_policy("loyalty", "provenance", "schedule", "admissions")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, dict[str, str]]:
    """Pages of a large and a small venue, and of one that has sent nothing."""
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    large = sender(home, name="Théâtre <du> Port", publishes=("transactions", "counts"), policy=POLICY)
    small = sender(home, "festival", name="Festival", kind="festival", policy=POLICY)
    for s, people in ((large, 9000), (small, 500)):
        s.join(hub)
        for period in ("2025-2026-T3", "2025-2026-T4", "2025-2026"):
            deliver(s.release(period, people=people if "-T4" not in period else people // 2).folder, hub.inbox)
    register(hub, id="silent", name="Silent", kind="museum", commune="75056", public_key="00" * 32)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    written = build_reports(hub, date(2026, 11, 22))
    return hub, {p.relative_to(hub.reports).as_posix(): p.read_text("utf-8") for p in written}


def test_one_page_a_venue_and_one_for_the_network_in_both_languages(site):
    names = {f"{x}/{n}.html" for x in ("fr", "en") for n in ("index", "theatre", "festival", "silent")}
    assert set(site[1]) == names
    for name, page in site[1].items():
        language, file = name.split("/")
        other = "en" if language == "fr" else "fr"
        assert f'<html lang="{language}">' in page
        assert f'href="../{other}/{file}"' in page
        assert ("22 novembre 2026" if language == "fr" else "November 22, 2026") in page


def test_nothing_is_fetched_or_run(site):
    for page in site[1].values():
        assert "http" not in page
        assert "<script" not in page
        assert not re.search(r"\bsrc\s*=|@import|url\(", page)
        for link in re.findall(r'href="([^"]*)"', page):
            assert re.fullmatch(r"(\.\./(fr|en)/)?[a-z]+\.html", link)


def test_the_promise_is_said_and_no_more(site):
    for name, page in site[1].items():
        assert "anonym" not in page.lower()
        if "silent" not in name:
            assert "ε = 4" in page
            assert "10⁻⁷" in page
    assert "confidentialité différentielle" in site[1]["fr/theatre.html"]
    assert "11 personnes" in site[1]["fr/theatre.html"]
    assert "par entrée" in site[1]["fr/theatre.html"]
    assert "par entrée" not in site[1]["fr/festival.html"]


def test_a_suppressed_cell_is_said_not_publishable_and_never_nought(site):
    hub, pages = site
    hidden = query(hub, "select count(*) from loyalty where venue = 'festival' and not published").item()
    assert hidden > 0
    assert "non publiable" in pages["fr/festival.html"]
    assert "not publishable" in pages["en/festival.html"]
    assert "of the 42 cells" in pages["en/festival.html"]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", pages["fr/festival.html"])
    assert "non publiable" in cells
    assert not {"0", "0,0", "", "None", "nan"} & set(cells)
    assert all("±" in c for c in cells if c != "non publiable")


def test_the_headline_is_the_lakes_number_with_its_margin(site):
    hub, pages = site
    total, se = query(
        hub,
        "select sum(people), sqrt(sum(people_se ** 2)) from provenance where venue = 'theatre' and period_kind = 'season'",
    ).row(0)
    assert f"<b>{Writer('fr').count(Estimate(total, se))}</b>" in pages["fr/theatre.html"]
    assert f"<b>{Writer('en').count(Estimate(total, se))}</b>" in pages["en/theatre.html"]
    assert "the number of people falls" in pages["en/theatre.html"]
    assert "(admission" not in pages["en/theatre.html"]


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


def test_where_much_is_hidden_no_share_is_claimed(site):
    """With 500 people most cells of loyalty are hidden: a share of the rest would mislead."""
    assert "primo-spectateurs représentent" not in site[1]["fr/festival.html"]
    assert "Primo-spectateurs" in site[1]["fr/festival.html"]
    assert "des nombres" in site[1]["fr/festival.html"]
    assert "primo-spectateurs" in site[1]["fr/theatre.html"]


def test_pages_are_replaced_whole_or_not_at_all(site, monkeypatch):
    hub, pages = site

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.reports.build._venue_page", dies)
        with pytest.raises(KeyboardInterrupt):
            build_reports(hub)
    assert {p.relative_to(hub.reports).as_posix(): p.read_text("utf-8") for p in hub.reports.rglob("*.html")} == pages


def test_an_empty_hub_has_a_page(tmp_path: Path):
    pages = build_reports(Hub(tmp_path / "hub"), date(2026, 11, 22))
    assert [p.relative_to(tmp_path / "hub" / "reports").as_posix() for p in pages] == ["en/index.html", "fr/index.html"]
    assert "encore rien publié" in pages[1].read_text("utf-8")


def test_the_margin_of_sums_shares_and_changes_covers_95_times_in_100():
    random = np.random.default_rng(5)
    truth, noise = np.array([800.0, 300.0, 150.0]), np.array([20.0, 25.0, 15.0])
    hits = np.zeros(3)
    for drawn in truth + noise * random.standard_normal((4000, 3)):
        a, b, c = (Estimate(float(v), float(s)) for v, s in zip(drawn, noise, strict=True))
        part, moved = share(a, added([b, c])), change(a, b)
        assert part
        assert moved
        for place, (estimate, true) in enumerate(
            ((added([a, b, c]), 1250), (part, 800 / 1250), (moved, 300 / 800 - 1))
        ):
            hits[place] += estimate.low <= true <= estimate.high
    assert all(math.isclose(share_, 0.95, abs_tol=0.015) for share_ in hits / 4000)


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
