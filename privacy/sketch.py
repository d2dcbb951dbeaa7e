"""Reach sketches: people hashed into buckets, counted, noised. Two venues' sketches tell how many people both have.

Argument. Let D' be D and one person more.
- Map. She has one bucket: HMAC of her match under the season's key, modulo `buckets`; and one value of each attribute.
  Both are hers alone (`count` keeps one row a person, the least of each column, whatever rows come in whatever order), and
  so are the public rules that leave her out. So in each group (everyone; each attribute) one bucket of one part grows by
  one, and nothing else changes: parts of one attribute compose in parallel.
- Metric. A group is one integer vector over all its parts and buckets, those that are never shown too. In steps, D and D'
  are `step` apart in L2 (and in L1): bound_squared = step^2, with one coordinate touched.
- Noise. One discrete Gaussian of the same sigma on every coordinate: rho = step^2 / (2 sigma^2), as `accounting` adds it
  up; groups compose in sequence, so a sketch costs the sum over its groups, and the release that and its tables.
- After that only post-processing: rounding to whole people, clipping to two bytes, and leaving out parts whose noisy sum is
  not above a public threshold. No true count decides anything, so no delta is spent.

Gaussian and not Laplace: a person's season is some twenty such draws (four groups, five releases) beside Gaussian tables.
rho adds up, epsilons of Laplace would too: for what the tables then lose, Laplace is twice to three times noisier (ADR 0027).

Keys. Members hold the root key, the hub never does. A season's key is an HMAC of the season under it, so sketches of two
seasons cannot be compared, nor a person followed, and a season's key does not tell the root or another season's.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt
import polars as pl

from privacy.buckets import MOST, lay_out, threshold
from privacy.charges import Charge
from privacy.contributions import Contributions, Found, Ints, Part, whole
from privacy.declarations import Sketch
from privacy.errors import Fault
from privacy.noise import add_noise
from privacy.plan import SketchPlan


def season_key(root: bytes, season: str) -> bytes:
    """Return the key that a season's buckets are hashed with: HMAC-SHA-256(root, "season 2025-2026")."""
    return hmac.new(root, f"season {season}".encode(), hashlib.sha256).digest()


def key_id(key: bytes) -> str:
    """Return a name for a key, which tells nothing of it: 16 hex digits of its SHA-256."""
    return hashlib.sha256(b"jauge key\0" + key).hexdigest()[:16]


def count(sketch: Sketch, rows: pl.LazyFrame, part: Part) -> Found:
    """Count the people of one part of the records, in each bucket of each part of the sketch.

    `rows`: `person` and `bucket` (unsigned integers), one string column an attribute; people's rows may repeat. A
    code that is not known counts as `unknown`.
    """
    whose = ("person", "bucket", *(d.name for d in sketch.attributes))
    if missing := sorted({*whose} - {*rows.collect_schema().names()}):
        raise Fault(f"People of sketch {sketch.name} lack {', '.join(missing)}.",
                    f"Il manque {', '.join(missing)} aux personnes de l’esquisse {sketch.name}.")  # fmt: skip
    places = [
        pl.col(d.name).cast(pl.String).cast(pl.Enum(d.codes), strict=False).fill_null("unknown").to_physical().cast(pl.Int64)
        for d in sketch.attributes
    ]  # fmt: skip
    known = rows.filter(pl.col("person").is_not_null() & pl.col("bucket").is_not_null())
    people = known.select("person", pl.col("bucket").cast(pl.Int64), *places).group_by("person").agg(pl.all().min())
    held = people.collect(engine="streaming")
    if not held["bucket"].is_between(0, sketch.buckets - 1).all() or (held["person"] % part.of != part.number).any():
        raise Fault("A person is in no bucket of the sketch, or in another part of the records.",
                    "Une personne n’est dans aucun compartiment de l’esquisse, ou dans une autre partie.")  # fmt: skip
    bucket, vectors = held["bucket"].to_numpy(), list[Ints]()
    for group in sketch.groups:
        at = held[group].to_numpy() * sketch.buckets + bucket if group in held.columns else bucket
        vectors.append(np.bincount(at, minlength=len(sketch.parts(group)) * sketch.buckets).astype(np.int64))
    exact = np.concatenate(vectors)
    return Found(part, {sketch.name: (exact, exact[:0])})


def gather_sketch(contributions: Contributions, sketch: Sketch) -> Ints:
    """Count everyone: the exact counts of each bucket, parts and groups one after another. They end at `draw`."""
    sums, seen = np.zeros(0, np.int64), list[Part]()
    for found in contributions.people(sketch, count):
        own, _ = found.sums[sketch.name]
        sums = sums + own if seen else own
        seen.append(found.part)
    whole(seen)
    return sums


def draw(plan: SketchPlan, exact: Ints, charge: Charge) -> pl.DataFrame:
    """Noise every bucket of every part and return the rows of the parts that can be shown (see `buckets`)."""
    sketch, shown, start = plan.sketch, dict[str, npt.NDArray[np.int64]](), 0
    for group, noise in zip(sketch.groups, plan.groups, strict=True):
        parts, step = sketch.parts(group), sketch.measure.step
        own = exact[start : (start := start + len(parts) * sketch.buckets)]
        noisy = add_noise(own * step, noise, "person", charge)
        counts = np.clip(np.rint(noisy / step), -MOST, MOST).astype(np.int64).reshape(len(parts), sketch.buckets)
        least = threshold(sketch.minimum, sketch.z, noise.sigma, step, sketch.buckets)
        shown |= {part: row for part, row in zip(parts, counts, strict=True) if row.sum() > least}
    return lay_out(shown)
