"""A venue's folder is made: fresh keys that only its own account reads, and `venue.toml`, to be edited by hand."""

from __future__ import annotations

import os
import secrets

import tomlkit

from aggregations.venue import Venue, check_venue
from privacy.errors import Fault


def add_venue(venue: Venue) -> Venue:
    """Make the venue's folder with fresh keys; a venue that exists is a Fault, never overwritten."""
    try:
        check_venue(venue)
        venue.folder.mkdir(parents=True)
    except FileExistsError:
        raise Fault(f"Venue {venue.id} exists already.", f"Le lieu {venue.id} existe déjà.") from None
    except ValueError as fault:
        raise Fault(str(fault), str(fault)) from None
    keys = venue.folder / "keys"
    for folder in (keys, venue.inbox, venue.store, venue.quarantine, venue.outbox):
        folder.mkdir()
    for folder in (venue.folder, keys):
        folder.chmod(0o700)  # records and keys are for the venue's own account
    for name in ("person.key", "signing.key"):
        descriptor = os.open(keys / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    (venue.folder / "venue.toml").write_text(_toml(venue), "utf-8")
    return venue


def _toml(venue: Venue) -> str:
    def text(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"{key} = {text(getattr(venue, key))}" for key in ("id", "name", "kind", "commune", "timezone")]
    lines.append(f"publishes = [{', '.join(map(text, venue.publishes))}]")
    lines.append(f"revenue = {'true' if venue.revenue else 'false'}")
    lines.append(f"approval = {text(venue.approval)}")
    lines.append(f"approvers = [{', '.join(map(text, venue.approvers))}]")
    lines.append(f"calendar = {text(venue.calendar)}")
    lines.append(f"engine = {text(venue.engine)}")
    if venue.capacity is not None:
        lines.append(f"capacity = {venue.capacity}")
    if venue.hub:
        lines.append(f"hub = {text(venue.hub)}")
    lines += [f"retention_months = {venue.retention_months}", f"raw_days = {venue.raw_days}"]
    names = ("identifiers", "families", "titles", "consent", "controller", "site", "rights", "sibil")
    tables = [(name, getattr(venue, name)) for name in names]
    statuses = [(f"statuses.{preset}", words) for preset, words in venue.statuses.items()]
    pull = [(f"pull.{name}", keys) for name, keys in venue.pull.items()]
    for name, words in (*tables, *statuses, *pull):
        lines += ["", f"[{name}]", *(f"{text(k)} = {text(v)}" for k, v in words.items())]
    declares = ["", tomlkit.dumps({"declares": venue.declares}).rstrip()] if venue.declares else []
    return "\n".join([*lines, *declares]) + "\n"
