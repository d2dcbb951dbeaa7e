"""Ten thousand forged releases: none accepted, each refused by a rule that says what it breaks and quotes nothing.

What changes no byte that is read changes nothing: a release through hard links, with other dates or modes, is the same release.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from bombs import file, levels, page, run
from forgeries import KINDS, LIE_RULES, WORD, Good, as_of, forge, member_key, public

from privacy import thrift
from privacy.errors import VerificationRefusal
from privacy.parquet import decode
from privacy.release import deliver
from tests.hub import ask, attached, free_port, two_venues
from tests.releases import sender, small_policy
from warehouse.amendments import register
from warehouse.governance import Hub
from warehouse.inbox import accept, accept_one
from warehouse.lake import query
from warehouse.partners import tokens
from warehouse.partners.desks import Limits
from warehouse.partners.server import Server

VENUES = [f"venue-{n}" for n in range(64)]  # a batch has one forgery of each: a folder's name is its release's id


@dataclass(frozen=True, slots=True)
class Ring:
    """A hub of many members that holds a quarter of each, revised once, and what it has not been given yet."""

    hub: Hub
    goods: list[Good]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    home = tmp_path_factory.mktemp("ring")
    drawn = replace(sender(home, policy=small_policy("provenance", "family")), match_key=b"m" * 32)
    season, quarter = drawn.release("2025-2026").folder, drawn.release("2025-2026-T1").folder
    hub = Hub(home / "hub")
    for venue in VENUES:
        register(hub, id=venue, name=venue, kind="theatre", commune="75056", public_key=public(member_key(venue)))
        as_of(quarter, hub.inbox, venue, revision=2)
    assert {d.outcome for d in accept(hub)} == {"accepted"}
    made = [(as_of(season, home / "season", v), as_of(quarter, home / "quarter", v)) for v in VENUES]
    return Ring(hub, [
        Good(member_key(v), *made[n], made[n - 1][0], member_key(VENUES[n - 1])) for n, v in enumerate(VENUES)
    ])  # fmt: skip


def batched(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[at : at + len(VENUES)] for at in range(0, len(numbers), len(VENUES))]


def refuse(ring: Ring, numbers: range) -> Counter[str]:
    """Lay forgeries in the inbox, decide on them, and hold each decision to what is promised; return the rules."""
    found: Counter[str] = Counter()
    for batch in batched(numbers):
        told: dict[str, tuple[str, set[str]]] = {}
        for number, good in zip(batch, ring.goods, strict=False):
            before = {p.name for p in ring.hub.inbox.iterdir()}
            what = forge(good, ring.hub.inbox, number)
            [laid] = {p.name for p in ring.hub.inbox.iterdir()} - before
            told["".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in laid)] = (
                what
            )
        decisions = accept(ring.hub)
        assert {d.folder for d in decisions} == set(told)
        for d in decisions:
            what, rules = told[d.folder]
            lie = what.split(" ", 2)
            rules = LIE_RULES[lie[2]] if lie[1] == "lied" else rules
            assert (d.outcome, d.rule in rules) == ("refused", True), (what, d.outcome, d.rule, d.en)
            assert d.en, what
            assert d.fr, what
            assert WORD not in f"{d.venue} {d.period} {d.rule} {d.en} {d.fr}", (what, d)
            assert len(f"{d.venue} {d.en} {d.fr}") < 700, (what, d)
            found[d.rule or ""] += 1
        assert list(ring.hub.inbox.iterdir()) == []
    return found


def held(hub: Hub) -> tuple[int, ...]:
    return query(hub, "select (select count(*) from releases), (select count(*) from cells_family)").row(0)


def test_some_hundred_forgeries_are_refused_by_their_rules(ring: Ring) -> None:
    before = held(ring.hub)
    rules = refuse(ring, range(60, 240))
    assert held(ring.hub) == before
    every = "layout size manifest member signature identity digest table sketch policy schema suppression accounting revision"
    assert set(rules) == set(every.split())


@pytest.mark.slow
def test_ten_thousand_more(ring: Ring) -> None:
    before, used = held(ring.hub), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refuse(ring, range(160, 10_160))
    assert held(ring.hub) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 500_000  # KiB
    for good in ring.goods:  # what was forged was good to begin with
        deliver(good.folder, ring.hub.inbox)
    assert [d.outcome for d in accept(ring.hub)] == ["accepted"] * len(VENUES)


def test_the_same_bytes_by_other_ways_are_the_same_release(ring: Ring) -> None:
    good = ring.goods[0]
    there = ring.hub.inbox / good.older.name
    older = Path(shutil.copytree(good.older, there, copy_function=os.link))
    os.utime(older / "manifest.json", (1, 1))
    (older / "manifest.sig").chmod(0o400)
    assert accept_one(ring.hub, older).rule == "revision"  # read whole, and known


@pytest.mark.slow
def test_a_folder_that_cannot_be_read_to_its_end_is_known_again(ring: Ring) -> None:
    """Refused as often as it comes, recorded and kept once; larger than is ever read, it is told apart by its date."""
    rows = "select count(*) from refusals where folder = 'big'"
    for modified, recorded, kept in (
        (1, 1, 1),
        (1, 1, 2),
        (1, 1, 2),
        (2, 2, 3),
    ):  # the first without a digest in its name
        big = ring.hub.inbox / "big"
        big.mkdir(parents=True)
        with (big / "manifest.json").open("wb") as file:
            file.truncate(10 * 2**30)
        os.utime(big / "manifest.json", (modified, modified))
        started = time.monotonic()
        assert accept_one(ring.hub, big).rule == "size"
        assert time.monotonic() - started < 2
        assert query(ring.hub, rows).item() == recorded
        assert len([p for p in ring.hub.refused.iterdir() if p.name.startswith("big")]) == kept


def test_a_manifest_that_changes_while_it_is_verified_is_nobodys(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose key must have signed is asked first: what is signed must then be by that venue, not by one put there since."""
    from warehouse import arrival

    good, _other = ring.goods[:2]
    real = arrival.claims
    for first in (real(good.other), (None, None)):
        monkeypatch.setattr(arrival, "claims", lambda _, first=first: first)
        decision = accept_one(ring.hub, deliver(good.folder, ring.hub.inbox))
        assert decision.rule in ("signature", "member"), decision


BOMBS = """
import resource, sys
sys.path[:0] = {paths!r}
from bombs import bombs
from privacy.parquet import decode, encode
from privacy.errors import VerificationRefusal
import polars as pl
decode(encode(pl.DataFrame({{"a": ["x"], "b": [1.0]}})), {{"a": ["x"]}}, 1, floats=["b"])
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for what, data in bombs(["a"], ["b", "c"], 100):
    try:
        rows = decode(data, {{"a": ["x"]}}, 100, floats=["b", "c"])
        assert rows.height == 100, what
    except VerificationRefusal as refusal:
        assert refusal.rule == "schema", what
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) // 1024
    assert grown < 64, (what, len(data), grown)
print("survived", grown)
"""


def test_bombs_neither_kill_the_hub_nor_fill_its_memory() -> None:
    root = Path(__file__).parents[1]
    code = BOMBS.format(paths=[str(root), str(root / "tests")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "survived" in done.stdout


@pytest.mark.parametrize(
    "footer", [b"\x15\x02\x05\x02\x02\x00", b"\x1b\x00\x00", b"\x15" + b"\xff" * 11 + b"\0\0", b"\x11"]
)
def test_a_footer_that_is_none_fails_by_an_exception(footer: bytes) -> None:
    """A field twice, a map, a number of a hundred bits, an end too soon."""
    with pytest.raises((ValueError, IndexError)):
        thrift.read(footer, 0)


def test_a_long_text_in_every_row_is_never_written_out() -> None:
    rows = 10_000
    text = "x" * 200_000  # together two gigabytes
    pages = page(rows, levels(rows, 1) + b"\1" + run(rows, 0), encoding=8)
    data = file([("a", "text", page(1, len(text).to_bytes(4, "little") + text.encode(), dictionary=True), pages)], rows)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(VerificationRefusal, match="schema"):
        decode(data, {"a": ["x"]}, rows)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 300_000


ACCEPT = """
import sys
from pathlib import Path
from warehouse.governance import Hub
from warehouse.inbox import accept
print(*(decision.outcome for decision in accept(Hub(Path(sys.argv[1])))))
"""


@pytest.mark.slow
def test_partners_are_answered_while_forgeries_are_decided_on(tmp_path: Path) -> None:
    """A client asks all along; a good release that arrives in the middle is accepted, and seen."""
    hub = two_venues(tmp_path, "provenance", "family")
    s = replace(sender(tmp_path, publishes=("transactions", "counts", "interactions"), revenue=True, policy=small_policy("provenance", "family")), match_key=b"m" * 32)  # fmt: skip
    quarter = s.release("2025-2026-T1").folder
    season = next(p for p in hub.accepted.iterdir() if '"theatre"' in (p / "manifest.json").read_text("utf-8"))
    goods = []
    for n in range(64):
        register(
            hub, id=f"venue-{n}", name="x", kind="theatre", commune="75056", public_key=public(member_key(f"venue-{n}"))
        )
        folders = [
            as_of(source, tmp_path / name, f"venue-{n}") for source, name in ((season, "season"), (quarter, "quarter"))
        ]
        goods.append(Good(member_key(f"venue-{n}"), *folders, season, s.venue.signing_key))
    numbers = [n for n in range(2000) if KINDS[n % len(KINDS)].__name__ != "replayed"]
    token = tokens.new_token(hub, "network", datetime.now(UTC))
    waits, wrong, stop = list[float](), list[str](), threading.Event()

    def ask_all_along(port: int) -> None:
        with attached(port, token) as client:
            while not stop.is_set():
                started = time.monotonic()
                try:
                    assert ask(client, "select count(*) from provenance")[0][0] > 0
                except duckdb.Error as error:
                    wrong.append(str(error))
                waits.append(time.monotonic() - started)

    with Server(hub, port=free_port(), limits=Limits()) as server:
        asking = threading.Thread(target=ask_all_along, args=(server.port,))
        asking.start()
        while not waits:  # the desk is open: an embedded lake is not opened by two at once
            time.sleep(0.01)
        outcomes: Counter[str] = Counter()
        for n, batch in enumerate(batched(numbers[:640])):
            for number, good in zip(batch, goods, strict=False):
                forge(good, hub.inbox, number)
            if n == 5:
                deliver(quarter, hub.inbox)
            while any(
                hub.inbox.iterdir()
            ):  # an embedded lake may be in use at that moment: asked again, as Dagster does
                decided = subprocess.run([sys.executable, "-c", ACCEPT, hub.folder], capture_output=True, text=True, check=False)  # fmt: skip
                assert decided.returncode == 0 or "in use" in decided.stderr, decided.stderr
                outcomes.update(decided.stdout.split())
        stop.set()
        asking.join()
        with attached(server.port, token) as client:
            assert ask(client, "select count(distinct venue) from provenance where period = '2025-2026-T1'") == [(1,)]
    assert outcomes == {"refused": 640, "accepted": 1}
    assert not wrong, (len(wrong), wrong[0])
    assert len(waits) > 50
    assert max(waits) < 5, max(waits)
