"""What a pretix shop is made of besides orders: its event, performances, products, questions, quotas and lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Record = dict[str, Any]

ITEMS = {
    "plein": (5, "Plein tarif", "32.00"),
    "reduit": (6, "Tarif réduit", "24.00"),
    "jeune": (7, "Jeune -26 ans", "12.00"),
    "scolaire": (8, "Tarif scolaire", "8.00"),
    "abonnement": (9, "Abonnement", "22.00"),
    "exonere": (10, "Exonéré", "0.00"),
    "groupe": (11, "Groupe", "20.00"),
    "revendeur": (12, "Revendeur", "25.00"),
}
BOOKLET = 13
_BY_VOUCHER = ("Tarif scolaire", "Exonéré", "Groupe", "Revendeur")  # on no public price list
QUESTIONS = (
    (5, "Code postal", "S", "CP"),
    (6, "Année de naissance", "N", "YOB"),
    (7, "Comment avez-vous connu le spectacle ?", "C", "SRC"),
    (8, "Recevoir la newsletter", "B", "NL_OPTIN"),
)
HEARD = (("NL", "Newsletter"), ("AFF", "Affichage"), ("BAO", "Bouche à oreille"), ("WEB", "Site web"))
CREATED = "2026-11-20T03:10:00+01:00"
SITE = "https://billetterie.example.org/theatre-demo"


def event(slug: str, first: datetime) -> Record:
    """One event series."""
    return {
        "name": {"fr": f"Théâtre des Quais (démo) - {slug}"}, "slug": slug, "live": True, "testmode": False,
        "currency": "EUR", "date_from": first.isoformat(), "date_to": None, "date_admission": None, "is_public": True,
        "presale_start": None, "presale_end": None, "location": {"fr": "1 quai de la Démo, 75004 Paris"},
        "geo_lat": None, "geo_lon": None, "has_subevents": True, "meta_data": {}, "seating_plan": None, "plugins": [],
        "seat_category_mapping": {}, "timezone": "Europe/Paris", "item_meta_properties": {},
        "all_sales_channels": True, "limit_sales_channels": [], "public_url": f"{SITE}/{slug}/",
        "sales_channels": ["web", "pretixpos", "resellers"],
    }  # fmt: skip


def subevent(play: Record, slug: str) -> Record:
    """One performance of the series."""
    return {
        "id": play["performance"] + 1000, "name": {"fr": play["event"]}, "date_from": play["at"].isoformat(),
        "date_to": None, "active": True, "date_admission": None, "presale_start": None, "presale_end": None,
        "location": None, "geo_lat": None, "geo_lon": None, "event": slug, "is_public": True, "frontpage_text": None,
        "seating_plan": None, "item_price_overrides": [], "variation_price_overrides": [], "meta_data": {},
        "seat_category_mapping": {}, "last_modified": CREATED, "comment": play["genre"],
    }  # fmt: skip


def item(number: int, name: str, price: str, *, seat: bool = True) -> Record:
    """One product: a seat, or an add-on."""
    return {
        "id": number, "category": 2 if seat else 3, "name": {"fr": name}, "internal_name": None, "active": True,
        "all_sales_channels": True, "limit_sales_channels": [], "description": None, "default_price": price,
        "free_price": False, "tax_rate": "0.00", "tax_rule": None, "admission": seat, "personalized": seat,
        "require_voucher": False, "hide_without_voucher": name in _BY_VOUCHER,
        "position": number, "has_variations": False, "variations": [], "addons": [], "bundles": [], "meta_data": {},
    }  # fmt: skip


def question(number: int, text: str, kind: str, identifier: str) -> Record:
    """One question asked at the till."""
    options = [
        {"id": 6 + rank, "identifier": short, "answer": {"fr": label}, "position": rank}
        for rank, (short, label) in enumerate(HEARD if kind == "C" else ())
    ]
    return {
        "id": number, "question": {"fr": text}, "type": kind, "required": False,
        "items": [item[0] for item in ITEMS.values()], "options": options, "position": number,
        "ask_during_checkin": False, "identifier": identifier, "hidden": False, "help_text": None,
    }  # fmt: skip


def category(number: int, name: str, *, addon: bool = False) -> Record:
    """One category of products."""
    return {"id": number, "name": {"fr": name}, "internal_name": None, "position": number, "is_addon": addon}


def quota(play: Record) -> Record:
    """One quota: the capacity of a performance."""
    items = [item[0] for item in ITEMS.values()]
    number = play["performance"] + 1000
    return {"id": number, "name": "salle", "size": play["capacity"], "items": items, "subevent": number}


def checkin_list(play: Record) -> Record:
    """One check-in list, of a performance."""
    number = play["performance"] + 1000
    return {"id": number, "name": "Entrée", "all_products": True, "limit_products": [], "subevent": number}
