"""What the catalogue tells, gathered out of the lake: products, their columns, who has published what for when.

A product is a table of the policy with all that venues have published of it: readers look for "where audiences come from",
then choose venues and periods by a question. A table of which nothing is held is no product yet. Never a figure: what is
here is known before any record is read, or is that a venue has published, and under which promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import duckdb

from privacy.declarations import Table
from privacy.policy import Policy
from warehouse.catalogue.settings import Settings, read_settings
from warehouse.definitions import dictionary, sql
from warehouse.governance import Hub, governance
from warehouse.holdings import hold_rules
from warehouse.lake import Snapshot, current, open_lake
from warehouse.storage import read_storage


@dataclass(frozen=True, slots=True)
class Member:
    """A venue as the catalogue names it; `commune`: INSEE code."""

    id: str
    name: str
    commune: str


@dataclass(frozen=True, slots=True)
class Holding:
    """One venue and period of a product, and the promise it was published under. `last`: its last day."""

    venue: str
    period: str
    first: date
    last: date
    published: date
    policy: str
    policy_digest: str
    k: int
    k_rule: str
    epsilon: float  # of the unit that the table protects, over a season, at most
    delta: float


@dataclass(frozen=True, slots=True)
class Promise:
    """Privacy loss over a season, at most, and the least number in a cell that is shown."""

    epsilon: float
    delta: float
    k: int
    k_rule: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: its SQL type and its meaning."""

    name: str
    type: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True)
class View:
    """A relation that partners ask."""

    name: str
    fr: str
    en: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A table of the policy, its two views, and what is held of it."""

    table: Table
    views: tuple[View, ...]
    holdings: tuple[Holding, ...]

    @property
    def venues(self) -> tuple[str, ...]:
        """The venues that have published it, by id."""
        return tuple(sorted({h.venue for h in self.holdings}))

    @property
    def periods(self) -> dict[str, tuple[date, date]]:
        """First and last day of each period held by some venue, in order of time."""
        held = {h.period: (h.first, h.last) for h in self.holdings}
        return dict(sorted(held.items(), key=lambda item: (*item[1], item[0])))

    @property
    def promise(self) -> Promise:
        """What can be said of all that is held: the least that any release of it promises."""
        held = self.holdings
        rule = "certain" if all(h.k_rule == "certain" for h in held) else "probable"
        return Promise(max(h.epsilon for h in held), max(h.delta for h in held), min(h.k for h in held), rule)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that the catalogue says, of one state of the lake. `keep_days`: how long a state can be asked for again."""

    settings: Settings
    snapshot: Snapshot
    policy: Policy
    members: dict[str, Member]
    products: tuple[Product, ...]
    keep_days: int


def read_catalogue(hub: Hub, *, snapshot: int | None = None) -> Catalogue:
    """Return what the lake holds, as it is or as it was at a `snapshot`; Faults as `open_lake` and `read_settings`."""
    settings, policy = read_settings(hub), hub.policy
    if snapshot is None:
        with open_lake(hub) as lake:
            hold_rules(lake, governance(hub))
            snapshot = current(lake).id
    with open_lake(hub, snapshot=snapshot) as lake:  # whatever other processes add meanwhile
        rows = lake.execute("select venue, name, commune from venues order by venue").fetchall()
        products = tuple(_products(lake, policy))
        named = {v for p in products for v in p.venues}
        members = {row[0]: Member(*row) for row in rows if row[0] in named}
        return Catalogue(settings, current(lake), policy, members, products, read_storage(hub).keep_days)


def _products(lake: duckdb.DuckDBPyConnection, policy: Policy) -> list[Product]:
    rows = lake.execute(sql("products")).fetchall()
    held = {name: tuple(_holding(*row[1:]) for row in of) for name, of in groupby(rows, key=lambda row: row[0])}
    words = {entry[:2]: entry[2:] for entry in dictionary(policy)}
    return [
        Product(t, tuple(_view(lake, name, words) for name in (t.name, f"{t.name}_totals")), held[t.name])
        for t in policy.tables
        if t.name in held
    ]


def _holding(venue: str, period: str, first: date, after: date, *stated: object) -> Holding:
    return Holding(venue, period, first, after - timedelta(days=1), *stated)  # pyright: ignore[reportArgumentType]  # a row of products.sql


def _view(lake: duckdb.DuckDBPyConnection, name: str, words: dict[tuple[str, str], tuple[str, str]]) -> View:
    columns = tuple(
        Column(column, kind, *words[name, column]) for column, kind, *_ in lake.execute(f"describe {name}").fetchall()
    )
    return View(name, *words[name, ""], columns)
