"""An export of a ticketing system, newsletter, site or counter into the venue's store, once and whole.

The export is copied to the inbox, the only place where raw data lie; one that holds someone forgotten leaves it once it is
loaded. Its rows are read once (`staging`), into a scratch folder of the inbox that holds codes and keyed hashes; what they
add or change goes to `store/<id>/`, which appears in one rename, after everything in it is on disk: killed at any point, an
ingest has happened or has not. The id is an HMAC of the export's bytes under the venue's key, so the same bytes again
change nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl

from aggregations.adopted import check_keeping, keep, own_presets, read_mapping
from aggregations.changes import Changes, write_changes
from aggregations.corrections import corrected, export_of
from aggregations.detect import Detection, detect
from aggregations.disk import PART, sync
from aggregations.matches import lacks, write_matches
from aggregations.receipt import Receipt, read_receipt, receipts
from aggregations.reception import alone, discard, fingerprint, receive, sweep
from aggregations.referential import on_distinct
from aggregations.schema import FRAMES
from aggregations.staging import Prepared, check_consent, judge, listings, stage, without_values
from aggregations.venue import Venue
from aggregations.withholding import withhold


def ingest(venue: Venue, paths: Sequence[Path], *, preset: str | None = None, mapping: Path | None = None) -> Receipt:
    """Ingest one export (a file, or files and folders that belong together) and return its receipt.

    `mapping`: a preset of the steward's own, which the venue keeps from then on.

    Raises:
        Fault: no preset knows the files, one is damaged, or the mapping says what cannot be.
        GovernanceRefusal: records under exempt_audience would be tied to a contact.
    """
    paths = corrected(venue, paths)
    detection = recognise(venue, paths, preset=preset, mapping=mapping)
    if mapping is not None:
        check_keeping(venue, mapping)
    identity = fingerprint(venue.person_key, {s.path for files in detection.sources.values() for s in files})
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        if (venue.store / identity).is_dir():
            receipt = read_receipt(venue.store / identity, already=True)
            if lacks(venue, venue.store / identity):  # it was loaded before the venue had the cooperative's key
                check_consent(venue, detection)
                with _judged(venue, detection) as (judged, _), without_values(detection):
                    write_matches(venue, venue.store / identity, judged)
        else:
            check_consent(venue, detection)
            detection = receive(venue, detection, paths, identity)
            sweep(venue)
            with _judged(venue, detection) as (judged, forgotten):
                if mapping is not None:
                    keep(venue, mapping)
                receipt = _store(venue, detection, judged, identity, in_inbox=not forgotten)
        if not receipt.in_inbox:
            discard(venue, {s.path for files in detection.sources.values() for s in files})
        return receipt


def recognise(
    venue: Venue | None, paths: Sequence[Path], *, preset: str | None = None, mapping: Path | None = None
) -> Detection:
    """Recognise files by the packaged presets and the venue's own, or by the one mapping that is given."""
    if mapping is not None:
        one = read_mapping(mapping)
        return detect(paths, name=one.name, own={one.name: one})
    return detect(paths, name=preset, own=own_presets(venue) if venue else None)


@contextmanager
def _judged(venue: Venue, detection: Detection) -> Generator[tuple[list[Prepared], bool]]:
    """Give an export's rows, read and judged, and whether someone forgotten is among them; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=PART, dir=venue.inbox, ignore_cleanup_errors=True) as scratch:
        staged = stage(detection, venue, venue.person_key, Path(scratch))
        with without_values(detection):
            withheld = withhold(venue, [(one.records.emit.frame, one.staged) for one in staged])
        marked = [replace(one, staged=withheld.mark(one.records.emit.frame, one.staged)) for one in staged]
        yield judge(detection, marked), withheld.forgotten


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
        write_matches(venue, part, prepared)
        told = listings(detection, prepared, venue, venue.person_key)
        if not told.is_empty():
            told.write_parquet(part / "listings.parquet", compression="zstd")
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
        loaded=time.time_ns(),
        corrects=export_of(names),
    )


def _quarantine(venue: Venue, prepared: Sequence[Prepared], identity: str) -> None:
    """Write file, line, column, reason and keyed identity of each refused row; no file when there is none."""
    refused = [
        # Sorted while they are numbers: a refused row takes 22 bytes.
        one.staged.drop_nulls("_problem").select("_file", "_line", "_problem", "row_ref").sort("_file", "_line").select(
            _word("_file", one.files).alias("file"),
            pl.col("_line").alias("line"),
            _word("_problem", [column for column, _ in one.records.problems]).alias("column"),
            _word("_problem", [reason for _, reason in one.records.problems]).alias("reason"),
            frame=pl.lit(one.records.emit.frame),
            row_ref="row_ref",
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
