"""Commands about those who read the hub in SQL: partners, their tokens, the server, extracts, the audit trail."""

import signal
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from pipelines.cli.console import HERE, Home, out, say
from pipelines.cli.hub import print_answer

app = typer.Typer(
    help="Those who read the hub in SQL: who sees what, and until when. / Les partenaires et leurs droits.",
    no_args_is_help=True,
)
PartnerId = Annotated[str, typer.Argument(metavar="PARTNER", help="The partner's id. / Identifiant du partenaire.")]
Days = Annotated[int, typer.Option(help="Days the token holds. / Durée du jeton, en jours.", min=1, max=3650)]
Names = list[str]


@app.command()
def add(
    partner: PartnerId,
    name: Annotated[str, typer.Option(help="Its name. / Son nom.")],
    purpose: Annotated[
        str, typer.Option(help="A purpose of governance.toml, such as evaluation. / Un usage de governance.toml.")
    ],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day of access. / Dernier jour.")],
    table: Annotated[Names, typer.Option(help="A table it sees, or all; again for more. / Une table, ou all.")],
    venue: Annotated[Names, typer.Option(help="A venue it sees, or all; again for more. / Un lieu, ou all.")],
    deny_table: Annotated[Names, typer.Option(help="A table it never sees. / Une table refusée.")] = [],  # noqa: B006
    deny_venue: Annotated[Names, typer.Option(help="A venue it never sees. / Un lieu refusé.")] = [],  # noqa: B006
    days: Days = 365,
    home: Home = HERE,
) -> None:
    """Write a partner's rules into governance.toml and show its token, once. / Ajouter un partenaire."""
    from warehouse.amendments import add_partner
    from warehouse.governance import Hub

    rules = {"tables": (table, deny_table), "venues": (venue, deny_venue)}
    told = {kind: {"grant": grant, "deny": deny} for kind, (grant, deny) in rules.items()}
    add_partner(Hub(home / "hub"), partner, name=name, purpose=purpose, until=until.date(), **told)
    _new_token(home, partner, days)


@app.command()
def renew(partner: PartnerId, days: Days = 365, home: Home = HERE) -> None:
    """End the partner's token and show a new one, once. / Renouveler un jeton."""
    from warehouse.governance import Hub, governance
    from warehouse.sharing import access

    access(governance(Hub(home / "hub")), partner, datetime.now(UTC).date())
    _new_token(home, partner, days)


@app.command()
def revoke(partner: PartnerId, home: Home = HERE) -> None:
    """End the partner's token, now. / Révoquer un jeton."""
    from warehouse.governance import Hub
    from warehouse.partners import tokens

    tokens.revoke(Hub(home / "hub"), partner, datetime.now(UTC))
    _mirror(home)
    out.print(say(f"{partner} is answered no more.", f"{partner} n’a plus de réponse."))


@app.command("list")
def list_all(home: Home = HERE) -> None:
    """Show the partners, what each sees, and until when. / Lister les partenaires."""
    from warehouse.charter import Rule
    from warehouse.governance import Hub, governance
    from warehouse.partners.tokens import tokens

    def told(rule: Rule) -> str:
        return ", ".join([*rule.grant, *(say(f"not {name}", f"sauf {name}") for name in rule.deny)])

    hub, now = Hub(home / "hub"), datetime.now(UTC)
    held = {t.partner: t.expires[:10] for t in tokens(hub) if t.holds(now)}
    heads = say("partner name purpose tables venues until token", "partenaire nom usage tables lieux jusqu’au jeton")
    table = Table(*heads.split())
    for p in governance(hub).partners.values():
        table.add_row(p.id, p.name, p.purpose, told(p.tables), told(p.venues), str(p.until), held.get(p.id, "–"))
    out.print(table)


@app.command()
def audit(
    question: Annotated[
        str, typer.Argument(help="One SELECT over the table `audit`. / Un SELECT sur la table `audit`.")
    ] = "from audit order by asked_at desc limit 50",
    form: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="For people or machines.")
    ] = "table",
    home: Home = HERE,
) -> None:
    """Show who asked what, when, and how many rows left. / Qui a demandé quoi, quand, combien de lignes."""
    from warehouse.governance import Hub
    from warehouse.partners.trail import trail

    print_answer(trail(Hub(home / "hub"), question), form)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; TLS stands before any other than localhost. / Adresse d’écoute.")
    ] = "localhost",
    port: Annotated[int, typer.Option(help="Port to listen on. / Port d’écoute.", min=1, max=65535)] = 9494,
    web_port: Annotated[
        int,
        typer.Option(
            help="Port for releases and the catalogue. / Port des publications et du catalogue.", min=1, max=65535
        ),
    ] = 9480,
    scenarios: Annotated[
        Path | None,
        typer.Option(
            help="For conformance kits, never for partners: scripted answers. / Pour bancs d’essai seulement."
        ),
    ] = None,
    home: Home = HERE,
) -> None:
    """Answer partners in SQL, take in what venues push, show the catalogue, until stopped. / Servir le hub.

    A hub that hub/catalogue.toml makes a participant of a dataspace answers the Dataspace Protocol on the web port too.
    / S’il y est participant d’un espace de données, le hub y répond aussi au Dataspace Protocol, sur le port web.
    """
    from pipelines.dataspace.courier import Courier
    from warehouse.catalogue.settings import read_settings
    from warehouse.dataspace.connector import Connector
    from warehouse.dataspace.scenarios import read_scenarios
    from warehouse.governance import Hub
    from warehouse.partners.server import Server
    from warehouse.web.server import Web

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    hub = Hub(home / "hub")
    scripted = read_scenarios(scenarios) if scenarios else None
    connector = Connector(hub, scripted) if scripted or read_settings(hub).dataspace else None
    with ExitStack() as running:
        server = running.enter_context(Server(hub, host, port))
        web = running.enter_context(Web(hub, host, web_port, connector=connector))
        out.print(say("Partners connect with", "Les partenaires se connectent par"), highlight=False)
        out.print(f"  ATTACH '{server.uri}' AS jauge (TOKEN 'jauge_…');", highlight=False)
        out.print(say("Venues push to", "Les lieux poussent vers"), f"http://{web.host}:{web.port}", highlight=False)
        if connector:
            running.enter_context(Courier(connector))
            told = say("Participants of the dataspace find", "Les participants de l’espace de données trouvent")
            out.print(told, connector.endpoint, highlight=False)
        while not stopped.wait(3600):
            pass


def extract(
    partner: PartnerId,
    to: Annotated[Path, typer.Option(help="An empty folder. / Un dossier vide.")],
    form: Annotated[
        Literal["duckdb", "parquet", "csv", "xlsx"], typer.Option("--format", help="Kind of files. / Format.")
    ] = "duckdb",
    home: Home = HERE,
) -> None:
    """Write what a partner may see as files, for those who do not connect. / Extraire en fichiers."""
    from warehouse.governance import Hub, governance
    from warehouse.partners.extracts import extract as write
    from warehouse.sharing import access

    hub = Hub(home / "hub")
    seen = access(governance(hub), partner, datetime.now(UTC).date())
    for path in write(hub, seen, to, form):
        out.print(str(path), highlight=False, soft_wrap=True)


def mirror(home: Home = HERE) -> None:
    """Copy what partners may see into PostgreSQL, a role each, for tools that speak nothing else. / Le miroir PostgreSQL.

    `mirror` of hub/lake.toml says where: a database of its own. Dagster does this after each acceptance, and every night.
    """
    from warehouse.governance import Hub
    from warehouse.partners.mirror import mirror as write

    done = write(Hub(home / "hub"))
    out.print(
        say(
            f"The mirror shows snapshot {done.snapshot} to {done.partners} partners: {done.added} releases came, "
            f"{done.removed} went.",
            f"Le miroir montre l’état {done.snapshot} à {done.partners} partenaires : {done.added} publications venues, "
            f"{done.removed} parties.",
        ),
        highlight=False,
    )


def _mirror(home: Path) -> None:
    """Have the mirror follow at once, where there is one."""
    from warehouse.governance import Hub
    from warehouse.partners.mirror import mirror as write
    from warehouse.storage import read_storage

    if read_storage(Hub(home / "hub")).mirror:
        write(Hub(home / "hub"))


def _new_token(home: Path, partner: str, days: int) -> None:
    from warehouse.governance import Hub
    from warehouse.partners.tokens import new_token

    token = new_token(Hub(home / "hub"), partner, datetime.now(UTC), days)
    _mirror(home)
    out.print(
        say(
            f"Token of {partner}, for {days} days. It is not kept: hand it over safely, now.",
            f"Jeton de {partner}, pour {days} jours. Il n’est pas gardé : remettez-le en lieu sûr, maintenant.",
        )
    )
    sys.stdout.write(token + "\n")
