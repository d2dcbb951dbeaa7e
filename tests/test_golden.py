"""Golden questions: what a marketer would ask, found in two clicks in a real Chromium, and what SQL says of the same lake.

The questions, and where each answer stands, are in `golden.toml`, to be read by who knows the trade.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Locator, Page

from privacy.release import deliver
from tests.browser import SIZES, chromium
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import open_lake
from warehouse.reports.build import build_reports

pytestmark = pytest.mark.slow
QUESTIONS = tomllib.loads(Path(__file__).with_name("golden.toml").read_text("utf-8"))["question"]
TABLES = (
    *("loyalty", "provenance", "departement", "family", "anticipation"),
    *("price", "channel", "schedule", "admissions"),
)
VENUES = {  # id: name, kind, commune, people, number of the first
    "theatre": ("Théâtre du Port", "theatre", "75056", 20_000, 0),
    "opera": ("Opéra du Large", "opera", "75056", 12_000, 10_000),
    "museum": ("Musée des Marées", "museum", "75056", 20_000, 40_000),
    "festival": ("Festival des Dunes", "festival", "02408", 700, 8_500),
}
N = r"\d+(?:\.\d+)?"
FIGURE = (
    rf"(?:€?(?P<value>[+−]?{N})(?: ?%)? ± (?P<margin>{N})(?: €)?|(?P<low>{N})(?:–| à | to )(?P<high>{N})(?: people| personnes)?"
    rf"|(?:au plus|at most) (?P<most>{N}) (?:people|personnes)|(?P<exact>{N}))"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    for seed, (venue, (name, kind, commune, people, first)) in enumerate(VENUES.items()):
        s = sender(home, venue, name=name, kind=kind, commune=commune, publishes=("transactions", "counts"),
                   revenue=venue == "theatre", policy=small_policy(*TABLES))  # fmt: skip
        s = replace(s, match_key=b"m" * 32)
        s.join(hub)
        for period, part in (("2025-2026-T3", 0.75), ("2025-2026-T4", 1), ("2025-2026", 1)):
            deliver(s.release(period, people=int(part * people), seed=seed, first=first).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    build_reports(hub)
    return hub


@pytest.fixture(scope="module")
def lake(hub: Hub) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(hub, read_only=True) as lake:
        yield lake


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_there_are_thirty_half_in_french_and_many_on_a_phone() -> None:
    asked = Counter(key for q in QUESTIONS for key in q["asked"])
    assert len(QUESTIONS) == asked["fr"] + asked["en"] == asked["phone"] + asked["desk"] == 30
    assert asked["fr"] == asked["en"]
    assert asked["phone"] >= 10
    assert max(len(q["clicks"]) for q in QUESTIONS) <= 2


@pytest.mark.parametrize("question", [pytest.param(q, id=q["en"]) for q in QUESTIONS])
def test_the_answer_is_two_clicks_away_and_what_sql_says(
    hub: Hub, lake: duckdb.DuckDBPyConnection, browser: Browser, question: dict[str, Any]
) -> None:
    language, size = question["asked"]
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto((hub.reports / language / "index.html").as_uri())
    for link in question["clicks"]:
        page.get_by_role("link", name=link, exact=True).click()
    answer = found(page, question)
    known = lake.sql(question["sql"]).pl().row(0, named=True)
    assert known.get("row", question.get("row")) == question.get("row")
    if known.get("value", known.get("low")) is None:
        assert answer.inner_text() in ("non publiable", "not publishable")
        assert answer.get_attribute("title")
    else:
        shown = Shown.read(answer.inner_text(), language, question.get("sentence", "{}"))
        alike = "same" if "nearly" not in question else "within" if "value" in known else "meet"
        shown.hold_to(*ends(known), alike)
    page.close()


def found(page: Page, question: Mapping[str, Any]) -> Locator:
    """The one visible sentence or cell that answers, in the part of the page that the last click led to."""
    anchor = page.url.partition("#")[2]
    part = page.locator(f"[id='{anchor}']" if anchor and len(question["clicks"]) == 2 else "main")
    if "sentence" in question:
        before, after = question["sentence"].split("{}")
        words = re.compile(f"{re.escape(before)}.+{re.escape(after)}".replace(r"\ ", r"\s"))
        answer = part.locator("li, p").filter(has_text=words).filter(visible=True).first
    else:
        heading = part.locator("h2, h3, h4").get_by_text(question["table"], exact=True)
        head = page.get_by_role("columnheader", name=question["column"], exact=True)
        table = heading.locator("xpath=following::table").filter(visible=True).filter(has=head).first
        row = table.locator("tbody tr").filter(has=page.get_by_role("rowheader", name=question["row"], exact=True))
        answer = row.locator("td").nth(table.locator("thead tr > *").all_inner_texts().index(question["column"]) - 1)
    assert answer.is_visible()
    return answer


@dataclass(frozen=True)
class Shown:
    """An interval as a page shows it, `54 % ± 3` or `75–85`; `step`: what its ends are rounded to."""

    low: float
    high: float
    step: float

    @classmethod
    def read(cls, text: str, language: str, sentence: str = "{}") -> Shown:
        """Read the figure of a cell, or the one that stands at the {} of a sentence."""
        before, after = (re.escape(plain(part, language)) for part in sentence.split("{}"))
        match = re.search(f"{before}{FIGURE}{after}", plain(text, language))
        assert match, text
        at = {name: float(number.replace("−", "-")) for name, number in match.groupdict().items() if number}
        if "value" in at:
            decimals = len(match["margin"].partition(".")[2])
            scale = 0.01 if "%" in match[0] else 1
            step = max(10 ** math.floor(math.log10(at["margin"] / 3)), 10**-decimals)
            return cls(scale * (at["value"] - at["margin"]), scale * (at["value"] + at["margin"]), scale * step)
        if "exact" in at:
            return cls(at["exact"], at["exact"], 0)
        low, high = at.get("low", 0), at.get("high", at.get("most", 0))
        return cls(low, high, max(10 ** math.floor(math.log10((high - low) / 6)), 1))

    def hold_to(self, low: float, high: float, alike: str) -> None:
        """Compare with what SQL says: the `same`, margins rounded up; the figure `within` both margins; or that these `meet`."""
        low = max(low, 0) if self.low == 0 else low
        half, theirs = (self.high - self.low) / 2, (high - low) / 2
        off = abs((self.low + self.high) / 2 - (low + high) / 2)
        rounding = 0.501 * self.step + 1e-9
        room, least, most = {
            "same": (rounding, 0.999, 1),
            "within": (max(min(half, theirs), rounding), 0.5, 5),
            "meet": (half + theirs, 0.2, 5),
        }[alike]
        assert off <= room, (self, low, high)
        assert least * theirs <= half <= most * theirs + self.step, (self, low, high)


def ends(answer: Mapping[str, float]) -> tuple[float, float]:
    if "low" in answer:
        return answer["low"], answer["high"]
    return answer["value"] - 1.96 * answer["se"], answer["value"] + 1.96 * answer["se"]


def plain(text: str, language: str) -> str:
    """One kind of space, and numbers as programs write them."""
    text = re.sub(r"\s+", " ", text)
    if language == "fr":
        return re.sub(r"(?<=\d) (?=\d{3}\b)", "", text).replace(",", ".")
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
