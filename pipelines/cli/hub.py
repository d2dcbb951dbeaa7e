"""Commands of the hub: accept what venues delivered, build the pages and the catalogue, answer SQL."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from pipelines.cli.console import HERE, Home, language, out, say

if TYPE_CHECKING:
    import polars as pl

    from warehouse.inbox import Decision


def accept(home: Home = HERE) -> None:
    """Verify what venues have delivered; accept it into the lake, or refuse it with a reason. / Recevoir.

    If lake.toml names a bucket (`inbox`), what venues put there is taken first, and answered there afterwards.
    / Si lake.toml nomme un seau (`inbox`), ce que les lieux y ont mis est d’abord pris, puis la réponse y est écrite.
    """
    from warehouse.bucket import exchange
    from warehouse.governance import Hub
    from warehouse.inbox import accept as decide

    hub = Hub(home / "hub")
    with exchange(hub):
        decisions = decide(hub)
        _print_decisions(decisions)
    if any(d.outcome == "refused" for d in decisions):
        raise typer.Exit(14)


def _print_decisions(decisions: list[Decision]) -> None:
    words = {
        "accepted": say("accepted", "acceptée"),
        "held": say("already held", "déjà reçue"),
        "refused": say("refused", "refusée"),
        "withdrawn": say("withdrawn", "retirée"),
    }
    for d in decisions:
        why = f": {d.fr if language() == 'fr' else d.en}" if d.rule else ""
        out.print(f"{d.folder}  {d.venue or '?'}  {words[d.outcome]}{why}", highlight=False)
    if not decisions:
        out.print(say("The inbox is empty.", "La boîte de réception est vide."))


Of = Annotated[int | None, typer.Option("--snapshot", help="As the lake was then. / Le lac dans cet état.")]


def report(
    snapshot: Of = None,
    member: Annotated[
        str | None, typer.Option(metavar="VENUE", help="Only what this member may see. / Ce que ce membre peut voir.")
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print each page too, by Chromium. / Imprimer aussi en PDF.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Build the pages for marketing teams, in French and English. / Construire les pages.

    A member's go to hub/reports/members/VENUE/. / Celles d’un membre vont dans hub/reports/members/LIEU/.
    """
    from warehouse.governance import Hub
    from warehouse.reports.build import build_reports
    from warehouse.reports.pdf import print_pages

    hub = Hub(home / "hub")
    pages = build_reports(hub, snapshot=snapshot, member=member)
    folder = hub.reports / "members" / member if member else hub.reports
    out.print(say(f"{len(pages)} pages in", f"{len(pages)} pages dans"), str(folder))
    if pdf:
        printed = print_pages(pages)
        out.print(say(f"{len(printed)} of them as PDF", f"{len(printed)} en PDF"))


def catalogue(snapshot: Of = None, home: Home = HERE) -> None:
    """Tell anyone what the hub holds: DCAT-AP, terms of use, data contracts, privacy records; never a figure.

    Écrire le catalogue, que chacun peut lire : jamais un chiffre. Le fichier hub/catalogue.toml dit qui publie et à
    quelle adresse (docs/catalogue.md). / The file hub/catalogue.toml says who publishes it and where it is served.
    """
    from warehouse.catalogue.build import write_catalogue
    from warehouse.catalogue.settings import NOWHERE, read_settings
    from warehouse.governance import Hub

    hub = Hub(home / "hub")
    files = write_catalogue(hub, snapshot=snapshot)
    out.print(say(f"{len(files)} files in", f"{len(files)} fichiers dans"), str(hub.folder / "catalogue"))
    if read_settings(hub).base == NOWHERE:
        out.print(
            say(
                f"Its identifiers begin with {NOWHERE}, which leads nowhere: give `base` in hub/catalogue.toml.",
                f"Ses identifiants commencent par {NOWHERE}, qui ne mène nulle part : donnez `base` dans hub/catalogue.toml.",
            )
        )


def sql(
    question: Annotated[
        str | None, typer.Argument(help="One SELECT over the hub's views; `show tables` lists them. / Un SELECT.")
    ] = None,
    form: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="For people or machines.")
    ] = "table",
    snapshot: Of = None,
    dictionary: Annotated[
        bool, typer.Option("--dictionary", help="Tell what every table, column and macro means. / Le sens de tout.")
    ] = False,
    questions: Annotated[
        bool, typer.Option("--questions", help="Show example questions with their SQL. / Des exemples.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Ask the hub's aggregates a question in SQL. / Interroger les agrégats en SQL."""
    from warehouse.definitions import questions as examples
    from warehouse.governance import Hub
    from warehouse.lake import answer as ask

    if questions:
        for q in examples():
            out.print(f"[bold]{q.name}[/bold]: {q.fr if language() == 'fr' else q.en}", highlight=False, soft_wrap=True)
            out.print(q.sql + "\n", highlight=False, markup=False, soft_wrap=True)
    elif dictionary:
        words = f"select relation, column_name, {language()} from dictionary"  # noqa: S608 (fr or en)
        print_answer(ask(Hub(home / "hub"), words, snapshot=snapshot).rows, form)
    elif question is None:
        raise typer.BadParameter(
            say("a question, or --dictionary, or --questions", "une question, ou --dictionary, ou --questions")
        )
    else:
        answer = ask(Hub(home / "hub"), question, snapshot=snapshot)
        print_answer(answer.rows, form)
        when = f"{answer.snapshot.at:%Y-%m-%d %H:%M:%S} UTC"
        typer.echo(
            say(f"Snapshot {answer.snapshot.id} of the lake, {when}", f"État {answer.snapshot.id} du lac, {when}"),
            err=True,
        )


def print_answer(answer: pl.DataFrame, form: str) -> None:
    """Print rows for people or machines; what has no figure is a dash."""
    if form == "csv":
        sys.stdout.write(answer.write_csv())
    elif form == "json":
        sys.stdout.write(json.dumps(answer.to_dicts(), ensure_ascii=False, default=str) + "\n")
    else:
        table = Table(*answer.columns)
        for row in answer.iter_rows():
            table.add_row(*("–" if v is None else f"{v:,.1f}" if isinstance(v, float) else str(v) for v in row))
        out.print(table)
