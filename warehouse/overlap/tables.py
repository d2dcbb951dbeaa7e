"""What a marketer reads: who crosses with whom, how often people go out, and whom a partner would bring.

Every figure has `_se`, `_low` and `_high`; `tells` is false where it is too small to tell. Shares are in per cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import polars as pl

from warehouse.overlap.estimates import Estimate, audience, frequencies, new_reach, overlap, pooled, share, union
from warehouse.overlap.moments import correlation
from warehouse.overlap.vectors import Vector


def figure(name: str, estimate: Estimate) -> dict[str, float]:
    """Return the four columns of a figure."""
    return {name: estimate.value, f"{name}_se": estimate.se, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def crossings(vectors: Sequence[Vector], base: Estimate | None = None) -> pl.DataFrame:
    """Return one row a pair of venues: `people` common to both, `share_a` and `share_b` of each side, `lift`.

    Lift: how much more of the audience of `a` goes to `b` than of all that the venues reach together (or of `base`, such as
    the inhabitants); 1 is chance. Its interval is that of the overlap: audiences and base are known far better.
    """
    base = base or union(vectors)
    sizes = [audience(v) for v in vectors]
    rows: list[Mapping[str, object]] = []
    for (a, one), (b, other) in combinations(enumerate(vectors), 2):
        common = overlap([one, other])
        lift = share(share(common, sizes[a]), share(sizes[b], base))
        rows.append(
            {"a": one.venue, "b": other.venue, **figure("people", common)}
            | figure("share_a", share(common, sizes[a], scale=100))
            | figure("share_b", share(common, sizes[b], scale=100))
            | figure("lift", lift)
            | {"tells": common.tells}
        )
    return pl.DataFrame(rows)


def attendances(vectors: Sequence[Vector], most: int = 4) -> pl.DataFrame:
    """Return how many people go to exactly 1, 2, 3 and to 4 or more (`venues`, "4+") of the venues of a territory.

    Of many venues, mostly the reach and the last class can be told; the rest says so.
    """
    found = frequencies(vectors, most)
    last = f"{len(found)}+" if len(vectors) > len(found) else str(len(found))
    names = [*(str(j) for j in range(1, len(found))), last]
    return pl.DataFrame(
        [{"venues": n, **figure("people", e), "tells": e.tells} for n, e in zip(names, found, strict=True)]
    )


def reach_curve(vectors: Sequence[Vector]) -> pl.DataFrame:
    """Return reach as venues are added in the order given: `reach`, and what the last one `added`."""
    rows: list[Mapping[str, object]] = []
    for count in range(1, len(vectors) + 1):
        *before, last = vectors[:count]
        added = new_reach(last, before)
        rows.append(
            {"venues": count, "venue": last.venue, **figure("reach", union(vectors[:count]))}
            | figure("added", added)
            | {"tells": added.tells}
        )
    return pl.DataFrame(rows)


def partners(venue: Sequence[Vector], candidates: Sequence[Vector]) -> pl.DataFrame:
    """Return, for each candidate, the people it would bring who are in none of `venue`'s vectors, and that share of its own."""
    rows: list[Mapping[str, object]] = []
    for candidate in candidates:
        new = new_reach(candidate, venue)
        part = share(new, audience(candidate), scale=100)
        rows.append({"partner": candidate.venue, **figure("new", new), **figure("share_new", part), "tells": new.tells})
    return pl.DataFrame(rows).sort("new", descending=True)


def crossing_share(pairs: Mapping[str, Sequence[tuple[Vector, Vector]]]) -> pl.DataFrame:
    """Return, by name, the share of the first's audience seen at the second, over all pairs given: periods, venues, or both.

    Several pairs together tell more than any one (`pooled`), how far their errors move together being known.
    """
    rows: list[Mapping[str, object]] = []
    for name, given in pairs.items():
        shares = [share(overlap(pair), audience(pair[0]), scale=100) for pair in given]
        together = pooled(shares, correlation(given))
        rows.append({"name": name, "pairs": len(shares), **figure("share", together), "tells": together.tells})
    return pl.DataFrame(rows)
