"""The command line: each command is a thin call of a function that Dagster calls too.

`venue`, `exports` and `events` have the commands of a venue's steward, `declarations` what it owes the State and authors,
`people` and `rights` what it owes people, `cooperative` the key that members share, `hub` those of the hub, `governance`
and `partners` those of its members and partners, `dataspace` those towards other hubs,
`crossings` and `targeting` what members join for, `audit` those of anyone who doubts. Messages are in
French when $JAUGE_LANG or the locale is French, otherwise in English. Heavy libraries load in the command that needs
them, so that `--help` is quick.
"""

import errno
import sqlite3
import sys

import typer
from rich.console import Console

from pipelines.cli import (
    audit,
    cooperative,
    crossings,
    dataspace,
    declarations,
    departures,
    events,
    exports,
    governance,
    hub,
    partners,
    people,
    planning,
    pull,
    push,
    quality,
    rights,
    takeaway,
    targeting,
    venue,
)
from pipelines.cli.console import language, say
from privacy.errors import JaugeError

_HELP = """Audience figures that venues can share: differentially private, at least k people a cell.

\b
A venue's life:   venue add → inspect → ingest (or pull) → quality → plan → preview → release → push
                  steward: how it stands, on one page; events: what is played, for sites and agendas
                  (the records stay there)
What leaves it:   outbox, approve, refuse, withdraw
Exact, to others: sibil (the State, by quarter), statements (SACEM, SACD, CNM, ASTP, a funder)
Among members:    coop new-key → venue match-key: sketches of who goes to several venues
The hub's life:   accept → report, takeaway, catalogue, sql → governance check, partner add → serve, extract
Other hubs:       dataspace catalogue → request (or fetch), agreements, end; `serve` answers them
Finding people:   crossings, suggest → brief, plan-campaign → match (inside the venue) → lift
A person's rights: forget, purge, register
A sceptic's:      explain, verify, ledger

Start with `jauge demo`. Periods are written 2025-2026 (season) or 2025-2026-T1 … T4 (quarters from September).

\b
Exit codes: 0 done · 1 fault · 2 wrong usage · 10 refused by the policy · 11 budget exhausted · 12 quality checks ·
13 consent or membership · 14 a release does not verify, or the hub refused it.
"""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

app = typer.Typer(
    help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command()(venue.demo)
venue.app.command("renew-key")(departures.renew_key)
venue.app.command("match-key")(cooperative.match_key)
app.add_typer(venue.app, name="venue")
app.add_typer(cooperative.app, name="coop")
app.add_typer(governance.app, name="governance")
app.add_typer(partners.app, name="partner")
app.add_typer(dataspace.app, name="dataspace")
for command in (
    exports.inspect,
    exports.ingest,
    pull.pull,
    quality.steward,
    quality.quality,
    quality.quarantine,
    events.events,
    declarations.sibil,
    declarations.statements,
    people.optouts,
    people.match,
    planning.plan,
    venue.preview,
    venue.release,
    departures.outbox,
    departures.approve,
    departures.refuse,
    departures.withdraw,
    push.push,
    hub.accept,
    hub.report,
    takeaway.takeaway,
    hub.catalogue,
    hub.sql,
    partners.serve,
    partners.extract,
    partners.mirror,
    crossings.crossings,
    targeting.suggest,
    targeting.brief,
    targeting.lift,
):
    app.command()(command)
app.command("plan-campaign")(crossings.plan_campaign)
for command in (rights.forget, rights.purge, rights.register, audit.ledger, audit.explain, audit.verify):
    app.command()(command)


def main() -> None:
    """Run the command line; refusals and faults end in one sentence and their exit code."""
    try:
        app()
    except JaugeError as error:
        Console(stderr=True).print(
            error.sentence(language()), style="bold", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(error.exit_code)
    except (OSError, sqlite3.Error) as error:
        full = getattr(error, "errno", None) in _FULL or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if not full:
            raise
        Console(stderr=True).print(
            say(
                "The disk is full. Nothing is half-done: make room and run the same command again.",
                "Le disque est plein. Rien n’est fait à moitié : libérez de la place et relancez la même commande.",
            ),
            style="bold",
        )
        sys.exit(1)
