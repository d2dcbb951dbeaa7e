"""What a release says of itself, in the words of the OpenDP Deployments Registry.

Everything here is public before the records are read: policy, calendar, noise plan, and the venue's declared
choices. No digest, size or count of the input.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from privacy.accounting import Cost, epsilon
from privacy.buckets import MECHANISM, threshold
from privacy.charges import Charge
from privacy.declarations import Unit
from privacy.plan import SketchPlan, TablePlan
from privacy.policy import Policy
from privacy.verification import FORMAT

_UNITS: dict[Unit, tuple[str, str]] = {
    "person": (
        "person at one venue",
        "Neighbouring inputs differ by all records of one person the venue knows by one contact, visitor number or, "
        "where there is no contact, order. A person of several venues, or known twice, composes that many times.",
    ),
    "admission": (
        "admission at one venue",
        "Neighbouring inputs differ by one admission counted without a person. A person who enters n times, or is "
        "counted by n kinds of counter, composes n times.",
    ),
}


def write_manifest(venue: dict[str, str], charge: Charge, policy: Policy, season: str, plans: tuple[TablePlan, ...]) -> dict[str, Any]:  # fmt: skip
    """Return the manifest as plain JSON values; `release.seal` adds the digest of each file."""
    return {
        "format": FORMAT,
        "release_id": charge.release_id,
        "venue": venue,
        "period": charge.period,
        "season": season,
        "revision": charge.revision,
        "published": charge.at[:10],
        "policy": {"name": policy.name, "digest": policy.digest},
        "k": {"minimum": policy.k, "rule": policy.k_rule},
        "dp_variant": {
            "variant_name": "Approximate DP",
            "details": "Gaussian privacy-loss distributions composed exactly, converted once; rho is mu squared over two.",
            "data_domain": "Cells of the fixed public dimensions listed in each table, buckets of a fixed number in each sketch; none is learnt from data.",
            "unprotected_quantities": [
                "That this venue published this period and revision, and when.",
                "Which kinds of records the venue publishes, whether it opted in to receipts, and holds the key of sketches.",
            ],
        },
        "privacy_loss": {unit: _loss(policy, unit, cost) for unit, cost in charge.costs.items()},
        "deployment_model": {
            "model_name": "Central",
            "actors": "The venue holds its own records and is trusted with them; the hub and its readers are not.",
            "release_type": "Many releases",
            "data_source_type": "Dynamic",
            "access_type": "Non-interactive",
        },
        "accounting": {
            "composition": "Exact sum of rho, shift and delta over tables, sketches and the season, in the venue's ledger.",
            "post_processing": "Cells at or below the threshold are suppressed. What bounds took is put back by raking, from its "
            "own noisy measurement, by factors of 1 or more; tables of the same people agree on their total. Nothing is rounded.",
            "season_share": str(policy.calendar["quarter" if "-T" in charge.period else "season"]),
        },
        "implementation": {
            "mechanisms": "Discrete Gaussian by OpenDP on integer vectors, L2 sensitivity; Gaussian threshold on the "
            "noisy number of people, after a pre-threshold of k on the true number when the rule is certain. Sketches: one "
            "bucket a person, the same noise on every bucket, a threshold on the noisy sum alone.",
            "preprocessing_and_hyperparameter_tuning": "Bounds, clips and domains are public policy, not tuned on data.",
        },
        "tables": {plan.table.name: _table(plan) for plan in plans},
    }  # fmt: skip


def _loss(policy: Policy, unit: Unit, cost: Cost) -> dict[str, Any]:
    season = policy.season[unit]
    delta = season.delta - season.selection_delta + cost.delta
    name, details = _UNITS[unit]
    return {
        "privacy_unit": name,
        "privacy_unit_details": details,
        "privacy_parameters": {
            "epsilon": epsilon(cost.rho, delta - cost.delta, cost.shift),
            "delta": str(delta),
            "rho": str(cost.rho),
            "shift": str(cost.shift),
            "delta_selection": str(cost.delta),
        },
        "season": {"epsilon": str(season.epsilon), "delta": str(season.delta)},
    }


def _table(plan: TablePlan) -> dict[str, Any]:
    table = plan.table
    return {
        "fr": table.fr, "en": table.en, "records": table.records, "leaves_out": list(table.leaves_out), "unit": table.unit,
        "full_cells": table.full_cells, "max_cells": table.max_cells,
        "threshold": plan.threshold, "delta": str(plan.delta),
        "dimensions": [
            {"name": d.name, "fr": d.fr, "en": d.en, "values": [list(v) for v in d.values]} for d in table.dimensions
        ],
        "levels": [{"dimensions": list(level.dimensions), "reach": level.reach} for level in table.levels],
        "measures": [
            {"name": n.measure.name, "fr": n.measure.fr, "en": n.measure.en, "unit": n.measure.unit,
             "clip": n.measure.clip, "typical": table.typical(n.measure), "step": n.measure.step,
             "sigma": n.sigma, "bound_squared": n.bound_squared,
             "levels": [{"sigma": v.sigma, "bound_squared": v.bound_squared}
                        for v in plan.levels if v.measure == n.measure]}
            for n in plan.cells
        ],
    }  # fmt: skip


def describe(plan: SketchPlan, rows: pl.DataFrame, season: str, key: str) -> dict[str, Any]:
    """Return what the manifest says of a sketch; `key`: the id of the season's key. Sigma and bound are in steps."""
    sketch, step = plan.sketch, plan.sketch.measure.step
    return {
        "fr": sketch.fr, "en": sketch.en, "records": sketch.records, "leaves_out": list(sketch.leaves_out),
        "max_tickets": sketch.max_tickets, "buckets": sketch.buckets, "mechanism": MECHANISM, "season": season, "key": key,
        "minimum": sketch.minimum, "z": str(sketch.z), "attributes": [d.name for d in sketch.attributes],
        "groups": [
            {"name": group, "parts": list(sketch.parts(group)), "step": step, "sigma": n.sigma,
             "bound_squared": n.bound_squared,
             "threshold": threshold(sketch.minimum, sketch.z, n.sigma, step, sketch.buckets)}
            for group, n in zip(sketch.groups, plan.groups, strict=True)
        ],
        "parts": rows["part"].unique().sort().to_list(),
    }  # fmt: skip
