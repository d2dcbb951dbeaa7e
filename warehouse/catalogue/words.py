"""The sentences of the catalogue, always in French and in English, out of `texts.toml` and the policy's own words."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from warehouse.catalogue.products import Catalogue, Product

Both = tuple[str, str]  # French, English


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("warehouse") / "catalogue" / "texts.toml").read_text("utf-8"))


def say(key: str, **values: object) -> Both:
    """Return a text with its values in: a pair is a value a language."""
    fr, en = _texts()[key]
    each = [{k: v[i] if isinstance(v, tuple) else v for k, v in values.items()} for i in (0, 1)]
    return fr.format(**each[0]), en.format(**each[1])


def joined(*texts: Both, by: str = " ") -> Both:
    """Return several texts as one."""
    return by.join(t[0] for t in texts), by.join(t[1] for t in texts)


def about(catalogue: Catalogue, product: Product) -> Both:
    """Say what a product is: counted what, by what, for whom and when."""
    t = product.table
    names = ", ".join(catalogue.members[v].name for v in product.venues if v in catalogue.members)
    return say(
        "product", title=(t.fr, t.en), measures=_lower([(m.fr, m.en) for m in t.measures]),
        dimensions=_lower([(d.fr, d.en) for d in t.dimensions]), venues=names, periods=", ".join(product.periods),
    )  # fmt: skip


def promise(product: Product) -> Both:
    """Say what is promised to those who were counted, and no more."""
    unit, least = product.table.unit, product.promise
    said = [
        say(f"promise_{unit}", epsilon=f"{least.epsilon:g}", delta=f"{least.delta:g}"),
        say(f"k_{least.k_rule}_{unit}", k=least.k),
        *(say(f"leaves_out_{who}") for who in product.table.leaves_out),
        say("made"),
    ]
    return joined(*said)


def _lower(names: list[Both]) -> Both:
    return joined(*((fr[0].lower() + fr[1:], en[0].lower() + en[1:]) for fr, en in names), by=", ")
