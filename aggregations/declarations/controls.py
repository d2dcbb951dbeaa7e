"""SIBIL's own controls, and what a declaration cannot go without: each failure a sentence about a performance, and what to do.

Controls (interface v2, 2025): full price, subscriptions and exempted tickets are no more than all; the full price's receipts no
more than all receipts; the mean price of all no higher than that of the full price, where there is one; a series stays in one quarter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aggregations.declarations.facts import PLACE_TYPES
from aggregations.declarations.quarters import CivilQuarter
from aggregations.declarations.sibil import Declaration
from aggregations.referential import domain_families
from privacy.errors import QualityRefusal

Said = tuple[str, str]  # French, English


@dataclass(frozen=True, slots=True)
class Failure:
    """What stands against a declaration: which performance, and what is wrong with it, in French and English."""

    where: Said
    what: Said

    def sentence(self, language: str) -> str:
        """Return it in "fr" or "en"."""
        one = language != "fr"
        return f"{self.where[one]}{': ' if one else ' : '}{self.what[one]}"


def failures(found: Sequence[Declaration], quarter: CivilQuarter) -> list[Failure]:
    """Return all that stands against declarations, none where they can be sent."""
    return [Failure(_where(one), what) for one in found for what in (*_missing(one), *_controls(one, quarter))]


def require(found: Sequence[Declaration], quarter: CivilQuarter) -> None:
    """Raise a QualityRefusal that tells every failure, the same said of several performances once."""
    against = failures(found, quarter)
    if not against:
        return
    shows = Counter(failure.what for failure in against)
    lines: dict[str, list[str]] = {
        language: list(dict.fromkeys(_grouped(failure, against, language, shows[failure.what]) for failure in against))
        for language in ("en", "fr")
    }
    raise QualityRefusal(
        f"SIBIL {quarter}: nothing was written. To mend:\n- " + "\n- ".join(lines["en"]),
        f"SIBIL {quarter} : rien n’a été écrit. À corriger :\n- " + "\n- ".join(lines["fr"]),
    )


def _grouped(failure: Failure, against: Sequence[Failure], language: str, times: int) -> str:
    if times == 1:
        return failure.sentence(language)
    one = language != "fr"
    named = [f.where[one] for f in against if f.what == failure.what]
    listed = ("; " if one else " ; ").join(named[:3]) + (f" … ({times})" if times > 3 else "")
    return f"{failure.what[one]} [{listed}]"


def _where(one: Declaration) -> Said:
    title = one.title or "?"
    first, last = one.played[0].at, one.played[-1].at
    if len(one.played) == 1:
        days = f"{first:%d/%m/%Y %H:%M}", f"{first:%Y-%m-%d %H:%M}"
    else:
        days = f"{first:%d/%m}–{last:%d/%m/%Y}", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    hall = f", {one.hall}" if one.hall else ""
    return f"« {title} », {days[0]}{hall}", f"“{title}”, {days[1]}{hall}"


def _missing(one: Declaration) -> Iterator[Said]:
    if not one.played[0].named:
        yield (
            "des billets ne disent pas de quelle séance ils sont : donnez au mapping de leur export la colonne `performance` ou `title`.",
            "tickets do not say of which performance they are: give the mapping of their export the column `performance` or `title`.",
        )
    elif not one.title:
        yield (
            "titre inconnu : chargez le programme (OpenAgenda…), ou la colonne du titre (`title`) de l’export.",
            "no title: load the programme (OpenAgenda…), or the export's column of titles (`title`).",
        )
    if one.domain is None:
        yield from _no_domain(one)
    if not one.capacity:
        yield (
            "jauge inconnue : `capacity` dans venue.toml, ou la colonne `capacity` de l’export ou du programme.",
            "no capacity: `capacity` in venue.toml, or the column `capacity` of the export or the programme.",
        )
    for source in sorted({x.source for p in one.played for x in p.lines if x.receipts is None}):
        yield (
            f"des billets payés n’ont pas de prix dans l’export {source} : colonne `unit_price_cents` (`amount_cents` d’un bilan).",
            f"paid tickets have no price in the export {source}: column `unit_price_cents` (`amount_cents` of a closing).",
        )
    yield from _no_place(one)
    if one.festival and not all(one.festival_place):
        yield (
            f'festival incomplet : `[declares.festivals."{one.festival}"]` demande postal_code et city.',
            f'festival incomplete: `[declares.festivals."{one.festival}"]` needs postal_code and city.',
        )


def _no_domain(one: Declaration) -> Iterator[Said]:
    family = one.played[0].family
    codes = [domain for domain, of in domain_families().items() if family in (of, "unknown")]
    if family == "unknown":
        yield (
            'genre inconnu : dites-le dans `[families]` de venue.toml, ou le domaine dans `[declares.shows."titre"]`.',
            'genre unknown: tell it in `[families]` of venue.toml, or the domain in `[declares.shows."title"]`.',
        )
    else:
        yield (
            f'domaine SIBIL inconnu : `domain` dans `[declares.shows."titre"]`, ou `{family}` dans `[declares.domains]`, parmi {", ".join(codes)}.',
            f'no SIBIL domain: `domain` in `[declares.shows."title"]`, or `{family}` in `[declares.domains]`, one of {", ".join(codes)}.',
        )


def _no_place(one: Declaration) -> Iterator[Said]:
    place = one.place
    if place.sibil:
        return
    lacking = [name for name in ("name", "address", "postal_code", "city", "type") if not getattr(place, name)]
    if lacking:
        at = one.hall or place.address or "…"
        listed, types = ", ".join(lacking), f" (type : {', '.join(PLACE_TYPES)})" if "type" in lacking else ""
        yield (
            f'lieu incomplet, il manque {listed} : `place` de `[declares]` (ou `[site]`), ou `[declares.halls."{at}"]` s’il s’agit d’un autre lieu{types}.',
            f'place incomplete, {listed} missing: `place` of `[declares]` (or `[site]`), or `[declares.halls."{at}"]` of another place{types.replace(" :", ":")}.',
        )


def _controls(one: Declaration, quarter: CivilQuarter) -> Iterator[Said]:
    every, full = one.of(), one.of("full")
    if full.tickets + one.of("subscription").tickets + one.of("exempt").tickets > every.tickets:
        yield (
            "plein tarif, abonnements et exonérés dépassent le total.",
            "full price, subscriptions and exempted are more than all.",
        )
    if None in (every.receipts, full.receipts):
        return  # told above
    if (full.receipts or 0) > (every.receipts or 0):
        yield "la recette du plein tarif dépasse le total.", "the full price's receipts are more than all."
    if full.tickets and (every.receipts or 0) * full.tickets > (full.receipts or 0) * every.tickets:
        dearer = ", ".join(sorted(_dearer(one, full.receipts or 0, full.tickets)))
        yield (
            f"le prix moyen total dépasse celui du plein tarif : des billets « {dearer} » coûtent davantage. Sont-ils au plein tarif ? "
            "Dites-le dans le mapping de l’export (mots de `tariff`).",
            f"the mean price of all is above that of the full price: tickets “{dearer}” cost more. Are they full price? "
            "Tell it in the mapping of the export (words of `tariff`).",
        )
    days = [p.at.date() for p in one.played]
    if min(days) < quarter.start or max(days) >= quarter.end:
        yield "une série ne peut dépasser le trimestre.", "a series cannot span two quarters."


def _dearer(one: Declaration, receipts: int, tickets: int) -> set[str]:
    lines = [x for p in one.played for x in p.lines if x.tariff != "plein"]
    return {x.tariff for x in lines if (x.receipts or 0) * tickets > receipts * x.tickets}
