"""Who has said no to being written to: the last dated word of each person, in whatever system it was said.

An opt-out in the newsletter tool is worth nothing if the box office goes on writing (CNIL, GDPR art. 21(2)-(3)): the
venue's own key makes one person of both. A box left unticked at a purchase is no opt-in, and no objection either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from aggregations.persons import contact, keyed_ref
from aggregations.records import records
from aggregations.schema import INSTANT
from aggregations.venue import Venue

_OBJECTS = pl.col("no").is_not_null() & (pl.col("no") >= pl.col("yes")).fill_null(True)
_ADDRESS = re.compile(r"[^\s,;<>\"'()\[\]]+@[^\s,;<>\"'()\[\]]+")


def objections(venue: Venue) -> pl.LazyFrame:
    """Return `person`, one row each: those whose last word is no. Where yes and no were said at once, it is no."""
    return _last(venue).filter(_OBJECTS).select("person")


def consenting(venue: Venue) -> pl.LazyFrame:
    """Return `person`, one row each: those whose last word is yes. Silence is no yes, and neither is a tie."""
    return _last(venue).filter(pl.col("yes").is_not_null() & ~_OBJECTS).select("person")


def _last(venue: Venue) -> pl.LazyFrame:
    said = pl.concat([_said(venue, "transactions", "purchased_at"), _said(venue, "interactions", "at")])
    return said.group_by("person").agg(
        no=pl.col("at").filter(pl.col("word") == "no").max(), yes=pl.col("at").filter(pl.col("word") == "yes").max()
    )


def objecting(venue: Venue, lines: Iterable[str]) -> list[str]:
    """Return the e-mail addresses in these lines whose person has objected, as written, sorted, each once."""
    written = sorted({address for line in lines for address in _ADDRESS.findall(line)})
    frame = pl.DataFrame({"written": written}, schema={"written": pl.String})
    named = frame.with_columns(person=frame.select(contact(pl.col("written"))).to_series())
    numbered = named.with_columns(keyed_ref(named["person"], venue.person_key, "contact").alias("person"))
    return numbered.join(objections(venue).collect(), on="person", how="semi").sort("written")["written"].to_list()


def _said(venue: Venue, frame: str, at: str) -> pl.LazyFrame:
    consent, no = pl.col("consent_marketing"), pl.lit(False)
    if frame == "interactions":
        no = (pl.col("kind") == "unsubscribe") | ~consent.fill_null(True)
    word = pl.when(no).then(pl.lit("no")).when(consent.fill_null(False)).then(pl.lit("yes"))
    return records(venue, frame).select("person", pl.col(at).cast(INSTANT).alias("at"), word=word).drop_nulls()
