"""Commands of what a venue owes of its exact figures: SIBIL's declarations of a quarter, statements of performances."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, language, line, out, progress, say

if TYPE_CHECKING:
    from aggregations.declarations.keeping import Draft, State
    from aggregations.declarations.statements import Span
    from aggregations.venue import Venue


def sibil(
    venue: VenueId,
    quarter: Annotated[
        str,
        typer.Argument(metavar="QUARTER", help="Civil quarter, such as 2026-T1 (January to March). / Trimestre civil."),
    ],
    send: Annotated[
        bool, typer.Option("--send", help="Send to SIBIL, by [sibil] of venue.toml. / Envoyer à SIBIL.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Draft SIBIL's declarations of a civil quarter, held to its controls; --send sends them. / Déclarations SIBIL.

    Written to declarations/sibil/QUARTER/ of the venue's folder: JSON in the shape of SIBIL's interface, CSV to check by hand. What is
    missing is asked for, performance by performance, and then nothing is written. Sent again, what changed is put in its place.
    / Écrit le brouillon (JSON, CSV à vérifier) ; ce qui manque est demandé, séance par séance, et rien n’est alors écrit.
    """
    from aggregations.declarations.keeping import draft, write_draft
    from aggregations.declarations.quarters import CivilQuarter

    one, when = read_venue(home / "venues" / venue), CivilQuarter.parse(quarter)
    if send:
        from pipelines.sibil.sending import send as send_all

        with progress() as bar:
            task = bar.add_task("SIBIL", total=None)
            done = send_all(one, when, lambda n, of: bar.update(task, completed=n, total=of))
        line(say(f"Sent to SIBIL: {len(done)}.", f"Envoyées à SIBIL : {len(done)}."))
    made = draft(one, when)
    write_draft(one, made)
    _show(made)
    _hint(one, made)
    line(f"{one.declarations / 'sibil' / quarter}")


def statements(
    venue: VenueId,
    period: Annotated[
        str | None,
        typer.Argument(
            metavar="[PERIOD]",
            help="2025-2026, 2025-2026-T1 … or 2026-T1 (civil); else this season. / Sinon cette saison.",
        ),
    ] = None,
    home: Home = HERE,
) -> None:
    """Write statements of performances, from which SACEM, SACD, CNM and ASTP forms are filled by hand. / Relevés de séances.

    Tickets by tariff, receipts with and without VAT, capacity, audience and type of each performance, as CSV and pages to print; of a
    season, its report for a funder too. Exact: they stay in declarations/statements/ of the venue's folder.
    / Billets par tarif, recettes TTC et HT, jauge, public et type ; d’une saison, aussi le bilan pour un financeur. Chiffres exacts.
    """
    from aggregations.declarations.statements import missing, statements, write_statements

    one = read_venue(home / "venues" / venue)
    span = _span(period)
    paths = write_statements(one, span)
    for lacking in missing(statements(one, span)):
        line(say("Missing: ", "Il manque ") + lacking[language() != "fr"])
    for path in paths:
        if path.suffix == ".csv" or path.name.endswith(f".{language()}.html"):
            line(str(path))


def _span(text: str | None) -> Span:
    from aggregations.declarations.quarters import CivilQuarter
    from privacy.calendar import Period
    from privacy.errors import Fault

    if text is None:
        return Period(Period.containing(datetime.now(UTC).date()).year)
    try:
        return Period.parse(text)
    except Fault:
        return CivilQuarter.parse(text)


def _show(made: Draft) -> None:
    heads = (
        say("show", "spectacle"), say("from", "du"), say("performances", "séances"), say("tickets", "billets"),
        say("full", "plein"), say("subscription", "abonnement"), say("free", "exonérés"), say("receipts", "recette"), say("state", "état"),
    )  # fmt: skip
    states: dict[State, str] = {
        "held": say("held back", "retenue"),
        "draft": say("draft", "brouillon"),
        "sent": say("sent", "envoyée"),
        "changed": say("changed since sent", "changée depuis l’envoi"),
    }
    table = Table(*heads)
    for one, state in zip(made.declarations, made.states, strict=True):
        every = one.of()
        counted = (every, one.of("full"), one.of("subscription"), one.of("exempt"))
        table.add_row(
            f"{one.title}", f"{one.played[0].at:%Y-%m-%d}", str(len(one.played)), *(str(x.tickets) for x in counted),
            _euros(every.receipts or 0), states[state],
        )  # fmt: skip
    if made.declarations:
        out.print(table)
    tickets = sum(one.of().tickets for one in made.declarations)
    receipts = _euros(sum(one.of().receipts or 0 for one in made.declarations))
    number = len(made.declarations)
    line(say(f"{made.quarter}: declarations {number}, tickets {tickets}, receipts {receipts}. All controls hold.",
             f"{made.quarter} : déclarations {number}, billets {tickets}, recette {receipts}. Tous les contrôles passent."))  # fmt: skip


def _euros(cents: int) -> str:
    from babel.numbers import format_currency

    return format_currency(cents / 100, "EUR", locale=language())


def _hint(venue: Venue, made: Draft) -> None:
    from aggregations.declarations.dto import label
    from aggregations.declarations.keeping import numbers

    if made.left_out:
        line(say(f"{made.left_out} exhibitions, talks and screenings are not SIBIL's.",
                 f"{made.left_out} expositions, rencontres et projections ne relèvent pas de SIBIL."))  # fmt: skip
    if made.lessened:
        line(say("Records of this quarter may have been removed (forget, purge): check with the box office. What was sent with more "
                 "tickets is held back.",
                 "Des enregistrements du trimestre ont pu être effacés (forget, purge) : vérifiez avec la billetterie. Ce qui a été "
                 "envoyé avec plus de billets est retenu."))  # fmt: skip
    for one in made.gone:
        line(say(f"Sent and no longer in the records: {one.told['title']} ({one.number} at SIBIL). If it was not played, cancel it there.",
                 f"Envoyée et absente des enregistrements : {one.told['title']} ({one.number} chez SIBIL). Si elle n’a pas été "
                 "jouée, annulez-la là-bas."))  # fmt: skip
    asked = numbers(venue).criteria
    for one in {d.title: d for d in made.declarations}.values():
        names = asked.get(label(one.domain), [])[1:]
        if len(one.criteria) < len(names):
            line(say(f"SIBIL knows a show by more: {', '.join(names)}: `criteria` of [declares.shows.\"{one.title}\"].",
                     f"SIBIL reconnaît un spectacle à : {', '.join(names)} : `criteria` de [declares.shows.\"{one.title}\"]."))  # fmt: skip
    today: date = datetime.now(UTC).date()
    if today < made.quarter.end:
        line(say(f"The quarter ends on {made.quarter.end}: what comes later changes this.",
                 f"Le trimestre finit le {made.quarter.end} : la suite changera ceci."))  # fmt: skip
    elif "draft" in made.states:
        line(say(f"To be declared before {made.quarter.due}.", f"À déclarer avant le {made.quarter.due}."))
