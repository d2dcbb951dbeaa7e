"""A targeting brief: whom a campaign is for, in codes that ad platforms and a venue's own tools understand. No contact.

`brief.json` is the whole of it, and what `jauge match` reads inside the venue. Its segments are alternatives: someone
fits who has all codes of one. `geography.csv` lists the places; `uploads` writes the platforms' shapes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl

from privacy.declarations import Dimension
from privacy.errors import Fault
from warehouse.targeting.lift import least, measurable
from warehouse.targeting.places import communes, ring, within
from warehouse.targeting.segments import Segment, part_of, segments, word
from warehouse.targeting.sight import Sight
from warehouse.targeting.suggestions import Suggestion
from warehouse.targeting.timing import Best, best, window
from warehouse.targeting.uploads import UNVERIFIED, google_editor, meta

_MOST = 5  # segments that a campaign is for, where nobody chose
_FILES = ("brief.json", "meta.json", "geography.csv", "google-ads-editor.csv")
_PLACE = ["segment", "departement", "departement_name", "commune", "commune_name", "postal_code"]
_AGES = {"15-24": (18, 24), "25-39": (25, 39), "40-59": (40, 59), "60+": (60, None)}  # never a minor


@dataclass(frozen=True, slots=True)
class Aim:
    """One segment as an advertiser may buy it: communes (none: all of `country`), ages (None: no limit)."""

    name: str
    segment: Segment
    places: pl.DataFrame
    country: str
    age_min: int
    age_max: int | None


@dataclass(frozen=True, slots=True)
class Brief:
    """A campaign of one venue. `id` names its files; `performance`: the day of what it is for, if there is one."""

    id: str
    sight: Sight
    period: str
    family: str | None
    segments: tuple[Segment, ...]
    suggestions: tuple[Suggestion, ...]
    performance: date | None

    @property
    def aims(self) -> list[Aim]:
        """The segments that say where people live or how old they are; near the venue where they do not say where."""
        found = (self._aim(segment) for segment in self.segments)
        return [aim for aim in found if aim]

    def _aim(self, segment: Segment) -> Aim | None:
        codes, home = segment.codes, self.sight.members[self.sight.venue].commune
        age = _AGES.get(codes.get("age_band", ""))
        origin, departement = codes.get("provenance"), codes.get("departement")
        if (
            origin in ("etranger", "unknown")
            or departement in ("etranger", "unknown")
            or codes.get("age_band") == "0-14"
        ):
            return None
        if departement:
            places = within(departement)
        elif origin == "france":  # all of the country, which is bought whole
            places = communes().clear()
        elif origin:
            places = ring(home, origin)
        elif age:
            places = pl.concat([ring(home, near) for near in ("commune", "epci", "departement")])
        else:
            return None
        name = f"{self.id} {'-'.join(codes.values())}"
        return Aim(name, segment, places, "FR", *(age or (18, None)))

    def content(self) -> dict[str, Any]:
        """Return `brief.json` as plain values."""
        lead, channel = (self._best(d) for d in ("anticipation", "channel"))
        days = window([s.code for s, _ in lead.codes], self.performance) if lead and self.performance else None
        sheets = self.sight.at(self.period)[self.sight.venue]
        told: list[dict[str, Any]] = []
        for segment in self.segments:
            part = part_of(sheets[segment.table.name], segment) if segment.table.name in sheets else None
            told.append(
                {
                    "table": segment.table.name,
                    "codes": segment.codes,
                    "fr": segment.label("fr"),
                    "en": segment.label("en"),
                    "least_visible_lift": round(least(part)) if part and measurable(segment) else None,
                }
            )
        return {
            "id": self.id,
            "venue": self.sight.venue,
            "period": self.period,
            "segments": told,
            "why": [{"fr": s.sentence("fr"), "en": s.sentence("en")} for s in self.suggestions],
            "contexts": self._contexts(),
            "timing": None if lead is None else {
                "lead_times": [s.code for s, _ in lead.codes],
                "fr": lead.sentence("fr"),
                "en": lead.sentence("en"),
                "from": days and days[0].isoformat(),
                "to": days and days[1].isoformat(),
            },
            "channel": None if channel is None else {"fr": channel.sentence("fr"), "en": channel.sentence("en")},
            "ages": [{"segment": a.segment.codes, "min": a.age_min, "max": a.age_max} for a in self.aims],
            "unverified": UNVERIFIED,
        }  # fmt: skip

    def write(self, folder: Path) -> list[Path]:
        """Write all files into a folder, made if it is not there; those of an earlier brief of this name are replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        aims = self.aims
        texts = {"brief.json": _json(self.content())}
        if aims:
            texts |= {"meta.json": _json(meta(aims)), "geography.csv": self._geography(aims)}
            texts["google-ads-editor.csv"] = google_editor(aims)
        for name in _FILES:  # an earlier brief of this name may have had more
            (folder / name).unlink(missing_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8", newline="")
        return [folder / name for name in texts]

    def _best(self, dimension: str) -> Best | None:
        within_genre = self.family if dimension == "anticipation" else None
        return best(self.sight, dimension, self.period, within_genre)

    def _contexts(self) -> list[dict[str, str]]:
        """Name what ads may stand beside: the genre, and where the network's readers come from."""
        found: list[dict[str, str]] = []
        if self.family:
            genre = dimension_of(self.sight, "family")
            found.append(
                {"topic": self.family, "fr": word(genre, self.family, "fr"), "en": word(genre, self.family, "en")}
            )
        readers = best(self.sight, "referrer", self.period)
        for segment, _ in readers.codes if readers else ():
            found.append({"referrer": segment.code, "fr": segment.label("fr"), "en": segment.label("en")})
        return found

    def _geography(self, aims: Sequence[Aim]) -> str:
        known = (d for t in self.sight.policy.tables for d in t.dimensions if d.name == "departement")
        names = {code: fr for d in known for code, fr, _ in d.values}
        rows = [
            {"segment": aim.name, "departement": row["departement"], "departement_name": names.get(row["departement"], ""),
             "commune": row["code"], "commune_name": row["nom"], "postal_code": postal}
            for aim in aims for row in aim.places.iter_rows(named=True) for postal in row["codes_postaux"] or [""]
        ]  # fmt: skip
        return _table(rows)


def make_brief(
    sight: Sight, suggestions: Sequence[Suggestion], chosen: Sequence[str] = (), *,
    family: str | None = None, period: str | None = None, performance: date | None = None,
) -> Brief:  # fmt: skip
    """Return a brief of the first suggestions, or of segments that someone chose: `age_band=25-39`, `family=danse,provenance=epci`.

    A Fault if there is nothing to aim at, or no table has a segment of those codes.
    """
    own = tuple(segment_of(sight, _codes(text)) for text in chosen) or tuple(s.segment for s in suggestions[:_MOST])
    if not own:
        raise Fault(
            "Nothing stands out, so there is nothing to aim at; choose segments yourself with --segment.",
            "Rien ne ressort : il n’y a pas de cible. Choisissez vous-même des segments avec --segment.",
        )
    when = period or sight.latest()
    parts = [sight.venue, when, *([family.replace("_", "-")] if family else [])]
    kept = tuple(s for s in suggestions if s.segment in own)
    return Brief("-".join(parts), sight, when, family, own, kept, performance)


def dimension_of(sight: Sight, name: str) -> Dimension:
    """Return a dimension of the policy by name, or a Fault."""
    for t in sight.policy.tables:
        for d in t.dimensions:
            if d.name == name:
                return d
    raise Fault(f"No table of the policy has {name}.", f"Aucune table de la politique n’a {name}.")


def _codes(text: str) -> dict[str, str]:
    """Read `age_band=25-39,family=danse`."""
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip(): code.strip() for name, _, code in pairs}


def _table(rows: Sequence[dict[str, str]]) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, _PLACE, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def segment_of(sight: Sight, codes: Mapping[str, str]) -> Segment:
    """Return the segment of these codes (dimension → code), or a Fault."""
    found = next((s for s in segments(sight.policy.tables) if s.codes == codes), None)
    if found is None:
        told = ",".join(f"{name}={code}" for name, code in codes.items())
        raise Fault(
            f"No table has a segment {told}: write dimension=code, and a genre or an age with it after a comma.",
            f"Aucune table n’a de segment {told} : écrivez dimension=code, un genre ou un âge en plus après une virgule.",
        )
    return found


def read_segments(sight: Sight, file: Path) -> list[Segment]:
    """Return the segments of a `brief.json`, or a Fault that says what is wrong with it."""
    try:
        told = [
            {str(d): str(c) for d, c in one["codes"].items()} for one in json.loads(file.read_text("utf-8"))["segments"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Fault(
            f"{file.name} is no brief: `jauge brief` writes one.",
            f"{file.name} n’est pas un brief : `jauge brief` en écrit un.",
        ) from None
    return [segment_of(sight, codes) for codes in told]
