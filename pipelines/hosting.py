"""The machine that hosts venues, as Dagster's runs know it: where their folders are, and one run at a time in each."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from aggregations.venue import Venue, read_venue
from privacy.policy import Policy, read_policy


class Node(dg.ConfigurableResource):  # pyright: ignore[reportMissingTypeArgument]  # Dagster's own generic default
    """The machine that hosts venues: its home folder, the policy file (default: the packaged one), the hub's inbox."""

    home: str = ""  # $JAUGE_HOME, or .jauge
    policy: str = ""
    hub_inbox: str = ""
    workers: int = 2  # venues at work at once, in threads: each one's columns are spread over the cores already

    @property
    def root(self) -> Path:
        """The home folder, found when a run starts."""
        return Path(self.home or os.environ.get("JAUGE_HOME") or ".jauge")

    def venue(self, name: str) -> Venue:
        """Read a venue's folder."""
        return read_venue(self.root / "venues" / name)

    @contextmanager
    def turn(self, name: str) -> Generator[Venue]:
        """Read a venue's folder, and keep other runs out of it: what was checked is what is released."""
        venue = self.venue(name)
        with (venue.folder / ".turn").open("w") as lock:  # the lock dies with its process
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield venue

    def names(self) -> list[str]:
        """List the venues hosted here."""
        return sorted(p.parent.name for p in (self.root / "venues").glob("*/venue.toml"))

    def read_policy(self) -> Policy:
        """Read the policy in force here."""
        return read_policy(Path(self.policy) if self.policy else None)

    @property
    def inbox(self) -> Path:
        """Where sealed releases are delivered."""
        return Path(self.hub_inbox) if self.hub_inbox else self.root / "hub" / "inbox"
