"""Commands of anyone who doubts: the budget's ledger, a release in plain words, a release verified."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.console import HERE, Home, PolicyFile, VenueId, language, out, say
from privacy.errors import Fault


def ledger(venue: VenueId, home: Home = HERE, policy: PolicyFile = None) -> None:
    """Show what a venue has spent of each season's privacy budget, and what is left. / Le registre du budget."""
    from aggregations.venue import read_venue
    from privacy.accounting import Cost, epsilon, season_budget
    from privacy.calendar import Period
    from privacy.ledger import Ledger
    from privacy.policy import read_policy

    rules, book = read_policy(policy), Ledger(read_venue(home / "venues" / venue).ledger)
    heads = say("period revision charged unit share sealed", "période révision débit unité part scellée").split()
    table = Table(*heads)
    for c in book.charges:
        for unit, cost in c.costs.items():
            share = f"{float(100 * cost.rho / season_budget(rules, unit).rho):.1f} %"
            sealed = say("yes", "oui") if c.release_id in book.seals else say("no", "non")
            table.add_row(c.period, str(c.revision), c.at[:10], unit, share, sealed)
    out.print(table)
    for season in sorted({Period.parse(c.period).season for c in book.charges}):
        for unit, cost in book.spent(season).items():
            budget, loss = season_budget(rules, unit), rules.season[unit]
            so_far = epsilon(cost.rho, loss.delta - loss.selection_delta, cost.shift)
            left = float(100 * Cost(budget.rho - cost.rho).rho / budget.rho)
            out.print(say(f"{season}, {unit}: epsilon {so_far:.2f} of {float(loss.epsilon):g} spent; {left:.1f} % left.",
                          f"{season}, {unit} : epsilon {so_far:.2f} sur {float(loss.epsilon):g} dépensé ; il reste {left:.1f} %."))  # fmt: skip


def explain(
    release: Annotated[
        str | None, typer.Argument(metavar="[RELEASE]", help="A release's folder or id; none: the policy.")
    ] = None,
    home: Home = HERE,
    policy: PolicyFile = None,
) -> None:
    """Tell a release, or the policy, in plain words with its margins. / Expliquer."""
    from privacy import explain as told
    from privacy.policy import read_policy
    from privacy.release import read

    if release is None:
        out.print(told.explain_policy(read_policy(policy), language()), highlight=False, soft_wrap=True)
    else:
        out.print(told.explain_release(read(_folder(home, release)), language()), highlight=False, soft_wrap=True)


def verify(
    release: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release's folder or id. / Dossier ou identifiant.")
    ],
    key: Annotated[
        str | None, typer.Option(help="Public key it must be signed by, in hex. / Clé publique attendue.")
    ] = None,
    home: Home = HERE,
) -> None:
    """Recompute digests, signature and accounting from the release alone. / Vérifier."""
    from privacy.release import read

    found = read(_folder(home, release), key)
    for unit, loss in found.manifest["privacy_loss"].items():
        p = loss["privacy_parameters"]
        out.print(f"{unit}: epsilon = {p['epsilon']:.4f}, delta = {float(Fraction(p['delta'])):.2e}", highlight=False)
    signed = say("signed by", "signée par"), found.manifest["venue"]["public_key"][:16] + "…"
    out.print(say("Verified:", "Vérifiée :"), found.id, *signed, highlight=False)


def _folder(home: Path, release: str) -> Path:
    """Find a release by folder or id, in any outbox or at the hub."""
    places = [Path(release), *(home / "venues").glob(f"*/outbox/{release}"), home / "hub" / "accepted" / release]
    for place in places:
        if (place / "manifest.json").exists():
            return place
    raise Fault(
        "There is no release of that name here; `jauge ledger VENUE` lists periods, outbox/ holds the folders.",
        "Il n’y a pas de publication de ce nom ici ; outbox/ contient les dossiers.",
    )
