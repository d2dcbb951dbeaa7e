"""What changed since the period before and is larger than the noise, and nothing else: an e-mail, as HTML and as text.

Every figure of one dimension is compared: shares of each table's total, people in all, admissions of each kind. A change is told
only if its 95 % interval leaves 0 out (two-sided) and Benjamini and Yekutieli's control keeps it among all those compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from privacy.calendar import Period
from warehouse.reports.cells import Sheet, title
from warehouse.reports.figures import Estimate, change
from warehouse.reports.filling import pages
from warehouse.takeaway.held import Held
from warehouse.takeaway.phrases import Phrases
from warehouse.targeting.discovery import below, discoveries

_ALPHA = 0.05  # two-sided: the interval that is written leaves 0 out


@dataclass(frozen=True, slots=True)
class Move:
    """A figure in two releases. `part`: it is a share, and `moved` a difference; else `moved` is relative to `before`."""

    table: str  # in the reader's words; lines stand under it
    what: str
    before: Estimate
    after: Estimate
    moved: Estimate
    part: bool

    @property
    def p_value(self) -> float:
        """Two-sided, of "it did not change"."""
        lower = below(self.moved, 0.0)
        return 2 * min(lower, 1 - lower)

    def sentence(self, phrases: Phrases) -> str:
        """Tell a change that was kept."""
        write = phrases.words.writer
        before, after = ((write.percent if self.part else write.count)(e) for e in (self.before, self.after))
        moved = phrases.share_points(self.moved) if self.part else write.points(self.moved)
        key = "letter_rise" if self.moved.value > 0 else "letter_fall"
        return phrases.say(key, what=self.what, before=before, after=after, change=moved)


def compared(before: Mapping[str, Sheet], after: Mapping[str, Sheet], phrases: Phrases) -> list[Move]:
    """Return all that two releases of a venue let us compare; releases are independent, so variances add."""
    moves: list[Move] = []
    if "provenance" in before and "provenance" in after:
        moves += _counts(
            phrases.say("letter_people"),
            [(phrases.say("letter_people_known"), before["provenance"].people, after["provenance"].people)],
        )
    done = set[str]()
    for name in (n for n in after if n in before and after[n].table == before[n].table):
        then, now = before[name], after[name]
        heading = title(now.table, phrases.language)
        if not now.additive:  # kinds of admissions: each by itself
            pairs = zip(then.rows(phrases.language, 1), now.rows(phrases.language, 1), strict=True)
            lead = now.lead.name
            moves += _counts(heading, ((b.label, a.estimates[lead], b.estimates[lead]) for a, b in pairs if b.code != "unknown"))  # fmt: skip
            continue
        for place, dimension in enumerate(now.table.dimensions):
            if place and dimension.name in done:
                continue  # told where it stands first
            done.add(dimension.name)
            for a, b in zip(then.rows(phrases.language, place), now.rows(phrases.language, place), strict=True):
                if b.code != "unknown" and a.share and b.share:
                    moved = Estimate(b.share.value - a.share.value, math.hypot(a.share.se, b.share.se))
                    what = b.label if not place else f"{title(dimension, phrases.language)}, {b.label}"
                    moves.append(Move(heading, what, a.share, b.share, moved, part=True))
    return moves


def _counts(heading: str, figures: Iterable[tuple[str, Estimate | None, Estimate | None]]) -> Iterator[Move]:
    for what, a, b in figures:
        moved = change(a, b) if a and b else None
        if moved and a and b:
            yield Move(heading, what, a, b, moved, part=False)


def larger_than_noise(moves: Sequence[Move]) -> list[Move]:
    """Return the moves that are told, in the order given."""
    p_values = [m.p_value for m in moves]
    kept = {i for i in discoveries(p_values) if p_values[i] < _ALPHA}
    return [m for i, m in enumerate(moves) if i in kept]


def write_letter(held: Held, phrases: Phrases, stem: Path) -> list[Path]:
    """Write `<stem>.html` and `<stem>.txt` of a period against the one before, and return their paths."""
    pair = held.moved
    lead, moves, tested = phrases.say("letter_first"), list[Move](), 0
    warned: list[str] = []
    if pair:
        before, after = pair
        lead = phrases.say(
            "letter_between",
            before=phrases.words.quarter(before.period),
            after=_capital(phrases.words.quarter(after.period)),
        )
        if Period.parse(before.period).quarter != Period.parse(after.period).quarter:
            warned = [phrases.say("letter_seasons")]
        all_moves = compared(before.sheets, after.sheets, phrases)
        moves, tested = larger_than_noise(all_moves), len(all_moves)
    groups = [(name, [m.sentence(phrases) for m in told]) for name, told in groupby(moves, key=lambda m: m.table)]
    foot = [*warned, phrases.say("letter_foot", tested=tested)] if pair else []
    foot += [*phrases.promise(held.issue)[:1], phrases.made_from(held.snapshot)]
    values: dict[str, Any] = {
        "language": phrases.language,
        "title": phrases.say("letter_title", name=held.name),
        "lead": lead,
        "groups": groups,
        "nothing": phrases.say("letter_none") if pair and not moves else "",
        "unit": phrases.say("letter_unit") if any(m.part for m in moves) else "",
        "foot": foot,
    }
    page, text = stem.with_suffix(".html"), stem.with_suffix(".txt")
    page.write_text(pages("warehouse.takeaway").get_template("letter.html").render(values), "utf-8")
    text.write_text(_text(values), "utf-8")
    return [page, text]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(values: Mapping[str, Any]) -> str:
    lines = [values["title"], values["lead"], ""]
    for name, told in values["groups"]:
        lines += [name, *(f"- {sentence}" for sentence in told), ""]
    lines += [v for v in (values["nothing"], values["unit"]) if v]
    foot = values["foot"]
    return "\n".join([*lines, "", "-- ", *foot]) + "\n"
