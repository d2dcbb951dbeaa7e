"""The venue's side in Dagster: load exports, check records, release. Runs where the records are.

An asset here writes through the venue's own folders and hands nothing to an I/O manager; its metadata holds
public facts only. Contributions, exact cells and bounded frames are not assets: an asset is a file, and those are
the files nobody may have.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from aggregations.inbox import load_inbox
from aggregations.publication import release as publish_period
from aggregations.venue import Venue, read_venue
from pipelines import partitions
from pipelines.checks import require
from pipelines.suites import check_records, check_release
from privacy.calendar import Period
from privacy.policy import Policy, read_policy
from privacy.release import deliver


class Node(dg.ConfigurableResource):  # pyright: ignore[reportMissingTypeArgument]  # Dagster's own generic default
    """The machine that hosts venues: its home folder, the policy file (default: the packaged one), the hub's inbox."""

    home: str = ""  # $JAUGE_HOME, or .jauge
    policy: str = ""
    hub_inbox: str = ""

    @property
    def root(self) -> Path:
        """The home folder, found when a run starts."""
        return Path(self.home or os.environ.get("JAUGE_HOME") or ".jauge")

    def venue(self, name: str) -> Venue:
        """Read a venue's folder."""
        return read_venue(self.root / "venues" / name)

    def names(self) -> list[str]:
        """List the venues hosted here."""
        return sorted(p.parent.name for p in (self.root / "venues").glob("*/venue.toml"))

    def read_policy(self) -> Policy:
        """Read the policy in force here."""
        return read_policy(Path(self.policy) if self.policy else None)

    @property
    def inbox(self) -> Path:
        """Where sealed releases are delivered."""
        return Path(self.hub_inbox) if self.hub_inbox else self.root / "hub" / "inbox"


EXPORTS = dg.AssetSpec(
    ["venue", "exports"], group_name="venue", description="Files from ticketing, web and newsletter tools, as received."
)


@dg.asset(key_prefix="venue", group_name="venue", deps=[EXPORTS], partitions_def=partitions.venues, kinds={"polars"})
def records(context: dg.AssetExecutionContext, node: Node) -> dg.MaterializeResult[Any]:
    """Canonical records of a venue, from every export in its inbox; direct identifiers end here."""
    failed = [one.error for one in load_inbox(node.venue(context.partition_key)) if one.error]
    if failed:
        raise failed[0]  # the others are loaded; `jauge ingest` says what each was
    return dg.MaterializeResult()


@partitions.check(records, partitions.venues, blocking=True)
def records_conform(context: dg.AssetCheckExecutionContext, node: Node) -> dg.AssetCheckResult:
    """Before the border: types, vocabularies and consent of the records. Booleans only."""
    results = check_records(node.venue(context.op_execution_context.partition_key))
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


@dg.asset(key_prefix="venue", group_name="venue", deps=[records], partitions_def=partitions.grid, kinds={"opendp"})
def release(context: dg.AssetExecutionContext, node: Node) -> dg.MaterializeResult[Any]:
    """The sealed release of a period: the only thing that leaves a venue. Asked again, the same bytes."""
    name, period = partitions.split(context.partition_key)
    venue = node.venue(name)
    require(check_records(venue), f"Records of {name}")  # also when this run did not load them
    published = publish_period(venue, period, node.read_policy())
    deliver(published.release.folder, node.inbox)
    return dg.MaterializeResult(metadata=published.release.public_facts())


@partitions.check(release, partitions.grid, blocking=True)
def release_conforms(context: dg.AssetCheckExecutionContext, node: Node) -> dg.AssetCheckResult:
    """After the border: the sealed tables are complete, and each figure has its margin."""
    venue, period = partitions.split(context.op_execution_context.partition_key)
    results = check_release(node.venue(venue), period)
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


load_exports = dg.define_asset_job("load_exports", selection=[records], description="Load what is in the inboxes.")
publish = dg.define_asset_job("publish", selection=[release], description="Release a period of a venue.")


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def hosted_venues(context: dg.SensorEvaluationContext, node: Node) -> dg.SensorResult:
    """Make a partition of each venue this machine hosts."""
    known = set(context.instance.get_dynamic_partitions("venue"))
    new = [name for name in node.names() if name not in known]
    return dg.SensorResult(dynamic_partitions_requests=[partitions.venues.build_add_request(new)] if new else [])


@dg.schedule(job=load_exports, cron_schedule="0 3 * * *", execution_timezone="Europe/Paris")
def every_night(context: dg.ScheduleEvaluationContext, node: Node) -> list[dg.RunRequest]:
    """Load every venue's new exports."""
    day = f"{context.scheduled_execution_time:%Y-%m-%d}"
    return [_request(name, name, f"{name} {day}") for name in node.names()]


@dg.schedule(job=publish, cron_schedule="0 5 10 3,6,9,12 *", execution_timezone="Europe/Paris")
def every_quarter(context: dg.ScheduleEvaluationContext, node: Node) -> list[dg.RunRequest]:
    """On the tenth day after a quarter, release it; in September the season too. A release exists once.

    A venue whose `calendar` is the season alone waits for September.
    """
    ended = Period.containing(context.scheduled_execution_time.date() - timedelta(days=31))
    season = [ended.season] if ended.quarter == 4 else []
    return [
        _request(name, partitions.key(name, period), f"{name} {period}")
        for name in node.names()
        for period in (season if node.venue(name).calendar == "season" else [str(ended), *season])
    ]


def _request(venue: str, partition_key: str, run_key: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=run_key, partition_key=partition_key, tags={"jauge/venue": venue})


defs = dg.Definitions(
    assets=[EXPORTS, records, release],
    asset_checks=[records_conform, release_conforms],
    jobs=[load_exports, publish],
    sensors=[hosted_venues],
    schedules=[every_night, every_quarter],
    resources={"node": Node()},
)
