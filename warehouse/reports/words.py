"""The words of the pages in one language, out of `texts.toml`; sentences that never say more than their interval."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from babel.dates import format_date
from markupsafe import Markup

from privacy.calendar import Period
from warehouse.reports.cells import Row, Sheet
from warehouse.reports.figures import Estimate, Writer, change, ratio

_LANGUAGES = ("fr", "en")
_CAME = ("primo", "occasionnel", "regulier", "fidele")  # the last visit is within 12 months
_NEAR = ("commune", "epci")
_LATE = ("jour_meme", "semaine")


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("warehouse") / "reports" / "texts.toml").read_text("utf-8"))


def typeset(text: str, language: str) -> str:
    """Return a text with the spaces of its language: no French line begins with ; : ! ? % or », nor ends with «."""
    return re.sub(r" (?=[;:!?%»])|(?<=«) ", "\u00a0", text) if language == "fr" else text


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is written for readers of one language."""

    language: str

    @property
    def writer(self) -> Writer:
        """Writes the numbers."""
        return Writer(self.language)

    def say(self, key: str, **values: str | float) -> Markup:
        """Return a text with its values in; the values are escaped, the text is ours."""
        text = typeset(_texts()[key][_LANGUAGES.index(self.language)], self.language)
        return Markup(text).format(**values)  # noqa: S704 (from texts.toml, values escaped)

    def tell(self, key: str, **values: str | float) -> Markup:
        """Return a sentence that states figures, marked with its key: a test holds each to the lake."""
        return Markup('<span data-says="{}">{}</span>').format(key, self.say(key, **values))

    def kind(self, kind: str) -> str:
        """Return the kind of a venue in the reader's language, or as the venue wrote it."""
        words = _texts()["kinds"].get(kind)
        return str(words[_LANGUAGES.index(self.language)]) if words else kind

    def day(self, day: date) -> str:
        """Write a date in full."""
        return format_date(day, format="long", locale=self.language)

    def loss(self, epsilon: float | Fraction, delta: float | Fraction) -> dict[str, str]:
        """Write a promise's two numbers: a large delta is a weak promise, so it is written out."""
        mantissa, exponent = f"{float(delta):.0e}".split("e")
        power = "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(c)] for c in str(abs(int(exponent))))
        first = "" if mantissa == "1" else f"{mantissa} × "
        return {
            "epsilon": self.writer.number(float(epsilon), 0 if float(epsilon).is_integer() else -2),
            "delta": f"{first}10⁻{power}",
        }

    def headlines(self, sheets: Mapping[str, Sheet]) -> list[Markup]:
        """Return the plain sentences a release allows, each with its margin."""
        said: list[Markup | None] = [self.people(sheets), self.first(sheets), self.near(sheets)]
        said += [self.top(sheets, name) for name in ("family", "topics", "referrers")]
        said += [self.late(sheets), self.admissions(sheets)]
        return [s for s in said if s] or [self.tell("s_none")]

    def trend(self, before: Sheet, after: Sheet) -> Markup | None:
        """Return how the number of people moved between two quarters: up or down only if the interval says so."""
        moved = change(before.people, after.people) if before.people and after.people else None
        if moved is None:
            return None
        key = "s_up" if moved.low > 0 else "s_down" if moved.high < 0 else "s_flat"
        names = {"before": self.quarter(before.period), "after": self.quarter(after.period)}
        return self.tell(key, change=self.writer.points(moved), **names)

    def quarter(self, period: str) -> str:
        """Write a quarter's months and years."""
        return Period.parse(period).label(self.language)

    def people(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell how many people came."""
        people = sheets["provenance"].people if "provenance" in sheets else None
        return self.tell("s_people", count=self.writer.count(people)) if people else None

    def first(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell the share of first-timers; that they are the majority, only if the whole interval is above one half."""
        first = first_timers(sheets["loyalty"]) if "loyalty" in sheets else None
        if first is None:
            return None
        return self.tell("s_first_most" if first.low > 0.5 else "s_first", share=self.writer.percent(first))

    def near(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell the share of people of the venue's own town or urban area."""
        return self._part(sheets, "provenance", _NEAR, "s_near")

    def late(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell the share of bookings made within a week."""
        return self._part(sheets, "anticipation", _LATE, "s_late")

    def average(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell what a ticket brings on average, where the venue publishes receipts."""
        receipts, tickets = (sheets["price"].whole(m) if "price" in sheets else None for m in ("revenue", "tickets"))
        price = ratio(receipts, tickets) if receipts and tickets else None
        return self.tell("s_average", price=self.writer.rate(price)) if price else None

    def _part(self, sheets: Mapping[str, Sheet], name: str, codes: tuple[str, ...], key: str) -> Markup | None:
        part = sheets[name].part(codes) if name in sheets else None
        return self.tell(key, share=self.writer.percent(part)) if part else None

    def top(self, sheets: Mapping[str, Sheet], name: str) -> Markup | None:
        """Name the first of a table only if its interval lies above all the others', those not publishable included."""
        if name not in sheets or not (total := sheets[name].total):
            return None
        rows = [r for r in sheets[name].rows(self.language) if r.code != "unknown" and r.share]
        ranked = sorted(rows, key=_share_low, reverse=True)
        others = [r.share.high for r in ranked[1:] if r.share] + [sheets[name].missing.high / total.value]
        if len(ranked) < 2 or max(others) >= _share_low(ranked[0]):
            return None
        part = sheets[name].part((ranked[0].code,))
        return self.tell(f"s_top_{name}", label=ranked[0].label, share=self.writer.percent(part)) if part else None

    def admissions(self, sheets: Mapping[str, Sheet]) -> Markup | None:
        """Tell the admissions counted, by kind."""
        rows = sheets["admissions"].rows(self.language, 1) if "admissions" in sheets else []
        shown = [(r.label.lower(), r.estimates["admissions"]) for r in rows if r.code != "unknown"]
        said = [self.say("s_admission", label=label, count=self.writer.count(e)) for label, e in shown if e]
        between = Markup(" ; ") if self.language == "fr" else Markup("; ")
        return self.tell("s_admissions", kinds=between.join(said)) if said else None


def first_timers(sheet: Sheet) -> Estimate | None:
    """Return the share of first-timers among those who came within 12 months, or None."""
    return sheet.part(("primo",), _CAME)


def _share_low(row: Row) -> float:
    return row.share.low if row.share else 0.0
