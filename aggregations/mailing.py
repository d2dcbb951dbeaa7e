"""The venue's own consenting contacts that fit a targeting brief, as a file for its own newsletter tool.

Records hold no address, so the raw exports that still lie in the inbox are read again, and each address is hashed as loading
does; what is written is the addresses, and nothing else of anyone. Someone fits who has all codes of one of the
brief's segments, as the records tell them today. Their last dated word must be yes, in whichever system it was said; an
objection, a `forget`, or the chance of being a minor wins. Organisations' addresses are left out.

The file lies in `inbox/mailings/`, where direct identifiers may be and nothing else looks, for this account only; `forget` and
`purge` take all such files away, since another is made in a moment. An act is recorded: how many, never who.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aggregations import segments
from aggregations.acts import record
from aggregations.consents import consenting
from aggregations.detect import detect
from aggregations.disk import PART, write_whole
from aggregations.forgotten import among
from aggregations.persons import contact, keyed
from aggregations.programme import programme, with_genres
from aggregations.publication import home
from aggregations.raw import files_of, loaded
from aggregations.reception import alone, sweep
from aggregations.records import records
from aggregations.staging import stage, without_values
from aggregations.tables import Records, attributes, visits
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.errors import Fault, JaugeError

TRAITS = ("provenance", "departement", "age_band", "loyalty", "family")  # what can be told of someone
_ADDRESS = r"([^\s,;<>\"'()\[\]]+@[^\s,;<>\"'()\[\]]+)"
_ORGANISATION = ("is_group", "is_school", "is_reseller")
Codes = Mapping[str, str]


class _Segment(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    codes: dict[str, str] = Field(min_length=1)


class _Brief(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")  # of a file's name
    segments: list[_Segment] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Mailing:
    """The file, how many addresses are in it, how many fit and consent by the records, and what could not be used.

    `fitting` is more than `found` where the export that has someone's address has left the inbox. `aside`: segments of
    the brief that are no trait of a person (a channel, a price). `unread`: exports that can no longer be read.
    """

    path: Path
    found: int
    fitting: int
    aside: int
    unread: int


def write_mailing(venue: Venue, brief: Path, today: date) -> Mailing:
    """Write the addresses of the venue's consenting contacts that fit; a Fault if the brief says nothing of a person."""
    told = _read(brief)
    wanted = [s.codes for s in told.segments if s.codes.keys() <= {*TRAITS}]
    if not wanted:
        raise Fault(
            f"No segment of {brief.name} is a trait of a contact: {', '.join(TRAITS)}.",
            f"Aucun segment de {brief.name} n’est un trait d’un contact : {', '.join(TRAITS)}.",
        )
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        sweep(venue)
        persons = _fitting(venue, wanted, Period.containing(today))
        addresses, unread = _addresses(venue, persons)
        venue.mailings.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = venue.mailings / f"{told.id}.csv"
        write_whole(path, addresses.select("email").write_csv())
        record(venue, "mailing", found=addresses.height)
    return Mailing(path, addresses.height, len(persons), len(told.segments) - len(wanted), unread)


def clear(venue: Venue) -> None:
    """Take every such file away: whoever is forgotten, or late, may be in it. Under the store's lock."""
    for file in venue.mailings.glob("*") if venue.mailings.is_dir() else ():
        file.unlink()


def _read(brief: Path) -> _Brief:
    try:
        return _Brief.model_validate_json(brief.read_text("utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise Fault(
            f"{brief.name} is no brief: `jauge brief` writes one as brief.json, with `id` and `segments`.",
            f"{brief.name} n’est pas un brief : `jauge brief` en écrit un, brief.json, avec `id` et `segments`.",
        ) from None


def _fitting(venue: Venue, wanted: Sequence[Codes], period: Period) -> pl.Series:
    """Return the numbers of who fits, consents, and may be written to."""
    place = home(venue)
    rows = with_genres(records(venue, "transactions"), programme(venue))
    empty = pl.LazyFrame()
    known = visits(Records(rows, empty, empty, place)).filter(pl.col("identified"))
    kept = known.filter(segments.before("performance_at", period, place.timezone))
    used = {name for codes in wanted for name in codes}
    people = attributes(known, period, place, used - {"family"})
    if "family" in used:
        families = kept.group_by("person").agg(pl.col("family").unique())
        people = people.join(families, on="person", how="left")
    fits = pl.any_horizontal([pl.all_horizontal([_has(d, c) for d, c in codes.items()]) for codes in wanted])
    out = kept.filter(
        segments.perhaps_minor(period) | pl.any_horizontal(pl.col(_ORGANISATION).fill_null(False))
    ).select("person")
    asked = pl.Series(sorted(among(known, venue)), dtype=pl.UInt64).implode()
    found = people.filter(fits.fill_null(False), ~pl.col("person").is_in(asked))
    found = found.join(out, on="person", how="anti").join(consenting(venue), on="person", how="semi")
    return found.select(pl.col("person").unique().sort()).collect(engine="streaming")["person"]


def _has(dimension: str, code: str) -> pl.Expr:
    return pl.col(dimension).list.contains(code) if dimension == "family" else pl.col(dimension) == code


def _addresses(venue: Venue, persons: pl.Series) -> tuple[pl.DataFrame, int]:
    """Return `email`, one a person, as written in the export loaded last; and how many exports could not be read."""
    found, unread = pl.DataFrame(schema={"person": pl.UInt64, "email": pl.String}), 0
    for receipt in loaded(venue):
        try:
            with tempfile.TemporaryDirectory(prefix=PART, dir=venue.inbox, ignore_cleanup_errors=True) as scratch:
                detection = detect(files_of(venue, receipt), name=receipt.preset)
                for one in stage(detection, venue, venue.person_key, Path(scratch)):
                    with without_values(detection):
                        columns = [c for own, domain in one.records.emit.person if domain == "contact" for c in own]
                        here = [*_read_again(one.records.rows, columns, venue.person_key, persons)]
                        found = pl.concat([found, *here])
        except JaugeError:
            unread += 1
    return found.unique("person", keep="last", maintain_order=True).sort("email"), unread


def _read_again(rows: pl.LazyFrame, columns: list[str], key: bytes, persons: pl.Series) -> Iterator[pl.DataFrame]:
    """Yield `person` and `email` of the rows in which one of these persons is."""
    schema: Mapping[str, Any] = rows.collect_schema()
    for column in columns:
        if schema[column] == pl.String:
            told = rows.select(
                person=keyed(contact(pl.col(column)), key, "contact"), email=pl.col(column).str.extract(_ADDRESS)
            )
            mine = told.filter(pl.col("person").is_in(persons.implode())).drop_nulls()
            yield mine.unique("person", keep="last", maintain_order=True).collect(engine="streaming")
