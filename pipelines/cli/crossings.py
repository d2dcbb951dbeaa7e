"""Commands about venues together: with whom an audience is shared, and where to place a campaign."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.console import HERE, Home, VenueId, language, line

if TYPE_CHECKING:
    from warehouse.overlap.held import Comparable

Part = Annotated[str, typer.Option(help="all, or a segment: age_band:25-39. / all, ou un segment : loyalty:primo.")]
Over = Annotated[str | None, typer.Option("--period", help="By default its last season. / Sa dernière saison.")]


def crossings(
    venue: VenueId,
    territory: Annotated[
        str | None, typer.Option(help="Only venues of a département: 38. / D'un seul département.", metavar="CODE")
    ] = None,
    part: Part = "all",
    period: Over = None,
    home: Home = HERE,
) -> None:
    """Say with whom a venue shares its audience, and how often people go out. / Avec qui un lieu partage son public.

    From noisy sketches: nobody is matched with anybody. Each figure is an interval that holds the truth 95 times in 100;
    what the margin does not tell is said so. / Chaque chiffre est un intervalle ; ce que la marge ne dit pas est dit.
    """
    from warehouse.overlap.sentences import tell_crossings, tell_kinds

    seen = _see(home, venue, part, period, territory)
    for sentence in (*tell_crossings(seen, language()), *tell_kinds(seen, language())):
        line(sentence)


def plan_campaign(
    venue: VenueId,
    placements: Annotated[int, typer.Option(min=1, help="How many to choose. / Combien en choisir.")] = 3,
    among: Annotated[
        str | None, typer.Option(help="Only these: opera,museum. / Seulement ceux-ci.", metavar="IDS")
    ] = None,
    part: Part = "all",
    period: Over = None,
    home: Home = HERE,
) -> None:
    """Choose the venues and media by which a campaign reaches most people once. / Où placer une campagne.

    Candidates are all whose sketches the venue may see, itself included. Told with each: whom it adds, whom all reach,
    and who would do as well within the margin. / Chaque choix : ce qu'il ajoute, le total, et qui ferait aussi bien.
    """
    from warehouse.overlap.planning import plan_reach
    from warehouse.overlap.sentences import tell_plan

    seen = _see(home, venue, part, period)
    chosen = seen.among([i.strip() for i in among.split(",")]) if among else list(seen.vectors.values())
    for sentence in tell_plan(plan_reach(chosen, placements), seen, language()):
        line(sentence)


def _see(home: Path, venue: str, part: str, period: str | None, territory: str | None = None) -> "Comparable":
    from warehouse.governance import Hub
    from warehouse.overlap.held import comparable

    return comparable(Hub(home / "hub"), venue, datetime.now(UTC).date(), period=period, part=part, territory=territory)
