"""Segments, as tables someone of the field can read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest
from ascii import rows

from aggregations import segments
from aggregations.schema import INSTANT
from aggregations.segments import Home
from privacy.calendar import Period

PARIS = Home("75056", "200054781", "75", "11", "Europe/Paris")
T2 = Period.parse("2025-2026-T2")  # December 2025 to February 2026


def instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text + "+00:00") if text else None


def check(spec: str, schema: dict[str, pl.DataType], expr: pl.Expr) -> None:
    lines = rows(spec)
    frame = pl.DataFrame(
        {c: [instant(r[c]) if t == INSTANT else (r[c] or None) for r in lines] for c, t in schema.items()},
        schema={c: t if t == INSTANT else pl.String() for c, t in schema.items()},
    ).cast(schema)  # type: ignore[arg-type]
    expected = [r["segment"] for r in lines]
    actual = frame.select(expr.alias("_"))["_"].to_list()

    assert expected == actual


def test_provenance() -> None:
    check(
        """
        country | commune | epci      | departement | region | segment
        FR      | 75056   | 200054781 | 75          | 11     | commune
        FR      | 93066   | 200054781 | 93          | 11     | epci
        FR      | 75999   | 999999999 | 75          | 11     | departement
        FR      | 78646   | 247800584 | 78          | 11     | region
        FR      | 2A004   | 242010056 | 2A          | 94     | france
        FR      | 97411   | 249740119 | 974         | 04     | france
        BE      |         |           |             |        | etranger
                |         |           |             |        | unknown
        FR      |         |           |             |        | unknown
        """,
        dict.fromkeys(("country", "commune", "epci", "departement", "region"), pl.String()),
        segments.provenance(PARIS),
    )


def test_departement() -> None:
    check(
        """
        country | departement | segment
        FR      | 2B          | 2B
        FR      | 974         | 974
        CH      |             | etranger
                |             | unknown
        """,
        dict.fromkeys(("country", "departement"), pl.String()),
        segments.departement(),
    )


def test_age() -> None:
    check(
        """
        birth_year | segment
        2012       | 0-14
        2011       | 0-14
        2010       | 15-24
        2001       | 15-24
        2000       | 25-39
        1985       | 40-59
        1966       | 40-59
        1965       | 60+
        1905       | 60+
        1904       | unknown
        2030       | unknown
                   | unknown
        """,
        {"birth_year": pl.Int16()},
        segments.age_band(T2),
    )


def test_anticipation_counts_local_days() -> None:
    check(
        """
        purchased_at     | performance_at   | segment
        2026-01-10T18:00 | 2026-01-10T19:30 | jour_meme
        2026-01-10T23:30 | 2026-01-11T19:30 | jour_meme
        2026-01-12T09:00 | 2026-01-11T19:30 | jour_meme
        2026-01-10T09:00 | 2026-01-11T19:30 | semaine
        2026-01-04T09:00 | 2026-01-11T19:30 | semaine
        2026-01-03T09:00 | 2026-01-11T19:30 | mois
        2025-12-11T09:00 | 2026-01-11T19:30 | mois
        2025-12-10T09:00 | 2026-01-11T19:30 | 3_mois
        2025-10-11T09:00 | 2026-01-11T19:30 | 3_mois
        2025-10-10T09:00 | 2026-01-11T19:30 | 6_mois
        2025-07-12T09:00 | 2026-01-11T19:30 | 6_mois
        2025-07-11T09:00 | 2026-01-11T19:30 | avant
                         | 2026-01-11T19:30 | unknown
        """,
        {"purchased_at": INSTANT, "performance_at": INSTANT},
        segments.anticipation("Europe/Paris"),
    )


def test_price() -> None:
    check(
        """
        unit_price_cents | segment
        0                | gratuit
        1                | 0-10
        999              | 0-10
        1000             | 10-20
        1999             | 10-20
        2000             | 20-35
        3499             | 20-35
        3500             | 35-50
        4999             | 35-50
        5000             | 50+
                         | unknown
        """,
        {"unit_price_cents": pl.Int64()},
        segments.price_band(),
    )


def test_schedule_is_local() -> None:
    check(
        """
        performance_at   | segment
        2026-01-09T13:30 | semaine_journee
        2026-01-09T16:59 | semaine_journee
        2026-01-09T17:00 | semaine_soir
        2026-07-10T16:00 | semaine_soir
        2026-01-09T23:30 | weekend_journee
        2026-01-10T14:00 | weekend_journee
        2026-01-11T19:30 | weekend_soir
                         | unknown
        """,
        {"performance_at": INSTANT},
        segments.schedule("Europe/Paris"),
    )


def test_a_period_starts_and_ends_at_local_midnight() -> None:
    frame = pl.DataFrame(
        {"at": [instant(t) for t in ("2025-11-30T22:59", "2025-11-30T23:00", "2026-02-28T22:59", "2026-02-28T23:00")]},
        schema={"at": INSTANT},
    )
    assert frame.select(segments.within("at", T2, "Europe/Paris"))["at"].to_list() == [False, True, True, False]


def test_party_size_adds_up_the_order() -> None:
    frame = pl.DataFrame({
        "person": [1, 1, 2, 3, 3], "order_ref": [1, 1, 1, 3, 3], "performance_ref": [1, 1, 1, 1, 2], "quantity": [1, 1, 12, 3, 1],
    })  # fmt: skip
    assert frame.select(segments.group_size().alias("_"))["_"].to_list() == ["2", "2", "10+", "3-4", "1"]


def known(visits: list[dict[str, Any]]) -> pl.LazyFrame:
    alone = (pl.lit(None, pl.Boolean).alias(flag) for flag in ("is_group", "is_school", "is_reseller"))
    return pl.LazyFrame(visits).with_columns(pl.col("performance_at").cast(INSTANT), *alone)


@pytest.mark.parametrize("backwards", [False, True])
def test_loyalty(backwards: bool) -> None:
    """Visits of each person; T2 ends on 1 March 2026. Two tickets for one performance are one visit."""
    spec = rows("""
        person | visits                                                                  | segment
        1      | 2025-12-05                                                              | primo
        2      | 2025-12-05 2025-12-05 2026-01-05                                        | primo
        3      | 2025-06-01                                                              | occasionnel
        4      | 2024-06-01 2025-12-05                                                   | occasionnel
        5      | 2025-06-01 2025-12-05                                                   | regulier
        6      | 2025-04-01 2025-05-01 2025-06-01 2025-07-01 2025-10-01                  | regulier
        7      | 2025-04-01 2025-05-01 2025-06-01 2025-07-01 2025-10-01 2025-12-05       | fidele
        8      | 2025-02-20                                                              | a_reactiver
        9      | 2023-03-02                                                              | a_reactiver
        10     | 2023-02-20                                                              | endormi
        11     | 2025-06-01 2026-03-05                                                   | occasionnel
    """)
    visits = [
        {"person": int(r["person"]), "identified": True, "performance_ref": hash(v) % 10**9, "performance_at": instant(v + "T19:00")}
        for r in spec for v in r["visits"].split()
    ]  # fmt: skip
    frame = known(visits[::-1] if backwards else visits)
    actual = dict(segments.loyalty(frame, T2, "Europe/Paris").collect().iter_rows())

    assert {int(r["person"]): r["segment"] for r in spec} == actual


def test_someone_without_a_contact_has_no_loyalty() -> None:
    visit = {"person": 1, "identified": False, "performance_ref": 1, "performance_at": instant("2026-01-05T19:00")}
    frame = known([visit])
    assert segments.loyalty(frame, T2, "Europe/Paris").collect()["loyalty"].to_list() == ["unknown"]
