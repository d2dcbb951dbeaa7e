"""A long audit on demand: what whole seasons give away, against what is claimed, and whether planted faults show.

    uv run python benchmarks/audit.py [--seasons 24] [--blocks 500]

First the audited setting of tests/test_audit.py, sharp because its delta is large; then the packaged policy's own
promise (epsilon 4, delta 1e-7), where the same loss is harder to see; then the six faults. Prints a table; the last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import test_audit as planted
from audit import Finding, audit, audited_policy, neighbours

from privacy.policy import Loss, read_policy

FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "noise scale 30 % low": (planted.lower_the_noise, planted.AT),
    "bounding skipped": (planted.skip_bounding, planted.BEYOND),
    "threshold on the exact count": (planted.threshold_on_the_exact_count, planted.KTH),
    "fresh noise on re-run": (planted.draw_again_when_asked_again, planted.AT),
    "row order leaking": (planted.keep_the_first_rows, planted.ORDER),
    "one table not charged": (planted.forget_to_charge, planted.AT),
}


def one(seasons: int, blocks: int, loss: Loss, who: str, crowd: int, fault: Any = None) -> Finding:
    policy = audited_policy(blocks, loss, Fraction(1))
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() if fault else nullcontext() as patch:
        if fault:
            fault(patch)
        return audit(Path(home), policy, neighbours(crowd, policy.k)[who], seasons)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seasons", type=int, default=24)
    options.add_argument("--blocks", type=int, default=500)
    chosen = options.parse_args()
    size, packaged = (chosen.seasons, chosen.blocks), read_policy().season["person"]
    sharp, vast = planted.LOSS, 90  # the packaged promise needs more noise, so larger crowds to stand above it
    runs = [(who, sharp, who, planted.CROWD, None) for who in planted.WHO]
    runs += [(f"{planted.AT}, packaged promise", packaged, planted.AT, vast, None)]
    runs += [(f"FAULT {name}", sharp, who, planted.CROWD, fault) for name, (fault, who) in FAULTS.items()]
    shown = Table("who, or which fault", "claimed", "delta", "at least", "seen by", "trials", "verdict")
    found: dict[str, Finding] = {}
    for title, loss, who, crowd, fault in runs:
        f = found[title] = one(*size, loss, who, crowd, fault)
        verdict = ("caught" if f.broken else "MISSED") if fault else ("BROKEN" if f.broken else "holds")
        trials = f"{sum(f.trials):,}"
        shown.add_row(title, f"{f.claimed:g}", f"{f.delta:g}", f"{f.bound:.2f}", f.how, trials, verdict)
    Console(width=140).print(shown)
    faults = [f for title, f in found.items() if title.startswith("FAULT")]
    honest = [f for title, f in found.items() if not title.startswith("FAULT") and f.claimed == float(sharp.epsilon)]
    print(json.dumps({
        "epsilon": float(sharp.epsilon), "delta": float(sharp.delta), "bound": round(max(f.bound for f in honest), 3),
        "faults": len(faults), "caught": sum(f.broken for f in faults),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
