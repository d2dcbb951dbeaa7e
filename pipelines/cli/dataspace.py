"""Commands towards other hubs, by the Dataspace Protocol: their catalogue, an agreement, its files; and agreements' end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.cli.console import HERE, Home, line, out, say

if TYPE_CHECKING:
    from warehouse.dataspace.connector import Connector

app = typer.Typer(
    help="Other hubs, by the Dataspace Protocol 2025-1: agree, fetch, end. / D’autres hubs : s’accorder, obtenir, finir.",
    no_args_is_help=True,
)
PeerId = Annotated[str, typer.Argument(metavar="PEER", help="A partner with `dataspace`. / Un partenaire participant.")]
AgreementId = Annotated[str, typer.Argument(metavar="AGREEMENT", help="Its identifier. / Son identifiant.")]
To = Annotated[Path, typer.Option(help="An empty folder. / Un dossier vide.")]


def _connector(home: Path) -> "Connector":
    from warehouse.dataspace.connector import Connector
    from warehouse.governance import Hub

    return Connector(Hub(home / "hub"))


@app.command()
def catalogue(peer: PeerId, home: Home = HERE) -> None:
    """Show what another hub offers, and under which terms. / Voir ce qu’un autre hub propose."""
    from pipelines.dataspace.fetching import peer_of, short
    from warehouse.folders import shown

    table = Table(*say("dataset terms identifier", "jeu conditions identifiant").split())
    for found in peer_of(_connector(home), peer).catalogue().get("dataset", []):
        terms = ", ".join(short(offer["@id"]) for offer in found["hasPolicy"])
        table.add_row(short(found["@id"]), terms, escape(shown(found["@id"])))
    out.print(table)


@app.command()
def request(
    peer: PeerId,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Such as provenance. / Par exemple provenance.")],
    to: To,
    terms: Annotated[
        str | None, typer.Option(help="Which terms, if there are several: statistics. / Quelles conditions.")
    ] = None,
    home: Home = HERE,
) -> None:
    """Agree on a dataset of another hub, and fetch it. `jauge serve` must run. / S’accorder, puis obtenir.

    The agreement is for the version of that day; `fetch` gives it again. / L’accord vaut pour la version du jour.
    """
    from pipelines.dataspace.fetching import agree
    from pipelines.dataspace.fetching import fetch as get
    from warehouse.folders import shown

    connector = _connector(home)
    agreement = agree(connector, peer, dataset, terms)
    line(say("Agreed:", "Accord :") + f" {shown(agreement.id)}")
    for path in get(connector, agreement, to):
        line(str(path))


@app.command()
def fetch(agreement: AgreementId, to: To, home: Home = HERE) -> None:
    """Fetch again what was agreed, while the agreement holds. / Obtenir à nouveau."""
    from pipelines.dataspace.fetching import fetch as get

    connector = _connector(home)
    for path in get(connector, connector.agreement(agreement), to):
        line(str(path))


@app.command()
def agreements(home: Home = HERE) -> None:
    """Show the agreements, with whom, on what, since when, and those that ended. / Lister les accords."""
    from warehouse.folders import shown

    heads = say(
        "agreement role partner dataset snapshot made ended why", "accord rôle partenaire jeu état du jusqu’au motif"
    )
    table = Table(*heads.split())
    for a in _connector(home).book.agreements():
        role = say(a.role, {"provider": "fournisseur", "consumer": "preneur"}[a.role])
        version = str(a.version.get("snapshot", "–"))
        name, dataset, reason = (escape(shown(text)) for text in (a.id, a.dataset, a.reason or ""))
        table.add_row(name, role, a.partner, dataset, version, a.made, a.ended or "–", reason)
    out.print(table)


@app.command()
def end(
    agreement: AgreementId,
    why: Annotated[str, typer.Option(help="The reason, told to the other side. / Le motif, dit à l’autre partie.")],
    home: Home = HERE,
) -> None:
    """End an agreement, now: no token of it opens anything any more. / Mettre fin à un accord."""
    ended = _connector(home).end(agreement, why)
    line(
        say(
            f"Ended, with {ended.partner}. What was fetched by it is deleted by whoever has it, as its terms say.",
            f"Fini, avec {ended.partner}. Qui en a obtenu des fichiers les efface, comme le disent ses conditions.",
        )
    )
