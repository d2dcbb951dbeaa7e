"""Real processes, really killed (SIGKILL), racing, or out of disk: one charge, one draw, and a clean resume.

Run as a script, this file is the venue's process: it releases a period and delivers it, and kills itself at the step
it is told. Each step is a function of the border, before or after its n-th call.
"""

from __future__ import annotations

import importlib
import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.calendar import Period
from privacy.contributions import at_once
from privacy.declarations import Sketch, Table
from privacy.ledger import Ledger
from privacy.policy import Policy, read_policy
from privacy.publish import Published, publish
from privacy.publisher import Publisher
from privacy.release import deliver, read

T1 = Period.parse("2025-2026-T1")
KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)

STEPS = {  # moment: (function, call at which it strikes, before or after)
    "bounded, not charged": ("privacy.publish:Ledger.charge", 1, "before"),
    "charge written, not committed": ("privacy.ledger:Ledger._append", 1, "after"),
    "charged, no noise yet": ("privacy.drawing:add_noise", 1, "before"),
    "some noise drawn": ("privacy.drawing:add_noise", 3, "after"),
    "all noise drawn, no file": ("privacy.publish:seal", 1, "before"),
    "sketch drawn, no file": ("privacy.publish:draw", 1, "after"),
    "one table's file written": ("pathlib:Path.write_bytes", 1, "after"),
    "the sketch's file written": ("pathlib:Path.write_bytes", 3, "after"),
    "manifest written, not signed": ("pathlib:Path.write_text", 1, "before"),
    "files written, not synced": ("privacy.release:_sync", 1, "before"),
    "synced, not renamed": ("pathlib:Path.rename", 1, "before"),
    "renamed, not synced": ("pathlib:Path.rename", 1, "after"),
    "out, ledger does not know": ("privacy.publish:Ledger.seal", 1, "before"),
    "seal written, not committed": ("privacy.ledger:Ledger._append", 2, "after"),
    "sealed, not delivered": ("privacy.release:deliver", 1, "before"),
    "delivery half copied": ("shutil:copystat", 2, "after"),
    "delivery copied, not renamed": ("pathlib:Path.rename", 2, "before"),
}
OUT = {"renamed, not synced", "out, ledger does not know", "seal written, not committed", "sealed, not delivered",
       "delivery half copied", "delivery copied, not renamed"}  # fmt: skip


def small_policy() -> Policy:
    policy = read_policy()
    sketches = tuple(replace(s, buckets=64, minimum=1, z=Fraction(0)) for s in policy.sketches)
    return replace(policy, tables=tuple(policy.table(name) for name in ("provenance", "schedule")), sketches=sketches)


def publisher(home: Path) -> Publisher:
    public = KEY.public_key().public_bytes_raw().hex()
    keys = public, KEY.private_bytes_raw(), b"f" * 32
    return Publisher("theatre", ("transactions",), False, *keys, home / "ledger.sqlite", home / "outbox", b"m" * 32)


def contributions(tables: tuple[Table, ...]) -> pl.LazyFrame:
    i = pl.int_range(3000, dtype=pl.Int64).alias("person")
    frame = pl.select(i).with_columns(tickets=1 + pl.col("person") % 3)
    for d in {d.name: d for table in tables for d in table.dimensions}.values():
        codes = pl.Series(d.codes)
        frame = frame.with_columns(codes.gather(frame["person"] % len(codes)).alias(d.name))
    return frame.lazy()


def people(sketch: Sketch) -> pl.LazyFrame:
    i = pl.int_range(3000, dtype=pl.UInt64)
    codes = {d.name: pl.lit(d.codes[0]) for d in sketch.attributes}
    return pl.select(person=i, bucket=i % sketch.buckets, **codes).lazy()


def release(home: Path) -> Published:
    return publish(publisher(home), at_once(contributions, people=people), small_policy(), T1)


# --- the process that is killed ---------------------------------------------------------------------------------


def strike(target: str, call: int, when: str, blow: Callable[[], None]) -> None:
    """Replace a function by one that strikes at its n-th call."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    honest, calls = getattr(owner, name), itertools.count(1)

    def struck(*args: Any, **named: Any) -> Any:
        mine = next(calls)  # calls may come from several threads
        if mine == call and when == "before":
            blow()
        result = honest(*args, **named)
        if mine == call and when == "after":
            blow()
        return result

    setattr(owner, name, struck)


def main(home: Path, order: str) -> None:
    def killed() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def wait() -> None:
        (home / "inside").touch()
        time.sleep(60)

    if order == "race":
        (home / f"ready-{os.getpid()}").touch()
        while not (home / "go").exists():
            time.sleep(0.001)
    elif order == "hold":
        strike("privacy.drawing:add_noise", 2, "before", wait)
    elif order.startswith("no room "):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write past the limit fails with EFBIG
        limit = int(order.split()[2]), resource.RLIM_INFINITY
        target = "privacy.drawing:add_noise" if limit[0] else "privacy.publish:Ledger.charge"
        strike(target, 1, "before", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    elif order in STEPS:
        strike(*STEPS[order], killed)
    done = release(home)
    importlib.import_module("privacy.release").deliver(done.release.folder, home / "hub")
    sys.stdout.write(f"{done.drawn} {done.release.manifest_sha256}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])


# --- what must hold ---------------------------------------------------------------------------------------------


def start(home: Path, order: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[1]
    command = [sys.executable, __file__, str(home), order]
    return subprocess.Popen(
        command, cwd=root, env=os.environ | {"PYTHONPATH": str(root), "POLARS_MAX_THREADS": "1"},  # as on one core
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def visible(folder: Path) -> dict[str, bytes]:
    """Every byte a reader may find: what is under a dotted name is not out."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file()) if folder.exists() else ()
    named = ((p.relative_to(folder), p) for p in files)
    return {name.as_posix(): p.read_bytes() for name, p in named if not name.parts[0].startswith(".")}


def resume(home: Path) -> Published:
    """A new process's turn: it must end with one charge, one sealed folder, delivered, the same for ever."""
    done = release(home)
    ledger = Ledger(home / "ledger.sqlite")
    assert [c.release_id for c in ledger.charges] == [done.release.id] == list(ledger.seals)
    bytes_out = visible(home / "outbox")
    assert {name.split("/")[0] for name in bytes_out} == {done.release.id}
    read(deliver(done.release.folder, home / "hub"), publisher(home).public_key)
    assert visible(home / "hub") == bytes_out
    assert not release(home).drawn
    assert visible(home / "outbox") == bytes_out
    return done


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(m, marks=() if m in {"some noise drawn", "renamed, not synced"}
                     else pytest.mark.slow)
        for m in STEPS
    ],
)  # fmt: skip
def test_killed_at_a_step_one_charge_one_draw_and_a_clean_resume(tmp_path: Path, moment: str) -> None:
    child = start(tmp_path, moment)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, errors
    before = visible(tmp_path / "outbox"), visible(tmp_path / "hub")
    assert bool(before[0]) == (moment in OUT)
    assert not before[1]  # a half copied delivery is not a delivery
    charged = Ledger(tmp_path / "ledger.sqlite").charges
    assert len(charged) == (moment not in {"bounded, not charged", "charge written, not committed"})
    done = resume(tmp_path)
    assert done.drawn == (moment not in OUT)
    assert not charged or charged[0] == Ledger(tmp_path / "ledger.sqlite").charges[0]
    if before[0]:
        assert visible(tmp_path / "outbox") == before[0]


@pytest.mark.slow
def test_killed_again_and_again_still_one_charge_and_one_draw(tmp_path: Path) -> None:
    for moment in ("some noise drawn", "files written, not synced", "one table's file written", "synced, not renamed"):
        start(tmp_path, moment).communicate(timeout=60)
        assert not visible(tmp_path / "outbox")
    assert resume(tmp_path).drawn


def test_two_processes_at_once_one_draws_and_both_end_with_the_same_bytes(tmp_path: Path) -> None:
    children = [start(tmp_path, "race") for _ in range(2)]
    while len(list(tmp_path.glob("ready-*"))) < 2:
        assert all(c.poll() is None for c in children), children[0].communicate()
        time.sleep(0.01)
    (tmp_path / "go").touch()
    said = [c.communicate(timeout=60)[0].split() for c in children]
    assert sorted(drawn for drawn, _ in said) == ["False", "True"]
    assert len({digest for _, digest in said}) == 1
    assert not resume(tmp_path).drawn


@pytest.mark.slow
def test_who_waits_for_a_process_that_is_killed_takes_over(tmp_path: Path) -> None:
    holder = start(tmp_path, "hold")
    while not (tmp_path / "inside").exists():
        assert holder.poll() is None, holder.communicate()
        time.sleep(0.01)
    waiting = start(tmp_path, "resume")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.communicate(timeout=5)
    holder.kill()
    holder.communicate()
    assert waiting.communicate(timeout=60)[0].startswith("True")
    assert not resume(tmp_path).drawn


# --- no room ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "out"),
    [
        pytest.param(0, False, id="the charge does not fit"),
        pytest.param(100, False, id="a table's file does not fit"),
        pytest.param(2000, False, id="the manifest does not fit"),
        pytest.param(8000, True, id="the ledger's seal does not fit"),
    ],
)
def test_where_a_file_may_not_grow_nothing_is_lost(tmp_path: Path, limit: int, out: bool) -> None:
    child = start(tmp_path, f"no room {limit}")
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 1, errors
    before = visible(tmp_path / "outbox")
    assert bool(before) == out
    assert len(Ledger(tmp_path / "ledger.sqlite").charges) == (limit > 0)
    assert resume(tmp_path).drawn != out
    assert not out or visible(tmp_path / "outbox") == before


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Path]:
    """A disk of 256 KiB of its own, which only root may mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=False).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_loses_nothing(disk: Path) -> None:
    """With less and less room left, each try fails at another step; with room again, the release comes out."""
    filler = disk / "filler"
    failed: list[str] = []
    out: dict[str, bytes] = {}
    for free in (0, 16, 24, 32, 40, 48, 56, 64):  # KiB
        filler.write_bytes(b"")
        left = shutil.disk_usage(disk).free
        filler.write_bytes(b"." * max(0, left - free * 1024))
        try:
            release(disk)
        except Exception as full:  # noqa: BLE001 -- any: what matters is what is left behind
            failed.append(type(full).__name__)
        else:
            break
        if out := out or visible(disk / "outbox"):  # the last step, the ledger's seal, is what failed
            assert visible(disk / "outbox") == out
    assert len(failed) >= 2, failed
    filler.unlink()
    resume(disk)
    assert not out or visible(disk / "outbox") == out
