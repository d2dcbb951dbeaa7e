"""Where a segment's people live, as communes and postal codes that an ad platform knows.

The table of communes in `warehouse/reference/` is public and the same as the venues' own (a test holds them equal); the hub
cannot reach theirs. Rings are those of `provenance`, around the venue's commune.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import polars as pl

from privacy.errors import Fault

RINGS = ("commune", "epci", "departement", "region")


@cache
def communes() -> pl.DataFrame:
    """Return the communes of France: code, nom, epci, departement, region, codes_postaux."""
    with as_file(files("warehouse") / "reference" / "communes.parquet") as path:
        return pl.read_parquet(path)


def ring(home: str, code: str) -> pl.DataFrame:
    """Return the communes of one provenance around a commune; none for abroad; all beyond the region for `france`."""
    known = communes()
    found = known.filter(pl.col("code") == home)
    if found.is_empty():
        raise Fault(
            "The member's commune is not a commune of today: see governance.toml.",
            "La commune de ce membre n’est pas une commune actuelle : voyez governance.toml.",
        )
    own = found.row(0, named=True)
    same = {
        "commune": pl.col("code") == own["code"],
        "epci": (pl.col("epci") == pl.lit(own["epci"], pl.String)).fill_null(False),
        "departement": pl.col("departement") == own["departement"],
        "region": pl.col("region") == own["region"],
    }
    if code == "france":
        return known.filter(~same["region"])
    if code not in same:
        return known.clear()
    nearer = RINGS[: RINGS.index(code)]
    return known.filter(same[code] & ~pl.any_horizontal(pl.lit(False), *(same[n] for n in nearer)))


def within(departement: str) -> pl.DataFrame:
    """Return the communes of a département."""
    return communes().filter(pl.col("departement") == departement)


def postal_codes(places: pl.DataFrame) -> list[str]:
    """Return their postal codes, each once. Some serve other communes too: ads know no smaller places."""
    return places.select(pl.col("codes_postaux").explode()).to_series().drop_nulls().unique().sort().to_list()
