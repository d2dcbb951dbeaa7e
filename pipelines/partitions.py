"""The grid both sides share: venue × period. Venues come and go; periods are the public calendar."""

from __future__ import annotations

import dagster as dg

from privacy.calendar import Period

_SEASONS = range(2023, 2033)

venues = dg.DynamicPartitionsDefinition(name="venue")
periods = dg.StaticPartitionsDefinition(
    [str(Period(year, quarter)) for year in _SEASONS for quarter in (1, 2, 3, 4, 0)]
)
grid = dg.MultiPartitionsDefinition({"venue": venues, "period": periods})


def key(venue: str, period: str) -> dg.MultiPartitionKey:
    """Return the grid's key of one venue and period."""
    return dg.MultiPartitionKey({"venue": venue, "period": period})


def split(partition_key: str) -> tuple[str, Period]:
    """Return (venue, period) of a grid key."""
    parts = grid.get_partition_key_from_str(partition_key).keys_by_dimension
    return parts["venue"], Period.parse(parts["period"])
