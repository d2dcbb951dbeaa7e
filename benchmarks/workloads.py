"""Made-up audiences of known size, the same at every run: seeded Parquet files, one a month, in a cache.

`1M`, `10M`, `100M` (and `1B` on demand): the job that differential-privacy tools are compared on, distinct people and
their spend by département x genre x month. `-skewed` after one of them removes, in a third of the département x genre
pairs, seven in ten of the people with few segments: an interaction that no one-way margin sees.
`theatre`: a small theatre's season, 9,000 people, six genres, ten months, most people at home.
`media`: a media group's quarter, 400,000 people read twelve topics over three months, far from home.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

_MONTHS = (0.9, 0.8, 1, 1, 1.05, 1.2, 0.8, 0.5, 1, 1.15, 1.2, 1.4)
_PRICES = (18, 25, 12, 30, 9, 45, 15, 22, 60, 8, 35, 14)  # median euros, by genre
_AGES, _CHANNELS = (0.08, 0.2, 0.22, 0.2, 0.17, 0.13), (0.5, 0.25, 0.15, 0.1)
_LEVELS = (
    ("", 420, "0.01"),
    ("dept", 40, "0.015"),
    ("genre", 52, "0.02"),
    ("month", 40, "0.01"),
    ("dept genre", 16, "0.045"),
)
_FEWER = (("", 160, "0.02"), ("dept", 26, "0.02"), ("genre", 26, "0.02"), ("month", 26, "0.02"))
_MEDIA = (
    ("", 160, "0.01"),
    ("dept", 26, "0.015"),
    ("genre", 26, "0.02"),
    ("month", 26, "0.01"),
    ("dept genre", 12, "0.045"),
)
_CELL = ["person_id", "dept", "genre", "month"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Workload:
    """How many people make how many rows, over which months, how close to home.

    The bounds that suit their table, as a policy would state them: `full_cells`, and levels as (dimensions, reach, share).
    `kept`: cells a person that OpenDP keeps.
    """

    name: str
    people: int
    rows: int
    months: tuple[float, ...] = _MONTHS
    departments: int = 100
    genres: int = 12
    at_home: float = 0.8
    activity: float = 0.8  # the i-th person's weight is (i + people / 200) to the minus `activity`
    full_cells: int = 16
    levels: tuple[tuple[str, int, str], ...] = _LEVELS
    kept: int = 8
    skewed: bool = False


WORKLOADS = {
    w.name: w
    for w in (
        Workload("1M", 20_000, 1_000_000, full_cells=8, levels=_FEWER),
        Workload("10M", 200_000, 10_000_000),
        Workload("100M", 1_000_000, 100_000_000),
        Workload("1B", 10_000_000, 1_000_000_000),
        Workload("10M-skewed", 200_000, 10_000_000, skewed=True),
        Workload("1M-skewed", 20_000, 1_000_000, full_cells=8, levels=_FEWER, skewed=True),
        Workload(
            "theatre",
            9_000,
            40_000,
            (1, 1.2, 1.3, 1.1, 1, 1.1, 1.2, 1, 0.8, 0.5),
            20,
            6,
            0.92,
            0.5,
            4,
            (("", 6, "0.1"),),
            2,
        ),
        Workload("media", 400_000, 6_000_000, (1, 0.9, 1.1), 100, 12, 0.6, 0.9, 8, _MEDIA),
    )
}


def make(workload: Workload) -> Path:
    """Return the folder of the workload's Parquet files, made the first time."""
    folder = Path(tempfile.gettempdir()) / "jauge-benchmarks" / workload.name
    if folder.exists():
        return folder
    making = folder.with_name(folder.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    random = np.random.default_rng(2025)
    town = _Town.draw(workload, random)
    share = np.array(workload.months) / sum(workload.months)
    for month, rows in enumerate(np.diff(np.rint(np.cumsum([0, *share]) * workload.rows).astype(int)), 1):
        town.visits(workload, month, int(rows), random).write_parquet(making / f"{month:02}.parquet", compression="lz4")
    if workload.skewed:
        _skew(making)
    making.rename(folder)
    return folder


def _skew(folder: Path) -> None:
    """In the pairs where (département + genre) mod 3 = 0, remove seven in ten of the people of under 25 segments."""
    cells = pl.scan_parquet(folder).select(_CELL).unique()
    light = cells.group_by("person_id").len().filter(pl.col("len") < 25).select("person_id")
    hit = (pl.col("dept").cast(pl.Int32) + pl.col("genre")) % 3 == 0
    leaving = pl.col("person_id") // 10**6 % 10 < 7  # ids are scrambled
    gone = light.filter(leaving).with_columns(gone=True).collect(engine="streaming").lazy()
    for file in sorted(folder.glob("*.parquet")):
        rows = pl.scan_parquet(file).join(gone, on="person_id", how="left", maintain_order="left")
        rows.filter(~(hit & pl.col("gone").is_not_null())).drop("gone").collect().write_parquet(file, compression="lz4")


@dataclass(frozen=True, slots=True)
class _Town:
    """What stays the same about people from month to month."""

    ids: npt.NDArray[np.uint64]
    upto: Floats  # cumulated weights of activity
    home: npt.NDArray[np.int16]
    first: npt.NDArray[np.int8]
    second: npt.NDArray[np.int8]

    @classmethod
    def draw(cls, workload: Workload, random: np.random.Generator) -> _Town:
        people = workload.people
        weights = (np.arange(people) + people / 200) ** -workload.activity
        random.shuffle(weights)
        upto = np.cumsum(weights)
        home = _pick(random, _departments(workload), people, np.int16)
        favourites = [_pick(random, _genres(workload), people, np.int8) for _ in range(2)]
        return cls(_splitmix64(np.arange(people, dtype=np.uint64)), upto / upto[-1], home, *favourites)

    def visits(self, workload: Workload, month: int, rows: int, random: np.random.Generator) -> pl.DataFrame:
        """Draw one month's rows, in random order."""
        person = np.minimum(np.searchsorted(self.upto, random.random(rows)), workload.people - 1)
        away = random.random(rows) >= workload.at_home
        dept = self.home[person]
        dept[away] = _pick(random, _departments(workload), int(away.sum()), np.int16)
        taste = random.random(rows)
        genre = np.where(taste < 0.45, self.first[person], self.second[person])
        genre[taste >= 0.75] = _pick(random, _genres(workload), int((taste >= 0.75).sum()), np.int8)
        euros = np.array(_PRICES)[genre] * np.exp(0.6 * random.standard_normal(rows))
        euros[random.random(rows) < 0.1] = 0
        first, after = (np.datetime64("2025-01") + n for n in (month - 1, month))
        venue = 50 * dept.astype(np.int32) + np.minimum(49, 3 * random.pareto(1.2, rows)).astype(np.int32)
        length = int((after.astype("datetime64[D]") - first.astype("datetime64[D]")).astype(int))
        return pl.DataFrame(
            {
                "person_id": self.ids[person],
                "venue": venue,
                "event_date": first.astype("datetime64[D]") + random.integers(0, length, rows),
                "genre": genre,
                "dept": dept,
                "age_band": _pick(random, np.array(_AGES), rows, np.int8),
                "price_eur": np.rint(euros * 100) / 100,
                "channel": _pick(random, np.array(_CHANNELS), rows, np.int8),
                "month": np.full(rows, month, np.int8),
            }
        )


def _departments(workload: Workload) -> Floats:
    return (np.arange(workload.departments) + 3.0) ** -0.9


def _genres(workload: Workload) -> Floats:
    return (np.arange(workload.genres) + 1.5) ** -0.9


def _pick(random: np.random.Generator, weights: Floats, size: int, dtype: type[np.signedinteger]) -> npt.NDArray:
    upto = np.cumsum(weights)
    return np.minimum(np.searchsorted(upto, random.random(size) * upto[-1]), len(upto) - 1).astype(dtype)


def _splitmix64(index: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
