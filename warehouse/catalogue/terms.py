"""Terms of use as ODRL offers, from the library `terms.toml`: one offer a purpose, of every product.

An offer is plain JSON in the compact form that the Dataspace Protocol fixes; `CONTEXT` makes JSON-LD of it. It names no
product: a dataset that has it as its policy is what its rules are about. What ODRL has no word for is an action of the
catalogue's own, with its meaning in French and English, said to be within an action of ODRL's.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from warehouse.catalogue.settings import Settings

_ODRL = "http://www.w3.org/ns/odrl/2/"
_RULES = ("permission", "prohibition", "obligation")
CONTEXT: dict[str, Any] = {
    "@vocab": _ODRL,
    "odrl": _ODRL,
    "title": {"@id": "http://purl.org/dc/terms/title", "@container": "@language"},
    "description": {"@id": "http://purl.org/dc/terms/description", "@container": "@language"},
    **{key: {"@type": "@id"} for key in ("profile", "assigner", "assignee", "permission", "prohibition", "obligation")},
    **{key: {"@type": "@vocab"} for key in ("action", "leftOperand", "operator", "conflict", "includedIn")},
    "constraint": {"@type": "@id"},
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission, prohibition or obligation. `only`: left operand, operator, right operand of its constraint."""

    name: str
    kind: str
    action: str
    text: tuple[str, str]  # French, English
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """Named terms for one purpose, which has the same id."""

    name: str
    title: tuple[str, str]
    text: tuple[str, str]
    rules: tuple[Rule, ...]
    members_only: bool


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((files("warehouse") / "catalogue" / "terms.toml").read_text("utf-8"))


@cache
def library() -> tuple[Terms, ...]:
    """Return the named terms, in the order of the file; KeyError if it names a rule that it does not have."""
    rules = {
        name: Rule(name, r["kind"], r["action"], tuple(r["text"]), tuple(r.get("only", ())))
        for name, r in _file()["rules"].items()
    }
    always = _file()["always"]["rules"]
    return tuple(
        Terms(
            name, tuple(t["title"]), tuple(t["text"]), tuple(rules[r] for r in (*t["rules"], *always)), t.get("members_only", False)
        )
        for name, t in _file()["terms"].items()
    )  # fmt: skip


def offers(settings: Settings) -> list[dict[str, Any]]:
    """Return the library as ODRL offers, without the `@context`."""
    return [_offer(settings, terms) for terms in library()]


def actions(settings: Settings) -> list[dict[str, Any]]:
    """Return the actions of the catalogue's own, each within one of ODRL's."""
    return [
        {"@id": settings.iri("action", name), "@type": "Action", "includedIn": a["within"], "title": _both(a["text"])}
        for name, a in _file()["actions"].items()
    ]


def _offer(settings: Settings, terms: Terms) -> dict[str, Any]:
    use = Rule("use", "permission", "use", terms.text)
    rules = {kind: [_rule(settings, terms, r) for r in (use, *terms.rules) if r.kind == kind] for kind in _RULES}
    return {
        "@id": settings.iri("terms", terms.name),
        "@type": "Offer",
        "profile": settings.iri("profile"),
        "assigner": settings.iri("publisher"),
        "conflict": "prohibit",
        "title": _both(terms.title),
        **{kind: of for kind, of in rules.items() if of},
    }


def _rule(settings: Settings, terms: Terms, rule: Rule) -> dict[str, Any]:
    """Return a rule; what is permitted is permitted for the purpose, and to members if the terms are theirs."""
    name, only, permits = rule.name, rule.only, rule.kind == "permission"
    if permits:
        name, only = f"{rule.name}-{terms.name}", ("purpose", "eq", settings.iri("purpose", terms.name))
    own = rule.action in _file()["actions"]
    made: dict[str, Any] = {
        "@id": settings.iri("rule", name),
        "@type": "Duty" if rule.kind == "obligation" else rule.kind.title(),
        "action": settings.iri("action", rule.action) if own else _word(rule.action),
        "description": _both(rule.text),
    }
    if only:
        left, operator, right = only
        value = right if permits else _ODRL + right
        operands = {"leftOperand": _word(left), "operator": operator, "rightOperand": {"@id": value}}
        made["constraint"] = [{"@id": settings.iri("only", name), "@type": "Constraint", **operands}]
    if permits and terms.members_only:
        made["assignee"] = settings.iri("members")
    return made


def _word(word: str) -> str:
    """Return a word of ODRL's as the protocol's own context understands it: `use` it knows, others need the prefix."""
    return word if word == "use" else f"odrl:{word}"


def _both(text: tuple[str, str] | list[str]) -> dict[str, str]:
    return {"fr": text[0], "en": text[1]}
