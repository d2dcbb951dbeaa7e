"""The whole job on a made-up town: vendors' files in, private releases out, a lake, pages. Through Dagster.

Nothing here is a shortcut: the town's files are put in inboxes and every step is a run of the assets in
`pipelines.definitions`, left in the instance for its UI. Run again, it finds everything done.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from aggregations.cooperative import match_key, new_key
from aggregations.founding import add_venue
from aggregations.matches import adopt
from aggregations.venue import Venue, read_venue
from pipelines import partitions
from pipelines.definitions import defs
from pipelines.town.build import ORGANISATIONS, write_town
from pipelines.venue import asking
from privacy.calendar import Period
from privacy.errors import Fault
from warehouse.amendments import register
from warehouse.governance import Hub

PERIODS = [Period(2025, quarter) for quarter in (1, 2, 3, 4, 0)]
OPENING = Period(2026, 1)  # the theatre's next season: the files of a running pretix server
Step = Callable[[str, int, int], None]  # (what, done, of)


def run_demo(home: Path, examples: Path, step: Step, *, people: int = 40_000) -> None:
    """Make the town under `home`, load, release, accept, report; `step` is told of each run done.

    `examples`: the repository's folder of real exports. Raises Fault when a run fails (Dagster keeps its log).
    """
    town(home, examples, step, people)
    everyone = [v.id for v in ORGANISATIONS]
    calendar = [(everyone, period) for period in PERIODS] + [(["theatre"], OPENING)]
    with instance(home) as dagster:
        load(dagster, home)
        step("load", 1, 1)
        for done, (venues, period) in enumerate(calendar, 1):
            release(dagster, home, venues, period)
            step("release", done, len(calendar))
        accept(dagster, home)
        step("accept", 1, 1)
        report(dagster, home)
        step("report", 1, 1)


def town(home: Path, examples: Path, step: Step, people: int) -> None:
    """Add the venues, register them at the hub, hand them one key, and lay their exports in their inboxes, once."""
    key = home / "cooperative.key"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        new_key(key)
    with tempfile.TemporaryDirectory() as folder:
        new = [v for v in ORGANISATIONS if not (home / "venues" / v.id).exists()]
        files = write_town(Path(folder), people=people) if new else {}
        for done, declared in enumerate(ORGANISATIONS, 1):
            venue = (
                join(home, declared, "media" if declared.kind == "media" else "producers")
                if declared in new
                else read_venue(home / "venues" / declared.id)
            )
            if not match_key(venue):
                adopt(venue, key)
            for export in files.get(venue.id, []):
                _lay(export, venue.inbox)
            if venue.id == "theatre":
                _lay(examples / "pretix", venue.inbox)
            step("town", done, len(ORGANISATIONS))


def join(home: Path, venue: Venue, college: str | None = None) -> Venue:
    """Make a venue's folder under `home` and register it at the hub of the same home, in a college of members."""
    added = add_venue(replace(venue, folder=home / "venues" / venue.id))
    register(
        Hub(home / "hub"), id=added.id, name=added.name, kind=added.kind, commune=added.commune,
        public_key=added.public_key, college=college,
    )  # fmt: skip
    return added


@contextmanager
def instance(home: Path) -> Generator[dg.DagsterInstance]:
    """Open the Dagster instance: $DAGSTER_HOME, the `dagster.yaml` of the working folder, or one under `home`."""
    if os.environ.get("DAGSTER_HOME"):
        chosen = dg.DagsterInstance.get()
    elif Path("dagster.yaml").exists():
        chosen = dg.DagsterInstance.from_config(str(Path.cwd()))
    else:
        folder = home / "dagster"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = dg.DagsterInstance.local_temp(str(folder))
    with chosen as opened:
        yield opened


def load(dagster: dg.DagsterInstance, home: Path) -> None:
    """Run the loading of every inbox and its checks."""
    _run(dagster, "load_exports", {"node": home})


def release(dagster: dg.DagsterInstance, home: Path, venues: Sequence[str], period: Period) -> None:
    """Run the release of a period by several venues, and its delivery to the hub of the same home."""
    _run(dagster, "publish", {"node": home}, asking(partitions.key(venue, period) for venue in venues))


def accept(dagster: dg.DagsterInstance, home: Path) -> None:
    """Run the acceptance of all that was delivered."""
    _run(dagster, "accept", {"shared": home})


def report(dagster: dg.DagsterInstance, home: Path) -> None:
    """Run the making of the pages."""
    _run(dagster, "report", {"shared": home})


def _lay(export: Path, inbox: Path) -> None:
    there = inbox / export.name
    if there.exists():
        return
    if export.is_dir():
        shutil.copytree(export, there)
    else:
        shutil.copyfile(export, there)


def _run(dagster: dg.DagsterInstance, job: str, homes: dict[str, Path], asked: dict[str, Any] | None = None) -> None:
    result = defs.resolve_job_def(job).execute_in_process(
        instance=dagster,
        run_config={
            "resources": {name: {"config": {"home": str(home)}} for name, home in homes.items()},
            "loggers": {"console": {"config": {"log_level": "ERROR"}}},  # the instance keeps all of it
        }
        | (asked or {}),
        raise_on_error=False,
    )
    if not result.success:
        raise Fault(
            f"The run {job} failed; `uv run dg dev` shows why (run {result.run_id[:8]}).",
            f"L’exécution {job} a échoué ; `uv run dg dev` montre pourquoi (run {result.run_id[:8]}).",
        )
