"""From a venue's exports to its sketch: the cooperative's key, who has a match, who is in a sketch, what never leaves."""

from __future__ import annotations

import hmac
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from canary import contents
from test_rights import tickets
from test_tables import PARIS, T2, frame, ticket
from typer.testing import CliRunner

from aggregations import engines, removal
from aggregations.audience import audience
from aggregations.cooperative import buckets, hold_key, match_key, new_key
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.matches import adopt, files, unmatched
from aggregations.persons import numbers_of
from aggregations.publication import offer, publisher, release
from aggregations.records import records
from aggregations.register import write_register
from aggregations.rights import forget, purge
from aggregations.tables import Records
from aggregations.venue import Venue
from pipelines.cli import app
from privacy.calendar import Period
from privacy.errors import Fault, GovernanceRefusal
from privacy.release import deliver
from privacy.sketch import gather_sketch, key_id, season_key
from tests.releases import small_policy
from warehouse.amendments import register
from warehouse.governance import Hub
from warehouse.inbox import accept

POLICY = small_policy("provenance")
[REACH] = POLICY.sketches
ROOT = bytes(range(32))
SEASON = Period.parse("2025-2026")


def made(folder: Path, key: bytes = ROOT, name: str = "theatre") -> Venue:
    venue = add_venue(Venue(name, "Théâtre du Lac", "theatre", "38185", folder=folder / "venues" / name))
    if key:
        hold_key(venue, written(folder / f"{name}.key", key))
    return venue


def written(file: Path, key: bytes) -> Path:
    file.write_text(key.hex())
    return file


def export(folder: Path, *contacts: str | None, name: str = "t.csv") -> Path:
    rows = [(f"{name}{i}", f"{name}{i}", contact, "2025-10") for i, contact in enumerate(contacts)]
    return tickets(folder / "raw" / name, rows)


def match(address: str, key: bytes = ROOT) -> int:
    return int.from_bytes(hmac.digest(key, b"match\0" + address.encode(), "sha256")[:8])


def matches(venue: Venue) -> dict[int, int]:
    return dict(pl.concat([pl.read_parquet(f) for f in files(venue)]).iter_rows()) if files(venue) else {}


def test_one_person_has_one_match_at_every_venue_of_the_key_and_unrelated_numbers_otherwise(tmp_path: Path) -> None:
    one, other, stranger = (
        made(tmp_path, key, name) for key, name in ((ROOT, "one"), (ROOT, "other"), (b"x" * 32, "stranger"))
    )
    for venue, address in ((one, "Ana+opera@example.org"), (other, " ana@EXAMPLE.org"), (stranger, "ana@example.org")):
        ingest(venue, [export(tmp_path, address, None, name=f"{venue.id}.csv")])
    assert set(matches(one).values()) == set(matches(other).values()) == {match("ana@example.org")}
    assert set(matches(stranger).values()) == {match("ana@example.org", b"x" * 32)}
    assert (
        matches(one).keys()
        == set(numbers_of(["ana@example.org"], one.person_key, "FR")["person"]) & matches(one).keys()
    )
    assert not matches(one).keys() & matches(other).keys()


def test_without_the_key_no_match_is_made_and_no_sketch_published(tmp_path: Path) -> None:
    venue = made(tmp_path, b"")
    ingest(venue, [export(tmp_path, "ana@example.org")])
    assert (match_key(venue), files(venue), publisher(venue).sketches(POLICY, SEASON)) == (b"", [], ())
    assert release(venue, SEASON, POLICY).release.sketches == {}


def test_a_key_is_a_file_of_its_owner_made_once(tmp_path: Path) -> None:
    name = new_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(Fault, match="cannot be made"):
        new_key(tmp_path / "key")
    venue = made(tmp_path, b"")
    assert adopt(venue, tmp_path / "key") == name == key_id(match_key(venue))
    assert stat.S_IMODE((venue.folder / "keys" / "match.key").stat().st_mode) == 0o600
    for wrong in ("", "00" * 31, "no key", "é"):
        (tmp_path / "wrong").write_text(wrong)
        with pytest.raises(Fault, match="holds no key of a cooperative"):
            adopt(venue, tmp_path / "wrong")
    with pytest.raises(Fault, match="holds no key"):
        adopt(venue, tmp_path / "nowhere")
    assert key_id(match_key(venue)) == name


def test_a_venue_that_gets_the_key_late_reads_its_raw_exports_again_and_says_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAUGE_LANG", "en")
    venue, early = made(tmp_path, b""), export(tmp_path, "ana@example.org", name="early.csv")
    gone, kept = ingest(venue, [early]), ingest(venue, [export(tmp_path, "bo@example.org", name="kept.csv")])
    (venue.inbox / gone.files[0]).unlink()
    run = CliRunner()
    assert run.invoke(app, ["coop", "new-key", "--file", str(tmp_path / "k")]).exit_code == 0
    told = run.invoke(app, ["venue", "match-key", "theatre", "--file", str(tmp_path / "k"), "--home", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "1 exports that the store holds were loaded without this key" in told.output
    assert [r.id for r in unmatched(venue)] == [gone.id]
    key = match_key(venue)
    assert set(matches(venue).values()) == {match("bo@example.org", key)}
    again = ingest(venue, [early])
    assert again.already
    assert unmatched(venue) == []
    assert set(matches(venue).values()) == {match("ana@example.org", key), match("bo@example.org", key)}
    assert records(venue, "transactions").collect().height == 2
    assert ingest(venue, [early]).already
    assert kept.id != gone.id


def test_another_key_takes_the_matches_of_the_one_before(tmp_path: Path) -> None:
    venue = made(tmp_path)
    ingest(venue, [export(tmp_path, "ana@example.org")])
    adopt(venue, written(tmp_path / "same", ROOT))
    assert len(files(venue)) == 1
    adopt(venue, written(tmp_path / "new", b"n" * 32))
    assert (files(venue), len(unmatched(venue))) == ([], 1)
    counts = gather_sketch(offer(venue, SEASON), REACH)
    assert counts.sum() == 0


def test_telephones_vendors_numbers_and_orders_have_no_match(tmp_path: Path) -> None:
    venue, path = made(tmp_path), tmp_path / "raw" / "p.csv"
    path.parent.mkdir()
    path.write_text(
        "order_id,ticket_id,email,phone,performance_id,performance_at,purchased_at,status,price\n"
        "1,1,,0612345678,p,2025-10-05 20:00,2025-10-01 10:00,paid,10\n"
        "2,2,client-77,,p,2025-10-05 20:00,2025-10-01 10:00,paid,10\n"
        "3,3,,,p,2025-10-05 20:00,2025-10-01 10:00,paid,10\n",
        "utf-8",
    )
    ingest(venue, [path])
    assert records(venue, "transactions").collect().height == 3
    assert matches(venue) == {}


# --- who is in a sketch -----------------------------------------------------------------------------------------


def people(*rows: dict[str, Any], sketch: Any = REACH) -> pl.DataFrame:
    """The audience of T2; a row's `match` is 1000 + the person's number unless it says."""
    matched = pl.Series("match", [row.get("match", 1000 + row["person"]) for row in rows], pl.UInt64)
    known = frame("transactions", list(rows)).collect().with_columns(matched).lazy()
    told = Records(known, pl.LazyFrame(), pl.LazyFrame(), PARIS)
    return audience(told, sketch, T2, ROOT).collect().sort("person")


def test_a_person_is_there_once_with_one_value_of_each_attribute() -> None:
    rows = [
        ticket(1, "2026-01-10", birth_year=1970, match=7, purchased_at=None),
        ticket(1, "2026-01-12", birth_year=1971, match=5, performance_ref=2),
        ticket(1, "2024-01-12", match=9, performance_ref=3),
    ]
    found = people(*rows)
    assert found.equals(people(*reversed(rows)))
    assert found.columns == ["person", "bucket", "age_band", "loyalty", "provenance"]
    key = season_key(ROOT, "2025-2026")
    bucket = int.from_bytes(hmac.digest(key, b"bucket\x005", "sha256")[:8]) % REACH.buckets
    assert found.row(0) == (1, bucket, "40-59", "regulier", "commune")


@pytest.mark.parametrize("out", [
    {"match": None}, {"status": "cancelled"}, {"is_test": True}, {"is_group": True}, {"is_reseller": True},
    {"is_school": True}, {"quantity": 61}, {"sensitive": True}, {"birth_year": 2012}, {"minor": True},
    {"performance_at": ticket(1, "2025-10-10")["performance_at"]},
])  # fmt: skip
def test_who_is_not_comparable_or_no_audience_is_left_out_whole(out: dict[str, Any]) -> None:
    assert people(ticket(1, "2026-01-10"), ticket(2, "2026-01-10", **out))["person"].to_list() == [1]


def test_resellers_are_told_by_all_their_tickets_and_groups_by_having_nothing_else() -> None:
    rows = [ticket(1, "2026-01-10", quantity=40), ticket(1, "2026-01-11", quantity=21)]
    assert people(*rows).is_empty()
    assert people(ticket(1, "2026-01-10", is_group=True), ticket(1, "2026-01-11")).height == 1


def test_records_under_the_audience_exemption_are_refused(tmp_path: Path) -> None:
    """The exemption from consent holds without any cross-checking only (CNIL): never in a sketch, not even one row of it."""
    with pytest.raises(GovernanceRefusal, match="put into no sketch") as refusal:
        people(ticket(1, "2026-01-10"), ticket(2, "2020-01-10", consent_regime="exempt_audience"))
    assert refusal.value.exit_code == 13
    assert (
        people(ticket(1, "2026-01-10"), ticket(2, "2026-01-10", consent_regime="exempt_audience", match=None)).height
        == 1
    )
    venue = replace(made(tmp_path), consent={"neutral": "exempt_audience"})
    with pytest.raises(GovernanceRefusal):
        ingest(venue, [export(tmp_path, "ana@example.org")])
    assert files(venue) == []


def test_interactions_make_no_match(tmp_path: Path) -> None:
    """Who only clicks or reads is in no sketch: tickets alone make matches, whatever the regime of the rest."""
    venue, path = made(tmp_path), tmp_path / "raw" / "i.csv"
    path.parent.mkdir()
    path.write_text("email,kind,at\nana@example.org,click,2025-10-05 20:00\n", "utf-8")
    receipt = ingest(venue, [path])
    assert receipt.frames == {"interactions": 1}
    assert matches(venue) == {}


def test_buckets_are_even_and_another_seasons_are_unrelated() -> None:
    numbers = pl.DataFrame({"match": pl.Series(range(20_000), dtype=pl.UInt64)})
    one, other = (numbers.select(buckets(pl.col("match"), ROOT, s, 64)).to_series() for s in ("2025-2026", "2026-2027"))
    assert 0.009 < (one == other).mean() < 0.023
    spread = one.value_counts()["count"].to_numpy()
    assert len(spread) == 64
    assert ((spread - 312.5) ** 2 / 312.5).sum() < 63 + 6 * (2 * 63) ** 0.5


# --- the whole way ----------------------------------------------------------------------------------------------


CROWD = [f"spectator{i}@example.org" for i in range(1500)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venue's season with its sketch, delivered to and accepted by a hub."""
    folder = tmp_path_factory.mktemp("home")
    venue, hub = made(folder), Hub(folder / "hub")
    ingest(venue, [export(folder, *CROWD)])
    (folder / "theatre.key").unlink()
    out = release(venue, SEASON, POLICY).release
    assert out.manifest["sketches"]["reach"]["parts"]
    register(hub, id=venue.id, name=venue.name, kind=venue.kind, commune=venue.commune, public_key=venue.public_key)
    deliver(out.folder, hub.inbox)
    [decision] = accept(hub)
    assert decision.outcome == "accepted", decision
    return folder


def test_the_sketch_counts_the_people_in_their_buckets(home: Path) -> None:
    venue = Venue("theatre", "", "theatre", "38185", folder=home / "venues" / "theatre")
    exact = gather_sketch(offer(venue, SEASON), REACH)[: REACH.buckets]
    key = season_key(ROOT, "2025-2026")
    want = [
        int.from_bytes(hmac.digest(key, b"bucket\0" + str(match(a)).encode(), "sha256")[:8]) % REACH.buckets
        for a in CROWD
    ]
    assert exact.tolist() == [want.count(bucket) for bucket in range(REACH.buckets)]


def test_parts_of_the_records_give_the_same_sketch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue("theatre", "", "theatre", "38185", folder=home / "venues" / "theatre")
    whole = gather_sketch(offer(venue, SEASON), REACH)
    monkeypatch.setattr(engines, "_SAMPLE", 100)
    monkeypatch.setattr(engines, "PART", 2**13)
    assert gather_sketch(offer(venue, SEASON), REACH).tolist() == whole.tolist()


def test_neither_match_nor_key_is_in_any_release_or_at_the_hub(home: Path) -> None:
    """In any writing: hexadecimal, decimal, bytes of either end. And the search would find them where they are."""
    secrets = [ROOT, season_key(ROOT, "2025-2026"), *(match(a).to_bytes(8) for a in CROWD[:20])]
    written = [form for s in secrets for form in (s, s[::-1], s.hex().encode(), str(int.from_bytes(s)).encode())]
    held = contents(home)
    held |= {
        n: content + pl.read_parquet(home / n).write_json().encode()
        for n, content in held.items()
        if n.endswith(".parquet")
    }
    kept = {name for name, content in held.items() if any(form in content for form in written)}
    out = {name for name in held if name.startswith(("hub/", "venues/theatre/outbox/"))}
    assert len(out) > 10
    assert not kept & out
    assert {name.split("/")[2] for name in kept} == {"keys", "store"}


# --- people's rights ----------------------------------------------------------------------------------------------


def test_who_is_forgotten_has_no_match_any_more(tmp_path: Path) -> None:
    venue = made(tmp_path)
    ingest(venue, [export(tmp_path, "ana@example.org", "bo@example.org")])
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in files(venue):  # someone took one: the search that proves it sees her match there
        (copy / file.name).write_bytes(pl.read_parquet(file).select("match").write_csv().encode())
    left = forget(venue, ["ana@example.org"], elsewhere=[copy]).search.left
    assert [file.parent for file in left] == [copy]
    assert set(matches(venue).values()) == {match("bo@example.org")}
    ingest(venue, [export(tmp_path, "ana@example.org", "cy@example.org", name="later.csv")])
    assert set(matches(venue).values()) == {match("bo@example.org"), match("cy@example.org")}


def test_who_is_seen_no_longer_has_no_match_any_more(tmp_path: Path) -> None:
    from datetime import date

    venue = made(tmp_path)
    ingest(venue, [export(tmp_path, "ana@example.org")])
    purge(venue, date(2026, 11, 1))
    assert len(matches(venue)) == 1
    purge(venue, date(2030, 1, 1))
    assert matches(venue) == {}


def test_killed_while_rows_leave_the_next_purge_takes_the_match_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    venue = made(tmp_path)
    ingest(venue, [export(tmp_path, "ana@example.org", "bo@example.org")])
    for moment in ("_take_out", "_take_out_matches"):
        with monkeypatch.context() as patch:
            patch.setattr(removal, moment, stop)
            with pytest.raises(KeyboardInterrupt):
                forget(venue, ["ana@example.org"])
    purge(venue)
    assert set(matches(venue).values()) == {match("bo@example.org")}


def test_a_load_killed_before_its_match_is_written_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aggregations import ingest as loading

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    venue, file = made(tmp_path), export(tmp_path, "ana@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(loading, "write_matches", stop)
        with pytest.raises(KeyboardInterrupt):
            ingest(venue, [file])
    assert files(venue) == []
    assert not ingest(venue, [file]).already
    assert set(matches(venue).values()) == {match("ana@example.org")}


def test_the_register_says_that_a_second_number_is_kept_where_it_is(tmp_path: Path) -> None:
    for key, name in ((ROOT, "one"), (b"", "other")):
        page = write_register(made(tmp_path, key, name), POLICY)[1].read_text("utf-8")
        assert ("holds its cooperative’s key" in page) == bool(key)
