"""What each row of a web, newsletter or agenda export becomes, one table a preset; and that no address is kept."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aggregations.conditions import holds
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.performances import performances
from aggregations.records import records
from aggregations.venue import Venue
from privacy.errors import GovernanceRefusal

EXPORTS = Path(__file__).parents[1] / "examples" / "exports"
SHARED = Path(__file__).parents[2] / "shared" / "data"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "theatre"))


def becomes(venue: Venue, name: str) -> list[str]:
    """Load one example; return what it says became of each row, as lines of a table."""
    receipt = ingest(venue, [EXPORTS / name])
    said: list[tuple[int, str]] = []
    for row in records(venue, "interactions").collect().to_dicts():
        shown = (row["kind"], f"{row['at']:%m-%d %H:%M}", row["family"], row["referrer"], row["region"], row["country"])
        said.append((row["source_row"], " ".join(str(value or "-") for value in shown)))
    for path in venue.quarantine.glob("*.csv"):
        refused = pl.read_csv(path).to_dicts()
        said += [(row["line"], f"quarantined, {row['column']}: {row['reason']}") for row in refused]
    lost = [f"left out {rows}, {reason}" for reason, rows in receipt.dropped.items()]
    return [f"{line} {what}" for line, what in sorted(said)] + lost


def programme(venue: Venue, name: str) -> list[str]:
    """Load one example of the event side; return the venue's performances and what was not one."""
    receipt = ingest(venue, [EXPORTS / name])
    assert receipt.frames.keys() == {"programme"}, "no person, no ticket"
    rows = performances(venue).sort("performance_at", "family").to_dicts()
    said = [
        f"{row['performance_at']:%Y-%m-%d %H:%M} {row['family']}"
        + (" young" if row["young_audience"] else "")
        + (f" {row['capacity']} seats" if row["capacity"] else "")
        for row in rows
    ]
    refused = [f"quarantined {rows}, {reason}" for reason, rows in receipt.quarantined.items()]
    return said + [f"left out {rows}, {reason}" for reason, rows in receipt.dropped.items()] + refused


# --- people -----------------------------------------------------------------------------------------

TABLES = {
    "weblog.log": """
        1 pageview 10-03 18:15 danse - - -
        3 pageview 10-03 18:16 cirque_rue - - -
        4 pageview 10-04 07:00 cirque_rue - - -
        10 pageview 10-03 18:21 unknown - - -
        11 quarantined, person: missing
        left out 1, a file, not a page
        left out 2, a robot
        left out 1, not answered with a page
        left out 2, not the request of a page
    """,
    "caddy.log": """
        1 pageview 10-03 18:15 danse - - -
        left out 1, a file, not a page
        left out 2, a robot
    """,
    "nginx_json.log": """
        1 pageview 10-03 18:15 danse - - -
        4 quarantined, person: missing
        left out 1, a robot
        left out 1, not answered with a page
    """,
    # 3 is a link away, 4 a download, 5 a video; 7 has a zero date; the page of 8 is in no table
    "matomo_tables": """
        2 pageview 11-22 20:00 danse search 11 FR
        3 search 11-22 20:01 danse search 11 FR
        7 pageview 11-23 20:00 cirque_rue direct - CH
        8 quarantined, at: missing
        9 quarantined, kind: missing
        left out 3, not a page or a search
    """,
    # three files, so lines repeat: who left subscribed before; times are UTC; 1000 is 01000
    "mailchimp": """
        2 subscribe 02-01 07:00 unknown newsletter - CA
        2 subscribe 04-12 07:30 danse newsletter 84 FR
        2 unsubscribe 05-15 16:45 unknown newsletter - CA
        3 subscribe 05-01 12:00 unknown newsletter - -
        4 subscribe 05-02 12:00 unknown newsletter 84 FR
        5 quarantined, person: missing
        6 quarantined, at: missing
        left out 1, an address that takes no mail
    """,
    # 4 is 3 again; 6 and 7 have no consent; 8 says it has one, of nobody
    "ga4.jsonl": """
        1 pageview 10-03 18:15 danse search 11 FR
        3 order 10-03 18:15 cirque_rue unknown 11 FR
        5 search 10-03 18:15 unknown unknown - CH
        8 quarantined, person: missing
        left out 1, not a page, a search or an order
        left out 1, the same ticket twice
        left out 2, without consent
    """,
}


@pytest.mark.parametrize("name", TABLES)
def test_what_each_row_becomes(venue: Venue, name: str) -> None:
    assert becomes(venue, name) == [line.strip() for line in TABLES[name].strip().splitlines()]


@pytest.mark.parametrize("name", TABLES)
def test_no_address_and_no_contact_is_in_the_records(venue: Venue, name: str) -> None:
    ingest(venue, [EXPORTS / name])
    written = b"".join(p.read_bytes() for folder in (venue.store, venue.quarantine) for p in folder.rglob("*.*"))
    for value in (b"192.0.2", b"198.51.100", b"2001:db8", b"nina", b"@example.org", b"Firefox", b"theatre.example"):
        assert value not in written
    frame = records(venue, "interactions").collect()
    assert frame["person"].dtype == pl.UInt64


def log_line(ip: str, at: str, agent: str = FIREFOX, page: str = "/danse/") -> str:
    return f'{ip} - - [{at}] "GET {page} HTTP/1.1" 200 1 "-" "{agent}"\n'


def test_a_logs_visitor_is_an_address_and_a_browser_on_one_day_of_the_venue(venue: Venue, tmp_path: Path) -> None:
    late, past = "03/Oct/2026:23:59:00 +0200", "04/Oct/2026:00:01:00 +0200"
    (tmp_path / "access.log").write_text(
        log_line("192.0.2.1", "03/Oct/2026:08:00:00 +0200")
        + log_line("192.0.2.1", late)
        + log_line("192.0.2.1", past)  # still the third in UTC
        + log_line("192.0.2.2", late)
        + log_line("192.0.2.1", late, FIREFOX.replace("121", "122")),
        "utf-8",
    )
    ingest(venue, [tmp_path / "access.log"])
    a, b, c, d, e = records(venue, "interactions").sort("source_row").collect()["person"]
    assert a == b
    assert len({a, c, d, e}) == 4


def test_a_log_is_exempt_and_stays_so(venue: Venue) -> None:
    """A visitor number is no contact: it never meets the newsletter's, whatever a log says of its user."""
    ingest(venue, [EXPORTS / "weblog.log"])
    ingest(venue, [EXPORTS / "mailchimp"])
    frame = records(venue, "interactions").collect()
    assert set(frame.filter(source="weblog")["consent_regime"]) == {"exempt_audience"}
    assert not set(frame.filter(source="weblog")["person"]) & set(frame.filter(source="mailchimp")["person"])


def test_a_contact_under_the_exemption_is_refused(venue: Venue) -> None:
    from dataclasses import replace

    exempt = replace(venue, consent={"mailchimp": "exempt_audience"})
    with pytest.raises(GovernanceRefusal):
        ingest(exempt, [EXPORTS / "mailchimp"])


def test_a_log_read_again_longer_adds_its_new_lines_only(venue: Venue, tmp_path: Path) -> None:
    lines = [log_line("192.0.2.1", f"03/Oct/2026:20:{minute:02}:00 +0200") for minute in range(3)]
    (tmp_path / "a.log").write_text("".join(lines[:2]), "utf-8")
    (tmp_path / "b.log").write_text("".join(lines), "utf-8")
    ingest(venue, [tmp_path / "a.log"])
    assert ingest(venue, [tmp_path / "b.log"]).frames == {"interactions": 1}
    assert records(venue, "interactions").collect().height == 3


@pytest.mark.parametrize(
    ("agent", "robot"),
    [
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", True),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", True),
        ("curl/8.1.2", True),
        ("python-requests/2.32", True),
        (FIREFOX, False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1", False),
    ],
)  # fmt: skip
def test_robots_are_known_by_the_public_list(agent: str, robot: bool) -> None:
    frame = pl.DataFrame({"agent": [agent, None]})
    assert frame.select(holds({"agent": ("crawler!",)})).to_series().to_list() == [robot, False]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("*",), [True, True, False]),
        (("",), [False, False, True]),
        (("YES",), [True, False, False]),
        (("!yes",), [False, True, True]),
        (("~^[YN]",), [True, True, False]),
        (("!~^Y",), [False, True, True]),
        (("no", ""), [False, True, True]),
    ],
)
def test_conditions(values: tuple[str, ...], expected: list[bool]) -> None:
    frame = pl.DataFrame({"a": ["Yes", "No", None]})
    assert frame.select(holds({"a": values})).to_series().to_list() == expected


def test_ga4_in_parquet_says_the_same_as_in_json_lines(venue: Venue, tmp_path: Path) -> None:
    """BigQuery types numbers in Parquet, and writes them as text in JSON; columns may be missing in either."""
    other = add_venue(Venue("autre", "Autre", "theatre", "38185", folder=tmp_path / "autre"))
    (other.folder / "keys" / "person.key").write_bytes((venue.folder / "keys" / "person.key").read_bytes())
    typed = pl.read_ndjson(EXPORTS / "ga4.jsonl", infer_schema_length=None).with_columns(
        pl.col("event_timestamp", "event_bundle_sequence_id").cast(pl.Int64)
    )
    typed.write_parquet(tmp_path / "events.parquet")
    ingest(venue, [EXPORTS / "ga4.jsonl"])
    ingest(other, [tmp_path / "events.parquet"])
    one, two = (records(v, "interactions").sort("source_row").collect() for v in (venue, other))
    assert one.equals(two)


def test_matomo_tables_in_parquet_have_visitors_in_bytes(venue: Venue, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for path in (EXPORTS / "matomo_tables").iterdir():
        table = pl.read_csv(path, null_values=["NULL", r"\N"], infer_schema=False)
        if "idvisitor" in table.columns:
            table = table.with_columns(pl.col("idvisitor").str.decode("hex"))
        table.write_parquet(folder / f"{path.stem}.parquet")
    assert ingest(venue, [folder]).frames == {"interactions": 3}
    assert records(venue, "interactions").collect()["person"].n_unique() == 2


def test_matomo_without_its_names_cannot_tell_a_page(venue: Venue) -> None:
    receipt = ingest(venue, [EXPORTS / "matomo_tables" / "log_link_visit_action.csv"])
    assert receipt.rows_kept == 0
    assert receipt.quarantined == {"kind: missing": 7}


# --- programmes -------------------------------------------------------------------------------------

PROGRAMMES = {
    "openagenda.json": """
        2026-10-03 18:30 danse
        2026-10-04 15:00 danse
        2026-10-10 08:00 theatre_recit young
        left out 1, not published
        left out 1, postponed or cancelled
        quarantined 1, performance_at: missing
    """,
    "datatourisme.csv": """
        2026-06-30 22:00 pluri_autre
        2026-10-02 22:00 danse
        2026-11-06 23:00 danse
        2026-11-30 23:00 theatre_recit young
        left out 1, a year that cannot be
        left out 1, the same ticket twice
        left out 1, without a date
    """,
    "datatourisme.json": """
        2026-10-02 22:00 danse
        left out 1, a year that cannot be
    """,
    "schema_org.json": """
        2026-10-03 18:30 danse 400 seats
        2026-10-09 22:00 theatre_recit young
        2026-10-11 18:30 cirque_rue
        left out 1, postponed or cancelled
        left out 1, without a date
        quarantined 1, performance_at: unreadable
    """,
}


@pytest.mark.parametrize("name", PROGRAMMES)
def test_what_each_event_becomes(venue: Venue, name: str) -> None:
    assert programme(venue, name) == [line.strip() for line in PROGRAMMES[name].strip().splitlines()]


@pytest.mark.parametrize("form", ["object", "list", "lines", "graph", "printed"])
def test_json_ld_may_be_written_in_any_way(venue: Venue, tmp_path: Path, form: str) -> None:
    """A value alone or in a list, an object alone, in a list, in a graph or on a line."""
    event: dict[str, Any] = {"@type": "DanceEvent", "name": "Le Lac", "startDate": "2026-10-03T20:30:00+02:00"}
    other = event | {"@type": ["DanceEvent"], "name": ["Le Lac"], "startDate": ["2026-10-04T20:30:00+02:00"]}
    text = {
        "object": json.dumps(event),
        "printed": json.dumps(event, indent=1),
        "list": json.dumps([event, other]),
        "lines": json.dumps(event) + "\n" + json.dumps(other),
        "graph": json.dumps({"@context": {"@vocab": "https://schema.org/"}, "@graph": [event, other]}, indent=2),
    }[form]
    (tmp_path / "a.jsonld").write_text(text, "utf-8")
    rows = 1 if form in ("object", "printed") else 2
    assert ingest(venue, [tmp_path / "a.jsonld"]).frames == {"programme": rows}
    assert set(performances(venue)["family"]) == {"danse"}
    assert performances(venue)["performance_at"].min() == datetime(2026, 10, 3, 18, 30, tzinfo=UTC)


# --- real files, where they are beside the project --------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("caddy_json.log", 3),
        ("common_complete.log", 1),
        ("gandi.log", 2),
        ("ncsa_extended.log", 1),
        ("nginx_json.log", 2),
    ],
)
def test_real_logs_of_many_servers(venue: Venue, tmp_path: Path, name: str, rows: int) -> None:
    source = SHARED / "matomo" / "logs" / name
    if not source.exists():
        pytest.skip("real logs are not beside the project")
    receipt = ingest(venue, [source])
    assert receipt.preset == "weblog"
    assert (receipt.rows_read, receipt.rows_quarantined) == (rows, 0)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert ingest(venue, [packed]).frames == {}, "the same rows"
