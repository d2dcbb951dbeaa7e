"""One canonical column out of the raw columns of a row: instants, cents, codes, yes or no.

What cannot be read where something was written is a problem of the row; a word no vocabulary knows is
`unknown` and remembered. Both are expressions: nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from aggregations import values
from aggregations.conditions import holds
from aggregations.mapping import Emit, Field, Preset
from aggregations.persons import SEPARATOR, sourced
from aggregations.referential import coded, crosswalk, looked_up, normal, normal_labels, normalised, on_distinct, worded
from aggregations.schema import CONSENT_REGIMES, FRAMES, INTERACTION_KINDS, TRANSACTION_STATUSES
from aggregations.venue import Venue
from privacy.errors import Fault

PLACES = ("commune", "epci", "departement", "region")
_REFERRERS = ("direct", "search", "website", "campaign", "social", "newsletter")
_COUNT_KINDS = ("sold", "free", "scanned", "counter")
_CROSSWALKS = ("family", "tariff", "channel")
_CLOSED: dict[str, tuple[str, ...]] = {
    "status": TRANSACTION_STATUSES,
    "kind": INTERACTION_KINDS,
    "count_kind": _COUNT_KINDS,
    "referrer": _REFERRERS,
}
_INSTANTS = ("performance_at", "purchased_at", "at", "changed_at")
_OPTIONAL = ("capacity", "changed_at")  # unreadable is as good as not there
_MONEY = ("unit_price_cents", "amount_cents")
_LOWEST = {"quantity": 1, "count": 0, "unit_price_cents": 0, "amount_cents": 0}
_DEFAULTS = {"status": "paid", "kind": "counter"}


class Columns:
    """Reads the columns of one emit; gathers `problems` (column, reason, holds) and `unknown` labels."""

    def __init__(self, preset: Preset, emit: Emit, schema: Mapping[str, pl.DataType], venue: Venue) -> None:
        self.preset, self.emit, self.schema, self.venue = preset, emit, schema, venue
        self.problems: list[tuple[str, str, pl.Expr]] = []
        self.unknown: dict[str, tuple[pl.Expr, pl.Expr]] = {}
        self.refused: dict[str, tuple[pl.Expr, pl.Expr]] = {}  # the same, where a row is refused for it
        self.made: dict[str, pl.Expr] = {}  # columns to add first, so that each is computed once
        self._own_statuses = normalised(venue.statuses.get(preset.name, {}))
        self._own_titles = normalised(dict(zip(venue.titles, normal_labels(venue.titles.values()), strict=True)))
        self._own_words = normalised(venue.families)

    def value(self, name: str) -> pl.Expr:
        """Return one column of the emit's frame; places and the consent regime are made elsewhere."""
        fields = self.emit.fields[name]
        kind = FRAMES[self.emit.frame].get(name)
        if name in _CLOSED or name in _CROSSWALKS:
            return self._code(name, fields)
        if name in PLACES:
            return self.once(name, pl.coalesce(worded(self.text(f), normalised(f.words or {})) for f in fields))
        if kind == pl.Boolean:
            return self._yes_no(name, fields)
        if name == "birth_year":
            return self._birth_year(fields)
        readers: dict[str, Callable[[Field, str, pl.DataType], pl.Expr]] = {
            **dict.fromkeys(_INSTANTS, self._instant),
            **dict.fromkeys(_MONEY, lambda f, c, t: values.cents(c, t, f.unit)),
            **dict.fromkeys(("quantity", "count", "capacity"), lambda _, c, t: values.whole(c, t)),
        }
        return self._read(name, fields, readers[name])

    def _read(
        self, name: str, fields: Sequence[Field], reader: Callable[[Field, str, pl.DataType], pl.Expr]
    ) -> pl.Expr:
        """The first value given; unreadable is a problem where something was written."""
        found: list[pl.Expr] = []
        written: list[pl.Expr] = []
        for field in fields:
            found += [pl.when(holds(when)).then(pl.lit(int(number), pl.Int64)) for when, number in field.rules]
            if field.constant is not None:
                found.append(pl.lit(int(field.constant), pl.Int64))
            elif field.join is not None:
                text = self.text(field)
                found.append(values.instant_of(text, field.formats, self._zone(field)))
                written.append(text)
            else:
                for column in field.columns:
                    number = reader(field, column, self.schema[column])
                    for less in field.minus:
                        number -= reader(field, less, self.schema[less]).fill_null(0)
                    text = self._column(column)
                    text = values.given(text) if name in _INSTANTS else text
                    if field.where is not None:
                        here = holds(field.where)
                        number, text = pl.when(here).then(number), pl.when(here).then(text)
                    found.append(number)
                    written.append(text)
        value = self.once(name, pl.coalesce(found))
        if written and name not in _OPTIONAL:
            self.problems.append((name, "unreadable", value.is_null() & pl.coalesce(written).is_not_null()))
        if name in _LOWEST:
            self.problems.append((name, f"below {_LOWEST[name]}", (value < _LOWEST[name]).fill_null(False)))
        return value

    def _instant(self, field: Field, column: str, dtype: pl.DataType) -> pl.Expr:
        if dtype == pl.String and not field.replace:
            return values.instant_of(values.given(pl.col(column)), field.formats, self._zone(field))
        return values.instant(column, dtype, field.formats, self._zone(field))

    def _birth_year(self, fields: Sequence[Field]) -> pl.Expr:
        text = pl.coalesce(self.text(field) for field in fields)
        year = self.once("birth_year", values.year(text))
        self.unknown["birth_year"] = (text, text.is_not_null() & year.is_null())
        return year

    def _yes_no(self, name: str, fields: Sequence[Field]) -> pl.Expr:
        found: list[pl.Expr] = []
        for field in fields:
            if field.rules:
                ruled = [pl.when(holds(when)).then(pl.lit(value == "true")) for when, value in field.rules]
                value = pl.coalesce([*ruled, pl.lit(None, pl.Boolean)])
            else:
                text = self.text(field)
                value = self.once(f"{name}{len(found)}", values.yes_no(text))
                self.unknown[name] = (text, text.is_not_null() & value.is_null())
            found.append(value)
        return pl.coalesce(found)

    def _code(self, name: str, fields: Sequence[Field]) -> pl.Expr:
        common = words_of(name, self.emit.frame)
        venue_first = [self._own_words] if name == "family" and self._own_words else []
        if name == "status" and self._own_statuses:
            venue_first = [self._own_statuses]
        found: list[pl.Expr] = []
        labels: list[pl.Expr] = []
        for lookup in (*venue_first, None):
            for field in fields:
                if field.rules and lookup is None:
                    found += [pl.when(holds(when)).then(pl.lit(code)) for when, code in field.rules]
                if field.constant is not None and lookup is None:
                    found.append(pl.lit(field.constant))
                if not field.columns:
                    continue
                text = self.text(field)
                if lookup is None:
                    labels.append(text)
                words = (
                    lookup
                    if lookup is not None
                    else (common if field.crosswalk else {}) | normalised(field.words or {})
                )
                found.append(looked_up(text, words, field.split))
        code = self.once(name, pl.coalesce([*found, pl.lit(None, pl.String)]))
        label = pl.coalesce([*labels, pl.lit(None, pl.String)])
        if name in _DEFAULTS and labels and not any(f.rules for f in fields):
            code = pl.when(label.is_null()).then(pl.lit(_DEFAULTS[name])).otherwise(code)
        if name in ("status", "kind"):
            # A sale whose state is not understood must not be counted as one.
            self.refused[name] = label, code.is_null() & label.is_not_null()
            self.problems.append((name, "not in the vocabulary", self.refused[name][1]))
            return code
        self.unknown[name] = (label, label.is_not_null() & code.is_null())
        return code.fill_null("unknown")

    def regime(self) -> pl.Expr:
        """Return the consent regime: of the row where it is written, else of the venue or the preset."""
        stated = self.venue.consent.get(self.preset.name, self.preset.consent_regime)
        if stated not in CONSENT_REGIMES:
            regimes = ", ".join(CONSENT_REGIMES)
            raise Fault(
                f"venue.toml, [consent]: {self.preset.name} must be one of {regimes}.",
                f"venue.toml, [consent] : {self.preset.name} doit être l’un de {regimes}.",
            )
        if "consent_regime" not in self.emit.fields:
            return pl.lit(stated)
        text = self.text(self.emit.fields["consent_regime"][0])
        written = self.once("regime", worded(text, normalised({code: code for code in CONSENT_REGIMES})))
        allowed = CONSENT_REGIMES if self.emit.frame == "interactions" else CONSENT_REGIMES[1:]
        self.problems.append(("consent_regime", "not in the vocabulary", text.is_not_null() & written.is_null()))
        self.problems.append(("consent_regime", "not for these records", ~written.is_in(allowed)))
        return pl.when(text.is_null()).then(pl.lit(stated)).otherwise(written)

    def once(self, name: str, value: pl.Expr) -> pl.Expr:
        """Have an expression over raw columns computed once a row, however often it is used."""
        self.made[f"_made_{name}"] = value
        return pl.col(f"_made_{name}")

    def identity(self, columns: Sequence[str]) -> pl.Expr:
        """Return all columns put together as one text; null where all are empty, or there are none."""
        if not columns:
            return pl.lit(None, pl.String)
        texts = [self._column(column) for column in columns]
        whole = pl.concat_str([text.fill_null("") for text in texts], separator=SEPARATOR)
        return pl.when(pl.any_horizontal(text.is_not_null() for text in texts)).then(whole)

    def performance(self, at: pl.Expr) -> pl.Expr:
        """Return a text that names the performance of a row, the same in all systems, or null.

        It is its title and the minute it starts (`at`); without a title, what its system calls it.
        """
        choices = [self.identity(c) for c in (self.emit.performance, self.emit.performance_else) if c]
        own = self.sourced(pl.coalesce(choices)) if choices else pl.lit(None, pl.String)
        if not self.emit.title:
            return own
        title = pl.coalesce(on_distinct(self.text(field), self._title, pl.String()) for field in self.emit.title)
        minute = at.dt.truncate("1m").dt.epoch("s").cast(pl.String)
        same = pl.concat_str(pl.lit(""), minute, title, separator=SEPARATOR)  # no source: of no system
        return pl.coalesce(same, own)

    def _title(self, text: pl.Expr) -> pl.Expr:
        return pl.coalesce(coded(normal(text), self._own_titles), normal(text)) if self._own_titles else normal(text)

    def sourced(self, text: pl.Expr) -> pl.Expr:
        """Put the source before a vendor's own number: number 12 of two systems is not one order."""
        return sourced(self.preset.name, text)

    def require(self, name: str, value: pl.Expr) -> None:
        """Make a missing value a problem of the row."""
        self.problems.append((name, "missing", value.is_null()))

    def text(self, field: Field) -> pl.Expr:
        """Return the text a field starts from; null where nothing is written."""
        texts = [self._column(column) for column in field.columns]
        if not texts:
            return pl.lit(None, pl.String)
        text = pl.concat_str(texts, separator=field.join) if field.join is not None else pl.coalesce(texts)
        for pattern, new in field.replace:
            text = text.str.replace_all(pattern, new)
        return text

    def _column(self, name: str) -> pl.Expr:
        return pl.col(name) if self.schema[name] == pl.String else values.clean(name, self.schema[name])

    def _zone(self, field: Field) -> str:
        return self.venue.timezone if field.zone == "venue" else field.zone


def codes_of(name: str, frame: str) -> tuple[str, ...]:
    """Return the codes that a field of a frame may have; none where it holds no code."""
    kind = "count_kind" if name == "kind" and frame == "counts" else name
    return tuple(sorted(set(crosswalk(name).values()))) if name in _CROSSWALKS else _CLOSED.get(kind, ())


def words_of(name: str, frame: str) -> dict[str, str]:
    """Return normalised word -> code. The vocabulary's own codes are words too: `theatre_recit`, `guichet`."""
    own = normalised({code: code for code in codes_of(name, frame)})
    return own | crosswalk(name) if name in _CROSSWALKS else own
