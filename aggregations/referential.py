"""The common référentiel: French geography and the words of genres, tariffs and channels.

Tables lie in `aggregations/reference/` and are read on first use. A label matches a word when both are
equal once lower-cased, without accents and with punctuation read as a space: nothing is guessed.
A postal code stands for the most populous commune it serves, by the official table; its first digits
are never read as a département.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import polars as pl

from privacy.errors import Fault

PLACE = ("commune", "epci", "departement", "region", "country")

_TERRITORIES = (
    "GP",
    "MQ",
    "GF",
    "RE",
    "YT",
    "PM",
    "BL",
    "MF",
    "TF",
    "WF",
    "PF",
    "NC",
)  # French, with codes of their own
# Alone, without a country: shapes no French postal code has.
_CANADA = r"^[ABCEGHJ-NPRSTVXY]\d[A-Z]\d[A-Z]\d$"
_BRITAIN = r"^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$"


@dataclass(frozen=True, slots=True)
class Commune:
    """A French commune and where it belongs; `epci` is None where there is none (islands, overseas)."""

    code: str
    nom: str
    epci: str | None
    departement: str
    region: str
    population: int


@cache
def communes() -> pl.DataFrame:
    """Return the communes of France: code, nom, departement, region, epci, population, codes_postaux."""
    with as_file(files("aggregations") / "reference" / "communes.parquet") as path:
        return pl.read_parquet(path)


def commune(code: str) -> Commune:
    """Return the commune of an INSEE code, or a Fault."""
    found = communes().filter(pl.col("code") == code).drop("codes_postaux")
    if found.is_empty():
        raise Fault(
            "No commune of France has that INSEE code (five characters, not the postal code); see venue.toml.",
            "Aucune commune de France n’a ce code INSEE (cinq caractères, pas le code postal) ; voyez venue.toml.",
        )
    return Commune(**found.row(0, named=True))


@cache
def _postal_codes() -> pl.DataFrame:
    """One row a postal code: its most populous commune; equal populations go to the smaller code."""
    return (
        communes()
        .explode("codes_postaux")
        .drop_nulls("codes_postaux")
        .sort(["population", "code"], descending=[True, False])
        .unique("codes_postaux", keep="first", maintain_order=True)
        .select(
            pl.col("codes_postaux").alias("_postal"), pl.col("code").alias("_commune"), "epci", "departement", "region"
        )
        .rename({"epci": "_epci", "departement": "_departement", "region": "_region"})
    )


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
    series = pl.Series("label", list(labels), dtype=pl.String)
    return series.to_frame().select(normal(pl.col("label")).fill_null(pl.col("label")))["label"].to_list()


def coded(label: pl.Expr, words: Mapping[str, Any], dtype: pl.DataType | None = None) -> pl.Expr:
    """Look a normalised label up in normalised words; null where it is not one of them.

    A streaming plan would hold all its rows for this; inside `on_distinct` it does not.
    """
    return label.replace_strict(list(words), list(words.values()), default=None, return_dtype=dtype or pl.String())


def worded(text: pl.Expr, words: Mapping[str, Any], dtype: pl.DataType | None = None) -> pl.Expr:
    """Look a text up, once normalised, in normalised words; null where it is not one of them."""
    return on_distinct(text, lambda label: coded(normal(label), words, dtype), dtype or pl.String())


@cache
def crosswalk(kind: str) -> dict[str, str]:
    """Return normalised label -> code of the vocabulary, for genres, tariffs or channels."""
    found: dict[str, str] = {}
    for code, entry in _table(kind).items():
        if isinstance(entry, dict):
            found |= dict.fromkeys(normal_labels(_flat(entry)), code)
    return found


@cache
def domains() -> dict[str, str]:
    """Return normalised label -> SIBIL domain (level 2), for the labels that name one for certain."""
    families = [entry for entry in _table("family").values() if isinstance(entry, dict)]
    pairs = [pair for family in families for pair in family.get("domains", {}).items()]
    return {word: domain for domain, labels in pairs for word in normal_labels(labels)}


@cache
def young_words() -> frozenset[str]:
    """Return the normalised labels that say "young audience" and no genre."""
    return frozenset(normal_labels(_table("family")["young_only"]))


@cache
def tariff_flags() -> dict[str, frozenset[str]]:
    """Return the normalised tariff labels that say group, school or reseller, by that name."""
    tariffs = _table("tariff").values()
    return {
        flag: frozenset(normal_labels(word for entry in tariffs for word in entry.get(f"{flag}s", [])))
        for flag in ("group", "school", "reseller")
    }


@cache
def _countries() -> dict[str, str]:
    """Alpha-2 codes and the French and English names of countries, normalised -> alpha-2."""
    from babel import Locale

    names: dict[str, str] = {}
    for language in ("en", "fr"):
        territories: Mapping[str, str] = Locale(language).territories
        pairs = [(code, name) for code, name in territories.items() if len(code) == 2 and code.isalpha()]
        names |= dict(zip(normal_labels(name for _, name in pairs), (code for code, _ in pairs), strict=True))
        names |= {code.lower(): code for code, _ in pairs}
    names |= {"usa": "US", "uk": "GB", "fra": "FR", "bel": "BE", "che": "CH", "can": "CA", "deu": "DE", "gbr": "GB"}
    return names


def place_of(rows: pl.LazyFrame, postal_code: str, country: str) -> pl.LazyFrame:
    """Add commune, epci, departement, region and country, from two text columns; unknown is null.

    Abroad only `country` is set. Without a country, a French postal code of the table means France.
    """
    code = on_distinct(pl.col(postal_code), _written, pl.String())
    french = pl.when(code.str.len_chars() == 5).then(code)
    said = worded(pl.col(country), _countries())
    said = pl.when(said.is_in(_TERRITORIES)).then(pl.lit("FR")).otherwise(said)
    known = pl.col("_commune").is_not_null()
    shape = (
        pl.when(known).then(pl.lit("FR"))
        .when(code.str.contains(_CANADA)).then(pl.lit("CA"))
        .when(code.str.contains(_BRITAIN)).then(pl.lit("GB"))
    )  # fmt: skip
    silent = pl.col(country).fill_null("").str.strip_chars() == ""
    placed = rows.with_columns(_postal=french).join(_postal_codes().lazy(), on="_postal", how="left")
    placed = placed.with_columns(country=pl.when(silent).then(shape).otherwise(said))
    here = pl.col("country") == "FR"
    return placed.with_columns(pl.when(here).then(pl.col(f"_{name}")).alias(name) for name in PLACE[:-1]).drop(
        "_postal", *(f"_{name}" for name in PLACE[:-1])
    )


def _written(code: pl.Expr) -> pl.Expr:
    """Postal codes without spaces, CEDEX or country; four digits have lost their leading zero."""
    code = code.str.to_uppercase().str.replace(r"\s*\bCEDEX\b.*$", "").str.replace(r"\.0$", "")
    code = code.str.replace_all(r"[^A-Z0-9]", "").str.replace(r"^FR?(\d{4,5})$", "$1")
    return pl.when(code.str.contains(r"^\d{4}$")).then(code.str.zfill(5)).otherwise(code)


@cache
def _table(kind: str) -> dict[str, Any]:
    name = {"family": "families", "tariff": "tariffs", "channel": "channels"}[kind]
    return tomllib.loads((files("aggregations") / "reference" / f"{name}.toml").read_text("utf-8"))


def _flat(entry: dict[str, Any]) -> list[str]:
    lists = [*entry.get("domains", {}).values(), *(v for k, v in entry.items() if k != "domains")]
    return [word for words in lists for word in words]
