"""A brief's aims in the shapes that ad platforms take in. What was read in their documents, and what was not, is said here.

Meta, Marketing API, "Basic Targeting" (2026-02) and "Targeting Restrictions": `geo_locations` with `countries` or `zips` (at
most 50,000), `age_min` (13 or more, 18 unless said), `age_max` (65 or less; left out is no limit). A country and a part of it
are one another's whole, so it is one or the other here. Google Ads Editor, "CSV file columns": headers in English,
each location on its own row, named; the editor then asks to resolve the names. Google's own location ids are in a list of
its own that changes every month, and are not given.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from privacy.errors import Fault
from warehouse.targeting.places import postal_codes

if TYPE_CHECKING:
    from warehouse.targeting.brief import Aim

_MOST_ZIPS = 50_000
_COUNTRIES = {"FR": "France"}
UNVERIFIED = [
    "Meta: that French postal codes are keyed FR:38000, as those of the United States are documented (US:94304)",
    "Meta: lists pasted into Ads Manager; communes and départements have keys of Meta's own, so postal codes are given",
    "Google: that the editor resolves `38000, France` without help; ages, which are set by hand (18-24, 25-34, 35-44, …)",
    "TikTok, LinkedIn, Microsoft, Snapchat, Spotify: no shape is written; geography.csv has names and codes for them",
]


def meta(aims: Sequence[Aim]) -> dict[str, Any]:
    """Return aim → `targeting` of an ad set."""
    return {aim.name: _targeting(aim) for aim in aims}


def _targeting(aim: Aim) -> dict[str, Any]:
    codes = postal_codes(aim.places)
    if len(codes) > _MOST_ZIPS:
        raise Fault("More postal codes than Meta takes.", "Plus de codes postaux que Meta n’en accepte.")
    places = {"zips": [{"key": f"{aim.country}:{code}"} for code in codes]} if codes else {"countries": [aim.country]}
    ages = {"age_min": aim.age_min} | ({} if aim.age_max is None else {"age_max": aim.age_max})
    return {"geo_locations": places, **ages}


def google_editor(aims: Sequence[Aim]) -> str:
    """Return a CSV for Google Ads Editor: a campaign an aim, a location a row."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Campaign", "Location"])
    for aim in aims:
        country = _COUNTRIES[aim.country]
        writer.writerows([aim.name, f"{code}, {country}"] for code in postal_codes(aim.places))
        if not postal_codes(aim.places):
            writer.writerow([aim.name, country])
    return out.getvalue()
