"""The ways to read a column of a proposal, as TOML: dates by their formats, amounts by their unit; several where several fit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from aggregations.coherence import Said
from aggregations.looks import month_first
from aggregations.proposals import Column, Proposal
from aggregations.referential import normal_labels

_UNIX = ("unix", "unix_ms", "unix_us")
Way = tuple[str, Said]  # TOML, and what it would mean


class Ways:
    """`names`: header -> the name that the draft gives its column."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        self.names: dict[str, str] = {}
        for column in proposal.columns:
            role = column.role or column.rival
            if role and role != "never":
                number = sum(name == role or name.startswith(f"{role}_") for name in self.names.values()) + 1
                self.names[column.header] = f"{role}_{number}" if role in self.names.values() else role

    def text(self, column: Column) -> str:
        """Name a column, as TOML."""
        return json.dumps(self.names[column.header])

    def listed(self, columns: Sequence[Column]) -> str:
        """Name columns, as TOML."""
        return _texts(dict.fromkeys(self.names[column.header] for column in columns))

    def when(self, role: str) -> list[Column]:
        """The column of a date: named so, or the one that says `date` where the other date is named, or none is needed."""
        named, plain = self.proposal.of(role)[:1], self.proposal.of("date")
        other = {"performance_at": "purchased_at", "purchased_at": "performance_at"}.get(role, "")
        alone = len(plain) == 1 and (self.proposal.frame == "counts" or bool(self.proposal.of(other)))
        return named or (plain if alone else [])

    def beside(self, date: Column) -> list[Column]:
        """A column of hours just after a date's is that date's."""
        columns = self.proposal.columns
        return [column for column in columns[columns.index(date) + 1 :][:1] if column.role == "time"]

    def instants(self, column: Column, time: str) -> Iterator[Way]:
        """The ways to read a date: two where days and months may be either. `time`: the role of a column of its hours."""
        seen = column.look
        unix = next((kind for kind in _UNIX if seen.share(kind) > seen.share("instant")), "")
        formats = (unix,) if unix else seen.formats or ("iso", "fr")
        hours = [*(self.proposal.of(time) if time else []), *self.beside(column)][:1]
        source = f"columns = {self.text(column)}"
        if hours and seen.days and hours[0].look.times:
            days = ("%Y-%m-%d" if name == "iso" else name for name in formats)
            formats = tuple(f"{day} {hour}" for day in days for hour in hours[0].look.times)
            source = f'columns = {self.listed([column, *hours])}, join = " "'
        both: list[tuple[Iterable[str], Said]] = [(formats, column.why)]
        if seen.order == "either":
            month = "month first, as in the United States", "le mois d’abord, comme aux États-Unis"
            both = [(formats, ("day first", "le jour d’abord")), (map(month_first, formats), month)]
        for written, said in both:
            # two digits of a year are tried first, or 26 would be the year 26
            listed = _texts(sorted(written, key=lambda name: "%Y" in name))
            yield f"{{ {source}, formats = {listed} }}", said

    def amounts(self, column: Column, *, one: bool) -> Iterator[Way]:
        """The ways to read an amount, `one` being the price of one place: euros and cents where nothing tells which."""
        (label,) = normal_labels([column.header])
        cents, euros = "cent" in label, "eur" in label or "€" in column.header
        where: list[str] = []
        if currency := self.proposal.of("currency")[:1]:
            where.append(f'{self.names[currency[0].header]} = ["EUR", "€", ""]')
        many = self.proposal.of("quantity")[:1]
        if one and column.role == "total" and many:
            where.append(f'{self.names[many[0].header]} = ["1", ""]')  # the amount of several is not the price of one
        only = f", where = {{ {', '.join(where)} }}" if where else ""
        certain = "euros" if column.look.decimals and not cents else ""
        if not column.look.decimals and cents != euros:
            certain = "cents" if cents else "euros"
        for unit, said in (("euros", ("euros", "en euros")), ("cents", ("cents", "en centimes"))):
            if certain in ("", unit):
                toml = f'{{ columns = {self.text(column)}, unit = "{unit}"{only} }}'
                yield toml, column.why if certain else said


def _texts(names: Iterable[str]) -> str:
    return f"[{', '.join(json.dumps(name, ensure_ascii=False) for name in names)}]"
