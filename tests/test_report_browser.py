"""Every page in a real Chromium: both languages, light and dark, desktop and phone; nothing asked, nothing inaccessible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from privacy.release import deliver
from tests.browser import SIZES, chromium
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.reports.build import build_reports
from warehouse.reports.pdf import print_pages

pytestmark = pytest.mark.slow
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
POLICY = small_policy("loyalty", "provenance", "departement", "family", "price", "admissions")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of three venues whose sketches can be crossed, and of one member that has sent nothing."""
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    for number, (venue, people) in enumerate((("theatre", 9000), ("festival", 700), ("opera", 8000))):
        s = sender(home, venue, name=venue.title(), kind=venue, publishes=("transactions", "counts"), policy=POLICY)
        s = replace(s, match_key=b"m" * 32)
        s.join(hub)
        for period in ("2025-2026-T3", "2025-2026-T4", "2025-2026"):
            deliver(s.release(period, people=people, seed=number, first=0).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    written = build_reports(hub)
    shared = next(p for p in written if p.match("fr/theatre.html")).read_text("utf-8")
    assert 'data-says="crossing"' in shared
    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def one_of_each(pages: list[Path]) -> list[Path]:
    """A page of each template, in either language: all that the other two ways of looking could change."""
    kinds = {(p.parent.name, p.name if p.parent.name in ("fr", "en") else ""): p for p in pages}
    return [p for p in kinds.values() if p.name not in ("festival.html", "opera.html")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_page_opens_alone_and_to_everyone(pages: list[Path], browser: Browser, scheme: str, size: str) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith("file:") else said.append(asked.url))
    whole = (scheme, size) in {("light", "desk"), ("dark", "phone")}
    for path in pages if whole else one_of_each(pages):
        page.goto(path.as_uri())
        found = Axe().run(page, options=RULES).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == [], path.name
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path.name
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(15, 24, 30)") == (scheme == "dark")
    assert said == []
    context.close()


def test_the_keyboard_reaches_the_content_first(pages: list[Path], browser: Browser) -> None:
    page: Page = browser.new_page()
    page.goto(next(p for p in pages if p.match("fr/theatre.html")).as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.close()


def test_a_page_is_printed(pages: list[Path]) -> None:
    (printed,) = print_pages([next(p for p in pages if p.match("en/theatre.html"))])
    assert printed.read_bytes().startswith(b"%PDF-")
