"""The grid both sides share: venue × period. Venues come and go; periods are the public calendar."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping

import dagster as dg

from privacy.calendar import Period

_SEASONS = range(2023, 2033)

venues = dg.DynamicPartitionsDefinition(name="venue")
periods = dg.StaticPartitionsDefinition(
    [str(Period(year, quarter)) for year in _SEASONS for quarter in (1, 2, 3, 4, 0)]
)
grid = dg.MultiPartitionsDefinition({"venue": venues, "period": periods})


def check(
    asset: dg.AssetsDefinition, partitions_def: dg.PartitionsDefinition[str], *, blocking: bool
) -> Callable[[Callable[..., dg.AssetCheckResult]], dg.AssetChecksDefinition]:
    """Decorate a check of a partitioned asset; its status is kept by partition.

    Dagster still calls that a preview and says so at each use; we know.
    """

    def decorate(function: Callable[..., dg.AssetCheckResult]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.asset_check(asset=asset, blocking=blocking, partitions_def=partitions_def)(function)

    return decorate


def warnings_of(
    asset: dg.AssetsDefinition, partitions_def: dg.PartitionsDefinition[str], names: Mapping[str, str]
) -> Callable[[Callable[..., Iterable[dg.AssetCheckResult]]], dg.AssetChecksDefinition]:
    """Decorate a function that yields one result a check, none of which blocks; `names`: check → description."""

    def decorate(function: Callable[..., Iterable[dg.AssetCheckResult]]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            specs = [
                dg.AssetCheckSpec(name, asset=asset, description=said, partitions_def=partitions_def)
                for name, said in names.items()
            ]
            return dg.multi_asset_check(specs=specs)(function)

    return decorate


def key(venue: str, period: Period) -> dg.MultiPartitionKey:
    """Return the grid's key of one venue and period."""
    return dg.MultiPartitionKey({"venue": venue, "period": str(period)})


def split(partition_key: str) -> tuple[str, Period]:
    """Return (venue, period) of a grid key."""
    parts = grid.get_partition_key_from_str(partition_key).keys_by_dimension
    return parts["venue"], Period.parse(parts["period"])
