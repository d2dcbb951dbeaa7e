"""Both sides on one machine: what `dg dev` shows from the root of the repository, and what the demo runs through.

In production each side runs alone: `dagster dev -m pipelines.venue` where the records are, `-m pipelines.hub` at the
hub, where the other side's release appears as an external asset.
"""

from __future__ import annotations

import dagster as dg

from pipelines import hub, venue

defs = dg.Definitions.merge(venue.defs, hub.defs)
