"""Quality rules: booleans leave, nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.checks import Rule, between, evaluate, no_nulls, only, require
from privacy.errors import QualityRefusal

WORD = "ornithorynque"


def test_each_rule_says_only_whether_it_holds(capfd: pytest.CaptureFixture[str]) -> None:
    frame = pl.LazyFrame({"person": [1, None], "status": ["paid", WORD], "quantity": [0, 3], "price": [None, 5]})
    rules = [*no_nulls("person", "status"), only("status", ["paid"]), *between("quantity", least=1, most=3),
             *between("price", least=0), Rule("there are rows", pl.len(), least=1)]  # fmt: skip
    results = evaluate((frame, rules))
    assert results == {
        "person is never missing": False,
        "status is never missing": True,
        "status is of its vocabulary": False,
        "quantity is at least 1": False,
        "quantity is at most 3": True,
        "price is at least 0": True,
        "there are rows": True,
    }
    with pytest.raises(QualityRefusal) as refusal:
        require(results, "Records")
    said = refusal.value.en + refusal.value.fr + "".join(capfd.readouterr())
    assert "status is of its vocabulary" in said
    assert WORD not in said
    require({"all": True}, "Records")


def test_an_empty_frame_fails_only_the_rule_that_wants_rows() -> None:
    frame = pl.LazyFrame(schema={"quantity": pl.Int64(), "status": pl.String()})
    rules = [*between("quantity", least=1), only("status", ["paid"]), Rule("there are rows", pl.len(), least=1)]
    assert list(evaluate((frame, rules)).values()) == [True, True, False]
