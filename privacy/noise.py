"""The only randomness in the published figures: OpenDP's discrete Gaussian on integer vectors.

Eager, drawn once, without a seed. A draw needs a `Charge`, which only the ledger makes: no noise without
payment. OpenDP must agree with the price: its own map of the sensitivity may not exceed what was charged
(`plan.Noise.rho`, to within the rounding of its floats), or nothing is drawn.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from privacy.charges import Charge
from privacy.declarations import Unit
from privacy.errors import Fault
from privacy.plan import Noise

_FLOATS = Fraction(1, 10**9)  # relative; OpenDP rounds its floats upwards


def add_noise(exact: npt.NDArray[np.int64], noise: Noise, unit: Unit, charge: Charge) -> npt.NDArray[np.int64]:
    """Return exact + a fresh discrete Gaussian of standard deviation `noise.sigma` in every cell.

    `exact`: int64 vector of steps, bounded with L2 sensitivity sqrt(noise.bound_squared).
    Raises Fault, before drawing, when the charge or OpenDP's privacy map does not cover it.
    """
    mechanism = _mechanism(noise.sigma)
    sensitivity = float(noise.bound_squared) ** 0.5 * (1 + 2**-50)
    if noise.rho > charge.costs[unit].rho or Fraction(mechanism.map(sensitivity)) > noise.rho * (1 + _FLOATS):
        raise Fault(
            "OpenDP prices this noise higher than the ledger charged; nothing was drawn.",
            "OpenDP estime ce bruit plus cher que le registre ne l’a débité ; rien n’a été tiré.",
        )
    own = np.array(exact)  # OpenDP refuses the read-only view Polars gives when it runs on one thread
    return np.asarray(mechanism(own), dtype=np.int64)


@cache
def _mechanism(sigma: int) -> Any:
    import opendp.prelude as opendp  # slow to load, and a hub must never load it

    dp: Any = opendp  # its prelude re-exports without saying so

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    return dp.m.make_gaussian(*space, scale=float(sigma))
