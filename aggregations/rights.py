"""What a venue owes the people in its records: to forget who asks, and everyone else in time. One way of removing for both.

Forgetting, in this order: what waits in the inbox is loaded; raw exports that hold the person are found by reading them as
loading does; their receipts say that they leave, and the person is put on the list (`forgotten`); from here a kill stops
nothing, for any later purge does the rest. Then rows leave the store, raw files the inbox, and everything is searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from aggregations.acts import Kind, record
from aggregations.cooperative import match_key, matches_of
from aggregations.forgotten import add, orders_of
from aggregations.inbox import load_inbox
from aggregations.mailing import clear
from aggregations.persons import WRITTEN, numbers_of
from aggregations.raw import holding, leave, loaded, over
from aggregations.receipt import receipts
from aggregations.reception import alone, sweep
from aggregations.removal import remove
from aggregations.retention import PERSONAL, purged, window
from aggregations.search import Search, search
from aggregations.venue import Venue
from privacy.errors import Fault


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many contacts were asked for and found, how many raw exports left the inbox, and what the search says."""

    asked: int
    found: int
    exports: int
    search: Search


@dataclass(frozen=True, slots=True)
class Purged:
    """Since which day people are held, whether any row left the store, and how many raw exports the inbox."""

    since: date
    rows: bool
    exports: int


def forget(
    venue: Venue,
    contacts: Sequence[str],
    *,
    source: str | None = None,
    right: Kind = "erasure",
    elsewhere: Iterable[Path] = (),
) -> Forgotten:
    """Remove people from all that a venue holds, keep them out, and search for what is left of them.

    `contacts`: as they write them; with `source`, numbers that this system gives people. `elsewhere`: folders to search
    beside the venue's own. Files that cannot be rid of them are in the answer: what is proved is proved without them.

    Raises:
        Fault: one of the texts is no contact.
    """
    asked = numbers_of(contacts, venue.person_key, venue.country, source)
    if asked["asked"].n_unique() < len(contacts) or not contacts:
        raise Fault(
            "Nothing to look for: each line is one e-mail address, or with --source one number of that system.",
            "Rien à chercher : chaque ligne est une adresse électronique ou, avec --source, un numéro de ce système.",
        )
    texts = pl.DataFrame({"text": contacts if source is None else []}, schema={"text": pl.String})
    plain = [
        t
        for form in WRITTEN.values()
        for t in texts.select(form(pl.col("text"), venue.country)).to_series().drop_nulls()
    ]
    persons = frozenset(asked["person"])
    load_inbox(venue)
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        sweep(venue)
        held, orders = _held(venue, persons)
        raw = holding(venue, persons, orders)
        found = asked.filter(pl.col("person").is_in(sorted(held | raw.persons)))["asked"].n_unique()
        named = search([venue.inbox], plain, persons).left  # in a column that no preset reads, say
        leaving = raw.receipts | {r.id: r for r in loaded(venue) if {venue.inbox / f for f in r.files} & {*named}}
        leave(venue, leaving.values(), unlink=False)
        add(venue, persons | raw.orders)
        clear(venue)
        record(venue, right, asked=len(contacts), found=found, exports=len(leaving))
        remove(venue)
        leave(venue)
        key = match_key(venue)
        numbers = persons | (matches_of(plain, key) if key else frozenset[int]())
        left = search([venue.folder, *elsewhere], plain, numbers)
        record(venue, "search", asked=len(contacts), searched=left.files, left=len(left.left))
    return Forgotten(len(contacts), found, len(leaving), left)


def purge(venue: Venue, today: date | None = None) -> Purged:
    """Remove what the venue may hold no longer: people unseen for too long, old measures of audience, raw exports.

    Also finishes what a killed `forget` began. An act is recorded where something was there to remove.
    """
    day = today or datetime.now(UTC).date()
    since = window(venue, day)
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        sweep(venue)
        last = purged(venue)
        clear(venue)
        rows = remove(venue, since)
        late = over(venue, day)
        exports = leave(venue, (r for r in late if r.in_inbox))
        for receipt in late:  # the lines it lists are of a file that is gone
            (venue.quarantine / f"{receipt.id}.csv").unlink(missing_ok=True)
        if rows or exports or last is None:
            record(venue, "retention", exports=exports, people=f"{since.people}", audience=f"{since.audience}")
    return Purged(since.people, rows, exports)


def _held(venue: Venue, persons: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Return who of these persons the store knows, in any version of any row, and in which orders."""
    known, orders = frozenset[int](), frozenset[int]()
    wanted = pl.Series(sorted(persons), dtype=pl.UInt64).implode()
    for receipt in receipts(venue.store):
        for frame in (f for f in PERSONAL if f in receipt.frames):
            rows = pl.scan_parquet(venue.store / receipt.id / f"{frame}.parquet")
            here = rows.filter(pl.col("person").is_in(wanted)).select(pl.col("person").unique())
            known |= frozenset(here.collect(engine="streaming")["person"])
            orders |= orders_of(rows, persons)
    return known, orders
