"""A release is what it says, or it is refused by the name of the rule it breaks."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from releases import sender, small_policy
from test_publish import records

from aggregations.founding import add_venue
from aggregations.publication import publisher
from aggregations.venue import Venue
from privacy.calendar import Period
from privacy.errors import VerificationRefusal
from privacy.explain import explain_plan, explain_release
from privacy.parquet import encode
from privacy.policy import Policy, canonical_json
from privacy.publish import publish
from privacy.publisher import Publisher
from privacy.release import Release, deliver, read
from privacy.verification import release_id


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> tuple[Release, bytes]:
    v = add_venue(Venue("theatre", "Théâtre", "theatre", "75056", folder=tmp_path_factory.mktemp("v") / "theatre"))
    p = Publisher(v.id, ("transactions", "counts"), True, v.public_key, v.signing_key, v.person_key, v.ledger, v.outbox)
    return publish(p, records(), policy, Period.parse("2025-2026-T1")).release, v.signing_key


@pytest.fixture
def copy(sealed: tuple[Release, bytes], tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed[0].folder, tmp_path / sealed[0].id))


def refused(folder: Path, key: str | None = None) -> str:
    with pytest.raises(VerificationRefusal) as refusal:
        read(folder, key)
    assert refusal.value.exit_code == 14
    return refusal.value.rule


def test_reading_gives_back_what_was_sealed(sealed: tuple[Release, bytes], copy: Path) -> None:
    again = read(copy)
    assert again.manifest == sealed[0].manifest
    assert all(again.tables[n].equals(t) for n, t in sealed[0].tables.items())


def test_any_flipped_byte_is_refused_by_name(copy: Path) -> None:
    rng = random.Random(2026)
    rules: dict[str, set[str]] = {}
    for path in sorted(p for p in copy.rglob("*") if p.is_file()):
        whole = path.read_bytes()
        for at in [0, len(whole) - 1, *rng.choices(range(len(whole)), k=6)]:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            rules.setdefault(path.suffix, set()).add(refused(copy))
        path.write_bytes(whole)
    assert rules[".parquet"] == {"digest"}
    assert rules[".sig"] <= {"signature", "layout"}
    assert rules[".json"] <= {"signature", "manifest", "layout"}
    read(copy)


def test_another_key_another_name_a_missing_and_a_further_file(copy: Path, tmp_path: Path) -> None:
    assert refused(copy, "00" * 32) == "signature"
    assert refused(Path(shutil.copytree(copy, tmp_path / "renamed"))) == "identity"
    (copy / "notes.txt").write_text("x")
    assert refused(copy) == "layout"
    (copy / "notes.txt").unlink()
    (copy / "tables" / "family.parquet").unlink()
    assert refused(copy) == "layout"


def resign(folder: Path, key: bytes, change: Callable[[dict[str, Any]], None]) -> Path:
    """A venue that signs nonsense with its own good key."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    text = canonical_json(manifest)
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(key).sign(text).hex())
    return folder


def set_in(*path: str | int) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    def with_value(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(manifest: dict[str, Any]) -> None:
            there: Any = manifest
            for key in path[:-1]:
                there = there[key]
            there[path[-1]] = value

        return change

    return with_value


PARAMETERS = ("privacy_loss", "person", "privacy_parameters")


@pytest.mark.parametrize(("rule", "change"), [
    ("manifest", set_in("format")("jauge-release/0")),
    ("manifest", set_in("tables", "family", "dimensions")(None)),
    ("identity", set_in("revision")(7)),
    ("identity", set_in("period")("2025-2026-T2")),
    ("digest", set_in("tables", "family", "sha256")("0" * 64)),
    ("schema", set_in("tables", "schedule", "dimensions", 0, "values")([["unknown", "?", "?"]])),
    ("schema", set_in("tables", "loyalty", "measures", 0, "sigma")(1)),
    ("schema", set_in("tables", "family", "measures", 1, "clip")(1)),
    ("accounting", set_in("tables", "family", "measures", 0, "levels", 0, "sigma")(1)),
    ("accounting", set_in("tables", "family", "measures", 0, "sigma")(1)),
    ("manifest", set_in("tables", "family", "measures", 0, "levels")(2 * [{"sigma": 1, "bound_squared": 1}])),
    ("schema", set_in("tables", "family", "measures", 0, "levels")([])),
    ("suppression", set_in("tables", "schedule", "threshold")(10**9)),
        ("suppression", set_in("tables", "schedule", "threshold")(-(10**9))),
    ("accounting", set_in(*PARAMETERS, "epsilon")(0.1)),
    ("accounting", set_in(*PARAMETERS, "rho")("1/1000")),
    ("accounting", set_in("privacy_loss", "admission")({})),
    ("accounting", set_in("tables", "admissions", "unit")("person")),
    ("manifest", set_in("tables", "family", "delta")("0")),
    ("layout", set_in("tables", "family2")({})),
    ("manifest", lambda m: m["tables"]["family"]["measures"].append(m["tables"]["family"]["measures"][0])),
])  # fmt: skip
def test_a_signed_lie_is_refused_by_name(copy: Path, sealed: tuple[Release, bytes], rule: str, change: Callable[[dict[str, Any]], None]) -> None:  # fmt: skip
    found = refused(resign(copy, sealed[1], change))
    assert found in ((rule, "manifest") if rule == "accounting" else (rule,))


def test_half_a_character_is_no_text(copy: Path, sealed: tuple[Release, bytes]) -> None:
    text = (copy / "manifest.json").read_bytes().replace(b'"published":"', b'"published":"\\ud800', 1)
    (copy / "manifest.json").write_bytes(text)
    (copy / "manifest.sig").write_text(Ed25519PrivateKey.from_private_bytes(sealed[1]).sign(text).hex())
    assert refused(copy) == "manifest"


def test_a_cell_below_the_threshold_is_refused(copy: Path, sealed: tuple[Release, bytes]) -> None:
    import hashlib

    path = copy / "tables" / "schedule.parquet"
    cells = pl.read_parquet(path).with_columns(pl.lit(3.0).alias("people"))
    path.write_bytes(encode(cells))
    change = set_in("tables", "schedule", "sha256")(hashlib.sha256(path.read_bytes()).hexdigest())
    assert refused(resign(copy, sealed[1], change)) in ("suppression", "schema")


def test_parquet_holds_columns_and_nothing_else(sealed: tuple[Release, bytes]) -> None:
    import pyarrow.parquet as pq

    for path in (sealed[0].folder / "tables").iterdir():
        meta = pq.read_metadata(path)
        assert meta.metadata is None
        assert not any(meta.row_group(0).column(i).is_stats_set for i in range(meta.num_columns))


def test_the_identity_is_a_digest_of_public_facts(sealed: tuple[Release, bytes], policy: Policy) -> None:
    assert sealed[0].id == release_id("theatre", "2025-2026-T1", policy.digest, 1)


def test_delivery_is_whole_or_not_at_all(
    sealed: tuple[Release, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "inbox"

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt):
            deliver(sealed[0].folder, inbox)
    assert not (inbox / sealed[0].id).exists()
    assert read(deliver(sealed[0].folder, inbox)).id == sealed[0].id
    assert read(deliver(sealed[0].folder, inbox)).id == sealed[0].id


@pytest.mark.parametrize(("language", "whole", "put"), [("en", "in all", "raking put back"), ("fr", "en tout", "le redressement a remis")])  # fmt: skip
def test_a_release_is_told_with_its_totals_but_kinds_of_admissions_are_not_added(
    sealed: tuple[Release, bytes], language: str, whole: str, put: str
) -> None:
    lines = explain_release(sealed[0], language).splitlines()
    told = {name: next(line for line in lines if spec[language] in line) for name, spec in sealed[0].manifest["tables"].items()}  # fmt: skip
    assert whole not in told["admissions"]
    assert whole in told["provenance"]
    assert put not in told["provenance"]  # nothing was taken there
    assert put in told["schedule"]


@pytest.mark.parametrize(("language", "word"), [("fr", "montré au-dessus de"), ("en", "shown above")])
def test_a_plan_is_told_a_line_a_table(language: str, word: str, tmp_path: Path) -> None:
    s = sender(tmp_path, policy=small_policy("loyalty", "provenance"))
    lines = explain_plan(publisher(s.venue).plan(s.policy, Period.parse("2025-2026")), language).splitlines()
    assert len(lines) == 2
    assert all(word in line for line in lines)
