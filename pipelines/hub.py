"""The hub's side in Dagster: accept what arrives in the inbox, build pages and catalogue. Never loads what made a release."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipelines import partitions
from pipelines.checks import Rule, about, evaluate, no_nulls
from pipelines.node import Event, evaluation, refuse
from privacy.calendar import Period
from privacy.errors import Fault, JaugeError
from warehouse import inbox
from warehouse.bucket import exchange, give, take
from warehouse.governance import Hub
from warehouse.lake import query
from warehouse.storage import read_storage
from warehouse.upkeep import tend


class SharedHub(dg.ConfigurableResource):  # pyright: ignore[reportMissingTypeArgument]  # Dagster's own generic default
    """The shared hub's home folder."""

    home: str = ""  # $JAUGE_HOME, or .jauge

    def hub(self) -> Hub:
        """Return the hub's folders, found when a run starts."""
        return Hub(Path(self.home or os.environ.get("JAUGE_HOME") or ".jauge") / "hub")


_UNFINISHED = [s for s in dg.DagsterRunStatus if s not in (
    dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)]  # fmt: skip
VENUE_RELEASE = dg.AssetKey(["venue", "release"])


@dg.asset(key_prefix="hub", group_name="hub", deps=[VENUE_RELEASE], partitions_def=partitions.grid, kinds={"duckdb"})
def releases(context: dg.AssetExecutionContext, shared: SharedHub) -> dg.MaterializeResult[Any]:
    """Releases held in the lake: verified and accepted in one transaction, or refused with a recorded reason."""
    venue, period = partitions.split(context.partition_key)
    hub = shared.hub()
    mine = [w.folder for w in inbox.waiting(hub) if (w.venue, w.period) in ((venue, str(period)), (None, None))]
    decisions = [decided for folder in mine if (decided := inbox.accept_one(hub, folder))]
    give(hub)
    outcome = {d.folder: f"{d.outcome} {d.rule or ''}".strip() for d in decisions}
    return dg.MaterializeResult(metadata=outcome or {"inbox": "nothing waiting"})


@partitions.check(releases, partitions.grid, blocking=True)
def releases_held(context: dg.AssetCheckExecutionContext, shared: SharedHub) -> dg.AssetCheckResult:
    """The partition's release is in the lake, once a revision, with all it declares."""
    (results,) = _held(shared.hub(), [partitions.split(context.op_execution_context.partition_key)])
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


def _held(hub: Hub, asked: Sequence[tuple[str, Period]]) -> list[dict[str, bool]]:
    """Judge what the lake holds of each venue and period, in one reading."""
    held = query(hub, "select venue, period, revision, k, k_rule from releases").lazy()
    revisions = (pl.col("revision").n_unique() - pl.len()).abs()
    rules = [Rule("it is held", pl.len(), least=1), Rule("one release a revision", revisions, most=0)]
    rules += no_nulls("k", "k_rule")
    each = {
        f"{venue} {period}": held.filter((pl.col("venue") == venue) & (pl.col("period") == str(period)))
        for venue, period in asked
    }
    results = evaluate(*((mine, about(name, rules)) for name, mine in each.items()))
    return [{rule.name: results[f"{name}: {rule.name}"] for rule in rules} for name in each]


@dg.asset(key_prefix="hub", group_name="hub", deps=[releases], kinds={"html"},
          automation_condition=dg.AutomationCondition.eager())  # fmt: skip
def reports(shared: SharedHub) -> dg.MaterializeResult[Any]:
    """The pages for marketing teams, French and English, from the views."""
    from warehouse.reports.build import build_reports  # the drawings load here alone

    pages = build_reports(shared.hub())
    return dg.MaterializeResult(metadata={"pages": len(pages)})


# after the pages, since only one process at a time can open a lake that is one file
@dg.asset(key_prefix="hub", group_name="hub", deps=[releases, reports], kinds={"yaml"},
          automation_condition=dg.AutomationCondition.eager())  # fmt: skip
def catalogue(shared: SharedHub) -> dg.MaterializeResult[Any]:
    """What the hub holds, told to anyone without a figure: DCAT-AP, terms, data contracts, privacy records."""
    from warehouse.catalogue.build import write_catalogue  # the RDF library loads here alone

    return dg.MaterializeResult(metadata={"files": len(write_catalogue(shared.hub()))})


@dg.asset(key_prefix="hub", group_name="hub", deps=[releases], kinds={"postgres"},
          automation_condition=dg.AutomationCondition.eager() | dg.AutomationCondition.on_cron("0 1 * * *"))  # fmt: skip
def mirror(shared: SharedHub) -> dg.MaterializeResult[Any]:
    """What each partner may see, in PostgreSQL, where lake.toml names a mirror; nightly too, for embargoes that end."""
    from warehouse.partners.mirror import mirror as write

    if read_storage(shared.hub()).mirror is None:
        return dg.MaterializeResult(metadata={"mirror": "none in lake.toml"})
    done = write(shared.hub())
    return dg.MaterializeResult(metadata={"snapshot": done.snapshot, "partners": done.partners})


@dg.op(out={})
def accept_each(context: dg.OpExecutionContext, shared: SharedHub) -> Iterator[Event]:
    """Decide on every release that waits, as `releases` does on those of one partition."""
    hub = shared.hub()
    accepted: list[tuple[str, Period]] = []
    refused: dict[str, JaugeError] = {}
    unreached: list[Fault] = []
    for d in _decide(hub, unreached):
        if d.outcome == "refused":
            refused[d.folder] = Fault(f"{d.rule}: {d.en}", f"{d.rule} : {d.fr}")
        elif d.venue and d.period:  # verified by now
            one = d.venue, Period.parse(d.period)
            accepted = [*accepted, one] if d.outcome != "withdrawn" else [a for a in accepted if a != one]
            context.instance.add_dynamic_partitions("venue", [d.venue])
            yield dg.AssetMaterialization(releases.key, partition=partitions.key(*one), metadata={d.folder: d.outcome})
    asked = list(dict.fromkeys(accepted))  # a period may have come in two revisions
    for one, results in zip(asked, _held(hub, asked), strict=True):
        key = partitions.key(*one)
        yield evaluation(releases_held, key, results)
        if not all(results.values()):
            refused[key] = Fault(
                "The lake does not hold it as delivered; restore hub/lake/, or accept all of hub/accepted/ again.",
                "Le lac ne la détient pas telle que livrée ; restaurez hub/lake/, ou recevez de nouveau hub/accepted/.",
            )
    for fault in unreached:
        refused["bucket"] = fault
    refuse(refused, len(accepted) + len(refused))


def _decide(hub: Hub, unreached: list[Fault]) -> Iterator[inbox.Decision]:
    """Decide on all that waits, between taking from the bucket, if there is one, and answering in it."""
    try:
        with exchange(hub):
            yield from inbox.decide(hub)
    except Fault as fault:
        unreached.append(fault)


@dg.job(executor_def=dg.in_process_executor, tags={"jauge/hub": "one"})
def accept() -> None:
    """Accept everything that waits in the inbox, in one run."""
    accept_each()


report = dg.define_asset_job(
    "report", selection=[reports, catalogue], description="Build the pages and the catalogue again."
)


@dg.op
def tend_lake(shared: SharedHub) -> None:
    """Make few files of many, and let states of the lake go that are older than `keep_days` of lake.toml."""
    tend(shared.hub())


@dg.job(executor_def=dg.in_process_executor, tags={"jauge/hub": "one"})
def upkeep() -> None:
    """Keep the lake small."""
    tend_lake()


sundays = dg.ScheduleDefinition(
    job=upkeep, cron_schedule="0 4 * * 0", execution_timezone="Europe/Paris",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)  # fmt: skip


@dg.sensor(job_name=accept.name, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def arrivals(context: dg.SensorEvaluationContext, shared: SharedHub) -> dg.RunRequest | dg.SkipReason:
    """One run for all that waits, once what was asked before is done; asked again only if something else waits."""
    hub, unreached = shared.hub(), ""
    try:
        take(hub)
        give(hub)
    except Fault as fault:  # a run says so too; what lies in the inbox does not wait for a bucket
        unreached = f" {fault.en}"
    waiting = [w.folder.name for w in inbox.waiting(hub)]
    if not waiting:
        return dg.SkipReason(f"The inbox is empty.{unreached}")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=accept.name, statuses=_UNFINISHED)):
        return dg.SkipReason("A run is accepting; what remains is for the next.")
    return dg.RunRequest(run_key=hashlib.sha256("\n".join(waiting).encode(errors="surrogateescape")).hexdigest())


defs = dg.Definitions(
    assets=[releases, reports, catalogue, mirror],
    asset_checks=[releases_held],
    jobs=[accept, report, upkeep],
    schedules=[sundays],
    sensors=[arrivals],
    resources={"shared": SharedHub()},
)
