"""Make a folder of all that a member takes away of a period: one folder a language, swapped in when all is written.

FOLDER/fr/  synthese.html, .pdf   reddition.docx   classeur.xlsx   lettre.html, .txt   tables/*.csv   graphiques/*.svg, .png
FOLDER/en/  summary.html, .pdf    funder-report.docx …
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import date
from pathlib import Path

from privacy.errors import Fault
from warehouse.governance import Hub
from warehouse.reports.pdf import browser, print_pages
from warehouse.takeaway.document import write_report
from warehouse.takeaway.held import hold, latest_moved
from warehouse.takeaway.letter import write_letter
from warehouse.takeaway.phrases import LANGUAGES, Language, Phrases
from warehouse.takeaway.pictures import write_pictures
from warehouse.takeaway.spreadsheets import write_csv, write_workbook
from warehouse.takeaway.summary import write_summary


def take_away(
    hub: Hub,
    venue: str,
    today: date,
    folder: Path,
    *,
    period: str | None = None,
    languages: Collection[Language] = LANGUAGES,
) -> list[Path]:
    """Write everything that a member may see of a period (by default its last season) and return the paths.

    The letter is of the period asked for, else of the last that has one before it. There is a PDF where there is Chromium.

    Raises:
        GovernanceRefusal: it is no member.
        Fault: it has published nothing of the period, or the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Fault(f"{folder.name} is not empty; choose another folder.",
                    f"{folder.name} n’est pas vide ; choisissez un autre dossier.")  # fmt: skip
    held = hold(hub, venue, today, period)
    letter = held.at(held.period if period else latest_moved(held))
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for language in languages:
        phrases, place = Phrases(language), making / language
        place.mkdir(parents=True)
        write_csv(held, phrases, place / phrases.say("folder_tables"))
        write_pictures(held, phrases, place / phrases.say("folder_charts"))
        write_workbook(held, phrases, place / f"{phrases.say('file_workbook')}.xlsx")
        write_report(held, phrases, place / f"{phrases.say('file_funder')}.docx")
        write_letter(letter, phrases, place / phrases.say("file_letter"))
        page = write_summary(held, phrases, place / f"{phrases.say('file_summary')}.html")
        if browser():  # else any browser prints the page
            print_pages([page])
    if folder.exists():
        folder.rmdir()
    making.rename(folder)
    return sorted(p for p in folder.rglob("*") if p.is_file())
