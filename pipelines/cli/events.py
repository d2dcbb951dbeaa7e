"""The command that gives a venue's events back in every form that sites, agendas and search engines read."""

from __future__ import annotations

from aggregations.venue import read_venue
from pipelines.cli.console import HERE, Home, VenueId, language, line, out, say


def events(venue: VenueId, home: Home = HERE) -> None:
    """Write what is played as pages, JSON-LD, iCalendar and for agendas, and what is missing. / Les événements du lieu.

    Made of the public words of your exports (titles, dates, halls, price lists), never of tickets. venue.toml says where
    the folder is served ([site]) and what rights are reserved ([rights]); nothing is sent anywhere.
    / D’après les mots publics de vos exports, jamais les billets ; rien n’est envoyé nulle part.
    """
    from aggregations.events.build import build

    one = read_venue(home / "venues" / venue)
    built = build(one)
    if not built.scores:
        line(say("No event: no export has told a title of this season.",
                 "Aucun événement : aucun export n’a dit de titre de cette saison."))  # fmt: skip
    fr = language() == "fr"
    for score in built.scores:
        missing = ", ".join(aspect.name[not fr] for aspect in score.missing)
        lacks = (
            say(f"missing: {missing}", f"manque : {missing}") if missing else say("nothing missing", "rien ne manque")
        )
        line(f"{score.points:>3} / 100  {score.event.title}{' : ' if fr else ': '}{lacks}")
    if built.without_end:
        number = len(built.without_end)
        line(say(f"openagenda.json: {number} left out, as OpenAgenda asks when a performance ends.",
                 f"openagenda.json : {number} laissés de côté, OpenAgenda demandant l’heure de fin."))  # fmt: skip
    out.print(
        say("Why it matters:", "Pourquoi cela compte :"), str(built.folder / f"score.{language()}.html"), soft_wrap=True
    )
    out.print(say("To serve:", "À mettre en ligne :"), str(built.folder / "public"), soft_wrap=True)
