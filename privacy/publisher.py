"""Who publishes, as the border knows a venue: public facts, two keys, two places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from privacy.calendar import Period
from privacy.errors import PolicyRefusal
from privacy.plan import TablePlan, plan
from privacy.policy import Policy


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: public facts, two keys (raw bytes), and where the ledger and the outbox lie."""

    venue: str
    publishes: tuple[str, ...]  # of transactions, interactions, counts
    revenue: bool
    public_key: str
    signing_key: bytes
    fingerprint_key: bytes
    ledger: Path
    outbox: Path

    def plan(self, policy: Policy, period: Period) -> tuple[TablePlan, ...]:
        """Return the noise plan of a release; PolicyRefusal if the policy has no table for this venue."""
        kinds = {*self.publishes, *(["base"] if "transactions" in self.publishes else [])}
        tables = tuple(t for t in policy.tables if t.records in kinds)
        if not tables:
            raise PolicyRefusal(
                f"The policy declares no table for the records {self.venue} publishes.",
                f"La politique ne déclare aucune table pour ce que publie {self.venue}.",
            )
        measures = {m.name for t in tables for m in t.measures if self.revenue or not m.opt_in}
        return plan(policy, period, tables, frozenset(measures))
