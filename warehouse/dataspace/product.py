"""The file that an agreement is about: a product as the lake held it at the agreement, cut to what a partner may see.

Rows are in one order and nothing of the day is written in, so that the same agreement gives the same bytes. A release that was
withdrawn since takes with it the states of the lake that showed it: the agreement then has no file any more, which is a Fault.
"""

from __future__ import annotations

import io
from typing import Literal

import polars as pl

from warehouse.governance import Hub
from warehouse.lake import open_lake
from warehouse.sharing import Seen

PARTS = ("", "_totals")
Part = Literal["", "_totals"]
_ROWS = """
from {view} where release_id in (
    select l.release_id from latest as l join shared as s on s.venue = l.venue and l.period_end <= s.until
) order by all
"""


def product(hub: Hub, table: str, part: Part, snapshot: int, seen: tuple[Seen, ...]) -> tuple[bytes, int]:
    """Return a table's cells, or its totals, as Parquet, and how many rows they are; Faults as `open_lake`."""
    shared = pl.DataFrame(
        [(s.venue, s.until) for s in seen if s.table == table], {"venue": pl.String, "until": pl.Date}, orient="row"
    )
    with open_lake(hub, snapshot=snapshot) as lake:
        lake.register("shared", shared)
        rows = lake.execute(_ROWS.format(view=f"{table}{part}")).pl()
    made = io.BytesIO()
    rows.write_parquet(made)
    return made.getvalue(), rows.height
