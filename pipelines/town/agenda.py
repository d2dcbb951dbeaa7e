"""Write what the theatre tells the public of its season, as OpenAgenda's interface answers it: no person is in it.

Some events lack an image, a text or an age, as agendas do: `jauge events` tells what is missing.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

IMAGES = "https://images.example.org/theatre-demo/"
SHOP = "https://billetterie.example.org/theatre-demo/"
_HOUSE: dict[str, Any] = {
    "uid": 1001, "name": "Théâtre des Quais (démo)", "address": "1 quai de la Démo", "postalCode": "75004", "city": "Paris",
    "insee": "75056", "countryCode": "FR", "latitude": 48.8566, "longitude": 2.3522,
}  # fmt: skip
_TEXTS = {
    "Le Malade imaginaire": "Argan se croit malade, et sa maison en vit. Une farce sur la peur de mourir, jouée au plus près du texte, avec intermèdes et musique en scène.",
    "Les Quais la nuit": "Six personnes qui ne se connaissent pas attendent le dernier bateau. Une écriture collective née de récits recueillis au bord de l’eau.",
    "Bérénice": "Deux empires, trois amants, aucun mort : Racine à voix basse, dans un dispositif où le public entoure les acteurs.",
    "Corps de ballast": "Neuf danseurs et une cargaison de sable. Une pièce sur le poids de ce qu’on emporte, accompagnée par deux percussionnistes.",
    "Le Petit Poucet": "Le conte, raconté par celui qui avait les poches trouées. Théâtre d’ombres et d’objets, pour les enfants et qui les accompagne.",
    "Le Cirque des brumes": "Portique coréen, roue et contorsion sous une lumière de novembre : un cirque sans paroles pour les fêtes de fin d’année.",
    "Ruy Blas": "Un valet aime la reine et gouverne l’Espagne. Hugo en costumes de papier, avec une troupe de douze interprètes.",
    "La Cerisaie": "Une maison est vendue, un monde s’en va. Tchekhov dans une traduction nouvelle, entre rire et départ.",
    "Contes du fleuve": "Quatre histoires venues de quatre fleuves, dites et chantées ; on y rencontre un crapaud, une lune et un passeur.",
    "Cyrano de Bergerac": "Du panache, des vers et une lettre : la pièce entière, en deux parties, avec un entracte au foyer.",
}


def write_agenda(file: Path, plays: pl.DataFrame) -> Path:
    """Write one page of events; `plays` as `programme.performances` makes them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    groups = plays.sort("at").partition_by("event", maintain_order=True)
    told = [_event(number, group.to_dicts()) for number, group in enumerate(groups, 1)]
    file.write_text(json.dumps({"total": len(told), "events": told, "after": None}, ensure_ascii=False), "utf-8")
    return file


def _event(number: int, plays: list[dict[str, Any]]) -> dict[str, Any]:
    first = plays[0]
    title, young = first["event"], first["young"]
    minutes = timedelta(minutes=55 if young else 105)
    text = _TEXTS.get(title)
    return {
        "uid": 9000 + number, "slug": f"theatre-demo-{number}", "title": {"fr": title},
        "description": {"fr": text[:200]} if text else None, "longDescription": {"fr": text} if text else None,
        "keywords": {"fr": [first["genre"], *(["jeune public"] if young else [])]},
        "conditions": {"fr": f"Plein tarif {first['cents'] // 100} €, jeunes de moins de 26 ans 12 €"},
        "image": {"base": IMAGES, "filename": f"{number}.jpg"} if number % 4 else None,
        "timings": [{"begin": one["at"].isoformat(), "end": (one["at"] + minutes).isoformat()} for one in plays],
        "timezone": "Europe/Paris", "location": _HOUSE, "languages": ["fr"], "state": 2, "status": 1, "attendanceMode": 1,
        "age": {"min": 6, "max": 12} if young else {"min": None, "max": None},
        "accessibility": {"hi": number % 3 == 0, "ii": False, "mi": True, "pi": False, "vi": number % 5 == 0},
        "registration": [{"type": "link", "value": f"{SHOP}{number}"}],
        "createdAt": "2025-05-20T09:00:00.000Z", "updatedAt": "2025-06-02T09:00:00.000Z",
    }  # fmt: skip
