"""What the people of the demo town do: visits over six seasons, made into orders and tickets.

Over the season 68 % of the people who go somewhere go once and 2.5 % more than ten times; 54 % of an
organisation's people are there for the first time. Group buyers, schools, a reseller, box-office sales without a
contact, failed and test orders are all there, because real exports hold them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.town.people import Draw
from pipelines.town.programme import PAST_SEASONS, SEASON

ONCE = 0.68
OVER_TEN = 0.025
GROUPS = 0.006
RESELLER_SEATS = 3000 / 40_000  # a person of the town

_PAID, _SUBSCRIPTION_VISITS = 0.94, 4
_DAYS = ((0, 0), (1, 7), (8, 31), (32, 92), (93, 183), (184, 270))
_AHEAD = {
    "theatre": (0.06, 0.17, 0.27, 0.27, 0.16, 0.07),
    "opera": (0.04, 0.10, 0.20, 0.29, 0.22, 0.15),
    "festival": (0.11, 0.24, 0.31, 0.26, 0.08, 0.0),
    "musee": (0.17, 0.42, 0.33, 0.08, 0.0, 0.0),
}
_PARTY = {"opera": (0.30, 0.54, 0.12, 0.04), "musee": (0.42, 0.32, 0.21, 0.05)}
_CHANNELS = {
    "theatre": (0.86, 0.14, 0.0),
    "opera": (0.74, 0.17, 0.09),
    "festival": (0.93, 0.07, 0.0),
    "musee": (1.0, 0.0, 0.0),
}
_NO_CONTACT = {"theatre": 0.08, "opera": 0.06, "festival": 0.06, "musee": 0.0}
_SHOWS_UP = {"musee": 0.80}
_FACTORS = {"plein": 1.0, "reduit": 0.75, "jeune": 0.375, "abonnement": 0.7, "exonere": 0.0, "scolaire": 0.25} | {
    "groupe": 0.65,
    "revendeur": 0.8,
}
_ZONES = (1.3, 1.0, 0.6, 0.35)


def allot(members: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    """Say how often each person goes where: one row a visit, with person, organisation, season (first year)."""
    ticketed = members.filter(pl.col("organisation") != "media").sort("person", "rank")
    active = ticketed.filter(~pl.col("lapsed"))
    now = _this_season(active, draw)
    counts = now.group_by("person", "organisation", maintain_order=True).len()
    known = draw.random(counts.height) < np.where(counts["len"].to_numpy() > 1, 0.60, 0.405)
    back = counts.filter(pl.Series(known))
    gone = ticketed.filter("lapsed")
    warm = draw.random(gone.height) < 0.6
    past = [
        _past(back, draw.integers(SEASON - PAST_SEASONS, SEASON, back.height), draw),
        _past(gone, np.where(warm, *(draw.integers(a, b, gone.height) for a, b in ((2023, 2025), (2020, 2023)))), draw),
    ]
    return pl.concat([now, *past])


def _this_season(active: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    places = active.group_by("person", maintain_order=True).agg("organisation")
    width = places["organisation"].list.len().to_numpy()
    # People of several places go at least once to each, so the others carry the share of those who go once.
    once = draw.random(places.height) < ONCE / max((width == 1).mean(), ONCE)
    some = 2 + np.minimum(draw.geometric(0.42, places.height) - 1, 8)
    many = 11 + np.minimum(draw.geometric(0.18, places.height), 29)
    total = np.where(draw.random(places.height) < OVER_TEN / (1 - ONCE), many, some)
    total = np.maximum(np.where((width == 1) & once, 1, total), width)
    row = np.repeat(np.arange(places.height), total)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(total) - total, total)
    # One visit to each place first; the rest lean to the first place, which is home.
    slot = np.where(nth < width[row], nth, (draw.random(len(row)) ** 1.6 * width[row]).astype(int))
    chosen = places[row].with_columns(pl.col("organisation").list.get(pl.lit(pl.Series(slot))))
    return chosen.with_columns(season=pl.lit(SEASON, pl.Int64))


def _past(members: pl.DataFrame, season: np.ndarray, draw: Draw) -> pl.DataFrame:
    times = np.minimum(draw.geometric(0.7, members.height), 3)
    return members.select("person", "organisation", season=pl.Series(season, dtype=pl.Int64))[
        np.repeat(np.arange(members.height), times)
    ]


def orders(
    organisation: str, visits: pl.DataFrame, persons: pl.DataFrame, plays: pl.DataFrame, draw: Draw
) -> pl.DataFrame:
    """Return one row an order and performance, oldest purchase first.

    Columns: order (number from 0), person (null: no contact), performance and its columns, purchased_at
    (Europe/Paris), size (tickets), kind (single, subscription, group, school, reseller, test), status (paid,
    cancelled, refunded, pending), channel (web, guichet, telephone).
    """
    mine = visits.filter(pl.col("organisation") == organisation).join(
        persons.select("person", "taste"), on="person", how="left", maintain_order="left"
    )
    mine = mine.with_columns(performance=_choose(mine, plays, draw)).unique(
        ["person", "performance"], maintain_order=True
    )
    season = pl.col("season") == SEASON
    main = _sized(organisation, mine, persons, draw)
    extra = [_again(main, share, draw) for share in (1 / _PAID - 1, _NO_CONTACT[organisation])]
    # A free registration can only be cancelled.
    odds = (1.0, 0.0, 0.0) if organisation == "musee" else (0.5, 0.3, 0.2)
    failed = pl.Series(draw.choice(["cancelled", "refunded", "pending"], extra[0].height, p=odds))
    unnamed = extra[1].with_columns(
        person=pl.lit(None, pl.Int64), kind=pl.lit("single"), size=pl.col("size").clip(1, 4)
    )
    rows = [main, extra[0].with_columns(status=failed, kind=pl.lit("single"), size=pl.col("size").clip(1, 4)), unnamed]
    if organisation == "theatre":
        rows.append(_resold(plays.filter(season), persons, draw))
    if organisation in ("theatre", "opera"):
        rows.append(
            _again(main.filter(season), 1.0, draw)[:12].with_columns(kind=pl.lit("test"), size=pl.lit(1, pl.Int64))
        )
    frame = pl.concat(rows).drop("season").join(plays, on="performance", how="left", maintain_order="left")
    return _numbered(_bought(organisation, frame, draw))


def _choose(mine: pl.DataFrame, plays: pl.DataFrame, draw: Draw) -> pl.Series:
    """Draw a performance for each visit: in the person's taste more often than not, by its draw."""
    wanted = pl.when(pl.Series(draw.random(mine.height) < 0.55)).then("taste")
    keyed = mine.select("season", taste=wanted).with_row_index()
    chosen = np.zeros(mine.height, np.int64)
    for (season, taste), part in keyed.group_by("season", "taste", maintain_order=True):
        offered = plays.filter(pl.col("season") == season)
        liked = offered.filter(pl.col("family").eq_missing(pl.lit(taste)))
        offered = liked if liked.height else offered
        odds = offered["draw"].to_numpy()
        chosen[part["index"].to_numpy()] = draw.choice(
            offered["performance"].to_numpy(), part.height, p=odds / odds.sum()
        )
    return pl.Series(chosen)


def _sized(organisation: str, mine: pl.DataFrame, persons: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    people, rows = persons.height, mine.height
    person = mine["person"].to_numpy()
    band = draw.choice(4, rows, p=_PARTY.get(organisation, (0.40, 0.47, 0.11, 0.02)))
    size = draw.integers(np.array((1, 2, 3, 5))[band], np.array((2, 3, 5, 10))[band])
    # Decided from the person's number, so that a group buyer is one everywhere.
    luck = np.random.default_rng(people).random(people)[person]
    group, school = luck < GROUPS, luck < GROUPS * 0.4
    size = np.where(group, draw.integers(15, 61, rows), size)
    seen = mine.select(pl.len().over("person", "season"))["len"].to_numpy()
    member = np.random.default_rng(people + 1).random(people)[person] < 0.65
    subscriber = member & ~group & (seen >= _SUBSCRIPTION_VISITS) & (mine["season"] == SEASON).to_numpy()
    subscriber &= organisation in ("theatre", "opera")
    size = np.where(subscriber, 1 + person % 2, size)
    kind = np.select([school, group, subscriber], ["school", "group", "subscription"], "single")
    return mine.select("person", "season", "performance").with_columns(
        size=pl.Series(size, dtype=pl.Int64), kind=pl.Series(kind), status=pl.lit("paid")
    )


def _again(main: pl.DataFrame, share: float, draw: Draw) -> pl.DataFrame:
    return main[np.sort(draw.choice(main.height, int(main.height * share), replace=False))]


def _resold(plays: pl.DataFrame, persons: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    """One e-mail that buys thousands of seats: the last person of the town."""
    lots = draw.integers(8, 31, max(4, int(persons.height * RESELLER_SEATS / 19)))
    played = draw.choice(plays["performance"].to_numpy(), len(lots))
    return pl.DataFrame({"person": np.full(len(lots), persons.height - 1), "performance": played, "size": lots}).select(
        "person", pl.lit(SEASON, pl.Int64).alias("season"), "performance", "size",
        kind=pl.lit("reseller"), status=pl.lit("paid"),
    )  # fmt: skip


def _bought(organisation: str, frame: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    rows = frame.height
    bands = np.array(_DAYS)[draw.choice(6, rows, p=_AHEAD[organisation])]
    days = draw.integers(bands[:, 0], bands[:, 1] + 1)
    hour = pl.lit(pl.Series(draw.triangular(8, 19, 23.9, rows) * 3600).cast(pl.Int64))
    before = pl.lit(pl.Series(draw.uniform(0.2, 6, rows) * 3600).cast(pl.Int64))
    opening = pl.datetime(SEASON, 6, 2) + pl.duration(days=pl.col("person") * 37 % 100, seconds=hour)
    local = pl.col("at").dt.replace_time_zone(None)
    ahead = pl.lit(pl.Series(days))
    advance = local.dt.truncate("1d") - pl.duration(days=ahead) + pl.duration(seconds=hour)
    when = (
        pl.when(pl.col("kind") == "subscription")
        .then(opening.cast(pl.Datetime("us")))
        .when(ahead == 0)
        .then(local - pl.duration(seconds=before))
        .otherwise(advance)
    )
    desk = pl.Series(draw.choice(["web", "guichet", "telephone"], rows, p=_CHANNELS[organisation]))
    return frame.with_columns(
        purchased_at=when.dt.replace_time_zone("Europe/Paris", ambiguous="earliest"),
        channel=pl.when(pl.col("person").is_null()).then(pl.lit("guichet")).otherwise(desk),
    )


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Number the orders by time of purchase; the visits of a subscription share one order."""
    frame = frame.sort("purchased_at", "performance", "person", "status")
    alone = pl.int_range(pl.len()) + 10_000_000
    key = frame.select(pl.when(pl.col("kind") == "subscription").then("person").otherwise(alone)).to_series()
    # A subscription is one purchase: its time is that of its first row.
    _, first, inverse = np.unique(key.to_numpy(), return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return frame.with_columns(
        order=pl.Series(place[inverse]), purchased_at=frame["purchased_at"].gather(first[inverse])
    ).sort("order", "at")


def tickets(organisation: str, ordered: pl.DataFrame, persons: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    """Return one row a ticket: the order's columns, its buyer's, and ticket, rank (in the order), tariff, cents, attended.

    The e-mail is written as its owner wrote it that day: sometimes in capitals, sometimes with a space.
    """
    spelled = pl.Series(draw.choice(4, ordered.height, p=(0.90, 0.04, 0.04, 0.02)))
    zones = draw.choice(_ZONES, ordered.height, p=(0.15, 0.35, 0.30, 0.20))
    zone = pl.Series(zones) if organisation == "opera" else pl.lit(1.0)
    written = (
        pl.when(spelled == 1)
        .then(pl.col("email").str.to_uppercase())
        .when(spelled == 2)
        .then(pl.col("email").str.to_titlecase())
        .when(spelled == 3)
        .then(pl.col("email") + " ")
        .otherwise("email")
    )
    orders_ = ordered.join(persons, on="person", how="left", maintain_order="left").with_columns(
        email=written, zone=zone
    )
    frame = orders_[np.repeat(np.arange(orders_.height), orders_["size"].to_numpy())]
    frame = frame.with_columns(ticket=pl.int_range(1, pl.len() + 1), rank=pl.int_range(pl.len()).over("order"))
    luck, came = pl.Series(draw.random(frame.height)), pl.Series(draw.random(frame.height))
    born = pl.col("birth_year").fill_null(1975)
    tariff = (
        pl.when(pl.col("kind") == "school").then(pl.lit("scolaire"))
        .when(pl.col("kind") == "group").then(pl.lit("groupe"))
        .when(pl.col("kind") == "reseller").then(pl.lit("revendeur"))
        .when(pl.col("kind") == "subscription").then(pl.lit("abonnement"))
        .when(luck > 0.965).then(pl.lit("exonere"))
        .when((born > SEASON - 26) & (luck < 0.85)).then(pl.lit("jeune"))
        .when((born < SEASON - 60) & (luck < 0.45)).then(pl.lit("reduit"))
        .when(luck < 0.16).then(pl.lit("reduit"))
        .otherwise(pl.lit("plein"))
    )  # fmt: skip
    frame = frame.with_columns(tariff=tariff if organisation != "musee" else pl.lit("gratuit"))
    share = pl.col("tariff").replace_strict(_FACTORS, default=0.0, return_dtype=pl.Float64)
    paid = pl.col("status") == "paid"
    return frame.with_columns(
        cents=(pl.col("cents") * share * pl.col("zone") / 50).round().cast(pl.Int64) * 50,
        attended=paid & (came < _SHOWS_UP.get(organisation, 0.92)) & (pl.col("kind") != "test"),
    )
