"""Write tickets as other vendors do: Billetweb, pass Culture, Jauge's neutral format; and door counters.

Keys, headers, spellings and traps are theirs: naive local times, prices as text, postal codes that lost their
leading zero, a header with a curly apostrophe beside one with a straight one, a duo booking on two rows.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.town.people import Draw
from pipelines.town.programme import SEASON

NEUTRAL = (
    "order_id", "ticket_id", "email", "event", "genre", "performance_id", "performance_at", "purchased_at", "tariff",
    "unit_price_cents", "quantity", "channel", "status", "postal_code", "country", "birth_year", "consent_marketing",
    "attended", "is_group", "is_school", "is_reseller", "is_test", "capacity",
)  # fmt: skip
PASS_CULTURE = (
    "Structure", "Nom de l’offre", "Localisation", "Date de l'évènement", "EAN", "Prénom du bénéficiaire",
    "Nom du bénéficiaire", "Email du bénéficiaire", "Téléphone du bénéficiaire", "Date et heure de réservation",
    "Date et heure de validation", "Contremarque", "Intitulé du tarif", "Prix de la réservation",
    "Statut de la contremarque", "Date et heure de remboursement", "Type d'offre", "Code postal du bénéficiaire", "Duo",
)  # fmt: skip

_TARIFFS = {
    "plein": "Plein tarif",
    "reduit": "Tarif réduit",
    "jeune": "Moins de 26 ans",
    "abonnement": "Abonnement",
    "exonere": "Exonéré",
    "scolaire": "Scolaire",
    "groupe": "Groupe",
    "revendeur": "Revendeur",
    "gratuit": "Gratuit",
}
_ISO, _NAIVE, _STAMP = "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%:z"


def consents() -> pl.Expr:
    """Whether the person lets the organisation write: 55 % yes, 25 % no, the others were not asked."""
    spread = pl.col("person") * 7919 % 100
    return pl.when(spread < 55).then(True).when(spread < 80).then(False)


def tells_age() -> pl.Expr:
    """The year of birth, which three people of four give."""
    return pl.when(pl.col("person") * 6101 % 4 > 0).then("birth_year")


def write_neutral(path: Path, tickets: pl.DataFrame, *, grouped: bool = False) -> Path:
    """Write Parquet or CSV, as the path's ending says; one row a ticket, or `grouped` one row an order."""
    if grouped:
        came = pl.col("attended").any()
        tickets = tickets.group_by("order", "performance", maintain_order=True).agg(
            pl.exclude("attended").first(), attended=came
        )
    one = pl.col("size") if grouped else pl.lit(1, pl.Int64)
    free = (pl.col("status") == "paid") & (pl.col("cents") == 0)
    frame = tickets.select(
        order_id=pl.format("O{}", pl.col("order") + 100_000),
        ticket_id=pl.format("B{}", pl.col("ticket") + 1_000_000),
        email="email",
        event="event",
        genre="genre",
        performance_id=pl.format("S{}", "performance"),
        performance_at=pl.col("at").dt.to_string(_ISO),
        purchased_at=pl.col("purchased_at").dt.to_string(_ISO),
        tariff=pl.col("tariff").replace_strict(_TARIFFS),
        unit_price_cents="cents",
        quantity=one,
        channel="channel",
        status=pl.when(free).then(pl.lit("free")).otherwise("status"),
        postal_code="postal_code",
        country="country",
        birth_year=tells_age(),
        consent_marketing=consents(),
        attended="attended",
        is_group=pl.col("kind") == "group",
        is_school=pl.col("kind") == "school",
        is_reseller=pl.col("kind") == "reseller",
        is_test=pl.col("kind") == "test",
        capacity="capacity",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path


def write_pass_culture(path: Path, tickets: pl.DataFrame, structure: str, address: str) -> Path:
    """Write the bookings export. There, "remboursé" means that the organisation was paid, not the young person."""
    paid = pl.col("status") == "paid"
    settled = pl.col("attended") & (pl.col("ticket") % 10 < 8)
    validated = pl.when("attended").then(pl.col("at").dt.offset_by("-20m").dt.to_string(_STAMP)).fill_null("")
    state = (
        pl.when(settled).then(pl.lit("remboursé")).when("attended").then(pl.lit("validé"))
        .when(paid).then(pl.lit("confirmé")).when(pl.col("status") == "pending").then(pl.lit("réservé"))
        .otherwise(pl.lit("annulé"))
    )  # fmt: skip
    duo = pl.when(pl.col("size") == 2).then(pl.format("DUO {}", pl.col("rank") + 1)).otherwise(pl.lit("Non"))
    values = (
        pl.lit(structure), pl.col("event"), pl.lit(f"{structure} - {address}"), pl.col("at").dt.to_string(_STAMP),
        pl.lit(""), pl.col("given"), pl.col("surname"), pl.col("email"), pl.lit(""),
        pl.col("purchased_at").dt.to_string(_STAMP), validated, pl.format("DM{}", pl.col("order") + 1000),
        pl.lit("Tarif pass Culture"), pl.col("cents") / 100, state,
        pl.when(settled).then(pl.col("at").dt.offset_by("15d").dt.to_string(_STAMP)).fill_null(""),
        pl.lit("offre grand public"), pl.col("postal_code").fill_null(""), duo,
    )  # fmt: skip
    frame = tickets.select(value.alias(name) for name, value in zip(PASS_CULTURE, values, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, separator=";", quote_style="non_numeric", float_precision=2)
    return path


def write_billetweb(path: Path, tickets: pl.DataFrame) -> Path:
    """Write the JSON list that Billetweb's `/attendees` answers; every value is text."""
    null = "0000-00-00 00:00:00"
    local = pl.col("purchased_at").dt.to_string(_NAIVE)
    text = pl.lit("")
    desk = pl.col("channel") == "guichet"
    off = pl.col("status").is_in(["cancelled", "refunded"])
    used_at = pl.when("attended").then(pl.col("at").dt.offset_by("-25m").dt.to_string(_NAIVE)).otherwise(pl.lit(null))
    means = (
        pl.when(pl.col("status") == "pending").then(pl.lit("reservation"))
        .when(pl.col("tariff") == "exonere").then(pl.lit("invitation"))
        .when(desk & (pl.col("order") % 3 == 0)).then(pl.lit("cash")).when(desk).then(pl.lit("card"))
        .otherwise(pl.lit("web"))
    )  # fmt: skip
    owner = [pl.col(name).fill_null("") for name in ("email", "given", "surname")]
    # The field was asked as a number: what stood before the first digit is gone.
    postal = pl.col("postal_code").fill_null("").str.replace("^0", "")
    born = tells_age().cast(pl.String).fill_null("")
    news = pl.when(consents()).then(pl.lit("Oui")).otherwise(pl.lit("Non"))
    money = _money(pl.col("cents"))
    named = pl.col("rank") == 0
    columns = {
        "id": pl.col("ticket") + 5_000_000, "ext_id": pl.format("DEMO-{}", "ticket"),
        "barcode": pl.col("ticket") * 7919 % 10**9 + 10**9, "used": pl.col("attended").cast(pl.Int8), "lane": text,
        "used_date": used_at, "email": pl.when(named).then(owner[0]).otherwise(text),
        "firstname": pl.when(named).then(owner[1]).otherwise(text), "name": pl.when(named).then(owner[2]).otherwise(text),
        "ticket": pl.col("tariff").replace_strict(_TARIFFS), "ticket_id": pl.col("tariff").rank("dense") + 300,
        "category": text, "price": money, "seating_location": text, "last_update": local, "reduction_code": text,
        "authorization_code": text, "pass": pl.lit("0"), "disabled": off.cast(pl.Int8), "product_management": text,
        "product_download": text, "order_id": pl.col("order") + 800_000, "order_ext_id": pl.format("C{}", "order"),
        "order_firstname": owner[1], "order_name": owner[2], "order_email": owner[0], "order_date": local,
        "order_paid": (pl.col("status") != "pending").cast(pl.Int8), "order_payment_type": means,
        "order_origin": pl.when(desk).then(pl.lit("guichet")).otherwise(pl.lit("web")),
        "order_price": _money(pl.col("cents").sum().over("order")), "order_session": pl.col("performance") + 9000,
        "session_start": pl.col("at").dt.to_string(_NAIVE), "order_accreditation": text, "order_language": pl.lit("fr"),
    }  # fmt: skip
    event = pl.col("event").rank("dense")
    shown = [value.cast(pl.String).alias(name) for name, value in columns.items()]
    shown += [
        pl.struct(postal.alias("Code postal"), born.alias("Année de naissance")).alias("custom"),
        pl.struct(news.alias("Newsletter")).alias("custom_order"),
        (event + 70).cast(pl.String).alias("event"),
        pl.col("event").alias("event_name"),
        pl.col("at").min().over("event").dt.to_string(_NAIVE).alias("event_start"),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tickets.select(shown).to_dicts(), ensure_ascii=False, separators=(",", ":")), "utf-8")
    return path


def write_counters(path: Path, draw: Draw) -> Path:
    """Write door counts, one row an opening hour (Tuesday to Sunday, 10 to 18) of the season; nobody is in it."""
    days = [date(SEASON, 9, 1) + timedelta(days=number) for number in range(365)]
    opened = [day for day in days if day.weekday() != 0]
    rush = np.array([14, 22, 16, 20, 30, 34, 28, 14])
    mean = [rush * (2.2 if day.weekday() >= 5 else 1.0) * (0.7 if day.month in (1, 8) else 1.0) for day in opened]
    frame = pl.DataFrame(
        {
            "date": np.repeat([day.isoformat() for day in opened], len(rush)),
            "heure": [f"{hour}:00" for _ in opened for hour in range(10, 18)],
            "entrees": draw.poisson(np.concatenate(mean)),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, separator=";")
    return path


def _money(cents: pl.Expr) -> pl.Expr:
    return pl.format("{}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2))
