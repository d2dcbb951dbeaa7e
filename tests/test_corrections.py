"""Refused rows are given back as they came; corrected, they leave what the export without faults would have left."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregations import corrections
from aggregations.corrections import write_corrections
from aggregations.founding import add_venue
from aggregations.inbox import load_inbox
from aggregations.ingest import ingest
from aggregations.receipt import Receipt, receipts
from aggregations.records import records
from aggregations.refusals import pending
from aggregations.schema import FRAMES
from aggregations.venue import Venue, read_venue
from privacy.errors import Fault

EXAMPLES = Path(__file__).parents[1] / "examples"
HEADERS = ["order_id", "ticket_id", "email", "event", "performance_at", "purchased_at", "tariff", "quantity", "status"]
SPOILT = {"performance_at": "bientôt", "purchased_at": "32/13/2025", "quantity": "0", "status": "zut", "order_id": ""}
MENDABLE = sorted(SPOILT)


def venue(folder: Path, key: Venue | None = None) -> Venue:
    """A venue; with the key of another, so that both number people alike."""
    made = add_venue(Venue("theatre", "Théâtre", "theatre", "75056", folder=folder))
    if key is not None:
        shutil.copy(key.folder / "keys" / "person.key", made.folder / "keys")
    return made


def held(one: Venue) -> list[str]:
    """All records, but for the line they came from."""
    return sorted(str(row) for f in FRAMES for row in records(one, f).drop("source_row").collect().iter_rows())


def ticket(number: int, *, named: bool, twins: bool) -> dict[str, str]:
    """A row; without a number of its own, and with twins that nothing tells apart."""
    of = number // 3 if twins else number
    return {
        "order_id": f"c{of}", "ticket_id": f"t{number}" if named else "", "email": f"élise{of}@example.org", "event": "Gala;2",
        "performance_at": f"2025-10-0{1 + of % 9} 20:30", "purchased_at": "2025-09-01 10:00", "tariff": "Plein tarif",
        "quantity": "2", "status": "paid",
    }  # fmt: skip


def write(path: Path, rows: list[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADERS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    os.utime(path, ns=(1_750_000_000_000_000_000, 1_750_000_000_000_000_000))
    return path


def mend(path: Path, right: list[dict[str, str]]) -> None:
    """Correct the rows of a folder's file as a steward would, in a spreadsheet that writes its own way."""
    text = path.read_text("utf-8-sig")
    headers = next(csv.reader([text.splitlines()[0]], delimiter=";" if ";" in text.splitlines()[0] else ","))
    assert headers == HEADERS
    write(path, right, delimiter=";", encoding="cp1252")
    os.utime(path)


@pytest.mark.slow
@settings(max_examples=3)
@given(
    wrong=st.dictionaries(st.integers(0, 8), st.sampled_from(MENDABLE), min_size=1, max_size=5),
    named=st.booleans(),
    twins=st.booleans(),
    delimiter=st.sampled_from([",", ";"]),
)
def test_a_spoilt_table_and_its_correction_are_the_clean_table(
    tmp_path_factory: pytest.TempPathFactory, *, wrong: dict[int, str], named: bool, twins: bool, delimiter: str
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    clean = [ticket(i, named=named, twins=twins) for i in range(9)]
    spoilt = [row | ({wrong[i]: SPOILT[wrong[i]]} if i in wrong else {}) for i, row in enumerate(clean)]
    one = venue(folder / "one")
    other = venue(folder / "other", key=one)
    ingest(other, [write(folder / "clean.csv", clean)])
    receipt = ingest(one, [write(folder / "tickets.csv", spoilt, delimiter, "cp1252")])
    assert pending(one)["line"].to_list() == [i + 2 for i in sorted(wrong)]

    desk = write_corrections(one, receipt)
    (given_back,) = desk.iterdir()
    rows = list(csv.DictReader(io.StringIO(given_back.read_text("utf-8-sig")), delimiter=delimiter))
    assert rows == [spoilt[i] for i in sorted(wrong)], "exactly the refused rows, in their own headers"
    mend(given_back, [clean[i] for i in sorted(wrong)])
    done = ingest(one, [desk])

    assert held(one) == held(other)
    assert (done.corrects, done.rows_quarantined) == (receipt.id[:12], 0)
    assert pending(one).is_empty()
    assert ingest(one, [desk]).already


def orders(spoilt: set[int]) -> list[dict[str, Any]]:
    found = json.loads((EXAMPLES / "pretix" / "orders.json").read_text("utf-8"))[:12]
    return [order | ({"datetime": "hier"} if i in spoilt else {}) for i, order in enumerate(found)]


def documents(folder: Path, spoilt: set[int], wrap: Callable[[Any], Any] = list) -> Path:
    shutil.copytree(EXAMPLES / "pretix", folder)
    (folder / "orders.json").write_text(json.dumps(wrap(orders(spoilt))), "utf-8")
    return folder


@settings(max_examples=1)
@given(spoilt=st.sets(st.integers(0, 11), min_size=1, max_size=4))
def test_spoilt_json_and_its_correction_are_the_clean_json(
    tmp_path_factory: pytest.TempPathFactory, spoilt: set[int]
) -> None:
    """With what lies beside it: the companions of the export are the correction's too."""
    folder = tmp_path_factory.mktemp("json")
    one = venue(folder / "one")
    other = venue(folder / "other", key=one)
    ingest(other, [documents(folder / "clean", set())])
    receipt = ingest(one, [documents(folder / "export", spoilt, lambda found: {"results": found})])
    (given_back,) = write_corrections(one, receipt).iterdir()
    found = json.loads(given_back.read_text("utf-8"))
    seats = [i for i in sorted(spoilt) if orders(set())[i]["positions"]]
    assert [o["code"] for o in found] == [orders(set())[i]["code"] for i in seats]
    given_back.write_text(json.dumps([orders(set())[i] for i in seats]), "utf-8")
    ingest(one, [given_back])
    assert held(one) == held(other)
    assert pending(one).is_empty()


@pytest.fixture
def spoilt(tmp_path: Path) -> tuple[Venue, Receipt]:
    one = venue(tmp_path / "theatre")
    rows = [ticket(i, named=True, twins=False) for i in range(4)]
    rows[1]["quantity"], rows[2]["performance_at"] = "0", "bientôt"
    return one, ingest(one, [write(tmp_path / "tickets.csv", rows)])


def test_nothing_on_the_desk_is_loaded_of_itself(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    write_corrections(one, receipt)
    assert [loaded.name for loaded in load_inbox(one)] == ["tickets.csv"]
    assert len(receipts(one.store)) == 1


def test_what_stays_refused_is_told_once_and_may_be_corrected_again(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    (desk,) = write_corrections(one, receipt).iterdir()
    rows = [ticket(i, named=True, twins=False) for i in (1, 2)]
    rows[1]["performance_at"] = "demain"
    mend(desk, rows)
    second = ingest(one, [desk.parent])
    assert pending(one).select("export", "column", "reason").rows() == [(second.id, "performance_at", "unreadable")]
    (desk,) = write_corrections(one, second).iterdir()
    mend(desk, [ticket(2, named=True, twins=False)])
    ingest(one, [desk])
    assert pending(one).is_empty()
    assert records(one, "transactions").select(pl.len()).collect().item() == 4


def test_a_row_left_out_of_the_correction_is_given_up(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    (desk,) = write_corrections(one, receipt).iterdir()
    mend(desk, [ticket(1, named=True, twins=False)])
    ingest(one, [desk])
    assert pending(one).is_empty()
    assert records(one, "transactions").select(pl.len()).collect().item() == 3


def test_a_later_export_that_holds_the_rows_settles_them_too(spoilt: tuple[Venue, Receipt], tmp_path: Path) -> None:
    one, _ = spoilt
    again = [ticket(i, named=True, twins=False) for i in range(4)]
    again[2]["performance_at"] = "toujours rien"
    second = ingest(one, [write(tmp_path / "next.csv", again)])
    assert pending(one).select("export", "line").rows() == [(second.id, 4)], "refused twice, told once"


def test_a_store_made_again_from_the_inbox_has_the_corrections(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    (desk,) = write_corrections(one, receipt).iterdir()
    mend(desk, [ticket(i, named=True, twins=False) for i in (1, 2)])
    ingest(one, [desk])
    before = held(one)
    shutil.rmtree(one.store)
    assert not [loaded.error for loaded in load_inbox(read_venue(one.folder)) if loaded.error]
    assert held(one) == before
    assert pending(one).is_empty()


def test_raw_rows_are_in_the_inbox_only_and_for_this_account(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    desk = write_corrections(one, receipt)
    assert desk.is_relative_to(one.inbox)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (desk.parent, desk, *desk.iterdir()))
    outside = [p for p in one.folder.rglob("*") if p.is_file() and not p.is_relative_to(one.inbox)]
    assert not [p for p in outside if "élise".encode() in p.read_bytes()]


@pytest.mark.parametrize("content", ["a;b\n1;2\n", ""])
def test_a_file_that_lost_its_headers_is_told_without_a_value(spoilt: tuple[Venue, Receipt], content: str) -> None:
    one, receipt = spoilt
    (desk,) = write_corrections(one, receipt).iterdir()
    desk.write_text(content, "utf-8")
    with pytest.raises(Fault, match="no longer the export's line of headers"):
        ingest(one, [desk])


def test_an_export_that_left_the_inbox_cannot_be_given_back(spoilt: tuple[Venue, Receipt]) -> None:
    one, receipt = spoilt
    (one.inbox / "tickets.csv").unlink()
    with pytest.raises(Fault, match=r"tickets\.csv: no longer in inbox/"):
        write_corrections(one, receipt)


def test_workbooks_parquet_and_archives_are_given_back_as_tables(tmp_path: Path) -> None:
    from zipfile import ZipFile

    clean = [ticket(i, named=True, twins=False) for i in range(4)]
    wrong = [row | ({"quantity": "0"} if i == 2 else {}) for i, row in enumerate(clean)]
    pl.DataFrame(wrong).with_columns(
        pl.col("performance_at").str.to_datetime("%Y-%m-%d %H:%M").dt.replace_time_zone("Europe/Paris"),
        pl.col("quantity").cast(pl.Int8),
    ).write_parquet(tmp_path / "parquet.parquet")
    with ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(write(tmp_path / "packed.csv", wrong), "export/packed.csv")
    first = venue(tmp_path / "clean")
    ingest(first, [write(tmp_path / "clean.csv", clean)])
    for name in ("parquet.parquet", "archive.zip"):
        one = venue(tmp_path / name.split(".")[0], key=first)
        (desk,) = write_corrections(one, ingest(one, [tmp_path / name])).iterdir()
        text = desk.read_text("utf-8-sig").replace(";0;", ";2;").replace(",0,", ",2,")
        desk.write_text(text, "utf-8")
        ingest(one, [desk])
        assert held(one) == held(first), name


EVERY = [EXAMPLES / "pretix", *sorted((EXAMPLES / "exports").iterdir())]


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERY, ids=lambda p: p.name)
def test_any_format_is_put_together_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    """The first rows of each file are given back and loaded unchanged: everything is still held, and nothing else."""
    one = venue(tmp_path / "theatre")
    first = ingest(one, [path])
    names = [Path(name).name for name in first.files]
    monkeypatch.setattr(corrections, "_lines", lambda *_: {name: {2, 3} for name in names})
    before = held(one)
    desk = write_corrections(one, first)
    assert len(list(desk.iterdir())) == len(names)
    second = ingest(one, [desk])
    assert held(one) == before
    counts = [(r.preset, r.rows_read, r.rows_kept, r.rows_quarantined, r.dropped) for r in (first, second)]
    assert counts[0] == counts[1]
