"""The steward's command that weighs a season's calendar before anything is spent, in words she can decide on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from pipelines.cli.console import HERE, Home, PolicyFile, VenueId, language, out, say

if TYPE_CHECKING:
    from aggregations.planning import Option, Outlook
    from privacy.plan import TablePlan
    from privacy.policy import Policy

_Z95 = 1.96


def plan(
    venue: VenueId,
    season: Annotated[
        str | None,
        typer.Option(help="Season to plan, such as 2026-2027; by default the running one. / Saison à prévoir."),
    ] = None,
    home: Home = HERE,
    policy: PolicyFile = None,
) -> None:
    """Weigh quarters against the season alone: margins, least cells, audience covered, charges. / Prévoir la saison.

    Reads the venue's exact records and its ledger, prints rounded figures on this screen, writes nothing, draws no
    noise, spends nothing. What you then decide is your choice, not a protected figure (docs/promise.md).
    """
    from aggregations.planning import outlook
    from aggregations.venue import read_venue
    from privacy.calendar import Period
    from privacy.policy import read_policy

    one, rules = read_venue(home / "venues" / venue), read_policy(policy)
    today = datetime.now(ZoneInfo(one.timezone)).date()
    when = Period(Period.parse(season).year if season else Period.containing(today).year)
    found = outlook(one, rules, when, today)
    for part in (_margins(found), _coverage(found), _calendar(found, rules), *_advice(found, rules), _read(found)):
        out.print(part, highlight=False, soft_wrap=isinstance(part, str))


def _margins(found: Outlook) -> Table:
    """Public: the policy says all of it."""
    table = Table(
        say("table", "table"), say("measure", "mesure"), *_ways(),
        title=say("95 % margin by the noise of one cell, and the least a shown cell has drawn: from the policy alone",
                  "Marge à 95 % due au bruit d’une case, et plus petit tirage montré : d’après la politique seule"),
    )  # fmt: skip
    ways = found.quarter.plans, found.whole.plans, found.alone.plans
    for quarter, whole, alone in zip(*ways, strict=True):
        for i, noise in enumerate(quarter.cells):
            name = quarter.table.name if i == 0 else ""
            table.add_row(name, getattr(noise.measure, language()), *(_margin(p, i) for p in (quarter, whole, alone)))
    return table


def _coverage(found: Outlook) -> Table:
    """Exact records are behind this one: rounded to five in a hundred."""
    seen = str(found.seen) + ("" if found.ended else say(", so far", ", à ce jour"))
    table = Table(
        say("table", "table"), *_ways(),
        title=say(f"About what share of the people would be in a shown cell: from your records, {seen}",
                  f"Part approchée du public dans une case montrée : d’après vos enregistrements, {seen}"),
    )  # fmt: skip
    ways = found.quarter, found.whole, found.alone
    for plan in found.quarter.plans:
        name = plan.table.name
        table.add_row(name, *(_percent(way.shown.get(name)) for way in ways))
    table.add_row(say("on average", "en moyenne"), *(_percent(way.coverage) for way in ways))
    return table


def _calendar(found: Outlook, rules: Policy) -> Table:
    table = Table(
        say("period", "période"), say("can be released from", "publiable dès le"), say("quarterly", "trimestriel"),
        say("season alone", "saison seule"), say("charged so far", "déjà débité"),
        title=say(f"Charges to the budget of {found.season}", f"Débits du budget de {found.season}"),
    )  # fmt: skip
    for due in found.calendar:
        alone = "–" if due.period.quarter else f"{float(100 * found.alone_share):.1f} %"
        charged = f"{float(100 * due.charged):.1f} %" if due.charged else "–"
        share = f"{float(100 * rules.share(due.period)):.1f} %"
        table.add_row(str(due.period), str(due.period.end), share, alone, charged)
    words = {"person": say("person", "personne"), "admission": say("admission", "entrée")}
    left = ", ".join(f"{float(100 * share):.1f} % ({words[unit]})" for unit, share in found.left.items())
    table.caption = say(f"Left in the ledger: {left}", f"Reste au registre : {left}")
    return table


def _advice(found: Outlook, rules: Policy) -> list[str]:
    """Say what to do, and why, in sentences."""
    from aggregations.planning import WORTH

    quarter, whole, alone = (
        _percent(found.quarter.coverage),
        _percent(found.whole.coverage),
        _percent(found.alone.coverage),
    )
    if found.quarterly is None:
        return [say("No records yet: load exports (`jauge ingest`) to see what would be shown.",
                    "Pas encore d’enregistrements : chargez des exports (`jauge ingest`) pour voir ce qui serait montré.")]  # fmt: skip
    size = _size(found)
    if found.quarterly:
        gain = 5 * round(20 * (1 - _sigma(found.alone) / _sigma(found.whole)))
        return [
            say(f"With about {size} a quarter, quarters would show about {quarter} of the audience and the season {whole}: "
                "publish quarterly.",
                f"Avec environ {size} par trimestre, les trimestres montreraient environ {quarter} du public et la saison "
                f"{whole} : publiez chaque trimestre."),
            say(f"The season alone would have margins about {gain} % narrower, and no news before it ends.",
                f"La saison seule aurait des marges plus étroites d’environ {gain} %, mais rien avant sa fin."),
        ]  # fmt: skip
    sentences = [
        say(f"With about {size} a quarter, quarters would show about {quarter} of the audience and the season alone {alone}: "
            f"publish the season only (under {round(100 * WORTH)} %, a quarter says too little for what it takes).",
            f"Avec environ {size} par trimestre, les trimestres montreraient environ {quarter} du public et la saison seule "
            f"{alone} : ne publiez que la saison (sous {round(100 * WORTH)} %, un trimestre dit trop peu pour ce qu’il prend)."),
        say(f'To do so: copy the policy, set calendar.season = "{found.alone_share}" (now "{rules.calendar["season"]}"), '
            'release with --policy, and set calendar = "season" in venue.toml (the schedule then releases no quarter).',
            f'Pour cela : copiez la politique, écrivez calendar.season = "{found.alone_share}" (au lieu de '
            f'"{rules.calendar["season"]}"), publiez avec --policy, et écrivez calendar = "season" dans venue.toml '
            "(aucun trimestre ne sera alors planifié)."),
    ]  # fmt: skip
    if not found.alone_fits:
        sentences.append(
            say(f"Season {found.season} has too little left for that: keep its calendar and change with the next season.",
                f"Il ne reste pas assez pour cela en {found.season} : gardez son calendrier et changez à la saison suivante."))  # fmt: skip
    if (found.alone.coverage or 0) < 0.5:
        sentences.append(
            say("Even so half of the audience would be in cells too small to show: fewer or coarser tables would help.",
                "Même ainsi, la moitié du public serait dans des cases trop petites : moins de tables, ou de plus grossières, aideraient."))  # fmt: skip
    return sentences


def _read(found: Outlook) -> str:
    quarters = ", ".join(str(q) for q in found.quarters) or "–"
    return say(
        f"Read: your exact records ({quarters}) and your ledger. Nothing was written, drawn or spent. Shares and sizes are "
        "rounded but not protected: they are for your eyes, and what you decide on them is not covered by the noise.",
        f"Lu : vos enregistrements exacts ({quarters}) et votre registre. Rien n’a été écrit, tiré ni débité. Parts et "
        "tailles sont arrondies mais non protégées : pour vos yeux seuls ; ce que vous décidez n’est pas couvert par le bruit.",
    )


def _ways() -> tuple[str, str, str]:
    return say("quarter", "trimestre"), say("season", "saison"), say("season alone", "saison seule")


def _margin(plan: TablePlan, i: int) -> str:
    noise = plan.cells[i]
    margin = f"± {_Z95 * noise.sigma / noise.measure.step:,.0f}"
    if i == 0:
        margin += say("; from ", " ; dès ") + f"{plan.threshold // noise.measure.step + 1:,}"
    return margin.replace(",", _thousands())


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{5 * round(20 * share)} %"


def _size(found: Outlook) -> str:
    """Say the size of a quarter's audience to two digits, people before admissions."""
    kind = next((k for k in ("transactions", "interactions") if found.audience.get(k)), "counts")
    size = found.audience.get(kind, 0)
    digits = len(str(size)) - 2
    rounded = f"{round(size, -digits) if digits > 0 else size:,}".replace(",", _thousands())
    return rounded + (say(" admissions", " entrées") if kind == "counts" else say(" people", " personnes"))


def _sigma(way: Option) -> int:
    return way.plans[0].cells[0].sigma


def _thousands() -> str:
    return say(",", "\u202f")
