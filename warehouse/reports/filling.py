"""How pages are filled in: HTML where nothing that is put in becomes markup, and no word may be missing."""

from __future__ import annotations

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


@cache
def pages(*packages: str) -> Environment:
    """Return the templates of some packages, the first that has one of the name asked for."""
    loader = ChoiceLoader([PackageLoader(package) for package in packages])
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
