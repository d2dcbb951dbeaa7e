"""The documents say what the program does: README's session is run, words are used, commands are told."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = [
    p
    for d in ("aggregations", "privacy", "warehouse", "pipelines")
    for p in (ROOT / d).rglob("*")
    if p.suffix in (".py", ".toml", ".sql", ".html")
]
PROSE = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]


def session() -> list[tuple[str, str]]:
    """Each command of README's console blocks, with what it is said to print."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    parts = [part.split("\n", 1) for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output.strip()) for command, output in parts]


def masked(text: str) -> list[str]:
    """Noise and dates differ from run to run, and so do the widths they make: figures become #."""
    text = re.sub(r"\d{4}-\d{2}-\d{2}\b", "DAY", text)
    text = re.sub(r"(?<![\w-])\d[\d,]*\.\d\b", "#", text)
    return [re.sub(r"[━─ ]+", " ", line).strip() for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_readmes_session_is_real(tmp_path: Path) -> None:
    """The newcomer's commands, in a home of their own, with what README says they print."""
    environment = os.environ | {
        "JAUGE_HOME": str(tmp_path / ".jauge"),
        "COLUMNS": "400",
        "JAUGE_LANG": "en",
        "DAGSTER_HOME": "",
    }
    jauge = str(Path(sys.executable).with_name("jauge"))
    (first, _), *_ = session()
    assert first == "pip install uv && uv run jauge demo"
    for command, said in session():
        words = shlex.split(command.split("&& ")[-1])
        assert words[:3] == ["uv", "run", "jauge"]
        done = subprocess.run(
            [jauge, *words[3:]], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == (11 if "--revise" in command else 0), done.stderr[-3000:]
        printed = (
            done.stderr.strip().splitlines()[-1] if done.returncode else done.stdout.replace(str(tmp_path) + "/", "")
        )
        assert masked(said) == masked(printed), command


def test_the_policy_that_readme_tells_is_the_packaged_one() -> None:
    from privacy.explain import explain_policy
    from privacy.policy import read_policy

    assert explain_policy(read_policy(), "en") in README


def test_avoided_words_are_not_used() -> None:
    """GLOSSARY's words to avoid, where a reader would meet them; the glossary and the law's own terms excepted."""
    avoided = re.compile(r"\b(anonymi[sz]ed|anonymisée?s?|PII|customers?\b(?!\.json)|users?)\b", re.IGNORECASE)
    foreign = {"user_pseudo_id", "user_id"}
    for path in PROSE:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found = [w for w in avoided.findall(line) if w.lower() not in foreign]
            assert not found, f"{path.name}:{number} {found}"


def test_every_word_of_the_glossary_is_used() -> None:
    code = "\n".join(p.read_text("utf-8") for p in SOURCES).lower()
    words = re.findall(r"^\| (\w+) \|", (ROOT / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE)
    assert len(words) > 20
    for word in words:
        assert word == "word" or word in code, word


def test_links_lead_somewhere() -> None:
    for path in PROSE:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} → {target}"


def test_decisions_are_short() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len(decisions) >= 5
    for path in decisions:
        assert len(path.read_text("utf-8").splitlines()) <= 40
        assert all(
            f"**{part}.**" in path.read_text("utf-8") for part in ("Context", "Decision", "Consequences", "Rejected")
        )


def test_nothing_names_this_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(r"/wo" + r"rk/|pypi\." + r"org|npmjs\." + r"|deb\.deb" + r"ian|files\.pythonho" + r"sted")
    for name in listed:
        if Path(name).suffix in (".py", ".md", ".toml", ".yaml", ".sql", ".html", ""):
            text = (ROOT / name).read_text("utf-8", errors="ignore")
            assert not forbidden.search(text), name
    assert not any(name.endswith(".lock") for name in listed)
