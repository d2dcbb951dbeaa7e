"""The borders hold, and would be seen if they did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("aggregations", "pipelines", "privacy", "warehouse")
MODULES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_import_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("module", "line", "contract"), [
    ("privacy/policy.py", "import aggregations.schema", "privacy is the border"),
    ("aggregations/tables.py", "import warehouse.lake", "the venue cannot reach the warehouse"),
    ("warehouse/lake.py", "import privacy.ledger", "the hub reads releases"),
    ("pipelines/hub.py", "import aggregations.schema", "the hub reads releases"),
    ("aggregations/tables.py", "import aggregations.listings", "nothing that is released reads"),
    ("aggregations/segments.py", "import opendp.prelude", "only privacy knows OpenDP"),
    ("warehouse/lake.py", "import dagster", "only pipelines knows Dagster"),
    ("aggregations/ingest.py", "import httpx", "only pull, push, sibil and dataspace of pipelines ask anything of a network"),
    ("aggregations/tables.py", "import aggregations.declarations.box_office", "nothing that is released reads a venue's exact"),
    ("warehouse/lake.py", "import pipelines.sibil.sending", "nothing that is released reads a venue's exact"),
    ("privacy/accounting.py", "import privacy.noise", "inside privacy, one direction"),
])  # fmt: skip
def test_a_contract_broken_on_purpose_is_seen(tmp_path: Path, module: str, line: str, contract: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "reference"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text((tmp_path / module).read_text("utf-8") + f"\n{line}\n", "utf-8")
    done = lint(tmp_path)
    assert done.returncode == 1
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), done.stdout


def python(code: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hub_never_loads_what_makes_a_release(tmp_path: Path) -> None:
    code = "import sys, pipelines.hub; print([m for m in ('opendp', 'privacy.noise', 'privacy.publish', 'aggregations') if m in sys.modules])"
    assert python(code, tmp_path).strip() == "[]"


def test_importing_touches_nothing(tmp_path: Path) -> None:
    """No file written, no environment read that decides what exists, no database, no network."""
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in MODULES]
    code = f"""
import socket, importlib
def closed(*a, **k): raise OSError('network at import')
socket.socket.connect = closed
for name in {names!r}: importlib.import_module(name)
"""
    python(code, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_noise_has_one_home() -> None:
    """No other source of randomness in the code that publishes: keys are the only secrets drawn."""
    for path in MODULES:
        package = path.relative_to(ROOT).parts[0]
        text = path.read_text("utf-8")
        if package != "pipelines":
            assert "numpy.random" not in text
            assert "np.random" not in text
            assert "import random" not in text
            assert (
                "secrets." not in text
                or path.name in ("founding.py", "signing.py", "inspection.py", "cooperative.py")
                or path.parent.name == "partners"
            )
        if path != ROOT / "privacy" / "noise.py":
            assert "import opendp" not in text


def test_the_wheel_holds_exactly_four_packages() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert config["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith('"""'), "a module opens with what it is"
    assert len(text.splitlines()) <= 250, "one noun or verb each"
