"""Commands of whoever looks for an audience: where to look, a brief for a campaign, what came of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.console import HERE, Home, PeriodText, VenueId, language, line, say

if TYPE_CHECKING:
    from warehouse.targeting.sight import Sight

Genre = Annotated[str | None, typer.Option("--genre", help="Within one genre: danse, … / Dans un seul genre.")]
Over = Annotated[str | None, typer.Option("--period", help="By default its last season. / Sa dernière saison.")]


def suggest(venue: VenueId, genre: Genre = None, period: Over = None, home: Home = HERE) -> None:
    """Say where to look next: segments the network reaches and this venue does not. / Où chercher son public.

    Only figures that governance.toml lets this member see are compared. Of all segments, those are told that noise and
    chance do not explain: at most one in ten is false, on average. Also: venues whose audience is alike, when and where
    people book. / Seuls les chiffres que ce membre peut voir sont comparés ; au plus une suggestion sur dix est fausse.
    """
    from warehouse.targeting.likeness import alike
    from warehouse.targeting.suggestions import suggest as suggestions
    from warehouse.targeting.timing import best

    sight = _see(home, venue)
    _check_genre(sight, genre)
    found = suggestions(sight, period, genre)
    for suggestion in found:
        line(f"- {suggestion.sentence(language())}")
    if not found:
        line(say("Nothing stands out beyond noise and chance.", "Rien ne ressort au-delà du bruit et du hasard."))
    leads = best(sight, "anticipation", period, genre), best(sight, "channel", period)
    for lead in leads:
        if lead:
            line(lead.sentence(language()))
    for venue_like in alike(sight, period)[:5]:
        line(venue_like.sentence(language()))


def brief(
    venue: VenueId,
    genre: Genre = None,
    segment: Annotated[
        list[str] | None,
        typer.Option(help="Your own aim, not the suggestions: age_band=25-39. / Votre cible : provenance=epci."),
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the performance. / Jour de la représentation.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder. / Dossier (briefs/<id>).")] = None,
    period: Over = None,
    home: Home = HERE,
) -> None:
    """Write a targeting brief of a campaign: places, ages, contexts, days; no contact. / Écrire un brief de ciblage.

    Files: brief.json (for `jauge match` and `jauge lift`), geography.csv, meta.json, google-ads-editor.csv. What of the
    platforms' shapes could not be verified is listed in brief.json. / Ce qui n’a pu être vérifié est dans brief.json.
    """
    from warehouse.targeting.brief import make_brief
    from warehouse.targeting.suggestions import suggest as suggestions

    sight = _see(home, venue)
    _check_genre(sight, genre)
    made = make_brief(
        sight, suggestions(sight, period, genre), segment or (), family=genre, period=period,
        performance=on.date() if on else None,
    )  # fmt: skip
    for path in made.write(to or home / "briefs" / made.id):
        line(str(path))


def lift(
    venue: VenueId,
    brief: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Its brief.json. / Son brief.json.")],
    period: PeriodText,
    against: Annotated[
        str | None, typer.Option(help="Another baseline than a year before. / Une autre référence que l’an passé.")
    ] = None,
    home: Home = HERE,
) -> None:
    """Say whether a campaign shows in a period's figures, or could have. / La campagne se voit-elle ?

    Each segment of the brief against the same period a year before, moved as the venue's other people moved; with its
    interval, and the least effect that could have been seen. / Avec son intervalle et le plus petit effet visible.
    """
    from privacy.errors import Fault
    from warehouse.targeting.brief import read_segments
    from warehouse.targeting.lift import lift as measure

    sight = _see(home, venue)
    sight.at(period)
    for segment in read_segments(sight, brief):
        try:
            line(f"- {measure(sight, segment, period, against).sentence(language())}")
        except Fault as fault:  # of one segment; the others may be told
            line(f"- {fault.sentence(language())}")


def _see(home: Path, venue: str) -> "Sight":
    from warehouse.governance import Hub
    from warehouse.targeting.sight import see

    return see(Hub(home / "hub"), venue, datetime.now(UTC).date())


def _check_genre(sight: "Sight", genre: str | None) -> None:
    if genre is None:
        return
    from warehouse.targeting.brief import dimension_of

    codes = [c for c in dimension_of(sight, "family").codes if c != "unknown"]
    if genre not in codes:
        raise typer.BadParameter(say(f"one of {', '.join(codes)}", f"l’un de {', '.join(codes)}"))
