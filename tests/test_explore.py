"""The page to explore: what it holds is what may be seen; its sums and shares, in a real browser, are SQL's with their margins."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privacy.release import deliver
from tests.browser import chromium
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake, query
from warehouse.reports.explore import explore_page, read_held, write_explore
from warehouse.sharing import Access, Seen

POLICY = small_policy("loyalty", "provenance", "family", "admissions")
PERIODS = ("2025-2026-T3", "2025-2026-T4", "2025-2026")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub with a large venue that gives receipts and counts, one of middling size, and a small one elsewhere."""
    home = tmp_path_factory.mktemp("home")
    made = Hub(home / "hub")
    both = ("transactions", "counts")
    large = sender(home, name="Théâtre </script><b> du Port", publishes=both, revenue=True, policy=POLICY)
    middle = sender(home, "opera", name="Opéra", kind="opera", policy=POLICY)
    small = sender(home, "festival", name="Festival", kind="festival", policy=POLICY)
    for s, people in ((large, 9000), (middle, 4000), (small, 500)):
        s.join(made)
        for period in PERIODS:
            deliver(s.release(period, people=people, seed=people).folder, made.inbox)
    assert {d.outcome for d in accept(made)} == {"accepted"}
    return made


@pytest.fixture(scope="module")
def folder(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with open_lake(hub, read_only=True) as lake:
        assert len(write_explore(folder, lake, hub.policy)) == 2
    return folder


def about(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="about">(.*?)</script>', page)
    assert found
    return json.loads(found[1])


def test_the_page_holds_all_it_needs_and_may_ask_for_nothing(folder: Path) -> None:
    for language in ("fr", "en"):
        page = (folder / language / "explore.html").read_text("utf-8")
        assert f'<html lang="{language}">' in page
        assert "default-src 'none'" in page
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|\beval\b|fetch\(|<b> du Port", page)
        assert "anonym" not in page.lower()


def test_without_scripts_it_tells_the_latest_seasons_totals(hub: Hub, folder: Path) -> None:
    page = (folder / "fr" / "explore.html").read_text("utf-8").split('<section id="still">')[1].split("</section>")[0]
    assert "Saison 2025–2026" in page
    assert "Théâtre &lt;/script&gt;" in page
    assert "jauge sql" in page
    totals = query(hub, "select people from loyalty_totals where period = '2025-2026' and loyalty is null and age_band is null "
                        "union all select people from provenance_totals where period = '2025-2026' "
                        "union all select tickets from provenance_totals where period = '2025-2026' "
                        "union all select revenue from provenance_totals where period = '2025-2026' and venue = 'theatre'")  # fmt: skip
    assert len(re.findall(r"<td>[^<]* ±", page)) == totals["people"].count() >= 9
    assert page.count("non publiable</td>") == totals["people"].null_count()
    assert page.count("<td>–</td>") == 2  # two give no receipts


def test_the_figures_in_it_are_those_of_the_lake(hub: Hub, folder: Path) -> None:
    page = (folder / "en" / "explore.html").read_text("utf-8")
    table = next(t for t in about(page)["tables"] if t["name"] == "family")
    packed = re.search(r'id="figures-family">([^<]*)<', page)
    assert packed
    planes = np.frombuffer(gzip.decompress(base64.b64decode(packed[1])), np.uint8)
    numbers = planes.reshape(4, -1).T.copy().view("<f4").reshape(3, 3, len(table["held"]), 13, 8)
    told = about(page)
    at = [told["venues"][v]["code"] for v, p in (told["releases"][r] for r in table["held"]) if p == 0]
    rows = query(
        hub,
        "select * from (from family union all from family_totals) where period = '2025-2026' and tickets is not null",
    )
    assert rows.height > 40
    codes, rings = ([c for c, _ in d["codes"]] + [None] for d in table["dimensions"])
    assert told["periods"][0]["code"] == "2025-2026"
    releases = [r for r in table["held"] if told["releases"][r][1] == 0]
    for row in rows.iter_rows(named=True):
        place = table["held"].index(releases[at.index(row["venue"])])
        mine = numbers[1, :, place, codes.index(row["family"]), rings.index(row["provenance"])]
        assert mine == pytest.approx([row["tickets"], row["tickets_se"], row["tickets_common_se"]], rel=1e-6)
    assert np.isfinite(numbers[1, 0, [table["held"].index(r) for r in releases]]).sum() == rows.height


def test_a_member_has_only_what_they_may_see(hub: Hub) -> None:
    embargo = date(2026, 6, 1)  # the quarter that ends that day, not the next
    seen = Access("opera", (
        *(Seen("opera", t.name, date.max) for t in POLICY.tables), Seen("theatre", "provenance", embargo),
    ))  # fmt: skip
    with open_lake(hub, read_only=True) as lake:
        held = read_held(lake, hub.policy, seen)
        nothing = read_held(lake, hub.policy, Access("x", ()))
    page = explore_page(held, "fr")
    told = about(page)
    assert {v["code"] for v in told["venues"]} == {"opera", "theatre"}
    assert "Festival" not in page
    for table in told["tables"]:
        of = {
            (told["venues"][v]["code"], told["periods"][p]["code"])
            for v, p in (told["releases"][r] for r in table["held"])
        }
        theirs = {("theatre", "2025-2026-T3")} if table["name"] == "provenance" else set()
        assert of == {("opera", p) for p in PERIODS} | theirs
    assert about(explore_page(nothing, "en"))["tables"] == []


@pytest.mark.slow
def test_the_same_lake_makes_the_same_page(hub: Hub, folder: Path) -> None:
    with open_lake(hub, read_only=True) as lake:
        assert explore_page(read_held(lake, hub.policy), "fr") == (folder / "fr" / "explore.html").read_text("utf-8")


@pytest.mark.slow
def test_a_page_without_room_for_all_keeps_whole_periods_the_latest(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_lake(hub, read_only=True) as lake:
        monkeypatch.setattr("warehouse.reports.explore._MOST", 8 * 3 * sum(
            len(t.measures) * np.prod([len(d.codes) + 1 for d in t.dimensions]) for t in hub.policy.tables
        ))  # fmt: skip
        held = read_held(lake, hub.policy)
    assert {r.period for r in held.releases} == {"2025-2026-T4", "2025-2026"}
    assert len(held.releases) == 6
    assert held.older
    assert "les plus anciennes" in explore_page(held, "fr")


SEASON = "period_kind = 'season'"
# what is asked of the page, a row of it, and the same in SQL: relation, where, and (for shares) which of them
CHOICES = [
    ("table=loyalty&rows=loyalty", "primo", "loyalty_totals", f"{SEASON} and age_band is null and loyalty is not null", "loyalty = 'primo'"),
    ("table=loyalty&rows=loyalty&age_band=15-24&age_band=25-39", "primo", "loyalty",
     f"{SEASON} and age_band in ('15-24', '25-39')", "loyalty = 'primo'"),
    ("table=loyalty&rows=age_band&venue=theatre", "40-59", "loyalty_totals",
     f"{SEASON} and loyalty is null and age_band is not null and venue = 'theatre'", "age_band = '40-59'"),
    ("table=provenance&rows=provenance&measure=tickets&group=opera&group=theatre", "epci", "provenance",
     f"{SEASON} and venue in ('opera', 'theatre')", "provenance = 'epci'"),
    ("table=provenance&rows=provenance&measure=revenue", "commune", "provenance", SEASON, "provenance = 'commune'"),
    ("table=provenance&rows=venue", "opera", "provenance_totals", SEASON, "venue = 'opera'"),
    ("table=provenance&rows=group&every=quarter&period=2025-2026-T3&period=2025-2026-T4", "festival", "provenance_totals",
     "period_kind = 'quarter'", "venue = 'festival'"),
    ("table=provenance&rows=period&every=quarter", "2025-2026-T4", "provenance_totals", "period_kind = 'quarter'",
     "period = '2025-2026-T4'"),
    ("table=provenance&rows=place&place=75&provenance=commune&provenance=region", "75", "provenance",
     f"{SEASON} and provenance in ('commune', 'region')", "true"),
    ("table=family&rows=family", "danse", "family_totals", f"{SEASON} and provenance is null and family is not null", "family = 'danse'"),
    ("table=family&rows=provenance&family=danse&family=theatre_recit&measure=tickets", "commune", "family",
     f"{SEASON} and family in ('danse', 'theatre_recit')", "provenance = 'commune'"),
    ("table=family&rows=venue&family=musiques_actuelles&every=quarter&period=2025-2026-T3", "theatre", "family_totals",
     "period = '2025-2026-T3' and family = 'musiques_actuelles' and provenance is null", "venue = 'theatre'"),
    ("table=admissions&rows=family&admission_kind=sold", "theatre_recit", "admissions",
     f"{SEASON} and admission_kind = 'sold'", "family = 'theatre_recit'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def opened(browser: Any, folder: Path, choice: str = "", language: str = "en", **context: Any) -> tuple[Any, list[str]]:
    """The page as it stands once it is ready, and whatever was wrong or asked for."""
    page, wrong = browser.new_page(**context), list[str]()
    page.on("console", lambda m: wrong.append(m.text))
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)
    page.goto(f"{(folder / language / 'explore.html').as_uri()}#{choice}")
    if context.get("java_script_enabled", True):
        page.wait_for_selector("html[data-ready]", timeout=10_000)
    return page, wrong


@pytest.mark.slow
@pytest.mark.parametrize(("choice", "code", "relation", "where", "part"), CHOICES)
def test_values_and_margins_are_those_of_sql(
    browser: Any, hub: Hub, folder: Path, choice: str, code: str, relation: str, where: str, part: str
) -> None:
    page, wrong = opened(browser, folder, choice)
    row = page.locator(f'#table tr[data-code="{code}"]').evaluate("e => ({...e.dataset})")
    asked = dict(pair.split("=") for pair in choice.split("&"))
    measure = asked.get("measure", "admissions" if asked["table"] == "admissions" else "people")
    error = f"{measure}, {measure}_se, {measure}_common_se"
    summed, shared = query(
        hub, f"select (select noisy_sum({error}) from {relation} where {where} and {part}), "
        f"noisy_share({error}, {part}, release_id) from {relation} where {where}"
    ).row(0)  # fmt: skip
    assert summed["value"] > 100
    assert (float(row["value"]), float(row["se"])) == pytest.approx((summed["value"], summed["se"]), rel=1e-5)
    if "rows=period" in choice or part == "true":
        assert "share" not in row  # of periods, or of one row alone
    else:
        assert (float(row["share"]), float(row["shareSe"])) == pytest.approx(
            (shared["value"], shared["se"]), rel=1e-4, abs=1e-7
        )
    assert wrong == []
    page.close()


@pytest.mark.slow
def test_it_is_chosen_by_keyboard_and_told_to_screen_readers(browser: Any, folder: Path) -> None:
    page, wrong = opened(browser, folder, language="fr")
    assert page.locator("#still").is_hidden()
    for key in ("Tab", "Enter", "Tab"):  # past the links, to the content
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.name") == "table"
    page.keyboard.type("Genres")
    page.locator("#title", has_text="Genres fréquentés selon la provenance · Personnes").wait_for()
    page.locator("details[data-name=venue] summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.value") == "opera"
    page.locator("#scope", has_text="Opéra").wait_for()
    assert "venue=opera" in page.url
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.locator("#title").inner_text() == "Genres fréquentés selon la provenance · Personnes"
    picture = page.locator("#chart svg")
    rows = page.locator("#table tbody th").all_inner_texts()
    assert all(f"{row} : " in picture.get_attribute("aria-label") for row in rows)
    assert picture.get_attribute("role") == "img"
    assert page.locator("#sentence").get_attribute("aria-live") == "polite"
    page.locator("button[type=reset]").click()
    assert page.locator("#title").inner_text() == "Fidélité du public connu · Personnes"
    assert wrong == []


@pytest.mark.slow
def test_what_is_not_publishable_has_no_bar_and_is_not_nought(browser: Any, folder: Path) -> None:
    page, _ = opened(browser, folder, "table=family&rows=family&venue=festival")
    rows = page.locator("#table tbody tr").evaluate_all("all => all.map(e => [e.dataset.value, e.innerText])")
    hidden = [text for value, text in rows if value is None]
    assert hidden
    assert all("not publishable" in text for text in hidden)
    assert page.locator("#chart rect").count() == len(rows) - len(hidden)
    assert page.locator("#chart .none title").count() == len(hidden)


@pytest.mark.slow
def test_no_share_is_told_where_the_hidden_may_hold_much(browser: Any, hub: Hub, folder: Path) -> None:
    whole, shown, hidden = query(
        hub, "select any_value(t.people), sum(f.people), count(*) - count(f.people) from family_totals as f join family_totals as t "
        "on t.release_id = f.release_id and t.family is null and t.provenance is null "
        f"where f.provenance is null and f.family is not null and f.venue = 'festival' and f.{SEASON}"
    ).row(0)  # fmt: skip
    assert hidden
    assert whole > 1.1 * shown
    page, _ = opened(browser, folder, "table=family&rows=family&venue=festival&show=shares")
    assert page.locator("#table tr[data-share]").count() == 0
    assert "hold at most" in page.locator("#notes").inner_text()
    page.goto(page.url.replace("festival", "theatre"))
    page.wait_for_selector("#table tr[data-share]", state="attached")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_opens_in_a_second_fits_and_breaks_no_rule_of_its_own(
    browser: Any, folder: Path, language: str, scheme: str, width: int
) -> None:
    look: dict[str, Any] = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    page, wrong = opened(browser, folder, "table=family", language, **look)
    assert wrong == []
    assert page.evaluate("performance.now()") < 1000
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.slow
def test_with_scripts_off_it_says_something(browser: Any, folder: Path) -> None:
    page, wrong = opened(browser, folder, java_script_enabled=False)
    assert page.locator("#still table").is_visible()
    assert page.locator("#live").is_hidden()
    assert wrong == []
