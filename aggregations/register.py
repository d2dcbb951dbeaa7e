"""The registers the law asks of a venue, written from what is configured, loaded, published and removed; never by hand.

    register/fr.html, register/en.html

One page: the register of processing (GDPR art. 30), that of anonymisation (the three criteria of WP29 opinion 05/2014; what,
why, how, with which parameters, tests, when and by whom, as Québec's regulation A-2.1, r. 0.1 asks), what a data protection
impact assessment needs, and the acts of removal. What only the venue knows is read in `[controller]` of `venue.toml`, else
left to be filled in. Row counts and people stay out; the page is the venue's own all the same.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from aggregations.acts import acts
from aggregations.cooperative import match_key
from aggregations.disk import write_whole
from aggregations.mapping import Emit, presets
from aggregations.publication import publisher
from aggregations.receipt import receipts
from aggregations.retention import AUDIENCE_MONTHS, PERSONAL, purged
from aggregations.venue import CONTROLLER, Venue
from privacy.calendar import Period
from privacy.errors import JaugeError, PolicyRefusal
from privacy.ledger import Ledger
from privacy.plan import TablePlan
from privacy.policy import Policy
from privacy.release import read

LANGUAGES = ("fr", "en")
Said = tuple[str, str]  # French, English

# What is known of people, by the fields of a preset that tell it.
_DATA: dict[Said, frozenset[str]] = {
    ("billets : séance, date d’achat, tarif, prix, canal, statut", "tickets: performance, date, tariff, price, channel, status"): frozenset({"performance_at"}),
    ("venue constatée à l’entrée", "presence at the door"): frozenset({"attended"}),
    ("commune de résidence (d’après le code postal)", "town of residence (by postal code)"): frozenset({"postal_code", "commune"}),
    ("année de naissance", "year of birth"): frozenset({"birth_year"}),
    ("accord pour la prospection", "consent to marketing"): frozenset({"consent_marketing"}),
    ("groupe ou scolaire", "group or school"): frozenset({"is_group", "is_school"}),
    ("genres des spectacles, thèmes lus", "genres attended, topics read"): frozenset({"family"}),
    ("abonnements, clics, pages vues", "subscriptions, clicks, pages seen"): frozenset({"at"}),
}  # fmt: skip
_PERSON: dict[str, Said] = {
    "contact": (
        "contact, remplacé au chargement par un numéro à clé",
        "contact, replaced when loaded by a keyed number",
    ),
    "phone": ("téléphone, remplacé de même", "telephone, replaced likewise"),
    "account": ("numéro de compte, remplacé de même", "account number, replaced likewise"),
    "visitor": ("numéro de visite du site, remplacé de même", "visitor number of the site, replaced likewise"),
}
_REGIMES: dict[str, Said] = {
    "contract": ("exécution du contrat (art. 6.1.b)", "performance of a contract (art. 6(1)(b))"),
    "consent": ("consentement (art. 6.1.a)", "consent (art. 6(1)(a))"),
    "legitimate_interest": ("intérêt légitime (art. 6.1.f)", "legitimate interest (art. 6(1)(f))"),
    "exempt_audience": (
        "mesure d’audience exemptée de consentement (art. 82 loi Informatique et Libertés)",
        "audience measurement exempt from consent (ePrivacy)",
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """A system whose exports were loaded: its regime as configured, what it tells of people, when it was last loaded."""

    title: str
    regime: Said
    by_row: bool  # a row may state another regime
    people: bool
    data: tuple[Said, ...]
    last: date


@dataclass(frozen=True, slots=True)
class Sealed:
    """A charge of the ledger: whether it went out, and whether the release on disk verifies now."""

    period: str
    revision: int
    day: str
    policy: str
    out: bool
    holds: bool
    k: int | None
    losses: tuple[tuple[str, float, str], ...]  # unit, epsilon, delta


def write_register(venue: Venue, policy: Policy, today: date | None = None) -> list[Path]:
    """Write the page in both languages and return the paths; the old ones stay until the new are whole."""
    loader = PackageLoader("aggregations", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    facts, folder = _facts(venue, policy, today or datetime.now(UTC).date()), venue.folder / "register"
    folder.mkdir(mode=0o700, exist_ok=True)
    for i, language in enumerate(LANGUAGES):
        chosen = {"language": language, "say": lambda *said, i=i: (said[0] if len(said) == 1 else said)[i]}
        write_whole(folder / f"{language}.html", pages.get_template("register.html").render(facts | chosen))
    return [folder / f"{language}.html" for language in LANGUAGES]


def _facts(venue: Venue, policy: Policy, day: date) -> dict[str, Any]:
    plans = _plans(venue, policy, day)
    return {
        "venue": venue,
        "day": day,
        "controller": {key: venue.controller.get(key) for key in CONTROLLER},
        "sources": _sources(venue),
        "audience_months": min(AUDIENCE_MONTHS, venue.retention_months),
        "since": purged(venue),
        "private": not venue.folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO),
        "policy": policy,
        "tables": [plan.table for plan in plans],
        "measures": list({n.measure.name: n.measure for plan in plans for n in plan.cells}.values()),
        "match_key": bool(match_key(venue)),
        "releases": _releases(venue),
        "acts": acts(venue),
    }


def _sources(venue: Venue) -> list[Source]:
    last = {r.preset: r.day for r in sorted(receipts(venue.store), key=lambda r: r.loaded)}
    return [_source(venue, name, day) for name, day in sorted(last.items())]


def _source(venue: Venue, name: str, day: date) -> Source:
    known = presets().get(name)
    emits = [e for e in known.emits if e.frame in PERSONAL] if known else []
    regime = venue.consent.get(name, known.consent_regime if known else "")
    domains = {domain for emit in emits for _, domain in emit.person} | {"visitor" for emit in emits if emit.daily}
    data = [said for domain, said in _PERSON.items() if domain in domains]
    data += [said for said, fields in _DATA.items() if any(_tells(emit, fields) for emit in emits)]
    return Source(
        title=known.title if known else name,
        regime=_REGIMES.get(regime, (regime, regime)),
        by_row=any("consent_regime" in emit.fields for emit in emits),
        people=bool(emits),
        data=tuple(data),
        last=day,
    )


def _tells(emit: Emit, fields: frozenset[str]) -> bool:
    return bool(fields & emit.fields.keys()) and (emit.frame == "interactions" or "at" not in fields)


def _plans(venue: Venue, policy: Policy, day: date) -> tuple[TablePlan, ...]:
    try:
        return publisher(venue).plan(policy, Period(Period.containing(day).year))
    except PolicyRefusal:
        return ()


def _releases(venue: Venue) -> list[Sealed]:
    if not venue.ledger.exists():
        return []
    book, found = Ledger(venue.ledger), list[Sealed]()
    for charge in book.charges:
        facts: dict[str, Any] = {}
        try:
            release = read(venue.outbox / charge.release_id)
            seal = book.seals.get(charge.release_id)
            facts = release.manifest if seal and seal.manifest == release.manifest_sha256 else {}
        except (JaugeError, OSError):  # no longer what was sealed, or never out
            facts = {}
        stated = {unit: loss["privacy_parameters"] for unit, loss in facts.get("privacy_loss", {}).items()}
        losses = tuple((unit, float(p["epsilon"]), f"{float(Fraction(p['delta'])):.1e}") for unit, p in stated.items())
        found.append(
            Sealed(
                charge.period, charge.revision, charge.at[:10], charge.policy[:12], charge.release_id in book.seals,
                bool(facts), facts["k"]["minimum"] if facts else None, losses,
            )
        )  # fmt: skip
    return found
