"""Commands about the cooperative's key, which members hand each other and the hub never has."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.console import HERE, Home, VenueId, out, say

app = typer.Typer(
    help="What members share without the hub. / Ce que les membres partagent sans le hub.", no_args_is_help=True
)
KeyFile = Annotated[Path, typer.Option("--file", help="The key file. / Le fichier de la clé.", dir_okay=False)]


@app.command("new-key")
def new_key(file: KeyFile) -> None:
    """Make the cooperative's key, once for all members: whoever begins. Never send it to the hub. / Créer la clé commune."""
    from aggregations.cooperative import new_key as make

    name = make(file)
    out.print(say(f"Key {name} is in {file}. Hand it to the other members' stewards, by hand or over an encrypted channel; never to "
                  f"the hub. Then, at each venue: jauge venue match-key VENUE --file {file}",
                  f"La clé {name} est dans {file}. Remettez-la aux responsables des autres membres, en main propre ou par un canal "
                  f"chiffré ; jamais au hub. Puis, dans chaque lieu : jauge venue match-key LIEU --file {file}"),
              highlight=False, soft_wrap=True)  # fmt: skip


def match_key(venue: VenueId, file: KeyFile, home: Home = HERE) -> None:
    """Have a venue hold the cooperative's key: its releases have reach sketches from then on. / Recevoir la clé commune.

    A venue without it publishes tables only. Another key replaces the one before. Raw exports of the inbox are read again
    for their addresses; those that have left it must be loaded again.
    """
    from aggregations.ingest import ingest
    from aggregations.matches import adopt, unmatched
    from aggregations.raw import files_of, loaded
    from aggregations.venue import read_venue

    one = read_venue(home / "venues" / venue)
    name = adopt(one, file)
    waiting = {r.id for r in unmatched(one)}
    for receipt in [r for r in loaded(one) if r.id in waiting]:
        ingest(one, files_of(one, receipt), preset=receipt.preset)
    out.print(say(f"Venue {venue} holds key {name}. Back up its keys/, and delete {file} where nobody needs it.",
                  f"Le lieu {venue} détient la clé {name}. Sauvegardez keys/, et supprimez {file} là où il ne sert plus."),
              highlight=False, soft_wrap=True)  # fmt: skip
    if left := len(unmatched(one)):
        out.print(say(f"{left} exports that the store holds were loaded without this key, and their raw files have left the inbox. "
                      "Load full exports of your systems again (`jauge ingest`): until then their people are in no sketch.",
                      f"{left} exports du store ont été chargés sans cette clé, et leurs fichiers bruts ont quitté l’inbox. "
                      "Rechargez des exports complets de vos systèmes (`jauge ingest`) : d’ici là, leur public n’est dans aucune "
                      "esquisse."), highlight=False, soft_wrap=True)  # fmt: skip
