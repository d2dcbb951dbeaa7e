"""What a steward owes people: who asked not to be written to."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, say


def optouts(
    venue: VenueId,
    contacts: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Contacts of any of your tools: CSV or text.")
    ],
    home: Home = HERE,
) -> None:
    """List those of these contacts who opted out in another tool, to be blocked in this one. / Qui s’est désinscrit.

    The venue's records hold no address, so the addresses come from your file and go to your screen (or, with >, to a
    file of yours): nothing is kept. The last dated word of each person counts, in the newsletter tool or at a purchase.
    """
    from aggregations.consents import objecting
    from aggregations.encodings import encoding_of

    with contacts.open(encoding=encoding_of(contacts), errors="replace") as lines:
        found = objecting(read_venue(home / "venues" / venue), lines)
    for address in found:
        typer.echo(address)
    sys.stderr.write(say(f"{len(found)} opted out.\n", f"{len(found)} désinscrits.\n"))
