"""Commands of a venue's steward on how it stands: her page, the page on what the venue holds, refused rows to correct."""

from __future__ import annotations

from typing import Annotated

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, PolicyFile, VenueId, language, out, say


def steward(venue: VenueId, home: Home = HERE, policy: PolicyFile = None) -> None:
    """Make the steward's page: what to do, budget, coming charges, what would be shown, quality. / Le tableau de bord.

    Its counts are exact: it stays in the venue's folder, and nothing of it is published, drawn or spent.
    / Ses nombres sont exacts : il reste dans le dossier du lieu ; rien n’en est publié, tiré ni débité.
    """
    from pipelines.steward.page import build_page
    from privacy.policy import read_policy

    pages = build_page(read_venue(home / "venues" / venue), read_policy(policy))
    page = next(p for p in pages if p.name == f"index.{language()}.html")
    out.print(say("For you alone:", "Pour vous seul :"), str(page), soft_wrap=True)


def quality(venue: VenueId, home: Home = HERE) -> None:
    """Make the page that says what is missing, late, double, odd or refused, source by source. / La page de qualité.

    Its figures are exact: it stays in the venue's folder, and nothing of it is published. What it points at never stops
    a release. / Ses chiffres sont exacts : elle reste dans le dossier du lieu, et n’empêche aucune publication.
    """
    from pipelines.quality.page import build_page

    found, pages = build_page(read_venue(home / "venues" / venue))
    french = language() == "fr"
    for one in found:
        if not one.holds:
            between = " : " if french else ": "
            text = f"{one.title}{between}{one.rule.found[not french]}"
            out.print(text, highlight=False, markup=False, soft_wrap=True)
    if all(one.holds for one in found):
        out.print(say("Nothing to report.", "Rien à signaler."))
    page = next(p for p in pages if p.parent.name == language())
    told = say(
        "What to do, and the exact figures (for you alone):", "Que faire, et les chiffres exacts (pour vous seul) :"
    )
    out.print(told, str(page), soft_wrap=True)


def quarantine(
    venue: VenueId,
    export: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPORT", help="First digits of one export's number. / Un seul export, par ses chiffres."
        ),
    ] = None,
    home: Home = HERE,
) -> None:
    """Give refused rows back, as they came, to be corrected and loaded. / Rendre les lignes refusées, à corriger.

    Each export with rows still to correct gets a folder in inbox/corrections/ with those rows only. Correct them there, in
    any spreadsheet or editor, and `jauge ingest VENUE FOLDER`: they join the others as if the export had had them right. A
    row taken out of the file is given up. / Chaque export reçoit un dossier ; corrigez, puis chargez le dossier.
    """
    from aggregations.corrections import write_corrections
    from aggregations.receipt import receipts
    from aggregations.refusals import pending
    from privacy.errors import Fault

    one = read_venue(home / "venues" / venue)
    waiting = pending(one)
    asked = [r for r in receipts(one.store) if r.id in set(waiting["export"]) and r.id.startswith(export or "")]
    if not asked and export:
        raise Fault(
            f"No export of {venue} whose number begins with these digits has rows to correct.",
            f"Aucun export de {venue} dont le numéro commence ainsi n’a de lignes à corriger.",
        )
    if not asked:
        out.print(say("No refused row waits.", "Aucune ligne refusée n’attend."))
    for receipt in asked:
        rows = waiting.filter(waiting["export"] == receipt.id)
        folder = write_corrections(one, receipt)
        told = say(f"{rows.height} rows to correct", f"{rows.height} lignes à corriger")
        out.print(f"{', '.join(receipt.files)} ({receipt.preset}): {told}", highlight=False, markup=False)
        for column, reason, number in rows.group_by("column", "reason").len().sort("column", "reason").iter_rows():
            out.print(f"  {column}: {reason} ({number})", highlight=False, markup=False)
        out.print(
            say("  Correct them, then:", "  Corrigez-les, puis :"), f"jauge ingest {venue} {folder}", soft_wrap=True
        )
