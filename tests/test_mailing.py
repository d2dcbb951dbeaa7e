"""A brief becomes addresses inside the venue only: of who fits, who said yes last, and who has not asked to be forgotten."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from ascii import rows as table_of
from canary import contents

from aggregations.acts import acts
from aggregations.consents import consenting, objections
from aggregations.founding import add_venue
from aggregations.inbox import load_inbox
from aggregations.ingest import ingest
from aggregations.mailing import write_mailing
from aggregations.records import records
from aggregations.register import write_register
from aggregations.rights import forget, purge
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.errors import Fault
from privacy.policy import read_policy
from tests.releases import small_policy

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 22)
HEAD = "order_id,performance_at,purchased_at,email,postal_code,birth_year,genre,consent_marketing,is_school,quantity,status"
PEOPLE = table_of("""
    who       | postal | born | genre   | consent | school | fits
    ana       | 38000  | 1990 | danse   | true    |        | yes
    Bob+lac   | 38100  | 1990 | danse   | true    |        | yes
    refusing  | 38000  | 1990 | danse   | false   |        |
    silent    | 38000  | 1990 | danse   |         |        |
    far       | 69001  | 1990 | danse   | true    |        |
    older     | 38000  | 1950 | danse   | true    |        |
    young     | 38000  | 2010 | danse   | true    |        |
    teacher   | 38000  | 1990 | danse   | true    | true   |
    leaver    | 38000  | 1990 | danse   | true    |        |
""")


def brief(folder: Path, *segments: dict[str, str], name: str = "theatre-2025-2026") -> Path:
    file = folder / "brief.json"
    file.write_text(json.dumps({"id": name, "segments": [{"codes": s} for s in segments]}), "utf-8")
    return file


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    """Grenoble, with people each of whom misses one thing; `leaver` says no later, in the newsletter tool."""
    own = add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "venues" / "theatre"))
    lines = [
        f"{i},2026-10-03T20:00:00+02:00,2026-09-01T10:00:00+02:00,{p['who']}@example.org,{p['postal']},{p['born']},{p['genre']},{p['consent'] or ''},{p['school'] or ''},1,paid"
        for i, p in enumerate(PEOPLE)
    ]
    (tmp_path / "sales.csv").write_text("\n".join([HEAD, *lines]) + "\n", "utf-8")
    ingest(own, [tmp_path / "sales.csv"])
    brevo = (
        "EMAIL;EMAIL_BLACKLISTED;ADDED_TIME;MODIFIED_TIME\nleaver@example.org;Yes;01-01-2026 10:00;15-10-2026 10:00\n"
    )
    (tmp_path / "brevo.csv").write_text(brevo, "utf-8")
    ingest(own, [tmp_path / "brevo.csv"])
    return own


NEAR = {"provenance": "commune"}
NEAR_ADULTS = {"age_band": "25-39"}


def addresses(path: Path) -> list[str]:
    return pl.read_csv(path)["email"].to_list()


def test_only_who_fits_and_said_yes_last_is_written_to(venue: Venue, tmp_path: Path) -> None:
    """Each of the others misses one thing: the place, the age, the word, the school's address, the later no."""
    done = write_mailing(venue, brief(tmp_path, NEAR | NEAR_ADULTS), TODAY)
    assert set(addresses(done.path)) == {f"{p['who']}@example.org" for p in PEOPLE if p["fits"]}
    assert (done.found, done.fitting, done.aside, done.unread) == (2, 2, 0, 0)


def test_segments_are_alternatives_and_what_is_no_trait_is_left_aside(venue: Venue, tmp_path: Path) -> None:
    done = write_mailing(
        venue, brief(tmp_path, {"departement": "69"}, {"age_band": "60+", "family": "danse"}, {"channel": "web"}), TODAY
    )
    assert set(addresses(done.path)) == {"far@example.org", "older@example.org"}
    assert done.aside == 1
    with pytest.raises(Fault, match="No segment"):
        write_mailing(venue, brief(tmp_path, {"channel": "web"}), TODAY)


def test_who_consents_and_who_objects_share_nobody(venue: Venue) -> None:
    yes, no = (set(words(venue).collect()["person"]) for words in (consenting, objections))
    assert (len(yes), len(no)) == (6, 1)  # a box left unticked is neither
    assert not yes & no


@pytest.mark.parametrize(
    "text", ['{"id": "../x", "segments": [{"codes": {"age_band": "60+"}}]}', '{"id": "x", "segments": []}', "no", "[]"]
)
def test_a_brief_that_is_none_is_refused_before_anything_is_written(venue: Venue, tmp_path: Path, text: str) -> None:
    (tmp_path / "brief.json").write_text(text, "utf-8")
    with pytest.raises(Fault, match="is no brief"):
        write_mailing(venue, tmp_path / "brief.json", TODAY)
    assert not venue.mailings.exists()


def test_the_file_is_its_owners_and_the_act_says_how_many_never_who(venue: Venue, tmp_path: Path) -> None:
    done = write_mailing(venue, brief(tmp_path, NEAR), TODAY)
    assert done.path.stat().st_mode & 0o777 == 0o600
    assert done.path.parent.stat().st_mode & 0o777 == 0o700
    assert [(a.kind, a.found) for a in acts(venue)] == [("mailing", done.found)]
    assert "example.org" not in venue.acts.read_text("utf-8")
    page = write_register(venue, read_policy(), today=TODAY)[0].read_text("utf-8")
    assert "ciblage de ses contacts consentants" in page


def test_an_export_that_has_left_the_inbox_gives_no_address(venue: Venue, tmp_path: Path) -> None:
    (venue.inbox / "sales.csv").unlink()
    done = write_mailing(venue, brief(tmp_path, NEAR), TODAY)
    assert done.found == 0
    assert done.fitting > 0


def test_forgetting_and_purging_take_the_files_away(venue: Venue, tmp_path: Path) -> None:
    done = write_mailing(venue, brief(tmp_path, NEAR), TODAY)
    assert not forget(venue, ["ana@example.org"]).search.left
    assert not done.path.exists()
    again = tmp_path / "sales.csv"  # the vendor exports everyone again
    ingest(venue, [again])
    (venue.inbox / "sales.csv").write_bytes(again.read_bytes())
    assert "ana@example.org" not in addresses(write_mailing(venue, brief(tmp_path, NEAR), TODAY).path)
    purge(venue, TODAY)
    assert not done.path.exists()


def test_the_inbox_does_not_load_it_and_no_path_leads_out(venue: Venue, tmp_path: Path) -> None:
    """The canary: addresses are in the file, and in nothing else that a load and a release make."""
    from aggregations.publication import release

    done = write_mailing(venue, brief(tmp_path, NEAR), TODAY)
    before = records(venue, "transactions").collect().height
    assert all(entry.name != "mailings" for entry in load_inbox(venue))
    assert records(venue, "transactions").collect().height == before
    release(venue, Period.parse("2026-2027-T1"), small_policy("provenance"))
    assert len(addresses(done.path)) > 1
    found = {name for name, data in contents(tmp_path).items() if name.startswith("venues/") and b"example.org" in data}
    assert found == set()  # `contents` leaves the inbox out, where the file is
    assert list(venue.outbox.iterdir())


def test_only_the_steward_and_the_rights_of_people_reach_it() -> None:
    """No other module of ours imports it or names its folder: neither what makes a release nor what sends one."""
    reach = set()
    for package in ("aggregations", "pipelines", "privacy", "warehouse"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            imports = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
            names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
            if "aggregations.mailing" in imports or "mailings" in names:
                reach.add(path.relative_to(ROOT).as_posix())
    assert reach == {
        "aggregations/mailing.py",
        "aggregations/rights.py",
        "aggregations/inbox.py",
        "pipelines/cli/people.py",
    }
