"""Sketches at the border: one person, one bucket of one part a group; the noise claimed; sealed, and refused when it lies."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from test_noise_law import p_value

from privacy.accounting import Cost, epsilon, season_budget
from privacy.buckets import MOST, scale, threshold
from privacy.calendar import Period
from privacy.charges import Charge
from privacy.contributions import Contributions, Count, Found, Part, at_once
from privacy.declarations import Sketch, Table
from privacy.errors import Fault, PolicyRefusal, VerificationRefusal
from privacy.explain import explain_policy, explain_release, explain_sketches
from privacy.ledger import Ledger
from privacy.parquet import encode
from privacy.plan import plan_sketches, total
from privacy.policy import Policy, canonical_json, read_policy
from privacy.publish import publish
from privacy.publisher import Publisher
from privacy.release import Release, read
from privacy.sketch import count, draw, gather_sketch, key_id, season_key

SEASON, T1 = Period.parse("2025-2026"), Period.parse("2025-2026-T1")
KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
ROOT = b"k" * 32
RICH = Charge("test", "2025-2026", 1, "", {"person": Cost(Fraction(10))}, "")
REACH = next(s for s in read_policy().sketches if s.name == "reach")
SMALL = dataclasses.replace(REACH, buckets=8)


def size(sketch: Sketch) -> int:
    return sketch.buckets * sum(len(sketch.parts(group)) for group in sketch.groups)


def frame(rows: list[dict[str, Any]]) -> pl.LazyFrame:
    columns = {"person": pl.UInt64(), "bucket": pl.UInt64(), **{d.name: pl.String() for d in REACH.attributes}}
    return pl.LazyFrame(rows, schema=columns)


@st.composite
def rows_of(draw: st.DrawFn, person: int) -> list[dict[str, Any]]:
    """Any rows of one person: several buckets and values, codes that nobody declared, nulls."""
    row = st.fixed_dictionaries(
        {"bucket": st.one_of(st.none(), st.integers(0, SMALL.buckets - 1))}
        | {d.name: st.one_of(st.none(), st.sampled_from([*d.codes, "no-such-code"])) for d in REACH.attributes}
    )
    return [{"person": person, **one} for one in draw(st.lists(row, max_size=4))]


def counted(rows: list[dict[str, Any]]) -> np.ndarray:
    return count(SMALL, frame(rows), Part()).sums["reach"][0]


@given(st.data())
def test_a_person_more_changes_one_bucket_of_one_part_a_group_by_one(data: st.DataObject) -> None:
    others = [row for i in range(5) for row in data.draw(rows_of(i))]
    hers = data.draw(rows_of(99))
    place = data.draw(st.integers(0, len(others)))
    moved = counted(others[:place] + hers + others[place:]) - counted(others)
    assert len(moved) == size(SMALL)
    known = any(row["bucket"] is not None for row in hers)
    start = 0
    for group in SMALL.groups:
        own = moved[start : (start := start + len(SMALL.parts(group)) * SMALL.buckets)]
        assert sorted(own)[:-1] == [0] * (len(own) - 1)
        assert own.max() == known
        assert np.square(own).sum() <= 1  # in people; in steps, step squared: what `plan_sketches` pays for


@given(st.permutations([row for i in range(4) for row in ({"person": i, "bucket": i}, {"person": i, "bucket": 7 - i})]))
def test_the_order_of_rows_tells_nothing(rows: list[dict[str, Any]]) -> None:
    assert counted(rows).tolist() == counted(sorted(rows, key=str)).tolist()


def test_parts_of_the_records_add_up_and_may_not_share_a_person() -> None:
    rows = [{"person": i, "bucket": i % 8, "loyalty": "primo"} for i in range(50)]

    def parts(*numbers: int) -> Contributions:
        def people(sketch: Sketch, work: Count) -> list[Found]:
            return [work(sketch, frame([r for r in rows if r["person"] % 3 == n]), Part(n, 3)) for n in numbers]

        return dataclasses.replace(at_once(lambda _: pl.LazyFrame()), people=people)

    assert gather_sketch(parts(0, 1, 2), SMALL).tolist() == counted(rows).tolist()
    for wrong in ((0, 1), (0, 1, 1, 2)):
        with pytest.raises(Fault, match="missing or came twice"):
            gather_sketch(parts(*wrong), SMALL)
    with pytest.raises(Fault, match="another part"):
        count(SMALL, frame(rows), Part(0, 3))
    with pytest.raises(Fault, match="no bucket"):
        count(SMALL, frame([{"person": 1, "bucket": 8}]), Part())
    with pytest.raises(Fault, match="lack bucket, loyalty"):
        count(SMALL, frame(rows).drop("bucket", "loyalty"), Part())


# --- cost and noise ---------------------------------------------------------------------------------------------


def test_the_seasons_epsilon_stays_and_sketches_are_in_it(policy: Policy) -> None:
    """Four quarters and the season, with sketches and without: within the budget, the tables giving what sketches take."""
    spent: dict[bool, Cost] = {}
    for key in (b"", ROOT):
        own = publisher(Path(), key)
        costs = [
            total(own.plan(policy, period), own.sketches(policy, period))["person"]
            for period in [Period(2025, quarter) for quarter in range(5)]
        ]
        spent[bool(key)] = sum(costs, Cost())
        assert spent[bool(key)].within(season_budget(policy, "person"))
        loss = policy.season["person"]
        assert epsilon(spent[bool(key)].rho, loss.delta - loss.selection_delta, spent[bool(key)].shift) <= loss.epsilon
    assert float(spent[True].rho / spent[False].rho) == pytest.approx(1, abs=1e-3)
    sketches = publisher(Path(), ROOT).sketches(policy, SEASON)
    assert float(total((), sketches)["person"].rho / total(publisher(Path(), ROOT).plan(policy, SEASON))["person"].rho) == (
        pytest.approx(REACH.weight / sum(t.weight for t in policy.tables if t.unit == "person" and t.records != "interactions"), rel=1e-3)
    )  # fmt: skip


def test_the_cost_is_opendps_and_covers_a_person_in_every_group(policy: Policy) -> None:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    [plan] = publisher(Path(), ROOT).sketches(policy, SEASON)
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    priced = sum(dp.m.make_gaussian(*space, scale=float(n.sigma)).map(1000.0) for n in plan.groups)
    assert float(plan.cost.rho) == pytest.approx(priced, rel=1e-9)


def test_the_noise_of_a_sketch_is_the_one_stated_and_not_one_twenty_percent_off() -> None:
    [plan] = plan_sketches(read_policy(), SEASON, (), (dataclasses.replace(REACH, minimum=1, z=Fraction(0)),))
    exact = np.full(size(REACH), 100)  # every part far above its threshold
    rows = draw(plan, exact, RICH)
    assert set(rows["part"]) == {part for group in REACH.groups for part in REACH.parts(group)}
    everyone, *others = plan.groups
    assert len({noise.sigma for noise in others}) == 1
    for noise, of_all in ((everyone, True), (others[0], False)):
        drawn = rows.filter((pl.col("part") == "all") == of_all)["count"].to_numpy() - 100
        stated = scale(noise.sigma, noise.measure.step)
        assert drawn.std() == pytest.approx(stated, rel=6 / np.sqrt(2 * len(drawn)))
        if not of_all:  # some ten thousand draws
            assert p_value(drawn, stated) > 1e-6
            assert p_value(drawn, stated * 1.2) < 1e-6
            assert p_value(drawn, stated / 1.2) < 1e-6


def test_whether_a_part_shows_is_decided_on_noise_alone(policy: Policy) -> None:
    """Nobody is there: the sum is noise, and parts below the threshold are not there at all."""
    [plan] = publisher(Path(), ROOT).sketches(policy, SEASON)
    rows = draw(plan, np.zeros(size(REACH), np.int64), RICH)
    assert rows.height % REACH.buckets == 0
    for (part,), own in rows.group_by("part"):
        noise = plan.groups[REACH.groups.index(str(part).split(":")[0])]
        assert own["count"].sum() > threshold(REACH.minimum, REACH.z, noise.sigma, 1000, REACH.buckets)
    assert len(rows["part"].unique()) < 8
    crowd = draw(plan, np.full(size(REACH), 10**6), RICH)
    assert crowd["count"].max() == MOST


def test_season_keys_are_hmacs_of_the_root_and_say_nothing_of_each_other() -> None:
    import hmac

    assert season_key(ROOT, "2025-2026") == hmac.digest(ROOT, b"season 2025-2026", "sha256")
    assert len({key_id(season_key(ROOT, f"{y}-{y + 1}")) for y in range(2020, 2030)} | {key_id(ROOT)}) == 11


# --- the sequence, the seal ----------------------------------------------------------------------------------------


def publisher(home: Path, key: bytes) -> Publisher:
    public = KEY.public_key().public_bytes_raw().hex()
    keys = public, KEY.private_bytes_raw(), b"f" * 32
    return Publisher("theatre", ("transactions",), False, *keys, home / "ledger.sqlite", home / "outbox", key)


def people(sketch: Sketch) -> pl.LazyFrame:
    i = pl.int_range(5000, dtype=pl.UInt64)
    columns = {"person": i, "bucket": i * 37 % sketch.buckets}
    return pl.select(**columns, **{d.name: pl.lit(d.codes[0]) for d in sketch.attributes}).lazy()


def contributions(tables: tuple[Table, ...]) -> pl.LazyFrame:
    dimensions = {d.name: pl.lit(d.codes[0]) for t in tables for d in t.dimensions}
    return pl.select(person=pl.int_range(3000), tickets=pl.lit(1).repeat_by(3000).explode(), **dimensions).lazy()


@pytest.fixture(scope="module")
def small(policy: Policy) -> Policy:
    """One table, and sketches that show no empty part by chance."""
    sketch = dataclasses.replace(REACH, z=Fraction(7))
    return dataclasses.replace(policy, tables=(policy.table("provenance"),), sketches=(sketch,))


@pytest.fixture(scope="module")
def sealed(small: Policy, tmp_path_factory: pytest.TempPathFactory) -> Release:
    of = at_once(contributions, people=people)
    return publish(publisher(tmp_path_factory.mktemp("v"), ROOT), of, small, T1).release


@pytest.fixture
def copy(sealed: Release, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed.folder, tmp_path / sealed.id))


def test_a_release_holds_its_sketch_and_tells_how_to_read_it(sealed: Release, small: Policy) -> None:
    spec, rows = sealed.manifest["sketches"]["reach"], sealed.sketches["reach"]
    assert (
        spec["parts"]
        == sorted(rows["part"].unique())
        == ["age_band:0-14", "all", "loyalty:primo", "provenance:commune"]
    )
    assert rows.columns == ["part", "bucket", "count"]
    assert rows.filter(part="all")["bucket"].to_list() == list(range(REACH.buckets))
    assert abs(rows.filter(part="all")["count"].sum() - 5000) < 6 * scale(spec["groups"][0]["sigma"], 1000) * 23
    assert (spec["season"], spec["key"]) == ("2025-2026", key_id(season_key(ROOT, "2025-2026")))
    assert (sealed.folder / "sketches" / "reach.parquet").stat().st_size < 32 * 1024 * len(spec["parts"])
    assert sealed.public_facts()["parts_shown_reach"] == 4
    told = explain_release(sealed, "en")
    assert "everyone: each bucket ± " in told
    assert "1 of 6 parts shown" in told
    assert "tout le public : chaque compartiment" in explain_release(sealed, "fr")
    assert "loyalty: each bucket" in explain_sketches(publisher(Path(), ROOT).sketches(small, T1), "en")
    assert "8. Esquisses" in explain_policy(small, "fr")


def test_without_the_key_there_is_no_sketch_and_tables_keep_the_budget(small: Policy, tmp_path: Path) -> None:
    out = publish(publisher(tmp_path, b""), at_once(contributions), small, T1).release
    assert out.sketches == out.manifest["sketches"] == {}
    assert not (out.folder / "sketches").exists()
    with_key = publisher(tmp_path, ROOT).plan(small, T1)[0].cells[0].sigma
    assert publisher(tmp_path, b"").plan(small, T1)[0].cells[0].sigma < with_key


@pytest.mark.parametrize("moment", ["gather_sketch", "draw", "seal"])
def test_killed_around_the_sketch_one_charge_and_one_draw(small: Policy, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from privacy import publish as publishing

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    own, of = publisher(tmp_path, ROOT), at_once(contributions, people=people)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, moment, stop)
        with pytest.raises(KeyboardInterrupt):
            publish(own, of, small, T1)
    assert len(Ledger(own.ledger).charges) == (moment != "gather_sketch")
    done = publish(own, of, small, T1)
    assert done.drawn
    assert len(Ledger(own.ledger).charges) == 1
    again = publish(own, of, small, T1)
    assert not again.drawn
    assert again.release.sketches["reach"].equals(done.release.sketches["reach"])


def test_noise_the_charge_does_not_cover_is_not_drawn(small: Policy) -> None:
    [plan] = publisher(Path(), ROOT).sketches(small, T1)
    poor = dataclasses.replace(RICH, costs={"person": Cost(Fraction(1, 10**9))})
    with pytest.raises(Fault, match="nothing was drawn"):
        draw(plan, np.zeros(size(REACH), np.int64), poor)


# --- lies -------------------------------------------------------------------------------------------------------


def resigned(folder: Path, change: Any, rows: pl.DataFrame | None = None) -> str:
    """A venue signs something else with its own good key: which rule refuses it?"""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    spec = manifest["sketches"]["reach"]
    if rows is not None:
        path = folder / "sketches" / "reach.parquet"
        path.write_bytes(encode(rows))
        spec["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    change(manifest, spec)
    text = canonical_json(manifest)
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sig").write_text(KEY.sign(text).hex())
    with pytest.raises(VerificationRefusal) as refusal:
        read(folder)
    return refusal.value.rule


def nothing(_manifest: Any, _spec: Any) -> None:
    pass


@pytest.mark.parametrize(("rule", "change"), [
    ("digest", lambda _, s: s.update(sha256="0" * 64)),
    ("layout", lambda m, s: m["sketches"].update(other=s)),
    ("layout", lambda m, _: m["sketches"].clear()),
    ("layout", lambda m, _: m.update(sketches=[])),
    ("manifest", lambda m, _: m.update(format="jauge-release/2")),
    ("manifest", lambda _, s: s.update(season="2024-2025")),
    ("manifest", lambda _, s: s.pop("groups")),
    ("manifest", lambda _, s: s.update(mechanism="none")),
    ("schema", lambda _, s: s.update(buckets=256)),
    ("manifest", lambda _, s: s.update(buckets=2**40)),
    ("schema", lambda _, s: s.update(parts=s["parts"][1:])),
    ("schema", lambda _, s: s.update(parts=["nobody", *s["parts"]])),
    ("schema", lambda _, s: s.update(attributes=[])),
    ("schema", lambda _, s: s["groups"][1]["parts"].append("all")),
    ("schema", lambda _, s: s["groups"][0].update(bound_squared=1)),
    ("suppression", lambda _, s: s["groups"][0].update(threshold=0)),
    ("suppression", lambda _, s: s["groups"][0].update(threshold=10**6)),
    ("suppression", lambda _, s: s.update(minimum=10**5)),
    ("accounting", lambda _, s: s["groups"][0].update(sigma=1000)),
    ("accounting", lambda m, s: m["privacy_loss"]["person"]["privacy_parameters"].update(rho="1/1000")),
])  # fmt: skip
def test_a_signed_lie_about_a_sketch_is_refused_by_name(copy: Path, rule: str, change: Any) -> None:
    assert resigned(copy, change) == rule


@pytest.mark.parametrize(("rule", "spoil"), [
    ("schema", lambda rows: rows.reverse()),
    ("schema", lambda rows: rows.head(-1)),
    ("schema", lambda rows: rows.with_columns(pl.col("count") + 40_000)),
    ("schema", lambda rows: rows.with_columns(count=pl.when(pl.col("bucket") > 0).then("count"))),
    ("schema", lambda rows: rows.with_columns(pl.col("count").cast(pl.Float64))),
    ("schema", lambda rows: rows.with_columns(person=pl.col("bucket"))),
    ("suppression", lambda rows: rows.with_columns(count=pl.lit(0, pl.Int32))),
])  # fmt: skip
def test_other_rows_than_a_sketch_may_have_are_refused_by_name(copy: Path, rule: str, spoil: Any) -> None:
    assert resigned(copy, nothing, spoil(pl.read_parquet(copy / "sketches" / "reach.parquet"))) == rule


# --- what a policy may say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    {"buckets": 0}, {"buckets": 2**15}, {"weight": 0}, {"minimum": 0}, {"max_tickets": 0}, {"z": Fraction(-1)},
    {"everyone": Fraction(1)}, {"everyone": Fraction(0)}, {"records": "interactions"}, {"leaves_out": ("adults",)},
])  # fmt: skip
def test_a_policy_may_not_declare_such_a_sketch(change: dict[str, Any]) -> None:
    assert list(REACH.faults()) == []
    assert [text for text in dataclasses.replace(REACH, **change).faults() if "sketches.reach" in text]


def test_a_sketch_of_everyone_alone_gets_all_of_its_budget() -> None:
    alone = dataclasses.replace(REACH, attributes=())
    assert (alone.groups, alone.share("all")) == (("all",), 1)
    assert sum(REACH.share(group) for group in REACH.groups) == 1


def test_noise_of_a_few_steps_is_refused(policy: Policy) -> None:

    coarse = dataclasses.replace(REACH, measure=dataclasses.replace(REACH.measure, step=1, raw=1))
    with pytest.raises(PolicyRefusal, match="reach: the noise is but a few steps"):
        plan_sketches(policy, SEASON, policy.tables, (coarse,))


def test_a_policy_has_one_sketch_at_most(tmp_path: Path) -> None:
    text = (files("privacy") / "policy.toml").read_text("utf-8")
    start = text.index("[sketches.reach]")
    more = text[start:].split("\n[", 1)[0].replace("sketches.reach", "sketches.other")
    (tmp_path / "policy.toml").write_text(f"{text[:start]}{more}\n{text[start:]}", "utf-8")
    with pytest.raises(Fault, match="sketches: one at most"):
        read_policy(tmp_path / "policy.toml")
