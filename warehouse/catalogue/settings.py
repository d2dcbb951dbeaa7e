"""What the hub's steward says of it in `hub/catalogue.toml`, for strangers to read.

    base = "https://audiences.example.org/catalogue/"   # where the files are served; every identifier begins with it
    publisher = "Coopérative des scènes du littoral"
    email = "donnees@example.org"
    sql = "quack:sql.example.org:443"                   # where partners ask, if anywhere (`jauge serve`)
    dataspace = "https://hub.example.org"               # where `jauge serve` is reached, to be a participant of a dataspace
    licence = "https://spdx.org/licenses/etalab-2.0"    # of the catalogue itself, not of the figures
    text_and_data_mining = "reserved"                   # of the catalogue; or "allowed"

Each line may be left out. The base is an identifier as much as an address: others write it into their own catalogues and
agreements, so it is chosen once, and is no option of a command, which might differ from one run to the next.
"""

from __future__ import annotations

import tomllib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privacy.errors import Fault
from warehouse.governance import Hub

NOWHERE = "https://example.org/catalogue/"  # a name kept for examples: leads nowhere, and belongs to nobody


PROTOCOL = "/dsp/2025-1"  # where the hub's web server answers the Dataspace Protocol


class Settings(BaseModel):
    """What `catalogue.toml` says."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base: str = Field(NOWHERE, pattern=r"^https?://[\w.:-]+/([\w.~-]+/)*$")
    publisher: str = Field("Hub Jauge", min_length=1)
    email: str | None = Field(None, pattern=r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$")
    sql: str | None = Field(None, pattern=r"^quack:[\w.-]+(:\d+)?$")
    dataspace: str | None = Field(
        None, pattern=r"^(https://[\w-]+(\.[\w-]+)*|http://(localhost|127\.0\.0\.1))(:\d{1,5})?$"
    )
    text_and_data_mining: Literal["reserved", "allowed"] = "reserved"
    licence: str | None = Field(None, pattern=r"^https?://[^\s<>\"]+$")

    @property
    def reservation(self) -> int:
        """Whether text and data mining is reserved, as TDMRep writes it: 1, or 0."""
        return int(self.text_and_data_mining == "reserved")

    def iri(self, kind: str, name: str = "") -> str:
        """Return the identifier of a thing: an anchor of the page at the base."""
        return f"{self.base}#{kind}-{name}" if name else f"{self.base}#{kind}"

    @property
    def endpoint(self) -> str | None:
        """Where the Dataspace Protocol is answered, if the hub is a participant."""
        return self.dataspace and self.dataspace + PROTOCOL


def read_settings(hub: Hub) -> Settings:
    """Return what `catalogue.toml` says, all defaults without one; a Fault names the line that is wrong."""
    path = hub.folder / "catalogue.toml"
    try:
        return Settings.model_validate(tomllib.loads(path.read_text("utf-8")) if path.exists() else {})
    except ValidationError as wrong:
        why = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors(include_input=False))
    except (ValueError, OSError) as wrong:  # of tomllib: a line and a column
        why = str(wrong)
    raise Fault(f"catalogue.toml cannot be read ({why}).", f"catalogue.toml est illisible ({why}).")
