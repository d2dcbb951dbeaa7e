"""Write the catalogue, to be served as it is: a page for people, DCAT-AP, contracts and privacy records for programs.

    catalogue/
        index.html                  the page; every identifier of the catalogue begins with its address
        catalogue.ttl, .jsonld      DCAT-AP 3.0.1 and ODRL, the same graph
        contracts/<table>.yaml      Open Data Contract Standard 3.1.0
        privacy/<table>.yaml        OpenDP Deployments Registry
        .well-known/tdmrep.json     whether text and data mining is reserved, for the root of the host

Swapped in when all of it is written. Made again from the same state of the lake, it is the same.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from privacy.registry import record
from warehouse.catalogue import words
from warehouse.catalogue.contract import contract
from warehouse.catalogue.dcat import graph, json_ld, turtle
from warehouse.catalogue.products import Catalogue, Product, read_catalogue
from warehouse.catalogue.settings import NOWHERE
from warehouse.catalogue.terms import library
from warehouse.folders import swap
from warehouse.governance import Hub
from warehouse.reports.filling import pages


class _Readable(yaml.SafeDumper):
    """YAML whose lists of sentences are lines."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def write_catalogue(hub: Hub, *, snapshot: int | None = None) -> list[Path]:
    """Write `hub/catalogue/` anew, of the lake as it is or was, and return its files."""
    catalogue, place = read_catalogue(hub, snapshot=snapshot), hub.folder / "catalogue"
    made = graph(catalogue)
    texts = {"index.html": _page(catalogue), "catalogue.ttl": turtle(made), "catalogue.jsonld": json_ld(made)}
    where = urlsplit(catalogue.settings.base).path
    said = [{"location": f"{where}*", "tdm-reservation": catalogue.settings.reservation}]
    texts[".well-known/tdmrep.json"] = json.dumps(said, indent=2) + "\n"
    for product in catalogue.products:
        name = f"{product.table.name}.yaml"
        texts[f"contracts/{name}"] = _yaml(contract(catalogue, product))
        texts[f"privacy/{name}"] = _yaml(privacy_record(catalogue, product))
    making = place.with_name(f".{place.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for name, text in texts.items():
        (making / name).parent.mkdir(parents=True, exist_ok=True)
        (making / name).write_text(text, "utf-8")
    swap(making, place)
    return [place / name for name in sorted(texts)]


def privacy_record(catalogue: Catalogue, product: Product) -> dict[str, Any]:
    """Return the registry's record of one product: the network's policy, narrowed to its table and unit of privacy."""
    table, policy = product.table, catalogue.policy
    narrowed = replace(policy, tables=(table,), season={table.unit: policy.season[table.unit]})
    made = record(narrowed, min(h.published for h in product.holdings))
    made["url_slug"] = f"{policy.name}-{table.name}"
    made["deployment"]["basic"]["name"] = f"{table.en} (policy {policy.name})"
    sources = made["deployment"]["administrative"]["sources"]
    made["deployment"]["administrative"]["sources"] = sources.replace(narrowed.digest, policy.digest)
    return made


def _yaml(value: dict[str, Any]) -> str:
    return yaml.dump(value, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=110)


def _page(catalogue: Catalogue) -> str:
    return (
        pages("warehouse.catalogue")
        .get_template("index.html")
        .render(catalogue=catalogue, settings=catalogue.settings, library=library(), words=words, nowhere=NOWHERE)
    )
