"""A thousand spoilt exports: each ends in records and a quarantine, or in a sentence; never in a traceback or a value told."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants import WORD, mutate

from aggregations.founding import add_venue
from aggregations.ingest import ingest
from aggregations.records import records
from aggregations.schema import FRAMES
from aggregations.venue import Venue
from privacy.errors import JaugeError

EXPORTS = sorted((Path(__file__).parents[1] / "examples" / "exports").iterdir())


def survive(folder: Path, number: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    export, what = mutate(EXPORTS[number % len(EXPORTS)], folder, number)
    venue = add_venue(Venue("theatre", "Théâtre du Lac", "theatre", "38185", folder=folder / "theatre"))
    said: list[str] = []
    try:
        receipt = ingest(venue, [export])
        told = receipt.rows_kept + receipt.rows_quarantined + sum(receipt.dropped.values())
        assert told >= receipt.rows_read, what  # a row may become two records, never none in silence
        said.append(receipt.json())
        outcome = "kept" if receipt.rows_kept else "nothing kept"
    except JaugeError as fault:
        said += [fault.sentence("en"), fault.sentence("fr")]
        outcome = "refused"
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}") from error
    for frame in FRAMES:
        rows = records(venue, frame).collect()
        assert rows["row_ref"].n_unique() == rows.height, what
    said += [*capsys.readouterr(), caplog.text]
    # A title or a hall is public, and kept (`listings`): a word spoilt into one is no value told.
    files = [f for f in venue.folder.rglob("*") if f.is_file() and f.name != "listings.parquet"]
    outside = [f for f in files if venue.inbox not in f.parents]
    said += [f.read_bytes().decode("utf-8", "replace") for f in outside]
    assert not any(WORD in text for text in said), what
    assert not list(venue.folder.rglob(".part*")), what
    return outcome


@pytest.mark.parametrize("number", range(15))
def test_a_spoilt_export_is_kept_in_part_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, number: int
) -> None:
    survive(tmp_path, number, capsys, caplog)


@pytest.mark.slow
def test_a_thousand_more(tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    outcomes = []
    for number in range(15, 1015):
        (tmp_path / str(number)).mkdir()
        outcomes.append(survive(tmp_path / str(number), number, capsys, caplog))
    assert {outcome: outcomes.count(outcome) > 50 for outcome in ("kept", "nothing kept", "refused")} == {
        "kept": True, "nothing kept": True, "refused": True}  # fmt: skip
