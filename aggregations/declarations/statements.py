"""Statements: tickets by tariff, receipts with and without tax, capacity and kind of each performance, to fill forms by hand from.

One neutral shape serves SACEM, SACD, CNM and ASTP, whose forms ask for the same figures: Assistant déclaration's (2026), whose names the
columns of the CSV have. The rate of VAT is the venue's word (`[declares]`), never guessed; without it there is no amount without tax.
Without tax is receipts x 100 / (100 + rate) of a whole performance, to the cent, halves up; VAT is the rest, so that both add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from aggregations.declarations.annual import Season, season
from aggregations.declarations.box_office import Line, Played, box_office
from aggregations.declarations.facts import PERFORMANCE_TYPES, Declares, Place, declares
from aggregations.declarations.pages import LANGUAGES, Said, page
from aggregations.declarations.sibil import domain, place_of, show_of
from aggregations.declarations.tables import write_folder, written_csv
from aggregations.referential import written
from aggregations.venue import Venue
from privacy.calendar import Period


class Span(Protocol):
    """A period or a civil quarter: `start` is in it, `end` is the first day after it."""

    @property
    def start(self) -> date:
        """First day."""
        ...

    @property
    def end(self) -> date:
        """First day after it."""
        ...


@dataclass(frozen=True, slots=True)
class Tariff:
    """Tickets of a performance at one tariff and price, whoever sold them; cents."""

    tariff: str
    unit_price_cents: int | None
    tickets: int
    receipts: int | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One performance; None is what nothing tells. `rate`: of VAT, hundredths of a per cent; money is cents."""

    played: Played
    place: Place
    performance_type: str | None
    rate: int | None
    tariffs: tuple[Tariff, ...]

    @property
    def without_tax(self) -> int | None:
        """Receipts without tax; None where they or the rate are not known."""
        if self.played.receipts is None or self.rate is None:
            return None
        whole = 10_000 + self.rate
        return (2 * 10_000 * self.played.receipts + whole) // (2 * whole)

    @property
    def tax(self) -> int | None:
        """The VAT in the receipts."""
        return None if self.without_tax is None else (self.played.receipts or 0) - self.without_tax


def statements(venue: Venue, span: Span) -> list[Statement]:
    """Return the statement of each performance of a span that had tickets, in order of time."""
    facts = declares(venue)
    return [_statement(venue, one, facts) for one in box_office(venue, span.start, span.end)]


def write_statements(venue: Venue, span: Span) -> list[Path]:
    """Write the statements of a span as CSV and printable pages, and of a whole season its report; return the paths.

    All are put in the place of those before at once: `declarations/statements/<span>/`.
    """
    found = statements(venue, span)
    files = {"performances.csv": _performances(venue, found), "tariffs.csv": _tariffs(found)}
    facts = {"venue": venue, "span": span, "statements": found, "missing": missing(found), "types": PERFORMANCE_TYPES}
    files |= {f"statements.{x}.html": page("statements.html", x, facts) for x in LANGUAGES}
    if isinstance(span, Period) and span.kind == "season":
        whole: Season = season(venue, span, [one.played for one in found])
        files["season.csv"] = written_csv(("part", "code", "figure", "value"), whole.rows())
        files |= {
            f"season.{x}.html": page("season.html", x, {"venue": venue, "span": span, "season": whole})
            for x in LANGUAGES
        }
    return write_folder(venue.declarations / "statements" / str(span), files)


def missing(found: Iterable[Statement]) -> list[Said]:
    """Return what statements lack and where to tell it, each once, in French and English."""
    return list(dict.fromkeys(said for one in found for said in _lacking(one)))


def _lacking(one: Statement) -> Iterator[Said]:
    title = one.played.title
    if not title:
        yield (
            "des billets sans titre : chargez le programme, ou la colonne du titre (`title`) de l’export.",
            "tickets without a title: load the programme, or the export's column of titles (`title`).",
        )
    elif one.performance_type is None:
        yield (
            f'le type de « {title} » : `performance_type` ou `domain` de `[declares.shows."{title}"]`.',
            f'the type of “{title}”: `performance_type` or `domain` of `[declares.shows."{title}"]`.',
        )
    if one.rate is None:
        yield (
            "le taux de TVA : `vat` de `[declares]`, ou de chaque spectacle.",
            "the rate of VAT: `vat` of `[declares]`, or of each show.",
        )
    if not one.played.capacity:
        yield (
            "la jauge : `capacity` de venue.toml, de l’export ou du programme.",
            "the capacity: `capacity` of venue.toml, the export or the programme.",
        )
    for source in sorted({x.source for x in one.played.lines if x.receipts is None}):
        yield (
            f"le prix de billets de l’export {source} : colonne `unit_price_cents` (`amount_cents` d’un bilan).",
            f"the price of tickets of the export {source}: column `unit_price_cents` (`amount_cents` of a closing).",
        )


def _statement(venue: Venue, one: Played, facts: Declares) -> Statement:
    show = show_of(one, facts)
    kind = show.performance_type or written(one.family, domain(one, facts)).get("assistant_declaration")
    return Statement(
        one, place_of(venue, one, facts), kind, facts.vat if show.vat is None else show.vat, _by_tariff(one.lines)
    )


def _by_tariff(lines: Sequence[Line]) -> tuple[Tariff, ...]:
    each: dict[tuple[str, int | None], list[Line]] = {}
    for line in lines:
        each.setdefault((line.tariff, line.unit_price_cents), []).append(line)
    made = (Tariff(*key, sum(x.tickets for x in of), _sum(x.receipts for x in of)) for key, of in each.items())
    return tuple(sorted(made, key=lambda t: (-(t.unit_price_cents or 0), t.tariff)))


def _sum(amounts: Iterable[int | None]) -> int | None:
    known = list(amounts)
    return None if None in known else sum(x or 0 for x in known)


def _euros(cents: int | None) -> float | None:
    return None if cents is None else cents / 100


def _performances(venue: Venue, found: Iterable[Statement]) -> str:
    columns = (
        "startAt", "title", "hall", "place", "address", "postalCode", "city", "organizer", "officialId", "performanceType", "audience", "placeCapacity", "freeTickets",
        "paidTickets", "revenueIncludingTaxes", "revenueExcludingTaxes", "taxRate", "tax",
    )  # fmt: skip
    organiser = venue.controller.get("name") or venue.name
    number = venue.identifiers.get("siret") or venue.identifiers.get("siren")
    return written_csv(columns, ({
        "startAt": f"{one.played.at:%Y-%m-%d %H:%M}", "title": one.played.title, "hall": one.played.hall, "place": one.place.name, "address": one.place.address,
        "postalCode": one.place.postal_code, "city": one.place.city,
        "organizer": organiser, "officialId": number, "performanceType": one.performance_type, "audience": one.played.audience,
        "placeCapacity": one.played.capacity, "freeTickets": one.played.free_tickets,
        "paidTickets": one.played.tickets - one.played.free_tickets, "revenueIncludingTaxes": _euros(one.played.receipts),
        "revenueExcludingTaxes": _euros(one.without_tax), "taxRate": _euros(one.rate), "tax": _euros(one.tax),
    } for one in found))  # fmt: skip


def _tariffs(found: Iterable[Statement]) -> str:
    def rows() -> Iterable[dict[str, Any]]:
        for one in found:
            where = {"startAt": f"{one.played.at:%Y-%m-%d %H:%M}", "title": one.played.title, "hall": one.played.hall}
            for x in one.tariffs:
                yield where | {"tariff": x.tariff, "price": _euros(x.unit_price_cents), "count": x.tickets,
                               "revenueIncludingTaxes": _euros(x.receipts)}  # fmt: skip

    return written_csv(("startAt", "title", "hall", "tariff", "price", "count", "revenueIncludingTaxes"), rows())
