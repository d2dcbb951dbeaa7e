"""The differencing gate, on real households: publish with and without one, subtract, guess the head's age.

801 households of the Complete Journey study (CC0), with the bands its authors published. The attacker knows each
household's size and everything about the others; of six age bands, drawn evenly, she must name the right one.
If a release is (epsilon, delta)-DP, her chance is at most e^epsilon / 6 + delta; it is so for every delta of the
release's curve, and the gate takes the least. Exact tables that hide what is below ten give everyone away.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scipy import stats

from privacy.accounting import epsilon
from privacy.calendar import Period
from privacy.contributions import at_once
from privacy.declarations import Dimension, Table
from privacy.plan import total
from privacy.policy import Policy, read_policy
from privacy.publish import publish
from privacy.publisher import Publisher

PEOPLE = Path(__file__).parents[2] / "shared/data/completejourney/demographics.parquet"
pytestmark = pytest.mark.skipif(not PEOPLE.exists(), reason="the households are not beside this repository")

AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
SIZES = ("1", "2", "3", "4", "5+")
SEASON = Period(2025)
KEY = Ed25519PrivateKey.from_private_bytes(b"d" * 32)


@cache
def households() -> pl.DataFrame:
    read = pl.read_parquet(PEOPLE, columns=["household_id", "age", "household_size"])
    return read.select(pl.col("household_id").cast(pl.UInt64).alias("person"), "age", size="household_size")


def dimension(name: str, codes: tuple[str, ...]) -> Dimension:
    return Dimension(name, name, name, tuple((c, c, c) for c in (*codes, "unknown")))


def gate_policy(factor: int = 1) -> Policy:
    """The packaged promise on two tables of households; `factor` times its epsilon."""
    policy = read_policy()
    age, size = dimension("age", AGES), dimension("size", SIZES)
    people = replace(policy.table("loyalty").measures[0], step=10**6, raw=10**6)
    tables = tuple(
        Table(name, name, name, "base", dimensions, (people,), 1, 1, 1, ())
        for name, dimensions in (("ages", (age,)), ("ages_sizes", (age, size)))
    )
    loss = policy.season["person"]
    return replace(policy, season={"person": replace(loss, epsilon=factor * loss.epsilon)}, tables=tables)


def publisher(home: Path) -> Publisher:
    home.mkdir(parents=True)
    keys = KEY.public_key().public_bytes_raw().hex(), KEY.private_bytes_raw(), b"f" * 32
    return Publisher("shop", ("transactions",), False, *keys, home / "ledger.sqlite", home / "outbox")


def released(home: Path, policy: Policy, people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return publish(publisher(home), at_once(lambda _: people.lazy()), policy, SEASON).release.tables


def allowed(policy: Policy) -> float:
    """The greatest chance of naming one of six that the release's whole curve of (epsilon, delta) leaves."""
    plans = Publisher("shop", ("transactions",), False, "", b"", b"", Path(), Path()).plan(policy, SEASON)
    cost = total(plans)["person"]
    deltas = (Fraction(i, 1000) for i in range(1, 400))
    return min(np.exp(epsilon(cost.rho, d, cost.shift)) / len(AGES) + float(d + cost.delta) for d in deltas)


def exact(people: pl.DataFrame, table: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The true counts of the cells of these tables: what someone who knows all the others can work out."""
    counts = {}
    for name, cells in table.items():
        keys = [c for c in ("age", "size") if c in cells.columns]
        counts[name] = cells.select(keys).join(people.group_by(keys).len("people"), keys, "left", maintain_order="left")
    return counts


def guess(with_her: dict[str, pl.DataFrame], without: dict[str, pl.DataFrame], size: str, random: np.random.Generator) -> str:  # fmt: skip
    """The age whose cells grew most, each difference weighted by its certainty; hidden cells say nothing."""
    score = random.uniform(0, 1e-9, len(AGES))
    for name, cells in with_her.items():
        grown = cells.with_columns(grown=pl.col("people") - without[name]["people"].fill_null(0))
        if name == "ages_sizes":
            grown = grown.filter(pl.col("size") == size)
        ages = grown.filter(pl.col("age").is_in(AGES)).sort("age")
        mean = float(ages["grown"].mean() or 0)  # type: ignore[arg-type]
        score += ((ages["grown"].fill_null(mean) - mean) / ages["people_se"].fill_null(1) ** 2).to_numpy()
    return AGES[int(score.argmax())]


def successes(home: Path, policy: Policy, trials: int) -> tuple[int, int]:
    """How often she is right, subtracting two releases; and knowing all others exactly, from one release alone."""
    random, everyone = np.random.default_rng(), households()
    right = [0, 0]
    for i in range(trials):
        alike = everyone.filter(pl.col("age") == AGES[random.integers(len(AGES))])
        person, age, size = alike.row(int(random.integers(alike.height)))
        others = everyone.filter(pl.col("person") != person)
        full = released(home / f"{i}-with", policy, everyone)
        for j, without in enumerate((released(home / f"{i}-without", policy, others), exact(others, full))):
            right[j] += guess(full, without, size, random) == age
    return right[0], right[1]


def hold(home: Path, trials: int) -> None:
    policy = gate_policy()
    limit = allowed(policy)
    for right in successes(home, policy, trials):
        assert (
            stats.beta.ppf(1e-4, right, trials - right + 1) if right else 0
        ) <= limit  # wrong alarm: once in ten thousand
        assert right < trials


def test_the_gate_itself() -> None:
    """By chance she is right once in six; what this promise allows is not much more."""
    assert 1 / 6 < allowed(gate_policy()) < 1 / 3


def test_subtracting_two_releases_names_few(tmp_path: Path) -> None:
    hold(tmp_path, 8)


@pytest.mark.slow
def test_success_over_many_households_stays_within_what_epsilon_allows(tmp_path: Path) -> None:
    hold(tmp_path, 200)


def test_a_release_with_next_to_no_noise_does_not_pass_the_gate(tmp_path: Path) -> None:
    """The attack works where there is something to find: this gate can fail."""
    loud = gate_policy(500)
    assert min(successes(tmp_path, loud, 10)) == 10
    assert stats.beta.ppf(1e-4, 10, 1) > allowed(gate_policy())


@pytest.mark.parametrize("k", [10, 20, 40])
def test_exact_tables_that_hide_small_cells_give_everyone_away(k: int) -> None:
    """No noise: one cell drops by one, or goes below k and vanishes."""
    everyone = households()

    def table(people: pl.DataFrame) -> dict[str, int]:
        return {a: n for a, n in people.group_by("age").len().iter_rows() if n >= k}

    before, named = table(everyone), 0
    for person, age, _ in everyone.iter_rows():
        after = table(everyone.filter(pl.col("person") != person))
        changed = [a for a, n in before.items() if after.get(a) != n]
        named += changed == [age]
    assert named == everyone.height
