"""Who publishes, as the border knows a venue: public facts, its keys, two places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from privacy.calendar import Period
from privacy.declarations import Sketch, Table
from privacy.errors import PolicyRefusal
from privacy.plan import SketchPlan, TablePlan, plan, plan_sketches
from privacy.policy import Policy


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: public facts, keys (raw bytes), and where the ledger and the outbox lie.

    `match_key`: the cooperative's, where the venue has it: without, no sketch.
    """

    venue: str
    publishes: tuple[str, ...]  # of transactions, interactions, counts
    revenue: bool
    public_key: str
    signing_key: bytes
    fingerprint_key: bytes
    ledger: Path
    outbox: Path
    match_key: bytes = b""

    def plan(self, policy: Policy, period: Period) -> tuple[TablePlan, ...]:
        """Return the noise plan of a release; PolicyRefusal if the policy has no table for this venue."""
        tables = self._tables(policy)
        if not tables:
            raise PolicyRefusal(
                f"The policy declares no table for the records {self.venue} publishes.",
                f"La politique ne déclare aucune table pour ce que publie {self.venue}.",
            )
        measures = {m.name for t in tables for m in t.measures if self.revenue or not m.opt_in}
        return plan(policy, period, tables, frozenset(measures), self._sketches(policy))

    def sketches(self, policy: Policy, period: Period) -> tuple[SketchPlan, ...]:
        """Return the noise plan of a release's sketches; none without the cooperative's key."""
        return plan_sketches(policy, period, self._tables(policy), self._sketches(policy))

    def _tables(self, policy: Policy) -> tuple[Table, ...]:
        kinds = {*self.publishes, *(["base"] if "transactions" in self.publishes else [])}
        return tuple(t for t in policy.tables if t.records in kinds)

    def _sketches(self, policy: Policy) -> tuple[Sketch, ...]:
        return tuple(s for s in policy.sketches if self.match_key and s.records in self.publishes)
