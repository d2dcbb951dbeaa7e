"""The rows of an export, read and judged: codes, numbers and keyed hashes in a scratch folder, before any is stored."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.announcing import announced
from aggregations.canonical import Canonical, canonical
from aggregations.detect import Detection
from aggregations.persons import check_regime
from aggregations.reading import read_raw
from aggregations.tally import Tally, left_in, tally
from aggregations.venue import Venue
from privacy.errors import Fault, JaugeError


@dataclass(frozen=True, slots=True)
class Staged:
    """An emit of a preset over its rows; `staged` (see `Canonical`) lies in the scratch folder."""

    records: Canonical
    staged: pl.LazyFrame
    files: tuple[str, ...]  # by `_file`
    raw: Mapping[str, pl.LazyFrame]  # raw rows of all reads of the export, by read


@dataclass(frozen=True, slots=True)
class Prepared(Staged):
    """And what it makes of them."""

    tally: Tally

    @property
    def rows(self) -> pl.LazyFrame:
        """The staged rows that become records."""
        return left_in(self.records, self.staged, self.tally.marks)


def prepare(detection: Detection, venue: Venue, key: bytes, scratch: Path) -> list[Prepared]:
    """Read the files and judge every row. `scratch`, a folder for this account only, gets the staged rows."""
    return judge(detection, stage(detection, venue, key, scratch))


def judge(detection: Detection, staged: Sequence[Staged]) -> list[Prepared]:
    """Judge every row."""
    with without_values(detection):
        return [Prepared(one.records, one.staged, one.files, one.raw, tally(one.records, one.staged)) for one in staged]


def listings(detection: Detection, prepared: Sequence[Prepared], venue: Venue, key: bytes) -> pl.DataFrame:
    """Return what an export tells the public of its performances (`schema.LISTINGS`)."""
    raw = prepared[0].raw
    return announced(detection.preset, [(e, raw[e.read]) for e in detection.preset.emits if e.read in raw], venue, key)


def stage(detection: Detection, venue: Venue, key: bytes, scratch: Path) -> list[Staged]:
    """Read the files. `scratch`, a folder for this account only, gets the staged rows."""
    check_consent(venue, detection)
    with without_values(detection):
        raw = _raw(detection, scratch)
        made: list[Staged] = []
        for i, emit in enumerate(detection.preset.emits):
            if emit.read in raw and emit.frame != "listings":
                files = tuple(s.name for s in detection.files(emit.read))
                records = canonical(detection.preset, emit, raw[emit.read], venue, key)
                path = scratch / f"staged-{i}.parquet"
                records.staged.sink_parquet(path, compression="lz4", engine="streaming")
                made.append(Staged(records, pl.scan_parquet(path), files, raw))
        return made


def _raw(detection: Detection, scratch: Path) -> dict[str, pl.LazyFrame]:
    """Raw rows by read, companions before the reads that join them."""
    done: dict[str, pl.LazyFrame] = {}
    waiting = dict(detection.preset.reads)
    while waiting:
        name, read = next((n, r) for n, r in waiting.items() if not any(j.read in waiting for j in r.joins))
        del waiting[name]
        sources = detection.files(name)
        if sources:
            done[name] = read_raw(read, sources, done, scratch)
    return done


def check_consent(venue: Venue, detection: Detection) -> None:
    """Refuse an export whose regime of consent its preset's records cannot have."""
    regime = venue.consent.get(detection.preset.name, detection.preset.consent_regime)
    for emit in detection.preset.emits:
        domains = {domain for _, domain in emit.person}
        # Where a visitor number may stand instead of a contact, the rows decide (`tally`). A transaction is
        # never a mere measure of audience, with or without a contact.
        if detection.files(emit.read) and "visitor" not in domains:
            check_regime(
                regime, domains | ({"contact"} if emit.frame == "transactions" else set()), detection.preset.title
            )


@contextmanager
def without_values(detection: Detection) -> Generator[None]:
    """Turn what foreign code says of rows, which may quote cells, into a sentence about the files."""
    try:
        yield
    except JaugeError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, its message may hold a cell
        names = ", ".join(s.path.name for files in detection.sources.values() for s in files)
        kind = type(error).__name__
        raise Fault(
            f"{names}: the rows cannot be read ({kind}: a broken quote, a cut file?). Export it again.",
            f"{names} : les lignes sont illisibles ({kind} : guillemet cassé, fichier coupé ?). Exportez-le à nouveau.",
        ) from None
