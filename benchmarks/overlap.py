"""Overlap and reach from noisy sketches, on made-up towns whose truth is known.

Venues' people are hashed into buckets; discrete Laplace noise of the stated ε is added to each count (drawn by NumPy: no release is
made, so nothing is charged); `warehouse.overlap` sees nothing else. Four tables: two venues of 50,000 with 10,000 in common,
against Sketch-Flip-Merge (Hehir, Ting and Cormode, ICML 2023; in this file) and against an exact overlap with Laplace noise, which
only someone who sees both lists could give; pairs of many sizes; 2 to 50 venues; several periods and venues together. Error:
the root mean square, relative to the truth. Cover: 95 % intervals that hold the truth. The last line is of the first table,
`--epsilon`; its cover is of unions and overlaps together.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from io import BytesIO
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid
from sketch_flip_merge import joint, merged, sketch

from warehouse.overlap.estimates import Estimate, frequencies, overlap, union
from warehouse.overlap.tables import crossing_share
from warehouse.overlap.vectors import Vector, noise

RANDOM = np.random.default_rng(7)
Counts = NDArray[np.int64]


@dataclass
class Score:
    """Errors of one estimate, trial by trial, and whether its interval held."""

    errors: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)

    def add(self, value: float, truth: float, interval: Estimate | None = None) -> None:
        """Take one trial in."""
        self.errors.append((value - truth) / truth)
        if interval:
            self.held.append(interval.low <= truth <= interval.high)

    @property
    def rmse(self) -> float:
        """Return the root mean square error, relative to the truth."""
        return float(np.sqrt(np.mean(np.square(self.errors))))

    @property
    def cover(self) -> float:
        """Return the share of intervals that held."""
        return float(np.mean(self.held))


def buckets(people: float, epsilon: float) -> int:
    """Return the last power of two up to people · ε², within 1,024 and 131,072 (docs/overlap.md)."""
    return 2 ** int(np.clip(np.floor(np.log2(people * epsilon**2)), 10, 17))


def hashed(people: int, m: int) -> Counts:
    return np.bincount(RANDOM.integers(m, size=people), minlength=m)


def released(counts: Counts, epsilon: float, key: str = "") -> Vector:
    q = 1 - np.exp(-epsilon)
    noisy = counts + RANDOM.geometric(q, counts.size) - RANDOM.geometric(q, counts.size)
    return Vector("", noisy.astype(float), noise("discrete Laplace", 1 / epsilon), key)


def two(a: int, b: int, common: int, epsilon: float, m: int) -> tuple[Vector, Vector]:
    """Return the sketches of two venues with so many people in common, under a new key."""
    both = hashed(common, m)
    return tuple(released(both + hashed(n - common, m), epsilon) for n in (a, b))  # type: ignore[return-value]


def kib(vector: Vector) -> float:
    """Return the size of the sketch's Parquet file (part, bucket, count), as small as Parquet makes it."""
    columns = {"part": ["all"] * vector.buckets, "bucket": np.arange(vector.buckets, dtype=np.int32)}
    rows, file = pa.table(columns | {"count": vector.counts.astype(np.int64)}), BytesIO()
    parquet.write_table(
        rows, file, compression="zstd", compression_level=19, use_dictionary=["part", "count"],
        column_encoding={"bucket": "DELTA_BINARY_PACKED"}, write_statistics=False, store_schema=False,
    )  # fmt: skip
    return file.tell() / 1024


def bar(epsilon: float, trials: int) -> tuple[list[list[str]], dict[str, float]]:
    """Measure 50,000 + 50,000 people, 10,000 in common."""
    n, w = 50_000, 10_000
    u, rows, line = 2 * n - w, [], {}
    best = buckets(n, epsilon)
    for m in (best // 2, best, *([2 * best] if best < 2**17 else [])):
        unions, overlaps, size = Score(), Score(), kib(two(n, n, w, epsilon, m)[0])
        for _ in track(range(trials), f"ε = {epsilon}, {m} buckets", console=Console(stderr=True), transient=True):
            pair = two(n, n, w, epsilon, m)
            found = union(pair), overlap(pair)
            unions.add(found[0].value, u, found[0])
            overlaps.add(found[1].value, w, found[1])
        rows.append([f"counts in {m:,} buckets", f"{size:.0f}", percent(unions.rmse), percent(overlaps.rmse),
                     percent(unions.cover), percent(overlaps.cover)])  # fmt: skip
        if m == best:
            line = {
                "epsilon": epsilon,
                "rel_rmse_union": round(unions.rmse, 4),
                "rel_rmse_overlap": round(overlaps.rmse, 4),
                "interval_coverage": round((unions.cover + overlaps.cover) / 2, 4),
            }
    scores = {"Sketch-Flip-Merge, merged": (Score(), Score()), "the same, joint likelihood": (Score(), Score())}
    for _ in track(range(max(trials // 8, 10)), f"ε = {epsilon}, peer", console=Console(stderr=True), transient=True):
        x, y = sketch(n - w, n - w, w, epsilon, 8192, RANDOM)
        for (of_union, of_overlap), (found_union, found_overlap) in zip(
            scores.values(), (merged(x, y, epsilon), joint(x, y, epsilon)), strict=True
        ):
            of_union.add(found_union, u)
            of_overlap.add(found_overlap, w)
    rows += [[name, "24", percent(a.rmse), percent(b.rmse), "", ""] for name, (a, b) in scores.items()]
    laplace = np.sqrt(2) / epsilon
    rows.append(["exact lists met, Laplace noise", "", percent(laplace / u, 4), percent(laplace / w, 4), "", ""])
    rows.append(["√n people, n = 50,000", "", percent(np.sqrt(n) / u), percent(np.sqrt(n) / w), "", ""])
    return rows, line


def pairs(trials: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for n, epsilon in product((1_000, 10_000, 100_000, 1_000_000), (0.5, 1.0, 2.0)):
        m, cells, covers = buckets(n, epsilon), [], []
        for part in (0.01, 0.1, 0.5):
            w, of_union, of_overlap = int(n * part), Score(), Score()
            for _ in range(trials):
                pair = two(n, n, w, epsilon, m)
                found = union(pair), overlap(pair)
                of_union.add(found[0].value, 2 * n - w, found[0])
                of_overlap.add(found[1].value, w, found[1])
            cells += [percent(of_union.rmse), percent(of_overlap.rmse)]
            covers += [of_union.cover, of_overlap.cover]
        rows.append([f"{n:,}", f"{epsilon}", f"{m:,}", *cells, percent(float(np.mean(covers)))])
    return rows


def town(venues: int, people: int, outings: float) -> NDArray[np.bool_]:
    """Return who goes where, (venues, people): few go out a lot, and some venues are far larger than others."""
    zeal = RANDOM.gamma(0.6, 1 / 0.6, people)
    draw = RANDOM.lognormal(0, 0.5, venues)
    return np.stack([RANDOM.random(people) < -np.expm1(-outings / venues * size * zeal) for size in draw])


def many(trials: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for venues, people, epsilon in (
        *product((2, 4), (200_000,), (1.0, 2.0)),
        *product((12,), (200_000,), (1.0, 2.0)),
        *product((50,), (300_000,), (1.0, 2.0)),
    ):
        scores = {"reach": Score(), "1": Score(), "2": Score(), "3": Score(), "4+": Score()}
        widths: list[float] = []
        m = 0
        for _ in range(trials):
            goes = town(venues, people, 2.0)
            m = buckets(float(goes.sum()) / venues, epsilon)
            place, times = RANDOM.integers(m, size=people), goes.sum(axis=0)
            vectors = [released(np.bincount(place[g], minlength=m), epsilon) for g in goes]
            whole = union(vectors)
            widths.append((whole.high - whole.low) / 2 / float((times > 0).sum()))
            scores["reach"].add(whole.value, float((times > 0).sum()), whole)
            for name, e in zip(("1", "2", "3", "4+"), frequencies(vectors), strict=False):
                truth = float((times >= 4).sum() if name == "4+" else (times == int(name)).sum())
                scores[name].add(e.value, truth, e)
        shown = [percent(s.rmse) if s.errors else "" for s in scores.values()]
        cover = percent(float(np.mean([h for s in scores.values() for h in s.held])))
        rows.append(
            [
                f"{venues}",
                f"{people:,}",
                f"{epsilon}",
                f"{m:,}",
                shown[0],
                percent(float(np.mean(widths))),
                *shown[1:],
                cover,
            ]
        )
    return rows


def together(epsilon: float, trials: int) -> list[list[str]]:
    """Measure the share of a venue's 50,000 people seen at others of 50,000: 20 %, four seasons, three venues alike."""
    n, w = 50_000, 10_000
    m = buckets(n, epsilon)
    names = {"one pair": 1, "four seasons": 4, "three venues, four seasons": 12}
    scores = {name: Score() for name in names}
    for _ in track(range(trials), "together", console=Console(stderr=True), transient=True):
        given: list[tuple[Vector, Vector]] = []
        for season in range(4):
            common = [hashed(w, m) for _ in range(3)]
            mine = released(sum(common) + hashed(n - 3 * w, m), epsilon, key=f"{season}")
            given += [(mine, released(c + hashed(n - w, m), epsilon, key=f"{season}")) for c in common]
        chosen = {name: given[::3] if count == 4 else given[:count] for name, count in names.items()}
        for row in crossing_share(chosen).iter_rows(named=True):
            interval = Estimate(*(row[f"share{part}"] / 100 for part in ("", "_se", "_low", "_high")))
            scores[row["name"]].add(interval.value, w / n, interval)
    return [[name, percent(s.rmse), percent(s.cover)] for name, s in scores.items()]


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits if value < 0.1 else 1}f} %"


def grid(title: str, heads: str, rows: list[list[str]]) -> None:
    made = Grid(title=title)
    for head in heads.split("|"):
        made.add_column(head.strip(), justify="right")
    for row in rows:
        made.add_row(*row)
    Console(width=140).print(made)


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    read.add_argument("--epsilon", type=float, default=1.0)
    read.add_argument("--trials", type=int, default=600)
    asked = read.parse_args()
    line: dict[str, float] = {}
    for epsilon in sorted({0.5, 1.0, 2.0, asked.epsilon}):
        rows, told = bar(epsilon, asked.trials)
        line = told if epsilon == asked.epsilon else line
        heads = "50,000 + 50,000, 10,000 in common | KiB | union | overlap | cover | cover"
        grid(f"ε = {epsilon}, {asked.trials} trials", heads, rows)
    few = max(asked.trials // 12, 5)
    heads = "people each | ε | buckets | union, 1 % | overlap | union, 10 % | overlap | union, 50 % | overlap | cover"
    grid(f"Two venues, {few} trials; in common: 1, 10, 50 %", heads, pairs(few))
    heads = "venues | town | ε | buckets | reach | interval ± | once | twice | 3 times | 4+ | cover"
    few = max(asked.trials // 30, 5)
    grid(f"Many venues, {few} trials", heads, many(few))
    rows = together(asked.epsilon, asked.trials // 4)
    grid(f"Share of an audience seen elsewhere, 20 %, ε = {asked.epsilon}", "estimated from | error | cover", rows)
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
