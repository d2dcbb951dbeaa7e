"""The hub's side in Dagster: accept what arrives in the inbox, build the pages. Never loads what made a release."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipelines import partitions
from pipelines.checks import Rule, evaluate, no_nulls
from warehouse import inbox
from warehouse.governance import Hub
from warehouse.lake import query
from warehouse.reports.build import build_reports


class SharedHub(dg.ConfigurableResource):  # pyright: ignore[reportMissingTypeArgument]  # Dagster's own generic default
    """The shared hub's home folder."""

    home: str = ""  # $JAUGE_HOME, or .jauge

    def hub(self) -> Hub:
        """Return the hub's folders, found when a run starts."""
        return Hub(Path(self.home or os.environ.get("JAUGE_HOME") or ".jauge") / "hub")


VENUE_RELEASE = dg.AssetKey(["venue", "release"])


@dg.asset(key_prefix="hub", group_name="hub", deps=[VENUE_RELEASE], partitions_def=partitions.grid, kinds={"duckdb"})
def releases(context: dg.AssetExecutionContext, shared: SharedHub) -> dg.MaterializeResult[Any]:
    """Releases held in the lake: verified and accepted in one transaction, or refused with a recorded reason."""
    venue, period = partitions.split(context.partition_key)
    hub = shared.hub()
    mine = [w.folder for w in inbox.waiting(hub) if (w.venue, w.period) in ((venue, str(period)), (None, None))]
    decisions = [inbox.accept_one(hub, folder) for folder in mine]
    outcome = {d.folder: f"{d.outcome} {d.rule or ''}".strip() for d in decisions}
    return dg.MaterializeResult(metadata=outcome or {"inbox": "nothing waiting"})


@partitions.check(releases, partitions.grid, blocking=True)
def releases_held(context: dg.AssetCheckExecutionContext, shared: SharedHub) -> dg.AssetCheckResult:
    """The partition's release is in the lake, once a revision, with all it declares."""
    venue, period = partitions.split(context.op_execution_context.partition_key)
    held = query(shared.hub(), "select venue, period, revision, k, k_rule from releases").lazy()
    mine = held.filter((pl.col("venue") == venue) & (pl.col("period") == str(period)))
    revisions = (pl.col("revision").n_unique() - pl.len()).abs()
    rules = [Rule("it is held", pl.len(), least=1), Rule("one release a revision", revisions, most=0)]
    results = evaluate(mine, [*rules, *no_nulls("k", "k_rule")])
    return dg.AssetCheckResult(passed=all(results.values()), metadata=results)


@dg.asset(key_prefix="hub", group_name="hub", deps=[releases], kinds={"html"},
          automation_condition=dg.AutomationCondition.eager())  # fmt: skip
def reports(shared: SharedHub) -> dg.MaterializeResult[Any]:
    """The pages for marketing teams, French and English, from the views."""
    pages = build_reports(shared.hub())
    return dg.MaterializeResult(metadata={"pages": len(pages)})


accept = dg.define_asset_job(
    "accept", selection=[releases], tags={"jauge/hub": "one"}, description="Accept a delivered release."
)
report = dg.define_asset_job("report", selection=[reports], description="Build the pages again.")


@dg.sensor(job=accept, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def arrivals(context: dg.SensorEvaluationContext, shared: SharedHub) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each release that arrives in the inbox."""
    waiting = [w for w in inbox.waiting(shared.hub()) if w.venue and w.period]
    if not waiting:
        yield dg.SkipReason("The inbox is empty.")
    for one in waiting:
        context.instance.add_dynamic_partitions("venue", [str(one.venue)])
        key = partitions.key(str(one.venue), str(one.period))
        yield dg.RunRequest(run_key=one.folder.name, partition_key=key)


defs = dg.Definitions(
    assets=[releases, reports],
    asset_checks=[releases_held],
    jobs=[accept, report],
    sensors=[arrivals],
    resources={"shared": SharedHub()},
)
