"""One export in every encoding, separator, format and packing says the same; what could harm is refused, in both languages."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aggregations import unpacking
from aggregations.detect import detect
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.inspection import inspect
from aggregations.records import records
from aggregations.venue import Venue
from privacy.errors import Fault

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
SHARED = Path(__file__).parents[2] / "shared" / "data"
CSV = (EXPORTS / "passculture_2022.csv").read_text("utf-8")
NEUTRAL = EXPORTS / "neutral_transactions.csv"
KEPT = {"transactions": 4}


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "theatre"))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


# --- text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_as", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),  # without a mark
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),  # which holds it
        ("mac-roman", "mac-roman"),
    ],
)
@pytest.mark.parametrize("delimiter", [";", *(pytest.param(d, marks=pytest.mark.slow) for d in (",", "\t", "|"))])
def test_every_encoding_and_separator(tmp_path: Path, written_as: str, told: str, delimiter: str) -> None:
    text = CSV.replace(";", delimiter).replace("\n", "\r\n").replace("’", "'")
    seen = inspect(None, [written(tmp_path / "export.txt", text.encode(written_as))])
    assert (seen.preset, seen.format, seen.encoding, seen.delimiter) == ("passculture", "CSV", told, delimiter)
    assert seen.kept == {"transactions": 2}


def test_accents_are_read_whatever_the_encoding(venue: Venue, tmp_path: Path) -> None:
    text = "order_id;performance_at;purchased_at;genre;price\n1;2026-10-03 20:30;2026-09-01 12:00;Théâtre;12,50\n"
    for number, encoding in enumerate(("utf-16", "cp1252", "mac-roman")):
        row = text.replace("\n1;", f"\n{number};")
        ingest(venue, [written(tmp_path / f"{encoding}.csv", row.encode(encoding))])
    frame = records(venue, "transactions").collect()
    assert frame["family"].to_list() == ["theatre_recit"] * 3
    assert frame["unit_price_cents"].to_list() == [1250] * 3


def test_what_databases_write_for_nothing_is_nothing(venue: Venue, tmp_path: Path) -> None:
    text = "order_id,email,performance_at,purchased_at\n1,NULL,2026-10-03 20:30,2026-09-01\n2,\\N,2026-10-03 20:30,2026-09-01\n"
    ingest(venue, [written(tmp_path / "dump.csv", text.encode())])
    assert records(venue, "transactions").collect()["identified"].to_list() == [False, False]


# --- workbooks --------------------------------------------------------------------------------------


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    """A small XLSX as Excel writes it: numbers as numbers, dates as numbers in a date's style, texts in place."""
    made = io.BytesIO()
    kinds = {bool: "b", str: "inlineStr"}

    def cell(value: Any) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, str):
            return f'<c t="{kinds[str]}"><is><t>{value}</t></is></c>'
        if isinstance(value, tuple):  # a date: days since 1899-12-30, and its style
            return f'<c s="1"><v>{value[0]}</v></c>'
        return f"<c><v>{value}</v></c>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, (n, _) in enumerate(sheets, 1))
    links = "".join(f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/s{i}.xml"/>' for i in range(1, len(sheets) + 1))  # fmt: skip
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>')  # fmt: skip
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')  # fmt: skip
        archive.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>')  # fmt: skip
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}<Relationship Id="rs" Type="{office}/styles" Target="styles.xml"/></Relationships>')  # fmt: skip
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>')  # fmt: skip
        for i, (_, rows) in enumerate(sheets, 1):
            body = "".join(f"<row>{''.join(cell(value) for value in row)}</row>" for row in rows)
            archive.writestr(f"xl/worksheets/s{i}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>')  # fmt: skip
    return made.getvalue()


SHEET: list[list[Any]] = [
    ["order_id", "email", "performance_at", "purchased_at", "price", "postal_code", "quantity"],
    [1, "a@example.org", (46298.854166666664,), "01/09/2026 12:00", 12.5, 1000, 2],
    ["B-2", None, (46298.854166666664,), (46266.5,), "12,50 €", "38000", 1],
    [3, None, "bientôt", (46266.5,), 10, None, 1],
]  # fmt: skip


def test_a_workbooks_first_sheet_with_known_headers(venue: Venue, tmp_path: Path) -> None:
    """Of a column, one cell may be a number or a date and the next a text."""
    book = workbook(("Lisez-moi", [["Export du jour"]]), ("Billets", SHEET), ("Copie", SHEET))
    file = written(tmp_path / "billets.xlsx", book)
    found = detect([file])
    assert [s.place for s in found.sources["transactions"]] == ["Billets"]
    assert (found.format, found.encoding, found.delimiter) == ("XLSX", "", "")
    receipt = ingest(venue, [file])
    rows = records(venue, "transactions").sort("source_row").collect()
    assert rows["source_row"].to_list() == [2, 3]
    assert [f"{at:%Y-%m-%d %H:%M}" for at in rows["performance_at"]] == ["2026-10-03 18:30"] * 2
    assert [f"{at:%Y-%m-%d %H:%M}" for at in rows["purchased_at"]] == ["2026-09-01 10:00"] * 2
    assert rows["unit_price_cents"].to_list() == [1250, 1250]
    assert rows["departement"].to_list() == ["01", "38"]
    assert receipt.quarantined == {"performance_at: unreadable": 1}


def test_a_real_workbook_says_what_its_table_says() -> None:
    """Of pretix's three sheets, the second has the seats; both forms of it are known."""
    folder = SHARED / "pretix" / "exports"
    if not folder.exists():
        pytest.skip("real files are not beside the project")
    book, table = (inspect(None, [folder / name]) for name in ("orderlist.xlsx", "orderlist_positions.csv"))
    assert (book.preset, book.format) == ("pretix_export", "XLSX")
    assert (book.kept, book.quarantined, book.unknown) == (table.kept, table.quarantined, table.unknown)
    assert book.kept["transactions"] == book.rows_read > 0


# --- the same export, in every form and packing -----------------------------------------------------


def forms(tmp_path: Path) -> dict[str, bytes]:
    frame = pl.read_csv(NEUTRAL, infer_schema=False)
    frame.write_parquet(tmp_path / "plain.parquet")
    rows = [frame.columns, *(list(row) for row in frame.rows())]
    return {
        "CSV": NEUTRAL.read_bytes(),
        "Parquet": (tmp_path / "plain.parquet").read_bytes(),
        "XLSX": workbook(("Feuille", rows)),
    }


@pytest.mark.parametrize("form", ["CSV", "Parquet", "XLSX"])
@pytest.mark.parametrize("packing", ["", "gzip", "zip"])
def test_every_table_in_every_packing(tmp_path: Path, form: str, packing: str) -> None:
    content = forms(tmp_path)[form]
    file = tmp_path / "packed"
    match packing:
        case "zip":
            zipped(file, **{"dossier/export": content, "__MACOSX/._export": b"x", "dossier/.DS_Store": b"x"})
        case "gzip":
            file.write_bytes(gzip.compress(content))
        case _:
            file.write_bytes(content)
    seen = inspect(None, [file])
    assert seen.format == (f"{form} ({packing})" if packing else form)
    assert seen.kept == KEPT
    assert seen.files == {"packed/export" if packing == "zip" else "packed": "transactions"}


@pytest.mark.parametrize("form", ["JSON", "JSON lines", "pages"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", *(pytest.param(e, marks=pytest.mark.slow) for e in ("utf-8-sig", "utf-16"))]
)
def test_every_json_in_every_packing(tmp_path: Path, form: str, pack: Callable[[bytes], bytes], encoding: str) -> None:
    rows = json.loads((EXPORTS / "billetweb.json").read_text("utf-8"))
    text = {
        "JSON": json.dumps(rows, indent=1, ensure_ascii=False),
        "JSON lines": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        "pages": json.dumps({"pagination": {"next": None, "links": []}, "data": rows}, ensure_ascii=False),
    }[form]
    seen = inspect(None, [written(tmp_path / "a.json", pack(text.encode(encoding)))])
    assert seen.kept == KEPT
    assert seen.format.startswith("JSON lines" if form == "JSON lines" else "JSON")


def test_a_record_may_hold_a_list_where_others_have_a_page(tmp_path: Path) -> None:
    """`events` list OpenAgenda's records, and are a part of each of Rodrigue's orders."""
    orders = json.loads((EXPORTS / "rodrigue" / "orders.json").read_text("utf-8"))
    for indent, form in ((None, "ndjson"), (1, "object")):
        file = written(tmp_path / form, json.dumps(orders[0], indent=indent).encode())
        assert [(s.form, s.place) for s in detect([file]).sources["orders"]] == [(form, "")]
    events = json.loads((EXPORTS / "openagenda.json").read_text("utf-8"))["data"]
    for place in ("data", "events"):
        found = detect([written(tmp_path / place, json.dumps({"total": 4, place: events}).encode())])
        assert [(s.form, s.place) for s in found.sources["events"]] == [("pages", place)]


def test_an_archive_of_several_files_is_one_export(venue: Venue, tmp_path: Path) -> None:
    tables = {f"dump/{path.name}": path.read_bytes() for path in (EXPORTS / "matomo_tables").iterdir()}
    file = zipped(tmp_path / "dump.zip", **tables, **{"dump/readme.txt": b"rien"})
    found = detect([file])
    assert (found.preset.name, [path.name for path in found.ignored]) == ("matomo_tables", ["readme.txt"])
    receipt = ingest(venue, [file])
    assert receipt.files == ("dump.zip",)
    assert receipt.frames == {"interactions": 3}
    assert ingest(venue, [file]).already
    assert (venue.inbox / "dump.zip").read_bytes() == file.read_bytes()
    text = (venue.quarantine / f"{receipt.id}.csv").read_text("utf-8")
    assert "dump.zip/log_link_visit_action.csv,8," in text


# --- what could harm --------------------------------------------------------------------------------


def refused(path: Path, *, en: str, fr: str) -> None:
    with pytest.raises(Fault) as caught:
        inspect(None, [path])
    assert en in caught.value.en
    assert fr in caught.value.fr
    for sentence in (caught.value.en, caught.value.fr):
        assert path.name in sentence
        assert "CANARI" not in sentence


def test_a_member_never_leaves_the_scratch_folder(venue: Venue, tmp_path: Path) -> None:
    before = {p for p in tmp_path.rglob("*") if venue.folder not in p.parents}
    name = "../../../../evil.csv"
    file = zipped(tmp_path / "climb.zip", **{name: NEUTRAL.read_bytes(), "/etc/evil.csv": b"a,b\n1,2\n"})
    assert ingest(venue, [file]).rows_kept == 4
    after = {p for p in tmp_path.rglob("*") if venue.folder not in p.parents}
    assert after - before == {file}
    assert not list(venue.folder.rglob("evil*"))
    assert not Path("/etc/evil.csv").exists()


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, kind: str) -> None:
    big = b"order_id,performance_at,purchased_at\n" + b"0" * (40 << 20)
    file = tmp_path / "bomb"
    file.write_bytes(gzip.compress(big)) if kind == "gzip" else zipped(file, **{"a.csv": big})
    refused(file, en="too large once unpacked", fr="trop gros une fois décompressé")


def test_the_size_of_all_members_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = NEUTRAL.read_bytes()
    file = zipped(tmp_path / "many.zip", **{f"{i}.csv": content for i in range(3)})
    monkeypatch.setattr(unpacking, "LARGEST", 3 * len(content) - 1)
    refused(file, en="too large once unpacked", fr="trop gros une fois décompressé")
    monkeypatch.setattr(unpacking, "LARGEST", 3 * len(content))
    assert len(detect([file]).sources["transactions"]) == 3


def test_a_workbook_that_swells_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO(workbook(("Feuille", SHEET)))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image.bmp", b"\0" * (40 << 20))
    refused(written(tmp_path / "bomb.xlsx", made.getvalue()), en="too large once", fr="trop gros une fois")


@pytest.mark.parametrize("inner", ["zip", "gzip"])
def test_an_archive_in_an_archive_is_refused(tmp_path: Path, inner: str) -> None:
    content = NEUTRAL.read_bytes()
    nested = gzip.compress(content) if inner == "gzip" else zipped(tmp_path / "in", **{"a.csv": content}).read_bytes()
    refused(zipped(tmp_path / "out.zip", **{"in": nested}), en="another archive", fr="une autre archive")


def test_a_zip_in_a_gzip_is_no_export(tmp_path: Path) -> None:
    nested = zipped(tmp_path / "in", **{"a.csv": NEUTRAL.read_bytes()}).read_bytes()
    refused(written(tmp_path / "out.gz", gzip.compress(nested)), en="another archive", fr="une autre archive")


@pytest.mark.parametrize("cut", [30, -10])
@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_a_cut_archive_is_refused(tmp_path: Path, kind: str, cut: int) -> None:
    whole = (
        gzip.compress(NEUTRAL.read_bytes())
        if kind == "gzip"
        else zipped(tmp_path / "whole", **{"CANARI.csv": NEUTRAL.read_bytes()}).read_bytes()
    )
    refused(written(tmp_path / "cut", whole[:cut]), en="cannot be read", fr="illisible")


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(tmp_path / "a", **{"a.csv": NEUTRAL.read_bytes()}).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1  # says it is encrypted
    refused(written(tmp_path / "locked.zip", bytes(content)), en="cannot be read", fr="illisible")
