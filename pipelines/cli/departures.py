"""Commands about what leaves a venue once it is sealed: approve it, keep it here, take it back."""

from typing import Annotated

import typer
from rich.table import Table

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, PeriodText, VenueId, out, say

By = Annotated[str, typer.Option(help="Your name, as venue.toml has it among the approvers. / Votre nom.")]
Why = Annotated[str, typer.Option(help="The reason, kept here. / La raison, gardée ici.")]


def approve(venue: VenueId, period: PeriodText, by: By, why: Why = "", home: Home = HERE) -> None:
    """Let a sealed release leave, where venue.toml says `approval = "manual"`. It is sent at once. / Approuver."""
    from aggregations.departures import approve as decide
    from pipelines.push.pushing import push_what_concerns
    from privacy.calendar import Period

    one = read_venue(home / "venues" / venue)
    done = decide(one, Period.parse(period), by, why)
    push_what_concerns(one, done.release_id, home / "hub")
    out.print(say(f"{done.release_id} is approved and sent.", f"{done.release_id} est approuvée et envoyée."))


def refuse(venue: VenueId, period: PeriodText, by: By, why: Why, home: Home = HERE) -> None:
    """Keep a sealed release here for good. What it cost stays spent; --revise makes another. / Refuser."""
    from aggregations.departures import refuse as decide
    from privacy.calendar import Period

    done = decide(read_venue(home / "venues" / venue), Period.parse(period), by, why)
    out.print(say(f"{done.release_id} stays here. What it cost stays spent.",
                  f"{done.release_id} reste ici. Ce qu’elle a coûté reste dépensé."))  # fmt: skip


def withdraw(venue: VenueId, period: PeriodText, by: By, why: Why, home: Home = HERE) -> None:
    """Take back all releases of a period: the hub deletes them and every state of its lake that shows them. / Retirer.

    What was read meanwhile cannot be taken back, nor what it cost: the figures were out.
    """
    from aggregations.departures import withdraw as decide
    from pipelines.push.pushing import push_what_concerns
    from privacy.calendar import Period

    one = read_venue(home / "venues" / venue)
    for gone in decide(one, Period.parse(period), by, why):
        push_what_concerns(one, gone.release_id, home / "hub")
        out.print(say(f"{gone.release_id}: withdrawal sent; the hub deletes it when it next accepts.",
                      f"{gone.release_id} : retrait envoyé ; le hub la supprime à sa prochaine réception."),
                  highlight=False, soft_wrap=True)  # fmt: skip


def outbox(venue: VenueId, home: Home = HERE) -> None:
    """List sealed releases and whether they may leave: approved, waiting, refused, withdrawn. / Ce qui part."""
    from aggregations.departures import departures

    words = {
        "free": say("leaves when sealed", "part dès le scellement"),
        "waiting": say("waits for approval", "attend un accord"),
        "approved": say("approved", "approuvée"),
        "refused": say("refused", "refusée"),
        "withdrawn": say("withdrawn", "retirée"),
    }
    table = Table(
        *say("period revision release state by on why", "période révision publication état par le raison").split()
    )
    for d in departures(read_venue(home / "venues" / venue)):
        told = (d.decision.by, d.decision.at[:10], d.decision.why) if d.decision else ("", "", "")
        table.add_row(d.period, str(d.revision), d.release_id, words[d.state], *told)
    out.print(table)


def renew_key(venue: VenueId, home: Home = HERE) -> None:
    """Sign releases with a new key from now on, and write the statement of it for the hub. / Renouveler la clé.

    The hub's steward takes the statement with `jauge governance key FILE`. Back up keys/ again.
    """
    from aggregations.signing import renew_key as renew

    statement = renew(read_venue(home / "venues" / venue))
    out.print(say("A new key signs from now on. Send this file to the hub, and back up keys/:",
                  "Une nouvelle clé signe désormais. Envoyez ce fichier au hub, et sauvegardez keys/ :"))  # fmt: skip
    out.print(str(statement), highlight=False, soft_wrap=True)
