"""The registry's record is valid and current, and the evidence the check-list names exists.

After a change of the policy, `python tests/test_registry.py` writes the record anew.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from privacy.policy import Policy, read_policy
from privacy.registry import record

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "registry" / "jauge-2026.yaml"
SCHEMA = ROOT.parent / "shared" / "data" / "anchors" / "opendp_registry" / "schemas" / "deployments-schema.yaml"
CHECKLIST = ROOT / "docs" / "nist-800-226.md"


class Readable(yaml.SafeDumper):
    """YAML whose lists of sentences are lines, as in the registry's own records."""


Readable.add_representer(
    str, lambda d, s: d.represent_scalar("tag:yaml.org,2002:str", s, style="|" if "\n" in s else None)
)


def written(policy: Policy) -> str:
    head = "# Made by privacy/registry.py from the packaged policy; tests/test_registry.py holds it current.\n"
    return head + yaml.dump(record(policy), Dumper=Readable, sort_keys=False, allow_unicode=True, width=110)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    if not SCHEMA.exists():
        pytest.skip("the registry's schema is not beside this repository")
    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_committed_record_is_the_policys(policy: Policy) -> None:
    assert FILE.name == f"{policy.name}.yaml"
    assert FILE.read_text("utf-8") == written(policy)


def test_the_record_fits_the_registrys_schema(policy: Policy, validator: Draft202012Validator) -> None:
    validator.validate(yaml.safe_load(FILE.read_text("utf-8")))
    validator.validate(record(replace(policy, k_rule="probable")))


@pytest.mark.parametrize("spoil", [
    lambda r: r["deployment"]["basic"].pop("intended_use"),
    lambda r: r["deployment"]["basic"].update(publication_date="soon"),
    lambda r: r["deployment"]["privacy_loss"]["privacy_parameters"].update(epsilon="4"),
    lambda r: r["deployment"]["dp_variant"].update(details="a field of ours"),
])  # fmt: skip
def test_a_spoilt_record_does_not(policy: Policy, validator: Draft202012Validator, spoil: Any) -> None:
    spoilt = record(policy)
    spoil(spoilt)
    assert not validator.is_valid(spoilt)


def test_the_record_states_the_policys_numbers(policy: Policy) -> None:
    deployment = record(policy)["deployment"]
    assert deployment["privacy_loss"]["privacy_parameters"] == {"epsilon": 4.0, "delta": 1e-7}
    assert "admission, a season: epsilon = 2" in deployment["privacy_loss"]["privacy_parameters_details"]
    assert f"at least {policy.k} people" in deployment["accounting"]["post_processing"]
    assert policy.digest in deployment["administrative"]["sources"]
    doors = replace(policy, season={"admission": policy.season["admission"]})
    assert record(doors)["deployment"]["privacy_loss"]["privacy_parameters"]["epsilon"] == 2.0


def test_the_evidence_of_the_check_list_exists() -> None:
    text = CHECKLIST.read_text("utf-8")
    assert re.findall(r"^\| (\d+)\*? \|", text, re.MULTILINE) == [str(n) for n in range(1, 16)]
    tests = re.findall(r"`(test_\w+)::(\w+)`", text)
    assert len(tests) > 20
    for module, name in tests:
        assert f"\ndef {name}(" in (ROOT / "tests" / f"{module}.py").read_text("utf-8"), f"{module}::{name}"
    paths = re.findall(r"`((?:privacy|aggregations|pipelines|warehouse|docs|tests)/[\w./-]*)`", text)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path
    for field in re.findall(r"manifest `([\w.]+)`", text):
        source = (ROOT / "privacy" / "manifest.py").read_text("utf-8")
        assert all(f'"{part}"' in source for part in field.split(".")), field


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(written(read_policy()), "utf-8")
