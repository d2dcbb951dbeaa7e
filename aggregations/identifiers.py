"""What others know a venue by: `[identifiers]` of its `venue.toml`, each checked by its own rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from stdnum import isni
from stdnum.fr import siren, siret

from privacy.errors import Fault


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


# Name -> whether a text is one, and what one looks like, in English and in French. SIBIL and OpenAgenda number places
# without a check digit.
_KINDS: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "siren": (siren.is_valid, "9 digits, the last a check digit", "9 chiffres, dont une clé"),
    "siret": (siret.is_valid, "14 digits, the last a check digit", "14 chiffres, dont une clé"),
    "isni": (isni.is_valid, "16 characters, the last a check digit or X", "16 caractères, dont une clé (ou X)"),
    "wikidata": (_matches(r"Q[1-9]\d*"), "Q and a number, such as Q1124", "Q et un nombre, comme Q1124"),
    "sibil": (_matches(r"[1-9]\d*"), "the number of the place (lieuId)", "le numéro du lieu (lieuId)"),
    "openagenda": (_matches(r"[1-9]\d*"), "the uid of the location, a number", "l’uid du lieu, un nombre"),
}


def check_identifiers(identifiers: Mapping[str, object]) -> None:
    """Raise a Fault naming the identifier that cannot be, or that is of no known kind."""
    for kind, text in identifiers.items():
        if kind not in _KINDS:
            known = ", ".join(_KINDS)
            raise Fault(
                f"venue.toml, [identifiers]: {kind} is none of {known}.",
                f"venue.toml, [identifiers] : {kind} n’est aucun de {known}.",
            )
        holds, english, french = _KINDS[kind]
        if not isinstance(text, str) or not holds(text):
            raise Fault(
                f"venue.toml, [identifiers]: {kind} is not valid; in quotes, {english}. Was a digit mistyped?",
                f"venue.toml, [identifiers] : {kind} n’est pas valide ; entre guillemets, {french}. "
                "Un chiffre mal recopié ?",
            )
    if "siret" in identifiers and "siren" in identifiers:
        establishment, organisation = (
            siret.compact(str(identifiers["siret"])),
            siren.compact(str(identifiers["siren"])),
        )
        if not establishment.startswith(organisation):
            raise Fault(
                "venue.toml, [identifiers]: siret must begin with siren.",
                "venue.toml, [identifiers] : siret doit commencer par siren.",
            )
