"""The venue's side in Dagster: load exports, check records, release. Runs where the records are.

An asset here writes through the venue's own folders and hands nothing to an I/O manager; its metadata holds
public facts only. Contributions, exact cells and bounded frames are not assets: an asset is a file, and those are
the files nobody may have. A partition can be materialized alone; a node of many venues does all of them in one run
(`load_exports`, `publish`), which reports each partition as the asset would.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from aggregations.inbox import load_inbox
from aggregations.publication import release as publish_period
from aggregations.rights import purge
from pipelines import partitions
from pipelines.checks import require
from pipelines.decisions import decide
from pipelines.hosting import Node
from pipelines.node import Event, each, refuse, warning
from pipelines.pull.pulling import pull_all, together
from pipelines.quality.warnings import suites, watch
from pipelines.suites import check_records, check_release
from privacy.calendar import Period
from privacy.errors import JaugeError

EXPORTS = dg.AssetSpec(
    ["venue", "exports"], group_name="venue", description="Files from ticketing, web and newsletter tools, as received."
)


@dg.asset(key_prefix="venue", group_name="venue", deps=[EXPORTS], partitions_def=partitions.venues, kinds={"polars"})
def records(context: dg.AssetExecutionContext, node: Node) -> dg.MaterializeResult[Any]:
    """Canonical records of a venue: declared sources are pulled, the inbox is loaded; direct identifiers end here."""
    _load(node, context.partition_key)
    return dg.MaterializeResult()


@partitions.check(records, partitions.venues, blocking=True)
def records_conform(context: dg.AssetCheckExecutionContext, node: Node) -> dg.AssetCheckResult:
    """Before the border: types, vocabularies and consent of the records. Booleans only."""
    results = check_records(node.venue(context.op_execution_context.partition_key))
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


@partitions.warnings_of(records, partitions.venues, {name: " / ".join(words) for name, words in suites().items()})
def records_worth_a_look(context: dg.AssetCheckExecutionContext, node: Node) -> Iterator[dg.AssetCheckResult]:
    """What is missing, late, double, odd or refused, a source at a time. Booleans and sentences; nothing is stopped."""
    for name, found in watch(node.venue(context.op_execution_context.partition_key)).items():
        yield dg.AssetCheckResult(**warning(name, found))


@dg.asset(key_prefix="venue", group_name="venue", deps=[records], partitions_def=partitions.grid, kinds={"opendp"})
def release(context: dg.AssetExecutionContext, node: Node) -> dg.MaterializeResult[Any]:
    """The sealed release of a period: the only thing that leaves a venue. Asked again, the same bytes."""
    return dg.MaterializeResult(metadata=_release(node, *partitions.split(context.partition_key)))


@partitions.check(release, partitions.grid, blocking=True)
def release_conforms(context: dg.AssetCheckExecutionContext, node: Node) -> dg.AssetCheckResult:
    """After the border: the sealed tables are complete, and each figure has its margin."""
    results = _judge(node, *partitions.split(context.op_execution_context.partition_key))
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


def _load(node: Node, name: str) -> dict[str, str]:
    with node.turn(name) as venue:
        failed = [one.error for one in (*pull_all(venue), *load_inbox(venue)) if one.error]
    if failed:
        raise together(failed)  # the others are loaded; `jauge ingest` says what each was
    return {}


def _release(node: Node, name: str, period: Period) -> dict[str, str | int | float]:
    with node.turn(name) as venue:
        published = publish_period(
            venue, period, node.read_policy(), check=lambda: require(check_records(venue), f"Records of {name}")
        )
    return published.release.public_facts() | {"delivered": node.send(venue, published.release.id)}


def _judge(node: Node, name: str, period: Period) -> dict[str, bool]:
    return check_release(node.venue(name), period)


@dg.op(out={})
def load_each(context: dg.OpExecutionContext, node: Node) -> Iterator[Event]:
    """Pull, load and check every venue hosted here, a few at once."""
    names = node.names()
    context.instance.add_dynamic_partitions("venue", names)
    yield from each(
        names,
        records, lambda name: _load(node, name),
        records_conform, lambda name: check_records(node.venue(name)),
        node.workers, lambda name: watch(node.venue(name)),
    )  # fmt: skip


class Asked(dg.Config):
    """Which partitions of the grid to release, such as `2025-2026-T1|theatre`."""

    partitions: list[str]


@dg.op(out={})
def release_each(context: dg.OpExecutionContext, config: Asked, node: Node) -> Iterator[Event]:
    """Release and check each partition asked for, a few at once."""
    asked = [partitions.split(key) for key in config.partitions]  # all well written, or none begins
    context.instance.add_dynamic_partitions("venue", sorted({venue for venue, _ in asked} & set(node.names())))
    yield from each(
        [partitions.key(venue, period) for venue, period in asked],
        release, lambda key: _release(node, *partitions.split(key)),
        release_conforms, lambda key: _judge(node, *partitions.split(key)),
        node.workers,
    )  # fmt: skip


@dg.job(executor_def=dg.in_process_executor)
def load_exports() -> None:
    """Pull the declared sources of every venue hosted here, then load what is in the inboxes."""
    load_each()


@dg.op
def purge_each(node: Node) -> None:
    """Purge every venue hosted here, one after another: what one is refused stops no other. Tells nothing of records."""
    refused = dict[str, JaugeError]()
    for name in node.names():
        try:
            with node.turn(name) as venue:
                purge(venue)
        except JaugeError as error:
            refused[name] = error
    refuse(refused, len(node.names()))


@dg.job(executor_def=dg.in_process_executor)
def purge_records() -> None:
    """Remove, at every venue hosted here, who has not come for too long and raw exports whose time is over."""
    purge_each()


@dg.job(executor_def=dg.in_process_executor)
def publish() -> None:
    """Release periods of many venues in one run. What one is refused neither stops nor hides the others."""
    release_each()


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def hosted_venues(context: dg.SensorEvaluationContext, node: Node) -> dg.SensorResult:
    """Make a partition of each venue this machine hosts."""
    known = set(context.instance.get_dynamic_partitions("venue"))
    new = [name for name in node.names() if name not in known]
    return dg.SensorResult(dynamic_partitions_requests=[partitions.venues.build_add_request(new)] if new else [])


@dg.schedule(job=load_exports, cron_schedule="0 3 * * *", execution_timezone="Europe/Paris")
def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Load every venue's new exports."""
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")


@dg.schedule(job=purge_records, cron_schedule="0 5 * * *", execution_timezone="Europe/Paris")
def every_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Purge every venue, once the night's exports are loaded."""
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")


@dg.schedule(job=publish, cron_schedule="0 5 10 3,6,9,12 *", execution_timezone="Europe/Paris")
def every_quarter(context: dg.ScheduleEvaluationContext, node: Node) -> dg.RunRequest:
    """On the tenth day after a quarter, release it; in September the season too. A release exists once.

    A venue whose `calendar` is the season alone waits for September.
    """
    ended = Period.containing(context.scheduled_execution_time.date() - timedelta(days=31))
    calendars = {name: _calendar(node, name) for name in node.names()}
    asked = [(name, ended) for name, calendar in calendars.items() if calendar == "quarters"]
    if ended.quarter == 4:
        asked += [(name, Period(ended.year)) for name in calendars]
    return dg.RunRequest(run_key=str(ended), run_config=asking(partitions.key(name, period) for name, period in asked))


def _calendar(node: Node, name: str) -> str:
    try:
        return node.venue(name).calendar
    except JaugeError:  # asked all the same: the run says what is wrong with its folder
        return "quarters"


def asking(keys: Iterable[str]) -> dict[str, Any]:
    """Return the configuration of `publish` for these partitions of the grid."""
    return {"ops": {"release_each": {"config": {"partitions": list(keys)}}}}


defs = dg.Definitions(
    assets=[EXPORTS, records, release],
    asset_checks=[records_conform, records_worth_a_look, release_conforms],
    jobs=[load_exports, purge_records, publish, decide],
    sensors=[hosted_venues],
    schedules=[every_night, every_morning, every_quarter],
    resources={"node": Node()},
)
