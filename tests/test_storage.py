"""What `lake.toml` may say, and what is told when it is wrong or something it needs is missing."""

import sys

import pytest

from privacy.errors import Fault
from warehouse.governance import Hub
from warehouse.inbox import accept
from warehouse.storage import read_storage

SHARED = 'catalogue = "postgres:dbname=jauge host=127.0.0.1 user=hub"\ndata = "s3://bucket/prefix"\n'


def hub(folder, text: str) -> Hub:
    (folder / "lake.toml").write_text(text, "utf-8")
    return Hub(folder)


def test_without_a_file_the_lake_is_beside_the_others(tmp_path):
    storage = read_storage(Hub(tmp_path))
    assert (storage.catalogue, storage.data, storage.keep_days) == (None, None, 400)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("catalog = 'postgres:dbname=jauge'", "catalog"),
        ("catalogue = 'mysql:db=jauge'", "catalogue"),
        ("catalogue = 'postgres:dbname=jauge password=hunter2'", "PGPASSWORD"),
        ("catalogue = 'postgresql://hub:hunter2@db/jauge'", "catalogue"),
        ("data = 's3://key:hunter2@bucket?x=y'", "data"),
        ("data = 'lake'", "data"),
        ("endpoint = 'https://s3.example.org'", "endpoint"),
        ("keep_days = 0", "keep_days"),
        ("tls = 'perhaps'", "tls"),
        ("key_id = 'hunter2'", "key_id"),
        ("data = \nx = 1", "line 1"),
    ],
)
def test_a_wrong_line_is_named_and_not_repeated(tmp_path, text, told):
    with pytest.raises(Fault) as fault:
        read_storage(hub(tmp_path, text))
    assert told in fault.value.en
    assert "illisible" in fault.value.fr
    assert "hunter2" not in fault.value.en + fault.value.fr


@pytest.mark.parametrize("extension", ["postgres_scanner", "httpfs"])
def test_an_extra_that_is_not_installed_is_named(tmp_path, monkeypatch, extension):
    monkeypatch.setitem(sys.modules, f"duckdb_extension_{extension}", None)
    with pytest.raises(Fault, match="uv sync --extra shared") as fault:
        accept(hub(tmp_path, SHARED))
    assert extension in fault.value.fr


def test_keys_that_are_not_in_the_environment_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(Fault, match="AWS_SECRET_ACCESS_KEY"):
        accept(hub(tmp_path, SHARED))
