"""Scripted answers for conformance kits: which message this hub sends on entering which state, by dataset or agreement.

    datasets = ["CAT0101"]              # in the catalogue beside the products
    [negotiations.ACN0101]              # a dataset's id
    REQUESTED = ["offer", "termination"]   # at the first time, at the second
    [transfers.ATP0101]                 # an agreement's id
    REQUESTED = ["start"]

A file like this is given to `jauge serve --scenarios` by hand, opens the two addresses at which a kit has this hub begin,
and has no place on a hub that partners ask.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from privacy.errors import Fault
from warehouse.dataspace.process import Process

_Script = dict[str, tuple[str, ...]]


class Scenarios(BaseModel):
    """What a file of scenarios says."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    datasets: tuple[str, ...] = ()
    negotiations: dict[str, _Script] = {}
    transfers: dict[str, _Script] = {}

    def script(self, one: Process) -> _Script | None:
        """Return what is said of a process; None if it is not of a scenario."""
        if one.kind == "negotiation":
            return self.negotiations.get(str(one.about.get("offer", {}).get("target")))
        return self.transfers.get(str(one.about.get("agreement")))


def read_scenarios(path: Path) -> Scenarios:
    """Read a file of scenarios; a Fault says what is wrong."""
    try:
        return Scenarios.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as wrong:
        why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors(include_input=False))
    except (ValueError, OSError) as wrong:
        why = str(wrong)
    raise Fault(f"{path.name} cannot be read ({why}).", f"{path.name} est illisible ({why}).")
