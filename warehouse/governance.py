"""What a hub's members agreed on, in one file that people write and review: `governance.toml`.

    <home>/hub/
        inbox/           releases as delivered
        accepted/        releases the lake holds, as they came
        refused/         releases it does not, with the reason in the lake's table `refusals`
        lake/            catalogue and Parquet files
        reports/         the pages
        governance.toml  this file
        partners/        tokens (digests only) and the audit trail
        policy.toml      only if the network uses another policy than the packaged one

`governance` reads it whole; `terms` holds its parts to each other: a college, purpose, venue or table that does not exist is a
Fault, for a mistyped denial would let someone see. Its `digest` stands in every acceptance, refusal and line of the audit
trail, and its text in the lake's table `governance`. Who may see what follows from it in `sharing`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from privacy.errors import Fault
from privacy.policy import Policy, read_policy
from warehouse.charter import Floor, Governance, Member


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the files of a hub lie; making one touches nothing."""

    folder: Path

    @property
    def inbox(self) -> Path:
        """Releases as delivered: `inbox/<release_id>/`."""
        return self.folder / "inbox"

    @property
    def accepted(self) -> Path:
        """Releases the lake holds: `accepted/<release_id>/`."""
        return self.folder / "accepted"

    @property
    def refused(self) -> Path:
        """Releases that were refused: `refused/<name>/`."""
        return self.folder / "refused"

    @property
    def lake(self) -> Path:
        """The DuckLake: `catalogue.duckdb` and `data/`."""
        return self.folder / "lake"

    @property
    def reports(self) -> Path:
        """The pages: `fr/`, `en/`."""
        return self.folder / "reports"

    @property
    def drawings(self) -> Path:
        """What the pages drew, for the next ones (`reports.drawings`)."""
        return self.folder / "drawings"

    @property
    def partners(self) -> Path:
        """What concerns partners: tokens and the audit trail."""
        return self.folder / "partners"

    @property
    def governance(self) -> Path:
        """What the members agreed on."""
        return self.folder / "governance.toml"

    @property
    def policy(self) -> Policy:
        """The network's policy: `policy.toml` beside the rules, else the packaged one."""
        own = self.folder / "policy.toml"
        return read_policy(own if own.exists() else None)


def governance(hub: Hub) -> Governance:
    """Read `governance.toml`, or the first lines of one if there is none; a Fault says what is wrong and where."""
    return read(written(hub), hub.policy)


def read(text: str, policy: Policy) -> Governance:
    """Return what a text of `governance.toml` says."""
    try:
        told = tomllib.loads(text)
        return Governance(text=text, known_tables=tuple(t.name for t in (*policy.tables, *policy.sketches)), **told)
    except ValidationError as wrong:
        why = "; ".join(
            f"{'.'.join(map(str, e['loc']))} {e['msg'].removeprefix('Value error, ')}".strip()
            for e in wrong.errors(include_input=False)
        )
        raise unreadable(why) from None
    except (ValueError, TypeError, AttributeError) as wrong:  # also tomllib's: a line and a column
        raise unreadable(str(wrong)) from None


def written(hub: Hub) -> str:
    """Return the text of `governance.toml`, or its first lines."""
    try:
        return hub.governance.read_text("utf-8") if hub.governance.exists() else first_lines()
    except UnicodeDecodeError:
        raise unreadable("it is not UTF-8") from None


def first_lines() -> str:
    """Return what a new `governance.toml` begins with."""
    return (files("warehouse") / "governance.toml").read_text("utf-8")


def members(hub: Hub) -> dict[str, Member]:
    """Return the members by id, in the order of the file."""
    return governance(hub).venues


def floor(hub: Hub) -> Floor:
    """Return what the hub demands of every release."""
    return governance(hub).policy


def unreadable(why: str) -> Fault:
    """Return the Fault of a `governance.toml` that says something wrong."""
    return Fault(f"governance.toml cannot be read ({why}).", f"governance.toml est illisible ({why}).")
