"""From canonical records to contributions: who adds what to which cell."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from ascii import rows as table_of
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregations.schema import FRAMES
from aggregations.segments import Home
from aggregations.tables import Records, contributions
from privacy.calendar import Period
from privacy.domains import EXACT
from privacy.errors import Fault
from privacy.gathering import bound
from privacy.policy import Policy, read_policy

PARIS = Home("75056", "200054781", "75", "11", "Europe/Paris")
T2 = Period.parse("2025-2026-T2")
DEFAULTS: dict[str, Any] = {
    "row_ref": 0, "order_ref": 1, "identified": True, "performance_ref": 1, "tariff": "plein", "unit_price_cents": 2500,
    "quantity": 1, "channel": "web", "status": "paid", "country": "FR", "commune": "75056", "epci": "200054781",
    "departement": "75", "region": "11", "consent_regime": "contract", "kind": "pageview", "family": "danse",
    "referrer": "direct", "count": 1,
}  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "T19:00+00:00")


def frame(name: str, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    schema = FRAMES[name]
    return pl.LazyFrame([{c: (DEFAULTS | r).get(c) for c in schema} for r in rows], schema=schema)


def venue(
    transactions: list[dict[str, Any]] = [],  # noqa: B006  # never changed
    interactions: list[dict[str, Any]] = [],  # noqa: B006
    counts: list[dict[str, Any]] = [],  # noqa: B006
) -> Records:
    kinds = (("transactions", transactions), ("interactions", interactions), ("counts", counts))
    return Records(*(frame(n, r) for n, r in kinds), home=PARIS)


def ticket(person: int, day: str, **more: Any) -> dict[str, Any]:
    return {"person": person, "performance_at": at(day), "purchased_at": at("2025-12-01"), **more}


def exact(policy: Policy, table: str, records: Records) -> dict[tuple[str, ...], int]:
    t = policy.table(table)
    cells = bound(contributions(records, (t,), T2), t, t.measures[:1]).cells.filter(pl.col(EXACT) > 0)
    return {row[:-2]: row[-2] for row in cells.iter_rows()}


def test_only_what_was_played_in_the_period_and_paid_or_free_counts(policy: Policy) -> None:
    rows = [
        ticket(1, "2026-01-10"), ticket(2, "2026-01-10", status="free"), ticket(3, "2026-01-10", status="refunded"),
        ticket(4, "2026-01-10", status="cancelled"), ticket(5, "2026-01-10", status="pending"),
        ticket(6, "2026-01-10", is_test=True), ticket(7, "2026-03-10"), ticket(8, "2025-11-10"),
    ]  # fmt: skip
    assert exact(policy, "schedule", venue(rows)) == {("weekend_soir",): 2}


def test_a_person_has_one_provenance_the_latest_known(policy: Policy) -> None:
    rows = [
        ticket(1, "2026-01-10", purchased_at=at("2025-12-01")),
        ticket(1, "2026-01-11", purchased_at=at("2025-12-20"), commune="69123", departement="69", epci="x", region="84"),
        ticket(1, "2026-01-12", purchased_at=at("2025-12-30"), commune=None, departement=None, epci=None, region=None, country=None),
    ]  # fmt: skip
    for order in (rows, rows[::-1]):
        assert exact(policy, "provenance", venue(order)) == {("france",): 1}
        assert exact(policy, "departement", venue(order)) == {("69",): 1}


def test_the_known_audience_has_those_who_did_not_come_too(policy: Policy) -> None:
    rows = [
        ticket(1, "2026-01-10", birth_year=1990),
        ticket(2, "2024-01-10"),
        ticket(3, "2021-01-10"),
        ticket(4, "2026-03-10"),
    ]
    assert exact(policy, "loyalty", venue(rows)) == {
        ("primo", "25-39"): 1,
        ("a_reactiver", "unknown"): 1,
        ("endormi", "unknown"): 1,
    }


def test_a_sensitive_performance_is_in_no_fine_table(policy: Policy) -> None:
    """It counts where people come from and when, not what they like; and shows no genre under any policy."""
    rows = [ticket(1, "2026-01-10", sensitive=True), ticket(2, "2026-01-10"), ticket(3, "2026-01-10", family=None)]
    assert exact(policy, "family", venue(rows)) == {("danse", "commune"): 1, ("unknown", "commune"): 1}
    assert exact(policy, "price", venue(rows)) == {("plein", "20-35"): 2}
    assert exact(policy, "provenance", venue(rows)) == {("commune",): 3}
    lax = dataclasses.replace(policy.table("family"), leaves_out=())
    open_policy = dataclasses.replace(policy, tables=(lax,))
    assert exact(open_policy, "family", venue(rows)) == {("danse", "commune"): 1, ("unknown", "commune"): 2}


def test_who_may_be_a_minor_is_in_no_table_of_genres(policy: Policy) -> None:
    """T2 begins in December 2025. Whoever turned 18 in that year may still be 17; one record that says so is enough."""
    spec = table_of("""
        person | born | minor | in a table of genres
        1      | 2006 | -     | yes
        2      | 2007 | -     | no
        3      | 2012 | -     | no
        4      | -    | -     | yes
        5      | -    | yes   | no
        6      | 1980 | yes   | no
    """)
    rows = [
        ticket(int(r["person"]), "2026-01-10", minor=r["minor"] == "yes", birth_year=None if r["born"] == "-" else int(r["born"]))
        for r in spec
    ]  # fmt: skip
    silent = [ticket(int(r["person"]), "2026-01-11", family="projection") for r in spec]
    later = [ticket(4, "2026-03-10", birth_year=2012)]  # after the period: not looked at
    for told in ([*rows, *silent, *later], [*later, *silent, *rows]):
        expected = sum(r["in a table of genres"] == "yes" for r in spec)
        assert exact(policy, "family", venue(told)) == {
            ("danse", "commune"): expected,
            ("projection", "commune"): expected,
        }
        assert exact(policy, "departement", venue(told)) == {("75",): len(spec)}


@pytest.mark.parametrize("flag", ["is_group", "is_school", "is_reseller"])
def test_who_buys_for_others_only_has_no_loyalty(policy: Policy, flag: str) -> None:
    rows = [ticket(1, "2026-01-10", **{flag: True}), ticket(2, "2026-01-10", **{flag: True}), ticket(2, "2026-01-11")]
    assert exact(policy, "loyalty", venue(rows)) == {("unknown", "unknown"): 1, ("primo", "unknown"): 1}


def test_a_row_tells_its_own_family_and_no_one_elses(policy: Policy) -> None:
    """Rows of one performance that disagree: each counts where it says, whatever the majority says."""
    rows = [
        ticket(1, "2026-01-10", family="danse"),
        ticket(2, "2026-01-10", family="projection"),
        ticket(3, "2026-01-10", family="projection"),
    ]
    assert exact(policy, "family", venue(rows)) == {("danse", "commune"): 1, ("projection", "commune"): 2}


def test_receipts_and_tickets_are_added_up(policy: Policy) -> None:
    rows = [ticket(1, "2026-01-10", quantity=3), ticket(1, "2026-01-11", unit_price_cents=None)]
    got = contributions(venue(rows), (policy.table("price"),), T2).sort("revenue").collect()
    assert got.select("tickets", "revenue", "price_band").rows() == [(1, 0, "unknown"), (3, 7500, "20-35")]


def test_interactions_count_visitors_and_topics(policy: Policy) -> None:
    rows = [{"person": p, "at": at("2026-01-10"), "kind": k, "family": f}
            for p, k, f in ((1, "pageview", "danse"), (1, "pageview", "danse"), (2, "click", "projection"), (3, "unsubscribe", "danse"))]  # fmt: skip
    assert exact(policy, "topics", venue(interactions=rows)) == {("danse", "commune"): 1, ("projection", "commune"): 1}


def test_counts_are_admissions_without_people(policy: Policy) -> None:
    rows = [
        {"performance_at": at("2026-01-10"), "kind": "counter", "count": 7},
        {"performance_at": at("2026-01-11"), "kind": "counter", "count": 5},
    ]
    assert exact(policy, "admissions", venue(counts=rows)) == {("danse", "counter"): 12}


def test_a_dimension_that_the_records_do_not_have_is_named(policy: Policy) -> None:
    strange = dataclasses.replace(policy.table("admissions"), dimensions=policy.table("price").dimensions)
    with pytest.raises(Fault, match="no dimension price_band on counts"):
        contributions(venue(), (strange,), T2)


@settings(max_examples=12)
@given(order=st.permutations(range(12)))
def test_row_order_does_not_matter(order: list[int]) -> None:
    policy = read_policy()
    rows = [ticket(i % 4, f"2026-01-{10 + i}", order_ref=i // 2, performance_ref=i, quantity=1 + i % 3, birth_year=1980 + i,
                   purchased_at=at(f"2025-12-{10 + i // 2}"), commune=("75056", "93066", None)[i % 3]) for i in range(12)]  # fmt: skip
    for name in ("loyalty", "provenance", "channel", "price", "anticipation"):
        t = policy.table(name)
        one, other = (
            bound(contributions(venue(r), (t,), T2), t, t.measures).cells for r in (rows, [rows[i] for i in order])
        )
        assert one.equals(other)


@given(data=st.data())
def test_one_persons_records_change_only_their_own_contributions(data: st.DataObject) -> None:
    """Segments are decided from a person's own records: everyone else's contributions stay as they were."""
    policy = read_policy()
    day = st.integers(0, 700).map(lambda d: datetime.fromisoformat("2024-06-01T19:00+00:00").timestamp() + d * 86400)
    some = st.builds(lambda p, d, o, q: ticket(p, "2026-01-10", performance_at=datetime.fromtimestamp(d, tz=at("2026-01-01").tzinfo), order_ref=p * 100 + o, quantity=q),
                     st.integers(1, 5), day, st.integers(0, 3), st.integers(1, 9))  # fmt: skip
    rows = data.draw(st.lists(some, max_size=15))
    more = [r | {"person": 99} for r in data.draw(st.lists(some, max_size=8))]  # also in orders of others
    for name in ("loyalty", "family", "channel", "anticipation"):
        t = policy.table(name)
        alone = contributions(venue(rows), (t,), T2).collect()
        together = contributions(venue(rows + more), (t,), T2).filter(pl.col("person") != 99).collect()
        assert sorted(alone.rows()) == sorted(together.rows())
