"""Who is in a sketch, in which bucket, with which attributes: the people of a period whom their address makes comparable."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from aggregations import segments
from aggregations.cooperative import buckets
from aggregations.programme import with_genres
from aggregations.schema import FRAMES
from aggregations.segments import Home
from aggregations.tables import ORGANISATIONS, READ, Records, attributes, visits, without
from privacy.calendar import Period
from privacy.contributions import Count, Found, Part
from privacy.declarations import Sketch
from privacy.errors import GovernanceRefusal

COLUMNS = [name for name in FRAMES["transactions"] if name in (*READ["transactions"], "consent_regime")]


def audience(records: Records, sketch: Sketch, period: Period, root: bytes) -> pl.LazyFrame:
    """Return `person`, `bucket` and the sketch's attributes: one row a person who came in the period and has a match.

    Left out: who only came with a group, a school or a reseller, who has more tickets than `max_tickets`, and what the
    sketch leaves out. Each is decided from the person's own records. `root`: the cooperative's key.

    Raises:
        GovernanceRefusal: records under exempt_audience have a match, by which they would be cross-checked.
    """
    exempt = pl.col("match").is_not_null() & (pl.col("consent_regime") == "exempt_audience")
    if records.transactions.select(exempt.any()).collect(engine="streaming").item():
        raise GovernanceRefusal(
            "Records under exempt_audience can be put into no sketch: state the consent you hold in [consent] of venue.toml, "
            "and load them again.",
            "Des enregistrements sous exempt_audience ne peuvent entrer dans une esquisse : indiquez le consentement recueilli "
            "dans [consent] de venue.toml, et chargez-les à nouveau.",
        )
    zone = records.home.timezone
    known = visits(replace(records, transactions=without(records, sketch.leaves_out, period)))
    alone = ~pl.any_horizontal(pl.col(ORGANISATIONS).fill_null(False))
    came = known.filter(segments.within("performance_at", period, zone)).group_by("person").agg(
        pl.col("match").min(), pl.col("quantity").sum().alias("tickets"), alone.any().alias("alone")
    )  # fmt: skip
    people = came.filter(pl.col("match").is_not_null() & pl.col("alone") & (pl.col("tickets") <= sketch.max_tickets))
    names = {d.name for d in sketch.attributes}
    told = attributes(known, period, records.home, names)
    bucket = buckets(pl.col("match"), root, period.season, sketch.buckets).alias("bucket")
    return people.join(told, on="person", how="left").select("person", bucket, *sorted(names))


def counted(
    home: Home, period: Period, sketch: Sketch, count: Count, root: bytes, programme: pl.DataFrame,
    rows: pl.LazyFrame, part: Part,
) -> Found:  # fmt: skip
    """Do the border's counting on one part of the transactions, which have their `match`."""
    records = Records(with_genres(rows, programme), pl.LazyFrame(), pl.LazyFrame(), home)
    return count(sketch, audience(records, sketch, period, root), part)
