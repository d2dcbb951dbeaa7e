"""Commands for what a venue owes the people in its records: forget who asks, purge what is old, show the registers."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, PolicyFile, VenueId, out, progress, say
from privacy.errors import Fault


def forget(
    venue: VenueId,
    file: Annotated[
        Path | None,
        typer.Option("--file", exists=True, dir_okay=False, help="Contacts, one a line. / Contacts, un par ligne."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="They are numbers this system gives people. / Ce sont des numéros de ce système."),
    ] = None,
    right: Annotated[
        Literal["erasure", "objection"], typer.Option(help="What to record. / Ce qu’il faut consigner.")
    ] = "erasure",
    home: Home = HERE,
) -> None:
    """Remove people from all that a venue holds, keep them out, and prove it by search. / Oublier des personnes.

    The contact is typed unseen, or read from a file: never an argument, which a shell remembers. Exports that hold them
    leave the inbox. Erase them in the ticketing system too: it is the only place where they are by name.
    """
    from aggregations.rights import forget as remove

    one = read_venue(home / "venues" / venue)
    contacts = _of(file) if file else _typed()
    with progress() as bar:
        task = bar.add_task(say("Forgetting", "Oubli"), total=1)
        done = remove(one, contacts, source=source, right=right, elsewhere=_elsewhere(home))
        bar.update(task, completed=1)
    out.print(say(f"Asked for {done.asked}, found {done.found}; raw exports removed: {done.exports}.",
                  f"Demandés : {done.asked}, trouvés : {done.found} ; exports bruts supprimés : {done.exports}."),
              highlight=False)  # fmt: skip
    if done.search.left:
        names = ", ".join(_name(path, home) for path in done.search.left)
        raise Fault(
            f"Not proved: of {done.search.files} files searched, these still hold them or cannot be opened: {names}. "
            "Load or delete those of the inbox, mend or delete the others, and run the same command again.",
            f"Pas de preuve : sur {done.search.files} fichiers fouillés, ceux-ci les contiennent encore ou ne s’ouvrent pas : "
            f"{names}. Chargez ou supprimez ceux de l’inbox, réparez ou supprimez les autres, puis relancez la commande.",
        )
    out.print(say(f"Searched {done.search.files} files, found nothing. Recorded, without who.",
                  f"{done.search.files} fichiers fouillés, rien trouvé. Consigné, sans dire qui."), highlight=False)  # fmt: skip
    out.print(say("Now erase them in the ticketing system, in backups, and the file you gave.",
                  "Reste à les effacer de la billetterie, des sauvegardes, et le fichier donné."))  # fmt: skip


def purge(venue: VenueId, home: Home = HERE) -> None:
    """Remove who has not come for `retention_months`, and raw exports after `raw_days`. / Purger ce qui est trop ancien."""
    from aggregations.rights import purge as remove

    done = remove(read_venue(home / "venues" / venue))
    out.print(say(f"Nobody is held who was last seen before {done.since}. Raw exports removed: {done.exports}.",
                  f"Plus personne dont la dernière venue est antérieure au {done.since}. Exports bruts supprimés : "
                  f"{done.exports}."), highlight=False)  # fmt: skip


def register(venue: VenueId, home: Home = HERE, policy: PolicyFile = None) -> None:
    """Write the registers of processing and of anonymisation, from what is configured. / Écrire les registres RGPD."""
    from aggregations.register import write_register
    from privacy.policy import read_policy

    for page in write_register(read_venue(home / "venues" / venue), read_policy(policy)):
        out.print(str(page), highlight=False, soft_wrap=True)


def _typed() -> list[str]:
    asked = say("Contact (several: commas between)", "Contact (plusieurs : entre virgules)")
    typed: str = typer.prompt(asked, hide_input=True)
    return [text.strip() for text in typed.replace(";", ",").split(",") if text.strip()]


def _of(file: Path) -> list[str]:
    """Read contacts from a file of one column; a first line without a digit or an @ is its header."""
    lines = [line.strip().strip("\"';,").strip() for line in file.read_text("utf-8-sig").splitlines()]
    lines = [line for line in lines if line]
    header = bool(lines) and not any(c == "@" or c.isdigit() for c in lines[0])
    return lines[header:]


def _elsewhere(home: Path) -> list[Path]:
    """Where else something could be: the hub of this home, Dagster's own files, what killed processes left behind."""
    dagster = [Path(chosen)] if (chosen := os.environ.get("DAGSTER_HOME")) else [home / "dagster", Path(".dagster")]
    left = Path(tempfile.gettempdir()).glob(f"jauge-{'[a-z0-9_]' * 8}")  # as `tempfile` names them
    return [folder for folder in (home / "hub", *dagster, *left) if folder.is_dir()]


def _name(path: Path, home: Path) -> str:
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
