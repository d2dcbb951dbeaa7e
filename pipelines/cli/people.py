"""What a steward owes people, and may do with them: who asked not to be written to, who may be."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, out, say


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


def match(
    venue: VenueId,
    brief: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="brief.json, of `jauge brief`.")],
    home: Home = HERE,
) -> None:
    """Write which of your own consenting contacts fit a brief, for your newsletter tool. / Vos contacts à qui écrire.

    Addresses come from raw exports still in the inbox, whose time there is limited. The file is yours alone, in the venue's
    inbox/mailings/: it never leaves, `forget` and `purge` remove it, and only how many are in it is recorded. Who opted
    out, was forgotten or may be a minor is never in it. / Qui s’est désinscrit ou a été oublié n’y est jamais.
    """
    from aggregations.mailing import write_mailing as write

    done = write(read_venue(home / "venues" / venue), brief, datetime.now(UTC).date())
    out.print(str(done.path), highlight=False, soft_wrap=True)
    out.print(
        say(
            f"{done.found} addresses; {done.fitting} people fit and consent by your records.",
            f"{done.found} adresses ; {done.fitting} personnes correspondent et consentent selon vos données.",
        ),
        highlight=False,
    )
    if done.aside:
        out.print(
            say(
                f"Segments left aside, no trait of a contact: {done.aside}.",
                f"Segments laissés de côté, sans rapport à un contact : {done.aside}.",
            ),
            highlight=False,
        )
    if done.unread:
        out.print(
            say(f"Exports that can no longer be read: {done.unread}.", f"Exports devenus illisibles : {done.unread}."),
            highlight=False,
        )
