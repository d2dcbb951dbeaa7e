"""A quarter's declarations kept in the venue's folder: the draft, what was sent, and the numbers that SIBIL gave.

declarations/sibil/2026-T1/declarations.json   the draft, as SIBIL's interface has it; whole or not there
declarations/sibil/2026-T1/declarations.csv    the same, to check by hand
declarations/sibil/sent.json                   id → quarter, SIBIL's number, when, and what was told
declarations/sibil/numbers.json                what SIBIL knows domains, places, shows and festivals by
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aggregations.acts import RIGHTS, acts
from aggregations.declarations.box_office import Played, box_office
from aggregations.declarations.controls import require
from aggregations.declarations.dto import Numbers, dto, label
from aggregations.declarations.facts import declares
from aggregations.declarations.quarters import CivilQuarter
from aggregations.declarations.sibil import Declaration, concerned, declarations, identified
from aggregations.declarations.tables import write_folder, written_csv
from aggregations.disk import write_whole
from aggregations.venue import Venue
from privacy.errors import Fault

State = Literal[
    "draft", "sent", "changed", "held"
]  # held: fewer tickets than were sent, and records were removed since


@dataclass(frozen=True, slots=True)
class Sent:
    """One declaration as it was last sent: SIBIL's number, when (ISO 8601), and what it told."""

    quarter: str
    number: int
    at: str
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A quarter's declarations, which fail no control, each with its state.

    `gone`: what was sent for performances that are in none of them any more. `left_out`: performances that are not of live art.
    `lessened`: records that may be the quarter's were removed (`jauge forget`, `jauge purge`), so that figures may be too low.
    """

    quarter: CivilQuarter
    declarations: tuple[Declaration, ...]
    states: tuple[State, ...]
    gone: tuple[Sent, ...]
    left_out: int
    lessened: bool


def draft(venue: Venue, quarter: CivilQuarter) -> Draft:
    """Make the declarations of a quarter and hold them to SIBIL's controls; nothing is written.

    Raises QualityRefusal with every failure, performance by performance.
    """
    facts = declares(venue)
    played = box_office(venue, quarter.start, quarter.end)
    ours: list[Played] = [one for one in played if concerned(one, facts)]
    before = {name: one for name, one in sent(venue).items() if one.quarter == str(quarter)}
    known = {name: (one.told["starts"], one.told["title"], one.told["hall"]) for name, one in before.items()}
    found = identified(declarations(venue, ours, facts), f"{venue.id} {quarter}", known)
    require(found, quarter)
    states: list[State] = [_state(venue, quarter, one, before.get(one.id)) for one in found]
    here = {one.id for one in found}
    gone = tuple(one for name, one in before.items() if name not in here)
    lessened = _removed(venue, quarter, f"{quarter.start}")
    return Draft(quarter, tuple(found), tuple(states), gone, len(played) - len(ours), lessened)


def _state(venue: Venue, quarter: CivilQuarter, one: Declaration, was: Sent | None) -> State:
    """Forgetting someone takes their tickets out of the records, never out of what was sold: what was declared stands."""
    if was is None:
        return "draft"
    if was.told == told(one):
        return "sent"
    fewer = one.of().tickets < was.told["figures"]["all"]["tickets"]
    return "held" if fewer and _removed(venue, quarter, was.at) else "changed"


def _removed(venue: Venue, quarter: CivilQuarter, since: str) -> bool:
    """Whether records that a quarter may have had were removed since a day or an instant (ISO 8601)."""
    later = [act for act in acts(venue) if act.at >= since]
    return any((act.kind in RIGHTS and act.found) or act.people > f"{quarter.start}" for act in later)


def write_draft(venue: Venue, made: Draft) -> None:
    """Write the draft, both files at once, in the place of the one before."""
    numbers_known = numbers(venue)
    objects = [dto(one, numbers_known, "BROUILLON") for one in made.declarations]
    text = json.dumps(objects, ensure_ascii=False, indent=1) + "\n"
    rows = [
        _line(one, state, as_sent) for one, state, as_sent in zip(made.declarations, made.states, objects, strict=True)
    ]
    folder = venue.declarations / "sibil" / str(made.quarter)
    write_folder(folder, {"declarations.json": text, "declarations.csv": written_csv(_COLUMNS, rows)})


def told(one: Declaration) -> dict[str, Any]:
    """Return all that a declaration tells, in words and figures and without SIBIL's numbers, as JSON reads it back."""
    kinds = {kind or "all": asdict(one.of(kind)) for kind in (None, "full", "subscription", "exempt")}
    place = one.place.model_dump(exclude={"sibil"})
    facts = {"title": one.title, "hall": one.hall, "criteria": one.criteria, "domain": one.domain, "place": place,
             "festival": one.festival, "festival_place": one.festival_place, "festival_domain": one.festival_domain,
             "young": one.young, "capacity": one.capacity, "shared_box_office": one.shared_box_office,
             "starts": one.starts, "figures": kinds}  # fmt: skip
    return json.loads(json.dumps(facts))


def sent(venue: Venue) -> dict[str, Sent]:
    """Return what was sent, by id; none where nothing was."""
    return {name: Sent(**one) for name, one in _read(venue, "sent.json").items()}


def keep_sent(venue: Venue, name: str, one: Sent) -> None:
    """Note a declaration as sent, at once."""
    _write(venue, "sent.json", {n: asdict(s) for n, s in (sent(venue) | {name: one}).items()})


def numbers(venue: Venue) -> Numbers:
    """Return the numbers that SIBIL gave so far."""
    return Numbers(**_read(venue, "numbers.json"))


def keep_numbers(venue: Venue, known: Numbers) -> None:
    """Keep the numbers that SIBIL gave."""
    _write(venue, "numbers.json", asdict(known))


def _read(venue: Venue, name: str) -> dict[str, Any]:
    path = venue.declarations / "sibil" / name
    try:
        return json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError:
        raise Fault(
            f"declarations/sibil/{name} is damaged; restore it from your backup: it says what was sent.",
            f"declarations/sibil/{name} est abîmé ; restaurez-le depuis la sauvegarde : il dit ce qui a été envoyé.",
        ) from None


def _write(venue: Venue, name: str, content: dict[str, Any]) -> None:
    folder = venue.declarations / "sibil"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(folder / name, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


_COLUMNS = (
    "etat", "spectacle", "salle", "domaine", "representations", "dateDebut", "dateFin", "nbRepresentations", "jauge", "jeunePublic",
    "nbBilletsTotalBilletterie", "recetteTotalBilletterie", "prixMoyenTotalBilletterie", "nbBilletsTarifPlein", "recetteTarifPlein",
    "prixMoyenTarifPlein", "nbBilletsTarifAbonnementForfait", "nbBilletsExoneres", "lieu", "codePostal", "ville", "typeLieu", "festival",
    "idExtBilletterie",
)  # fmt: skip
_STATES: dict[State, str] = {
    "draft": "brouillon",
    "sent": "envoyée",
    "changed": "modifiée depuis l’envoi",
    "held": "retenue : enregistrements effacés depuis",
}


def _line(one: Declaration, state: State, as_sent: dict[str, Any]) -> dict[str, Any]:
    first, last = one.played[0].at, one.played[-1].at
    return {name: as_sent.get(name) for name in _COLUMNS} | {
        "etat": _STATES[state], "spectacle": one.title, "salle": one.hall, "domaine": label(one.domain),
        "representations": ", ".join(f"{p.at:%d/%m/%Y %H:%M}" for p in one.played), "dateDebut": f"{first:%Y-%m-%d}",
        "dateFin": f"{last:%Y-%m-%d}", "lieu": one.place.name, "codePostal": one.place.postal_code, "ville": one.place.city,
        "typeLieu": one.place.type, "festival": one.festival,
    }  # fmt: skip
