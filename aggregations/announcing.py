"""What an export tells the public of its performances, out of raw rows: titles, halls, images, as `schema.LISTINGS`.

Records hold no text, so these words are kept beside them. They come from the columns that a preset's `[emits.listing]`
names, and its title; never from one that tells who someone is. Which performance a row is of is decided by `canonical`,
as for records. Rows that cannot be told of (no title, no time) are left out without a word: the records' quarantine
has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from aggregations import values
from aggregations.canonical import KEPT, canonical
from aggregations.columns import Columns
from aggregations.conditions import holds
from aggregations.geography import place_of
from aggregations.mapping import Emit, Field, Preset
from aggregations.persons import SEPARATOR, keyed
from aggregations.referential import coded, looked_up, normal, normalised
from aggregations.schema import ACCESSIBILITY, AVAILABILITIES, INSTANT, LISTING_STATUSES, LISTINGS
from aggregations.venue import Venue

_MADE = ("source", "row_ref", "performance_ref", "event_ref", "domain")
# Whatever a listing may tell; `country` only helps to place it.
TYPES = {name: kind for name, kind in LISTINGS.items() if name not in _MADE} | {"country": pl.String()}
_OF_EMIT = ("performance_at", "family", "capacity", "young_audience", "sensitive")  # what rows tell as records do
_PROSE = ("title", "description", "conditions")
_LINKS = ("image", "url", "ticket_url")
CODES = {"status": LISTING_STATUSES, "availability": AVAILABILITIES, "accessibility": ACCESSIBILITY}
_BETWEEN = r"\s*[|;]\s*"  # of a list, where no pattern says
_ADDRESS = r"(?i)(?:mailto:)?[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}"
_TAG = r"</?[A-Za-z][^<>]*>"


def announced(preset: Preset, parts: Sequence[tuple[Emit, pl.LazyFrame]], venue: Venue, key: bytes) -> pl.DataFrame:
    """Return one row a performance that these emits tell of in words, whatever the order of their raw rows."""
    told = [_told(preset, emit, raw, venue, key) for emit, raw in parts if tells(emit)]
    rows = pl.concat([pl.DataFrame(schema=LISTINGS), *told])
    if rows.is_empty():
        return rows
    # Of rows of one performance, the one changed last says it; where it is silent, the one before.
    ordered = rows.sort("row_ref", "changed_at", pl.struct(pl.exclude("changed_at")).hash(), nulls_last=False)
    greatest, any_of, price = (
        ("price_max_cents", "capacity"),
        ("young_audience", "sensitive"),
        pl.col("price_min_cents"),
    )
    last = [n for n in LISTINGS if n not in ("row_ref", "price_min_cents", *greatest, *any_of)]
    return ordered.group_by("row_ref", maintain_order=True).agg(
        pl.col(last).drop_nulls().last(), pl.col(greatest).max(), pl.col(any_of).any(),
        # An invitation at nothing beside other prices is no price from which to begin.
        pl.coalesce(price.filter(price > 0).min(), price.min()),
    ).select(LISTINGS.keys())  # fmt: skip


def tells(emit: Emit) -> bool:
    """Whether rows of an emit name a performance: a title, and when it is."""
    return bool(_title(emit) and "performance_at" in emit.fields)


def _title(emit: Emit) -> tuple[Field, ...]:
    return emit.listing.fields.get("title", emit.title)


def _told(preset: Preset, emit: Emit, raw: pl.LazyFrame, venue: Venue, key: bytes) -> pl.DataFrame:
    words = {"title": _title(emit)} | emit.listing.fields
    facts = {name: words.pop(name, emit.fields.get(name)) for name in _OF_EMIT}
    known = {name: fields for name, fields in facts.items() if fields}
    asked = [f for fields in (*words.values(), *known.values(), emit.title) for f in fields]
    needed = sorted({*_columns(asked), *emit.performance, *emit.performance_else, *emit.event})
    # Rows that say the same are one before anything is worked out: a performance has hundreds of tickets.
    rows = _chosen(emit, raw).select(needed).unique().collect(engine="streaming").sort(needed).with_row_index("_n")
    rows = rows.with_columns(pl.col("_n").cast(pl.Int64), _file=pl.lit(0, pl.UInt16), _line=pl.lit(0, pl.Int64))
    played = Emit(
        frame="programme", read=emit.read, fields=known, row=tuple(needed), performance=emit.performance,
        performance_else=emit.performance_else, title=emit.title, event=emit.event,
    )  # fmt: skip
    judged = canonical(preset, played, rows.lazy(), venue, key).staged.filter(KEPT).collect()
    columns = Columns(preset, played, rows.schema, venue)
    number = pl.coalesce(columns.identity(c) for c in (emit.performance, emit.performance_else, needed) if c)
    own = keyed(columns.sourced(pl.concat_str(pl.lit("listings"), number, separator=SEPARATOR)), key, "row")
    said = rows.select("_n", row_ref=own, **{name: _said(name, fields, columns) for name, fields in words.items()})
    told = judged.select("_n", "source", "performance_ref", "event_ref", "domain", *_OF_EMIT).join(said, on="_n")
    placed = _placed(told.with_columns(pl.lit(None, t).alias(n) for n, t in TYPES.items() if n not in told.columns))
    return placed.filter(pl.col("title").is_not_null()).select(pl.col(n).cast(t) for n, t in LISTINGS.items())


def _chosen(emit: Emit, raw: pl.LazyFrame) -> pl.LazyFrame:
    kept = raw if emit.where is None else raw.filter(holds(emit.where))
    left_out = [holds(when) for when, reason in emit.drop if reason not in emit.listing.despite]
    return kept.filter(~pl.any_horizontal(left_out)) if left_out else kept


def _columns(fields: Iterable[Field]) -> Iterator[str]:
    for one in fields:
        yield from (*one.columns, *one.minus)
        for when in (*(when for when, _ in one.rules), one.where or {}):
            yield from (column for columns in when for column in columns.split("|"))


def _said(name: str, fields: Sequence[Field], columns: Columns) -> pl.Expr:
    """The first value told, of a list all that are; what cannot be read is as good as not there."""
    found: list[pl.Expr] = []
    several = isinstance(TYPES[name], pl.List)
    for field in fields:
        stated = [(holds(when), value) for when, value in field.rules]
        stated += [(pl.lit(True), field.constant)] if field.constant is not None else []
        found += [pl.when(here).then(pl.lit([value] if several else value)) for here, value in stated]
        if field.columns:
            value = _value(name, field, columns)
            found.append(value if field.where is None else pl.when(holds(field.where)).then(value))
    if several:
        every = pl.concat_list(one.cast(TYPES[name]).fill_null([]) for one in found).list.unique(maintain_order=True)
        return pl.when(every.list.len() > 0).then(every.list.sort() if name in CODES else every)
    return pl.coalesce(found).cast(TYPES[name])


def _value(name: str, field: Field, columns: Columns) -> pl.Expr:
    kind, text = TYPES[name], columns.text(field)
    if kind == INSTANT:
        zone = columns.venue.timezone if field.zone == "venue" else field.zone
        return values.instant_of(values.given(text), field.formats, zone)
    if name.endswith("_cents"):
        return pl.coalesce(values.cents(c, columns.schema[c], field.unit) for c in field.columns)
    if kind == pl.Int64:
        return pl.coalesce(values.whole(c, columns.schema[c]) for c in field.columns)
    if kind == pl.Float64:
        return text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if name in CODES:
        words = normalised({code: code for code in CODES[name]} | dict(field.words or {}))
        if kind == pl.String:
            return looked_up(text, words, field.split)
        parts = text.str.replace_all(field.split or _BETWEEN, "\x1f").str.split("\x1f")
        return parts.list.eval(coded(normal(pl.element()), words)).list.drop_nulls()
    if name in _LINKS:
        return pl.when(text.str.contains(r"^https?://[^\s<>\"]+$")).then(text)
    if isinstance(kind, pl.List):
        parts = _without_addresses(text).str.replace_all(field.split or _BETWEEN, "\x1f").str.split("\x1f")
        return parts.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
    return _without_addresses(text.str.replace_all(_TAG, " ") if name in _PROSE else text)


def _without_addresses(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace_all(_ADDRESS, "").str.replace_all(r"[ \t\u00a0]+", " ").str.strip_chars()
    return pl.when(plain != "").then(plain)


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the commune where a postal code and a town lead, where none is told."""
    if rows["postal_code"].null_count() == rows.height:  # as in most exports: the table of communes is not even opened
        return rows
    told = rows.lazy().rename({"commune": "_told"}).with_columns(_code=pl.col("postal_code"))
    placed = place_of(told, "_code", "country", "city")
    return placed.with_columns(commune=pl.coalesce("_told", "commune")).collect()
