"""Which system wrote a file: told by its headers, whatever its name, encoding, separator or compression."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from aggregations.detect import detect
from aggregations.inspection import inspect
from aggregations.mapping import presets
from privacy.errors import Fault

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPORTS = EXAMPLES / "exports"


@pytest.mark.parametrize(
    ("path", "preset", "delimiter"),
    [
        (EXAMPLES / "pretix", "pretix", ""),
        (EXAMPLES / "pretix" / "orders.json", "pretix", ""),
        (EXPORTS / "billetweb.json", "billetweb", ""),
        (EXPORTS / "passculture.csv", "passculture", ";"),
        (EXPORTS / "passculture_2022.csv", "passculture", ";"),
        (EXPORTS / "brevo.csv", "brevo", ";"),
        (EXPORTS / "matomo.json", "matomo", ""),
        (EXPORTS / "matomo_tables", "matomo_tables", ","),
        (EXPORTS / "ga4.jsonl", "ga4", ""),
        (EXPORTS / "mailchimp", "mailchimp", ","),
        (EXPORTS / "weblog.log", "weblog", ""),
        (EXPORTS / "caddy.log", "weblog", ""),
        (EXPORTS / "nginx_json.log", "weblog", ""),
        (EXPORTS / "openagenda.json", "openagenda", ""),
        (EXPORTS / "datatourisme.csv", "datatourisme", ","),
        (EXPORTS / "datatourisme.json", "datatourisme", ""),
        (EXPORTS / "schema_org.json", "schema_org", ""),
        (EXPORTS / "counter.csv", "counter", ";"),
        (EXPORTS / "neutral_transactions.csv", "neutral", ","),
        (EXPORTS / "neutral_interactions.csv", "neutral", ","),
        (EXPORTS / "neutral_counts.csv", "neutral", ","),
    ],
)
def test_each_export_is_recognised(path: Path, preset: str, delimiter: str) -> None:
    found = detect([path])
    assert (found.preset.name, found.delimiter) == (preset, delimiter)
    assert found.ignored == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_any_encoding_and_separator(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = (EXPORTS / "passculture_2022.csv").read_text("utf-8").replace(";", delimiter).replace("\n", "\r\n")
    file = tmp_path / "some name.txt"
    file.write_bytes(text.encode(encoding))
    seen = inspect(None, [file])
    assert (seen.preset, seen.delimiter, seen.encoding) == ("passculture", delimiter, encoding.removesuffix("-sig"))
    assert seen.kept == {"transactions": 2}


def test_gzip_and_parquet(tmp_path: Path) -> None:
    source = EXPORTS / "neutral_transactions.csv"
    packed, parquet = tmp_path / "a.csv.gz", tmp_path / "b"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    pl.read_csv(source, try_parse_dates=True).write_parquet(parquet)
    assert inspect(None, [packed]).kept == inspect(None, [source]).kept == {"transactions": 4}
    assert detect([parquet]).preset.name == "neutral"


def test_pages_and_lines_of_json(tmp_path: Path) -> None:
    page, lines = tmp_path / "page.json", tmp_path / "lines.json"
    frame = (EXPORTS / "billetweb.json").read_text("utf-8")
    page.write_text('{"count": 4, "next": null, "previous": null, "results": ' + frame + "}", "utf-8")
    lines.write_text("\n".join(line.rstrip(",") for line in frame.splitlines() if line[0] == "{"), "utf-8")
    assert inspect(None, [page]).kept == inspect(None, [lines]).kept == {"transactions": 4}


def test_headers_match_whatever_the_accents_and_apostrophes(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    text = (
        (EXPORTS / "passculture.csv")
        .read_text("utf-8")
        .replace("l’offre", "l'offre")
        .replace("d'évènement", "d’évènement")
    )
    file.write_text(text, "utf-8")
    assert detect([file]).preset.name == "passculture"


@pytest.mark.parametrize(
    "content", ["prenom;telephone\nCANARI;06\n", '{"CANARI": 1}', "", "%PDF-1.7 CANARI", "[]", "[1]"]
)
def test_an_unknown_file_is_a_fault_that_names_presets_and_no_value(tmp_path: Path, content: str) -> None:
    file = tmp_path / "export.csv"
    file.write_text(content, "utf-8")
    with pytest.raises(Fault) as caught:
        detect([file])
    for sentence in (caught.value.en, caught.value.fr):
        assert "CANARI" not in sentence
        assert all(name in sentence for name in presets())


def test_the_nearest_preset_is_named(tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("EMAIL;ADDED_TIME\na@example.org;01-01-2026 10:00\n", "utf-8")
    with pytest.raises(Fault, match="Nearest: brevo, which needs EMAIL, EMAIL_BLACKLISTED"):
        detect([file])


def test_a_preset_that_is_asked_for_must_fit() -> None:
    with pytest.raises(Fault, match="no preset knows"):
        detect([EXPORTS / "brevo.csv"], name="matomo")
    with pytest.raises(Fault, match="no preset of that name"):
        detect([EXPORTS / "brevo.csv"], name="sarbacane")


def test_inspection_tells_columns_units_zones_and_hides_values() -> None:
    seen = inspect(None, [EXPORTS / "billetweb.json"])
    uses = {use.source: use for use in seen.columns}
    assert uses["price"].becomes == ("transactions.unit_price_cents",)
    assert uses["price"].reading == "euros"
    assert "Europe/Paris" in uses["order_date"].reading
    assert uses["order_email"].becomes == ("transactions.person (hashed)",)
    assert [(u.column, u.labels, u.rows, u.first_line, u.shown) for u in seen.unknown] == [("family", 1, 1, 3, {})]
    shown = inspect(None, [EXPORTS / "billetweb.json"], show_values=True)
    assert shown.unknown[0].shown == {"Bal": ()}
