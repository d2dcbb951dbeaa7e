"""Crossings, attendance and plans told in French and English, never more surely than their intervals allow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

from privacy.calendar import Period
from warehouse.overlap.estimates import Estimate, audience, union
from warehouse.overlap.held import Comparable
from warehouse.overlap.planning import Placement
from warehouse.overlap.tables import attendances, crossing_share, crossings, partners
from warehouse.overlap.vectors import Vector
from warehouse.reports.figures import Writer, place_of
from warehouse.reports.words import Words

Row = Mapping[str, float]


def tell_crossings(seen: Comparable, language: str) -> Iterator[str]:
    """Yield who a venue shares its audience with, those with most in common first, and how often the network's people go out."""
    words, when = Teller(language), Period.parse(seen.period).label(language)
    size = audience(seen.own)
    yield words.say(
        f"{seen.name(seen.venue)}, {when} : {words.people(size)} connues par leur adresse.",
        f"{seen.name(seen.venue)}, {when}: {words.people(size)} known by their address.",
    )
    if seen.others:
        everyone = list(seen.vectors.values())
        brings = {row["partner"]: row for row in partners([seen.own], seen.others).iter_rows(named=True)}
        pairs = crossings(everyone).filter(a=seen.venue).sort("people", descending=True)
        for row in pairs.iter_rows(named=True):
            yield f"- {words.crossing(row, brings[row['b']], seen.name(row['b']))}"
        yield words.say(
            f"Ensemble, ces {len(everyone)} lieux touchent {words.people(union(everyone))}, chacune comptée une fois :",
            f"Together these {len(everyone)} venues reach {words.people(union(everyone))}, each counted once:",
        )
        for row in attendances(everyone).iter_rows(named=True):
            yield f"- {words.attendance(row)}"
    if seen.without:
        names = ", ".join(seen.name(v) for v in seen.without)
        yield words.say(f"Sans esquisse comparable : {names}.", f"Without a comparable sketch: {names}.")


def tell_kinds(seen: Comparable, language: str) -> Iterator[str]:
    """Yield which share of the audience of one kind of venue is seen at another kind, over all pairs of such venues."""
    words, kinds = Teller(language), Words("fr" if language == "fr" else "en")
    pairs: dict[str, list[tuple[Vector, Vector]]] = {}
    for one, other in permutations(seen.vectors.values(), 2):
        of, at = (kinds.kind(seen.members[v.venue].kind) for v in (one, other))
        pairs.setdefault(f"{of} → {at}", []).append((one, other))
    for row in crossing_share(pairs).sort("name").iter_rows(named=True) if pairs else ():
        if row["share_low"] >= 1:
            yield f"- {row['name']}{words.say(' :', ':')} {words.percent(estimate(row, 'share'))}."


def tell_plan(steps: Sequence[Placement], seen: Comparable, language: str) -> Iterator[str]:
    """Yield the placements in order: whom each adds, whom all reach, and what noise does not tell from it."""
    words = Teller(language)
    for number, step in enumerate(steps, 1):
        text = words.say(
            f"{number}. {seen.name(step.venue)} : ajoute {words.people(step.adds)}, soit {words.people(step.reach)} en tout.",
            f"{number}. {seen.name(step.venue)}: adds {words.people(step.adds)}, {words.people(step.reach)} in all.",
        )
        if step.close:
            names = ", ".join(seen.name(v) for v in step.close)
            text += words.say(f" Aussi bien, à la marge près : {names}.", f" As good, within the margin: {names}.")
        yield text
    yield words.say(
        "Chaque choix est celui qui ajoute le plus : sur des chiffres exacts, au moins 63 % du meilleur plan de cette taille, "
        "et presque toujours bien plus.",
        "Each choice is the one that adds most: on exact figures at least 63% of the best plan of this size, and nearly "
        "always far more.",
    )  # fmt: skip


class Teller:
    """Writes figures of crossings in one language as intervals, rounded outwards."""

    def __init__(self, language: str) -> None:
        self._language, self._write = language, Writer(language)

    def say(self, fr: str, en: str) -> str:
        """Return the text of its language."""
        return fr if self._language == "fr" else en

    def people(self, estimate: Estimate) -> str:
        """Write `1 000 to 1 400 people`, or `at most 400 people` and why: an interval need not be even around its figure."""
        why = self.say(" (la marge n’en dit pas plus)", " (the margin tells no more)")
        return self.short(estimate) + (why if self._floor(estimate) <= 0 else "")

    def short(self, estimate: Estimate) -> str:
        """Write the same without why: for a table, which says it once."""
        if self._floor(estimate) <= 0:
            most = self._rounded(estimate.high, estimate, up=True)
            return self.say(f"au plus {most} personnes", f"at most {most} people")
        low, high = self._rounded(estimate.low, estimate, up=False), self._rounded(estimate.high, estimate, up=True)
        return self.say(f"{low} à {high} personnes", f"{low} to {high} people")

    def percent(self, estimate: Estimate) -> str:
        """Write `12 to 15%`."""
        low, high = max(0, math.floor(estimate.low)), min(100, math.ceil(estimate.high))
        return self.say(f"{low} à {high} %", f"{low} to {high}%")

    def crossing(self, row: Row, brings: Row, name: str) -> str:
        """Tell what a venue has in common with another, `name`, and whom that one would bring it."""
        people = estimate(row, "people")
        if self._floor(people) <= 0:
            return self.say(f"{name} : {self.people(people)} en commun.", f"{name}: {self.people(people)} in common.")
        mine, theirs, lift = (estimate(row, column) for column in ("share_a", "share_b", "lift"))
        new = self.people(estimate(brings, "new"))
        text = self.say(
            f"{name} : {self.people(people)} en commun, {self.percent(mine)} de votre public et {self.percent(theirs)} du leur",
            f"{name}: {self.people(people)} in common, {self.percent(mine)} of your audience and {self.percent(theirs)} of theirs",
        )
        if lift.low > 1:
            text += self.say(" ; plus que par hasard", "; more than by chance")
        if lift.high < 1:
            text += self.say(" ; moins que par hasard", "; less than by chance")
        return text + self.say(f". Nouvelles pour vous : {new}.", f". New to you: {new}.")

    def attendance(self, row: Row) -> str:
        """Tell how many people go to so many venues."""
        often = str(row["venues"]).replace("+", self.say(" ou plus", " or more"))
        unit = self.say("lieu" if often == "1" else "lieux", "venue" if often == "1" else "venues")
        return self.say(f"{often} {unit} : ", f"{often} {unit}: ") + self.people(estimate(row, "people")) + "."

    def _floor(self, estimate: Estimate) -> float:
        """Return the low end, rounded away from the middle to a digit of the margin."""
        place = self._place(estimate)
        return max(estimate.low, 0.0) // 10**place * 10**place

    def _rounded(self, value: float, estimate: Estimate, *, up: bool) -> str:
        """Write an end rounded away from the middle: it never promises too much."""
        place = self._place(estimate)
        steps = -(-max(value, 0.0) // 10**place) if up else max(value, 0.0) // 10**place
        return self._write.number(steps * 10**place)

    def _place(self, estimate: Estimate) -> int:
        return max(place_of((estimate.high - estimate.low) / 2), 0)


def estimate(row: Row, name: str) -> Estimate:
    """Return a figure of a table of crossings."""
    return Estimate(*(row[f"{name}{part}"] for part in ("", "_se", "_low", "_high")))
