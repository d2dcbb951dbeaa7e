"""Drawings of the last build of the pages, for the next: after an acceptance most are of figures that have not changed.

A drawing takes three quarters of a page's time. Each is kept by a digest of what it is drawn from, which is what the pages show.
What a build of all pages did not draw has gone after it, as its page has: so has what was withdrawn.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from warehouse.folders import swap

_PLACES: ContextVar[tuple[Path, Path | None] | None] = ContextVar(
    "places", default=None
)  # of the last build, of this one


@contextmanager
def kept(place: Path, *, renew: bool) -> Generator[None]:
    """While it lasts, `drawn` looks in a folder first; with `renew`, the folder then holds what was drawn, and no more."""
    making = place.with_name(f".{place.name}.making") if renew else None
    if making:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
    before = _PLACES.set((place, making))
    try:
        yield
    finally:
        _PLACES.reset(before)
    if making:
        swap(making, place)


def drawn(spec: str) -> str:
    """Return the SVG of a Vega-Lite specification."""
    places = _PLACES.get()
    if places is None:
        return vl_convert.vegalite_to_svg(spec)
    old, making = places
    name = hashlib.sha256(f"{_drawer()} {spec}".encode()).hexdigest()
    try:
        text = (old / name).read_text("utf-8")
    except FileNotFoundError:
        text = ""
    if not text.endswith("</svg>"):  # not there, or cut short by a failing disk
        text = vl_convert.vegalite_to_svg(spec)
    if making:
        (making / name).write_text(text, "utf-8")
    return text


@cache
def _drawer() -> str:
    return version("vl-convert-python")
