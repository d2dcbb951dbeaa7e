"""The command line, as a steward and a partner use it: results, languages, exit codes."""

from __future__ import annotations

import errno
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.cli import app, main

COMMANDS = [
    "demo",
    "venue",
    "inspect",
    "ingest",
    "optouts",
    "match",
    "coop",
    "crossings",
    "plan-campaign",
    "pull",
    "steward",
    "quality",
    "quarantine",
    "events",
    "sibil",
    "statements",
    "plan",
    "preview",
    "release",
    "outbox",
    "approve",
    "refuse",
    "withdraw",
    "governance",
    "push",
    "forget",
    "purge",
    "register",
    "accept",
    "report",
    "takeaway",
    "catalogue",
    "sql",
    "partner",
    "serve",
    "extract",
    "mirror",
    "suggest",
    "brief",
    "lift",
    "ledger",
    "explain",
    "verify",
]
WORD = "Ornithorynque"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Jauge = Callable[..., Said]


@pytest.fixture
def jauge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Jauge:
    monkeypatch.setenv("JAUGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JAUGE_LANG", "en")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["jauge", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


def export(path: Path, people: int = 1500) -> Path:
    """A neutral export: each person one ticket in December 2025."""
    day = datetime.fromisoformat("2025-12-05T20:00+01:00")
    pl.DataFrame([
        {"order_id": f"c{i}", "email": f"p{i}@example.org", "event": WORD, "genre": "danse", "performance_id": f"s{i % 20}",
         "performance_at": (day + timedelta(days=i % 20)).isoformat(), "purchased_at": (day - timedelta(days=i % 90)).isoformat(),
         "tariff": "Plein tarif", "unit_price_cents": 2500, "quantity": 1 + i % 2, "channel": "web", "status": "paid",
         "postal_code": ("75011", "93200", "69001")[i % 3], "birth_year": 1950 + i % 60} for i in range(people)
    ]).write_csv(path)  # fmt: skip
    return path


@pytest.fixture
def loaded(jauge: Jauge, tmp_path: Path) -> Jauge:
    assert jauge("venue", "add", "theatre", "--name", "Théâtre", "--commune", "75056").code == 0
    assert jauge("ingest", "theatre", str(export(tmp_path / "billets.csv"))).code == 0
    return jauge


def test_every_command_is_there_and_teaches(jauge: Jauge) -> None:
    top = jauge("--help")
    assert top.code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", top.out, re.MULTILINE), command
        said = jauge(command, "--help")
        assert said.code == 0
        assert len(said.out) > 200
    assert {c.name or c.callback.__name__ for c in app.registered_commands} | {
        "venue",
        "partner",
        "governance",
        "coop",
    } == set(COMMANDS)  # type: ignore[union-attr]
    for code in ("0 done", "1 fault", "2 wrong usage", "10 ", "11 ", "12 ", "13 ", "14 "):
        assert code in re.sub(r"\s+", " ", top.out)


def test_sibil_asks_for_what_is_missing_then_drafts(
    loaded: Jauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "home" / "venues" / "theatre"
    asked = loaded("sibil", "theatre", "2025-T4")
    assert asked.code == 12
    assert "[declares]" in asked.err
    assert not (folder / "declarations").exists()
    with (folder / "venue.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[declares]\nvat = "2.1"\ndomains = { danse = "danse_creation" }\nplace = { address = "1 quai", postal_code = "75004", type = "THEATRE" }\n'
        )
    (folder / "venue.toml").write_text("capacity = 900\n" + (folder / "venue.toml").read_text("utf-8"), "utf-8")
    drafted = loaded("sibil", "theatre", "2025-T4")
    assert drafted.code == 0, drafted.err
    assert "tickets 2250, receipts €56,250.00" in drafted.out
    assert (folder / "declarations" / "sibil" / "2025-T4" / "declarations.json").exists()
    monkeypatch.setenv("JAUGE_LANG", "fr")
    assert "Tous les contrôles passent" in loaded("sibil", "theatre", "2025-T4").out
    unsent = loaded("sibil", "theatre", "2025-T4", "--send")
    assert (unsent.code, "[sibil]" in unsent.err) == (1, True)
    assert "trimestre civil" in loaded("sibil", "theatre", "2025-2026-T2").err


def test_statements_are_written_for_a_season_a_quarter_or_a_civil_quarter(loaded: Jauge, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "venues" / "theatre" / "declarations" / "statements"
    for period in ("2025-2026", "2025-2026-T2", "2025-T4"):
        said = loaded("statements", "theatre", period)
        assert said.code == 0
        assert "Missing: the rate of VAT" in said.out
        assert (folder / period / "season.en.html").exists() == (period == "2025-2026")
    assert loaded("statements", "theatre").code == 0
    assert loaded("statements", "theatre", "2025").code == 1


@pytest.mark.slow
def test_from_export_to_sql(loaded: Jauge, tmp_path: Path) -> None:
    before = loaded("preview", "theatre", "2025-2026-T2")
    assert "12.5 % of the season's budget" in before.out
    first = loaded("release", "theatre", "2025-2026-T2")
    assert first.code == 0
    assert "epsilon = 1.30" in first.out
    again = loaded("release", "theatre", "2025-2026-T2")
    assert "Already sealed: the same bytes, nothing charged." in again.out
    assert "accepted" in loaded("accept").out
    assert "The inbox is empty." in loaded("accept").out
    question = "select provenance, people, people_low, people_high from provenance where people is not null order by 1"
    rows = json.loads(loaded("sql", question, "--format", "json").out)
    assert [r["provenance"] for r in rows] == ["commune", "epci", "france"]
    assert all(abs(r["people"] - 500) < 6 * 15 and r["people_low"] < r["people"] < r["people_high"] for r in rows)
    assert loaded("sql", question, "--format", "csv").out.startswith("provenance,people,people_low,people_high\n")
    assert "commune" in loaded("sql", question).out
    assert loaded("report").code == 0
    page = (tmp_path / "home" / "hub" / "reports" / "fr" / "theatre.html").read_text("utf-8")
    assert "Théâtre" in page
    book = loaded("ledger", "theatre").out
    assert "12.5 %" in book
    assert "87.5 % left" in book


@pytest.mark.slow
def test_the_stewards_page_is_in_the_venues_folder_and_the_hub_has_none(loaded: Jauge, tmp_path: Path) -> None:
    said = loaded("steward", "theatre")
    page = tmp_path / "home" / "venues" / "theatre" / "steward" / "index.en.html"
    assert said.code == 0
    assert str(page) in said.out
    assert "Théâtre" in page.read_text("utf-8")
    assert not list((tmp_path / "home" / "hub").rglob("*.html"))


@pytest.mark.slow
def test_a_push_shows_what_the_hub_decided_and_ends_with_14_where_it_refused(
    loaded: Jauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nothing may leave yet" in loaded("push", "theatre").out
    loaded("release", "theatre", "2025-2026-T2")
    assert "at the hub, not decided yet" in loaded("push", "theatre").out
    rules = tmp_path / "home" / "hub" / "governance.toml"
    with_it = rules.read_text("utf-8")
    rules.write_text(with_it.split("[venues")[0], "utf-8")
    assert loaded("accept").code == 14
    monkeypatch.setenv("JAUGE_LANG", "fr")
    refused = loaded("push", "theatre")
    assert refused.code == 14
    assert "refusée" in refused.out
    assert "member : ce lieu n’est pas membre du hub" in refused.out
    rules.write_text(with_it, "utf-8")
    assert loaded("push", "theatre", "--again").code == 0
    assert loaded("accept").code == 0
    assert "acceptée" in loaded("push", "theatre").out


@pytest.mark.slow
def test_changed_rows_are_told_and_a_revision_is_charged(loaded: Jauge, tmp_path: Path) -> None:
    loaded("release", "theatre", "2025-2026-T2")
    loaded("ingest", "theatre", str(export(tmp_path / "more.csv", 1600)))
    told = loaded("release", "theatre", "2025-2026-T2")
    assert "The records have changed since; --revise" in told.out
    revised = loaded("release", "theatre", "2025-2026-T2", "--revise")
    assert "revision 2" in revised.out
    assert "75.0 % left" in loaded("ledger", "theatre").out


@pytest.mark.slow
def test_an_exhausted_budget_is_a_refusal_with_its_own_code(loaded: Jauge, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert loaded("release", "theatre", "2025-2026", "--revise").code == 0
    refused = loaded("release", "theatre", "2025-2026", "--revise")
    assert refused.code == 11
    assert "needs 37.5 % of the budget and 25.0 % is left" in refused.err
    assert "Traceback" not in refused.err
    monkeypatch.setenv("JAUGE_LANG", "fr")
    assert "demande 37.5 % du budget" in loaded("release", "theatre", "2025-2026", "--revise").err


def test_records_that_fail_a_check_are_a_refusal(jauge: Jauge) -> None:
    jauge("venue", "add", "vide", "--name", "Vide", "--commune", "75056")
    refused = jauge("release", "vide", "2025-2026-T2")
    assert refused.code == 12
    assert "there are transactions" in refused.err


def test_a_policy_without_a_table_for_the_venue_is_a_refusal(loaded: Jauge, tmp_path: Path) -> None:
    packaged = (Path(__file__).parents[1] / "privacy" / "policy.toml").read_text("utf-8")
    head, tables = packaged.split("[tables.loyalty]")
    (tmp_path / "policy.toml").write_text(
        head + "[tables.admissions]" + tables.split("[tables.admissions]")[1], "utf-8"
    )
    assert loaded("release", "theatre", "2025-2026-T2", "--policy", str(tmp_path / "policy.toml")).code == 10


def test_explain_and_verify(loaded: Jauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "epsilon = 4, delta = 1e-07" in loaded("explain").out
    loaded("release", "theatre", "2025-2026-T2")
    (folder,) = (tmp_path / "home" / "venues" / "theatre" / "outbox").glob("[!.]*")
    assert "±" in loaded("explain", folder.name).out
    assert "Verified:" in loaded("verify", str(folder)).out
    monkeypatch.setenv("JAUGE_LANG", "fr")
    assert "cases montrées sur" in loaded("explain", folder.name).out
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    table = copy / "tables" / "schedule.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    refused = loaded("verify", str(copy))
    assert refused.code == 14
    assert refused.err.startswith("digest :")


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("ledger", "nowhere"), 1, "`jauge venue add nowhere`"),
    (("release", "nowhere", "2025-2026"), 1, "There is no venue nowhere"),
    (("preview", "theatre", "2025"), 1, "A period is written"),
    (("venue", "add", "theatre", "--name", "x", "--commune", "75056"), 1, "exists already"),
    (("venue", "add", "Bad Id", "--name", "x", "--commune", "75056"), 1, "lower-case"),
    (("venue", "add", "other", "--name", "x", "--commune", "99999"), 1, "No commune of France"),
    (("verify", "nothing"), 1, "no release of that name"),
    (("sql", "drop table releases"), 1, "One SELECT at a time"),
    (("sql", "select nothing from nowhere"), 1, "no answer"),
    (("release", "theatre"), 2, "PERIOD"),
    (("fly",), 2, "fly"),
])  # fmt: skip
def test_faults_say_what_to_do(loaded: Jauge, arguments: tuple[str, ...], code: int, said: str) -> None:
    if arguments[0] == "sql":
        loaded("accept")
    result = loaded(*arguments)
    assert (result.code, said in result.err) == (code, True), result.err
    assert "Traceback" not in result.err


def test_inspect_writes_nothing_and_shows_no_value_unasked(jauge: Jauge, tmp_path: Path) -> None:
    file = tmp_path / "billets.csv"
    file.write_text(export(file).read_text("utf-8").replace("Plein tarif", WORD, 3), "utf-8")
    quiet = jauge("inspect", str(file))
    assert quiet.code == 0
    assert "kept: transactions 1500" in quiet.out
    assert "1 labels no vocabulary knows, on 3 rows" in quiet.out
    assert WORD not in quiet.out
    assert WORD in jauge("inspect", str(file), "--show-values").out
    assert not (tmp_path / "home").exists()


def test_loading_says_what_was_kept_and_why_not_the_rest(loaded: Jauge, tmp_path: Path) -> None:
    file = export(tmp_path / "bad.csv", 50)
    file.write_text(file.read_text("utf-8").replace("2025-12-06T20:00:00+01:00", WORD), "utf-8")
    said = loaded("ingest", "theatre", str(file))
    assert said.code == 0
    assert "quarantined 3" in said.out
    (listed,) = (tmp_path / "home" / "venues" / "theatre" / "quarantine").iterdir()
    assert WORD not in listed.read_text("utf-8")
    assert WORD not in said.out + said.err
    assert "already loaded" in loaded("ingest", "theatre", str(file)).out


@pytest.mark.slow
def test_someone_is_forgotten_without_being_named(
    loaded: Jauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed unseen or read from a file, never an argument; what is left makes the command fail."""
    who = "p7@example.org"
    assert loaded("forget", "theatre", who).code == 2
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: f" {who}, p8@example.org")
    done = loaded("forget", "theatre")
    assert done.code == 0
    assert "Asked for 2, found 2; raw exports removed: 1." in done.out
    assert "found nothing" in done.out
    assert who not in done.out + done.err
    (tmp_path / "home" / "venues" / "theatre" / "note.txt").write_text(who, "utf-8")
    (tmp_path / "asked.csv").write_text(f'Courriel\n"{who}"\n\n', "utf-8")
    monkeypatch.setenv("JAUGE_LANG", "fr")
    failed = loaded("forget", "theatre", "--file", str(tmp_path / "asked.csv"))
    assert (failed.code, "venues/theatre/note.txt" in failed.err) == (1, True)
    assert "Demandés : 1, trouvés : 0" in failed.out
    assert "Plus personne dont" in loaded("purge", "theatre").out
    pages = loaded("register", "theatre").out.split()
    assert "effacement (art. 17)" in Path(pages[0]).read_text("utf-8")


def test_an_unknown_file_names_the_presets(loaded: Jauge, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"a,b\n{WORD},2\n", "utf-8")
    said = loaded("ingest", "theatre", str(tmp_path / "x.csv"))
    assert said.code == 1
    assert "pretix" in said.err
    assert WORD not in said.err


def test_a_file_nobody_has_seen(loaded: Jauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proposed, drafted, completed by one edit, loaded by one command; next month's needs nothing."""
    file, mapping = tmp_path / "entrees.csv", tmp_path / "musee.toml"
    lines = [f"{day}/10/2025;{WORD if day == 20 else 'Plein tarif'};{day};{day * 10},00" for day in range(11, 31)]
    file.write_text("\n".join(["Date de visite;Tarif;Nb visiteurs;Recette", *lines]), "cp1252")
    told = loaded("inspect", str(file), "--draft", str(mapping))
    assert told.code == 0
    assert re.search(r"Nb visiteurs +│ count +│ the header says so", told.out)
    assert WORD not in told.out + told.err + mapping.read_text("utf-8")
    assert loaded("inspect", str(file), "--draft", str(mapping)).code == 1  # never written over
    pending = loaded("ingest", "theatre", str(file), "--mapping", str(mapping))
    assert (pending.code, "fields.kind is to complete" in pending.err) == (1, True)
    mapping.write_text(
        mapping.read_text("utf-8").replace('# kind = { constant = "sold" }', 'kind = { constant = "sold" }'), "utf-8"
    )
    tried = loaded("inspect", str(file), "--mapping", str(mapping)).out
    assert "kept: counts 20" in tried
    assert WORD not in tried
    shown = loaded("inspect", str(file), "--mapping", str(mapping), "--show-values").out
    assert WORD in shown
    assert "kept 20" in loaded("ingest", "theatre", str(file), "--mapping", str(mapping)).out
    later = tmp_path / "novembre.csv"
    later.write_text(file.read_text("cp1252").replace("/10/", "/11/"), "cp1252")
    monkeypatch.setenv("JAUGE_LANG", "fr")
    assert "novembre.csv (musee): chargé" in loaded("ingest", "theatre", str(later)).out
    assert "peut être" in loaded("inspect", str(file)).out
    known = loaded("inspect", str(export(tmp_path / "b.csv", 5)), "--draft", str(tmp_path / "b.toml"))
    assert (known.code, "neutral connaît ce fichier" in known.err) == (1, True)


def test_near_words_come_as_lines_to_paste(loaded: Jauge, tmp_path: Path) -> None:
    file = export(tmp_path / "near.csv", 10)
    file.write_text(file.read_text("utf-8").replace("danse", "Dance contemporaine").replace(WORD, ""), "utf-8")
    quiet = loaded("inspect", str(file)).out
    assert "nearest codes (labels, rows): danse (1, 10)" in quiet
    assert '"…" = "danse"' in quiet
    assert "Dance contemporaine" not in quiet
    shown = loaded("inspect", str(file), "--show-values").out
    assert "venue.toml: [families]" in shown
    assert '"Dance contemporaine" = "danse"' in shown


@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
])  # fmt: skip
def test_a_full_disk_is_a_sentence(jauge: Jauge, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("pipelines.demo.join", full)
    said = jauge("venue", "add", "theatre", "--name", "Théâtre", "--commune", "75056")
    assert said.code == 1
    assert said.err.startswith("The disk is full. Nothing is half-done")
    monkeypatch.setenv("JAUGE_LANG", "fr")
    assert "libérez de la place" in jauge("venue", "add", "theatre", "--name", "T", "--commune", "75056").err


def test_another_fault_of_the_system_is_not_called_a_full_disk(jauge: Jauge, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("pipelines.demo.join", broken)
    with pytest.raises(OSError, match="Input/output"):
        jauge("venue", "add", "theatre", "--name", "Théâtre", "--commune", "75056")
