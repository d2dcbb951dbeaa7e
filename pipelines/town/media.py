"""Write what a cultural medium exports: Matomo visits and Brevo contacts.

The two are never meant to meet: Matomo's visitors have a random number, no e-mail and a masked address.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.town.people import Draw
from pipelines.town.programme import PARIS, SEASON

BREVO = (
    "EMAIL", "LASTNAME", "FIRSTNAME", "SMS", "EMAIL_BLACKLISTED", "SMS_BLACKLISTED", "ADDED_TIME", "MODIFIED_TIME",
    "CODE_POSTAL", "INTERETS",
)  # fmt: skip
SITE = "https://media.example.org"

# Section of the site: what it is called, its family, its share of the pages read.
SECTIONS = {
    "theatre": ("Théâtre", "theatre_recit", 0.26),
    "musiques": ("Musiques", "musiques_actuelles", 0.22),
    "opera": ("Opéra", "lyrique_musical", 0.12),
    "classique": ("Classique", "musique_savante", 0.08),
    "danse": ("Danse", "danse", 0.11),
    "expositions": ("Expositions", "exposition_visite", 0.13),
    "cirque": ("Cirque", "cirque_rue", 0.04),
    "rencontres": ("Rencontres", "rencontre_atelier", 0.04),
}
_ARTICLES = ("la-saison-en-dix-dates", "notre-critique", "entretien-en-coulisses", "que-voir-ce-week-end", "portrait")
_REFERRERS = (
    ("direct", "Entrées directes", "", ""),
    ("search", "Moteurs de recherche", "Moteur de démonstration", "https://search.example.com/"),
    ("website", "Sites web", "agenda.example.net", "https://agenda.example.net/"),
    ("campaign", "Campagnes", "newsletter-hebdo", ""),
    ("social", "Réseaux sociaux", "Réseau de démonstration", "https://social.example.com/"),
)
_TOWNS = (("Paris", "IDF"), ("Créteil", "IDF"), ("Lyon", "ARA"), ("Lille", "HDF"), ("Rennes", "BRE"), (None, None))
_MONTHS = (1.1, 1.2, 1.1, 0.9, 1.0, 1.0, 1.1, 1.0, 1.0, 1.1, 0.9, 0.5)  # from September


def families() -> dict[str, str]:
    """Return the medium's own words, sections and interests, with the family each stands for."""
    return {word: family for slug, (label, family, _) in SECTIONS.items() for word in (slug, label)}


def write_brevo(path: Path, contacts: pl.DataFrame, draw: Draw) -> Path:
    """Write the contacts CSV; `contacts` are persons. A third subscribed during the season."""
    count = contacts.height
    season = int(datetime(SEASON, 9, 1, tzinfo=PARIS).timestamp())
    since, before = draw.random(count) * 364 * 86400, draw.random(count) * 5 * 365 * 86400
    start = np.where(draw.random(count) < 0.35, season + since, season - before)
    added = pl.Series(start.astype(np.int64) * 1_000_000).cast(pl.Datetime("us"))
    days = pl.duration(days=pl.lit(pl.Series(draw.integers(0, 200, count))))
    labels = [label for label, _, _ in SECTIONS.values()]
    own = pl.Series(draw.choice(labels, count))
    told = {family: label for label, family, _ in SECTIONS.values()}
    interest = contacts["taste"].replace_strict(told, default=None, return_dtype=pl.String).fill_null(own)
    luck = pl.Series(draw.random(count))
    # Brevo joins the answers to a question of several choices with commas.
    several = pl.when((luck < 0.2) & (interest != own)).then(pl.format("{},{}", interest, own)).otherwise(interest)
    changed = pl.min_horizontal(pl.col("added") + days, pl.datetime(SEASON + 1, 8, 31))
    frame = contacts.with_columns(added=added).select(
        EMAIL=pl.when(luck < 0.05).then(pl.col("email").str.to_titlecase()).otherwise("email"),
        LASTNAME="surname",
        FIRSTNAME="given",
        SMS=pl.lit(""),
        EMAIL_BLACKLISTED=pl.when(luck > 0.88).then(pl.lit("Yes")).otherwise(pl.lit("No")),
        SMS_BLACKLISTED=pl.lit("No"),
        ADDED_TIME=pl.col("added").dt.to_string("%d-%m-%Y %H:%M"),
        MODIFIED_TIME=changed.dt.to_string("%d-%m-%Y %H:%M"),
        CODE_POSTAL=pl.col("postal_code").fill_null(""),
        INTERETS=pl.when(luck > 0.93).then(pl.lit("")).otherwise(several),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, separator=";")
    return path


def write_matomo(path: Path, visitors: int, draw: Draw) -> Path:
    """Write the season's visits as `Live.getLastVisitsDetails` answers them, values as text."""
    often = np.minimum(draw.geometric(0.6, visitors), 12)
    who = np.repeat(np.arange(visitors), often)
    visits = len(who)
    names = draw.integers(0, 2**63, visitors)
    tastes = draw.choice(len(SECTIONS), visitors, p=[share for _, _, share in SECTIONS.values()])
    month = draw.choice(12, visits, p=np.array(_MONTHS) / sum(_MONTHS))
    firsts = [datetime(SEASON + (number > 3), (number + 8) % 12 + 1, 1, tzinfo=PARIS) for number in range(12)]
    begun = [int(first.timestamp()) for first in firsts]
    when = np.array(begun)[month] + draw.integers(0, 28, visits) * 86400 + draw.triangular(7, 20, 24, visits) * 3600
    order = np.argsort(when)
    pages = np.minimum(draw.geometric(0.48, visits), 9)
    referrer = draw.choice(5, visits, p=(0.24, 0.40, 0.10, 0.12, 0.14))
    town = draw.choice(len(_TOWNS), visits, p=(0.45, 0.15, 0.09, 0.08, 0.07, 0.16))
    sections = list(SECTIONS)
    records: list[dict[str, Any]] = []
    seen: dict[int, int] = {}
    for number, row in enumerate(order.tolist()):
        person = int(who[row])
        seen[person] = seen.get(person, 0) + 1
        read = np.where(draw.random(pages[row]) < 0.7, tastes[person], draw.integers(0, len(sections), pages[row]))
        actions = [
            _action(sections[section], int(when[row]) + 70 * step, step, number)
            for step, section in enumerate(read.tolist())
        ]
        known = f"{names[person]:016x}", seen[person], int(when[row])
        records.append(_visit(number, *known, actions, int(referrer[row]), int(town[row])))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, ensure_ascii=False, separators=(",", ":")), "utf-8")
    return path


def _action(section: str, at: int, step: int, number: int) -> dict[str, Any]:
    article = _ARTICLES[(number + step) % len(_ARTICLES)]
    if (number + step) % 97 == 0:
        told = {"type": "search", "siteSearchKeyword": SECTIONS[section][0]}
    else:
        told = {"type": "action"}
    return told | {
        "url": f"{SITE}/{section}/{article}", "pageTitle": f"{SECTIONS[section][0]} - {article.replace('-', ' ')}",
        "pageIdAction": str(1000 + step), "timeSpent": "70", "timestamp": str(at),
    }  # fmt: skip


def _visit(
    number: int, visitor: str, nth: int, at: int, actions: list[dict[str, Any]], referrer: int, town: int
) -> dict[str, Any]:
    kind, label, name, url = _REFERRERS[referrer]
    city, region = _TOWNS[town]
    last, searches = at + 70 * (len(actions) - 1), sum(action["type"] == "search" for action in actions)
    local = datetime.fromtimestamp(at, PARIS)
    phone = number % 5 < 3
    return {
        "idSite": "1", "idVisit": str(number + 1), "visitIp": "203.0.0.0", "visitorId": visitor, "fingerprint": visitor[::-1],
        "actionDetails": actions, "goalConversions": "0", "siteCurrency": "EUR", "lastActionTimestamp": str(last),
        "serverTimestamp": str(at), "firstActionTimestamp": str(at), "userId": None,
        "visitorType": "new" if nth == 1 else "returning", "visitCount": str(nth), "visitConverted": "0",
        "visitEcommerceStatus": "none", "daysSinceFirstVisit": str((nth - 1) * 9),
        "daysSinceLastVisit": "9" if nth > 1 else "0", "visitDuration": str(last - at), "searches": str(searches),
        "actions": str(len(actions)), "events": "0", "referrerType": kind, "referrerTypeName": label,
        "referrerName": name, "referrerKeyword": "", "referrerUrl": url,
        "deviceType": "Smartphone" if phone else "Ordinateur", "operatingSystem": "Android" if phone else "GNU/Linux",
        "browser": "Firefox", "continent": "Europe", "country": "France", "countryCode": "fr", "region": region,
        "regionCode": region, "city": city, "location": f"{city}, France" if city else "France", "latitude": None,
        "longitude": None, "visitLocalTime": local.strftime("%H:%M:%S"), "visitLocalHour": str(local.hour),
        "customVariables": [], "resolution": "unknown", "plugins": "",
    }  # fmt: skip
