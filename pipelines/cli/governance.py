"""Commands about what the hub's members agreed on: read it in sentences, take a venue's new key, revoke an old one."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import HERE, Home, language, out, say

app = typer.Typer(
    help="What the members agreed on (governance.toml): who sees what, who decides. / Ce que les membres ont décidé.",
    no_args_is_help=True,
)
MemberId = Annotated[str, typer.Argument(metavar="VENUE", help="The member's id. / Identifiant du membre.")]


@app.command()
def check(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="As of a day. / À une date.")
    ] = None,
    home: Home = HERE,
) -> None:
    """Read governance.toml aloud: who can see what, who approves, what looks wrong. / Relire en phrases."""
    from warehouse.governance import Hub, governance
    from warehouse.sentences import tell

    hub = Hub(home / "hub")
    for s in tell(governance(hub), hub.policy, on.date() if on else _today()):
        text = s.fr if language() == "fr" else s.en
        if s.part == "heading":
            out.print(f"\n[bold]{text}[/bold]", highlight=False)
        else:
            out.print(("  " if s.part == "fact" else "[yellow]! [/yellow]") + text, highlight=False, soft_wrap=True)


@app.command()
def key(
    statement: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `jauge venue renew-key` wrote. / L’attestation du lieu.")
    ],
    home: Home = HERE,
) -> None:
    """Take a venue's new key, by a statement that its old key signed. / Recevoir la nouvelle clé d’un lieu."""
    from warehouse.amendments import take_key
    from warehouse.governance import Hub

    member = take_key(Hub(home / "hub"), statement)
    out.print(
        say(
            f"{member.name} signs with {member.public_key[:12]}… from now on. Its former key counts for what is dated "
            "today at the latest; if it may have been stolen: jauge governance revoke.",
            f"{member.name} signe désormais avec {member.public_key[:12]}… L’ancienne clé vaut pour ce qui est daté "
            "d’aujourd’hui au plus tard ; si elle a pu être volée : jauge governance revoke.",
        ),
        highlight=False,
    )


@app.command()
def revoke(
    venue: MemberId,
    former: Annotated[
        str, typer.Argument(metavar="KEY", help="The former public key, 64 digits. / L’ancienne clé publique.")
    ],
    home: Home = HERE,
) -> None:
    """Take nothing new that a venue's former key signed, whatever its date. / Révoquer une ancienne clé."""
    from warehouse.amendments import revoke_key
    from warehouse.governance import Hub

    member = revoke_key(Hub(home / "hub"), venue, former.lower())
    out.print(
        say(
            f"Nothing new of {member.name} is taken from this key. What the hub holds stays, until the venue withdraws it.",
            f"Rien de neuf de {member.name} n’est reçu de cette clé. Ce que le hub détient reste, tant que le lieu ne le "
            "retire pas.",
        ),
        highlight=False,
    )


def _today() -> date:
    return datetime.now(UTC).date()
