"""Print pages as PDF, by the Chromium of the machine: the style of print is the pages' own (`templates/style.css`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from privacy.errors import Fault

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SECONDS = 120


def browser() -> str | None:
    """Return the path of the machine's Chromium, if there is one."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def print_pages(pages: Sequence[Path]) -> list[Path]:
    """Write a PDF beside each page and return their paths; a Fault where there is no Chromium, or it fails."""
    program = browser()
    if program is None:
        raise Fault(
            "PDF files are printed by Chromium, which is not installed here (Debian: apt-get install chromium). The pages "
            "themselves are made; any browser prints them.",
            "Les PDF sont imprimés par Chromium, qui n’est pas installé ici (Debian : apt-get install chromium). Les pages, "
            "elles, sont faites ; tout navigateur les imprime.",
        )
    return [_print(program, page) for page in pages]


def _print(program: str, page: Path) -> Path:
    target = page.with_suffix(".pdf")
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        command = [program, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}"]
        command += ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium refuses to root; pages are our own
        command += [f"--print-to-pdf={target.resolve()}", page.resolve().as_uri()]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603 (no shell, our paths)
        except subprocess.TimeoutExpired:
            target.unlink(missing_ok=True)
    if not target.exists():
        raise Fault(f"Chromium could not print {page.name}.", f"Chromium n’a pas pu imprimer {page.name}.")
    return target
