"""A venue publishes a period: its records become contributions, and the border takes them from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from aggregations.audience import COLUMNS, counted
from aggregations.cooperative import match_key
from aggregations.engines import each_part
from aggregations.geography import commune
from aggregations.programme import programme, with_genres
from aggregations.records import records, version
from aggregations.segments import Home
from aggregations.tables import FRAME, Records, answer, columns
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.contributions import Contributions, Count, Found, Work
from privacy.declarations import Sketch, Table
from privacy.domains import EXACT
from privacy.plan import TablePlan
from privacy.policy import Policy
from privacy.publish import Published, bound_tables, publish
from privacy.publisher import Publisher
from privacy.selection import select
from privacy.sketch import key_id


@dataclass(frozen=True, slots=True)
class TablePreview:
    """What a release would show of one table. Exact, for the venue's own screen: never stored, never sent."""

    plan: TablePlan
    cells: int  # cells with anyone in them
    shown: int  # of those, how many would be shown if the noise were zero
    people_shown: float  # share of the people of the table who are in a shown cell
    kept: float  # share of those people that bounds leave in the cells
    raked: float  # and with what raking puts back: what then lacks stays lost


def publisher(venue: Venue) -> Publisher:
    """Return the venue as the border knows it: public facts, keys and places."""
    return Publisher(
        venue=venue.id,
        publishes=venue.publishes,
        revenue=venue.revenue,
        public_key=venue.public_key,
        signing_key=venue.signing_key,
        fingerprint_key=venue.person_key,
        ledger=venue.ledger,
        outbox=venue.outbox,
        match_key=match_key(venue),
    )


def release(
    venue: Venue, period: Period, policy: Policy, *, check: Callable[[], None] = lambda: None, revise: bool = False
) -> Published:
    """Publish a period of a venue's records; see `privacy.publish.publish` for what it promises.

    `check`: raises where the records are not fit to be published; asked before any is read, and only then.
    """
    return publish(publisher(venue), offer(venue, period, check), policy, period, revise=revise)


def preview(venue: Venue, period: Period, policy: Policy) -> list[TablePreview]:
    """Say what a release would show, before spending anything. Draws no noise, writes nothing."""
    plans = publisher(venue).plan(policy, period)
    bounded = bound_tables(offer(venue, period), plans)
    previews: list[TablePreview] = []
    for plan in plans:
        cells, levels = bounded[plan.table.name].cells, bounded[plan.table.name].levels
        exact, lead = cells[EXACT].to_numpy(), plan.cells[0].measure
        shown = select(cells[lead.name].to_numpy(), exact, plan.threshold, policy)
        everyone = max(int(exact.sum()), 1)
        kept = float(cells[lead.name].sum()) / (lead.step * lead.clip)
        put_back = float(levels[0][lead.name].sum()) / (lead.step * lead.clip) if plan.table.clips(lead) else 0.0
        shares = exact[shown].sum() / everyone, kept / everyone, (kept + put_back) / everyone
        previews.append(TablePreview(plan, int((exact > 0).sum()), int(shown.sum()), *shares))
    return previews


def venue_records(venue: Venue) -> Records:
    """Return the venue's canonical records, lazily, and where it is."""
    told = programme(venue)
    transactions, counts = (with_genres(records(venue, name), told) for name in ("transactions", "counts"))
    return Records(transactions, records(venue, "interactions"), counts, home(venue))


def home(venue: Venue) -> Home:
    """Return where the venue is."""
    place = commune(venue.commune)
    return Home(place.code, place.epci, place.departement, place.region, venue.timezone)


def offer(venue: Venue, period: Period, check: Callable[[], None] = lambda: None) -> Contributions:
    """Return what the venue's people add to tables in a period, for the border to bound part by part; see `release`."""

    def each(tables: tuple[Table, ...], work: Work) -> Iterator[Found]:
        check()
        told = programme(venue)
        for frame in dict.fromkeys(FRAME[table.records] for table in tables):
            own = tuple(table for table in tables if FRAME[table.records] == frame)
            act = partial(answer, home(venue), period, own, work, told)
            for found in each_part(venue, frame, columns(frame, own), act):
                yield from found

    def people(sketch: Sketch, count: Count) -> Iterator[Found]:
        act = partial(counted, home(venue), period, sketch, count, match_key(venue), programme(venue))
        return each_part(venue, "transactions", [*COLUMNS, "match"], act)

    key = match_key(venue)
    return Contributions(version(venue, period) + (key_id(key) if key else ""), each, people)
