"""Write tickets as a pretix server's REST API answers them: one folder, one JSON list a resource.

The keys are those of pretix 2026.8, in its order, with what it really holds: names, e-mails, secrets, answers to
questions, cancelled orders still listed, programme booklets sold as add-ons, test-mode orders.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.town.people import Draw
from pipelines.town.shop import (
    BOOKLET,
    HEARD,
    ITEMS,
    QUESTIONS,
    SITE,
    Record,
    category,
    checkin_list,
    event,
    item,
    question,
    quota,
    subevent,
)

# Item ids follow the theatre's own server: 5 to 8 are the same in every season.
_CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ3789"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CHANNELS = {"guichet": "pretixpos"}
_NO_ADDRESS: Record = {"company": None, "street": None}


def write_pretix(folder: Path, tickets: pl.DataFrame, *, slug: str, draw: Draw) -> Path:
    """Write the export of one pretix event series; `tickets` as `visits.tickets` makes them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = tickets.sort("order", "rank").to_dicts()
    plays = tickets.unique("performance").sort("performance").to_dicts()
    orders, checkins, accounts = _orders(rows, slug, draw)
    lists = {
        "events": [event(slug, plays[0]["at"])],
        "subevents": [subevent(play, slug) for play in plays],
        "categories": [category(2, "Billets"), category(3, "Suppléments", addon=True)],
        "items": [
            *(item(*one) for one in ITEMS.values()),
            item(BOOKLET, "Programme de salle", "4.00", seat=False),
        ],
        "questions": [question(*one) for one in QUESTIONS],
        "quotas": [quota(play) for play in plays],
        "checkinlists": [checkin_list(play) for play in plays],
        "customers": accounts,
        "orders": orders,
        "checkins": checkins,
    }
    for name, records in lists.items():
        text = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text, "utf-8")
    return folder


def _orders(rows: list[Record], slug: str, draw: Draw) -> tuple[list[Record], list[Record], list[Record]]:
    secrets, ids = _words(_LETTERS, 32, len(rows), draw), _words(_CODE, 10, len(rows), draw)
    luck, arrival = draw.random((len(rows), 4)).tolist(), draw.integers(2, 45, len(rows)).tolist()
    orders: list[Record] = []
    checkins: list[Record] = []
    accounts: dict[int, Record] = {}
    position_id = number = 0
    for order, group in groupby(rows, key=lambda row: row["order"]):
        head, positions, code = None, list[Record](), _code(order)
        for row in group:
            chance = luck[number]
            head = head or (row, chance, secrets[number][:16])
            position_id += 1
            position = _position(row, code, position_id, len(positions) + 1, secrets[number], ids[number])
            if not positions:
                position["answers"] = _answers(row, chance)
            if row["attended"]:
                at = (row["at"] - timedelta(minutes=arrival[number])).isoformat()
                seen = {"id": len(checkins) + 1, "datetime": at, "list": row["performance"] + 1000}
                tail = {"auto_checked_in": False, "gate": None, "device": None, "device_id": None, "type": "entry"}
                position["checkins"] = [seen | tail]
                checkins.append(_checkin(seen, position_id) | tail)
            positions.append(position)
            number += 1
        assert head is not None
        row, chance, secret = head
        if chance[0] < 0.06 and row["kind"] in ("single", "subscription"):
            position_id += 1
            booklet = _position(row, code, position_id, len(positions) + 1, secret + secret, secret[:10].upper())
            booklet |= {"item": BOOKLET, "price": "4.00", "addon_to": positions[0]["id"], "attendee_name": None}
            positions.append(booklet | {"attendee_name_parts": {}, "attendee_email": None})
        account = None
        if row["person"] is not None and row["person"] % 10 < 7 and row["kind"] != "reseller":
            account = accounts.setdefault(row["person"], _account(row))["identifier"]
        orders.append(_order(row, code, slug, secret, positions, account, chance))
    return orders, checkins, list(accounts.values())


def _order(
    row: Record, code: str, slug: str, secret: str, positions: list[Record], account: str | None, chance: list[float]
) -> Record:
    bought: datetime = row["purchased_at"]
    at = bought.isoformat()
    status, total = row["status"], f"{sum(float(position['price']) for position in positions):.2f}"
    url = f"{SITE}/{slug}/order/{code}/{secret}/"
    state = {"pending": "created", "refunded": "refunded"}.get(status, "confirmed")
    day = None if status == "pending" else at[:10]
    payment = {"local_id": 1, "state": state, "amount": total, "created": at, "payment_date": day and at}
    later = (bought + (row["at"] - bought) / 2).isoformat()
    refund = {"local_id": 1, "state": "done", "source": "admin", "amount": total, "payment": 1, "created": later}
    ended = status in ("cancelled", "refunded")
    phone = f"+3363998{int(chance[1] * 1e4):04d}" if row["person"] is not None and chance[2] < 0.1 else None
    return {
        "code": code, "event": slug, "status": "c" if ended else "n" if status == "pending" else "p",
        "testmode": row["kind"] == "test", "secret": secret, "email": row["email"], "phone": phone,
        "locale": "en" if row["country"] not in ("FR", None) else "fr", "datetime": at,
        "expires": (bought + timedelta(days=14)).replace(hour=23, minute=59, second=59).isoformat(),
        "payment_date": day, "payment_provider": "manual", "fees": [], "total": total, "tax_rounding_mode": "line",
        "comment": "", "custom_followup_at": None, "invoice_address": None, "positions": positions, "downloads": [],
        "checkin_attention": False, "checkin_text": None, "last_modified": later if ended else at,
        "payments": [payment | {"provider": "manual", "payment_url": None, "details": {}}],
        "refunds": [refund | {"execution_date": later, "comment": None, "provider": "manual", "details": {}}]
        if status == "refunded" else [],
        "require_approval": False,
        "sales_channel": "resellers" if row["kind"] == "reseller" else _CHANNELS.get(row["channel"], "web"),
        "url": url, "customer": account, "valid_if_pending": False, "api_meta": {},
        "cancellation_date": later if ended else None, "plugin_data": {},
    }  # fmt: skip


def _position(row: Record, code: str, number: int, rank: int, secret: str, pseudonym: str) -> Record:
    named = rank == 1 and row["person"] is not None
    name = f"{row['given']} {row['surname']}" if named else None
    return {
        "id": number, "order": code, "positionid": rank, "item": ITEMS[row["tariff"]][0], "variation": None,
        "price": f"{row['cents'] / 100:.2f}", "attendee_name": name,
        "attendee_name_parts": {"_scheme": "full", "full_name": name} if name else {}, **_NO_ADDRESS,
        "zipcode": row["postal_code"], "city": None, "country": row["country"], "state": None, "discount": None,
        "attendee_email": row["email"] if named else None, "voucher": None, "tax_rate": "0.00", "tax_value": "0.00",
        "secret": secret, "addon_to": None, "subevent": row["performance"] + 1000, "checkins": [], "print_logs": [],
        "downloads": [], "answers": [], "tax_rule": None, "pseudonymization_id": pseudonym, "seat": None,
        "canceled": False, "tax_code": None, "valid_from": None, "valid_until": None, "blocked": None,
        "voucher_budget_use": None, "plugin_data": {},
    }  # fmt: skip


def _answers(row: Record, chance: list[float]) -> list[Record]:
    def answer(number: int, text: str, option: int | None = None) -> Record:
        chosen = {"options": [6 + option], "option_identifiers": [HEARD[option][0]]} if option is not None else {}
        identifier = QUESTIONS[number - 5][3]
        return {"question": number, "answer": text, "question_identifier": identifier, "options": [], **chosen} | (
            {} if chosen else {"option_identifiers": []}
        )

    found: list[Record] = []
    if row["postal_code"] is not None:
        found.append(answer(5, row["postal_code"]))
    if row["birth_year"] is not None and row["person"] % 4:
        found.append(answer(6, str(row["birth_year"])))
    if chance[3] < 0.4:
        found.append(answer(7, HEARD[int(chance[3] * 10)][1], int(chance[3] * 10)))
    if row["person"] is not None and row["person"] % 9 < 5:
        found.append(answer(8, "True"))
    return found


def _account(row: Record) -> Record:
    name = f"{row['given']} {row['surname']}"
    at = row["purchased_at"].isoformat()
    return {
        "identifier": "C" + _code(row["person"]) + "9", "external_identifier": None,
        "email": row["email"].strip().lower(), "phone": None, "name": name,
        "name_parts": {"_scheme": "full", "full_name": name}, "is_active": True, "is_verified": True,
        "last_login": None, "date_joined": at, "locale": "fr", "last_modified": at, "notes": None,
    }  # fmt: skip


def _checkin(seen: Record, position: int) -> Record:
    told = {"successful": True, "error_reason": None, "error_explanation": None, "position": position}
    return {"id": seen["id"], **told, "datetime": seen["datetime"], "list": seen["list"], "created": seen["datetime"]}


def _code(number: int) -> str:
    """Write a number as pretix writes an order: five letters or digits that do not tell their order."""
    left, letters = number * 7_368_787 % 28**5, ""
    for _ in range(5):
        left, digit = divmod(left, 28)
        letters += _CODE[digit]
    return letters


def _words(alphabet: str, length: int, count: int, draw: Draw) -> list[str]:
    letters = np.frombuffer(alphabet.encode(), np.uint8)[draw.integers(0, len(alphabet), (count, length))]
    return letters.copy().view(f"S{length}").ravel().astype(str).tolist()
