"""What this hub offers in a dataspace: the catalogue's own products and terms, and whether a requester meets them.

The catalogue says what an offer asks (`warehouse.catalogue.terms`), `governance.toml` says who a partner is and what it sees.
An offer is met when it is one of the catalogue's for that product, asking the same; when each permission's constraints and
assignee hold for the partner; and when the rules open at least one venue's figures to it. What cannot be checked is not met.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from privacy.errors import GovernanceRefusal, JaugeError
from warehouse.catalogue.products import Catalogue, Product
from warehouse.catalogue.settings import Settings
from warehouse.catalogue.terms import offers
from warehouse.catalogue.words import Both, about
from warehouse.charter import Governance, Partner
from warehouse.dataspace.messages import PULL, Message, canonical, typed
from warehouse.sharing import Seen, access

_ODRL = "http://www.w3.org/ns/odrl/2/"
_RULES = ("permission", "prohibition", "obligation")
_WORDS = (*_RULES, "profile", "action", "assignee", "constraint", "leftOperand", "operator", "rightOperand",
          "and", "andSequence", "or", "xone")  # fmt: skip


class Unmet(JaugeError):
    """Why terms are not met, in words for the other side."""


def catalog(catalogue: Catalogue) -> Message:
    """Return the catalogue as the protocol has it."""
    settings = catalogue.settings
    datasets = [_dataset(catalogue, product) for product in catalogue.products]
    return typed(
        "Catalog", participantId=settings.iri("publisher"), service=[service(settings)], dataset=datasets or None,
        **{"@id": settings.iri("catalogue")},
    )  # fmt: skip


def dataset(catalogue: Catalogue, name: str) -> Message | None:
    """Return one product as a dataset of the protocol, by its identifier in the catalogue."""
    product = product_of(catalogue, name)
    return typed("Dataset") | _dataset(catalogue, product) if product else None


def product_of(catalogue: Catalogue, name: object) -> Product | None:
    """Return the product that has an identifier in the catalogue."""
    return next((p for p in catalogue.products if catalogue.settings.iri("product", p.table.name) == name), None)


def _dataset(catalogue: Catalogue, product: Product) -> Message:
    settings, table = catalogue.settings, product.table
    return {
        "@id": settings.iri("product", table.name),
        "@type": "Dataset",
        "dct:identifier": table.name,
        "dct:title": _both((table.fr, table.en)),
        "dct:description": _both(about(catalogue, product)),
        "dcat:version": str(catalogue.snapshot.id),
        "hasPolicy": offers(settings),
        "distribution": [
            {
                "@id": settings.iri("pull", table.name),
                "@type": "Distribution",
                "format": PULL,
                "accessService": service(settings),
            }
        ],
    }


def service(settings: Settings) -> Message:
    """Return the hub's service of the protocol."""
    return {
        "@id": settings.iri("dataspace"),
        "@type": "DataService",
        "endpointURL": settings.endpoint or "",
    }


def _both(text: Both) -> list[dict[str, str]]:
    return [{"@value": words, "@language": language} for words, language in zip(text, ("fr", "en"), strict=True)]


def meet(
    catalogue: Catalogue, agreed: Governance, partner: Partner, offer: Message, today: date
) -> tuple[Message, tuple[Seen, ...]]:
    """Return the catalogue's own words of an offer, and what of its product a partner that meets them may see; Unmet."""
    product = product_of(catalogue, offer.get("target"))
    if product is None:
        raise Unmet("The catalogue has no such dataset.", "Le catalogue n’a pas ce jeu de données.")
    own = next((o for o in offers(catalogue.settings) if o["@id"] == offer["@id"]), None)
    if own is None or essence(own) != essence(offer):
        raise Unmet("This is none of the offers of this dataset, or it was changed: they are taken as they are.",
                    "Ce n’est pas une offre de ce jeu de données, ou elle a été modifiée : elles se prennent telles quelles.")  # fmt: skip
    return own, sight(catalogue.settings, agreed, partner, own, product.table.name, today)


def sight(
    settings: Settings, agreed: Governance, partner: Partner, policy: Message, table: str, today: date
) -> tuple[Seen, ...]:
    """Return what of a table a partner may see under a policy and the rules of now; Unmet if it is not, or no more, for it."""
    for rule in policy.get("permission", []):
        _hold(settings, agreed, partner, rule)
    try:
        seen = access(agreed, partner.id, today)
    except GovernanceRefusal as refusal:
        raise Unmet(refusal.en, refusal.fr) from None
    shared = tuple(s for s in seen.shared if s.table == table)
    if not shared:
        raise Unmet("Nothing of this dataset is open to you in this hub's rules.",
                    "Les règles de ce hub ne vous ouvrent rien de ce jeu de données.")  # fmt: skip
    return shared


def _hold(settings: Settings, agreed: Governance, partner: Partner, rule: dict[str, Any]) -> None:
    """Raise Unmet unless a permission is for this partner."""
    if rule.get("assignee") == settings.iri("members") and partner.id not in agreed.venues:
        raise Unmet("These terms are for members of the hub.", "Ces conditions sont pour les membres du hub.")
    for constraint in rule.get("constraint", []):
        asked = constraint["leftOperand"], constraint["operator"], constraint["rightOperand"]
        if asked != ("odrl:purpose", "eq", {"@id": settings.iri("purpose", partner.purpose)}):
            raise Unmet(
                f"These terms are for another purpose than yours, which is {partner.purpose} in this hub's rules.",
                f"Ces conditions sont pour un autre usage que le vôtre, {partner.purpose} dans les règles de ce hub.",
            )


def essence(policy: Message) -> str:
    """Return what a policy asks, equal for two that ask the same: names, titles, dates, parties and order do not count.

    A word of ODRL's is the same with its prefix, without, and in full, as others may write it back.
    """
    return canonical(_essence({key: policy[key] for key in (*_RULES, "profile") if policy.get(key)}))


def _essence(value: Any) -> Any:
    if isinstance(value, dict):
        if not value.keys() - {"@id", "@type"}:  # a thing that is only named
            return _essence(value.get("@id"))
        return {key: _essence(value[key]) for key in value if key in _WORDS and value[key] != []}
    if isinstance(value, list):
        return sorted((_essence(v) for v in value), key=canonical)
    return value.removeprefix(_ODRL).removeprefix("odrl:") if isinstance(value, str) else value


def narrowed(then: tuple[Seen, ...], now: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """Return what was open at the agreement and still is: an agreement never shows more than on its day."""
    still = {(s.venue, s.table): s.until for s in now}
    return tuple(
        Seen(s.venue, s.table, min(s.until, still[s.venue, s.table])) for s in then if (s.venue, s.table) in still
    )


def written(seen: tuple[Seen, ...]) -> list[dict[str, str]]:
    """Return rows as JSON can keep them."""
    return [{key: str(value) for key, value in asdict(s).items()} for s in seen]


def read(rows: list[dict[str, str]]) -> tuple[Seen, ...]:
    """Return rows that were `written`."""
    return tuple(Seen(r["venue"], r["table"], date.fromisoformat(r["until"])) for r in rows)
