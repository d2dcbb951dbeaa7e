"""What a draft states of each canonical field: one way to read it, or several to choose from.

Nothing is guessed: a day and month that may be either, whole numbers that may be euros or cents, a date that may be that of
the visit or of the order, a state that no column tells, are left open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aggregations.coherence import Said
from aggregations.nearness import statuses
from aggregations.proposals import Column, Proposal
from aggregations.ways import Ways

_PLAIN = ("channel", "tariff", "postal_code", "city", "country", "birth_year", "quantity", "capacity")
_OF_FRAME = {
    "transactions": {*_PLAIN},
    "interactions": {"postal_code", "city", "country"},
    "counts": {"tariff", "capacity"},
}
_EVERY: Said = "", ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the emit (`fields.` before a field's), and the ways to state it; `open` ones are for the steward."""

    key: str
    ways: tuple[tuple[str, Said], ...]  # TOML, and what it would mean
    why: Said = _EVERY
    open: bool = False


class Entries:
    """The entries of a proposal; `ways.names` are the columns they use, by header."""

    def __init__(self, proposal: Proposal) -> None:
        self.proposal, self.frame, self.ways = proposal, proposal.frame, Ways(proposal)

    def made(self) -> list[Entry]:
        """Return all entries, identities first."""
        made = [*self._identities()]
        made += [
            *{"transactions": self._sales, "interactions": self._subscriptions, "counts": self._admissions}[
                self.frame
            ]()
        ]
        for role in _PLAIN:
            if role in _OF_FRAME[self.frame]:
                made += [self._plain(column) for column in self.proposal.of(role)[:1]]
        topics = self.proposal.of("family", "event")
        if topics:
            texts = ", ".join(f"{{ columns = {self.ways.text(column)} }}" for column in topics)
            made.append(_one("fields.family", f"[{texts}]", topics[0].why))
        return made

    def _identities(self) -> Iterator[Entry]:
        ticket, order, email = (self.proposal.of(role)[:1] for role in ("ticket", "order", "email"))
        phone, number = self.proposal.of("phone")[:1], self.proposal.of("person_id")[:1]
        when = self.ways.when("performance_at")
        when += self.proposal.of("performance_time")[:1] + [hour for date in when for hour in self.ways.beside(date)]
        rest = self.proposal.of(
            "order", "email", "person_id", "event", "performance", "tariff", "unit_price", "purchased_at"
        )
        told = self.ways.listed([*rest, *when])
        if self.frame == "interactions":
            yield _one("row", self.ways.listed(email), ("an address is there once", "une adresse y est une fois"))
        elif ticket and ticket[0].look.unique:
            yield _one("row", self.ways.listed(ticket), ticket[0].why)
        else:
            apart = told, ("rows are told apart by these, and equal ones by number", "les lignes se distinguent par cela, les égales par leur rang")  # fmt: skip
            yield Entry("row_else", (apart,), apart[1])
            if ticket:
                why = "its values come again", "ses valeurs reviennent"
                said = "the same number twice is one ticket", "deux fois le même numéro est un seul billet"
                yield Entry("row", ((self.ways.listed(ticket), said),), why, open=True)
        if self.frame == "transactions":
            ways = (
                [(self.ways.listed(ticket), ("each ticket is an order", "chaque billet est une commande"))]
                if ticket
                else []
            )
            people = self.proposal.of("email", "person_id")[:1]
            bought = self.proposal.of("purchased_at")[:1]
            if people and bought:
                ways.append(
                    (
                        self.ways.listed([*people, *bought]),
                        ("someone's tickets of one time", "les billets de quelqu’un à une heure"),
                    )
                )
            yield self._choice("order", [(self.ways.listed(order), order[0].why)] if order else [], ways)
        if self.frame != "interactions":
            event, names = self.proposal.of("event")[:1], ("what names a performance", "ce qui nomme une séance")
            if known := self.proposal.of("performance") or ([*event, *when] if when else []):
                yield _one("performance", self.ways.listed(known), names)
            else:
                dates = [c for c in self.proposal.columns if c.role in ("date", "dated") or c.rival == "performance_at"]
                yield self._choice("performance", [], [(self.ways.listed([*event, date]), names) for date in dates])
            if event:
                yield _one("event", self.ways.listed(event), event[0].why)
        who = [(email, "contact"), (phone, "phone"), (number, "account")]
        people_toml = [f'{{ columns = {self.ways.text(c[0])}, domain = "{domain}" }}' for c, domain in who if c]
        if people_toml and self.frame != "counts":
            yield _one("person", f"[{', '.join(people_toml)}]", (email or phone or number)[0].why)

    def _sales(self) -> Iterator[Entry]:
        yield self._instant("performance_at", "performance_time")
        yield self._instant("purchased_at", "purchased_time")
        states = self.proposal.of("status")[:1]
        sold = ('{ constant = "paid" }', ("all rows are tickets sold", "toutes les lignes sont des billets vendus"))
        state = [(f"columns = {self.ways.text(c)}\n[emits.fields.status.words]\n{_statuses()}", c.why) for c in states]
        yield self._choice("fields.status", state, [sold])
        if money := self.proposal.of("unit_price", "total")[:1]:
            yield self._money("fields.unit_price_cents", money[0])
        for column in self.proposal.of("consent_marketing")[:1]:
            yield self._plain(column)
        for column in self.proposal.of("attended")[:1]:
            yes_no = column.look.share("yes_no") >= column.look.share("instant")
            name = self.ways.names[column.header]
            way = f'columns = "{name}"' if yes_no else f'rules = [{{ when = {{ {name} = "*" }}, is = "true" }}]'
            yield _one("fields.attended", f"{{ {way} }}", column.why)

    def _subscriptions(self) -> Iterator[Entry]:
        yield _one("fields.kind", '{ constant = "subscribe" }', self.proposal.why)
        yield self._instant("subscribed_at", "", key="fields.at")
        yield _one("fields.referrer", '{ constant = "newsletter" }', _EVERY)
        for column in self.proposal.of("consent_marketing")[:1]:
            yield self._plain(column)

    def _admissions(self) -> Iterator[Entry]:
        yield self._instant("performance_at", "performance_time")
        counted = self.proposal.of("count", "quantity")[0]
        yield _one("fields.count", self.ways.text(counted), counted.why)
        if money := self.proposal.of("total")[:1]:
            yield self._money("fields.amount_cents", money[0])
        kinds = {
            "sold": ("tickets sold at a till", "des billets vendus en caisse"),
            "counter": ("people counted at a door", "des passages comptés à une porte"),
            "scanned": ("tickets scanned", "des billets contrôlés"),
        }
        ways = [(f'{{ constant = "{kind}" }}', said) for kind, said in kinds.items()]
        yield self._choice("fields.kind", [], ways)

    def _instant(self, role: str, time: str, key: str = "") -> Entry:
        when, rivals = self.ways.when(role), [c for c in self.proposal.columns if c.rival == role]
        sure = [*when] if not rivals else []
        others = [*when, *rivals] if rivals else self.proposal.of("date", "dated")
        ways = [way for column in sure or others for way in self.ways.instants(column, time)]
        if not sure and role == "purchased_at":
            day = self.ways.when("performance_at")
            ways += [(toml, ("sold on the day itself", "vendu le jour même")) for c in day for toml, _ in self.ways.instants(c, "performance_time")]  # fmt: skip
        certain = bool(sure) and len(ways) == 1
        return self._choice(key or f"fields.{role}", ways if certain else [], [] if certain else ways)

    def _money(self, key: str, column: Column) -> Entry:
        ways = list(self.ways.amounts(column, one=key.endswith("price_cents")))
        return self._choice(key, ways, []) if len(ways) == 1 else self._choice(key, [], ways)

    def _plain(self, column: Column) -> Entry:
        return _one(f"fields.{column.role}", self.ways.text(column), column.why)

    def _choice(self, key: str, sure: Sequence[tuple[str, Said]], ways: Sequence[tuple[str, Said]]) -> Entry:
        """One way that is sure, or those there are to choose from; where there is none, a line to fill in."""
        if len(sure) == 1:
            return Entry(key, (sure[0],), sure[0][1])
        nothing = (
            '{ columns = "…" }' if key.startswith("fields.") else '["…"]',
            ("no column says it", "aucune colonne ne le dit"),
        )
        return Entry(key, (*sure, *ways) or (nothing,), open=True)


def _one(key: str, toml: str, why: Said) -> Entry:
    return Entry(key, ((toml, why),), why)


def _statuses() -> str:
    return "\n".join(f'"{word}" = "{code}"' for code, words in statuses().items() for word in words)
