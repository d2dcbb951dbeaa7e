"""The store keeps what each export changes, and says the same as if it kept everything."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregations import changes, encodings, publication, sources, tally
from aggregations.detect import detect
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.inspection import inspect
from aggregations.performances import performances
from aggregations.publication import release
from aggregations.receipt import receipts
from aggregations.records import records, version
from aggregations.staging import prepare
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.errors import GovernanceRefusal
from privacy.ledger import Ledger
from privacy.policy import Policy

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
MONTHS = ("2025-10", "2025-11", "2026-01")
T1, T2, SEASON = (Period.parse(f"2025-2026{part}") for part in ("-T1", "-T2", ""))
Ticket = tuple[str, str, int]  # month, status, euros
HEAD = "order_id,ticket_id,performance_id,performance_at,purchased_at,status,quantity,price,capacity,changed_at"
FINAL = {"pending": 0, "paid": 1, "refunded": 2}

tickets = st.tuples(st.sampled_from(MONTHS), st.sampled_from(list(FINAL)), st.integers(1, 50))
exports = st.lists(st.dictionaries(st.integers(1, 5), tickets, min_size=1), min_size=2, max_size=4)


def made(folder: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=folder / "theatre"))


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return made(tmp_path)


def export(
    folder: Path, held: dict[int, Ticket], name: str = "push", *, capacity: int = 100, written: int = 0, told: int = 0
) -> Path:
    """A line a ticket; its number is its quantity, and its performance the month's; written, or changed, at that second."""
    changed = f"2026-02-01 10:00:{told:02}" if told else ""
    lines = [
        f"C{n},T{n},{month},{month}-03 20:00,2025-09-01 10:00,{status},{n},{euros},{capacity},{changed}"
        for n, (month, status, euros) in held.items()
    ]
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.csv"
    path.write_text("\n".join([HEAD, *lines]), "utf-8")
    if written:
        os.utime(path, (written, written))
    return path


def known(venue: Venue) -> dict[int, Ticket]:
    """The tickets the venue holds; a ticket held twice would be lost here, so it is counted first."""
    rows = records(venue, "transactions").collect()
    assert rows["row_ref"].n_unique() == rows.height
    month = pl.col("performance_at").dt.strftime("%Y-%m")
    seen = rows.select("quantity", month, "status", pl.col("unit_price_cents") // 100)
    return {number: (at, status, euros) for number, at, status, euros in seen.iter_rows()}


@settings(max_examples=6)
@given(sequence=exports, told=st.booleans(), bucket=st.sampled_from([2, 12_000_000]), data=st.data())
def test_order_repetition_and_splitting_never_change_the_store(
    tmp_path_factory: pytest.TempPathFactory,
    sequence: list[dict[int, Ticket]],
    told: bool,
    bucket: int,
    data: st.DataObject,
) -> None:
    """One clean load has of each ticket the version that holds; whatever is loaded, cut or loaded again, it is those."""
    folder, holds = tmp_path_factory.mktemp("store"), dict[int, tuple[Any, ...]]()
    pieces: list[Path] = []
    for i, drawn in enumerate(sequence, start=1):
        # Where no change is dated, what a row says must not come back to what it was: see the known limits.
        lines = drawn if told else {n: (month, status, (i + 1) // 2) for n, (month, status, _) in drawn.items()}
        cut = data.draw(st.sets(st.sampled_from(sorted(lines))), label="cut")
        for name, ours in (("left", cut), ("right", lines.keys() - cut)):
            if ours:
                some = {n: lines[n] for n in sorted(ours)}
                pieces.append(export(folder / str(i), some, name, written=i, told=i * told))
        for n, ticket in lines.items():
            version = (i, 0, ticket) if told else (FINAL[ticket[1]], i, ticket)
            holds[n] = max(holds.get(n, version), version)
    venue, expected = made(folder), {n: version[2] for n, version in holds.items()}
    loads = data.draw(st.permutations([*pieces, *data.draw(st.lists(st.sampled_from(pieces), max_size=2))]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "BUCKET", bucket)
        patch.setattr(changes, "BUCKET", bucket)
        for path in loads:
            ingest(venue, [path])
    assert known(venue) == expected
    clean = made(folder / "clean")
    ingest(clean, [export(folder, expected)])
    for one in (venue, clean):  # each has its own key
        rows = performances(one).drop("performance_ref", "event_ref").sort("performance_at").rows()
        assert rows == performances(clean).drop("performance_ref", "event_ref").sort("performance_at").rows()


@pytest.mark.slow
@settings(max_examples=6)
@given(sequence=exports)
def test_an_export_says_what_it_changed(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[dict[int, Ticket]]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    venue, rule, seen = made(folder), dict[int, Ticket](), set[str]()
    for i, told in enumerate(sequence, start=1):
        before = {period: version(venue, period) for period in (T1, T2)}
        receipt = ingest(venue, [export(folder / str(i), told, written=i)])
        changed = {
            n: t for n, t in told.items() if n not in rule or (FINAL[t[1]] >= FINAL[rule[n][1]] and t != rule[n])
        }
        if receipt.already:
            assert receipt.id in seen
            changed = {}
        else:
            assert receipt.rows_kept == len(told)
            assert receipt.frames.get("transactions", 0) == len(changed)
            assert receipt.months.get("transactions", []) == sorted(
                {t[0] for n, new in changed.items() for t in (new, rule.get(n, new))}
            )
        touched = {t[0] for n, new in changed.items() for t in (new, rule.get(n, new))}
        rule |= changed
        seen.add(receipt.id)
        assert known(venue) == rule
        assert (version(venue, T1) != before[T1]) == bool(touched & set(MONTHS[:2]))
        assert (version(venue, T2) != before[T2]) == bool(touched)
    assert len(performances(venue)) == len({t[0] for t in rule.values()})


FIRST: dict[int, Ticket] = {1: ("2025-10", "paid", 1), 2: ("2025-11", "paid", 1), 3: ("2026-01", "paid", 1)}


def test_an_export_writes_only_what_it_changes(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [export(tmp_path / "a", FIRST)])
    second = ingest(venue, [export(tmp_path / "b", FIRST | {2: ("2025-11", "refunded", 1), 4: ("2026-01", "paid", 1)})])
    assert (second.rows_kept, second.frames, second.replaced) == (4, {"transactions": 2}, {"transactions": 1})
    assert second.months == {"transactions": ["2025-11", "2026-01"]}
    assert {p.name for p in (venue.store / second.id).iterdir()} == {
        "receipt.json", "replaced.parquet", "transactions.parquet"}  # fmt: skip
    nothing = ingest(venue, [export(tmp_path / "c", {1: FIRST[1]})])
    assert (nothing.rows_kept, nothing.frames, nothing.months) == (1, {}, {})
    assert [p.name for p in (venue.store / nothing.id).iterdir()] == ["receipt.json"]


def test_a_ticket_moved_to_another_month_touches_both(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [export(tmp_path / "a", FIRST)])
    before = version(venue, T1)
    moved = ingest(venue, [export(tmp_path / "b", {2: ("2026-01", "paid", 1)})])
    assert moved.months["transactions"] == ["2025-11", "2026-01"]
    assert version(venue, T1) != before


def test_a_sealed_period_hears_of_what_touches_it_and_no_record_is_read(
    venue: Venue, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("records were read")

    ingest(venue, [export(tmp_path / "a", FIRST)])
    sealed = release(venue, T1, policy)
    with monkeypatch.context() as patch:
        patch.setattr(publication, "each_part", never)
        assert not release(venue, T1, policy, check=never).rows_changed
        ingest(venue, [export(tmp_path / "b", {5: ("2026-01", "paid", 1)})])  # after the period
        assert not release(venue, T1, policy).rows_changed
        ingest(venue, [export(tmp_path / "c", FIRST)])  # nothing new
        assert not release(venue, T1, policy).rows_changed
        ingest(venue, [export(tmp_path / "d", {1: ("2025-10", "refunded", 1)})])
        told = release(venue, T1, policy)
        assert (told.rows_changed, told.drawn, told.release.id) == (True, False, sealed.release.id)
    assert len(Ledger(venue.ledger).charges) == 1


def test_months_are_the_venues_own(venue: Venue, tmp_path: Path) -> None:
    """Midnight in Paris on 1 November is October in UTC."""
    at = datetime(2025, 11, 1, 0, 30, tzinfo=ZoneInfo("Europe/Paris"))
    lines = ["count,performance_at", f"12,{at.isoformat()}"]
    (tmp_path / "counts.csv").write_text("\n".join(lines), "utf-8")
    assert ingest(venue, [tmp_path / "counts.csv"]).months["counts"] == ["2025-11"]


def test_another_source_may_know_the_performance_better(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [export(tmp_path / "a", FIRST)])
    ingest(venue, [export(tmp_path / "b", {1: FIRST[1]}, capacity=300)])
    counts = ["performance_id,performance_at,count,capacity", "2025-11,2025-11-03 20:00,80,250"]
    (tmp_path / "counts.csv").write_text("\n".join(counts), "utf-8")
    told = ingest(venue, [tmp_path / "counts.csv"])
    capacities = performances(venue).sort("performance_at")["capacity"]
    assert capacities.to_list() == [300, 250, 100]
    assert (told.frames, told.replaced) == ({"counts": 1}, {})


def test_a_version_knows_what_the_venue_publishes_and_where_it_is(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [export(tmp_path / "a", FIRST)])
    first = version(venue, SEASON)
    ingest(venue, [EXPORTS / "neutral_counts.csv"])
    ingest(venue, [EXPORTS / "brevo.csv"])
    assert version(venue, SEASON) == first  # neither frame is published
    assert version(replace(venue, publishes=("transactions", "interactions")), SEASON) != first
    for other in (
        replace(venue, commune="75056"),
        replace(venue, timezone="America/Toronto"),
        replace(venue, revenue=True),
    ):
        assert version(other, SEASON) != first
    assert version(replace(venue, name="T", capacity=12), SEASON) == first


# --- reading ----------------------------------------------------------------------------------------

ACCENTED = "\n".join([
    "order_id,ticket_id,performance_at,purchased_at,genre,price",
    *(f'C{n},é{n},2025-10-03 20:00,2025-09-01 10:00,Théâtre,"{n},50"' for n in range(50)),
])  # fmt: skip
WRITTEN = {
    "marked.csv": ACCENTED.encode("utf-8-sig"),
    "windows.csv": ACCENTED.encode("cp1252"),
    "packed.csv.gz": gzip.compress(ACCENTED.encode()),
    "packed-windows.csv.gz": gzip.compress(ACCENTED.encode("cp1252")),
}


def content(venue: Venue, frame: str = "transactions") -> list[tuple[Any, ...]]:
    return records(venue, frame).sort("row_ref").drop("source_row").collect().rows()


@pytest.mark.parametrize("name", WRITTEN)
def test_however_a_table_is_written_it_says_the_same(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in (encodings, sources):
        monkeypatch.setattr(module, "_CHUNK", 7)  # blocks that cut letters
    (tmp_path / "plain.csv").write_text(ACCENTED, "utf-8")
    (tmp_path / name).write_bytes(WRITTEN[name])
    ingest(venue, [tmp_path / "plain.csv"])
    before = content(venue)
    again = ingest(venue, [tmp_path / name])
    assert (len(before), again.rows_kept, again.frames) == (50, 50, {})
    assert content(venue) == before


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_say_the_same_as_a_list(venue: Venue, tmp_path: Path, *, packed: bool) -> None:
    ingest(venue, [EXPORTS / "billetweb.json"])
    lines = "\ufeff" + "\n".join(json.dumps(r) for r in json.loads((EXPORTS / "billetweb.json").read_text("utf-8")))
    (tmp_path / "lines").write_bytes(gzip.compress(lines.encode()) if packed else lines.encode())
    again = ingest(venue, [tmp_path / "lines"])
    assert (again.rows_kept, again.frames) == (4, {})


# JSON lists are decoded in memory, and a list joined to another waits for it: those are not logs.
STREAMED = [path for path in sorted(EXPORTS.iterdir()) if not list(path.glob("*.json"))]


@pytest.mark.slow
@pytest.mark.parametrize("path", STREAMED, ids=lambda p: p.name)
def test_no_step_of_the_reading_holds_all_rows(venue: Venue, tmp_path: Path, path: Path) -> None:
    """Polars marks in its plan the nodes that fall back to memory, and those that wait for another branch."""
    for one in prepare(detect([path]), venue, bytes(32), tmp_path):
        for rows in (one.records.staged, one.rows):
            plan = rows.show_graph(engine="streaming", plan_stage="physical", raw_output=True, show=False) or ""
            nodes = [line for line in plan.splitlines() if "[label=" in line]
            assert nodes
            assert not [n for n in nodes if 'fillcolor="0.0 ' in n or "multiplexer" in n]


def leftovers(venue: Venue) -> Iterator[str]:
    yield from (p.name for folder in (venue.inbox, venue.store) for p in folder.glob(".part*"))


def test_nothing_is_left_of_the_way_there(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [EXPORTS / "neutral_transactions.csv"])
    exempt = replace(venue, consent={"neutral": "exempt_audience"})
    text = (EXPORTS / "neutral_interactions.csv").read_text("utf-8").replace("FR,consent", "FR,exempt_audience")
    (tmp_path / "push.csv").write_text(text, "utf-8")
    with pytest.raises(GovernanceRefusal):
        ingest(exempt, [tmp_path / "push.csv"])
    assert list(leftovers(venue)) == []
    (venue.inbox / ".part-killed").mkdir()
    (venue.inbox / ".part-killed" / "0.txt").write_text("a contact", "utf-8")
    ingest(venue, [EXPORTS / "brevo.csv"])
    assert list(leftovers(venue)) == []


@pytest.mark.slow
def test_inspecting_and_ingesting_agree(venue: Venue) -> None:
    for path in sorted(EXPORTS.iterdir()):
        told, done = inspect(venue, [path]), ingest(venue, [path])
        assert (told.rows_read, sum(told.kept.values())) == (done.rows_read, done.rows_kept)
        assert (told.quarantined, told.dropped) == (done.quarantined, done.dropped)
    assert [r.seq for r in receipts(venue.store)] == list(range(1, len(list(EXPORTS.iterdir())) + 1))
