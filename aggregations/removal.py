"""Rows leave the store: of who asked to be forgotten, of who was last seen before the window; and versions that hold no more.

Each file is written again without them and takes the old one's place, so the store is whole at every moment. In what order:
a receipt says that rows which held will go before they do; the versions that `replaced.parquet` names go before it does,
or they would hold again. Killed in between, the next removal does the rest: it needs the list and the window, which are
on disk, and no contact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from aggregations.disk import PART, settle
from aggregations.forgotten import among
from aggregations.matches import files as match_files
from aggregations.receipt import Receipt, receipts, write_receipt
from aggregations.retention import PERSONAL, Window, too_old, unseen
from aggregations.schema import FRAMES, REPLACED
from aggregations.venue import Venue


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves, and which versions: `person` and `asked` (they asked), `dead` as `schema.REPLACED`."""

    people: pl.LazyFrame
    dead: pl.LazyFrame
    since: Window | None


def remove(venue: Venue, since: Window | None = None, also: frozenset[int] = frozenset()) -> bool:
    """Leave in the store only what may be held; tell whether a row was taken out. Under the store's lock.

    `also`: numbers of persons that are to join the list of who asked to be forgotten.
    """
    leaving, taken = _leaving(venue, since, also), False
    for path in match_files(venue):  # before the records that tell who leaves
        _take_out_matches(path, leaving)
    for receipt in receipts(venue.store):
        folder = venue.store / receipt.id
        for part in folder.glob(f"{PART}*"):
            part.unlink()
        now, rows = receipt, dict[str, int]()
        for frame in receipt.frames:
            now, rows[frame], went = _take_out(venue, now, frame, leaving)
            taken |= went
        now = replace(now, frames={frame: n for frame, n in rows.items() if n})
        if now != receipt:
            write_receipt(venue.store, now)
    for receipt in receipts(venue.store):  # every version they name is gone
        if receipt.replaced:
            write_receipt(venue.store, replace(receipt, replaced={}))
        for file in (venue.store / receipt.id).glob("*.parquet"):
            if file.stem not in (*receipt.frames, "listings") and not file.stem.startswith("match-"):
                file.unlink()
    return taken


def _leaving(venue: Venue, since: Window | None, also: frozenset[int]) -> Leaving:
    exports = receipts(venue.store)
    files = [venue.store / r.id / f"{frame}.parquet" for r in exports for frame in PERSONAL if frame in r.frames]
    files += match_files(venue)
    known = [pl.LazyFrame(schema={"person": pl.UInt64}), *(pl.scan_parquet(f).select("person") for f in files)]
    asked = pl.Series("person", sorted(among(pl.concat(known), venue) | also), pl.UInt64)
    quiet = unseen(venue, since) if since else pl.Series("person", [], pl.UInt64)
    people = pl.concat([asked.to_frame().with_columns(asked=True), quiet.to_frame().with_columns(asked=False)])
    dead = [pl.scan_parquet(venue.store / r.id / "replaced.parquet") for r in exports if r.replaced]
    return Leaving(
        people.unique("person", keep="first", maintain_order=True).lazy(),
        pl.concat(dead) if dead else pl.LazyFrame(schema=REPLACED),
        since,
    )


def _take_out_matches(path: Path, leaving: Leaving) -> None:
    rows = pl.scan_parquet(path)
    stay = rows.join(leaving.people, on="person", how="anti")
    before, after = (r.select(pl.len()).collect(engine="streaming").item() for r in (rows, stay))
    if after < before:
        part = path.with_name(f"{PART}{path.name}")
        stay.sink_parquet(part, compression="zstd", engine="streaming")
        settle(part, path)


def _take_out(venue: Venue, receipt: Receipt, frame: str, leaving: Leaving) -> tuple[Receipt, int, bool]:
    """Write one file again where rows of it leave; return its export's receipt, its rows, and whether any left."""
    path = venue.store / receipt.id / f"{frame}.parquet"
    rows, dead = pl.scan_parquet(path), leaving.dead.filter(pl.col("seq") == receipt.seq).select(row_ref="ref")
    stay = holding = rows.join(dead, on="row_ref", how="anti")
    if frame in PERSONAL:
        stay = holding.join(leaving.people, on="person", how="anti")
        if leaving.since:
            stay = stay.filter(~too_old(frame, venue.timezone, leaving.since))
        heard = holding.join(leaving.people.filter("asked"), on="person", how="semi")
    else:
        heard = holding.clear()
    all_rows, staying, asked = (
        int(n.item()) for n in pl.collect_all([r.select(pl.len()) for r in (rows, stay, heard)], engine="streaming")
    )
    if all_rows == staying:
        return receipt, staying, False
    if asked:  # said first: a period that counted them hears of it even if we are killed now
        receipt = replace(receipt, removals=receipt.removals + 1)
        write_receipt(venue.store, receipt)
    part = path.with_name(f"{PART}{path.name}")
    stay.select(FRAMES[frame].keys()).sink_parquet(part, compression="zstd", engine="streaming")
    settle(part, path)
    return receipt, staying, True
