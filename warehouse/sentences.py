"""`governance.toml` in sentences: who can see what, who decides, and what looks wrong. For people who do not read TOML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from privacy.policy import Policy
from warehouse.catalogue.terms import library
from warehouse.charter import Governance, Member, Sharing
from warehouse.sharing import names_of, shared

_UNITS = {"person": ("personne", "person"), "admission": ("entrée", "admission")}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that the file says, in French and English. `part`: heading, fact, or warning."""

    part: str
    fr: str
    en: str


def tell(agreed: Governance, policy: Policy, today: date) -> list[Sentence]:
    """Return all that the members agreed on, in sentences, and last what needs a person's look."""
    return [
        *_floor(agreed),
        *_members(agreed),
        *_partners(agreed, today),
        *_releases(agreed),
        *_warnings(agreed, policy, today),
    ]


def _fact(fr: str, en: str) -> Sentence:
    return Sentence("fact", fr, en)


def _floor(agreed: Governance) -> Iterator[Sentence]:
    yield Sentence("heading", f"Version {agreed.digest[:12]}", f"Version {agreed.digest[:12]}")
    least = agreed.policy
    losses = [(unit, f"ε = {float(e):g} et δ = {float(d):g}") for unit, (e, d) in least.losses.items()]
    fr_most = ", ".join(f"{most} par {_UNITS[unit][0]}" for unit, most in losses)
    en_most = ", ".join(f"{most.replace(' et ', ' and ')} per {_UNITS[unit][1]}" for unit, most in losses)
    fr, en = ("à coup sûr", "for certain") if least.k_rule == "certain" else ("probablement", "probably")
    yield _fact(f"Une publication promet au moins {least.k} personnes par case ({fr}) et, en une saison, au plus {fr_most}.",
                f"A release promises at least {least.k} people a cell ({en}) and, over a season, at most {en_most}.")  # fmt: skip


def _members(agreed: Governance) -> Iterator[Sentence]:
    yield Sentence("heading", "Membres", "Members")
    colleges: dict[str | None, list[Member]] = defaultdict(list)
    for venue in agreed.venues.values():
        colleges[venue.college].append(venue)
    for college, venues in colleges.items():
        words, names = agreed.colleges.get(college or ""), _list(v.name for v in venues)
        fr, en = (words.fr, words.en) if words else ("Sans collège", "Of no college")
        yield _fact(f"{fr} : {names[0]}.", f"{en}: {names[1]}.")
    told = _all_names(agreed)
    alike: dict[frozenset[str], list[Member]] = defaultdict(list)  # whom nothing tells apart
    for venue in agreed.venues.values():
        alike[frozenset(names_of(agreed, venue.id) & told)].append(venue)
    for names, venues in alike.items():
        fr, en = ("Chaque membre", "Every member") if len(alike) == 1 else _list(v.name for v in venues)
        yield from _sees(agreed, shared(agreed, "", set(names), None), fr, en)
    yield _fact(
        "Chacun voit toujours ses propres chiffres, sans attendre.", "Each always sees its own figures, at once."
    )


def _all_names(agreed: Governance) -> set[str]:
    every: list[Sharing] = [agreed.sharing]
    for venue in agreed.venues.values():
        every += [venue.sharing, *venue.sharing.tables.values()]
    return {name for said in every for name in (*(said.grant or ()), *said.deny)}


def _partners(agreed: Governance, today: date) -> Iterator[Sentence]:
    yield Sentence("heading", "Partenaires", "Partners")
    if not agreed.partners:
        yield _fact("Personne d’autre n’interroge ce hub.", "Nobody else asks this hub.")
    for p in agreed.partners.values():
        fr_purpose, en_purpose = next(terms.title for terms in library() if terms.name == p.purpose)
        if p.until < today:
            yield _fact(
                f"{p.name} ne voit plus rien depuis le {p.until}.", f"{p.name} has seen nothing since {p.until}."
            )
        else:
            fr = f"{p.name}, pour « {fr_purpose} », jusqu’au {p.until},"
            found = shared(agreed, p.id, names_of(agreed, p.id), p)
            yield from _sees(agreed, found, fr, f"{p.name}, to “{en_purpose}”, until {p.until},")
            if p.dataspace:
                yield _fact(
                    f"{p.name} peut s’accorder avec ce hub et obtenir cela par le Dataspace Protocol, à {p.dataspace.address}.",
                    f"{p.name} may agree with this hub and fetch that by the Dataspace Protocol, at {p.dataspace.address}.",
                )


def _sees(agreed: Governance, found: Iterable[tuple[Member, str, int | None]], fr: str, en: str) -> Iterator[Sentence]:
    """Say what a recipient sees: venues of which the same is seen, after the same time, in one sentence."""
    by_venue: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for venue, table, days in found:
        by_venue[venue.id][days or 0].append(table)
    alike: dict[tuple[tuple[str, ...], int], list[str]] = defaultdict(list)
    for venue, embargoes in by_venue.items():
        for days, tables in embargoes.items():
            alike[tuple(tables), days].append(venue)
    for (tables, days), venues in alike.items():
        own_fr, own_en = _tables(agreed, tables)
        of = _list(agreed.venues[v].name for v in venues)
        whole = len(venues) == len(agreed.venues)
        of_fr, of_en = ("de tous les lieux", "all venues") if whole else (f"de : {of[0]}", of[1])
        late_fr, late_en = (f", {days} jours après la période", f", {days} days after a period") if days else ("", "")
        yield _fact(f"{fr} voit {own_fr} {of_fr}{late_fr}.", f"{en} sees {own_en} of {of_en}{late_en}.")
    unseen = [v.name for v in agreed.venues.values() if v.id not in by_venue]
    if unseen:
        of = _list(unseen) if by_venue else ("tous les lieux", "any venue")
        yield _fact(f"{fr} ne voit rien de : {of[0]}.", f"{en} sees nothing of {of[1]}.")


def _tables(agreed: Governance, tables: tuple[str, ...]) -> tuple[str, str]:
    left = [t for t in agreed.known_tables if t not in tables]
    if not left:
        return "toutes les tables", "all tables"
    if len(left) < len(tables):
        fr, en = _list(left)
        return f"toutes les tables sauf {fr}", f"all tables but {en}"
    fr, en = _list(tables)
    return (f"les tables {fr}", f"the tables {en}") if len(tables) > 1 else (f"la table {fr}", f"the table {en}")


def _releases(agreed: Governance) -> Iterator[Sentence]:
    yield Sentence("heading", "Publications", "Releases")
    manual = [v for v in agreed.venues.values() if v.approval == "manual"]
    for v in manual:
        fr, en = _list(v.approvers, "ou", "or")
        yield _fact(
            f"Une publication de {v.name} attend l’accord de {fr}.",
            f"A release of {v.name} waits for approval by {en}.",
        )
    if len(manual) < len(agreed.venues):
        fr, en = ("Les autres partent", "The others leave") if manual else ("Elles partent", "They leave")
        yield _fact(f"{fr} dès qu’elles sont scellées.", f"{en} as soon as they are sealed.")
    for v in agreed.venues.values():
        for key in v.former_keys:
            told = key.public_key[:12]
            if key.revoked:
                yield _fact(f"La clé {told}… de {v.name} est révoquée : rien de neuf n’est reçu d’elle.",
                            f"Key {told}… of {v.name} is revoked: nothing new is taken from it.")  # fmt: skip
            else:
                yield _fact(f"L’ancienne clé {told}… de {v.name} vaut pour ce qui est daté du {key.until} au plus tard.",
                            f"Former key {told}… of {v.name} counts for what is dated {key.until} at the latest.")  # fmt: skip


def _warnings(agreed: Governance, policy: Policy, today: date) -> Iterator[Sentence]:
    def warn(fr: str, en: str) -> Sentence:
        return Sentence("warning", fr, en)

    least = agreed.policy
    if policy.k < least.k or (policy.k_rule != "certain" and least.k_rule == "certain"):
        yield warn("La politique du réseau promet un k plus faible que celui exigé ici : toute publication serait refusée.",
                   "The network's policy promises a weaker k than this file demands: every release would be refused.")  # fmt: skip
    for unit, loss in policy.season.items():
        most = least.losses.get(unit)
        if most is None or loss.epsilon > most[0] or loss.delta > most[1]:
            yield warn(f"La politique du réseau permet à une saison ({unit}) plus que ce fichier : tout serait refusé.",
                       f"The network's policy lets a season ({unit}) spend more than this file: all would be refused.")  # fmt: skip
    if agreed.sharing.grant is None and all(v.sharing.grant is None for v in agreed.venues.values()):
        yield warn("[sharing] ne donne rien à personne : chacun ne voit que ses propres chiffres.",
                   "[sharing] grants nobody anything: each sees only figures of their own.")  # fmt: skip
    for p in agreed.partners.values():
        left = (p.until - today).days
        if 0 <= left <= 30:
            yield warn(
                f"L’accès de {p.name} prend fin dans {left} jours.", f"The access of {p.name} ends in {left} days."
            )
        if p.until >= today and not any(True for _ in shared(agreed, p.id, names_of(agreed, p.id), p)):
            yield warn(f"{p.name} ne voit rien du tout.", f"{p.name} sees nothing at all.")
    if agreed.colleges and (lone := [v.name for v in agreed.venues.values() if v.college is None]):
        fr, en = _list(lone)
        yield warn(f'De quel collège : {fr} ? Ajoutez college = "…" dans governance.toml.',
                   f'Of which college: {en}? Add college = "…" in governance.toml.')  # fmt: skip


def _list(names: Iterable[str], fr: str = "et", en: str = "and") -> tuple[str, str]:
    """Return names as a list of words, in both languages."""
    *first, last = [*names]
    before = ", ".join(first)
    return (f"{before} {fr} {last}", f"{before} {en} {last}") if first else (last, last)
