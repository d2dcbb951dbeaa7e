"""From canonical records to tables' contributions: who adds what to which cell.

A contribution row has `person` (none for counts), one string column a dimension of the tables, and whole numbers:
`tickets`, `revenue` (cents), `interactions` or `admissions`. Rows of one person and cell are added up at the border.
Attributes of a person (loyalty, provenance, département, age) have one value a person and period, so a table of
attributes alone holds each person in one cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from aggregations import segments
from aggregations.programme import with_genres
from aggregations.schema import FRAMES
from aggregations.segments import Home
from privacy.calendar import Period
from privacy.contributions import Found, Part, Work
from privacy.declarations import Table
from privacy.errors import Fault

FRAME = {"base": "transactions", "transactions": "transactions", "interactions": "interactions", "counts": "counts"}
_PERSON = {"loyalty", "provenance", "departement", "age_band"}
_PLACE = ("country", "commune", "epci", "departement", "region")
ORGANISATIONS = ("is_group", "is_school", "is_reseller")
READ = {
    "transactions": (
        "person", "identified", "order_ref", "performance_ref", "performance_at", "purchased_at", "quantity",
        "unit_price_cents", "status", "is_test", "sensitive", "family", "birth_year", "minor", *ORGANISATIONS, *_PLACE,
    ),
    "interactions": ("person", "kind", "at", *_PLACE),
    "counts": ("performance_ref", "performance_at", "family", "count", "kind"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """A venue's canonical frames (see `schema`), lazy, and where the venue is."""

    transactions: pl.LazyFrame
    interactions: pl.LazyFrame
    counts: pl.LazyFrame
    home: Home


def contributions(records: Records, tables: tuple[Table, ...], period: Period) -> pl.LazyFrame:
    """Return the contributions of a period to tables of one basis, with the dimensions of all of them.

    Raises Fault if a dimension does not exist on their records.
    """
    make = {"base": _base, "transactions": _transactions, "interactions": _interactions, "counts": _counts}
    if out := tables[0].leaves_out:
        records = replace(records, transactions=without(records, out, period))
    rows = make[tables[0].records](records, period, {name for table in tables for name in table.names})
    known = set(rows.collect_schema().names())
    for table in tables:
        if missing := ", ".join(sorted({*table.names} - known)):
            raise Fault(
                f"Table {table.name}: no dimension {missing} on {table.records}.",
                f"Table {table.name} : pas de dimension {missing} sur {table.records}.",
            )
    return rows


def columns(frame: str, tables: tuple[Table, ...]) -> list[str]:
    """Return the columns of a canonical frame that contributions to these tables read."""
    wanted = {*READ[frame], *(name for table in tables for name in table.names)}
    return [name for name in FRAMES[frame] if name in wanted]


def answer(
    home: Home,
    period: Period,
    tables: tuple[Table, ...],
    work: Work,
    programme: pl.DataFrame,
    rows: pl.LazyFrame,
    part: Part,
) -> list[Found]:
    """Do the border's work on one part of a canonical frame: everything here is decided person by person.

    `programme`: public, and of no one's records; see `programme`.
    """
    if "performance_ref" in READ[FRAME[tables[0].records]]:
        rows = with_genres(rows, programme)
    frames = {name: pl.LazyFrame(schema=FRAMES[name]) for name in READ} | {FRAME[tables[0].records]: rows}
    records, found = Records(**frames, home=home), list[Found]()
    for basis in dict.fromkeys(table.basis for table in tables):
        own = tuple(table for table in tables if table.basis == basis)
        found.append(work(contributions(records, own, period), own, part))
    return found


def visits(records: Records) -> pl.LazyFrame:
    """Return transactions that count: paid or free, not a test.

    One marked sensitive keeps no family: attendance could reveal a special category (GDPR art. 9).
    """
    hidden = pl.col("sensitive").fill_null(False)
    family = pl.when(hidden).then(segments.UNKNOWN).otherwise(pl.col("family").fill_null("unknown"))
    counted = pl.col("status").is_in(["paid", "free"]) & ~pl.col("is_test").fill_null(False)
    return records.transactions.filter(counted).with_columns(family.alias("family"))


def without(records: Records, out: tuple[str, ...], period: Period) -> pl.LazyFrame:
    """Return transactions without what a table leaves out: all those of who may be a minor; sensitive performances."""
    kept = records.transactions
    if "minors" in out:
        known = kept.filter(segments.before("performance_at", period, records.home.timezone))
        minors = known.filter(segments.perhaps_minor(period)).select("person").unique()
        kept = kept.join(minors, on="person", how="anti", nulls_equal=True)
    return kept.filter(~pl.col("sensitive").fill_null(False)) if "sensitive" in out else kept


def _transactions(records: Records, period: Period, wanted: set[str]) -> pl.LazyFrame:
    home, known = records.home, visits(records)
    rows = known.filter(segments.within("performance_at", period, home.timezone)).with_columns(
        pl.col("quantity").alias("tickets"),
        (pl.col("quantity") * pl.col("unit_price_cents").fill_null(0)).alias("revenue"),
    )
    row_level = {
        "anticipation": segments.anticipation(home.timezone),
        "price_band": segments.price_band(),
        "group_size": segments.group_size(),
        "schedule": segments.schedule(home.timezone),
        "month": segments.month("performance_at", home.timezone),
    }
    rows = rows.with_columns(expr.alias(name) for name, expr in row_level.items() if name in wanted)
    rows = rows.drop("departement")  # the record's own; a table wants the person's
    rows = rows.join(attributes(known, period, home, wanted & _PERSON), on="person", how="left")
    return _known(rows, wanted, "tickets", "revenue")


def _base(records: Records, period: Period, wanted: set[str]) -> pl.LazyFrame:
    """Everyone who ever came before the period's end, whether or not they came in it."""
    known = visits(records)
    everyone = known.filter(segments.before("performance_at", period, records.home.timezone)).select("person")
    rows = everyone.unique().join(attributes(known, period, records.home, wanted & _PERSON), on="person", how="left")
    return _known(rows, wanted)


def _interactions(records: Records, period: Period, wanted: set[str]) -> pl.LazyFrame:
    home = records.home
    known = records.interactions.filter(pl.col("kind") != "unsubscribe")
    rows = known.filter(segments.within("at", period, home.timezone)).with_columns(
        pl.lit(1, pl.Int64).alias("interactions"), segments.month("at", home.timezone).alias("month")
    )
    for name, expr in (("provenance", segments.provenance(home)), ("departement", segments.departement())):
        if name in wanted:
            before = known.filter(segments.before("at", period, home.timezone)).with_columns(expr.alias(name))
            told = segments.latest(before, name, "at")
            rows = rows.drop(name, strict=False).join(told, on="person", how="left")
    return _known(rows, wanted, "interactions")


def _counts(records: Records, period: Period, wanted: set[str]) -> pl.LazyFrame:
    zone = records.home.timezone
    rows = records.counts.filter(segments.within("performance_at", period, zone)).with_columns(
        pl.col("count").alias("admissions"),
        pl.col("kind").alias("admission_kind"),
        segments.schedule(zone).alias("schedule"),
        segments.month("performance_at", zone).alias("month"),
    )
    names = rows.collect_schema().names()
    return rows.select(*(pl.col(d).fill_null("unknown") for d in sorted(wanted) if d in names), "admissions")


def attributes(known: pl.LazyFrame, period: Period, home: Home, wanted: set[str]) -> pl.LazyFrame:
    """Return `person` and what is known of each at the period's end, of these dimensions, null if nothing; `known`: see `visits`."""
    before = known.filter(segments.before("performance_at", period, home.timezone)).with_columns(
        segments.provenance(home).alias("provenance"),
        segments.departement().alias("departement"),
        segments.age_band(period).alias("age_band"),
    )
    people = before.select("person").unique()
    for name in sorted(wanted):
        if name == "loyalty":
            told = segments.loyalty(before, period, home.timezone)
        else:
            told = segments.latest(before, name, "purchased_at")
        people = people.join(told, on="person", how="left")
    return people


def _known(rows: pl.LazyFrame, wanted: set[str], *amounts: str) -> pl.LazyFrame:
    names = rows.collect_schema().names()
    return rows.select("person", *(pl.col(d).fill_null("unknown") for d in sorted(wanted) if d in names), *amounts)
