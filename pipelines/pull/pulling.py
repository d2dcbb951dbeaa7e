"""One pull: fetch page after page, place the export in the inbox, ingest it, and only then move the cursor.

Killed anywhere, a pull repeats at most the page it was at: pages and progress are on disk before the next is asked for;
an export that lies in the inbox is ingested first, and ingesting the same bytes twice changes nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aggregations.ingest import ingest
from aggregations.receipt import Receipt
from aggregations.reception import alone
from aggregations.venue import Venue
from pipelines.pull.client import Client, Gone
from pipelines.pull.progress import Pull
from pipelines.pull.sources import Source, declared
from pipelines.pull.systems import Fields, Listing, Record
from privacy.errors import Fault, JaugeError

_T = TypeVar("_T")
Tell = Callable[[], None]  # called after each page


def _silent() -> None:
    return


@dataclass(frozen=True, slots=True)
class Outcome:
    """One source and what became of it: a receipt, nothing new (neither), or an error."""

    name: str
    receipt: Receipt | None
    error: JaugeError | None


def pull_all(venue: Venue, names: Iterable[str] = (), tell: Callable[[str], None] | None = None) -> Iterator[Outcome]:
    """Pull the sources named, or all that the venue declares; one that fails stops no other. Yields each when it is done."""
    for name in names or venue.pull:
        try:
            yield Outcome(name, pull(venue, name, (lambda n=name: tell(n)) if tell else _silent), None)
        except JaugeError as error:
            yield Outcome(name, None, error)
        except OSError:  # the disk, which is not one source's affair
            raise
        except Exception as error:  # noqa: BLE001 (its text may quote a row; the other sources still have their turn)
            kind = type(error).__name__
            fault = Fault(
                f"[pull.{name}]: {kind}, which is a fault of Jauge.", f"[pull.{name}] : {kind}, un défaut de Jauge."
            )
            yield Outcome(name, None, fault)


def pull(venue: Venue, name: str, tell: Tell = _silent) -> Receipt | None:
    """Fetch what is new at one source since its last pull and ingest it; None when nothing is.

    Raises:
        Fault: the declaration or the secret is wrong, or the system does not answer; what was fetched is kept.
        GovernanceRefusal: what the ingest refuses.
    """
    source = declared(venue, name)
    venue.inbox.mkdir(parents=True, exist_ok=True)
    (venue.folder / "pull").mkdir(mode=0o700, exist_ok=True)
    with alone(venue.folder / "pull"):
        pull = Pull(source)
        if not pull.progress.export:
            _fetch(pull, tell)
        receipt = _ingest(pull) if pull.progress.export else None
        pull.end()
        return receipt


def together(errors: Sequence[JaugeError]) -> JaugeError:
    """Return one error that tells all of them, each once."""
    if len(errors) == 1:
        return errors[0]
    return Fault("\n".join(dict.fromkeys(e.en for e in errors)), "\n".join(dict.fromkeys(e.fr for e in errors)))


def _fetch(pull: Pull, tell: Tell) -> None:
    with Client(pull.source) as client:
        try:
            _fetch_all(pull, client, tell)
        except Gone:  # what a pull cut short had asked for next is no longer there: all of it again, once
            pull.begin()
            try:
                _fetch_all(pull, client, tell)
            except Gone:
                raise pull.source.fault(
                    "the list changes faster than it can be read, page after page. Pull again later.",
                    "la liste change plus vite qu’on ne peut la lire, page après page. Recommencez plus tard.",
                ) from None
    if pull.progress.pages:
        pull.note(export=pull.new_name())


def _fetch_all(pull: Pull, client: Client, tell: Tell) -> None:
    source = pull.source
    known = dict(source.fields)
    known.pop("since", None)
    if pull.since is not None:
        known["since"] = source.system.written(pull.since - source.system.again)
    for listing in source.system.listings:
        for fields in _documented(source, listing, lambda listing=listing: list(listing.each(pull))):
            task = " ".join([listing.name, *fields.values()])
            if task not in pull.progress.done:
                _fetch_list(pull, client, listing, known | dict(fields), task, tell)


def _fetch_list(pull: Pull, client: Client, listing: Listing, fields: Fields, task: str, tell: Tell) -> None:
    place = pull.progress.place if pull.progress.at == task else {}
    while place is not None:
        answer, at = client.ask(listing, fields, place)
        records = _documented(pull.source, listing, lambda answer=answer: _records(listing, answer))
        following = _documented(pull.source, listing, lambda a=answer, r=records, p=place: listing.following(a, r, p))
        if following == place:
            raise pull.source.fault(
                f"the system gives the same page of {listing.name} again and again. Nothing was ingested.",
                f"le système redonne sans fin la même page de {listing.name}. Rien n’a été chargé.",
            )
        ended = {"done": (*pull.progress.done, task), "at": "", "place": {}}
        goes_on = {"at": task, "place": following}
        until = pull.progress.until or at.isoformat()
        pull.note(pages=pull.keep(listing.name, records), until=until, **(ended if following is None else goes_on))
        place = following
        tell()


def _records(listing: Listing, answer: Any) -> list[Record]:
    records = [answer] if listing.single else answer[listing.member] if listing.member else answer
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise TypeError
    return records


def _documented(source: Source, listing: Listing, read: Callable[[], _T]) -> _T:
    """Read an answer, which may be anything; what it is instead is not repeated."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise source.fault(
            f"{listing.name} is not what the interface documents. Check url, the other keys and the rights of "
            f"{', '.join(source.variables)}.",
            f"{listing.name} n’est pas ce que documente l’interface. Vérifiez url, les autres clés et les droits de "
            f"{', '.join(source.variables)}.",
        ) from None


def _ingest(pull: Pull) -> Receipt:
    pull.place_in_inbox()
    receipt = ingest(pull.source.venue, [pull.export])
    if receipt.already and not all(file.startswith(f"{pull.export.name}/") for file in receipt.files):
        shutil.rmtree(pull.export)  # the same bytes lie in the inbox already
    return receipt
