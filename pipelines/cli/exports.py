"""Commands of a venue's steward about exports: look at one, have a mapping proposed for it, load it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from aggregations.venue import read_venue
from pipelines.cli.console import (
    HERE,
    Home,
    VenueId,
    language,
    out,
    print_losses,
    print_receipt,
    print_unknown,
    progress,
    say,
)

if TYPE_CHECKING:
    from aggregations.inspection import Inspection, UnknownWords
    from aggregations.proposals import Proposal

Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping", exists=True, dir_okay=False, help="A mapping of your own, TOML. / Une correspondance à vous."
    ),
]


def inspect(
    files: Annotated[list[Path], typer.Argument(exists=True, help="An export: a file, or a folder of files.")],
    venue: Annotated[str | None, typer.Option(help="Use this venue's own words. / Avec les mots de ce lieu.")] = None,
    mapping: Mapping = None,
    draft: Annotated[
        Path | None,
        typer.Option("--draft", help="Write a mapping to complete, TOML. / Écrire une correspondance à compléter."),
    ] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show unknown labels, on this screen only.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Say what an export is and what loading it would keep. Writes nothing but a draft. / Examiner un export.

    Of a file that no preset knows: what its columns look like, and what they may be. --draft writes that as a mapping,
    with its reasons; complete it, try it with --mapping, then `jauge ingest VENUE FILE --mapping` loads the file and keeps
    the mapping for those to come. / D’un fichier inconnu : ce que ses colonnes semblent être, et un brouillon à compléter.
    """
    from aggregations.detect import UnknownFile
    from aggregations.inspection import inspect as look
    from privacy.errors import Fault

    here = read_venue(home / "venues" / venue) if venue else None
    try:
        seen = look(here, files, mapping=mapping, show_values=show_values)
    except UnknownFile as unknown:
        if mapping is not None or not unknown.sources:
            raise
        sources, said = unknown.sources, unknown
    else:
        if draft is not None:
            raise Fault(
                f"{seen.preset} knows this file: it needs no draft.",
                f"{seen.preset} connaît ce fichier : inutile d’en faire un brouillon.",
            )
        _print_inspection(seen)
        return
    from aggregations.drafts import write_draft
    from aggregations.proposals import propose

    proposal = propose(sources)
    if draft is not None:
        write_draft(proposal, draft, language())
    out.print(said.sentence(language()), highlight=False, markup=False, soft_wrap=True)
    _print_proposal(proposal)
    if draft is None:
        out.print(say("--draft NAME.toml writes it as a mapping to complete.",
                      "--draft NOM.toml l’écrit comme correspondance à compléter."))  # fmt: skip
    else:
        told = say("Complete it, then:", "À compléter, puis :")
        out.print(f"{draft}. {told} jauge inspect {files[0].name} --mapping {draft.name}", markup=False, soft_wrap=True)


def ingest(
    venue: VenueId,
    files: Annotated[
        list[Path], typer.Argument(exists=True, help="Exports: files, or folders of files that belong together.")
    ],
    preset: Annotated[
        str | None, typer.Option(help="Name the format instead of recognising it. / Nommer le format.")
    ] = None,
    mapping: Mapping = None,
    home: Home = HERE,
) -> None:
    """Load exports into a venue's canonical records; say what was kept and why not the rest. / Charger des exports.

    --mapping reads them by a mapping of your own, which the venue keeps: later files of that kind are recognised.
    / --mapping les lit par une correspondance à vous, que le lieu garde : les suivants sont reconnus.
    """
    from aggregations.ingest import ingest as load

    one = read_venue(home / "venues" / venue)
    with progress() as bar:
        task = bar.add_task(say("Loading", "Chargement"), total=len(files))
        receipts = []
        for export in files:
            receipts.append(load(one, [export], preset=preset, mapping=mapping))
            bar.advance(task)
    for receipt in receipts:
        print_receipt(receipt, one.quarantine)
    out.print(
        say("What is missing, late or refused:", "Ce qui manque, tarde ou est refusé :"), f"jauge quality {venue}"
    )


def _print_inspection(seen: Inspection) -> None:
    written = " ".join(word for word in (seen.format, seen.encoding, seen.delimiter) if word)
    out.print(f"{seen.title} ({seen.preset}), {written}", highlight=False, markup=False)
    out.print(say(f"consent regime: {seen.consent_regime}", f"régime de consentement : {seen.consent_regime}"))
    table = Table(say("column", "colonne"), say("becomes", "devient"), say("read as", "lue comme"))
    for use in seen.columns:
        table.add_row(escape(use.source), "\n".join(use.becomes) or say("not kept", "non gardée"), use.reading)
    out.print(table)
    kept = ", ".join(f"{frame} {rows}" for frame, rows in seen.kept.items())
    out.print(say(f"rows read {seen.rows_read}, kept: {kept}", f"lignes lues {seen.rows_read}, gardées : {kept}"))
    print_losses(seen.dropped, seen.quarantined)
    for unknown in seen.unknown:
        print_unknown(unknown.column, unknown.labels, unknown.rows, unknown.first_line)
        _print_near(unknown, seen.preset)


def _print_near(unknown: UnknownWords, preset: str) -> None:
    """Near words, and how `venue.toml` states one: a label only where values were asked for."""
    place = {"family": "[families]", "status": f"[statuses.{preset}]"}.get(unknown.column, "")
    if unknown.near:
        near = ", ".join(f"{n.code} ({n.labels}, {n.rows})" for n in unknown.near)
        told = say("nearest codes (labels, rows):", "codes les plus proches (libellés, lignes) :")
        out.print(f"    {told} {near}", highlight=False, markup=False, soft_wrap=True)
    if place and (unknown.near or unknown.shown):
        lines = unknown.shown or {"…": tuple(n.code for n in unknown.near)}
        out.print(f"    venue.toml: {place}", highlight=False, markup=False)
        for label, codes in lines.items():
            code, *others = codes or ("",)
            text = label.replace("\\", "\\\\").replace('"', '\\"')
            line = f'"{text}" = "{code}"' + (f"  # {', '.join(others)}" if others else "")
            out.print(f"    {line if codes else f'# {line}'}", highlight=False, markup=False, soft_wrap=True)
    else:
        for label, codes in unknown.shown.items():
            out.print(" ≈ ".join(["    " + label, *filter(None, [", ".join(codes)])]), highlight=False, markup=False)


def _print_proposal(proposal: Proposal) -> None:
    """Headers, what they may be and why; no value of a row."""
    from aggregations.detect import format_of

    source, french = proposal.sample.source, language() == "fr"
    written = " ".join(word for word in (format_of(source), source.encoding, source.delimiter) if word)
    rows, columns = proposal.sample.rows.height, len(proposal.columns)
    out.print(
        say(f"{source.name}: {written}, {columns} columns, {rows} rows looked at",
            f"{source.name} : {written}, {columns} colonnes, {rows} lignes regardées"),
        highlight=False, markup=False,
    )  # fmt: skip
    out.print(f"{say('a row may be', 'une ligne peut être')} {proposal.frame}: {proposal.why[french]}", highlight=False)
    table = Table(say("column", "colonne"), say("may be", "peut être"), say("because", "parce que"))
    for column in proposal.columns:
        role = column.role if column.role != "never" else ""
        table.add_row(escape(column.header), role or say("not kept", "non gardée"), escape(column.why[french]))
    out.print(table)
