"""Raw rows into canonical records, by an emit of a preset.

A row is dropped (by a rule of the preset), refused (a mandatory value is missing or unreadable) or kept.
A vendor's word no vocabulary knows becomes `unknown` and is counted. Everything is lazy until asked;
identifiers are hashed in the last step, so no intermediate file has any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aggregations import values
from aggregations.mapping import Emit, Field, Preset
from aggregations.persons import Domain, contact, keyed
from aggregations.reading import holds
from aggregations.referential import coded, crosswalk, domains, normal, normal_labels, place_of, tariff_flags, young_words
from aggregations.schema import CONSENT_REGIMES, FRAMES, INTERACTION_KINDS, TRANSACTION_STATUSES
from aggregations.venue import Venue
from privacy.errors import Fault

_SEPARATOR = "\x1f"  # between the parts of an identity
_VOCABULARY = {"family", "tariff", "channel", "referrer", "kind", "status"}
_REFERRERS = ("direct", "search", "website", "campaign", "social", "newsletter")
_COUNT_KINDS = ("sold", "free", "scanned", "counter")
_MANDATORY = {
    "transactions": ("order", "performance_at", "purchased_at", "status"),
    "interactions": ("person", "kind", "at"),
    "counts": ("performance_at", "count"),
}
_LOWEST = {"quantity": 1, "count": 0, "unit_price_cents": 0, "amount_cents": 0}
_DEFAULTS = {"status": "paid", "kind": "counter"}
# Of two lines for one ticket in the same export, the most final one is kept.
_FINALITY = ("pending", "free", "paid", "cancelled", "refunded")


@dataclass(frozen=True, slots=True)
class Canonical:
    """An emit over raw rows. `rows` has the raw columns and `drop`, `problem` (codes), or null in both."""

    emit: Emit
    rows: pl.LazyFrame
    problems: tuple[tuple[str, str], ...]  # column, reason: `problem` is an index
    unknown: dict[str, tuple[pl.Expr, pl.Expr]]  # column -> label, whether no vocabulary knows it
    identity: pl.Expr
    repeats: pl.Expr  # rows of one identity are one row repeated (else different rows)
    finality: pl.Expr
    contacts: pl.Expr  # exempt rows that have a contact: must be none
    columns: dict[str, pl.Expr]
    performances: dict[str, pl.Expr]

    @property
    def kept(self) -> pl.LazyFrame:
        """The raw rows that become records."""
        return self.rows.filter(pl.col("_drop").is_null() & pl.col("_problem").is_null())


def canonical(preset: Preset, emit: Emit, raw: pl.LazyFrame, venue: Venue, key: bytes) -> Canonical:
    """Prepare the records of one emit; nothing is computed yet."""
    return _Builder(preset, emit, raw, venue, key).build()


class _Builder:
    def __init__(self, preset: Preset, emit: Emit, raw: pl.LazyFrame, venue: Venue, key: bytes) -> None:
        self.preset, self.emit, self.venue, self.key = preset, emit, venue, key
        self.raw = raw if emit.where is None else raw.filter(holds(emit.where))
        self.schema = raw.collect_schema()
        self.problems: list[tuple[str, str, pl.Expr]] = []
        self.unknown: dict[str, tuple[pl.Expr, pl.Expr]] = {}
        self.own_words = dict(zip(normal_labels(venue.families), venue.families.values(), strict=True))

    def build(self) -> Canonical:
        emit, frame = self.emit, self.emit.frame
        spec = FRAMES[frame]
        order = self._identity(emit.order) if emit.order else pl.lit(None, pl.String)
        who = {domain: self._contact(columns, domain) for columns, domain in emit.person}
        regime = self._regime()
        known = {name: self._value(name) for name in emit.fields if name not in ("postal_code", "country", "consent_regime")}
        known.setdefault("family", pl.lit("unknown"))
        quantity = known.get("quantity", pl.lit(1, pl.Int64))
        if frame == "transactions":
            free = (known["status"] == "paid") & (known["unit_price_cents"] == 0)
            known["status"] = pl.when(free).then(pl.lit("free")).otherwise(known["status"])
        for name in _MANDATORY[frame]:
            missing = {"order": order, "person": pl.coalesce([*who.values(), pl.lit(None, pl.String)])}.get(name)
            self._require(name, known[name] if missing is None else missing)

        performance = self._performance()
        hashed = {domain: keyed(self._domain(text, domain), self.key, domain) for domain, text in who.items()}
        order_ref = keyed(self._sourced(order), self.key, "order")
        columns: dict[str, pl.Expr] = {
            "source": pl.lit(self.preset.name),
            "source_row": pl.col("_line"),
            "row_ref": keyed(self._sourced(pl.concat_str(pl.lit(frame), pl.col("_id"), separator=_SEPARATOR)), self.key, "row"),
            "order_ref": order_ref,
            "person": pl.coalesce([*hashed.values(), order_ref]),
            "identified": pl.any_horizontal([pl.lit(False), *(text.is_not_null() for text in who.values())]),
            "performance_ref": keyed(performance, self.key, "performance"),
            "consent_regime": regime,
            "is_test": pl.lit(False),
            **known,
            **self._flags(known),
            "quantity": quantity.fill_null(1),
        }
        if "country" in spec:
            columns |= {name: known.get(name, pl.col(name)) for name in ("commune", "epci", "departement", "region")}
            columns["country"] = pl.col("country")
        rows = self._judged()
        return Canonical(
            emit=emit,
            rows=rows,
            problems=tuple((column, reason) for column, reason, _ in self.problems),
            unknown=self.unknown,
            identity=self._row_identity(),
            repeats=self._identity(emit.row).is_not_null() & (not emit.numbered),
            finality=coded(known["status"], {s: i for i, s in enumerate(_FINALITY)}, pl.Int64())
            if frame == "transactions"
            else pl.lit(0, pl.Int64),
            contacts=(regime == "exempt_audience") & who["contact"].is_not_null() if "contact" in who else pl.lit(False),
            columns={name: columns.get(name, pl.lit(None, t)).cast(t) for name, t in spec.items()},
            performances=self._performances(performance, known) if frame != "interactions" else {},
        )

    def _judged(self) -> pl.LazyFrame:
        fields = self.emit.fields
        rows = self.raw
        if "country" in FRAMES[self.emit.frame]:
            postal, country = (
                self._text(fields[name][0]) if name in fields else pl.lit(None, pl.String) for name in ("postal_code", "country")
            )
            rows = place_of(rows.with_columns(_code=postal, _country=country), "_code", "_country")
            self.unknown["postal_code"] = (pl.col("_code"), pl.col("_code").is_not_null() & pl.col("country").is_null())
        drop = pl.coalesce(
            [*(pl.when(holds(when)).then(pl.lit(reason)) for when, reason in self.emit.drop), pl.lit(None, pl.String)]
        )
        first = pl.coalesce(
            [*(pl.when(bad).then(pl.lit(i)) for i, (_, _, bad) in enumerate(self.problems)), pl.lit(None, pl.Int32)]
        )
        return rows.with_columns(_drop=drop).with_columns(_problem=pl.when(pl.col("_drop").is_null()).then(first))

    # --- one canonical column -------------------------------------------------------------------

    def _value(self, name: str) -> pl.Expr:
        fields = self.emit.fields[name]
        kind = FRAMES[self.emit.frame].get(name)
        if name in _VOCABULARY:
            return self._code(name, fields)
        if name in ("commune", "epci", "departement", "region"):
            return pl.coalesce(coded(normal(self._text(f)), _normalised(f.words or {})) for f in fields)
        if kind == pl.Boolean or name in ("young_audience", "sensitive", "has_contact"):
            return self._yes_no(name, fields)
        if name == "birth_year":
            return self._birth_year(fields)
        readers: dict[str, Callable[[Field, str, pl.DataType], pl.Expr]] = {
            **dict.fromkeys(("performance_at", "purchased_at", "at"), self._instant),
            **dict.fromkeys(("unit_price_cents", "amount_cents"), lambda f, c, t: values.cents(c, t, f.unit)),
            **dict.fromkeys(("quantity", "count", "capacity"), lambda _, c, t: values.whole(c, t)),
        }
        return self._read(name, fields, readers[name])

    def _read(self, name: str, fields: Sequence[Field], reader: Callable[[Field, str, pl.DataType], pl.Expr]) -> pl.Expr:
        """The first value given; unreadable is a problem where something was written."""
        found: list[pl.Expr] = []
        written: list[pl.Expr] = []
        for field in fields:
            if field.constant is not None:
                found.append(pl.lit(int(field.constant), pl.Int64))
            elif field.join is not None:
                text = self._text(field)
                found.append(values.instant_of(text, field.formats, self._zone(field)))
                written.append(text)
            else:
                for column in field.columns:
                    found.append(reader(field, column, self.schema[column]))
                    text = values.clean(column, self.schema[column])
                    written.append(values.given(text) if name.endswith("at") else text)
        value = pl.coalesce(found)
        if written and name != "capacity":
            self.problems.append((name, "unreadable", value.is_null() & pl.coalesce(written).is_not_null()))
        if name in _LOWEST:
            self.problems.append((name, f"below {_LOWEST[name]}", (value < _LOWEST[name]).fill_null(False)))
        return value

    def _instant(self, field: Field, column: str, dtype: pl.DataType) -> pl.Expr:
        if dtype == pl.String and not field.replace:
            return values.instant_of(values.given(pl.col(column)), field.formats, self._zone(field))
        return values.instant(column, dtype, field.formats, self._zone(field))

    def _birth_year(self, fields: Sequence[Field]) -> pl.Expr:
        text = pl.coalesce(self._text(field) for field in fields)
        year = values.year(text)
        year = pl.when(year <= 2099).then(year)
        self.unknown["birth_year"] = (text, text.is_not_null() & year.is_null())
        return year

    def _yes_no(self, name: str, fields: Sequence[Field]) -> pl.Expr:
        found: list[pl.Expr] = []
        for field in fields:
            if field.rules:
                ruled = [pl.when(holds(when)).then(pl.lit(value == "true")) for when, value in field.rules]
                value = pl.coalesce([*ruled, pl.lit(None, pl.Boolean)])
            else:
                text = self._text(field)
                value = values.yes_no(text)
                self.unknown[name] = (text, text.is_not_null() & value.is_null())
            if field.per_performance:
                watched = value.fill_null(False).any().over(self._performance())
                value = pl.when(watched).then(value.fill_null(False))
            found.append(value)
        return pl.coalesce(found)

    def _code(self, name: str, fields: Sequence[Field]) -> pl.Expr:
        kind = "count_kind" if name == "kind" and self.emit.frame == "counts" else name
        own: dict[str, Any] = {
            "status": dict.fromkeys(TRANSACTION_STATUSES),
            "kind": dict.fromkeys(INTERACTION_KINDS),
            "count_kind": dict.fromkeys(_COUNT_KINDS),
            "referrer": dict.fromkeys(_REFERRERS),
        }.get(kind, {})
        common = {code: code for code in own} if own else crosswalk(name)  # type: ignore[arg-type]
        if name in ("family", "tariff", "channel"):
            common = _codes_of(name) | common
        venue_first = [self.own_words] if name == "family" else []
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
                text = self._text(field)
                if lookup is None:
                    labels.append(text)
                words = lookup if lookup is not None else (common if field.crosswalk else {}) | _normalised(field.words or {})
                found.append(_looked_up(text, words, field.split))
        code = pl.coalesce([*found, pl.lit(None, pl.String)])
        label = pl.coalesce([*labels, pl.lit(None, pl.String)])
        if name in _DEFAULTS and labels and not any(f.rules for f in fields):
            code = pl.when(label.is_null()).then(pl.lit(_DEFAULTS[name])).otherwise(code)
        if name in ("status", "kind"):
            # A sale whose state is not understood must not be counted as one.
            self.problems.append((name, "not in the vocabulary", code.is_null() & label.is_not_null()))
            return code
        self.unknown[name] = (label, label.is_not_null() & code.is_null())
        return code.fill_null("unknown")

    def _regime(self) -> pl.Expr:
        stated = self.venue.consent.get(self.preset.name, self.preset.consent_regime)
        if stated not in CONSENT_REGIMES:
            regimes = ", ".join(CONSENT_REGIMES)
            raise Fault(
                f"venue.toml, [consent]: {self.preset.name} must be one of {regimes}.",
                f"venue.toml, [consent] : {self.preset.name} doit être l’un de {regimes}.",
            )
        if "consent_regime" not in self.emit.fields:
            return pl.lit(stated)
        text = self._text(self.emit.fields["consent_regime"][0])
        written = coded(normal(text), _normalised({code: code for code in CONSENT_REGIMES}))
        allowed = CONSENT_REGIMES if self.emit.frame == "interactions" else CONSENT_REGIMES[1:]
        self.problems.append(("consent_regime", "not in the vocabulary", text.is_not_null() & written.is_null()))
        self.problems.append(("consent_regime", "not for these records", written.is_in(allowed) == False))  # noqa: E712
        return pl.when(text.is_null()).then(pl.lit(stated)).otherwise(written)

    # --- identities -----------------------------------------------------------------------------

    def _contact(self, columns: Sequence[str], domain: Domain) -> pl.Expr:
        texts = [values.clean(c, self.schema[c]) for c in columns]
        return pl.coalesce([contact(t) if domain == "contact" else t for t in texts])

    def _domain(self, text: pl.Expr, domain: Domain) -> pl.Expr:
        return self._sourced(text) if domain == "visitor" else text

    def _sourced(self, text: pl.Expr) -> pl.Expr:
        return pl.concat_str(pl.lit(self.preset.name), text, separator=_SEPARATOR)

    def _identity(self, columns: Sequence[str]) -> pl.Expr:
        """All columns put together; null where all are empty."""
        texts = [self._written(c) for c in columns]
        whole = pl.concat_str([t.fill_null("") for t in texts], separator=_SEPARATOR)
        return pl.when(pl.any_horizontal(t.is_not_null() for t in texts)).then(whole)

    def _written(self, column: str) -> pl.Expr:
        if column.startswith("#") or column not in self.schema:
            return pl.col(column).cast(pl.String)
        return values.clean(column, self.schema[column])

    def _row_identity(self) -> pl.Expr:
        own = self._identity(self.emit.row)
        return pl.coalesce(own, self._identity(self.emit.row_else)) if self.emit.row_else else own

    def _performance(self) -> pl.Expr:
        choices = [self._identity(c) for c in (self.emit.performance, self.emit.performance_else) if c]
        return self._sourced(pl.coalesce(choices)) if choices else pl.lit(None, pl.String)

    def _performances(self, performance: pl.Expr, known: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Columns of the performance a row is about; `_key` groups, identities are hashed later."""
        labels = [self._text(f) for f in self.emit.fields.get("family", ()) if f.columns]
        domain = pl.coalesce([*(_looked_up(t, domains(), None) for t in labels), pl.lit(None, pl.String)])
        same = pl.when(coded(domain, _domain_families()) == known["family"]).then(domain)
        young = pl.any_horizontal([pl.lit(False), *(normal(t).is_in(list(young_words())).fill_null(False) for t in labels)])
        nothing = pl.lit(None, pl.Boolean)
        return {
            "_key": performance,
            "_event": self._sourced(self._identity(self.emit.event)) if self.emit.event else pl.lit(None, pl.String),
            "performance_at": known["performance_at"],
            "family": pl.when(known["family"] != "unknown").then(known["family"]),
            "domain": same,
            "capacity": known.get("capacity", pl.lit(None, pl.Int64)),
            "young_audience": young | known.get("young_audience", nothing).fill_null(False),
            "sensitive": known.get("sensitive", nothing).fill_null(False),
        }

    def _flags(self, known: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
        """Group, school and reseller: as stated, else as the tariff's or the channel's words say."""
        if self.emit.frame != "transactions":
            return {}
        labels = [normal(self._text(f)) for f in self.emit.fields.get("tariff", ()) if f.columns]
        nothing = pl.lit(None, pl.Boolean)
        flags: dict[str, pl.Expr] = {}
        for flag, words in tariff_flags().items():
            said = pl.any_horizontal([pl.lit(False), *(t.is_in(list(words)).fill_null(False) for t in labels)])
            if flag == "reseller":
                said |= (known["channel"] == "revendeur") | (known["tariff"] == "revendeur")
            flags[f"is_{flag}"] = pl.coalesce(known.get(f"is_{flag}", nothing), said)
        return flags

    # --- pieces ---------------------------------------------------------------------------------

    def _require(self, name: str, value: pl.Expr) -> None:
        self.problems.append((name, "missing", value.is_null()))

    def _text(self, field: Field) -> pl.Expr:
        texts = [values.clean(column, self.schema[column]) for column in field.columns]
        if not texts:
            return pl.lit(None, pl.String)
        text = pl.concat_str(texts, separator=field.join) if field.join is not None else pl.coalesce(texts)
        for pattern, new in field.replace:
            text = text.str.replace_all(pattern, new)
        return text

    def _zone(self, field: Field) -> str:
        return self.venue.timezone if field.zone == "venue" else field.zone


def _looked_up(text: pl.Expr, words: dict[str, str], split: str | None) -> pl.Expr:
    if split is None:
        return coded(normal(text), words)
    parts = text.str.replace_all(split, _SEPARATOR).str.split(_SEPARATOR)
    return parts.list.eval(coded(normal(pl.element()), words)).list.drop_nulls().list.first()


def _normalised(words: Any) -> dict[str, str]:
    return dict(zip(normal_labels(words), words.values(), strict=True))


def _codes_of(name: str) -> dict[str, str]:
    """The vocabulary's own codes are words too: `theatre_recit`, `guichet`."""
    codes = sorted(set(crosswalk(name).values()))  # type: ignore[arg-type]
    return _normalised({code: code for code in codes})


def _domain_families() -> dict[str, str]:
    words = crosswalk("family")
    return {domain: words[label] for label, domain in domains().items()}
