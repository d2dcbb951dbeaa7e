"""The machine that hosts venues, as Dagster's runs know it: where their folders are, and one run at a time in each."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from aggregations.venue import Venue, read_venue
from pipelines.push.pushing import push_what_concerns
from privacy.policy import Policy, read_policy


class Node(dg.ConfigurableResource):  # pyright: ignore[reportMissingTypeArgument]  # Dagster's own generic default
    """The machine that hosts venues: its home folder, the policy file (default: the packaged one)."""

    home: str = ""  # $JAUGE_HOME, or .jauge
    policy: str = ""
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

    def send(self, venue: Venue, release_id: str) -> str:
        """Send a release, or its withdrawal, to the venue's hub as far as it may leave; say what became of it."""
        return "sent" if push_what_concerns(venue, release_id, self.root / "hub") else "waits for approval"
