"""What the pages of events say, in French and in English: days, prices, ages, states."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from aggregations.events.record import Event, Performance


@cache
def _families() -> dict[str, tuple[str, str]]:
    vocabulary = tomllib.loads((files("privacy") / "vocabulary.toml").read_text("utf-8"))
    return {code: (fr, en) for code, fr, en in vocabulary["family"]["values"]}


class Words:
    """How a page speaks in one language, "fr" or "en"."""

    def __init__(self, language: str) -> None:
        self.language = language

    def say(self, fr: str, en: str) -> str:
        """Return the text of the two that is in this language."""
        return fr if self.language == "fr" else en

    def family(self, event: Event) -> str:
        """Name the genre family; nothing where it is unknown."""
        return "" if event.family == "unknown" else self.say(*_families()[event.family])

    def when(self, one: Performance) -> str:
        """Write when a performance is, local time."""
        if not one.all_day:
            text = format_datetime(one.starts.replace(tzinfo=None), "EEEE d MMMM y", locale=self.language)
            return f"{text}, {one.starts:%H:%M}" + (f" – {one.ends:%H:%M}" if one.ends else "")
        days = [one.starts, *([one.ends] if one.ends and one.ends.date() != one.starts.date() else [])]
        return " – ".join(format_date(day.date(), "d MMMM y", locale=self.language) for day in days)

    def days(self, event: Event) -> str:
        """Write the first and the last day."""
        first, last = event.performances[0].starts.date(), event.last_day
        return " – ".join(format_date(day, "d MMM y", locale=self.language) for day in dict.fromkeys((first, last)))

    def price(self, one: Performance) -> str:
        """Write the range of prices; nothing where none is told."""
        if one.price_min is None:
            return ""
        high = one.price_max if one.price_max is not None else one.price_min
        if high == 0:
            return self.say("gratuit", "free")
        shown = [
            format_currency(cents / 100, "EUR", locale=self.language) for cents in dict.fromkeys((one.price_min, high))
        ]
        return " – ".join(shown)

    def state(self, one: Performance) -> str:
        """Say what is not as usual: cancelled, sold out."""
        said = {
            "cancelled": ("annulé", "cancelled"), "postponed": ("reporté", "postponed"), "online": ("en ligne", "online"),
            "rescheduled": ("nouvelle date", "new date"), "sold_out": ("complet", "sold out"),
            "limited": ("dernières places", "last seats"),
        }  # fmt: skip
        codes = (one.status, one.availability) if one.status not in ("cancelled", "postponed") else (one.status,)
        return ", ".join(self.say(*said[code]) for code in codes if code in said)

    def ages(self, event: Event) -> str:
        """Say for what ages."""
        if event.age_min is None:
            return self.say("jeune public", "for the young") if event.young else ""
        if event.age_max is None or event.age_max >= 99:
            return self.say(f"dès {event.age_min} ans", f"from {event.age_min} years")
        return self.say(f"de {event.age_min} à {event.age_max} ans", f"{event.age_min} to {event.age_max} years")

    def access(self, event: Event) -> list[str]:
        """Name the impairments that the place and the performance are accessible with."""
        said = {
            "hi": ("handicap auditif", "hearing impairment"), "ii": ("handicap intellectuel", "intellectual impairment"),
            "mi": ("handicap moteur", "motor impairment"), "pi": ("handicap psychique", "psychic impairment"),
            "vi": ("handicap visuel", "visual impairment"),
        }  # fmt: skip
        return [self.say(*said[code]) for code in event.accessibility]
