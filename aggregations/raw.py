"""Raw exports leave the inbox: those that hold someone forgotten at once, the others once the store has what is needed.

An export leaves whole. Its rows cannot be cut out of a vendor's file with certainty (another encoding, a workbook, a name in
a column no preset reads), and nothing needs them once it is loaded. What stays is the receipt, which still knows the
export's bytes if they come again. A file is told by those bytes, never by its name: next week's may have the same.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from aggregations.corrections import DIGITS
from aggregations.detect import detect
from aggregations.disk import PART
from aggregations.forgotten import orders_of
from aggregations.receipt import Receipt, receipts, write_receipt
from aggregations.reception import discard, fingerprint
from aggregations.retention import PERSONAL
from aggregations.staging import stage
from aggregations.venue import Venue
from privacy.errors import JaugeError


@dataclass(frozen=True, slots=True)
class Holding:
    """What the raw exports of an inbox hold of some persons, told by reading them as loading does."""

    receipts: dict[str, Receipt]  # of the exports that hold one of them, by id
    persons: frozenset[int]  # of those asked for, who was met
    orders: frozenset[int]  # in which they were met


def holding(venue: Venue, persons: frozenset[int], orders: frozenset[int]) -> Holding:
    """Read every raw export that was loaded. One that can no longer be read counts as holding them."""
    wanted = pl.Series(sorted(persons | orders), dtype=pl.UInt64).implode()
    found, met, more = dict[str, Receipt](), frozenset[int](), frozenset[int]()
    for receipt in loaded(venue):
        here = frozenset[int]()
        try:
            with tempfile.TemporaryDirectory(prefix=PART, dir=venue.inbox, ignore_cleanup_errors=True) as scratch:
                detection = detect(files_of(venue, receipt), name=receipt.preset)
                for one in stage(detection, venue, venue.person_key, Path(scratch)):
                    if one.records.emit.frame in PERSONAL:
                        theirs = one.staged.filter(pl.col("person").is_in(wanted)).select(pl.col("person").unique())
                        here |= frozenset(theirs.collect(engine="streaming")["person"])
                        more |= orders_of(one.staged, persons)
            met |= here
            if here:
                found[receipt.id] = receipt
        except JaugeError:
            found[receipt.id] = receipt
    if more - orders:  # rows of such an order may lie, without their contact, in another export
        again = holding(venue, persons, orders | more)
        return Holding(found | again.receipts, met | again.persons, again.orders)
    return Holding(found, met & persons, orders)


def loaded(venue: Venue) -> list[Receipt]:
    """Return the exports that are in the store and whose raw files lie in the inbox, to stay there for a while."""
    return list(_there(venue, [r for r in receipts(venue.store) if r.in_inbox]))


def leave(venue: Venue, leaving: Iterable[Receipt] = (), *, unlink: bool = True) -> int:
    """Have these exports leave the inbox, and those that were to before; return how many did.

    Without `unlink` it is only written down: whatever happens next, they leave.
    """
    for receipt in leaving:
        write_receipt(venue.store, replace(receipt, in_inbox=False))
    gone = list(_there(venue, [r for r in receipts(venue.store) if not r.in_inbox])) if unlink else []
    for receipt in gone:
        discard(venue, files_of(venue, receipt))
        shutil.rmtree(venue.corrections / receipt.id[:DIGITS], ignore_errors=True)  # its refused rows, given back
    return len(gone)


def over(venue: Venue, today: date) -> list[Receipt]:
    """Return the exports whose time in the inbox is over, gone or not."""
    last = today - timedelta(days=venue.raw_days)
    return [r for r in receipts(venue.store) if r.day <= last]


def _there(venue: Venue, loaded: Iterable[Receipt]) -> Iterator[Receipt]:
    """Yield the exports whose files lie in the inbox, byte for byte."""
    known = dict[tuple[str, ...], str]()
    for receipt in loaded:
        files = files_of(venue, receipt)
        if receipt.files and all(file.is_file() for file in files):
            if receipt.files not in known:
                known[receipt.files] = fingerprint(venue.person_key, files)
            if known[receipt.files] == receipt.id:
                yield receipt


def files_of(venue: Venue, receipt: Receipt) -> list[Path]:
    """Return where the raw files of an export lie in the inbox, as long as they do."""
    return [venue.inbox / name for name in receipt.files]
