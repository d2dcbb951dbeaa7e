"""An export of a ticketing system, newsletter, site or counter into the venue's store, once and whole.

The export is copied to the inbox, the only place where raw data lie. `store/<id>/` appears in one rename,
after everything in it is on disk: killed at any point, an ingest has happened or has not. The id is an
HMAC of the export's bytes under the venue's key, so the same bytes again change nothing.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from aggregations.canonical import Canonical, canonical
from aggregations.detect import Detection, detect
from aggregations.persons import check_regime, keyed
from aggregations.reading import read_raw
from aggregations.receipt import Receipt, read_receipt, receipts
from aggregations.reception import alone, fingerprint, receive, sync
from aggregations.schema import FRAMES
from aggregations.tally import Tally, left_in, tally
from aggregations.venue import Venue
from privacy.errors import Fault, JaugeError


@dataclass(frozen=True, slots=True)
class Prepared:
    """An emit of a preset over its rows, and what it makes of them."""

    records: Canonical
    tally: Tally
    files: tuple[str, ...]  # by `_file`


def ingest(venue: Venue, paths: Sequence[Path], *, preset: str | None = None) -> Receipt:
    """Ingest one export (a file, or files and folders that belong together) and return its receipt.

    Raises:
        Fault: no preset knows the files, or one is damaged.
        GovernanceRefusal: records under exempt_audience would be tied to a contact.
    """
    detection = detect(paths, name=preset)
    key = venue.person_key
    identity = fingerprint(key, [s.path for files in detection.sources.values() for s in files])
    venue.store.mkdir(parents=True, exist_ok=True)
    with alone(venue.store):
        if (venue.store / identity).is_dir():
            return read_receipt(venue.store / identity, already=True)
        _check_consent(venue, detection)
        received = receive(venue, detection, paths, identity)
        prepared = prepare(received, venue, key)
        return _store(venue, received, prepared, identity, key)


def prepare(detection: Detection, venue: Venue, key: bytes) -> list[Prepared]:
    """Read the files and judge every row; nothing is written."""
    _check_consent(venue, detection)
    with _without_values(detection):
        raw = _raw(detection)
        made: list[Prepared] = []
        for emit in detection.preset.emits:
            if emit.read in raw:
                files = tuple(s.path.name for s in detection.sources[emit.read])
                records = canonical(detection.preset, emit, raw[emit.read], venue, key)
                made.append(Prepared(records, tally(records), files))
        return made


def _raw(detection: Detection) -> dict[str, pl.LazyFrame]:
    """Raw rows by read, companions before the reads that join them."""
    done: dict[str, pl.LazyFrame] = {}
    waiting = dict(detection.preset.reads)
    while waiting:
        name, read = next((n, r) for n, r in waiting.items() if not any(j.read in waiting for j in r.joins))
        del waiting[name]
        sources = detection.sources.get(read.of or name)
        if sources:
            done[name] = read_raw(read, sources, done)
    return done


def _check_consent(venue: Venue, detection: Detection) -> None:
    regime = venue.consent.get(detection.preset.name, detection.preset.consent_regime)
    for emit in detection.preset.emits:
        domains = {domain for _, domain in emit.person}
        # Where a visitor number may stand instead of a contact, the rows decide (`tally`). A transaction is
        # never a mere measure of audience, with or without a contact.
        if emit.read in detection.sources and "visitor" not in domains:
            check_regime(
                regime, domains | ({"contact"} if emit.frame == "transactions" else set()), detection.preset.title
            )


def _store(venue: Venue, detection: Detection, prepared: Sequence[Prepared], identity: str, key: bytes) -> Receipt:
    for stale in venue.store.glob(".part-*"):
        shutil.rmtree(stale)
    part = venue.store / f".part-{identity}"
    part.mkdir()
    with _without_values(detection):
        frames = {f: rows for f in FRAMES if (rows := _write(part / f"{f}.parquet", f, prepared, key))}
    receipt = _receipt(venue, detection, prepared, identity, frames)
    (part / "receipt.json").write_text(receipt.json(), "utf-8")
    _quarantine(venue, prepared, identity)
    for file in part.iterdir():
        sync(file)
    sync(part)
    part.rename(venue.store / identity)
    sync(venue.store)
    return receipt


def _write(path: Path, frame: str, prepared: Sequence[Prepared], key: bytes) -> int:
    """Write one canonical frame and return its rows; a frame without rows leaves no file."""
    if frame == "performances":
        parts = [_performances(p, key) for p in prepared if p.records.performances and p.tally.kept]
    else:
        parts = [_rows(p) for p in prepared if p.records.emit.frame == frame and p.tally.kept]
    if not parts:
        return 0
    if frame == "performances":
        whole = _merged(pl.concat(parts)).select(FRAMES[frame].keys()).collect(engine="streaming")
        whole.write_parquet(path, compression="zstd")
    else:
        pl.concat(parts).sink_parquet(path, compression="zstd", engine="streaming")
    rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    if rows == 0:
        path.unlink()
    return int(rows)


def _rows(one: Prepared) -> pl.LazyFrame:
    rows = left_in(one.records, one.tally.marks).with_columns(_order_ref=one.records.order_ref)
    return rows.select(expression.alias(name) for name, expression in one.records.columns.items())


def _performances(one: Prepared, key: bytes) -> pl.LazyFrame:
    columns = one.records.performances
    named = left_in(one.records, one.tally.marks).select(e.alias(n) for n, e in columns.items())
    return (
        named.drop_nulls("_key")
        .group_by("_key")
        .agg(*_AGREED, pl.col("_event").min())
        .with_columns(
            source=one.records.columns["source"],
            performance_ref=keyed(pl.col("_key"), key, "performance"),
            event_ref=keyed(pl.col("_event"), key, "event"),
        )
        .drop("_key", "_event")
    )


# Where the rows of a performance differ, the choice does not hang on their order.
_AGREED = (
    pl.col("performance_at").min(),
    pl.col("family", "domain").drop_nulls().mode().min(),
    pl.col("capacity").max(),
    pl.col("young_audience", "sensitive").any(),
)


def _merged(performances: pl.LazyFrame) -> pl.LazyFrame:
    agreed = performances.group_by("performance_ref").agg(*_AGREED, pl.col("source", "event_ref").min())
    typed = agreed.with_columns(pl.col("family").fill_null("unknown"))
    return typed.with_columns(pl.col(n).cast(t) for n, t in FRAMES["performances"].items()).sort("performance_ref")


def _receipt(
    venue: Venue, detection: Detection, prepared: Sequence[Prepared], identity: str, frames: dict[str, int]
) -> Receipt:
    read: dict[str, int] = {}
    dropped: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    for one in prepared:
        name = one.records.emit.read
        read[name] = max(read.get(name, 0), one.tally.read)
        dropped.update(one.tally.dropped)
        reasons = one.tally.refused.group_by("column", "reason").len().sort("column", "reason")
        quarantined.update({f"{column}: {reason}": rows for column, reason, rows in reasons.iter_rows()})
    names = sorted(
        str(s.path.relative_to(venue.inbox.resolve())) for files in detection.sources.values() for s in files
    )
    # Two emits of one row meet the same label: it is told once.
    unknown = sorted((u for one in prepared for u in one.tally.unknown), key=lambda u: u.rows)
    return Receipt(
        id=identity,
        seq=max((r.seq for r in receipts(venue.store)), default=0) + 1,
        preset=detection.preset.name,
        files=tuple(names),
        rows_read=sum(read.values()),
        rows_kept=sum(rows for frame, rows in frames.items() if frame != "performances"),
        quarantined=dict(quarantined),
        dropped=dict(sorted(dropped.items())),
        frames=frames,
        unknown=tuple({u.column: u for u in unknown}.values()),
    )


def _quarantine(venue: Venue, prepared: Sequence[Prepared], identity: str) -> None:
    """Write file, line, column and reason of each refused row; no file when there is none."""
    refused = [
        one.tally.refused.select(
            pl.col("_file").cast(pl.Int64).replace_strict(list(range(len(one.files))), list(one.files), return_dtype=pl.String).alias("file"),
            pl.col("_line").alias("line"),
            "column",
            "reason",
        )
        for one in prepared
        if one.tally.refused.height
    ]  # fmt: skip
    if refused:
        venue.quarantine.mkdir(exist_ok=True)
        part = venue.quarantine / f".part-{identity}"
        pl.concat(refused).sort("file", "line").write_csv(part)
        sync(part)
        part.replace(venue.quarantine / f"{identity}.csv")


@contextmanager
def _without_values(detection: Detection) -> Generator[None]:
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
