"""The command of a member who wants its figures in its own tools: spreadsheets, slides, a board, a funder, e-mail."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import HERE, Home, VenueId, out, say


class _Language(StrEnum):
    fr = "fr"
    en = "en"


def takeaway(
    venue: VenueId,
    to: Annotated[Path, typer.Option("--to", help="A folder, new or empty. / Un dossier neuf ou vide.")],
    period: Annotated[
        str | None, typer.Option("--period", help="By default its last season. / Sa dernière saison.")
    ] = None,
    lang: Annotated[_Language | None, typer.Option("--lang", help="One language only. / Une seule langue.")] = None,
    home: Home = HERE,
) -> None:
    """Take figures away: tables, charts, a board's summary, a funder's report, an e-mail. / Emporter ses chiffres.

    Only what governance.toml lets this member see. Tables as CSV and a workbook, every figure with its margin; charts as
    SVG and PNG; the summary as a page and, where Chromium is there, a PDF; the funder's report for Word; the e-mail
    tells what changed more than the noise. / Chaque chiffre avec sa marge ; la lettre ne dit que ce qui dépasse le bruit.
    """
    from warehouse.governance import Hub
    from warehouse.takeaway import take_away

    languages = (lang.value,) if lang else ("fr", "en")
    today = datetime.now(UTC).date()
    paths = take_away(Hub(home / "hub"), venue, today, to, period=period, languages=languages)
    for path in paths:
        if path.parent.parent == to:
            out.print(str(path), highlight=False, markup=False, soft_wrap=True)
    files = len(paths)
    out.print(say(f"{files} files in {to}, tables and charts included.",
                  f"{files} fichiers dans {to}, tables et graphiques compris."), highlight=False, markup=False)  # fmt: skip
    if not any(path.suffix == ".pdf" for path in paths):
        out.print(say("No PDF: Chromium is not here; open the summary in a browser and print it.",
                      "Pas de PDF : Chromium n’est pas là ; ouvrez la synthèse dans un navigateur et imprimez-la."))  # fmt: skip
