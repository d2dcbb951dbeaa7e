"""An export of a ticketing system, newsletter, site or counter into the venue's store, once and whole.

The export is copied to the inbox, the only place where raw data lie (one that holds someone forgotten leaves it when it is
loaded). Its rows are read once, into a scratch folder of
the inbox that holds codes and keyed hashes; what they add or change goes to `store/<id>/`, which appears in one rename,
after everything in it is on disk: killed at any point, an ingest has happened or has not. The id is an
HMAC of the export's bytes under the venue's key, so the same bytes again change nothing.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from aggregations.canonical import Canonical, canonical
from aggregations.changes import Changes, write_changes
from aggregations.detect import Detection, detect
from aggregations.disk import PART, sync
from aggregations.persons import check_regime
from aggregations.reading import read_raw
from aggregations.receipt import Receipt, read_receipt, receipts
from aggregations.reception import alone, discard, fingerprint, receive, sweep
from aggregations.referential import on_distinct
from aggregations.schema import FRAMES
from aggregations.tally import Tally, left_in, tally
from aggregations.venue import Venue
from aggregations.withholding import withhold
from privacy.errors import Fault, JaugeError


@dataclass(frozen=True, slots=True)
class Staged:
    """An emit of a preset over its rows; `staged` (see `Canonical`) lies in the scratch folder."""

    records: Canonical
    staged: pl.LazyFrame
    files: tuple[str, ...]  # by `_file`


@dataclass(frozen=True, slots=True)
class Prepared(Staged):
    """And what it makes of them."""

    tally: Tally

    @property
    def rows(self) -> pl.LazyFrame:
        """The staged rows that become records."""
        return left_in(self.records, self.staged, self.tally.marks)


def ingest(venue: Venue, paths: Sequence[Path], *, preset: str | None = None) -> Receipt:
    """Ingest one export (a file, or files and folders that belong together) and return its receipt.

    Raises:
        Fault: no preset knows the files, or one is damaged.
        GovernanceRefusal: records under exempt_audience would be tied to a contact.
    """
    detection = detect(paths, name=preset)
    key = venue.person_key
    identity = fingerprint(key, {s.path for files in detection.sources.values() for s in files})
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        if (venue.store / identity).is_dir():
            receipt = read_receipt(venue.store / identity, already=True)
        else:
            _check_consent(venue, detection)
            detection = receive(venue, detection, paths, identity)
            sweep(venue)
            with tempfile.TemporaryDirectory(prefix=PART, dir=venue.inbox) as scratch:
                staged = stage(detection, venue, key, Path(scratch))
                with without_values(detection):
                    withheld = withhold(venue, [(one.records.emit.frame, one.staged) for one in staged])
                marked = [replace(one, staged=withheld.mark(one.records.emit.frame, one.staged)) for one in staged]
                receipt = _store(venue, detection, judge(detection, marked), identity, in_inbox=not withheld.forgotten)
        if not receipt.in_inbox:
            discard(venue, {s.path for files in detection.sources.values() for s in files})
        return receipt


def prepare(detection: Detection, venue: Venue, key: bytes, scratch: Path) -> list[Prepared]:
    """Read the files and judge every row. `scratch`, a folder for this account only, gets the staged rows."""
    return judge(detection, stage(detection, venue, key, scratch))


def judge(detection: Detection, staged: Sequence[Staged]) -> list[Prepared]:
    """Judge every row."""
    with without_values(detection):
        return [Prepared(one.records, one.staged, one.files, tally(one.records, one.staged)) for one in staged]


def stage(detection: Detection, venue: Venue, key: bytes, scratch: Path) -> list[Staged]:
    """Read the files. `scratch`, a folder for this account only, gets the staged rows."""
    _check_consent(venue, detection)
    with without_values(detection):
        raw = _raw(detection, scratch)
        made: list[Staged] = []
        for i, emit in enumerate(detection.preset.emits):
            if emit.read in raw:
                files = tuple(s.name for s in detection.files(emit.read))
                records = canonical(detection.preset, emit, raw[emit.read], venue, key)
                path = scratch / f"staged-{i}.parquet"
                records.staged.sink_parquet(path, compression="lz4", engine="streaming")
                made.append(Staged(records, pl.scan_parquet(path), files))
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


def _check_consent(venue: Venue, detection: Detection) -> None:
    regime = venue.consent.get(detection.preset.name, detection.preset.consent_regime)
    for emit in detection.preset.emits:
        domains = {domain for _, domain in emit.person}
        # Where a visitor number may stand instead of a contact, the rows decide (`tally`). A transaction is
        # never a mere measure of audience, with or without a contact.
        if detection.files(emit.read) and "visitor" not in domains:
            check_regime(
                regime, domains | ({"contact"} if emit.frame == "transactions" else set()), detection.preset.title
            )


def _store(
    venue: Venue, detection: Detection, prepared: Sequence[Prepared], identity: str, *, in_inbox: bool
) -> Receipt:
    part = venue.store / f".part-{identity}"
    part.mkdir()
    with without_values(detection):
        written = max(s.path.stat().st_mtime_ns for files in detection.sources.values() for s in files)
        changes = {f: _write(part / f"{f}.parquet", f, prepared, written, venue) for f in FRAMES}
        replaced = pl.concat([c.replaced for c in changes.values()])
        if not replaced.is_empty():
            replaced.write_parquet(part / "replaced.parquet", compression="zstd")
    receipt = replace(_receipt(venue, detection, prepared, identity, written, changes), in_inbox=in_inbox)
    (part / "receipt.json").write_text(receipt.json(), "utf-8")
    _quarantine(venue, prepared, identity)
    for file in part.iterdir():
        sync(file)
    sync(part)
    part.rename(venue.store / identity)
    sync(venue.store)
    return receipt


def _write(path: Path, frame: str, prepared: Sequence[Prepared], written: int, venue: Venue) -> Changes:
    """Write what is new or changed of one canonical frame."""
    parts = [p.rows.select(FRAMES[frame].keys()) for p in prepared if p.records.emit.frame == frame]
    rows = pl.concat(parts) if parts else pl.LazyFrame(schema=FRAMES[frame])
    return write_changes(rows, written, venue, prepared[0].records.source, frame, path)


def _receipt(
    venue: Venue,
    detection: Detection,
    prepared: Sequence[Prepared],
    identity: str,
    written: int,
    changes: dict[str, Changes],
) -> Receipt:
    read: dict[str, int] = {}
    dropped: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    for one in prepared:
        name = one.records.emit.read
        read[name] = max(read.get(name, 0), one.tally.read)
        dropped.update(one.tally.dropped)
        quarantined.update(one.tally.quarantined)
    names = sorted(
        {str(s.path.relative_to(venue.inbox.resolve())) for files in detection.sources.values() for s in files}
    )
    # Two emits of one row meet the same label: it is told once.
    unknown = sorted((u for one in prepared for u in one.tally.unknown), key=lambda u: u.rows)
    return Receipt(
        id=identity,
        seq=max((r.seq for r in receipts(venue.store)), default=0) + 1,
        written=written,
        loaded=datetime.now(UTC).date().isoformat(),
        preset=detection.preset.name,
        files=tuple(names),
        rows_read=sum(read.values()),
        rows_kept=sum(one.tally.kept for one in prepared),
        quarantined=dict(quarantined),
        dropped=dict(sorted(dropped.items())),
        frames={frame: c.rows for frame, c in changes.items() if c.rows},
        replaced={frame: c.replaced.height for frame, c in changes.items() if c.replaced.height},
        months={frame: c.months for frame, c in changes.items() if c.months},
        unknown=tuple({u.column: u for u in unknown}.values()),
    )


def _quarantine(venue: Venue, prepared: Sequence[Prepared], identity: str) -> None:
    """Write file, line, column and reason of each refused row; no file when there is none."""
    refused = [
        # Sorted while they are numbers: a refused row takes 14 bytes.
        one.staged.drop_nulls("_problem").select("_file", "_line", "_problem").sort("_file", "_line").select(
            _word("_file", one.files).alias("file"),
            pl.col("_line").alias("line"),
            _word("_problem", [column for column, _ in one.records.problems]).alias("column"),
            _word("_problem", [reason for _, reason in one.records.problems]).alias("reason"),
        )
        for one in prepared
        if one.tally.quarantined
    ]  # fmt: skip
    if refused:
        venue.quarantine.mkdir(exist_ok=True)
        part = venue.quarantine / f".part-{identity}"
        pl.concat(refused).sink_csv(part, engine="streaming")
        sync(part)
        part.replace(venue.quarantine / f"{identity}.csv")


def _word(number: str, words: Sequence[str]) -> pl.Expr:
    named = dict(enumerate(words))
    return on_distinct(
        pl.col(number).cast(pl.Int64), lambda n: n.replace_strict(named, return_dtype=pl.String), pl.String()
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
