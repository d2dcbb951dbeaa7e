"""What a steward decides on a sealed release, in Dagster: approve it, keep it at the venue, withdraw it."""

from typing import Literal

import dagster as dg

from aggregations.departures import approve, refuse, withdraw
from pipelines.hosting import Node
from privacy.calendar import Period


class Verdict(dg.Config):
    """What is decided on the last release of a period, or on all of them if they are withdrawn, and who says so."""

    venue: str
    period: str
    verdict: Literal["approve", "refuse", "withdraw"]
    by: str
    why: str = ""


@dg.op
def decide_on_release(config: Verdict, node: Node) -> None:
    """Approve a release, keep it at the venue, or withdraw it; what may leave is delivered."""
    period = Period.parse(config.period)
    with node.turn(config.venue) as venue:
        act = {"approve": approve, "refuse": refuse, "withdraw": withdraw}[config.verdict]
        decided = act(venue, period, config.by, config.why)
        for one in decided if isinstance(decided, list) else [decided]:
            node.send(venue, one.release_id)


@dg.job(executor_def=dg.in_process_executor)
def decide() -> None:
    """Approve, refuse or withdraw a release: the launchpad asks for venue, period, verdict, name and reason."""
    decide_on_release()
