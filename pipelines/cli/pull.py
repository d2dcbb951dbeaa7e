"""The command that fetches from the systems a venue declares."""

from typing import Annotated

import typer

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, out, print_receipt, progress, say


def pull(
    venue: VenueId,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE", help="One [pull.…] of venue.toml; none: all. / Une source ; sans elle, toutes."
        ),
    ] = None,
    home: Home = HERE,
) -> None:
    """Fetch what is new from the declared systems (venue.toml), and load it. / Collecter le neuf, puis le charger."""
    from pipelines.pull.pulling import pull_all, together

    one = read_venue(home / "venues" / venue)
    names = [source] if source else list(one.pull)
    if not names:
        out.print(
            say(
                "venue.toml declares no source: see docs/pull.md.",
                "venue.toml ne déclare aucune source : voir docs/pull.md.",
            )
        )
    outcomes = []
    with progress() as bar:
        tasks = {name: bar.add_task(f"{name} (pages)", total=None) for name in names}
        for outcome in pull_all(one, names, lambda name: bar.advance(tasks[name])):
            done = bar.tasks[tasks[outcome.name]].completed
            bar.update(tasks[outcome.name], total=done)
            outcomes.append(outcome)
    for outcome in outcomes:
        if outcome.receipt:
            print_receipt(outcome.receipt, one.quarantine)
        elif not outcome.error:
            out.print(say(f"{outcome.name}: nothing new", f"{outcome.name} : rien de neuf"))
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        raise together(failed)
