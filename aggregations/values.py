"""Text of an export into instants, cents, whole numbers and yes or no; what cannot be read is null.

Everything is a Polars expression over a column whose type may be text or already typed (Parquet).
Nothing raises on a value, so no message can hold one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import polars as pl

from aggregations.referential import on_distinct, worded
from aggregations.schema import INSTANT

MoneyUnit = Literal["euros", "cents", "thousandths"]

_NAIVE_ISO = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_OFFSET_ISO = ("%+", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")
_FRENCH = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y")
_YES = ("true", "yes", "oui", "1", "o", "y", "vrai", "t", "x", "ja")
_NO = ("false", "no", "non", "0", "n", "faux", "f", "nein")
_ANSWERS: dict[str, bool] = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}
_UNIX = {"unix": 1_000_000.0, "unix_ms": 1000.0, "unix_us": 1.0}  # microseconds in one
_TO_CENTS = {"euros": 100.0, "cents": 1.0, "thousandths": 0.1}


def clean(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as trimmed text; blank is null, numbers and booleans are written out."""
    text = pl.col(name) if dtype == pl.String else pl.col(name).cast(pl.String)
    text = text.str.strip_chars(" \t\r\n\u00a0\u202f\ufeff")
    return pl.when(text != "").then(text)


def given(text: pl.Expr) -> pl.Expr:
    """Drop the zero dates that some systems write for "no date"."""
    return pl.when(~text.str.starts_with("0000-00-00") & (text != "0")).then(text)


def instant(name: str, dtype: pl.DataType, formats: Sequence[str], zone: str) -> pl.Expr:
    """Read a typed time column as UTC microseconds; a naive one is local to `zone`."""
    if isinstance(dtype, pl.Datetime):
        local = pl.col(name) if dtype.time_zone else _localised(pl.col(name), zone)
        return local.dt.convert_time_zone("UTC").cast(INSTANT)
    if dtype == pl.Date:
        return _localised(pl.col(name).cast(pl.Datetime("us")), zone).dt.convert_time_zone("UTC")
    return instant_of(clean(name, dtype), formats, zone)


def instant_of(text: pl.Expr, formats: Sequence[str], zone: str) -> pl.Expr:
    """Read text by the first format that fits: `iso`, `fr`, `unix` (seconds; `unix_ms`, `unix_us`) or a strftime pattern."""
    return on_distinct(
        text, lambda one: one.map_batches(lambda texts: _instants(texts, formats, zone), INSTANT), INSTANT
    )


def cents(name: str, dtype: pl.DataType, unit: MoneyUnit) -> pl.Expr:
    """Read money as whole cents: `12,00`, `12.00 €`, `1 234,50`, `1,234.50`; negative stays negative."""
    if dtype.is_integer() and unit == "cents":
        return pl.col(name).cast(pl.Int64)
    if dtype.is_numeric():
        return _whole(pl.col(name).cast(pl.Float64) * _TO_CENTS[unit])
    return on_distinct(clean(name, dtype), lambda text: _cents(text, unit), pl.Int64())


def _cents(text: pl.Expr, unit: MoneyUnit) -> pl.Expr:
    text = text.str.replace_all(r"(?i)[\s\u00a0\u202f€]|EUR$", "")
    text = pl.when(text.str.contains(r",\d{3}\.\d")).then(text.str.replace_all(",", "", literal=True)).otherwise(
        pl.when(text.str.contains(",", literal=True))
        .then(text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .otherwise(text)
    )  # fmt: skip
    return _whole(text.cast(pl.Float64, strict=False) * _TO_CENTS[unit])


def whole(name: str, dtype: pl.DataType) -> pl.Expr:
    """Read a whole number (`2`, `2.0`); anything else is null."""
    if dtype.is_integer():
        return pl.col(name).cast(pl.Int64)
    number = (pl.col(name) if dtype.is_float() else clean(name, dtype)).cast(pl.Float64, strict=False)
    return pl.when(number == number.round()).then(_whole(number))


def yes_no(text: pl.Expr) -> pl.Expr:
    """Read yes or no in French, English or German."""
    return worded(text, _ANSWERS, pl.Boolean())


def year(text: pl.Expr) -> pl.Expr:
    """Read the year in a date or a number, 1900 to 2099."""
    return text.str.extract(r"\b((?:19|20)\d{2})\b").cast(pl.Int16, strict=False)


def _instants(texts: pl.Series, formats: Sequence[str], zone: str) -> pl.Series:
    """Try each format on what the ones before it could not read."""
    found = pl.Series(texts.name, [None] * len(texts), dtype=INSTANT)
    for read in _readers(formats, zone):
        left = (found.is_null() & texts.is_not_null()).arg_true()
        if left.is_empty():
            break
        now = texts.gather(left).to_frame("text").select(read(pl.col("text")).cast(INSTANT))["text"]
        found = found.scatter(left, now) if len(left) < len(texts) else now.alias(texts.name)
    return found


def _readers(formats: Sequence[str], zone: str) -> Iterator[Callable[[pl.Expr], pl.Expr]]:
    for name in formats:
        if name in _UNIX:
            yield lambda text, scale=_UNIX[name]: _unix(text, scale)
            continue
        if "%z" in name:
            yield lambda text, name=name: text.str.to_datetime(name, time_unit="us", time_zone="UTC", strict=False)
            continue
        for pattern in {"iso": _NAIVE_ISO, "fr": _FRENCH}.get(name, (name,)):
            yield lambda text, pattern=pattern: _localised(
                text.str.to_datetime(pattern, time_unit="us", strict=False), zone
            ).dt.convert_time_zone("UTC")
        for pattern in _OFFSET_ISO if name == "iso" else ():
            yield lambda text, pattern=pattern: text.str.to_datetime(
                pattern, time_unit="us", time_zone="UTC", strict=False
            )


def _unix(text: pl.Expr, scale: float) -> pl.Expr:
    since = text.cast(pl.Float64, strict=False)
    return (since * scale).cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _localised(naive: pl.Expr, zone: str) -> pl.Expr:
    # The hour that comes twice in October is taken as the first; the one that never comes is unreadable.
    return naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")


def _whole(number: pl.Expr) -> pl.Expr:
    usable = pl.when(number.is_finite() & (number.abs() < 1e15)).then(number)
    return usable.round().cast(pl.Int64, strict=False)
