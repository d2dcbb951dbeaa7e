"""What a file that no preset knows may be: which column is what, by its header and by what its values look like.

Every proposal has its reason. What could be read in two ways is left open, with the ways there are: a steward decides,
in the draft that `drafts` writes. Reasons hold headers, shares in words and formats, never a value of a row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.coherence import Said
from aggregations.looks import Look, is_value, look
from aggregations.nearness import header_roles
from aggregations.samples import Sample, sample
from aggregations.sources import Source
from privacy.errors import Fault

_NAMED = (
    0.5  # share of its values that a column with the header's word must have: the rest will be quarantined, and told
)
_SURE = 95  # of 100: the header's very words
_BY_VALUES = 0.9  # share of a column's values that a proposal without a header's word asks for
_DATES = ("performance_at", "purchased_at", "subscribed_at", "date", "dated")
_ASKED: dict[str, tuple[tuple[str, ...], float, Said]] = {  # role -> kinds of values, share needed, what they are
    "email": (("email",), _NAMED, ("e-mail addresses", "des adresses e-mail")),
    **dict.fromkeys(_DATES, (("instant", "unix", "unix_ms", "unix_us"), _NAMED, ("dates", "des dates"))),
    **dict.fromkeys(
        ("performance_time", "purchased_time", "time"), (("time",), _NAMED, ("times of day", "des heures"))
    ),
    **dict.fromkeys(("unit_price", "total"), (("money",), _NAMED, ("amounts", "des montants"))),
    **dict.fromkeys(("quantity", "count", "capacity"), (("whole",), _NAMED, ("whole numbers", "des nombres entiers"))),
    "postal_code": (("postal_code",), 0.3, ("French postal codes", "des codes postaux français")),
    "birth_year": (("year", "instant"), _NAMED, ("years or dates", "des années ou des dates")),
    "consent_marketing": (("yes_no",), _NAMED, ("yes or no", "oui ou non")),
    "attended": (("yes_no", "instant"), _NAMED, ("yes or no, or times", "oui ou non, ou des heures")),
}
_NUMBERS = ("order", "ticket", "person_id", "performance")
_WORDS = {"tariff": ("tariffs", "des tarifs"), "channel": ("sales channels", "des canaux de vente"),
          "family": ("genres", "des genres")}  # fmt: skip
_SHARES: tuple[tuple[float, Said], ...] = (
    (0.9995, ("all values are", "toutes les valeurs sont")),
    (0.9, ("nearly all values are", "presque toutes les valeurs sont")),
    (0.5, ("most values are", "la plupart des valeurs sont")),
    (0.0, ("some values are", "certaines valeurs sont")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file and what it may be: `role` is empty where nothing is proposed, `never` where it must not be.

    Roles are those of `reference/headers.toml`, and `dated` where only the values are dates.
    """

    header: str
    look: Look
    role: str
    why: Said
    rival: str = ""  # the role another column has as good a claim to


@dataclass(frozen=True, slots=True)
class Proposal:
    """The whole answer: what the file is, and its columns in their order."""

    sample: Sample
    frame: str  # what a row is: transactions, interactions (a newsletter's subscribers) or counts
    why: Said
    columns: tuple[Column, ...]

    def of(self, *roles: str) -> list[Column]:
        """Return the columns of these roles, in the order of the roles."""
        return [column for role in roles for column in self.columns if column.role == role]


def propose(sources: Sequence[Source]) -> Proposal:
    """Look at a file that no preset knows.

    Raises:
        Fault: it cannot be read, or has no header line: then its first line is a row, which is not repeated.
    """
    with tempfile.TemporaryDirectory(prefix="jauge-") as scratch:  # readable by this account only
        seen = sample(sources, Path(scratch))
    named = _named(seen)
    if seen.read.kind == "table":
        _check_headers(seen, named)
    looks = [look(series) for series in seen.rows]
    columns = tuple(_columns(seen.headers, looks, named))
    frame, why = _frame({column.role for column in columns})
    return Proposal(seen, frame, why, columns)


def _named(seen: Sample) -> list[dict[str, float]]:
    """The roles that headers name; of JSON, a number outside the rows' own list is that of what holds them, an order."""
    deepest = "".join(f"{path}." for path in seen.read.explode[-1:])
    outer = "".join(f"{path}." for path in seen.read.explode[-2:-1])
    shown = [header.removeprefix(deepest).removeprefix(outer) for header in seen.headers]
    roles = header_roles(shown)
    for header, found in zip(seen.headers, roles, strict=True):
        if len(seen.read.explode) and deepest and not header.startswith(deepest) and "ticket" in found:
            found["order"] = max(found.pop("ticket"), found.get("order", 0.0))
    return roles


def _check_headers(seen: Sample, named: Sequence[dict[str, float]]) -> None:
    """Refuse a table whose first line may be a row: it looks like values, comes again below, or names nothing known."""
    filled = [header for header in seen.headers if header.strip()]
    again = sum(
        bool((seen.rows[str(i)].cast(pl.String) == header).any()) for i, header in enumerate(seen.headers) if header.strip()
    )  # fmt: skip
    known, sure = sum(map(bool, named)), any(score >= _SURE for found in named for score in found.values())
    row = again < len(filled) and (again > 1 or (again == 1 and 2 * known < len(filled)))
    if any(map(is_value, filled)) or row or not filled or not sure or known < min(2, len(filled)):
        name = seen.source.name
        raise Fault(
            f"{name}: the header line is missing, or names nothing that is known: its first line may be a row, so it is not "
            "repeated here. Export it with column names in the first line, such as email, order number, date.",
            f"{name} : la ligne d’en-tête manque, ou ne nomme rien de connu : sa première ligne peut être une donnée, elle "
            "n’est donc pas répétée ici. Exportez-le avec les noms de colonnes en première ligne (e-mail, commande, date…).",
        )


def _columns(headers: Sequence[str], looks: Sequence[Look], named: Sequence[dict[str, float]]) -> list[Column]:
    """Give each role to the column with the best claim; two equal ones are told of each other."""
    claims = sorted(
        ((score, -i, role) for i, found in enumerate(named) for role, score in found.items() if _fits(role, looks[i])),
        reverse=True,
    )
    taken: dict[int, tuple[str, float]] = {}
    best: dict[str, float] = {}
    rivals: dict[int, str] = {}
    for score, place, role in claims:
        if -place in taken:
            continue
        if role in ("never", "date", "time") or role not in best:
            taken[-place], best[role] = (role, score), score
        elif score == best[role]:
            rivals.setdefault(-place, role)
    for i, one in enumerate(looks):
        role = _by_values(one) if i not in taken and i not in rivals and headers[i].strip() else ""
        if role and (role not in best or role == "dated"):
            taken[i], best[role] = (role, 0.0), 0.0
    return [
        _column(header, looks[i], taken.get(i, ("", 0.0)), named[i], rivals.get(i, ""))
        for i, header in enumerate(headers)
    ]


def _fits(role: str, seen: Look) -> bool:
    """Whether values are what the role asks; an empty column fits all."""
    if role in _NUMBERS and seen.share("instant") >= _BY_VALUES:
        return False  # "commandé le" is no order
    if role not in _ASKED or not seen.filled:
        return True
    kinds, least, _ = _ASKED[role]
    return seen.order != "mixed" and seen.share(*kinds) >= least if role in _DATES else seen.share(*kinds) >= least


def _by_values(seen: Look) -> str:
    """What values alone tell: addresses, dates of something, words of one vocabulary that come again and again."""
    if seen.share("email") >= _BY_VALUES:
        return "email"
    if seen.share("instant") >= _BY_VALUES and seen.order != "mixed":
        return "dated"
    numbers = seen.share("whole", "money", "yes_no") > 0
    words = [role for role in _WORDS if seen.share(role) >= _BY_VALUES]
    return words[0] if len(words) == 1 and not numbers and not seen.unique else ""


def _column(header: str, seen: Look, taken: tuple[str, float], named: dict[str, float], rival: str) -> Column:
    role, score = taken
    if role == "never":
        return Column(header, seen, role, ("never read", "jamais lue"))
    if role:
        en = ["the header says so" if score >= 97 else "the header nearly says so"] if score else []
        fr = ["l’en-tête le dit" if score >= 97 else "l’en-tête le dit presque"] if score else []
        for more_en, more_fr in _told(role, seen):
            en.append(more_en)
            fr.append(more_fr)
        return Column(header, seen, role, (", ".join(en), ", ".join(fr)))
    if rival:
        return Column(
            header, seen, "", ("says the same as another column", "dit la même chose qu’une autre colonne"), rival
        )
    wanted = max(named, key=lambda r: named[r], default="")
    if wanted in _ASKED and seen.order == "mixed":
        return Column(
            header, seen, "", ("days and months in both orders", "jours et mois dans les deux ordres"), wanted
        )
    if wanted in _ASKED:
        en, fr = _ASKED[wanted][2]
        return Column(
            header,
            seen,
            "",
            (f"by its header {en}, but values are not", f"d’après l’en-tête {fr}, mais pas les valeurs"),
        )
    return Column(header, seen, "", ("nothing known", "rien de connu"))


def _told(role: str, seen: Look) -> list[Said]:
    if not seen.filled:
        return [("empty", "vide")]
    kinds, _, what = _ASKED.get(role, ((role,), 0.0, _WORDS.get(role, ("", ""))))
    share = seen.share(*kinds)
    told: list[Said] = []
    if what[0] and share:
        en, fr = next(said for least, said in _SHARES if share >= least)
        told.append((f"{en} {what[0]}", f"{fr} {what[1]}"))
    if role in ("ticket", "person_id", "order") and seen.unique:
        told.append(("no value comes twice", "aucune valeur ne revient"))
    return told


def _frame(roles: set[str]) -> tuple[str, Said]:
    if {"email", "subscribed_at"} <= roles and not roles & {"order", "performance_at", "unit_price", "ticket"}:
        return "interactions", ("an address and when it subscribed", "une adresse et sa date d’abonnement")
    if not roles & {"email", "person_id", "order", "purchased_at", "ticket"} and roles & {"count", "quantity"}:
        return "counts", ("a number of admissions, and nobody", "un nombre d’entrées, et personne")
    return "transactions", ("tickets or registrations of someone", "des billets ou inscriptions de quelqu’un")
