"""A policy as a record of the OpenDP Deployments Registry: what is claimed, in the words reviewers compare.

Pure: numbers come from the policy, nothing is read or written. One record a policy, committed under `docs/registry/`;
tests hold it to the registry's schema and to the packaged policy. What the record cannot say (it knows one unit of
privacy and one loss) is told in its details.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from privacy.declarations import Unit
from privacy.policy import Policy

_FIRST = date(2026, 11, 1)  # first publication under the packaged policy, to the month
_NEIGHBOURS: dict[Unit, str] = {
    "person": "all records of one person whom the venue knows by one contact, one visitor number or, where there is no "
    "contact, one order",
    "admission": "one admission counted at a door without a person",
}
_K = {
    "certain": "A cell is shown only if at least {k} people are in it, checked on the true number, and if its noisy "
    "number is above a threshold that hides any one person's presence.",
    "probable": "A cell is shown only if its noisy number is far enough above {k} that fewer people are unlikely.",
}


def record(policy: Policy, first: date = _FIRST) -> dict[str, Any]:
    """Return the registry's record of a policy, as plain JSON values. `first`: day of the first publication."""
    return {
        "url_slug": f"{policy.name}-audiences-of-cultural-venues",
        "status": "Draft",
        "tier": 3,
        "deployment": {
            "basic": _basic(policy, first),
            "dp_variant": {
                "variant_name": "Approximate DP",
                "data_domain": "Tickets, registrations, interactions and door counts that one venue holds for a season, and "
                "past visits where loyalty is told; cells of fixed public dimensions, each with a value for the unknown; a fixed "
                "number of buckets that people with an e-mail address are hashed into. "
                "No dimension is learnt from data.",
                "unprotected_quantities": _bullets(
                    "That a venue published a period and a revision, when, and under which policy.",
                    "Which kinds of records it publishes, whether it opted in to receipts, and holds the key of sketches.",
                    "What a steward chooses after looking at exact figures on her own screen.",
                ),
            },
            "privacy_loss": _loss(policy),
            "deployment_model": _model(policy),
            "accounting": {
                "post_processing": _K[policy.k_rule].format(k=policy.k) + " The rest is suppressed, never shown as zero. "
                "What bounds took is measured with noise and put back by raking; tables of the same people agree on their total.",
                "composition": "All noise is Gaussian; tables and releases of a season add up as exact fractions in the "
                "venue's append-only ledger, charged before any noise is drawn, and are converted to epsilon and delta "
                "once, rounded to the safe side. Choosing which cells to show adds a delta, within the one stated.",
            },
            "implementation": {
                "preprocessing_and_hyperparameter_tuning": "Bounds, clips, domains, thresholds and the calendar are "
                "public policy, decided before records are seen. A person's contributions are clipped and scaled to a "
                "public L2 norm, in integers.",
                "mechanisms": _bullets(
                    "Discrete Gaussian on integer vectors by OpenDP 0.16, without a seed, drawn once and sealed.",
                    "Sketches: one bucket a person, by a keyed hash whose key the hub never has; the same noise on every bucket; "
                    "a sketch is shown by its noisy sum alone.",
                    "Against floating point: integers and fractions throughout; the one scale factor of a person is "
                    "rounded down, below its three roundings.",
                    "Not interactive: timing is out of scope; releases are files on a public calendar.",
                    "Raw records stay at the venue, in folders for its own account only; the venue signs its releases.",
                ),
                "justification": "Clipping a person's L2 norm instead of keeping a sample of their cells: far less bias "
                "for the same noise. k on the true number, because readers are promised people and not probabilities. The "
                "loss is a decision of the network. Choices and what was rejected: `docs/decisions/`; the argument of each "
                "step stands beside its code and is held by tests on neighbouring data.",
            },
            "administrative": {
                "sources": "`docs/promise.md`, `docs/known-limits.md` and `privacy/` in the repository of Jauge. "
                f"Digest of the policy: `{policy.digest}`.",
                "registry_authors": ["Jauge"],
            },
        },
    }  # fmt: skip


def _basic(policy: Policy, first: date) -> dict[str, Any]:
    tables = "; ".join(t.en[0].lower() + t.en[1:] if t.en[1].islower() else t.en for t in policy.tables)
    return {
        "name": f"Jauge: audiences of cultural venues (policy {policy.name})",
        "data_curators": ["Each member venue (theatre, opera, museum, festival, medium), for its own records"],
        "intended_use": "Marketing and public service teams compare their audience with the network's, by season and "
        "by quarter.",
        "data_product_type": "Summary statistics",
        "data_product_region": "France",
        "description": f"Counts of people, tickets, receipts, interactions and admissions: {tables}; "
        "and noisy counts of hashed people, by which venues' audiences are compared.",
        "publication_date": first.isoformat(),
    }


def _loss(policy: Policy) -> dict[str, Any]:
    lead: Unit = "person" if "person" in policy.season else "admission"
    loss = policy.season[lead]
    neighbours = "; or, with a loss of its own, by ".join(_NEIGHBOURS[unit] for unit in policy.season)
    losses = [
        f"{unit}, a season: epsilon = {float(s.epsilon):g}, delta = {float(s.delta):g}, of which "
        f"{float(s.selection_delta):g} for choosing the cells shown"
        for unit, s in policy.season.items()
    ]
    shares = ", ".join(f"a {kind} takes {share}" for kind, share in policy.calendar.items())
    return {
        "privacy_unit": f"{lead}-venue-season",
        "privacy_unit_details": f"Add or remove: neighbouring inputs differ by {neighbours}. A season is 1 September to "
        "31 August. Someone of several venues, known twice, or of several seasons composes that many times.",
        "privacy_parameters": {"epsilon": float(loss.epsilon), "delta": float(loss.delta)},
        "privacy_parameters_details": _bullets(*losses, f"Of a season's loss {shares}."),
    }


def _model(policy: Policy) -> dict[str, Any]:
    return {
        "model_name": "Central",
        "actors": _bullets(
            "Venue: holds its own records, as it does today; trusted with them, with its keys and its ledger.",
            "Hub, members, partners, public: read releases only; not trusted, may hold every release and know "
            "everything of everybody else.",
        ),
        "release_type": "Many releases",
        "release_type_details": f"Four quarters and the season ({policy.calendar['quarter']} and "
        f"{policy.calendar['season']} of the loss). A sealed release is never drawn again; a revision is charged anew; a "
        "release that does not fit is refused. A new budget opens each season.",
        "data_source_type": "Dynamic",
        "access_type": "Non-interactive",
    }


def _bullets(*lines: str) -> str:
    return "".join(f"- {line}\n" for line in lines)
