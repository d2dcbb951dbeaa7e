"""Who asked to be forgotten: a list of keyed hashes, so that no later export brings them back.

Ticketing systems export everyone, every week. Without a list of whom to leave out, who was removed today is back
tomorrow; the law allows that list (an objection is kept to be honoured, GDPR art. 21(3)). It is all that remains: 8 bytes,
HMAC(key, "forgotten" + 0x00 + person's number), in `venues/<id>/forgotten`. Being of a domain of their own they are equal
to no number of any record, so the records can be searched for a person's number and none be found.

The list names contacts, and the orders of theirs: a row of such an order that carries no contact is theirs too.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from aggregations.disk import write_whole
from aggregations.persons import keyed
from aggregations.venue import Venue
from privacy.errors import Fault


def listed(venue: Venue) -> frozenset[int]:
    """Read the list; a line that is no number is a Fault."""
    try:
        return frozenset(int(line, 16) for line in venue.forgotten.read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()
    except ValueError:
        raise Fault(
            "The file `forgotten` is damaged; restore it from your backup, or those it names would come back.",
            "Le fichier `forgotten` est abîmé ; restaurez-le depuis la sauvegarde, sinon celles qu’il nomme reviendraient.",
        ) from None


def add(venue: Venue, persons: Iterable[int]) -> bool:
    """Put persons' numbers on the list, as hashes; tell whether one was new. Under the store's lock."""
    before, numbers = listed(venue), pl.Series("person", sorted(set(persons)), pl.UInt64)
    after = before | {*numbers.to_frame().select(_hashed(venue.person_key)).to_series()}
    if after != before:
        write_whole(venue.forgotten, "".join(f"{number:016x}\n" for number in sorted(after)))
    return after != before


def among(rows: pl.LazyFrame, venue: Venue) -> frozenset[int]:
    """Return the numbers of a column `person` that are on the list."""
    if not (names := listed(venue)):
        return frozenset()
    asked = _hashed(venue.person_key).is_in(pl.Series(sorted(names), dtype=pl.UInt64).implode())
    return frozenset(rows.select(pl.col("person").unique()).filter(asked).collect(engine="streaming")["person"])


def orders_of(rows: pl.LazyFrame, persons: Iterable[int]) -> frozenset[int]:
    """Return the orders, of a frame that has them, in which one of these persons has a row."""
    if "order_ref" not in rows.collect_schema():
        return frozenset()
    theirs = rows.filter(pl.col("person").is_in(pl.Series(sorted(persons), dtype=pl.UInt64).implode()))
    return frozenset(theirs.select(pl.col("order_ref").drop_nulls().unique()).collect(engine="streaming")["order_ref"])


def _hashed(key: bytes) -> pl.Expr:
    return keyed(pl.col("person").cast(pl.String), key, "forgotten")
