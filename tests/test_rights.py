"""Someone asks to be forgotten, and is: store, raw exports, later loads, a proof that can fail, a record without a name.

Run as a script, this file is the venue's process: it forgets Ana and kills itself at the step it is told.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from canary import WORD, contents
from hypothesis import given, settings
from hypothesis import strategies as st
from test_crash import strike
from test_formats import workbook, zipped

from aggregations.acts import acts
from aggregations.corrections import write_corrections
from aggregations.founding import add_venue
from aggregations.inbox import load_inbox
from aggregations.ingest import ingest
from aggregations.persons import numbers_of
from aggregations.publication import release
from aggregations.records import records, version
from aggregations.rights import Forgotten, forget, purge
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.errors import Fault
from privacy.policy import Policy

ANA = "ana.ornithorynque@example.org"
PRETIX = Path(__file__).parents[1] / "examples" / "pretix"
HEAD = "order_id,ticket_id,email,performance_id,performance_at,purchased_at,status,price"
T1, T2 = Period.parse("2025-2026-T1"), Period.parse("2025-2026-T2")
Ticket = tuple[str, str, str | None, str]  # order, number, contact, month


def made(folder: Path, **facts: Any) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=folder / "theatre", **facts))


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return made(tmp_path)


def tickets(path: Path, rows: list[Ticket], *, price: int = 10, written: int = 0) -> Path:
    """A line a ticket of the neutral format."""
    path.parent.mkdir(exist_ok=True)
    lines = [
        f"{order},{number},{contact or ''},{month},{month}-03 20:00,{month}-01 10:00,paid,{price}"
        for order, number, contact, month in rows
    ]
    path.write_text("\n".join([HEAD, *lines]), "utf-8")
    if written:
        os.utime(path, (written, written))
    return path


def of_all_kinds(folder: Path) -> list[Path]:
    """Ana in a pretix server's JSON, a newsletter's CSV, a workbook in an archive and a packed table, spelled four ways."""
    shutil.copytree(PRETIX, folder / "pretix")
    for file in (folder / "pretix").glob("*.json"):
        file.write_text(file.read_text("utf-8").replace("c36.7737@example.org", ANA.title()), "utf-8")
    brevo = (
        "EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME;MODIFIED_TIME;CODE_POSTAL;INTERETS\n"
        f"{ANA.upper()};Bec;Ana;;No;No;12-04-2026 09:30;13-04-2026 10:00;38000;Danse\n"
        "marc@example.org;Noir;Marc;;No;No;01-02-2026 08:00;15-05-2026 18:45;69001;Danse\n"
    )
    (folder / "brevo.csv").write_text(brevo, "utf-16")
    sheet = [HEAD.split(","), ["X1", "X1-1", ANA.replace("@", "+lac@"), "p", "2025-10-03 20:00", "2025-09-01 10:00", "paid", 10],
             ["X2", "X2-1", "marc@example.org", "p", "2025-10-03 20:00", "2025-09-01 10:00", "paid", 10]]  # fmt: skip
    zipped(folder / "billets.zip", **{"billets.xlsx": workbook(("Billets", sheet))})
    plain = tickets(folder / "plain.csv", [("G1", "G1-1", f" {ANA} ", "2025-11"), ("G2", "G2-1", None, "2025-11")])
    (folder / "plain.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return [folder / "pretix", folder / "brevo.csv", folder / "billets.zip", folder / "plain.csv.gz"]


def person(venue: Venue, contact: str = ANA) -> int:
    return numbers_of([contact], venue.person_key, "FR")["person"].item()


def rows(venue: Venue) -> list[tuple[Any, ...]]:
    """Every record that holds, of people; which line of which file it came from aside."""
    frames = [records(venue, f).drop("source_row").collect() for f in ("transactions", "interactions")]
    return sorted((row for frame in frames for row in frame.rows()), key=str)


def everything(venue: Venue) -> list[tuple[Any, ...]]:
    """Every row of every file of the store, versions that hold no more too."""
    files = [f for f in venue.store.glob("*/*.parquet") if f.stem != "replaced"]
    return [row for f in files for row in pl.read_parquet(f).rows()]


# --- forgetting ---------------------------------------------------------------------------------------------------


def test_someone_in_every_kind_of_export_is_gone_and_the_others_are_untouched(venue: Venue, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    exports = of_all_kinds(tmp_path / "given")
    for export in exports:
        ingest(venue, [export])
    kept = tickets(tmp_path / "others.csv", [("O1", "O1-1", "bob@example.org", "2025-12")])
    ingest(venue, [kept])
    number, before = person(venue), rows(venue)
    hers = [row for row in before if number in row]
    assert {row[0] for row in hers} == {"pretix", "brevo", "neutral"}
    done = forget(venue, [f"  {ANA.capitalize()} "])
    assert (done.asked, done.found, done.exports, done.search.left) == (1, 1, 4, ())
    assert rows(venue) == [row for row in before if row not in hers]
    assert [p.name for p in venue.inbox.iterdir()] == ["others.csv"]
    everywhere = contents(venue.folder).items()  # in Parquet's columns too; the strange word is in her address alone
    assert not [name for name, data in everywhere if re.search(WORD.encode(), data, re.IGNORECASE)]
    assert str(number) not in "".join(str(row) for row in everything(venue))


def test_a_telephone_is_forgotten_however_it_is_written(venue: Venue, tmp_path: Path) -> None:
    lines = ["order_id,performance_at,purchased_at,phone", "P1,2025-10-03 20:00,2025-09-01 10:00,06 12 34 56 78",
             "P2,2025-10-03 20:00,2025-09-01 10:00,06 99 99 99 99"]  # fmt: skip
    (tmp_path / "calls.csv").write_text("\n".join(lines), "utf-8")
    ingest(venue, [tmp_path / "calls.csv"])
    done = forget(venue, ["+33 6 12 34 56 78"])
    assert (done.found, done.exports, done.search.left) == (1, 1, ())
    assert len(rows(venue)) == 1


def test_refused_rows_given_back_leave_with_their_export(venue: Venue, tmp_path: Path) -> None:
    sold = tickets(tmp_path / "sold.csv", [("Q1", "Q1-1", ANA, "2025-10"), ("Q2", "Q2-1", ANA, "no day")])
    receipt = ingest(venue, [sold])
    folder = write_corrections(venue, receipt)
    assert ANA.encode() in b"".join(file.read_bytes() for file in folder.iterdir())
    assert forget(venue, [ANA]).search.left == ()
    assert not folder.exists()


def test_later_exports_do_not_bring_her_back_and_do_not_stay_in_the_inbox(venue: Venue, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    exports = of_all_kinds(tmp_path / "given")[1:]
    folder = exports[0].with_name("push")
    tickets(folder / "tickets.csv", [("H1", "H1-1", ANA, "2025-10")])
    exports.append(folder)
    for export in exports:
        ingest(venue, [export])
    forget(venue, [ANA])
    before = rows(venue)
    for export in exports:  # the same bytes
        assert ingest(venue, [export]).already
        shutil.copytree(export, venue.inbox / export.name) if export.is_dir() else shutil.copy(export, venue.inbox)
    (venue.inbox / "push" / "unread.txt").touch()  # of a folder, half would be loaded as another export
    assert [one.receipt.already for one in load_inbox(venue) if one.receipt] == [True] * 4
    assert (rows(venue), list(venue.inbox.iterdir())) == (before, [])
    full = [("G1", "G1-2", ANA, "2025-12"), ("G1", "G1-3", None, "2025-12"), ("G2", "G2-1", None, "2025-11")]
    told = ingest(
        venue, [tickets(tmp_path / "full.csv", full)]
    )  # next week's, with a new ticket of hers and her guest's
    assert (told.dropped, told.frames, told.months) == ({"of someone forgotten": 2}, {}, {})
    assert not told.in_inbox
    assert (rows(venue), list(venue.inbox.iterdir())) == (before, [])
    assert forget(venue, [ANA]).search.left == ()


def test_an_order_goes_with_whom_it_is_of(venue: Venue, tmp_path: Path) -> None:
    """Rows of her order without a contact are hers; those of a friend who gave an address are the friend's."""
    order = [("A", "1", ANA, "2025-10"), ("A", "2", None, "2025-10"), ("A", "3", "bob@example.org", "2025-10")]
    ingest(venue, [tickets(tmp_path / "a.csv", order)])
    forget(venue, [ANA])
    assert [person(venue, "bob@example.org") in row for row in rows(venue)] == [True]
    late = ingest(
        venue, [tickets(tmp_path / "b.csv", [("A", "4", None, "2025-10")])]
    )  # of a system that has erased her
    assert (late.frames, late.dropped) == ({}, {"of someone forgotten": 1})


def test_an_order_that_turns_out_to_be_hers_goes_when_it_does(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "2", None, "2025-10"), ("B", "3", None, "2025-10")])])
    forget(venue, [ANA])
    assert len(rows(venue)) == 2
    ingest(venue, [tickets(tmp_path / "b.csv", [("A", "1", ANA, "2025-10")])])
    assert len(rows(venue)) == 1


def test_older_versions_go_too_and_others_do_not_come_back_to_life(venue: Venue, tmp_path: Path) -> None:
    """A misspelt address that was mended was hers; a ticket that is now Bob's stays Bob's."""
    ingest(
        venue,
        [
            tickets(
                tmp_path / "a.csv",
                [("A", "1", "misspelt@example.org", "2025-10"), ("B", "2", ANA, "2025-10")],
                written=1,
            )
        ],
    )
    ingest(
        venue,
        [
            tickets(
                tmp_path / "b.csv", [("A", "1", ANA, "2025-10"), ("B", "2", "bob@example.org", "2025-10")], written=2
            )
        ],
    )
    before = rows(venue)
    forget(venue, [ANA])
    assert rows(venue) == [row for row in before if person(venue, "bob@example.org") in row]
    assert len(everything(venue)) == 1
    assert not list(venue.store.glob("*/replaced.parquet"))


def test_an_unknown_contact_is_told_recorded_and_kept_out(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "1", "bob@example.org", "2025-10")])])
    done = forget(venue, [ANA], right="objection")
    assert (done.asked, done.found, done.exports, done.search.left) == (1, 0, 0, ())
    assert ingest(venue, [tickets(tmp_path / "b.csv", [("B", "1", ANA, "2025-10")])]).frames == {}
    assert [(a.kind, a.asked, a.found, a.left) for a in acts(venue)] == [("objection", 1, 0, 0), ("search", 1, 0, 0)]


def test_a_number_of_one_system_is_not_that_of_another(venue: Venue, tmp_path: Path) -> None:
    lines = ["visitor_id,kind,at,consent_regime", *(f"{n},pageview,2025-10-03 20:00,exempt_audience" for n in (7, 8))]
    (tmp_path / "w.csv").write_text("\n".join(lines), "utf-8")
    told = ingest(venue, [tmp_path / "w.csv"])
    assert told.frames == {"interactions": 2}
    assert forget(venue, ["7"], source="matomo").found == 0
    assert forget(venue, ["7"], source=told.preset).found == 1
    assert len(rows(venue)) == 1


@pytest.mark.parametrize("contacts", [[], ["?"], [ANA, "-"]])
def test_what_is_no_contact_is_refused_before_anything_is_done(venue: Venue, contacts: list[str]) -> None:
    with pytest.raises(Fault, match="Nothing to look for"):
        forget(venue, contacts)
    assert not venue.acts.exists()


# --- the record and the proof -------------------------------------------------------------------------------------


def test_the_act_is_recorded_without_who(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "1", ANA, "2025-10"), ("B", "2", "bob@example.org", "2025-10")])])
    done = forget(venue, [ANA, "nobody@example.org"])
    told, searched = acts(venue)
    assert (told.kind, told.asked, told.found, told.exports) == ("erasure", 2, 1, 1)
    assert (searched.kind, searched.searched, searched.left) == ("search", done.search.files, 0)
    written = venue.acts.read_text("utf-8") + venue.forgotten.read_text("utf-8")
    for who in (ANA, "nobody@example.org"):
        assert not [form for form in (who, f"{person(venue, who)}", f"{person(venue, who):x}") if form in written]
    assert {venue.acts.stat().st_mode & 0o777, venue.forgotten.stat().st_mode & 0o777} == {0o600}


LEFT = {
    "a note": lambda path, _: path.write_text(f"Rappeler {ANA.upper()}", "utf-8"),
    "a page's address": lambda path, _: path.write_text(f"GET /stop?m={ANA.replace('@', '%40')}", "utf-8"),
    "a table of numbers": lambda path, n: pl.DataFrame({"who": [n]}, schema={"who": pl.UInt64}).write_parquet(path),
    "its bytes": lambda path, n: path.write_bytes(b"\0\1" + n.to_bytes(8, "little")),
    "a damaged archive": lambda path, _: path.write_bytes(b"PK\3\4 and no more"),
}


@pytest.mark.parametrize("planted", LEFT)
def test_the_proof_fails_on_what_is_left(venue: Venue, planted: str) -> None:
    place = venue.folder / "elsewhere" / "x"
    place.parent.mkdir()
    LEFT[planted](place, person(venue))
    done = forget(venue, [ANA])
    assert done.search.left == (place,)
    assert acts(venue)[-1].left == 1
    place.unlink()
    assert forget(venue, [ANA]).search.left == ()


def test_an_export_that_cannot_be_loaded_is_left_to_the_steward(venue: Venue) -> None:
    (venue.inbox / "unknown.csv").write_text(f"a,b\n{ANA},2\n", "utf-8")
    assert [p.name for p in forget(venue, [ANA]).search.left] == ["unknown.csv"]


def test_a_column_no_preset_reads_gives_an_export_away(venue: Venue, tmp_path: Path) -> None:
    file = tickets(tmp_path / "a.csv", [("A", "1", "bob@example.org", "2025-10")])
    head, line = file.read_text("utf-8").split("\n")
    file.write_text(f"{head},comment\n{line},a gift of {ANA}", "utf-8")
    ingest(venue, [file])
    done = forget(venue, [ANA])
    assert (done.exports, done.search.left, len(rows(venue))) == (1, (), 1)


def test_a_file_of_the_same_name_is_another_export(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "export.csv", [("A", "1", ANA, "2025-10")])])
    forget(venue, [ANA])
    tickets(venue.inbox / "export.csv", [("B", "2", "bob@example.org", "2025-10")])  # arrives, and is not loaded yet
    purge(venue, date(2026, 1, 1))
    assert (venue.inbox / "export.csv").exists()
    load_inbox(venue)
    assert len(rows(venue)) == 1


@pytest.mark.slow
def test_a_sealed_period_is_told_and_never_drawn_again_by_itself(venue: Venue, policy: Policy, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "1", ANA, "2025-12")])])
    ingest(venue, [tickets(tmp_path / "b.csv", [("B", "2", "bob@example.org", "2025-10")])])
    first, before = release(venue, T1, policy), version(venue, T2)
    forget(venue, ["nobody@example.org"])
    assert not release(venue, T1, policy).rows_changed
    forget(venue, [ANA])  # of an export that starts after the first quarter
    assert not release(venue, T1, policy).rows_changed
    assert version(venue, T2) != before
    forget(venue, ["bob@example.org"])
    told = release(venue, T1, policy)
    assert (told.rows_changed, told.drawn, told.release.id) == (True, False, first.release.id)


# --- whenever it is asked, and whenever it is killed ----------------------------------------------------------------

BOOK: list[Ticket] = [("A", "1", ANA, "2025-10"), ("A", "2", ANA, "2025-11"), ("A", "3", None, "2025-10"),
                      ("B", "4", "bob@example.org", "2025-10"), ("C", "5", None, "2025-12")]  # fmt: skip
books = st.lists(
    st.lists(st.tuples(st.sampled_from(BOOK), st.booleans()), min_size=1, max_size=4, unique_by=lambda t: t[0][1]),
    min_size=2, max_size=3,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=12)
@given(weeks=books, data=st.data())
def test_forgetting_and_loading_commute(
    tmp_path_factory: pytest.TempPathFactory, weeks: list[list[tuple[Ticket, bool]]], data: st.DataObject
) -> None:
    """Her address may be missing from some versions of her tickets; the same venue, copied, does it in another order."""
    folder = tmp_path_factory.mktemp("rights")
    exports = [
        tickets(folder / f"{i}" / "x.csv", [(o, n, None if bare and c == ANA else c, m) for (o, n, c, m), bare in week], price=i, written=i)
        for i, week in enumerate(weeks, 1)
    ]  # fmt: skip
    first, second = made(folder / "first"), folder / "second"
    shutil.copytree(folder / "first", second)
    forget(first, [ANA])
    other = replace(first, folder=second / "theatre")
    for path in exports:
        ingest(first, [path])
    for step in data.draw(st.permutations([*exports, None])):
        if step:
            ingest(other, [step])
        else:
            forget(other, [ANA])
    assert rows(other) == rows(first)
    assert not [row for row in everything(other) if person(other) in row]


STEPS = {  # moment: (function, call at which it strikes, before or after)
    "found, nothing done": ("aggregations.rights:leave", 1, "before"),
    "exports said to leave, nobody listed": ("aggregations.rights:add", 1, "before"),
    "listed, not recorded": ("aggregations.rights:add", 1, "after"),
    "a receipt says that rows will go": ("aggregations.removal:write_receipt", 1, "after"),
    "one file made, the old in place": ("aggregations.removal:settle", 1, "before"),
    "one file in place of the old": ("aggregations.removal:settle", 1, "after"),
    "all files but the last": ("aggregations.removal:settle", 2, "before"),
    "rows gone, receipts not": ("aggregations.removal:settle", 2, "after"),
    "one receipt knows no dead version": ("aggregations.removal:write_receipt", 4, "after"),
    "store done, raw exports there": ("aggregations.raw:discard", 1, "before"),
    "a folder half gone": ("shutil:rmtree", 1, "before"),
    "one raw export gone": ("aggregations.raw:discard", 1, "after"),
    "all gone, not searched": ("aggregations.rights:search", 2, "before"),
}  # fmt: skip
QUICK = {"one file in place of the old"}


def waiting(folder: Path) -> tuple[Venue, list[tuple[Any, ...]]]:
    """A venue where Ana's ticket has a dead version, beside the rows of others that must remain."""
    venue = made(folder)
    for i, who in enumerate((ANA, "bob@example.org"), 1):
        week = [("A", "1", ANA, "2025-10"), ("B", "2", who, "2025-11"), ("C", "3", "carl@example.org", f"2025-1{i}")]
        ingest(venue, [tickets(folder / f"week-{i}" / "x.csv", week, price=i, written=i)])
    number = person(venue)
    return venue, [row for row in rows(venue) if number not in row]


@pytest.mark.slow
@pytest.mark.parametrize("moment", [pytest.param(m, marks=() if m in QUICK else pytest.mark.slow) for m in STEPS])
def test_killed_at_a_step_the_store_is_whole_and_any_purge_finishes(tmp_path: Path, moment: str) -> None:
    venue, others = waiting(tmp_path)
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}", "POLARS_MAX_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, __file__, str(venue.folder), moment], cwd=root, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    number = person(venue)
    assert [row for row in rows(venue) if number not in row] == others
    if venue.forgotten.exists():
        purge(venue, date(2026, 1, 1))  # the night's, which knows nobody's address
        assert not [row for row in everything(venue) if number in row]
        assert not [p for p in venue.inbox.rglob("*") if p.is_file()]
    done = forget(venue, [ANA])
    assert (rows(venue), done.search.left) == (others, ())
    assert [p.name for p in venue.store.glob("*/*") if p.name not in ("receipt.json", "transactions.parquet")] == []
    assert acts(venue)[-1].kind == "search"


# --- retention --------------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)


def visits(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["email,visitor_id,kind,at,consent_regime", *lines]), "utf-8")
    return path


@pytest.mark.parametrize(("contact", "acts_on", "held"), [
    ("bought and came long ago", ["2023-10"], 0),
    ("came within three years", ["2023-12"], 1),
    ("came back: all of it is held", ["2019-03", "2024-01"], 2),
    ("never came back", ["2019-03", "2020-03"], 0),
])  # fmt: skip
def test_who_has_not_come_for_three_years_goes_entirely(
    venue: Venue, tmp_path: Path, contact: str, acts_on: list[str], held: int
) -> None:
    mine = [("A", f"{i}", ANA, month) for i, month in enumerate(acts_on)]
    ingest(venue, [tickets(tmp_path / "a.csv", [*mine, ("B", "9", "bob@example.org", "2026-10")])])
    done = purge(venue, TODAY)
    assert (done.since, done.rows) == (date(2023, 11, 22), held < len(mine))
    assert len(rows(venue)) == held + 1


@pytest.mark.slow
@pytest.mark.parametrize(("line", "held"), [
    (f"{ANA},,subscribe,2023-11-22 12:00,consent", 1),  # three years ago to the day
    (f"{ANA},,subscribe,2023-11-21 12:00,consent", 0),
    (f"{ANA},,click,2024-01-05 12:00,consent", 1),
    (",v1,pageview,2024-10-22 12:00,exempt_audience", 1),  # 25 months ago to the day
    (",v1,pageview,2024-10-21 12:00,exempt_audience", 0),
    (",v1,pageview,2024-10-21 12:00,consent", 1),
])  # fmt: skip
def test_each_kind_of_act_has_its_time(venue: Venue, tmp_path: Path, line: str, held: int) -> None:
    ingest(venue, [visits(tmp_path / "v.csv", [line, ",v2,pageview,2026-10-01 12:00,exempt_audience"])])
    purge(venue, TODAY)
    assert len(rows(venue)) == held + 1


def test_a_click_keeps_the_tickets_of_who_clicked(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "1", ANA, "2022-10")])])
    ingest(venue, [visits(tmp_path / "v.csv", [f"{ANA},,click,2024-01-05 12:00,consent"])])
    purge(venue, TODAY)
    assert len(rows(venue)) == 2


def test_what_was_purged_does_not_come_back_and_troubles_no_sealed_period(
    venue: Venue, policy: Policy, tmp_path: Path
) -> None:
    old, recent = ("A", "1", ANA, "2023-10"), ("B", "2", "bob@example.org", "2025-10")
    ingest(venue, [tickets(tmp_path / "a.csv", [old, recent])])
    release(venue, T1, policy)
    purge(venue, TODAY)
    full = ingest(venue, [tickets(tmp_path / "b.csv", [old, recent, ("B", "3", "bob@example.org", "2026-10")])])
    assert (full.dropped, full.frames, full.in_inbox) == ({"older than records are kept": 1}, {"transactions": 1}, True)
    assert not release(venue, T1, policy).rows_changed
    known = [("A", "1", "bob@example.org", "2023-10")]  # of someone known to have come since: it may be held
    assert ingest(venue, [tickets(tmp_path / "c.csv", known)]).frames == {"transactions": 1}


def test_counts_know_nobody_and_stay(venue: Venue, tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("count,performance_at\n12,2015-03-03 20:00", "utf-8")
    ingest(venue, [tmp_path / "counts.csv"])
    purge(venue, TODAY)
    assert records(venue, "counts").collect()["count"].to_list() == [12]


def test_raw_exports_and_their_refused_lines_leave_after_their_days(tmp_path: Path) -> None:
    venue, today = made(tmp_path, raw_days=30), datetime.now(UTC).date()
    file = tickets(tmp_path / "a.csv", [("A", "1", ANA, f"{today:%Y-%m}")])
    file.write_text(file.read_text("utf-8") + "\nB,2,,x,bientôt,bientôt,paid,1", "utf-8")
    ingest(venue, [file])
    (venue.inbox / "unknown.csv").write_text("a,b\n1,2\n", "utf-8")
    assert (purge(venue, today + timedelta(29)).exports, len(list(venue.quarantine.iterdir()))) == (0, 1)
    before = rows(venue)
    assert (purge(venue, today + timedelta(30)).exports, list(venue.quarantine.iterdir())) == (1, [])
    assert [p.name for p in venue.inbox.iterdir()] == ["unknown.csv"]  # was never loaded
    assert (rows(venue), ingest(venue, [file]).already) == (before, True)


def test_a_purge_with_nothing_to_do_writes_nothing(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [tickets(tmp_path / "a.csv", [("A", "1", ANA, "2026-10")])])
    purge(venue, TODAY)  # the first says since when
    state = {p: p.stat().st_mtime_ns for p in venue.folder.rglob("*") if p.is_file() and p.name != ".lock"}
    purge(venue, TODAY)
    assert {p: p.stat().st_mtime_ns for p in venue.folder.rglob("*") if p.is_file() and p.name != ".lock"} == state
    assert [json.loads(line)["people"] for line in venue.acts.read_text("utf-8").splitlines()] == ["2023-11-22"]


# --- the process that is killed -----------------------------------------------------------------------------------


def main(folder: Path, order: str) -> Forgotten:
    from aggregations.venue import read_venue

    strike(*STEPS[order], lambda: os.kill(os.getpid(), signal.SIGKILL))
    return forget(read_venue(folder), [ANA])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
