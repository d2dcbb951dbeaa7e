"""What the ledger writes down: charges and seals; and what it says when a charge does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.accounting import Cost, season_budget
from privacy.calendar import Period
from privacy.declarations import Unit
from privacy.errors import BudgetRefusal
from privacy.policy import Policy


@dataclass(frozen=True, slots=True)
class Charge:
    """A paid charge. Only the ledger makes one, and noise cannot be drawn without it."""

    release_id: str
    period: str
    revision: int
    policy: str
    costs: dict[Unit, Cost]
    at: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A release that went out: it is never drawn again."""

    release_id: str
    manifest: str
    fingerprint: str
    at: str


def refusal(
    charges: Sequence[Charge], spent: Cost, unit: Unit, period: Period, cost: Cost, policy: Policy
) -> BudgetRefusal:
    """Say which releases used what, what is left, and what of the calendar would still fit."""
    budget = season_budget(policy, unit)
    mine = [c for c in charges if Period.parse(c.period).season == period.season and unit in c.costs]
    used = ", ".join(f"{c.period} r{c.revision} {_percent(c.costs[unit], budget)}" for c in mine) or "–"
    rest = Cost(budget.rho - spent.rho)
    need, left = _percent(cost, budget), _percent(rest, budget)
    held = [kind for kind, share in policy.calendar.items() if share * budget.rho <= rest.rho]
    fits = " or ".join(f"a {kind}" for kind in held) or "nothing of the calendar"
    tient = " ou ".join({"quarter": "un trimestre", "season": "la saison"}[k] for k in held) or "rien du calendrier"
    who = {"person": "personne", "admission": "entrée"}[unit]
    return BudgetRefusal(
        f"Season {period.season}, unit {unit}: this release needs {need} of the budget and {left} is left. "
        f"Used: {used}. What is left would hold {fits}. Nothing was charged. A new budget opens with the next season.",
        f"Saison {period.season}, unité {who} : cette publication demande {need} du budget et il reste {left}. "
        f"Utilisé : {used}. Ce qui reste suffirait pour {tient}. Rien n’a été débité. "
        "Un nouveau budget s’ouvre à la saison suivante.",
    )


def _percent(cost: Cost, budget: Cost) -> str:
    return f"{float(100 * cost.rho / budget.rho):.1f} %"
