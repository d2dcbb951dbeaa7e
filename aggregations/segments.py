"""Fixed public bands: which segment a record or a person falls in. Codes are those of `privacy/vocabulary.toml`.

Nothing here depends on other people's records: cut points are constants (domain practice: SecuTix purchase
horizons and visit counts, DEPS ages, SIBIL tariffs), never quantiles. A value that is missing is `unknown`.
Row order never matters: ties are broken by the values themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from privacy.calendar import Period

UNKNOWN = pl.lit("unknown")


@dataclass(frozen=True, slots=True)
class Home:
    """Where the venue is: INSEE codes of its commune, EPCI, département and région, and its time zone."""

    commune: str
    epci: str | None
    departement: str | None
    region: str | None
    timezone: str


def provenance(home: Home) -> pl.Expr:
    """Ring of a record's place around the venue: the smallest one that holds both."""
    return (
        pl.when(pl.col("country").is_not_null() & (pl.col("country") != "FR")).then(pl.lit("etranger"))
        .when(pl.col("commune").is_null()).then(UNKNOWN)
        .when(pl.col("commune") == home.commune).then(pl.lit("commune"))
        .when(pl.col("epci") == pl.lit(home.epci)).then(pl.lit("epci"))
        .when(pl.col("departement") == pl.lit(home.departement)).then(pl.lit("departement"))
        .when(pl.col("region") == pl.lit(home.region)).then(pl.lit("region"))
        .otherwise(pl.lit("france"))
    )  # fmt: skip


def departement() -> pl.Expr:
    """Official département code, `etranger` or `unknown`."""
    abroad = pl.col("country").is_not_null() & (pl.col("country") != "FR")
    return pl.when(abroad).then(pl.lit("etranger")).otherwise(pl.col("departement").fill_null("unknown"))


def age_band(period: Period) -> pl.Expr:
    """Age reached in the calendar year the period starts, in survey bands; beyond 0-120 is unknown."""
    age = pl.lit(period.start.year) - pl.col("birth_year").cast(pl.Int32)
    bands = _bands(age, ((14, "0-14"), (24, "15-24"), (39, "25-39"), (59, "40-59")), "60+")
    return pl.when(age.is_between(0, 120)).then(bands).otherwise(UNKNOWN)


def perhaps_minor(period: Period) -> pl.Expr:
    """Whether a record says that its person may be under 18 when the period begins; no age known is of age."""
    young = pl.col("birth_year").cast(pl.Int32) >= period.start.year - 18
    return young.fill_null(False) | pl.col("minor").fill_null(False)


def anticipation(timezone: str) -> pl.Expr:
    """Local days from purchase to performance, in SecuTix's purchase horizons."""
    days = (_day("performance_at", timezone) - _day("purchased_at", timezone)).dt.total_days()
    upto = ((0, "jour_meme"), (7, "semaine"), (31, "mois"), (92, "3_mois"), (183, "6_mois"))
    return pl.when(days.is_null()).then(UNKNOWN).otherwise(_bands(days, upto, "avant"))


def price_band() -> pl.Expr:
    """Price of one ticket, in euro bands."""
    cents = pl.col("unit_price_cents")
    upto = ((0, "gratuit"), (999, "0-10"), (1999, "10-20"), (3499, "20-35"), (4999, "35-50"))
    return pl.when(cents.is_null()).then(UNKNOWN).otherwise(_bands(cents, upto, "50+"))


def group_size() -> pl.Expr:
    """Places a person has in one order for one performance: others named in the same order must not matter."""
    places = pl.col("quantity").sum().over("person", "order_ref", "performance_ref")
    return _bands(places, ((1, "1"), (2, "2"), (4, "3-4"), (9, "5-9")), "10+")


def schedule(timezone: str) -> pl.Expr:
    """Week or weekend, day or evening (from 18:00), local time of the performance."""
    local = pl.col("performance_at").dt.convert_time_zone(timezone)
    week = pl.when(local.dt.weekday() >= 6).then(pl.lit("weekend_")).otherwise(pl.lit("semaine_"))
    part = pl.when(local.dt.hour() >= 18).then(pl.lit("soir")).otherwise(pl.lit("journee"))
    return pl.when(local.is_null()).then(UNKNOWN).otherwise(week + part)


def month(column: str, timezone: str) -> pl.Expr:
    """Local month of an instant, "01" to "12"."""
    return pl.col(column).dt.convert_time_zone(timezone).dt.strftime("%m").fill_null("unknown")


def within(column: str, period: Period, timezone: str) -> pl.Expr:
    """Whether an instant's local day lies in the period."""
    return _day(column, timezone).is_between(period.start, period.end, closed="left")


def before(column: str, period: Period, timezone: str) -> pl.Expr:
    """Whether an instant's local day is before the period's end: what a release may look at."""
    return _day(column, timezone) < period.end


def loyalty(visits: pl.LazyFrame, period: Period, timezone: str) -> pl.LazyFrame:
    """Return (person, loyalty) as of the period's end, from every visit before it.

    `visits`: person, identified, is_group, is_school, is_reseller, performance_ref, performance_at. A visit is a
    performance, not a ticket. Who only ever bought for a group, a school or a resale is no member of an audience.
    """
    day = _day("performance_at", timezone)
    year = day >= pl.lit(period.end).dt.offset_by("-12mo")
    known = visits.filter(day < period.end).group_by("person").agg(
        (pl.col("identified") & ~pl.any_horizontal(pl.col("is_group", "is_school", "is_reseller").fill_null(False))).any(),
        day.min().alias("first"),
        day.max().alias("last"),
        pl.col("performance_ref").filter(year).n_unique().alias("visits"),
    )  # fmt: skip
    segment = (
        pl.when(~pl.col("identified")).then(UNKNOWN)
        .when(pl.col("first") >= period.start).then(pl.lit("primo"))
        .when(pl.col("last") < pl.lit(period.end).dt.offset_by("-36mo")).then(pl.lit("endormi"))
        .when(pl.col("last") < pl.lit(period.end).dt.offset_by("-12mo")).then(pl.lit("a_reactiver"))
        .when(pl.col("visits") >= 6).then(pl.lit("fidele"))
        .when(pl.col("visits") >= 2).then(pl.lit("regulier"))
        .otherwise(pl.lit("occasionnel"))
    )  # fmt: skip
    return known.select("person", segment.alias("loyalty"))


def latest(rows: pl.LazyFrame, column: str, at: str) -> pl.LazyFrame:
    """Return (person, column): each person's most recent known value; ties go to the greater code."""
    told = rows.filter(pl.col(column) != "unknown")
    return told.group_by("person").agg(pl.col(column).sort_by(at, column).last())


def _bands(value: pl.Expr, upto: tuple[tuple[int, str], ...], beyond: str) -> pl.Expr:
    expr = pl.when(value <= upto[0][0]).then(pl.lit(upto[0][1]))
    for limit, code in upto[1:]:
        expr = expr.when(value <= limit).then(pl.lit(code))
    return expr.otherwise(pl.lit(beyond))


def _day(column: str, timezone: str) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(timezone).dt.date()
