"""The reference tables are what their descriptor says, and are rebuilt from their source."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator
from stdnum.fr import siren

REFERENCE = Path(__file__).parents[1] / "aggregations" / "reference"
SHARED = Path(__file__).parents[2] / "shared" / "data" / "communes_fr" / "communes.parquet"
PACKAGE = json.loads((REFERENCE / "datapackage.json").read_text("utf-8"))
RESOURCES = {r["path"]: r for r in PACKAGE["resources"]}
TYPES = {"string": pl.String(), "integer": pl.Int32(), "array": pl.List(pl.String())}


def test_every_table_is_described() -> None:
    own = {"README.md", "build.py", "datapackage.json", "words.schema.json"}
    assert {p.name for p in REFERENCE.iterdir() if p.is_file()} - own == set(RESOURCES)
    for resource in PACKAGE["resources"]:
        assert {"name", "path", "title", "description", "format", "mediatype", "licenses", "sources"} <= set(resource)
        assert all(licence["title"] for licence in resource["licenses"])
        assert all(source["title"] for source in resource["sources"])
    assert PACKAGE["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"


def test_the_table_of_communes_is_as_described() -> None:
    resource, content = RESOURCES["communes.parquet"], (REFERENCE / "communes.parquet").read_bytes()
    assert (resource["bytes"], resource["hash"]) == (len(content), "sha256:" + hashlib.sha256(content).hexdigest())
    table = pl.read_parquet(content)
    fields = resource["schema"]["fields"]
    assert dict(table.schema) == {field["name"]: TYPES[field["type"]] for field in fields}
    assert table.height == resource["rows"]
    for field in fields:
        column, rule = table[field["name"]], field.get("constraints", {})
        assert not rule.get("required") or column.null_count() == 0
        assert not rule.get("unique") or column.is_unique().all()
        assert rule.get("minimum", 0) <= (column.min() if field["type"] == "integer" else 0)
        if pattern := rule.get("pattern"):
            assert column.drop_nulls().str.contains(f"^(?:{pattern})$").all(), field["name"]
    assert all(siren.is_valid(code) for code in table["epci"].drop_nulls().unique())


@pytest.mark.parametrize("name", ["families", "tariffs", "channels", "buyers", "headers"])
def test_the_words_have_the_shape_their_schema_says(name: str) -> None:
    schema = json.loads((REFERENCE / "words.schema.json").read_text("utf-8"))
    file, _, pointer = RESOURCES[f"{name}.toml"]["jsonSchema"].partition("#")
    assert file == "words.schema.json"
    words = tomllib.loads((REFERENCE / f"{name}.toml").read_text("utf-8"))
    validator = Draft202012Validator(schema | {"$ref": f"#{pointer}"})
    validator.validate(words)
    code = next(code for code, entry in words.items() if isinstance(entry, dict))
    for broken in (
        {**words, code: {}},
        {**words, code: words[code] | {"wrods": [] if name == "headers" else ["x"]}},  # any role is a key
        {**words, code: {"words": []}},
    ):
        assert not validator.is_valid(broken)


@pytest.mark.skipif(not SHARED.exists(), reason="the source is not here")
def test_the_communes_are_those_of_the_source() -> None:
    source = pl.read_parquet(SHARED)
    today = source.filter(pl.col("type") == "commune-actuelle").rename({"code_insee": "code"}).sort("code")
    today = today.with_columns(pl.col("population").fill_null(0).cast(pl.Int32))
    columns = ["code", "nom", "departement", "region", "population", "codes_postaux"]
    table = pl.read_parquet(REFERENCE / "communes.parquet")
    assert table.select(columns).equals(today.select(columns))
    former = source.filter(pl.col("type").is_in(["commune-deleguee", "commune-associee"]))["nom"]
    assert set(table["autres_noms"].explode(empty_as_null=False)) <= set(former)


def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", REFERENCE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_rebuilt_with_its_descriptor(tmp_path: Path) -> None:
    """On two communes in the package's own shape: what is kept, and that the same source makes the same bytes."""

    def known(code: str, nom: str, kind: str, **more: Any) -> dict[str, Any]:
        return {"code": code, "nom": nom, "type": kind, "departement": "01", "region": "84"} | more

    data, folder = tmp_path / "data", tmp_path / "reference"
    data.mkdir()
    folder.mkdir()
    communes = [
        known("01025", "Bâgé-Dommartin", "commune-actuelle", population=4111, codesPostaux=["01380"]),
        known("01004", "Ambérieu-en-Bugey", "commune-actuelle", codesPostaux=["01500"]),
        known("01025", "Bâgé-la-Ville", "commune-deleguee", chefLieu="01025"),
        known("01144", "Dommartin", "commune-deleguee", chefLieu="01025"),
        known("69381", "Lyon 1er Arrondissement", "arrondissement-municipal", commune="69123"),
    ]
    epci = [{"code": "200071371", "membres": [{"code": "01025"}]}]
    (data / "communes.json").write_text(json.dumps(communes), "utf-8")
    (data / "epci.json").write_text(json.dumps(epci), "utf-8")
    shutil.copy(REFERENCE / "datapackage.json", folder)
    build().build(data, folder)
    table = pl.read_parquet(folder / "communes.parquet")
    assert table.rows() == [
        ("01004", "Ambérieu-en-Bugey", [], "01", "84", None, 0, ["01500"]),
        ("01025", "Bâgé-Dommartin", ["Bâgé-la-Ville", "Dommartin"], "01", "84", "200071371", 4111, ["01380"]),
    ]
    first = (folder / "communes.parquet").read_bytes(), (folder / "datapackage.json").read_text("utf-8")
    said = json.loads(first[1])["resources"][0]
    assert (said["rows"], said["hash"]) == (2, "sha256:" + hashlib.sha256(first[0]).hexdigest())
    build().build(data, folder)
    assert ((folder / "communes.parquet").read_bytes(), (folder / "datapackage.json").read_text("utf-8")) == first


def test_readme_names_every_table() -> None:
    readme = (REFERENCE / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([\w.]+)` \|", readme, re.MULTILINE)) >= set(RESOURCES)
