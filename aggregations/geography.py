"""French geography: where a postal code and a town's name lead; of other countries, which one.

The table of communes lies in `aggregations/reference/` and is read on first use. Nothing is guessed: a postal code
serves the communes that the official table says, its first digits are never read as a département, and a CEDEX code,
which that table does not have, leads somewhere only with the name of its town.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import polars as pl

from aggregations.referential import normal, normal_labels, on_distinct, worded
from privacy.errors import Fault

PLACE = ("commune", "epci", "departement", "region", "country")

# Parts of France that have a country code of their own.
_TERRITORIES = ("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "TF", "WF", "PF", "NC")
# Codes that tell their country where none is written, none of which France has. The first three characters of a
# Canadian code stand for it in Québec only: E1W is in New Brunswick as well as in London.
_SHAPES = {
    "CA": r"^([ABCEGHJ-NPRSTVXY]\d[A-Z]\d[A-Z]\d|[GHJ]\d[A-Z])$",
    "GB": r"^[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}$",
    "BE": r"^BE?\d{4}$",
    "CH": r"^CH\d{4}$",
    "LU": r"^LU?\d{4}$",
    "DE": r"^DE?\d{5}$",
}
_SEPARATOR = "\x1f"  # between the parts of an address
# A town after its postal code, in one cell: `38021 GRENOBLE CEDEX 9`, `69001#Lyon`.
_BESIDE = r"^\s*(?:FR?[\s-]*)?(\d{2}\s?\d{3})[\s,#-]+(\p{L}.*)$"


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
    """Return the communes of France; `datapackage.json` beside the table describes its columns."""
    with as_file(files("aggregations") / "reference" / "communes.parquet") as path:
        return pl.read_parquet(path)


def commune(code: str) -> Commune:
    """Return the commune of an INSEE code, or a Fault."""
    found = _communes(communes().filter(pl.col("code") == code))
    if not found:
        raise Fault(
            "No commune of France has that INSEE code (five characters, not the postal code); see venue.toml.",
            "Aucune commune de France n’a ce code INSEE (cinq caractères, pas le code postal) ; voyez venue.toml.",
        )
    return found[0]


def communes_of(postal_code: str) -> tuple[Commune, ...]:
    """Return the communes that a postal code of five digits serves, most populous first; none of a CEDEX code."""
    served = communes().filter(pl.col("codes_postaux").list.contains(postal_code))
    return _communes(served.sort(["population", "code"], descending=[True, False]))


def place_of(rows: pl.LazyFrame, postal_code: str, country: str, city: str) -> pl.LazyFrame:
    """Add commune, epci, departement, region and country, from three text columns; unknown is null.

    A postal code is the commune it serves that `city` names, else the most populous one. A code that the table does
    not have (CEDEX) is the one commune of that name among those whose postal codes begin alike, or the only commune
    whose codes begin so (Paris). Four digits have lost their leading zero, unless a country says otherwise or the town
    is not one that the code serves. Abroad only `country` is set; where none is written, a place found means France.
    """
    cell = pl.col(postal_code)
    code = on_distinct(cell, _code, pl.String())
    town = pl.coalesce(on_distinct(pl.col(city), _town, pl.String()), on_distinct(cell, _town_beside, pl.String()))
    said = worded(pl.col(country), _countries())
    said = pl.when(said.is_in(_TERRITORIES)).then(pl.lit("FR")).otherwise(said)
    silent = pl.col(country).fill_null("").str.strip_chars() == ""
    shape = on_distinct(code, _country_by_shape, pl.String())
    short = on_distinct(code, lambda c: c.str.contains(r"^\d{4}$"), pl.Boolean())
    postal = pl.when(code.str.contains(r"^\d{4,5}$")).then(code.str.zfill(5))
    doubt = pl.when(short & silent & town.is_not_null()).then(pl.lit("?")).otherwise(pl.lit(""))
    address = pl.concat_str(postal, town.fill_null(""), doubt, separator=_SEPARATOR)
    leads = on_distinct(address, lambda a: a.map_batches(_lead, pl.String(), is_elementwise=True), pl.String())

    rows = rows.with_columns(_commune=leads)
    found = pl.when(pl.col("_commune").is_not_null()).then(pl.lit("FR")).otherwise(shape)
    rows = rows.with_columns(country=pl.when(silent).then(found).otherwise(said))
    rows = rows.with_columns(_commune=pl.when(pl.col("country") == "FR").then("_commune"))
    belongs = communes().select(pl.col("code").alias("_commune"), *(pl.col(n).alias(f"_{n}") for n in PLACE[1:-1]))
    rows = rows.join(belongs.lazy(), on="_commune", how="left")
    placed = rows.with_columns(pl.col(f"_{name}").alias(name) for name in PLACE[:-1])
    return placed.drop(f"_{name}" for name in PLACE[:-1])


def _lead(addresses: pl.Series) -> pl.Series:
    """Return the communes to which addresses lead: postal code, town and whether the code is in doubt, as one text."""
    parts = (
        addresses.str.split_exact(_SEPARATOR, 2).struct.rename_fields(["_postal", "_town", "_doubt"]).struct.unnest()
    )
    rows = parts.with_columns(_area=_area(pl.col("_postal")))
    for name, table in _tables().items():
        keys = [key for key in table.columns if key != "_commune"]
        rows = rows.join(table.rename({"_commune": name}), on=keys, how="left", maintain_order="left")
    sure, nowhere = pl.col("_doubt") == "", pl.col("_largest").is_null()
    only = pl.when(pl.col("_town") == "").then("_only")
    beyond = pl.when(nowhere & sure).then(pl.coalesce("_alike", only))
    return rows.select(pl.coalesce("_named", pl.when(sure).then("_largest"), beyond).alias(addresses.name)).to_series()


@cache
def _tables() -> dict[str, pl.DataFrame]:
    """Return where a postal code (`_postal`), the first digits it has in common with others (`_area`) and a town lead."""
    ranked = communes().sort(["population", "code"], descending=[True, False])
    served = ranked.explode("codes_postaux").drop_nulls("codes_postaux").select(
        pl.col("codes_postaux").alias("_postal"), _area(pl.col("codes_postaux")).alias("_area"),
        pl.col("code").alias("_commune"), "nom", "autres_noms",
    )  # fmt: skip
    names = pl.concat(
        [
            served.select("_postal", "_area", "_commune", _town(pl.col("nom")).alias("_town"), today=True),
            served.explode("autres_noms").drop_nulls("autres_noms").select(
                "_postal", "_area", "_commune", _town(pl.col("autres_noms")).alias("_town"), today=False
            ),
        ]
    )  # fmt: skip
    return {
        "_named": _the_one(names, ["_postal", "_town"]),
        "_largest": served.unique("_postal", keep="first", maintain_order=True).select("_postal", "_commune"),
        "_alike": _the_one(names, ["_area", "_town"]),
        "_only": served.select("_area", "_commune").unique().unique("_area", keep="none"),
    }


def _the_one(names: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The only commune of a name; the name it has today comes before one that it took in."""
    known = names.select(*keys, "_commune", "today").unique()
    today, former = (known.filter(part).select(*keys, "_commune") for part in (pl.col("today"), ~pl.col("today")))
    former = former.join(today, on=keys, how="anti")
    return pl.concat([today.unique(keys, keep="none"), former.unique(keys, keep="none")])


def _country_by_shape(code: pl.Expr) -> pl.Expr:
    return pl.coalesce(pl.when(code.str.contains(pattern)).then(pl.lit(c)) for c, pattern in _SHAPES.items())


def _area(postal: pl.Expr) -> pl.Expr:
    """The first digits of a postal code: three overseas, else two."""
    return pl.when(postal.str.contains("^9[78]")).then(postal.str.head(3)).otherwise(postal.str.head(2))


def _code(cell: pl.Expr) -> pl.Expr:
    """Postal codes in capitals, without spaces, CEDEX, town or `F-`, and without the `.0` of a spreadsheet."""
    code = cell.str.replace(_BESIDE, "$1").str.to_uppercase()
    code = code.str.replace(r"\s*\bCEDEX\b.*$", "").str.replace(r"\.0$", "").str.replace_all(r"[^A-Z0-9]", "")
    return code.str.replace(r"^FR?(\d{4,5})$", "$1")


def _town_beside(cell: pl.Expr) -> pl.Expr:
    return _town(cell.str.extract(_BESIDE, 2))


def _town(text: pl.Expr) -> pl.Expr:
    """Names of towns as they compare: normalised, without CEDEX, arrondissement or postal code, St and Ste in full."""
    name = normal(text).str.replace(r"^\d{5}\b", "").str.replace(r"\bcedex\b.*$", "").str.strip_chars()
    name = name.str.replace_all(r"\bst\b", "saint").str.replace_all(r"\bste\b", "sainte")
    name = name.str.replace(r"^(paris|lyon|marseille) \d{1,2} ?(?:er|e|eme)?(?: arrondissement)?$", "$1")
    return pl.when(name != "").then(name)


@cache
def _countries() -> dict[str, str]:
    """Alpha-2 and alpha-3 codes and the French and English names of countries, normalised -> alpha-2."""
    from babel import Locale
    from babel.core import get_global

    aliases: Mapping[str, list[str]] = get_global("territory_aliases")
    names = {alias.lower(): codes[0] for alias, codes in aliases.items() if alias.isalpha() and len(codes) == 1}
    for language in ("en", "fr"):
        territories: Mapping[str, str] = Locale(language).territories
        pairs = [(code, name) for code, name in territories.items() if len(code) == 2 and code.isalpha()]
        names |= dict(zip(normal_labels(name for _, name in pairs), (code for code, _ in pairs), strict=True))
        names |= {code.lower(): code for code, _ in pairs}
    return names


def _communes(rows: pl.DataFrame) -> tuple[Commune, ...]:
    return tuple(Commune(**row) for row in rows.drop("codes_postaux", "autres_noms").iter_rows(named=True))
