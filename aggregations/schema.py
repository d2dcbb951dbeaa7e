"""The canonical records of a venue: columns, types, units and meaning.

Four frames, one Parquet file each per ingested export that adds or changes rows, under `store/<ingest_id>/`;
`replaced.parquet` beside them says which versions of rows in other exports no longer hold (`versions`). They never leave
the venue. A string column holds a code of a vocabulary (or an official INSEE code), never a vendor's text; a `*_ref` and
`person` are keyed hashes (`persons`), so no direct identifier, order number or free text of an export is in any of them.

`listings.parquet` is beside them and none of them: what an export tells the public of its performances, in words. Nothing
that is released reads it.

Times are UTC; money is integer cents; `family`, `tariff`, `channel` and the like are codes of
`privacy/vocabulary.toml`, with `unknown` where no vocabulary knows the vendor's value.
"""

from __future__ import annotations

import polars as pl

INSTANT = pl.Datetime("us", "UTC")

# Geography of the person, by the official table (`geography`): the commune that the postal code and the town name, else
# the most populous one the code serves; its EPCI (SIREN), département and région. All null together when unknown or
# abroad; `country` is FR, another ISO 3166 alpha-2 code, or null.
_PLACE: dict[str, pl.DataType] = {
    "commune": pl.String(),
    "epci": pl.String(),
    "departement": pl.String(),
    "region": pl.String(),
    "country": pl.String(),
}

# What a row says of its performance; `performances` makes one answer of what all rows say.
_PERFORMANCE: dict[str, pl.DataType] = {
    # Keyed hash of the title and the minute it starts, so of one performance in two systems; of its system's own number
    # where no title is told.
    "performance_ref": pl.UInt64(),
    "event_ref": pl.UInt64(),
    "performance_at": INSTANT,
    "family": pl.String(),  # as this row tells it: one person's row must not change another's genre
    "domain": pl.String(),  # level 2: code of a SIBIL domain, null when only the family is known
    "capacity": pl.Int64(),
    "young_audience": pl.Boolean(),
    "sensitive": pl.Boolean(),  # attendance may reveal a special category of data (GDPR art. 9)
}

# One row: one line of an export that concerns tickets or registrations (quantity may exceed one).
TRANSACTIONS: dict[str, pl.DataType] = {
    "source": pl.String(),  # preset, e.g. "pretix"
    "source_row": pl.Int64(),  # line (CSV) or record number (JSON) in the export, from 1
    "row_ref": pl.UInt64(),  # keyed hash of the vendor's own ticket or row identity
    "order_ref": pl.UInt64(),  # keyed hash of the order
    "person": pl.UInt64(),  # keyed hash of the contact; of the order where there is no contact
    "identified": pl.Boolean(),  # a contact was given (so that visits can be followed over time)
    **_PERFORMANCE,
    "purchased_at": INSTANT,
    "tariff": pl.String(),
    "unit_price_cents": pl.Int64(),  # null when unknown
    "quantity": pl.Int64(),  # places, 1 or more
    "channel": pl.String(),
    "status": pl.String(),  # paid, free, pending, refunded, cancelled
    **_PLACE,
    "birth_year": pl.Int16(),
    "minor": pl.Boolean(),  # the system serves the young: the buyer may be under 18; null: it does not say
    "consent_marketing": pl.Boolean(),  # null: not asked
    "consent_regime": pl.String(),  # contract, consent, legitimate_interest
    "attended": pl.Boolean(),  # true: seen at the door; false or null says nothing where nobody of the performance was
    "is_group": pl.Boolean(),
    "is_school": pl.Boolean(),
    "is_reseller": pl.Boolean(),
    "is_test": pl.Boolean(),
    "changed_at": INSTANT,  # when the system last changed the row, where it tells
}

# One row: a page seen, a search, a newsletter subscription or click.
INTERACTIONS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "source_row": pl.Int64(),
    "row_ref": pl.UInt64(),
    "person": pl.UInt64(),  # keyed hash of the contact or, under exempt_audience, of the visitor id
    "kind": pl.String(),  # pageview, search, order, subscribe, unsubscribe, click
    "at": INSTANT,
    "family": pl.String(),  # topic, as a genre family
    "referrer": pl.String(),
    **_PLACE,
    "consent_marketing": pl.Boolean(),
    "consent_regime": pl.String(),  # exempt_audience, consent, contract, legitimate_interest
    "changed_at": INSTANT,
}

# One row: admissions counted by someone or something that knows no person.
COUNTS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "source_row": pl.Int64(),
    "row_ref": pl.UInt64(),
    **_PERFORMANCE,
    "tariff": pl.String(),
    "kind": pl.String(),  # sold, free, scanned, counter (vocabulary: admission_kind)
    "count": pl.Int64(),
    "amount_cents": pl.Int64(),
    "changed_at": INSTANT,
}

# One row: what a programme says of one performance (séance).
PROGRAMME: dict[str, pl.DataType] = {
    "source": pl.String(),
    "source_row": pl.Int64(),
    "row_ref": pl.UInt64(),
    **_PERFORMANCE,
    "changed_at": INSTANT,
}

# One row: one performance, as all that is held of it agrees (`performances`): for the venue's own use, never for
# contributions, and in no file.
PERFORMANCES: dict[str, pl.DataType] = {
    **_PERFORMANCE,
    "door": pl.Boolean(),  # someone was seen at its door: there, a ticket not seen was not used
}

# One row: what an export tells the public of one performance (`announcing`). Words are the venue's or its vendor's own, but
# for e-mail addresses, which are taken out: an address is only ever in the inbox.
LISTINGS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "row_ref": pl.UInt64(),  # keyed hash of the performance as its system numbers it, so that a new title replaces an old
    **_PERFORMANCE,
    "ends_at": INSTANT,
    "title": pl.String(),  # never null
    "description": pl.String(),
    "hall": pl.String(),
    "address": pl.String(),
    "postal_code": pl.String(),
    "city": pl.String(),
    "commune": pl.String(),  # INSEE code: as told, else where the postal code and the town lead
    "latitude": pl.Float64(),  # degrees, WGS 84
    "longitude": pl.Float64(),
    "image": pl.String(),  # these three: http or https
    "url": pl.String(),
    "ticket_url": pl.String(),
    "age_min": pl.Int64(),  # years
    "age_max": pl.Int64(),
    "languages": pl.List(pl.String()),  # as told, mostly BCP 47
    "accessibility": pl.List(pl.String()),  # `ACCESSIBILITY`
    "keywords": pl.List(pl.String()),
    "performers": pl.List(pl.String()),
    "festival": pl.String(),  # what it is part of
    "organiser": pl.String(),
    "conditions": pl.String(),  # prices in words
    "price_min_cents": pl.Int64(),  # of the price list, never of a ticket that someone bought
    "price_max_cents": pl.Int64(),
    "status": pl.String(),  # `LISTING_STATUSES`; null: scheduled as far as is told
    "availability": pl.String(),  # `AVAILABILITIES`; null: not told
    "changed_at": INSTANT,
}

FRAMES: dict[str, dict[str, pl.DataType]] = {
    "transactions": TRANSACTIONS,
    "interactions": INTERACTIONS,
    "counts": COUNTS,
    "programme": PROGRAMME,
}

# Which versions of rows in other exports an export replaces. References of different frames are never equal.
REPLACED: dict[str, pl.DataType] = {
    "seq": pl.Int64(),  # of the export that holds the version (see `receipt`)
    "ref": pl.UInt64(),  # its `row_ref`
}

TRANSACTION_STATUSES = ("pending", "free", "paid", "cancelled", "refunded")  # from the least to the most final
LISTING_STATUSES = ("scheduled", "online", "rescheduled", "postponed", "cancelled")
AVAILABILITIES = ("available", "limited", "sold_out")
ACCESSIBILITY = ("hi", "ii", "mi", "pi", "vi")  # hearing, intellectual, motor, psychic, visual impairment (OpenAgenda)
INTERACTION_KINDS = ("pageview", "search", "order", "subscribe", "unsubscribe", "click")
CONSENT_REGIMES = ("exempt_audience", "consent", "contract", "legitimate_interest")


def empty(frame: str) -> pl.DataFrame:
    """Return the canonical frame of that name with no row."""
    return pl.DataFrame(schema=FRAMES[frame])
