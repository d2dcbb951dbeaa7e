"""The ledger: exact, append-only, chained, never over the budget."""

from __future__ import annotations

import sqlite3
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accounting import Cost, season_budget
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.errors import BudgetRefusal, Fault
from privacy.ledger import Ledger
from privacy.policy import read_policy

POLICY = read_policy()
WHOLE = season_budget(POLICY, "person")
EIGHTH: dict[Unit, Cost] = {"person": Cost(WHOLE.rho / 8, WHOLE.delta / 8, WHOLE.shift / 8)}
T1 = Period.parse("2025-2026-T1")


def charge(ledger: Ledger, name: str, period: Period = T1, cost: dict[Unit, Cost] | None = None) -> None:
    ledger.charge(name, period, 1, cost or EIGHTH, POLICY)


def test_charging_an_id_twice_costs_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    charge(ledger, "a")
    charge(ledger, "a")
    charge(Ledger(tmp_path / "l.sqlite"), "a")
    assert Ledger(tmp_path / "l.sqlite").spent("2025-2026")["person"].rho == WHOLE.rho / 8


def test_a_refusal_says_what_would_fit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    for i in range(7):
        charge(ledger, f"r{i}")
    with pytest.raises(BudgetRefusal, match=r"What is left would hold a quarter\. Nothing") as refusal:
        charge(ledger, "season", Period.parse("2025-2026"), {"person": Cost(WHOLE.rho * 3 / 8)})
    assert "suffirait pour un trimestre" in refusal.value.fr


def test_an_id_charged_another_amount_is_a_fault(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    charge(ledger, "a")
    with pytest.raises(Fault, match="another amount"):
        charge(ledger, "a", cost={"person": Cost(Fraction(1, 9))})


def test_a_season_is_never_overspent_and_the_next_has_its_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    for i in range(8):
        charge(ledger, f"r{i}")
    with pytest.raises(BudgetRefusal, match=r"needs 12\.5 % of the budget and 0\.0 % is left") as refusal:
        charge(ledger, "r8")
    assert refusal.value.exit_code == 11
    assert "2025-2026-T1 r1 12.5 %" in refusal.value.fr
    assert "rien du calendrier" in refusal.value.fr
    assert len(Ledger(tmp_path / "l.sqlite").charges) == 8
    charge(ledger, "next", Period.parse("2026-2027-T1"))


@given(parts=st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(1, 2)), max_size=12))
def test_whatever_is_asked_the_sum_stays_within(
    tmp_path_factory: pytest.TempPathFactory, parts: list[Fraction]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite")
    accepted = Fraction(0)
    for i, part in enumerate(parts):
        try:
            charge(ledger, f"r{i}", cost={"person": Cost(part * WHOLE.rho)})
            accepted += part
        except BudgetRefusal:
            assert accepted + part > 1
    assert ledger.spent("2025-2026").get("person", Cost()).rho == accepted * WHOLE.rho
    assert accepted <= 1


def test_entries_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    charge(Ledger(tmp_path / "l.sqlite"), "a")
    db = sqlite3.connect(tmp_path / "l.sqlite")
    for statement in ("delete from entries", "update entries set body = '{}'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()


@pytest.mark.parametrize("tampering", [
    "update entries set body = replace(body, '/', '0/') where seq = 1",
    "delete from entries where seq = 1",
])  # fmt: skip
def test_a_ledger_altered_by_force_stops_everything(tmp_path: Path, tampering: str) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    charge(ledger, "a")
    charge(ledger, "b")
    db = sqlite3.connect(tmp_path / "l.sqlite", isolation_level=None)
    db.execute("drop trigger no_update")
    db.execute("drop trigger no_delete")
    db.execute(tampering)
    db.close()
    with pytest.raises(Fault, match="altered at entry 1"):
        Ledger(tmp_path / "l.sqlite")


def test_two_processes_do_not_both_fit_in_the_same_rest(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "l.sqlite")
    for i in range(7):
        charge(first, f"r{i}")
    outcomes: list[str] = []

    def attempt(name: str) -> None:
        try:
            charge(Ledger(tmp_path / "l.sqlite"), name)
            outcomes.append("paid")
        except BudgetRefusal:
            outcomes.append("refused")

    threads = [threading.Thread(target=attempt, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paid", "refused", "refused", "refused"]


def test_sealing_twice_is_sealing_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    charge(ledger, "a")
    first = ledger.seal("a", "digest", "fingerprint")
    assert ledger.seal("a", "another", "another") == first
    assert Ledger(tmp_path / "l.sqlite").seals == {"a": first}
