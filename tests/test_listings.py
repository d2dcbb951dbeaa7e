"""What exports tell the public of performances: one row each, in words, out of the columns a preset names and no other."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aggregations.announcing import TYPES, tells
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.listings import listings
from aggregations.mapping import Emit, Field, presets
from aggregations.performances import performances
from aggregations.receipt import receipts
from aggregations.schema import LISTINGS
from aggregations.venue import Venue

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPORTS = EXAMPLES / "exports"
AGENDA: dict[str, Any] = {
    "uid": 7, "title": {"fr": "Le Lac"}, "description": {"fr": "Court."}, "state": 2, "status": 1,
    "longDescription": {"fr": "Une <b>création</b>. Écrire à lac@theatre.example."}, "conditions": {"fr": "De 12 à 32 €"},
    "image": {"base": "https://images.example/", "filename": "lac.jpg"}, "keywords": {"fr": ["danse"]},
    "timings": [{"begin": "2026-10-03T20:30:00+02:00", "end": "2026-10-03T22:00:00+02:00"}],
    "location": {"name": "Grande salle", "address": "1 quai du Lac", "postalCode": "38000", "city": "Grenoble", "insee": "38185",
                 "latitude": 45.18, "longitude": 5.72},
    "age": {"min": 8, "max": 99}, "accessibility": {"mi": True, "hi": True, "vi": False},
    "registration": [{"type": "email", "value": "lac@theatre.example"}, {"type": "link", "value": "https://billets.example/7"}],
    "updatedAt": "2026-09-01T10:00:00Z",
}  # fmt: skip
CSV = "title;performance_at;hall;description;image;price_min;price_max;accessibility;status\n"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("lac", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "lac"))


def agenda(folder: Path, name: str = "agenda.json", **other: Any) -> Path:
    (file := folder / name).write_text(json.dumps({"events": [AGENDA | other]}), "utf-8")
    return file


def pushed(folder: Path, *lines: str, name: str = "lac.csv") -> Path:
    (file := folder / name).write_text(CSV + "\n".join(lines), "utf-8")
    return file


def test_an_agenda_tells_all_it_has_but_addresses(venue: Venue, tmp_path: Path) -> None:
    receipt = ingest(venue, [agenda(tmp_path)])
    told = listings(venue).row(0, named=True)
    written = pl.read_parquet(venue.store / receipt.id / "listings.parquet")
    assert dict(written.schema) == LISTINGS
    assert (told["title"], told["hall"], told["commune"]) == ("Le Lac", "Grande salle", "38185")
    assert told["description"] == "Une création . Écrire à .", "markup is gone, and the address"
    assert (told["image"], told["ticket_url"]) == ("https://images.example/lac.jpg", "https://billets.example/7")
    assert (told["accessibility"], told["keywords"]) == (["hi", "mi"], ["danse"])
    assert (told["age_min"], told["age_max"], told["latitude"]) == (8, 99, 45.18)
    assert told["ends_at"] == datetime(2026, 10, 3, 20, tzinfo=UTC)
    assert not written.select(pl.col(pl.String).str.contains("@").any()).row(0).count(True)


def test_tickets_tell_a_performance_once_however_many_they_are(venue: Venue) -> None:
    receipt = ingest(venue, [EXAMPLES / "pretix"])
    told = listings(venue)
    assert receipt.frames["transactions"] > 900
    assert told.height == told["performance_ref"].n_unique() == 18
    assert {*told["performance_ref"]} <= {*performances(venue)["performance_ref"]}
    assert told["title"].null_count() == told["address"].null_count() == 0
    assert told["price_min_cents"].null_count() == 18, (
        "a price is of a list, which quotas.json would tell, never of a ticket"
    )


def test_a_cancelled_evening_is_told_the_public_and_is_in_no_programme(venue: Venue, tmp_path: Path) -> None:
    receipt = ingest(venue, [agenda(tmp_path, status=6)])
    assert (receipt.frames, listings(venue)["status"].to_list()) == ({}, ["cancelled"])


def test_a_vendor_may_push_its_programme_in_the_neutral_format(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [pushed(tmp_path, "Le Lac;2026-10-03 20:30;Studio;;javascript:alert(1);12,50;32;mi|zz;cancelled")])
    told = listings(venue).row(0, named=True)
    assert (told["price_min_cents"], told["price_max_cents"]) == (1250, 3200)
    assert (told["accessibility"], told["status"], told["image"]) == (["mi"], "cancelled", None)


def test_an_agenda_speaks_before_a_till_and_each_where_the_other_is_silent(venue: Venue, tmp_path: Path) -> None:
    files = [
        agenda(tmp_path),
        pushed(tmp_path, "LE LAC;2026-10-03 20:30;Studio;Une autre;;12;32;;"),
        agenda(tmp_path, "later.json", description={"fr": "Mieux."}, longDescription=None, updatedAt="2026-09-02T10:00:00Z"),
    ]  # fmt: skip
    answers = []
    for number, order in enumerate((files, files[::-1], files[1:] + files[:1])):
        one = add_venue(Venue("lac", "Lac", "theatre", "38185", folder=tmp_path / str(number) / "lac"))
        shutil.copyfile(venue.folder / "keys" / "person.key", one.folder / "keys" / "person.key")
        for file in order:
            ingest(one, [file])
        answers.append(listings(one).to_dicts())
    assert all(answer == answers[0] for answer in answers), "whatever the order of loading"
    (told,) = answers[0]
    assert (told["title"], told["hall"], told["description"]) == ("Le Lac", "Grande salle", "Mieux.")
    assert told["price_min_cents"] == 1200


def test_a_new_title_takes_the_place_of_the_old_one(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [agenda(tmp_path)])
    ingest(venue, [agenda(tmp_path, "later.json", title={"fr": "Le Grand Lac"}, updatedAt="2026-09-02T10:00:00Z")])
    assert listings(venue)["title"].to_list() == ["Le Grand Lac"]


def test_a_performance_that_an_agenda_moved_is_where_it_moved_to(venue: Venue, tmp_path: Path) -> None:
    moved = [{"begin": "2026-10-10T20:30:00+02:00", "end": "2026-10-10T22:00:00+02:00"}]
    for name, told in (("later.json", {"timings": moved, "updatedAt": "2026-09-02T10:00:00Z"}), ("agenda.json", {})):
        ingest(venue, [agenda(tmp_path, name, **told)])
    assert listings(venue)["performance_at"].dt.day().to_list() == [10]


def test_a_store_from_before_listings_reads_as_none(venue: Venue, tmp_path: Path) -> None:
    receipt = ingest(venue, [agenda(tmp_path)])
    (venue.store / receipt.id / "listings.parquet").unlink()
    assert listings(venue).is_empty()
    assert receipts(venue.store)[0].frames == {"programme": 1}


@pytest.mark.parametrize("name", sorted(presets()))
def test_no_column_that_tells_who_or_from_where_someone_is_becomes_public(name: str) -> None:
    def columns(fields: tuple[Field, ...]) -> set[str]:
        return {c for one in fields for c in one.columns}

    def private(emit: Emit) -> set[str]:
        who = {c for columns, _ in emit.person for c in columns} | {*emit.order, *emit.daily}
        where = (
            "postal_code",
            "city",
            "country",
            "birth_year",
            "purchased_at",
            "tariff",
            "unit_price_cents",
            "attended",
        )
        return who | {c for field in where for c in columns(emit.fields.get(field, ()))}

    for emit in presets()[name].emits:
        told = {c for fields in ({"title": emit.title} | emit.listing.fields).values() for c in columns(fields)}
        assert not told & private(emit)
        assert emit.listing.fields.keys() <= TYPES.keys()


def test_every_system_that_has_titles_tells_them() -> None:
    silent = {name for name, one in presets().items() if not any(tells(emit) for emit in one.emits)}
    assert silent == {
        "brevo", "ga4", "mailchimp", "matomo", "matomo_tables", "weblog",  # no performances
        "counter", "secutix", "sibil", "yurplan",  # no titles
    }  # fmt: skip
