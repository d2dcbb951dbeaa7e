"""The common référentiel's words: genre families and SIBIL's 27 domains, tariffs, channels; read here, and written for others.

Tables lie in `aggregations/reference/` (`datapackage.json` describes them) and are read on first use. A label matches
a word when both are equal once lower-cased, without accents and with punctuation read as a space: nothing is guessed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

_IRIS = {
    "schema_org": ("https://schema.org/", "http://schema.org/", "schema:"),
    "datatourisme": ("https://www.datatourisme.fr/ontology/core#",),
}


def normal(text: pl.Expr) -> pl.Expr:
    """Normalise a label: lower case, no accents, punctuation and spaces as one space; empty is null."""
    plain = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    plain = plain.str.replace_all("œ", "oe", literal=True).str.replace_all("æ", "ae", literal=True)
    plain = plain.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    return pl.when(plain != "").then(plain)


def on_distinct(text: pl.Expr, make: Callable[[pl.Expr], pl.Expr], dtype: pl.DataType) -> pl.Expr:
    """Evaluate an elementwise expression once a distinct text and batch: labels repeat, their cost does not."""

    def apply(texts: pl.Series) -> pl.Series:
        distinct = texts.drop_nulls().unique().alias("text")
        if 2 * len(distinct) > len(texts):
            return texts.to_frame("text").select(make(pl.col("text")).cast(dtype).alias(texts.name))[texts.name]
        made = distinct.to_frame().select(made=make(pl.col("text")).cast(dtype))["made"]
        if made.is_empty():
            return pl.Series(texts.name, [None] * len(texts), dtype=dtype)
        return texts.replace_strict(distinct, made, default=None, return_dtype=dtype)

    return text.map_batches(apply, return_dtype=dtype, is_elementwise=True)


def normal_labels(labels: Iterable[str]) -> list[str]:
    """Normalise labels written in a table of ours; those that come out empty are left as they are."""
    return list(_normal_labels(tuple(labels)))


@cache
def _normal_labels(labels: tuple[str, ...]) -> list[str]:
    """Presets ask for the same few hundred lists with each export, a millisecond each."""
    series = pl.Series("label", labels, dtype=pl.String)
    return series.to_frame().select(normal(pl.col("label")).fill_null(pl.col("label")))["label"].to_list()


def coded(label: pl.Expr, words: Mapping[str, Any], dtype: pl.DataType | None = None) -> pl.Expr:
    """Look a normalised label up in normalised words; null where it is not one of them.

    A streaming plan would hold all its rows for this; inside `on_distinct` it does not.
    """
    return label.replace_strict(list(words), list(words.values()), default=None, return_dtype=dtype or pl.String())


def worded(text: pl.Expr, words: Mapping[str, Any], dtype: pl.DataType | None = None) -> pl.Expr:
    """Look a text up, once normalised, in normalised words; null where it is not one of them."""
    return on_distinct(text, lambda label: coded(normal(label), words, dtype), dtype or pl.String())


def looked_up(text: pl.Expr, words: Mapping[str, str], split: str | None) -> pl.Expr:
    """Look a label, or the first known part of it, up in normalised words; `split`: pattern between parts."""
    if split is None:
        return worded(text, words)

    def first(label: pl.Expr) -> pl.Expr:
        parts = label.str.replace_all(split, "\x1f").str.split("\x1f")
        return parts.list.eval(coded(normal(pl.element()), words)).list.drop_nulls().list.first()

    return on_distinct(text, first, pl.String())


def normalised(words: Mapping[str, str]) -> dict[str, str]:
    """Normalise the labels of words that a venue or a preset wrote."""
    return dict(zip(normal_labels(words), words.values(), strict=True))


@cache
def crosswalk(kind: str) -> dict[str, str]:
    """Return normalised label -> code of the vocabulary, for genres (`family`), tariffs or channels."""
    found: dict[str, str] = {}
    for code, entry in _table(kind).items():
        found |= dict.fromkeys(normal_labels(_labels(entry)), code)
        for domain in entry.get("domains", {}).values():
            found |= dict.fromkeys(normal_labels(_labels(domain)), code)
    return found


@cache
def domains() -> dict[str, str]:
    """Return normalised label -> SIBIL domain (level 2), for the labels that name one for certain."""
    own = _table("family").values()
    pairs = [pair for family in own for pair in family.get("domains", {}).items()]
    return {label: code for code, domain in pairs for label in normal_labels(_labels(domain))}


@cache
def domain_families() -> dict[str, str]:
    """Return SIBIL domain -> the genre family it belongs to."""
    return {domain: code for code, family in _table("family").items() for domain in family.get("domains", {})}


def domain_of(labels: Iterable[pl.Expr], family: pl.Expr) -> pl.Expr:
    """Return the SIBIL domain that the first label to name one names, where it is of that family."""
    domain = pl.coalesce([*(worded(label, domains()) for label in labels), pl.lit(None, pl.String)])
    own = on_distinct(domain, lambda one: coded(one, domain_families()), pl.String())
    return pl.when(own == family).then(domain)


def written(family: str, domain: str | None = None) -> dict[str, str]:
    """Return how a genre is written in other vocabularies: `sibil`, `schema_org`, `datatourisme`, `assistant_declaration`.

    As its SIBIL domain is where that is known, else as its family is. What nothing sure can be written in is left out.
    """
    entry = _table("family").get(family, {})
    own = entry.get("domains", {}).get(domain, {})
    label = {"sibil": own["sibil"]} if own else {}
    return label | entry.get("written", {}) | own.get("written", {})


@cache
def young_words() -> dict[str, bool]:
    """Return the normalised labels that say "young audience", with a genre or without; each is true."""
    table = _read("families")
    return dict.fromkeys(normal_labels([*table["young_only"], *table["young"]]), True)


@cache
def tariff_flags() -> dict[str, frozenset[str]]:
    """Return the normalised tariff labels that say group, school or reseller, by that name."""
    tariffs = _table("tariff").values()
    return {
        flag: frozenset(normal_labels(word for entry in tariffs for word in entry.get(f"{flag}s", [])))
        for flag in ("group", "school", "reseller")
    }


def _table(kind: str) -> dict[str, dict[str, Any]]:
    name = {"family": "families", "tariff": "tariffs", "channel": "channels"}[kind]
    return {code: entry for code, entry in _read(name).items() if isinstance(entry, dict)}


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("aggregations") / "reference" / f"{name}.toml").read_text("utf-8"))


def _labels(entry: Mapping[str, Any]) -> Iterator[str]:
    """All that means a family, a domain, a tariff or a channel: short names and, of classes that have one, IRIs."""
    for scheme, labels in entry.items():
        if scheme == "sibil":
            yield labels
        elif scheme not in ("written", "domains"):
            yield from labels
            yield from (prefix + label for prefix in _IRIS.get(scheme, ()) for label in labels)
