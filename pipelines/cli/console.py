"""How the command line speaks: the reader's language, progress bars, receipts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from aggregations.receipt import Receipt

out = Console()

Home = Annotated[
    Path, typer.Option("--home", envvar="JAUGE_HOME", help="Folder of venues and hub. / Dossier des lieux et du hub.")
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Another policy than the packaged one. / Une autre politique.")
]
VenueId = Annotated[str, typer.Argument(metavar="VENUE", help="The venue's id. / Identifiant du lieu.")]
PeriodText = Annotated[str, typer.Argument(metavar="PERIOD", help="2025-2026 or 2025-2026-T1 … T4.")]
HERE = Path(".jauge")


def language() -> Literal["fr", "en"]:
    """Return the reader's language, from $JAUGE_LANG, $LC_ALL, $LC_MESSAGES or $LANG."""
    chosen = next((v for n in ("JAUGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(n))), "en")
    return "fr" if chosen.lower().startswith("fr") else "en"


def say(en: str, fr: str) -> str:
    """Return the sentence in the reader's language."""
    return fr if language() == "fr" else en


def line(text: str) -> None:
    """Print a sentence as it is: not coloured, not read as markup, not cut."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def progress() -> Progress:
    """Return a progress bar on standard error, so that results can be piped."""
    parts = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*parts, console=Console(stderr=True))


def print_receipt(receipt: Receipt, quarantine: Path) -> None:
    """Say what became of an export: counts, reasons, and where the lines are listed; never a value."""
    done = say("already loaded", "déjà chargé") if receipt.already else say("loaded", "chargé")
    out.print(f"{', '.join(receipt.files)} ({receipt.preset}): {done}", highlight=False)
    out.print(
        say(
            f"  rows read {receipt.rows_read}, kept {receipt.rows_kept}, new or changed {receipt.rows_changed}",
            f"  lignes lues {receipt.rows_read}, gardées {receipt.rows_kept}, neuves ou changées {receipt.rows_changed}",
        )
    )
    print_losses(receipt.dropped, receipt.quarantined)
    if not receipt.in_inbox:
        out.print(say("  not kept in the inbox: it holds someone forgotten, or its time there is over",
                      "  non gardé dans l’inbox : il contient une personne oubliée, ou son temps y est passé"))  # fmt: skip
    if receipt.quarantined:
        out.print(say("  lines are listed in", "  lignes listées dans"), str(quarantine / f"{receipt.id}.csv"))
    for unknown in receipt.unknown:
        print_unknown(unknown.column, unknown.labels, unknown.rows, unknown.first_line)


def print_losses(dropped: dict[str, int], quarantined: dict[str, int]) -> None:
    """Say how many rows were left out or quarantined, by reason."""
    for reason, rows in dropped.items():
        out.print(say(f"  left out {rows}: {reason}", f"  écartées {rows} : {reason}"), highlight=False)
    for reason, rows in quarantined.items():
        out.print(say(f"  quarantined {rows}: {reason}", f"  en quarantaine {rows} : {reason}"), highlight=False)


def print_unknown(column: str, labels: int, rows: int, line: int) -> None:
    """Say how many labels of a column no vocabulary knows, and where the first is."""
    out.print(
        say(
            f"  {column}: {labels} labels no vocabulary knows, on {rows} rows (first: line {line})",
            f"  {column} : {labels} libellés qu’aucun vocabulaire ne connaît, sur {rows} lignes (1re : ligne {line})",
        ),
        highlight=False,
    )
