"""All canonical records of a venue, one version of each row, as one lazy frame, and what tells that they changed.

An export holds only the rows that it adds or changes, and names the versions they replace (`changes`, `versions`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import narwhals as nw
import polars as pl

from aggregations.receipt import Receipt, receipts
from aggregations.schema import FRAMES
from aggregations.venue import Venue
from privacy.calendar import Period

Scan = Callable[[str], Any]  # the path of a Parquet file → a lazy frame of an engine that narwhals knows


def records(venue: Venue, frame: str) -> pl.LazyFrame:
    """Scan a canonical frame over the whole store: every row of every export but the versions that were replaced."""
    return held(venue, frame).drop("seq", "written")


def held(venue: Venue, frame: str, source: str | None = None, scan: Scan = pl.scan_parquet) -> Any:
    """Return `records`, of one source or all, as `scan` gives frames, with the export that holds each row.

    `seq` is its number, `written` when its files were last written (ns since 1970). Said in narwhals, which Polars and Spark both understand. Where nothing is held, an empty frame of Polars.
    """
    exports = [r for r in receipts(venue.store) if source in (None, r.preset)]

    def scanned(r: Receipt, file: str) -> nw.LazyFrame[Any]:
        return nw.from_native(scan(str(venue.store / r.id / file)))

    rows = [
        scanned(r, f"{frame}.parquet").with_columns(seq=nw.lit(r.seq, nw.Int64), written=nw.lit(r.written, nw.Int64))
        for r in exports
        if frame in r.frames
    ]
    if not rows:
        return pl.LazyFrame(schema=FRAMES[frame] | {"seq": pl.Int64(), "written": pl.Int64()})
    known, gone = nw.concat(rows), [scanned(r, "replaced.parquet") for r in exports if r.replaced.get(frame)]
    if gone:
        known = known.join(nw.concat(gone).rename({"ref": "row_ref"}), on=["seq", "row_ref"], how="anti")
    return known.to_native()


def instant_of(frame: str) -> str:
    """Return the column that says in which period a row counts."""
    return "at" if frame == "interactions" else "performance_at"


def version(venue: Venue, period: Period) -> str:
    """Return a text that changes whenever what a release of the period reads may have changed; no row is read.

    It names, in order, the exports that changed a row of any frame the venue publishes, or the programme, in a month up
    to the period's end (loyalty and origin look back without limit), how often someone forgotten was taken out of each,
    and the public facts that place records: commune, time zone, frames published, receipts or not. While it is equal, the
    records that count before the period's end are equal, but for those that went with their time (`retention`): no news
    of the period. It knows nothing of rows after that end, of the policy, nor of the program. Stays at the venue: an
    export's id in it is an HMAC, but that there was one is a fact about records.
    """
    last = f"{period.end:%Y-%m}"  # a period ends with a month: this one is the first after it
    changed = [
        f"{r.id}-{r.removals}" if r.removals else r.id
        for r in receipts(venue.store)
        if any(month < last for frame in (*venue.publishes, "programme") for month in r.months.get(frame, ()))
    ]
    facts = [venue.commune, venue.timezone, sorted(venue.publishes), venue.revenue]
    return json.dumps([facts, changed], ensure_ascii=False)
