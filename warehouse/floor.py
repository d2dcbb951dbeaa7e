"""What the hub demands of a release beyond its seal: the policy floor, and tables and sketches it knows.

A venue could sign a release that promises little, or that counts other things under the same names. `check_policy`
holds k, the rule and the season's loss to the floor; `check_tables` and `check_sketches` hold every table and sketch to the
network's own policy. Each raises VerificationRefusal with the rule `policy`, `table`, `sketch` or `manifest`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from privacy.accounting import Cost, epsilon
from privacy.calendar import Period
from privacy.declarations import Table
from privacy.errors import Fault, VerificationRefusal
from privacy.policy import Policy
from privacy.selection import threshold
from warehouse.charter import Floor

Spent = dict[str, Cost]  # by unit: what the season's releases held have cost


def check_facts(manifest: dict[str, Any]) -> None:
    """Hold the public facts together: a period of the calendar, its season, a revision, a date."""
    try:
        period = Period.parse(manifest["period"])
        good = manifest["season"] == period.season and type(manifest["revision"]) is int and manifest["revision"] >= 1
        good &= date.fromisoformat(manifest["published"]).isoformat() == manifest["published"]
    except (Fault, KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise VerificationRefusal(
            "manifest",
            "period, season, revision or date of publication cannot be. Ask the venue to send the release again.",
            "période, saison, révision ou date de publication impossible. À renvoyer par le lieu.",
        )


def check_policy(manifest: dict[str, Any], floor: Floor, spent: Spent) -> None:
    """Hold a release to the floor: k, its rule, the season's loss stated, and the loss summed with `spent`."""
    k, rule = manifest["k"]["minimum"], manifest["k"]["rule"]
    if k < floor.k or rule not in ("certain", floor.k_rule):
        raise _weak(f"k = {k} ({rule})", f"k = {floor.k} ({floor.k_rule})")
    for unit, loss in manifest["privacy_loss"].items():
        most = floor.losses.get(unit)
        if most is None:
            raise _weak(f"unit {unit}", ", ".join(floor.losses))
        stated = Fraction(loss["season"]["epsilon"]), Fraction(loss["season"]["delta"])
        if stated[0] > most[0] or stated[1] > most[1]:
            raise _weak(_loss(*stated), _loss(*most))
        own = (Fraction(loss["privacy_parameters"][part]) for part in ("rho", "delta_selection", "shift"))
        cost = spent.get(unit, Cost()) + Cost(*own)
        if cost.delta >= most[1] or epsilon(cost.rho, most[1] - cost.delta, cost.shift) > most[0]:
            raise VerificationRefusal(
                "policy",
                f"with the releases held, this one would exceed the season's {_loss(*most)}. Ask the venue's steward.",
                f"avec les publications détenues, la saison dépasserait {_loss(*most)}. Voir le responsable du lieu.",
            )


def check_tables(manifest: dict[str, Any], policy: Policy) -> None:
    """Hold every table to the network's: unit, dimensions, codes, measures, and a threshold that keeps k."""
    known = {table.name: table for table in policy.tables}
    promised = replace(policy, k=manifest["k"]["minimum"], k_rule=manifest["k"]["rule"])
    for place, (name, spec) in enumerate(manifest["tables"].items(), 1):
        table = known.get(name)
        if table is None:  # its name may be anything: not told
            raise _unknown(str(place), "unknown here", "inconnue ici")
        if (spec["unit"], spec["records"]) != (table.unit, table.records):
            raise _unknown(name, "other records or unit", "autres données ou autre unité")
        if not set(table.leaves_out) <= set(spec["leaves_out"]):
            raise _unknown(
                name, "it has records that the network leaves out", "elle a des données que le réseau écarte"
            )
        domains = [(d.name, list(d.codes)) for d in table.dimensions]
        if [(d["name"], [code for code, _, _ in d["values"]]) for d in spec["dimensions"]] != domains:
            raise _unknown(name, "other dimensions or codes", "autres dimensions ou codes")
        ours = {m.name: (m.unit, m.clip, table.typical(m), m.step) for m in table.measures}
        theirs = {m["name"]: (m["unit"], m["clip"], m["typical"], m["step"]) for m in spec["measures"]}
        first = next(iter(theirs), None) == table.measures[0].name
        if not (first and theirs.items() <= ours.items()):
            raise _unknown(name, "other measures", "autres mesures")
        own = replace(table, full_cells=spec["full_cells"], max_cells=spec["max_cells"])
        sigma = spec["measures"][0]["sigma"]
        if not _bounded(spec, own) or spec["threshold"] < threshold(promised, own, sigma, Fraction(spec["delta"])):
            raise VerificationRefusal(
                "policy",
                f"table {name}: its bound or threshold does not keep the k it states. Ask the venue's steward.",
                f"table {name} : sa borne ou son seuil ne tient pas le k annoncé. Voir le responsable du lieu.",
            )


def check_sketches(manifest: dict[str, Any], policy: Policy) -> None:
    """Hold every sketch to the network's: whom it has, attributes, parts, buckets, steps, and the least that is shown."""
    known = {sketch.name: sketch for sketch in policy.sketches}
    for name, spec in manifest["sketches"].items():
        sketch = known.get(name)
        if sketch is None:
            raise _no_sketch(name, "unknown here", "inconnue ici")
        theirs = spec["records"], spec["buckets"], spec["attributes"]
        if theirs != (sketch.records, sketch.buckets, [d.name for d in sketch.attributes]):
            raise _no_sketch(name, "other records, buckets or attributes", "autres données, compartiments ou attributs")
        if [(g["parts"], g["step"]) for g in spec["groups"]] != [
            (list(sketch.parts(group)), sketch.measure.step) for group in sketch.groups
        ]:
            raise _no_sketch(name, "other parts or steps", "autres parties ou autres pas")
        if not set(sketch.leaves_out) <= set(spec["leaves_out"]) or spec["max_tickets"] > sketch.max_tickets:
            raise _no_sketch(
                name, "it has people that the network leaves out", "elle a des personnes que le réseau écarte"
            )
        if spec["minimum"] < sketch.minimum or Fraction(spec["z"]) < sketch.z:
            raise _no_sketch(name, "it shows smaller audiences", "elle montre de plus petits publics")


def _bounded(spec: dict[str, Any], table: Table) -> bool:
    """Do the sensitivities stated follow from the bounds stated, at every level of the network's table?"""
    if [tuple(level["dimensions"]) for level in spec["levels"]] != [level.dimensions for level in table.levels]:
        return False
    for stated in spec["measures"]:
        measure = next(m for m in table.measures if m.name == stated["name"])
        square, levels = (table.typical(measure) * measure.step) ** 2, spec["levels"] if table.clips(measure) else []
        if len(stated["levels"]) != len(levels) or stated["bound_squared"] < spec["full_cells"] * square:
            return False
        drawn = zip(levels, stated["levels"], strict=True)
        if any(v["bound_squared"] < level["reach"] ** 2 * square for level, v in drawn):
            return False
    return True


def _loss(epsilon: Fraction, delta: Fraction) -> str:
    return f"ε = {float(epsilon):g}, δ = {float(delta):g}"


def _weak(stated: str, demanded: str) -> VerificationRefusal:
    return VerificationRefusal(
        "policy",
        f"the release promises {stated}; this hub demands {demanded}. The venue must use the network's policy.",
        f"la publication promet {stated} ; ce hub exige {demanded}. Le lieu doit suivre la politique du réseau.",
    )


def _unknown(name: str, why_en: str, why_fr: str) -> VerificationRefusal:
    return VerificationRefusal(
        "table",
        f"table {name} is not the network's ({why_en}). The venue must use the network's policy.",
        f"la table {name} n’est pas celle du réseau ({why_fr}). Le lieu doit suivre la politique du réseau.",
    )


def _no_sketch(name: str, why_en: str, why_fr: str) -> VerificationRefusal:
    return VerificationRefusal(
        "sketch",
        f"sketch {name} is not the network's ({why_en}). The venue must use the network's policy.",
        f"l’esquisse {name} n’est pas celle du réseau ({why_fr}). Le lieu doit suivre la politique du réseau.",
    )
