"""The auditor: how much of a person can be read off everything a venue publishes in a season, measured.

It knows every record but whether one person is there. Per trial a coin decides; a venue publishes a season through
`privacy.publish.publish`, every period also asked for a second time, with revisions until the ledger refuses; from
the releases alone the auditor guesses the coin. If a season is (epsilon, delta)-DP, then for any region R of outcomes
P[R | there] <= e^epsilon P[R | not] + delta, and the other way round; so Clopper-Pearson limits on the two
probabilities give a lower limit on epsilon that holds with the stated confidence (Jagielski, Ullman & Oprea 2020;
Tramèr et al. 2022). Region and statistic are chosen on a first part of the trials and judged on the rest.

Two things make it quick. A table's cells fall in blocks, a person walks in one block only, and noise is independent
between cells: each block is a trial, hundreds a release. And delta is large (1/4): a Gaussian mechanism has one curve
of (epsilon, delta), and its loss is seen best where events are not rare. Too little noise shows on all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scipy import stats

from privacy.buckets import scale
from privacy.calendar import Period
from privacy.contributions import Contributions, at_once
from privacy.declarations import Dimension, Level, Table, Unit
from privacy.errors import BudgetRefusal
from privacy.policy import Loss, Policy, read_policy
from privacy.publish import publish
from privacy.publisher import Publisher
from privacy.release import Release

SPOTS = 4  # cells of a block
FULL, MOST = 2, 3  # a person counts fully in two cells of a table, in three a little less, in four not at all
MISTAKE = 1e-4  # the chance that a limit is above the true epsilon
_CAP = 6  # revisions after which the auditor stops asking a ledger that refuses nothing
_SIGNING = Ed25519PrivateKey.from_private_bytes(b"a" * 32)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two inputs that differ by one person. `crowd`: people in each cell anyway; `cells`: what she adds, if there.

    `wanderers`: people in three cells of the block, whose rows come in reverse order where she is there.
    `admission`: she is a passage through the door instead, `crowd` of which are in each cell anyway. `sketch`: what is read
    is the sketch, where each block is a bucket and she is in one; `cells` are none.
    """

    crowd: int
    cells: int
    tickets: int = 6
    cents: int = 15_000
    wanderers: int = 0
    admission: bool = False
    sketch: bool = False


def neighbours(crowd: int, k: int) -> dict[str, Neighbours]:
    """The worst people there are: each at an edge of an argument of the border."""
    return {
        "at the bound, in the cells that count fully": Neighbours(crowd, FULL),
        "beyond the bound, with a thousand tickets": Neighbours(crowd, MOST, 1000, 10**8),
        "in more cells than the cap": Neighbours(crowd, MOST + 1, 1000, 10**8),
        "the k-th of her cells": Neighbours(k - 1, FULL),
        "at the bound, other people's rows in another order": Neighbours(crowd, FULL, wanderers=8),
        "one admission": Neighbours(crowd, 1, admission=True),
        "in a bucket of a sketch": Neighbours(crowd, 0, sketch=True),
    }


@dataclass(frozen=True, slots=True)
class Finding:
    """What the auditor can say: epsilon is at least `bound`, by `how`, from so many judged trials of each world."""

    claimed: float
    delta: float
    bound: float
    how: str
    trials: tuple[int, int]
    releases: int

    @property
    def broken(self) -> bool:
        """Whether the claim is refuted."""
        return self.bound > self.claimed


def audited_policy(blocks: int, loss: Loss, share: Fraction = Fraction(1, 2)) -> Policy:
    """A policy of two tables of people and one of admissions, `blocks` x SPOTS cells each; a release takes `share`."""
    policy = read_policy()
    codes = tuple((f"{i:05}", f"bloc {i}", f"block {i}") for i in range(blocks))
    unknown = ("unknown", "inconnu", "unknown")
    block = Dimension("block", "Bloc", "Block", (*codes, unknown))
    spot = Dimension("spot", "Place", "Spot", (*((str(i), f"place {i}", f"spot {i}") for i in range(SPOTS)), unknown))

    def table(name: str, records: str, like: str, cells: tuple[int, int]) -> Table:
        # finer steps: with a loss this large the noise is small, and integers must not show
        measures = tuple(replace(m, step=10 * m.step, raw=10 * m.raw) for m in policy.table(like).measures)
        levels = () if cells == (1, 1) else (Level((), 1, Fraction(1, 40)), Level(("block",), 1, Fraction(1, 20)))
        return Table(name, name, name, records, (block, spot), measures, *cells, 1, levels)

    tables = (
        table("one", "transactions", "family", (FULL, MOST)),
        table("two", "transactions", "channel", (FULL, MOST)),
        table("door", "counts", "admissions", (1, 1)),
    )
    calendar = {"quarter": share, "season": share}
    known = Dimension("known", "Connue", "Known", (("yes", "oui", "yes"), unknown))
    measure = replace(policy.sketches[0].measure, step=10**5, raw=10**5)
    sketch = replace(
        policy.sketches[0], attributes=(known,), buckets=blocks, weight=50, minimum=1, z=Fraction(0), measure=measure
    )
    season: dict[Unit, Loss] = {"person": loss, "admission": loss}
    return replace(policy, season=season, calendar=calendar, tables=tables, sketches=(sketch,))


def audit(home: Path, policy: Policy, who: Neighbours, seasons: int) -> Finding:
    """Publish `seasons` seasons under `policy`, each of a venue of its own; return the lower limit they show."""
    blocks = len(policy.tables[0].dimensions[0].codes) - 1
    publishes = ("counts",) if who.admission else ("transactions",)
    random = np.random.default_rng()
    there = random.integers(0, 2, (seasons, blocks)).astype(bool)
    seen: list[tuple[Floats, Floats]] = []
    releases = 0
    for i in range(seasons):
        keys = _SIGNING.public_key().public_bytes_raw().hex(), _SIGNING.private_bytes_raw(), b"f" * 32
        (home / str(i)).mkdir(parents=True)
        places = home / str(i) / "ledger.sqlite", home / str(i) / "out"
        publisher = Publisher("audited", publishes, True, *keys, *places, b"m" * 32 if who.sketch else b"")
        read = _season(publisher, policy, _contributions(who, there[i]))
        releases += len(read) // 2
        seen.append(_buckets(read) if who.sketch else _observations(read, blocks))
    width = max(values.shape[1] for values, _ in seen)
    values = np.concatenate([np.pad(v, ((0, 0), (0, width - v.shape[1])), constant_values=np.nan) for v, _ in seen])
    steps = np.concatenate([np.pad(s, ((0, 0), (0, width - s.shape[1])), constant_values=1) for _, s in seen])
    loss = policy.season["admission" if who.admission else "person"]
    # Where a person is the k-th, nothing shows without her and next to nothing with her: only selection's delta counts.
    delta = loss.selection_delta if who.crowd < policy.k else loss.delta
    bound, how, trials = _judge(values / steps, there.ravel(), float(delta))
    return Finding(float(loss.epsilon), float(delta), bound, how, trials, releases)


def _season(publisher: Publisher, policy: Policy, contributions: Contributions) -> list[Release]:
    """Everything a reader of the venue sees in a season: each release, and the same asked for again."""
    read: list[Release] = []
    try:
        for revision in range(_CAP):
            for again in (False, True):
                new = revision > 0 and not again
                read.append(publish(publisher, contributions, policy, Period(2025), revise=new).release)
    except BudgetRefusal:
        pass
    return read


def _contributions(who: Neighbours, there: npt.NDArray[np.bool_]) -> Contributions:
    blocks = len(there)
    b, s, person = (
        grid.ravel() for grid in np.meshgrid(np.arange(blocks), np.arange(SPOTS), np.arange(who.crowd), indexing="ij")
    )
    rows = [np.stack([1000 * (b * SPOTS + s) + person, b, s, np.ones_like(b), np.zeros_like(b)])]
    for w in range(who.wanderers):  # they walk up the block, or down it where the person is there
        for step in range(MOST):
            i = np.arange(blocks)
            rows.append(np.stack([10**9 + i * 100 + w, i, np.where(there, MOST - 1 - step, step), i * 0 + 1, i * 0]))
    target = np.flatnonzero(there)
    for cell in range(who.cells):
        ones = np.ones_like(target)
        rows.append(np.stack([10**10 + target, target, ones * cell, ones * who.tickets, ones * who.cents]))
    everyone = np.concatenate(rows, axis=1)
    names = np.char.zfill(everyone[1].astype(str), 5)
    frame = pl.LazyFrame({"person": everyone[0].astype(np.uint64), "block": names, "spot": everyone[2].astype(str),
                          "tickets": everyone[3], "revenue": everyone[4], "admissions": everyone[3] * 0 + 1})  # fmt: skip
    b, person = np.meshgrid(np.arange(blocks), np.arange(who.crowd), indexing="ij")
    hashed = pl.LazyFrame({
        "person": np.concatenate([1000 * b.ravel() + person.ravel(), 10**10 + target]).astype(np.uint64),
        "bucket": np.concatenate([b.ravel(), target]), "known": "yes",
    })  # fmt: skip
    return at_once(lambda _tables: frame, people=lambda _sketch: hashed)


def _buckets(read: list[Release]) -> tuple[Floats, Floats]:
    """Every count of the two parts a person may be in, a row a bucket, and its standard deviation."""
    columns: list[Floats] = []
    steps: list[Floats] = []
    for release in read:
        for part, group in zip(("all", "known:yes"), release.manifest["sketches"]["reach"]["groups"], strict=True):
            own = release.sketches["reach"].filter(part=part)["count"].to_numpy().astype(float)
            columns.append(own)
            steps.append(np.full(len(own), scale(group["sigma"], group["step"])))
    return np.stack(columns, axis=1), np.stack(steps, axis=1)


def _observations(read: list[Release], blocks: int) -> tuple[Floats, Floats]:
    """Every number drawn, a row a block (NaN where suppressed), and its standard deviation."""
    values: list[Floats] = []
    steps: list[Floats] = []
    for release in read:
        for name, rows in release.tables.items():
            known = rows.filter(pl.col("block") != "unknown").sort("block", "spot")
            for measure in release.manifest["tables"][name]["measures"]:
                drawn, step = f"{measure['name']}_noisy", measure["step"]
                cells = known.filter(pl.col("spot") != "unknown")[drawn].to_numpy().astype(float)
                values.append(cells.reshape(blocks, SPOTS))
                steps.append(np.full((blocks, SPOTS), measure["sigma"] / step))
                if measure["levels"]:  # the total is one number for all blocks: it tells next to nothing of one
                    values.append(known.filter(pl.col("spot").is_null())[drawn].to_numpy().astype(float)[:, None])
                    steps.append(np.full((blocks, 1), measure["levels"][1]["sigma"] / step))
    return np.concatenate(values, axis=1), np.concatenate(steps, axis=1)


def _judge(z: Floats, there: npt.NDArray[np.bool_], delta: float) -> tuple[float, str, tuple[int, int]]:
    """Choose statistic and region on the first third of the trials; bound epsilon on the others."""
    first = len(z) // 3
    shown = np.isfinite(z)
    counts = np.maximum(shown[:first].sum(axis=0), 1)
    centred = np.where(shown, z - np.where(shown[:first], z[:first], 0).sum(axis=0) / counts, 0.0)
    # What her presence moved on average, noise having standard deviation one: with it, the inner product below is the
    # likelihood ratio of two Gaussians.
    moved = centred[:first][there[:first]].mean(axis=0) - centred[:first][~there[:first]].mean(axis=0)
    statistics = {"inner product": centred @ moved, "cells shown": shown.sum(axis=1).astype(float)}
    best, how, region = -math.inf, "", there
    for name, statistic in statistics.items():
        for cut in np.unique(np.quantile(statistic[:first], np.linspace(0.005, 0.995, 100))):
            for candidate in (statistic > cut, statistic < cut):
                found = _limit(candidate[:first], there[:first], delta)
                if found > best:
                    best, how, region = found, name, candidate
    judged = there[first:]
    bound = max(0.0, _limit(region[first:], judged, delta)) if how else 0.0
    return bound, how or "nothing", (int((~judged).sum()), int(judged.sum()))


def _limit(region: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_], delta: float) -> float:
    """Lower limit on epsilon from how often a region is met in each world, either one being the likelier."""
    found = -math.inf
    for world in (there, ~there):
        inside, n = int((region & world).sum()), int(world.sum())
        outside, m = int((region & ~world).sum()), int((~world).sum())
        least = stats.beta.ppf(MISTAKE / 2, inside, n - inside + 1) if inside else 0.0
        most = stats.beta.ppf(1 - MISTAKE / 2, outside + 1, m - outside) if outside < m else 1.0
        if least > delta:
            found = max(found, math.log((least - delta) / most))
    return found
