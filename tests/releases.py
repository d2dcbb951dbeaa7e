"""Real sealed releases for the tests of the hub, made by the venue's own code from invented contributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl

from aggregations.founding import add_venue
from aggregations.venue import Venue, read_venue
from privacy.calendar import Period
from privacy.contributions import at_once
from privacy.declarations import Sketch, Table
from privacy.policy import Policy, read_policy
from privacy.publish import publish
from privacy.publisher import Publisher
from privacy.release import Release
from warehouse.amendments import register
from warehouse.governance import Hub

LIKELY = {  # weights of each dimension's codes, in their order: what an audience may look like
    "loyalty": (30, 14, 12, 4, 20, 18, 2),
    "provenance": (38, 25, 16, 10, 7, 2, 2),
    "age_band": (2, 9, 20, 28, 26, 15),
    "family": (40, 8, 6, 5, 8, 14, 12, 1, 2, 2, 1, 1),
    "anticipation": (6, 14, 22, 26, 18, 12, 2),
    "tariff": (34, 30, 22, 3, 5, 2, 3, 1),
    "price_band": (4, 14, 40, 30, 8, 3, 1),
    "channel": (62, 18, 5, 7, 6, 1, 1),
    "group_size": (16, 55, 20, 8, 1),
    "schedule": (10, 46, 18, 24, 2),
    "referrer": (20, 42, 6, 4, 12, 14, 2),
}


def small_policy(*tables: str) -> Policy:
    """The packaged policy with only these tables: fewer cells, quicker tests."""
    whole = read_policy()
    return replace(whole, tables=tuple(whole.table(name) for name in tables)) if tables else whole


_OF_A_PERSON = {"loyalty", "provenance", "departement", "age_band"}


def contributions(people: int, seed: int) -> Callable[[tuple[Table, ...]], pl.LazyFrame]:
    """Return invented contributions: `people` persons at one venue, tables of every kind."""

    def draw(tables: tuple[Table, ...]) -> pl.LazyFrame:
        kind = tables[0].records

        def of(name: str) -> np.random.Generator:  # a column is the same whichever tables ask for it
            return np.random.default_rng([seed, *f"{kind} {name}".encode()])

        rows = people if kind == "base" else int(people * 1.6)
        person = np.concatenate([np.arange(people), of("person").integers(0, people, rows - people)])
        columns: dict[str, np.ndarray] = {}
        for d in {d.name: d for table in tables for d in table.dimensions}.values():
            random = of(d.name)
            weights = np.array(LIKELY.get(d.name, np.geomspace(1, 1e-3, len(d.codes))), float)[: len(d.codes)]
            weights = np.pad(weights, (0, len(d.codes) - len(weights)), constant_values=1)
            tilted = weights * random.uniform(0.6, 1.5, len(weights))
            own = d.name in _OF_A_PERSON and kind != "counts"
            drawn = random.choice(np.array(d.codes), people if own else rows, p=tilted / tilted.sum())
            columns[d.name] = drawn[person] if own else drawn
        if kind != "counts":
            columns["person"] = person
        columns["tickets"] = 1 + of("tickets").poisson(0.9, rows)
        columns["revenue"] = columns["tickets"] * of("price").integers(900, 3800, rows)
        columns["interactions"] = 1 + of("interactions").poisson(2.0, rows)
        columns["admissions"] = 1 + of("admissions").poisson(1.5, rows)
        return pl.LazyFrame(columns)

    return draw


def hashed(people: int, first: int) -> Callable[[Sketch], pl.LazyFrame]:
    """Return persons number `first` and following as a sketch has them: a number has the same bucket and values anywhere."""

    def draw(sketch: Sketch) -> pl.LazyFrame:
        number = pl.int_range(first, first + people, dtype=pl.UInt64)
        columns = {
            d.name: (number.hash(i) % len(d.codes)).replace_strict(dict(enumerate(d.codes)), return_dtype=pl.String)
            for i, d in enumerate(sketch.attributes, 1)
        }
        return pl.select(person=number, bucket=(number.hash(0) % sketch.buckets).cast(pl.Int64), **columns).lazy()

    return draw


@dataclass(frozen=True, slots=True)
class Sender:
    """A venue that publishes invented audiences under a policy."""

    venue: Venue
    policy: Policy
    match_key: bytes = b""

    def release(
        self,
        period: str = "2025-2026",
        *,
        people: int = 3000,
        seed: int = 1,
        first: int | None = None,
        revise: bool = False,
    ) -> Release:
        """Publish a period for real: bounds, charge, noise, seal.

        People are numbered from `first` on (by default apart for each seed): two venues' sketches share the same numbers.
        """
        v = self.venue
        keys = v.public_key, v.signing_key, v.person_key
        publisher = Publisher(v.id, v.publishes, v.revenue, *keys, v.ledger, v.outbox, self.match_key)
        of = at_once(
            contributions(people, seed), f"{people} {seed}", hashed(people, 10**6 * seed if first is None else first)
        )
        return publish(publisher, of, self.policy, Period.parse(period), revise=revise).release

    def join(self, hub: Hub) -> None:
        """Become a member of a hub."""
        v = self.venue
        register(hub, id=v.id, name=v.name, kind=v.kind, commune=v.commune, public_key=v.public_key)


def sender(
    home: Path,
    venue: str = "theatre",
    *,
    name: str = "Théâtre du Port",
    kind: str = "theatre",
    commune: str = "75056",
    publishes: tuple[str, ...] = ("transactions",),
    revenue: bool = False,
    policy: Policy | None = None,
) -> Sender:
    """Return the sender of a venue under `home/venues`, made if it is not there."""
    folder = home / "venues" / venue
    if folder.exists():
        return Sender(read_venue(folder), policy or read_policy())
    made = add_venue(Venue(venue, name, kind, commune, publishes=publishes, revenue=revenue, folder=folder))
    return Sender(made, policy or read_policy())


def make_release(home: Path, venue: str = "theatre", period: str = "2025-2026", *, people: int = 3000) -> Release:
    """Return a sealed release of the packaged policy by a venue under `home`."""
    return sender(home, venue).release(period, people=people)


def generous(policy: Policy) -> Policy:
    """The same policy with a budget so vast that the noise is below one person."""
    losses = {u: replace(loss, epsilon=Fraction(10**9)) for u, loss in policy.season.items()}
    return replace(policy, season=losses)
