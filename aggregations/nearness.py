"""Words that are nearly known: for someone to decide about, never for the machine to go by."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from rapidfuzz import fuzz, process

from aggregations.referential import normal_labels

_LABEL = 82  # of 100: nearly the same, or a known word among others
_HEADER = 88
_CODES = 3


def near_codes(label: str, words: Mapping[str, str]) -> tuple[str, ...]:
    """Return the codes whose words are nearest to a normalised label, best first; none where nothing is near."""
    if not re.search(r"[^\W\d]{3}", label):
        return ()
    known = [word for word in words if re.search(r"[^\W\d]{3}", word)]
    found = process.extract(label, known, scorer=fuzz.token_set_ratio, score_cutoff=_LABEL, limit=20)
    ranked = sorted(found, key=lambda one: (-one[1], -len(one[0]), one[0]))  # of equals, the longer word says more
    return tuple(dict.fromkeys(words[word] for word, _, _ in ranked))[:_CODES]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("aggregations") / "reference" / "headers.toml").read_text("utf-8"))


@cache
def status_words() -> dict[str, str]:
    """Return normalised word -> status, as systems mostly write it."""
    return {word: code for code, words in _table()["statuses"].items() for word in normal_labels(words)}


def statuses() -> dict[str, list[str]]:
    """Return status -> the words that systems mostly write for it."""
    return dict(_table()["statuses"])


@cache
def _phrases() -> frozenset[tuple[str, str]]:
    """Key words of a header, and a role they may mean: "commandé le" and "commande" are told apart by values only."""
    listed = [(phrase, role) for role, phrases in _table()["roles"].items() for phrase in phrases]
    keys = [_key(text) for text in normal_labels(phrase for phrase, _ in listed)]
    return frozenset((key, role) for key, (_, role) in zip(keys, listed, strict=True))


def _key(normal: str) -> str:
    """Words that count, without plurals; all of them where none would be left."""
    words = normal.split()
    kept = [word for word in words if word not in _table()["small"]] or words
    return " ".join(word[:-1] if len(word) > 3 and word.endswith("s") else word for word in kept)


def header_roles(headers: list[str]) -> list[dict[str, float]]:
    """Return, a header, the roles it may name with how sure that is, 0 to 100; headers of JSON are paths."""
    spaced = [re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", header) for header in headers]
    wholes = [_key(text) for text in normal_labels(spaced)]
    leaves = [_key(text) for text in normal_labels(text.rsplit(".", 1)[-1] for text in spaced)]
    return [_roles(whole, leaf) for whole, leaf in zip(wholes, leaves, strict=True)]


def _roles(whole: str, leaf: str) -> dict[str, float]:
    found: dict[str, float] = {}
    parts = set(whole.split())
    for phrase, role in _phrases():
        score = fuzz.token_sort_ratio(whole, phrase)
        words = phrase.split()
        if len(phrase) > 2 and parts.issuperset(words):  # among other words: the more of them, the surer
            score = max(score, _HEADER + 3.0 * (min(len(words), 3) - 1))
        if leaf != whole:  # the last key of a path
            score = max(score, 0.95 * fuzz.token_sort_ratio(leaf, phrase))
        if score >= _HEADER:
            found[role] = max(found.get(role, 0.0), score)
    return found


def lists_tickets(key: str) -> bool:
    """Tell a JSON key whose list holds tickets, a row each, by its name."""
    (text,) = normal_labels([re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", key)])
    return bool({*text.split()} & {*normal_labels(_table()["tickets"])})
