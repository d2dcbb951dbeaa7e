"""Raw rows into canonical records, by an emit of a preset.

A row is dropped (by a rule of the preset), refused (a mandatory value is missing or unreadable) or kept.
A vendor's word no vocabulary knows becomes `unknown` and is counted. Everything is lazy until asked. Raw rows
are read once: `staged` is all that is needed of them later, and has codes, numbers and keyed hashes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from aggregations.columns import PLACES, Columns
from aggregations.conditions import holds
from aggregations.cooperative import match_key, of_address
from aggregations.geography import place_of
from aggregations.mapping import Emit, Field, Preset
from aggregations.persons import CONTACTS, SEPARATOR, WRITTEN, Domain, buyer_is, keyed
from aggregations.referential import domain_of, tariff_flags, worded, young_words
from aggregations.schema import FRAMES, INSTANT
from aggregations.venue import Venue

_ELSEWHERE = ("postal_code", "city", "country", "consent_regime")  # fields that are no column of their own
_MANDATORY = {
    "transactions": ("order", "performance_at", "purchased_at", "status"),
    "interactions": ("person", "kind", "at"),
    "counts": ("performance_at", "count"),
    "programme": ("performance_at", "performance"),
}
KEPT = pl.col("_drop").is_null() & pl.col("_problem").is_null()


@dataclass(frozen=True, slots=True)
class Canonical:
    """An emit over raw rows, lazy.

    `rows`: the raw columns, `_drop` (reason) and `_problem` (an index), both null where the row is kept.
    `staged`: the same rows as `_file`, `_line`, `_n`, `_drop`, `_problem`, the frame's columns, `_repeats` (rows of one
    `row_ref` are one row repeated, else different rows), `_contact` (an exempt row that has one: must be none), `_match` and
    `_unknown<i>` (keyed hash of a label that no vocabulary knows).
    """

    source: str
    emit: Emit
    rows: pl.LazyFrame
    staged: pl.LazyFrame
    problems: tuple[tuple[str, str], ...]  # column, reason: `_problem` is an index
    unknown: dict[str, tuple[pl.Expr, pl.Expr]]  # column -> label, whether no vocabulary knows it; by `_unknown<i>`
    refused: dict[str, tuple[pl.Expr, pl.Expr]]  # the same, of the columns whose row is refused for it
    key: bytes

    @property
    def kept(self) -> pl.LazyFrame:
        """The raw rows that become records."""
        return self.rows.filter(KEPT)


def canonical(preset: Preset, emit: Emit, raw: pl.LazyFrame, venue: Venue, key: bytes) -> Canonical:
    """Prepare the records of one emit; nothing is computed yet."""
    return _Builder(preset, emit, raw, venue, key).build()


class _Builder:
    def __init__(self, preset: Preset, emit: Emit, raw: pl.LazyFrame, venue: Venue, key: bytes) -> None:
        self.preset, self.emit, self.key = preset, emit, key
        self.raw = raw if emit.where is None else raw.filter(holds(emit.where))
        self.columns = Columns(preset, emit, raw.collect_schema(), venue)

    def build(self) -> Canonical:
        emit, frame = self.emit, self.emit.frame
        spec = FRAMES[frame]
        order = self.columns.identity(emit.order)
        who: dict[Domain, pl.Expr] = {
            domain: self.columns.once(domain, self._contact(columns, domain)) for columns, domain in emit.person
        }
        regime = self.columns.regime() if frame != "programme" else pl.lit(None, pl.String)
        known = {name: self.columns.value(name) for name in emit.fields if name not in _ELSEWHERE}
        for name in ("family", "tariff", "channel"):  # no vendor tells all of them
            known.setdefault(name, pl.lit("unknown"))
        if emit.daily:
            who["visitor"] = self._of_the_day(known["at"])
        quantity = known.get("quantity", pl.lit(1, pl.Int64))
        if frame == "transactions":
            known.setdefault("unit_price_cents", pl.lit(None, pl.Int64))
            free = (known["status"] == "paid") & (known["unit_price_cents"] == 0)
            known["status"] = pl.when(free).then(pl.lit("free")).otherwise(known["status"])
        identity = self._row_identity()
        performance = self.columns.performance(known.get("performance_at", pl.lit(None, INSTANT)))
        parts = {
            "order": order,
            "person": pl.coalesce([*who.values(), pl.lit(None, pl.String)]),
            "performance": performance,
        }
        for name in _MANDATORY[frame]:
            self.columns.require(name, parts[name] if name in parts else known[name])
        self.columns.require("row", identity)

        hashed = {domain: keyed(self._domain(text, domain), self.key, domain) for domain, text in who.items()}
        columns: dict[str, pl.Expr] = {
            "source": pl.lit(self.preset.name),
            "source_row": pl.col("_line"),
            "row_ref": keyed(
                self.columns.sourced(pl.concat_str(pl.lit(frame + emit.part), identity, separator=SEPARATOR)),
                self.key,
                "row",
            ),
            "order_ref": pl.col("_order_ref"),
            "person": pl.coalesce([*hashed.values(), pl.col("_order_ref")]),
            "identified": pl.any_horizontal([pl.lit(False), *(text.is_not_null() for text in who.values())]),
            "performance_ref": keyed(performance, self.key, "performance"),
            "consent_regime": regime,
            "is_test": pl.lit(False),
            **known,
            **self._flags(known, who.get("contact", pl.lit(None, pl.String))),
            **self._facts(known),
            "quantity": quantity.fill_null(1),
        }
        if "country" in spec:
            columns |= {name: known.get(name, pl.col(name)) for name in PLACES}
            columns["country"] = pl.col("country")
        known_person = pl.any_horizontal([pl.lit(False), *(who[d].is_not_null() for d in CONTACTS if d in who)])
        exempt = (regime == "exempt_audience") & known_person
        rows = self._judged()
        unknown = self.columns.unknown
        staged = rows.with_columns(_order_ref=keyed(self.columns.sourced(order), self.key, "order")).select(
            *("_file", "_line", "_n", "_drop", "_problem"),
            *(columns.get(name, pl.lit(None, t)).cast(t).alias(name) for name, t in spec.items()),
            *(
                keyed(pl.when(missed).then(label), self.key, "label").alias(f"_unknown{i}")
                for i, (label, missed) in enumerate(unknown.values())
            ),
            _repeats=self.columns.identity(emit.row).is_not_null() & (not emit.numbered),
            _contact=exempt,
            _match=self._match(who, exempt),
        )
        return Canonical(
            source=self.preset.name,
            emit=emit,
            rows=rows,
            staged=staged,
            problems=tuple((column, reason) for column, reason, _ in self.columns.problems),
            unknown=unknown,
            refused=self.columns.refused,
            key=self.key,
        )

    def _judged(self) -> pl.LazyFrame:
        fields = self.emit.fields
        # Before the place is added: its columns may have names of raw ones.
        rows = self.raw.with_columns(e.alias(n) for n, e in self.columns.made.items())
        if "country" in FRAMES[self.emit.frame]:
            postal, country, city = (
                self.columns.text(fields[name][0]) if name in fields else pl.lit(None, pl.String)
                for name in ("postal_code", "country", "city")
            )
            rows = rows.with_columns(_code=postal, _country=country, _city=city)
            rows = place_of(rows, "_code", "_country", "_city")
            unplaced = pl.col("country").is_null() | ((pl.col("country") == "FR") & pl.col("commune").is_null())
            self.columns.unknown["postal_code"] = (pl.col("_code"), pl.col("_code").is_not_null() & unplaced)
        drop = pl.coalesce(
            [*(pl.when(holds(when)).then(pl.lit(reason)) for when, reason in self.emit.drop), pl.lit(None, pl.String)]
        )
        first = pl.coalesce(
            [
                *(pl.when(bad).then(pl.lit(i)) for i, (_, _, bad) in enumerate(self.columns.problems)),
                pl.lit(None, pl.Int32),
            ]
        )
        return rows.with_columns(_drop=drop).with_columns(_problem=pl.when(pl.col("_drop").is_null()).then(first))

    # --- identities -----------------------------------------------------------------------------

    def _contact(self, columns: Sequence[str], domain: Domain) -> pl.Expr:
        texts = [self.columns.text(Field((c,))) for c in columns]
        written = WRITTEN.get(domain)
        return pl.coalesce([written(t, self.columns.venue.country) if written else t for t in texts])

    def _match(self, who: dict[Domain, pl.Expr], exempt: pl.Expr) -> pl.Expr:
        key = match_key(self.columns.venue)
        if not key or self.emit.frame != "transactions" or "contact" not in who:
            return pl.lit(None, pl.UInt64)
        return of_address(pl.when(~exempt).then(who["contact"]), key)

    def _of_the_day(self, at: pl.Expr) -> pl.Expr:
        """Name a visitor by what the row tells of the machine and by the venue's day; null where any of it is missing."""
        texts = [self.columns.text(Field((c,))) for c in self.emit.daily]
        day = at.dt.convert_time_zone(self.columns.venue.timezone).dt.to_string("%Y-%m-%d")
        return pl.concat_str([*texts, day], separator=SEPARATOR)

    def _domain(self, text: pl.Expr, domain: Domain) -> pl.Expr:
        return text if domain in WRITTEN else self.columns.sourced(text)

    def _row_identity(self) -> pl.Expr:
        own = self.columns.identity(self.emit.row)
        return pl.coalesce(own, self.columns.identity(self.emit.row_else)) if self.emit.row_else else own

    def _facts(self, known: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """What a row says of its performance, beside its genre as the tables know it."""
        if "event_ref" not in FRAMES[self.emit.frame]:
            return {}
        labels = [self.columns.text(f) for f in self.emit.fields.get("family", ()) if f.columns]
        young = pl.any_horizontal(
            [pl.lit(False), *(worded(t, young_words(), pl.Boolean()).fill_null(False) for t in labels)]
        )
        nothing, event = pl.lit(None, pl.Boolean), pl.lit(None, pl.String)
        if self.emit.event:
            event = self.columns.sourced(self.columns.identity(self.emit.event))
        return {
            "event_ref": keyed(event, self.key, "event"),
            "domain": domain_of(labels, known["family"]),
            "young_audience": young | known.get("young_audience", nothing).fill_null(False),
            "sensitive": known.get("sensitive", nothing).fill_null(False),
        }

    def _flags(self, known: dict[str, pl.Expr], email: pl.Expr) -> dict[str, pl.Expr]:
        """Group, school and reseller: as stated, else as the tariff's, the channel's or the address's words say."""
        if self.emit.frame != "transactions":
            return {}
        labels = [self.columns.text(f) for f in self.emit.fields.get("tariff", ()) if f.columns]
        nothing = pl.lit(None, pl.Boolean)
        words = {word: flag for flag, said in tariff_flags().items() for word in said}
        said = pl.coalesce([*(worded(label, words) for label in labels), pl.lit(None, pl.String)])
        self.columns.made["_made_flag"] = said
        flags: dict[str, pl.Expr] = {}
        for flag in tariff_flags():
            told = pl.col("_made_flag").eq_missing(pl.lit(flag)) | buyer_is(email, flag)
            if flag == "reseller":
                told |= (known["channel"] == "revendeur") | (known["tariff"] == "revendeur")
            flags[f"is_{flag}"] = pl.coalesce(known.get(f"is_{flag}", nothing), told)
        return flags
