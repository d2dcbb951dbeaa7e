"""What the values of a column look like, as shares and formats: never a value.

A day and a month that may both be either are said to be so: nothing here decides between them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import polars as pl

from aggregations import values
from aggregations.geography import place_of
from aggregations.referential import crosswalk, worded

DayOrder = Literal["", "day", "month", "either", "mixed"]

_DATE = re.compile(
    r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})"
    r"(?:(T|,? (?:à |a |at |um )?)(\d{1,2})([:hH.])\d{2}(:\d{2})?(?:( ?)[AaPp][Mm])?)?"
)
_YEAR_FIRST = re.compile(r"(?:19|20)\d{2}/\d{1,2}/\d{1,2}(?: \d{1,2}:\d{2}(:\d{2})?)?")
_TIME = re.compile(r"\d{1,2}([:hH.])\d{2}(:\d{2})?(?:( ?)[AaPp][Mm])?")
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_DECIMALS = r"[.,]\d{2}\D*$|[.,]\d*[1-9]\D*$|(?i)€|eur"
_UNIX = {"unix": (9, 10), "unix_ms": (12, 13), "unix_us": (15, 16)}  # digits of the years 2000 to 2100, nearly


@dataclass(frozen=True, slots=True)
class Look:
    """A column as a whole. `shares`: kind -> share of the values that are filled, 0 to 1."""

    filled: float  # share of the rows
    unique: bool  # all rows filled and different
    constant: bool
    shares: dict[str, float]
    formats: tuple[str, ...] = ()  # of its dates, day first where `order` is not "month"
    order: DayOrder = ""
    days: bool = False  # its dates hold no time of day
    times: tuple[str, ...] = ()  # formats of times of day
    decimals: bool = False  # some amount has decimals, or a sign of euros

    def share(self, *kinds: str) -> float:
        """Return the largest share of these kinds."""
        return max(self.shares.get(kind, 0.0) for kind in kinds)


def look(column: pl.Series) -> Look:
    """Look at a column of texts, or one that is typed (workbooks and CSV are texts, Parquet may not be)."""
    counted = column.drop_nulls().value_counts(name="rows")
    rows = int(counted["rows"].sum())
    if not rows:
        return Look(0.0, unique=False, constant=False, shares={})
    typed = column.dtype.is_temporal()
    texts = counted.select("rows", text=values.clean(column.name, column.dtype)).drop_nulls()
    dates = _dates(texts)
    share = {name: float(of or 0.0) / rows for name, of in _kinds(texts).row(0, named=True).items()}
    share["postal_code"] = _postal(texts) / rows
    share["date"] = sum(dates.formats.values()) / rows
    share["time"] = sum(dates.times.values()) / rows
    share["instant"] = 1.0 if typed else share["iso"] + share["date"]
    formats = ("iso",) if typed else (*(["iso"] if share["iso"] else []), *sorted(dates.formats))
    return Look(
        filled=rows / len(column),
        unique=counted.height == len(column),
        constant=counted.height == 1,
        shares=share,
        formats=formats,
        order="" if typed else dates.order,
        days=share["instant"] > 0 and not texts["text"].str.contains(r"\d[:hH]\d").any(),
        times=tuple(sorted(dates.times)),
        decimals=bool(texts["text"].str.contains(_DECIMALS).any()),
    )


def _kinds(texts: pl.DataFrame) -> pl.DataFrame:
    text = pl.col("text")
    number = text.str.contains(r"^\d+$")
    found = {
        "email": text.str.contains(_EMAIL),
        "iso": values.instant_of(text, ("iso",), "UTC").is_not_null(),
        "money": values.cents("text", pl.String(), "euros").is_not_null() & text.str.contains(r"\d"),
        "whole": text.str.contains(r"^-?\d{1,6}(?:\.0+)?$"),
        "year": text.str.contains(r"^(?:19|20)\d{2}$"),
        "yes_no": values.yes_no(text).is_not_null(),
        **{unix: number & text.str.len_chars().is_between(*digits) for unix, digits in _UNIX.items()},
        **{kind: worded(text, crosswalk(kind)).is_not_null() for kind in ("family", "tariff", "channel")},
    }
    return texts.select((pl.col("rows") * holds.cast(pl.Int64)).sum().alias(kind) for kind, holds in found.items())


def _postal(texts: pl.DataFrame) -> float:
    shaped = texts.lazy().filter(pl.col("text").str.contains(r"^(?:F-?)?\d{4,5}$"))
    nothing = pl.lit(None, pl.String)
    placed = place_of(shaped.with_columns(_country=nothing, _city=nothing), "text", "_country", "_city")
    return float(placed.filter(pl.col("commune").is_not_null()).select(pl.col("rows").sum()).collect().item() or 0)


@dataclass(slots=True)
class _Dates:
    formats: Counter[str]
    times: Counter[str]
    order: DayOrder = ""


def _dates(texts: pl.DataFrame) -> _Dates:
    seen, found = set[str](), _Dates(Counter(), Counter())
    for text, rows in texts.select("text", "rows").iter_rows():
        if written := _DATE.fullmatch(text):
            first, second = int(written[1]), int(written[3])
            if min(first, second) < 1 or max(first, second) > 31 or min(first, second) > 12:
                continue
            seen.add("day" if first > 12 else "month" if second > 12 else "either")
            found.formats[_format(written)] += rows
        elif written := _YEAR_FIRST.fullmatch(text):
            found.formats["%Y/%m/%d" + (" %H:%M" if ":" in text else "") + (":%S" if written[1] else "")] += rows
        elif written := _TIME.fullmatch(text):
            found.times[_time(written[1], written[2], written[3])] += rows
    if {"day", "month"} <= seen:
        found.order = "mixed"
    elif seen:
        found.order = "day" if "day" in seen else "month" if "month" in seen else "either"
    if found.order == "month":
        found.formats = Counter({month_first(name): rows for name, rows in found.formats.items()})
    return found


def _format(written: re.Match[str]) -> str:
    mark = written[2]
    day = f"%d{mark}%m{mark}{'%Y' if len(written[4]) == 4 else '%y'}"
    return day + written[5] + _time(written[7], written[8], written[9]) if written[6] else day


def _time(mark: str, seconds: str | None, space: str | None) -> str:
    """A format of times; `space` is None where no AM or PM follows."""
    hour = "%H" if space is None else "%I"
    return f"{hour}{mark}%M{':%S' if seconds else ''}{'' if space is None else f'{space}%p'}"


def month_first(name: str) -> str:
    """Return a format with its day and month the other way round."""
    return re.sub(r"^%d(.)%m", r"%m\1%d", name)


def is_value(header: str) -> bool:
    """Tell a text that no header would be: an address, a date, a number, an amount, a telephone."""
    text = header.strip()
    return bool(
        _DATE.fullmatch(text)
        or _TIME.fullmatch(text)
        or re.match(r"\d{4}-\d{2}-\d{2}", text)
        or re.fullmatch(_EMAIL, text)
        or re.fullmatch(r"[+(]?\d[\d\s.,()/-]*(?:\s?€)?", text)
    )
