"""A product of another participant, from its catalogue to a file: agree, have it start, fetch, say that it is complete.

What comes back is taken by the hub's web server (`jauge serve`), in another process; this one waits for it in the book, and sends
in the meantime what is due.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.dataspace.courier import step
from pipelines.dataspace.peers import Passing, Peer, Refused
from privacy.errors import Fault, GovernanceRefusal
from warehouse.dataspace.book import Agreement
from warehouse.dataspace.connector import Connector
from warehouse.dataspace.messages import PULL
from warehouse.dataspace.process import Process

PATIENCE = 120.0  # seconds for the other side's next word
_PARTS = {"": "", "/totals": "_totals"}  # the second is another Jauge hub's


def peer_of(connector: Connector, partner: str) -> Peer:
    """Return a participant to be asked; a GovernanceRefusal if it is none."""
    return Peer(*connector.partner(partner))


def agree(connector: Connector, partner: str, dataset: str, terms: str | None, patience: float = PATIENCE) -> Agreement:
    """Negotiate one of a dataset's offers, as it stands, and return the agreement.

    `dataset`, `terms`: an identifier, or what is after its last hyphen or slash. A GovernanceRefusal if the other side says no.
    """
    peer = peer_of(connector, partner)
    found = _chosen(peer, peer.catalogue().get("dataset", []), dataset, "DATASET")
    offer = _chosen(peer, found["hasPolicy"], terms, "--terms")
    one = connector.ask("negotiation", partner, offer={**offer, "@type": "Offer", "target": found["@id"]})
    done = _wait(connector, one, ("FINALIZED",), patience)
    agreement = connector.book.agreement(done.about["agreement"]["@id"])
    if agreement is None or agreement.partner != partner:
        raise peer.fault("the agreement has the name of another", "l’accord porte le nom d’un autre")
    return agreement


def fetch(connector: Connector, agreement: Agreement, folder: Path, patience: float = PATIENCE) -> list[Path]:
    """Write the files of an agreement into a folder and return them; a Fault if they are there already."""
    if agreement.role != "consumer" or agreement.ended:
        raise GovernanceRefusal(
            f"Nothing is fetched by {agreement.id}: it has ended, or it is for others to fetch here.",
            f"Rien ne s’obtient par {agreement.id} : il a pris fin, ou c’est d’autres qui l’ont ici.",
        )
    peer = peer_of(connector, agreement.partner)
    one = connector.ask("transfer", agreement.partner, agreementId=agreement.id, format=PULL)
    started = _wait(connector, one, ("STARTED",), patience)
    try:
        came = {"": peer.file(started.about["dataAddress"], "")}
        with suppress(Refused, Passing):
            came["/totals"] = peer.file(started.about["dataAddress"], "/totals")
    except (Refused, Passing, KeyError) as why:
        connector.say(one.pid, "termination", code="fetch", reason=["the file could not be fetched"])
        raise peer.fault(f"the file cannot be fetched ({why})", f"le fichier ne peut être obtenu ({why})") from None
    paths = _written(folder, short(agreement.dataset), came)
    connector.say(one.pid, "completion")
    _wait(connector, one, ("COMPLETED",), patience)
    return paths


def _chosen(peer: Peer, things: list[dict[str, Any]], name: str | None, what: str) -> dict[str, Any]:
    names = [short(thing["@id"]) for thing in things]
    chosen = [t for t, short in zip(things, names, strict=True) if name in (None, t["@id"], short)]
    if len(chosen) == 1:
        return chosen[0]
    listed = ", ".join(names) or "–"
    raise peer.fault(f"{what} is one of these: {listed}", f"{what}, au choix : {listed}")


def short(name: str) -> str:
    """Return the end of an identifier, as a name for people and files: letters, digits, `_` and dots."""
    return re.sub(r"[^\w.]+", "-", re.split(r"[-/#:]", name.rstrip("/"))[-1])[:80] or "dataset"


def _written(folder: Path, name: str, came: dict[str, bytes]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {part: ".parquet" if data.startswith(b"PAR1") else ".data" for part, data in came.items()}
    paths = {folder / f"{name}{_PARTS[part]}{kinds[part]}": data for part, data in came.items()}
    for path in paths:
        if path.exists():
            raise Fault(f"{path.name} is there already; choose an empty folder.",
                        f"{path.name} existe déjà ; choisissez un dossier vide.")  # fmt: skip
    for path, data in paths.items():
        path.write_bytes(data)
    return list(paths)


def _wait(connector: Connector, one: Process, states: tuple[str, ...], patience: float) -> Process:
    """Return a process when it is in one of the states; a GovernanceRefusal if it ended otherwise, a Fault if nothing comes."""
    late, version = time.monotonic() + patience, one.version
    while True:
        now = connector.book.process(one.pid) or one
        if now.state in states:
            return now
        if now.over:
            why = now.reason or "–"
            raise GovernanceRefusal(f"{now.partner} says no: {why}", f"{now.partner} dit non : {why}")
        if now.version != version:
            late, version = time.monotonic() + patience, now.version
        if time.monotonic() > late:
            raise Fault(
                f"No answer of {now.partner} came ({now.reason or now.state}). Does `jauge serve` run here, at the address "
                "of hub/catalogue.toml?",
                f"Pas de réponse de {now.partner} ({now.reason or now.state}). `jauge serve` tourne-t-il ici, à l’adresse "
                "de hub/catalogue.toml ?",
            )
        if not step(connector):
            time.sleep(0.05)
