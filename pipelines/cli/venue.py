"""Commands of a venue's steward: add a venue, preview and release a period; `exports` has what comes before."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from aggregations.venue import Venue, read_venue
from pipelines.cli.console import (
    HERE,
    Home,
    PeriodText,
    PolicyFile,
    VenueId,
    language,
    out,
    progress,
    say,
)

app = typer.Typer(help="Venues hosted in this home. / Les lieux hébergés ici.", no_args_is_help=True)


def demo(
    home: Home = HERE,
    people: Annotated[int, typer.Option(help="Size of the town. / Taille de la ville.", min=500)] = 40_000,
) -> None:
    """Run the whole job on a made-up town of five organisations, and real pretix files. / Tout, sur une ville fictive."""
    from pipelines.demo import run_demo

    examples = Path(__file__).parents[2] / "examples"
    labels = {
        "town": say("Vendors' files", "Fichiers des billetteries"),
        "load": say("Loading exports", "Chargement des exports"),
        "release": say("Private releases", "Publications privées"),
        "accept": say("Accepted by the hub", "Réception par le hub"),
        "report": say("Pages", "Pages"),
    }
    with progress() as bar:
        tasks = {name: bar.add_task(label, total=None) for name, label in labels.items()}
        run_demo(home, examples, lambda name, n, of: bar.update(tasks[name], completed=n, total=of), people=people)
    page = home / "hub" / "reports" / language() / "index.html"
    question = "select venue, provenance_en, people, people_low, people_high from provenance where period = '2025-2026'"
    out.print(say("Report:", "Rapport :"), str(page))
    out.print("SQL:", f'uv run jauge sql "{question}"', soft_wrap=True)
    out.print(say("Runs:", "Exécutions :"), "uv run dg dev")


@app.command("add")
def add(
    venue: VenueId,
    name: Annotated[str, typer.Option(help="Name for readers. / Nom affiché.")],
    commune: Annotated[str, typer.Option(help="INSEE code of its town, such as 69123. / Code INSEE de la commune.")],
    kind: Annotated[str, typer.Option(help="theatre, opera, museum, festival, media …")] = "theatre",
    publishes: Annotated[
        str, typer.Option(help="transactions, interactions, counts; comma-separated.")
    ] = "transactions",
    college: Annotated[
        str | None, typer.Option(help="Its college in governance.toml: producers, media … / Son collège.")
    ] = None,
    revenue: Annotated[
        bool, typer.Option("--revenue", help="Publish receipts too. / Publier aussi les recettes.")
    ] = False,
    home: Home = HERE,
) -> None:
    """Make a venue's folder and keys, and register it at this home's hub. / Créer un lieu."""
    from aggregations.geography import commune as find_commune
    from pipelines.demo import join

    find_commune(commune)
    kinds = tuple(k.strip() for k in publishes.split(","))
    added = join(home, Venue(venue, name, kind, commune, publishes=kinds, revenue=revenue), college)
    out.print(
        say(
            f"Venue {venue} is in {added.folder}. Back up its keys/.",
            f"Le lieu {venue} est dans {added.folder}. Sauvegardez keys/.",
        )
    )
    out.print(say("Public key for the hub:", "Clé publique pour le hub :"), added.public_key)


@app.command("list")
def list_venues(home: Home = HERE) -> None:
    """List the venues hosted in this home. / Lister les lieux hébergés ici."""
    for file in sorted((home / "venues").glob("*/venue.toml")):
        venue = read_venue(file.parent)
        out.print(f"{venue.id}  {venue.name}  ({', '.join(venue.publishes)})")


def preview(venue: VenueId, period: PeriodText, home: Home = HERE, policy: PolicyFile = None) -> None:
    """Show what a release would publish, its margins and its cost. Spends nothing, writes nothing. / Prévisualiser."""
    from aggregations.publication import preview as look
    from aggregations.publication import publisher
    from privacy.accounting import season_budget
    from privacy.calendar import Period
    from privacy.explain import explain_plan, explain_sketches
    from privacy.plan import total
    from privacy.policy import read_policy

    rules, when = read_policy(policy), Period.parse(period)
    one = _venue(home, venue)
    previews, sketches = look(one, when, rules), publisher(one).sketches(rules, when)
    plans = tuple(p.plan for p in previews)
    out.print(explain_plan(plans, language()), highlight=False, soft_wrap=True)
    if sketches:
        out.print(explain_sketches(sketches, language()), highlight=False, soft_wrap=True)
    elif rules.sketches and "transactions" in one.publishes:
        out.print(say("No sketch: this venue has no key of its cooperative (`jauge venue match-key`).",
                      "Pas d’esquisse : ce lieu n’a pas la clé de sa coopérative (`jauge venue match-key`)."))  # fmt: skip
    table = Table(
        say("table", "table"), say("cells", "cases"), say("shown", "montrées"), say("people shown", "public montré"),
        say("kept by bounds", "gardé par les bornes"), say("after raking", "après redressement"),
    )  # fmt: skip
    for p in previews:
        shares = (f"{100 * share:.0f} %" for share in (p.people_shown, p.kept, p.raked))
        table.add_row(p.plan.table.name, str(p.cells), str(p.shown), *shares)
    out.print(table)
    for unit, cost in total(plans, sketches).items():
        part = float(100 * cost.rho / season_budget(rules, unit).rho)
        out.print(
            say(
                f"It would take {part:.1f} % of the season's budget ({unit}).",
                f"Cela prendrait {part:.1f} % du budget de la saison ({unit}).",
            )
        )
    out.print(say("What bounds take from the cells is measured and put back by raking. Where less than 98 % is there after it, "
                  "the network's policy needs a longer `reach`.",
                  "Ce que les bornes ôtent aux cases est mesuré, puis remis par le redressement. S’il reste moins de 98 % "
                  "après lui, la politique du réseau doit allonger son `reach`."))  # fmt: skip
    out.print(say("Exact counts above are for your eyes: they stay on this machine.",
                  "Les nombres exacts ci-dessus sont pour vous : ils restent sur cette machine."))  # fmt: skip


def release(
    venue: VenueId,
    period: PeriodText,
    revise: Annotated[
        bool, typer.Option("--revise", help="Make and charge a new revision. / Nouvelle révision, débitée.")
    ] = False,
    home: Home = HERE,
    policy: PolicyFile = None,
) -> None:
    """Release a period: check, charge, add noise, seal, send to the hub. Asked again: the same bytes, free. / Publier."""
    from aggregations.publication import release as publish
    from pipelines.checks import require
    from pipelines.push.pushing import push_what_concerns
    from pipelines.suites import check_records
    from privacy.calendar import Period
    from privacy.explain import explain_release
    from privacy.policy import read_policy

    one, when, rules = _venue(home, venue), Period.parse(period), read_policy(policy)
    with progress() as bar:
        task = bar.add_task(say("Checking, bounding, adding noise", "Contrôles, bornes, bruit"), total=2)

        def check() -> None:
            require(check_records(one), say(f"Records of {venue}", f"Enregistrements de {venue}"))
            bar.advance(task)

        done = publish(one, when, rules, check=check, revise=revise)
        bar.update(task, completed=2)
    if done.drawn and when.end > datetime.now(UTC).date():
        out.print(
            say(
                f"This period ends on {when.end}: what comes later will need a revision, charged anew.",
                f"Cette période finit le {when.end} : la suite demandera une révision, débitée à nouveau.",
            )
        )
    if not done.drawn:
        out.print(
            say("Already sealed: the same bytes, nothing charged.", "Déjà scellée : mêmes octets, rien de débité.")
        )
    if done.rows_changed:
        out.print(say("The records have changed since; --revise makes and charges a new revision. Nothing asks for one where "
                      "someone was forgotten: what is sealed stays.",
                      "Les enregistrements ont changé depuis ; --revise fait et débite une nouvelle révision. Rien ne la demande "
                      "si quelqu’un a été oublié : ce qui est scellé reste."))  # fmt: skip
    if done.policy_changed:
        out.print(
            say(
                "The policy has changed since; --revise applies it.",
                "La politique a changé depuis ; --revise l’applique.",
            )
        )
    out.print(explain_release(done.release, language()), highlight=False, soft_wrap=True)
    if not push_what_concerns(one, done.release.id, home / "hub"):  # last: sealed and told, whatever the network does
        out.print(
            say(
                "It stays here until one of the approvers lets it leave: `jauge approve`, or `jauge refuse`.",
                "Elle reste ici tant qu’aucun approbateur ne la laisse partir : `jauge approve`, ou `jauge refuse`.",
            )
        )


def _venue(home: Path, name: str) -> Venue:
    return read_venue(home / "venues" / name)
