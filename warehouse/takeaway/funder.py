"""The season's figures that a French funder asks for, as a document its reader completes (DOCX): the *reddition*.

Attendance, tickets by tariff (SIBIL's full price, subscription and free among them) and what is free, prices paid, origin, young
people, genres, new and returning audience. A figure that is not published is said so; nothing is worked out in its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from warehouse.reports.cells import Sheet, title
from warehouse.reports.figures import Estimate, added, apart, place_of, share, without
from warehouse.reports.words import first_timers
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, a table (heads, then lines of a label and its cells), and what to know under it."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    said: tuple[str, ...]
    notes: tuple[str, ...]


def chapters(held: Held, phrases: Phrases) -> list[Chapter]:
    """Return the chapters that the member's own tables allow."""
    sheets = held.issue.sheets
    made = [_attendance(held, phrases)]
    for key, name, dimension, tickets in (
        ("funder_tariffs", "price", 0, True),
        ("funder_prices", "price", 1, True),
        ("funder_provenance", "provenance", 0, False),
        ("funder_young", "loyalty", 1, False),
        ("funder_families", "family", 0, True),
        ("funder_loyalty", "loyalty", 0, False),
        ("funder_media", "referrers", 0, False),
    ):
        if name in sheets:
            made.append(_by(sheets, name, dimension, phrases, phrases.say(key), tickets=tickets))
        elif name != "referrers":
            made.append(Chapter(phrases.say(key), (), (), (phrases.say("funder_missing"),), ()))
    return made


def _attendance(held: Held, phrases: Phrases) -> Chapter:
    sheets, lines, notes = held.issue.sheets, list[tuple[str, ...]](), list[str]()
    if came := sheets.get("provenance"):
        lines.append((phrases.say("funder_people"), _count(came.people, phrases)))
        for measure in came.measures[1:]:
            lines.append((title(measure, phrases.language), _count(total(came, measure.name), phrases)))
        if "revenue" in {m.name for m in came.measures}:
            lines.append(
                (phrases.say("funder_mean_price"), _price(total(came, "revenue"), total(came, "tickets"), phrases))
            )
        notes += phrases.notes(came)
    if counted := sheets.get("admissions"):
        for row in counted.rows(phrases.language, 1):
            if row.code != "unknown":
                label = phrases.say("funder_admissions", kind=row.label.lower())
                lines.append((label, _count(row.estimates["admissions"], phrases)))
        notes += phrases.notes(counted)
    heads = ("", phrases.say("funder_figure")) if lines else ()
    said = () if lines else (phrases.say("funder_missing"),)
    return Chapter(phrases.say("funder_attendance"), heads, tuple(lines), said, tuple(dict.fromkeys(notes)))


def _by(
    sheets: Mapping[str, Sheet], name: str, dimension: int, phrases: Phrases, heading: str, *, tickets: bool
) -> Chapter:
    """Return one dimension of a table: its measures, and shares of tickets or of the lead measure."""
    sheet = sheets[name]
    measures = list(sheet.measures)
    shared = "tickets" if tickets and "tickets" in {m.name for m in measures} else sheet.lead.name
    priced = "revenue" in {m.name for m in measures} and name == "price" and dimension == 0
    heads = [title(sheet.table.dimensions[dimension], phrases.language)]
    heads += [title(m, phrases.language) for m in measures]
    heads.append(phrases.say("funder_share_tickets" if shared == "tickets" else "funder_share"))
    if priced:
        heads.append(phrases.say("funder_mean_price"))
    lines, missing = list[tuple[str, ...]](), list[str]()
    for row in sheet.rows(phrases.language, dimension):
        cells = [_count(row.estimates[m.name], phrases) for m in measures]
        part = share_of(sheet, dimension, (row.code,), shared)
        cells.append(_percent(part, phrases) if part or not row.estimates[shared] else phrases.say("funder_wide"))
        if priced:
            cells.append(_price(row.estimates["revenue"], row.estimates["tickets"], phrases))
        if set(cells) == {phrases.hidden}:
            missing.append(row.label)
        else:
            lines.append((row.label, *cells))
    return Chapter(
        heading,
        tuple(heads),
        tuple(lines),
        (
            *([phrases.say("funder_hidden", names=", ".join(missing))] if missing else []),
            *_said(sheets, name, dimension, phrases),
        ),
        (*phrases.notes(sheet), *((phrases.say("funder_age_note"),) if (name, dimension) == ("loyalty", 1) else ())),
    )


def _said(sheets: Mapping[str, Sheet], name: str, dimension: int, phrases: Phrases) -> Iterator[str]:
    """Yield the figures of a chapter that are in no line of its table."""
    sheet = sheets[name]
    if (name, dimension) == ("price", 0):
        lead = "tickets" if "tickets" in {m.name for m in sheet.measures} else sheet.lead.name
        yield phrases.say("funder_free", share=_percent(share_of(sheet, 0, ("exonere",), lead), phrases))
    if (name, dimension) == ("loyalty", 1):
        young = share_of(sheet, 1, ("0-14", "15-24"), sheet.lead.name)
        yield phrases.say("funder_under_25", share=_percent(young, phrases))
    if (name, dimension) == ("loyalty", 0):
        yield phrases.say("funder_first", share=_percent(first_timers(sheet), phrases))


def total(sheet: Sheet, measure: str) -> Estimate | None:
    """Return a measure over the whole table, what is not publishable included."""
    return sheet.levels.get((None,) * len(sheet.table.dimensions), {}).get(measure)


def share_of(sheet: Sheet, dimension: int, codes: Sequence[str], measure: str) -> Estimate | None:
    """Return the share of some codes in a measure's total, unknown included; None if one of them is not publishable."""
    rows = {r.code: r.estimates.get(measure) for r in sheet.rows("en", dimension)}
    whole = total(sheet, measure)
    parts = [e for c in codes if (e := rows[c])]
    if whole is None or len(parts) < len(codes):
        return None
    part = added(parts)
    rest = without(whole, parts, len(parts) / len(rows))
    return share(part, rest, apart(part, rest, whole))


def mean_price(revenue: Estimate | None, tickets: Estimate | None) -> Estimate | None:
    """Return euros a ticket by the delta method, both errors taken as free of each other; None if tickets are few."""
    if revenue is None or tickets is None or tickets.value <= 3 * tickets.se:
        return None
    ratio = revenue.value / tickets.value
    return Estimate(ratio, math.hypot(revenue.se, ratio * tickets.se) / tickets.value)


def _count(number: Estimate | None, phrases: Phrases) -> str:
    """Write a number with its margin; `at most …` where its interval reaches 0, which a figure would hide."""
    if number is None:
        return phrases.hidden
    if number.low > 0 or number.high <= 0:
        return phrases.words.writer.count(number)
    place = max(place_of(number.margin), 0)
    return phrases.say("funder_most", count=phrases.words.writer.number(math.ceil(number.high / 10**place) * 10**place))


def _percent(part: Estimate | None, phrases: Phrases) -> str:
    return phrases.words.writer.percent(part) if part else phrases.hidden


def _price(revenue: Estimate | None, tickets: Estimate | None, phrases: Phrases) -> str:
    """Write euros a ticket, or why there are none."""
    if revenue is None or tickets is None:
        return phrases.hidden
    price = mean_price(revenue, tickets)
    return phrases.amount(price) if price else phrases.say("funder_wide")
