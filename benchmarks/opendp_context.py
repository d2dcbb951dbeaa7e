"""The same table by OpenDP's Polars Context, in an environment of its own: it needs an older Polars than ours.

Run by accuracy.py and speed.py: `python opendp_context.py FOLDER OUT CELLS LARGEST EPSILON DELTA`. Approximate zCDP, half of delta
for the threshold on the count. People are bounded here, by hand: CELLS random segments each, one row a segment. (The
Context's own `truncate_num_groups` fails when it samples and, with keep="first", keeps CELLS - 1, the lowest codes.) Prints its seconds, imports not counted, and its peak memory.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time

import opendp.prelude as dp
import polars as pl

KEYS = ["dept", "genre", "month"]


def rho_for(epsilon: float, delta: float) -> float:
    """Largest rho whose zCDP gives (epsilon, delta), by OpenDP's own conversion."""
    convert = dp.c.make_zCDP_to_approxDP(
        dp.m.make_gaussian(dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float), scale=1.0)
    )
    low, high = 0.0, 1.0
    for _ in range(60):
        rho = (low + high) / 2
        spent = convert.map(math.sqrt(2 * rho)).epsilon(delta)
        low, high = (rho, high) if spent <= epsilon else (low, rho)
    return low


def main(folder: str, out: str, cells: int, largest: int, epsilon: float, delta: float) -> None:
    began = time.perf_counter()
    dp.enable_features("contrib")
    bounded = (
        pl.scan_parquet(f"{folder}/*.parquet")
        .group_by("person_id", *KEYS)
        .agg((pl.col("price_eur") * 100).round().cast(pl.Int64).sum().clip(0, 20_000).alias("cents"))
        .collect(engine="streaming")
        .sample(fraction=1, shuffle=True)
        .filter(pl.int_range(pl.len()).over("person_id") < cells)
        .select(pl.col(KEYS).cast(pl.Int32), "cents")
    )
    context = dp.Context.compositor(
        data=bounded.lazy(),
        privacy_unit=dp.unit_of(
            contributions=[dp.polars.Bound(by=[], per_group=cells), dp.polars.Bound(by=KEYS, per_group=1)]
        ),
        privacy_loss=dp.loss_of(rho=rho_for(epsilon, delta / 2), delta=delta / 2),
        split_evenly_over=1,
        margins=[dp.polars.Margin(by=KEYS, max_length=largest, max_groups=10**6)],
    )
    query = context.query().group_by(KEYS).agg(dp.len(signed=True).alias("people"), pl.col("cents").dp.sum((0, 20_000)))
    query.release().collect().with_columns(pl.col("cents") / 100).rename({"cents": "spend"}).write_parquet(out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began, "gib": peak}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:5]), *map(float, sys.argv[5:7]))
