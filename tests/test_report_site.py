"""The site as a whole: who may see what, and nothing said that the figures do not say."""

from __future__ import annotations

import math
import posixpath
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import Fault, GovernanceRefusal
from privacy.release import deliver
from tests.releases import sender, small_policy
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.lake import query
from warehouse.reports.build import build_reports
from warehouse.reports.cells import Sheet
from warehouse.reports.figures import Estimate, Writer
from warehouse.reports.pdf import print_pages
from warehouse.reports.sections import section
from warehouse.reports.words import Words

POLICY = small_policy("loyalty", "provenance", "departement", "family", "anticipation", "channel")
TODAY = date(2026, 11, 22)
DENIED = '\n[venues.festival.sharing.tables.provenance]\ndeny = ["theatre"]\n'


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """Three venues; the festival's provenance is denied to the theatre, and planted: no other venue has such numbers.

    Their sketches share people: all of the opera's are among the theatre's or the festival's.
    """
    home = tmp_path_factory.mktemp("home")
    hub = Hub(home / "hub")
    first = {"theatre": 0, "festival": 20_000, "opera": 0}
    for number, (venue, people) in enumerate((("theatre", 9000), ("festival", 14321), ("opera", 8000))):
        s = replace(sender(home, venue, name=venue.title(), kind=venue, policy=POLICY), match_key=b"m" * 32)
        s.join(hub)
        for period in ("2025-2026-T3", "2025-2026-T4", "2025-2026"):
            n = people // 2 if period.endswith("T4") else people
            deliver(s.release(period, people=n, seed=number, first=first[venue]).folder, hub.inbox)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    hub.governance.write_text(hub.governance.read_text("utf-8") + DENIED, "utf-8")
    return hub


@pytest.fixture(scope="module")
def pages(hub: Hub) -> dict[str, str]:
    return {p.relative_to(hub.reports).as_posix(): p.read_text("utf-8") for p in build_reports(hub)}


@pytest.mark.slow
def test_a_members_pages_hold_nothing_that_is_not_open_to_it(hub, pages):
    shown = query(hub, "select people, people_se from provenance_totals where venue = 'festival' union all "
                  "select people, people_se from provenance where venue = 'festival' and published").rows()  # fmt: skip
    planted = {Writer(x).count(Estimate(*row)) for x in ("fr", "en") for row in shown}
    written = build_reports(hub, member="theatre", today=TODAY)
    seen = "".join(p.read_text("utf-8") for p in written)
    every = "".join(pages.values())
    elsewhere = {n for n in planted if any(n in p for name, p in pages.items() if "theatre" in name or "opera" in name)}
    secret = planted - elsewhere
    secret = {n for n in secret if n in every}  # pages tell the totals of a season, and trends: not every cell
    assert len(secret) > 10
    assert not [n for n in secret if n in seen]
    assert "provenance-2025-2026" in pages["fr/festival.html"]
    mine = {p.name: p.read_text("utf-8") for p in written if p.parent.name == "fr"}
    assert "provenance-2025-2026" not in mine["festival.html"]
    assert "loyalty-2025-2026" in mine["festival.html"]
    assert "provenance-2025-2026" in mine["theatre.html"]
    assert 'id="next"' in mine["theatre.html"]
    assert 'id="next"' not in mine["opera.html"]
    assert "faites pour Theatre" in mine["index.html"]
    assert written[0].is_relative_to(hub.reports / "members" / "theatre")


@pytest.mark.slow
def test_the_owner_of_a_denied_table_still_sees_it(hub):
    written = build_reports(hub, member="festival", today=TODAY)
    assert any("provenance-2025-2026" in p.read_text("utf-8") for p in written if p.name == "festival.html")


@pytest.mark.slow
def test_an_embargo_hides_what_is_too_new(hub):
    rules = hub.governance.read_text("utf-8")
    hub.governance.write_text(rules.replace("embargo_days = 0", "embargo_days = 3650"), "utf-8")
    written = {p.name: p for p in build_reports(hub, member="theatre", today=TODAY)}
    hub.governance.write_text(rules, "utf-8")
    assert "loyalty-2025-2026" in written["theatre.html"].read_text("utf-8")
    assert "loyalty-2025-2026" not in written["opera.html"].read_text("utf-8")


@pytest.mark.slow
def test_who_is_no_member_gets_no_pages(hub):
    with pytest.raises(GovernanceRefusal):
        build_reports(hub, member="nobody", today=TODAY)


@pytest.mark.slow
def test_the_hubs_pages_leave_the_members_where_they_are(hub, pages):
    theirs = {p: p.read_bytes() for p in build_reports(hub, member="opera", today=TODAY)}
    build_reports(hub)
    assert {p: p.read_bytes() for p in theirs} == theirs


PLAIN = {  # sentences that state a figure with its margin and claim no difference
    *("s_people", "s_first", "s_near", "s_late", "s_rate", "s_admissions", "s_flat", "s_open", "s_none", "s_most_open"),
    *("s_index_none", "s_crossing_none", "s_next_none", "s_average", "best", "alike"),
}
CROSSED = {"reach", "audience", "crossing", "kinds"}  # what sketches tell
EVERYONE = "part = 'all' and period = '2025-2026'"


def apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] - other[0] > 1.96 * math.hypot(one[1], other[1])


@pytest.mark.slow
def test_every_page_has_the_same_links_and_each_leads_somewhere(pages):
    names = {"fr": set[tuple[str, ...]](), "en": set[tuple[str, ...]]()}
    for name, page in pages.items():
        nav = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', page.partition("<nav>")[2].partition("</nav>")[0])
        names[name[:2]].add(tuple(text for _, text in nav))
        for link in re.findall(r'<a [^>]*href="([^"]*)"', page):
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            assert target in pages, (name, link)
            assert not anchor or f'id="{anchor}"' in pages[target], (name, link)
    assert [len(of) for of in names.values()] == [1, 1]
    assert "Shared audiences" in names["en"].pop()


def ends(text: str) -> tuple[int, int]:
    """The first interval of a sentence; "at most" begins at nought."""
    low, high = re.findall(r"(?:(\d[\d,]*) to|at most) (\d[\d,]*)", text)[0]
    return int(low.replace(",", "") or 0), int(high.replace(",", ""))


def hold_to_sketches(hub: Hub, key: str, venue: str, of: str, text: str) -> None:
    """By moments, in SQL: the pages' likelihood may be surer, and the two intervals meet."""

    def ask(what: str) -> dict[str, float]:
        return query(hub, f"select value, low, high from {what} where {EVERYONE}").row(0, named=True)

    sizes = dict(
        query(
            hub, f"select one, size from gram(['theatre', 'opera', 'festival']) where {EVERYONE} and one = other"
        ).rows()
    )
    reach = ask("reach(['theatre', 'opera', 'festival'])")
    scale = 1.0
    if key == "audience":
        noise = query(
            hub, f"select m * noise as v from gram(['{venue}', 'theatre']) where {EVERYONE} and one = '{venue}'"
        )["v"][0]
        known = {
            "value": sizes[venue],
            "low": sizes[venue] - 1.96 * noise**0.5,
            "high": sizes[venue] + 1.96 * noise**0.5,
        }
    elif key == "reach":
        known = reach
    else:
        venue, of = of.split(" → ") if key == "kinds" else (venue, of)  # one venue a kind, and named so
        known = ask(f"overlap('{venue}', '{of}')")
        scale = sizes[venue] / 100 if key == "kinds" else 1
        chance = sizes[venue] * sizes[of] / reach["value"]
        assert "more than by chance" not in text or known["low"] > chance
        assert "less than by chance" not in text or known["high"] < chance
    low, high = (scale * end for end in ends(text.partition(": ")[2] if ": " in text else text))
    assert low <= known["high"]
    assert high >= min(known["low"], 100 * scale)
    assert key == "kinds" or high - low > (known["high"] - max(known["low"], 0)) / 4


@pytest.mark.slow
def test_no_sentence_claims_a_difference_that_its_interval_does_not_support(hub, pages):
    """Every sentence of every page; those that claim something are held to the lake's own figures, by SQL."""
    claims, crossed = 0, set[str]()
    for name, page in pages.items():
        if not name.startswith("en/"):
            continue
        venue = Path(name).stem
        for key, of, text in re.findall(r'<span data-says="([^"]*)"(?: data-of="([^"]*)")?>(.*?)</span>', page):
            if key in CROSSED:
                hold_to_sketches(hub, key, venue, of, text)
                crossed.add(key + " more" * ("more than by chance" in text))
                continue
            if key in PLAIN:
                assert not re.search(
                    r"\b(more|fewer|most|rises|falls|above|below|majority|largest)\b(?! closely)", text
                ) or (key in {"alike", "best", "s_most_open"}), text
                continue
            claims += 1
            if key == "s_first_most":
                row = query(hub, "select noisy_share(people, people_se, people_common_se, loyalty = 'primo', release_id) as s "
                            "from loyalty_totals where age_band is null and loyalty in ('primo', 'occasionnel', 'regulier', "
                            f"'fidele') and venue = '{venue}' and period = '2025-2026'").item()  # fmt: skip
                assert row["low"] > 0.49  # the page's own margin knows the covariance; this one is about the same
            elif key.startswith("s_top_"):
                table = key.removeprefix("s_top_")
                own = {"departement": "departement", "family": "family", "channel": "channel"}[table]
                label = re.search(r": (.*?), <b>", text)
                assert label
                two = "" if own == "departement" else {"family": "provenance", "channel": "group_size"}[table]
                whole = f"and {two} is null" if two else ""
                relation = f"{table}_totals" if two else table
                rows = query(hub, f"select {own}_en as label, {own} as code, people, people_se from {relation} where venue = "
                             f"'{venue}' and period = '2025-2026' and people is not null and {own} is not null {whole}")  # fmt: skip
                ranked = {r[0]: r[2:] for r in rows.rows() if r[1] != "unknown"}
                first = ranked.pop(label[1])
                assert all(apart(first, other) for other in ranked.values())
            elif key in {"s_up", "s_down"}:
                rows = query(hub, "select people, people_se from provenance_totals where provenance is null and venue = "
                             f"'{venue}' and period_kind = 'quarter' order by period").rows()  # fmt: skip
                assert apart(*((rows[1], rows[0]) if key == "s_up" else (rows[0], rows[1])))
            elif key in {"s_index_above", "s_index_below"}:
                low, high = map(int, re.findall(r"between (\d+) and (\d+)", text)[0])
                assert low >= 100 if key == "s_index_above" else high <= 100
            elif key == "s_most_here":
                where = "family" if "genres" in name else "departement"
                whole = "and provenance is null" if where == "family" else ""
                relation = "family_totals" if where == "family" else "departement"
                rows = query(hub, f"select people, people_se from {relation} where {where} = '{venue}' and period = "
                             f"'2025-2026' and people is not null {whole} order by people desc").rows()  # fmt: skip
                assert all(apart(rows[0], other) for other in rows[1:])
            elif key == "suggestion":
                low, high = map(int, re.findall(r"index between (\d+) and (\d+)", text)[0])
                assert low < high <= 100
            else:
                pytest.fail(f"no test holds sentences of {key}")
    assert claims > 20
    assert crossed >= {"reach", "audience", "crossing more", "kinds"}


ESTIMATES = st.builds(Estimate, st.floats(50, 5000), st.floats(1, 500))


@given(ESTIMATES, ESTIMATES)
def test_up_or_down_is_said_only_if_the_intervals_say_so(before: Estimate, after: Estimate):
    table = POLICY.table("provenance")
    sheets = [
        Sheet(table, "r", p, {}, {(None,): {"people": e}})
        for p, e in (("2025-2026-T3", before), ("2025-2026-T4", after))
    ]
    text = Words("en").trend(*sheets) or ""
    moved, noise = after.value - before.value, math.hypot(after.se, after.value / before.value * before.se)
    if "s_up" in text:
        assert moved > 1.95 * noise
    if "s_down" in text:
        assert -moved > 1.95 * noise


@given(st.lists(ESTIMATES, min_size=6, max_size=6))
def test_the_first_is_named_only_if_no_other_may_be_it(numbers: list[Estimate]):
    table = POLICY.table("provenance")
    codes = table.dimensions[0].codes
    whole = Estimate(sum(e.value for e in numbers), math.hypot(*(e.se for e in numbers)))
    levels = {(c,): {"people": e} for c, e in zip(codes, numbers, strict=False)}
    sheet = Sheet(table, "r", "2025-2026", levels, levels | {(None,): {"people": whole}})
    if Words("en").top({"departement": sheet}, "departement"):
        first, *others = sorted(numbers, key=lambda e: -e.value)
        assert all(first.value > e.value for e in others)
        assert all(first.low > e.low for e in others)


def test_a_ticket_brings_an_average_only_where_receipts_are_told():
    def told(**figures: Estimate):
        return Words("en").average(
            {"price": Sheet(small_policy().table("price"), "r", "2025-2026", {}, {(None, None): figures})}
        )

    tickets, receipts = Estimate(1000, 20), Estimate(24_000, 300)
    assert "€24.0 ±\u202f1.2</b>" in str(told(tickets=tickets, revenue=receipts))  # 1.96 √(300² + 24² · 20²) / 1000, up
    assert told(tickets=tickets) is None
    assert told(tickets=Estimate(1000, 400), revenue=receipts) is None


def test_where_nobody_lives_nothing_is_said_for_a_thousand_inhabitants():
    """Around Paris, which is a département: not "not publishable", for there is nobody to count."""
    table = POLICY.table("provenance")
    levels = {(c,): {"people": Estimate(100, 5)} for c in table.dimensions[0].codes} | {
        (None,): {"people": Estimate(700, 10)}
    }
    told = section(
        Sheet(table, "r", "2025-2026", levels, levels), Words("en"), populations={"commune": 50_000, "departement": 0}
    )
    lines = dict(told.figures[0].grid.lines)
    assert [lines[label][-1] for label in ("Same town", "Same département")] == ["2.00 ±\u202f0.20", "—"]


def test_without_chromium_pdf_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Fault) as fault:
        print_pages([tmp_path / "index.html"])
    assert "apt-get install chromium" in fault.value.en
