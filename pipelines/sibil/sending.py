"""Send a quarter's declarations: what SIBIL has not got is added, what changed is put in its place, the rest is left alone.

Each is noted as sent at once, so that whoever is killed midway goes on from there; and SIBIL is asked for each by its id before, so
that what was sent and not noted is not declared twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aggregations.declarations.dto import Numbers, dto, festival_words, label, place_words, show_words
from aggregations.declarations.keeping import Sent, draft, keep_numbers, keep_sent, numbers, told, write_draft
from aggregations.declarations.quarters import CivilQuarter
from aggregations.declarations.sibil import Declaration
from aggregations.reception import alone
from aggregations.venue import Venue
from pipelines.sibil.client import Sibil
from privacy.errors import Fault

_KINDS = ("places", "shows", "festivals")
_TO_SEND = ("draft", "changed")


def send(venue: Venue, quarter: CivilQuarter, tell: Callable[[int, int], None] = lambda *_: None) -> list[Declaration]:
    """Send the declarations of a quarter and write its draft anew; return those that were sent now. `tell`: how many of how many.

    Raises:
        QualityRefusal: a control fails; nothing was sent.
        GovernanceRefusal: the name and password are not SIBIL's.
        Fault: SIBIL does not answer, or refuses one; those sent before it are noted.
    """
    (venue.declarations / "sibil").mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(venue.declarations / "sibil"):
        made = draft(venue, quarter)
        waiting = [one for one, state in zip(made.declarations, made.states, strict=True) if state in _TO_SEND]
        if waiting:
            with Sibil(venue) as sibil:
                _send(venue, quarter, sibil, waiting, tell)
        write_draft(venue, draft(venue, quarter))
        return waiting


def _send(
    venue: Venue, quarter: CivilQuarter, sibil: Sibil, waiting: list[Declaration], tell: Callable[[int, int], None]
) -> None:
    domains, asked = sibil.domains(), sibil.criteria()
    criteria = {text: asked[number] for text, number in domains.items() if number in asked}
    known = replace(numbers(venue), domains=domains, criteria=criteria)
    _check(sibil, waiting, known)
    for done, one in enumerate(waiting):
        known = _numbered(sibil, one, known)
        keep_numbers(venue, known)
        tell(done, len(waiting))
        there = sibil.declare(dto(one, known, "ENREGISTRE"))
        keep_sent(
            venue, one.id, Sent(str(quarter), there["id"], datetime.now(UTC).isoformat(timespec="seconds"), told(one))
        )
        known = _learnt(one, there, known)
        keep_numbers(venue, known)
    tell(len(waiting), len(waiting))


def _check(sibil: Sibil, waiting: list[Declaration], known: Numbers) -> None:
    """Before anything is sent: SIBIL has the domains and the types of place that are told."""
    wanted = {label(one.domain) for one in waiting} | {
        label(one.festival_domain) for one in waiting if one.festival_domain
    }
    lacking = sorted(wanted - set(known.domains))
    lacking += sorted({one.place.type or "" for one in waiting if not one.place.sibil} - sibil.place_types())
    if lacking:
        listed = ", ".join(lacking)
        raise Fault(
            f"SIBIL has no domain or type of place {listed} (any more). Nothing was sent; Jauge's list must follow SIBIL's.",
            f"SIBIL n’a pas (ou plus) le domaine ou le type de lieu {listed}. Rien n’a été envoyé ; la liste de Jauge doit suivre la sienne.",
        )


def _numbered(sibil: Sibil, one: Declaration, known: Numbers) -> Numbers:
    """Ask SIBIL for its numbers of a place, show and festival in the very words that would be told; those known are not asked for."""
    asked = dto(one, known, "ENREGISTRE")
    found: dict[str, dict[str, int]] = {}
    for field, kind, path, by, words in (
        ("lieuChamps", "places", "lieux", "nom", place_words(one.place)),
        ("spectacleChamps", "shows", "spectacles", "critere1", show_words(one)),
        ("festivalChamps", "festivals", "festivals", "nom", festival_words(one)),
    ):
        if field in asked and (number := sibil.number(path, asked[field], by)):
            found[kind] = {words: number}
    return _with(known, found)


def _learnt(one: Declaration, there: dict[str, Any], known: Numbers) -> Numbers:
    """Keep the numbers that SIBIL's answer gives what was told in words."""
    words = {"places": place_words(one.place), "shows": show_words(one), "festivals": festival_words(one)}
    given = zip(_KINDS, ("lieuId", "spectacleId", "festivalId"), strict=True)
    return _with(
        known, {kind: {words[kind]: n} for kind, key in given if isinstance(n := there.get(key), int) and words[kind]}
    )


def _with(known: Numbers, found: dict[str, dict[str, int]]) -> Numbers:
    return replace(known, **{kind: getattr(known, kind) | found.get(kind, {}) for kind in _KINDS})
