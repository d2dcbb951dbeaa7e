"""One person across a venue's systems, and what she said last in any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ascii import rows as table_of
from typer.testing import CliRunner

from aggregations.consents import objecting, objections
from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.records import records
from aggregations.venue import Venue
from pipelines.cli import app

HEAD = "order_id;performance_at;purchased_at;email;phone;consent_marketing"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=tmp_path / "venues" / "theatre"))


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def billetweb(path: Path, email: str) -> Path:
    ticket: dict[str, Any] = {
        "id": "1", "event": "7", "event_name": "Giselle", "event_start": "2026-12-05 20:00:00", "order_id": "12",
        "order_email": email, "email": email, "order_session": "0", "order_date": "2026-09-01 10:00:00", "ticket": "Plein",
        "price": "20.00", "disabled": "0", "order_paid": "1", "order_payment_type": "web", "used": "0",
    }  # fmt: skip
    path.write_text(json.dumps([ticket]), "utf-8")
    return path


def test_a_person_is_one_in_all_systems_of_a_venue(venue: Venue, tmp_path: Path) -> None:
    ingest(venue, [written(tmp_path / "push.csv", HEAD, "1;2026-10-03 20:00;2026-09-01 10:00;Ana+lac@example.org;;")])
    ingest(venue, [billetweb(tmp_path / "billetweb.json", " ANA@example.org")])
    brevo = "EMAIL;EMAIL_BLACKLISTED;ADDED_TIME;MODIFIED_TIME"
    ingest(venue, [written(tmp_path / "brevo.csv", brevo, "ana@example.org;No;01-01-2026 10:00;01-01-2026 10:00")])
    people = [records(venue, frame).collect()["person"] for frame in ("transactions", "interactions")]
    assert people[0].len() == 2
    assert set(people[0]) == set(people[1])
    assert len(set(people[0])) == 1


def test_a_telephone_stands_for_a_person_only_where_there_is_no_address(venue: Venue, tmp_path: Path) -> None:
    told = table_of("""
        email           | phone             | person
        ana@example.org | 06 12 34 56 78    | A
                        | 06 12 34 56 78    | B
                        | +33 6 12 34 56 78 | B
                        | 06 99 99 99 99    | C
        ana@example.org |                   | A
    """)
    lines = [f"{i};2026-10-03 20:00;2026-09-01 10:00;{r['email']};{r['phone']};" for i, r in enumerate(told)]
    ingest(venue, [written(tmp_path / "push.csv", HEAD, *lines)])
    rows = records(venue, "transactions").sort("source_row").collect()
    letters = {person: r["person"] for person, r in zip(rows["person"], told, strict=True)}
    assert [letters[person] for person in rows["person"]] == [r["person"] for r in told]
    assert len(letters) == 3
    assert rows["identified"].all()


# Months of 2026 in which she said yes or no: in the newsletter tool, and by a box at a purchase.
SPEC = """
    person | newsletter yes | newsletter no | purchase yes | purchase no | objects
    ana    | 1              |               |              |             | no
    bea    | 1              | 3             |              |             | yes
    cleo   | 1              | 3             | 5            |             | no
    dina   | 1              | 3             | 2            |             | yes
    eva    | 1              |               |              | 4           | no
    fay    |                |               |              | 4           | no
    gia    |                | 3             | 3            |             | yes
"""


def test_an_opt_out_in_the_newsletter_reaches_the_box_office(venue: Venue, tmp_path: Path) -> None:
    spec = table_of(SPEC)
    said = ["kind,at,email,consent_marketing,consent_regime"]
    bought = [HEAD]
    for r in spec:
        email = f"{r['person']}@example.org"
        said += [f"subscribe,2026-0{r['newsletter yes']}-01 10:00,{email},yes,consent"] * bool(r["newsletter yes"])
        said += [f"unsubscribe,2026-0{r['newsletter no']}-01 10:00,{email},no,consent"] * bool(r["newsletter no"])
        for word in ("yes", "no"):
            if month := r[f"purchase {word}"]:
                bought.append(f"{len(bought)};2026-10-03 20:00;2026-0{month}-01 10:00;{email};;{word}")
    for path in (written(tmp_path / "said.csv", *said), written(tmp_path / "bought.csv", *bought)):
        ingest(venue, [path])
    assert objections(venue).collect().height == sum(r["objects"] == "yes" for r in spec)
    contacts = [f"Nom {i};{r['person'].upper()}@example.org;06" for i, r in enumerate(spec)] + [
        "x;nobody@example.org;06"
    ]
    expected = sorted(f"{r['person'].upper()}@example.org" for r in spec if r["objects"] == "yes")
    assert objecting(venue, contacts) == expected

    file = tmp_path / "contacts.csv"
    file.write_bytes("\n".join(["Prénom;Courriel;Tél.", *contacts]).encode("cp1252"))
    done = CliRunner().invoke(app, ["optouts", "theatre", str(file), "--home", str(tmp_path)])
    assert (done.exit_code, done.stdout.split()) == (0, expected)
