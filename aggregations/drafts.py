"""A proposal as a preset to complete: TOML with a reason beside each line, and a mark where the steward decides.

It holds headers, formats and reasons, and no value of a row. A mark (`TO COMPLETE`, `À COMPLÉTER`) names a key and stands
above the lines to choose from; `adopted` refuses a mapping whose marks are not answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from aggregations.adopted import MARKS, check_name
from aggregations.coherence import Said
from aggregations.detect import format_of
from aggregations.entries import Entries, Entry
from aggregations.proposals import Proposal
from privacy.errors import Fault

_REGIMES = {"transactions": "contract", "interactions": "consent", "counts": "legitimate_interest"}
_TELLING = ("order", "ticket", "email", "performance_at", "purchased_at", "subscribed_at", "date", "unit_price", "total",
            "tariff", "count", "quantity", "status", "event")  # fmt: skip
_HEADS = 8


def write_draft(proposal: Proposal, path: Path, language: Literal["fr", "en"]) -> None:
    """Write a new TOML file; one that exists, or a name that no mapping may have, is a Fault."""
    check_name(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(draft(proposal, path.stem, language))
    except FileExistsError:
        raise Fault(
            f"{path.name} exists already: give the draft another name.",
            f"{path.name} existe déjà : donnez un autre nom au brouillon.",
        ) from None


def draft(proposal: Proposal, title: str, language: Literal["fr", "en"]) -> str:
    """Return the text of the draft."""
    return "\n".join(_lines(proposal, title, language)) + "\n"


def _lines(proposal: Proposal, title: str, language: Literal["fr", "en"]) -> Iterator[str]:
    def say(said: Said) -> str:
        return said[language == "fr"]

    source, read = proposal.sample.source, proposal.sample.read
    entries, mark = Entries(proposal), MARKS[language]
    made = entries.made()
    used = {h: n for h, n in entries.ways.names.items() if any(_uses(entry, n) for entry in made)}
    form = " ".join(
        part for part in (format_of(source), source.encoding, source.delimiter.replace("\t", "tab")) if part
    )
    yield say((
        f"# A draft of a mapping, proposed by `jauge inspect` for a file ({form}) that no preset knows. Read it over.\n"
        f"# Where it says {mark}, uncomment one line (or write it), or take the mark away where nothing is to be read.\n"
        f"# Then try it: jauge inspect FILE --mapping {title}.toml",
        f"# Brouillon de correspondance, proposé par `jauge inspect` pour un fichier ({form}) qu’aucun préréglage ne connaît.\n"
        f"# À relire. Là où il est écrit {mark}, décommentez une ligne (ou écrivez-la), ou ôtez la marque s’il n’y a rien à lire.\n"
        f"# Puis essayez-le : jauge inspect FICHIER --mapping {title}.toml",
    ))  # fmt: skip
    yield f"title = {json.dumps(title)}"
    yield f'consent_regime = "{_REGIMES[proposal.frame]}"  # {say(("contract, consent or legitimate_interest", "contract, consent ou legitimate_interest"))}'
    yield ""
    yield "[reads.rows]"
    yield f'kind = "{read.kind}"'
    if source.form == "pages":
        yield f"records = [{_text(source.place)}]"
    if read.explode:
        yield f"explode = [{', '.join(map(_text, read.explode))}]"
    said = (
        "a file of this kind has these; later ones must too",
        "un fichier de cette sorte les a ; les suivants le devront aussi",
    )
    yield f"has = [{', '.join(map(_text, _heads(proposal, used)))}]  # {say(said)}"
    yield "[reads.rows.columns]"
    for column in proposal.columns:
        if column.header in used:
            yield f"{used[column.header]} = {_text(column.header)}  # {say(column.why)}"
    for column in proposal.columns:
        if column.header not in used:
            why = column.why if column.role in ("", "never") else ("not needed", "pas nécessaire")
            yield f"# {say(('not kept', 'non gardée'))} : {_text(column.header)} ({say(why)})"
    yield ""
    yield "[[emits]]"
    yield f'frame = "{proposal.frame}"  # {say(proposal.why)}'
    yield 'read = "rows"'
    yield from _stated([e for e in made if not e.key.startswith("fields.")], mark, language)
    yield "[emits.fields]"
    fields = [e for e in made if e.key.startswith("fields.")]
    yield from _stated([e for e in fields if "\n" not in e.ways[0][0]], mark, language)
    for entry in fields:
        if "\n" in entry.ways[0][0]:  # a table of its own comes last
            yield f"[emits.{entry.key}]  # {say(entry.why)}"
            yield f"# {say(('what systems mostly write: read it over, and add your own words', 'ce qu’écrivent la plupart des systèmes : à relire, et à compléter de vos mots'))}"
            yield entry.ways[0][0]


def _stated(entries: list[Entry], mark: str, language: Literal["fr", "en"]) -> Iterator[str]:
    for entry in entries:
        key = entry.key.removeprefix("fields.")
        if entry.open:
            why = entry.why[language == "fr"]
            yield f"# {mark}: {entry.key}{f' ({why})' if why else ''}"
        for toml, said in entry.ways:
            comment = said[language == "fr"]
            yield f"{'# ' if entry.open else ''}{key} = {toml}{f'  # {comment}' if comment else ''}"


def _uses(entry: Entry, name: str) -> bool:
    return any(re.search(rf"(?<!\w){name}(?!\w)", toml.split("\n", 1)[0]) for toml, _ in entry.ways)


def _heads(proposal: Proposal, used: dict[str, str]) -> list[str]:
    """What tells such a file from others: its most telling headers; of JSON, the keys of its documents."""
    roles = {c.header: c.role or c.rival for c in proposal.columns if c.header in used and "|" not in c.header}
    telling = sorted((h for h in roles if roles[h] in _TELLING), key=lambda h: _TELLING.index(roles[h]))
    if proposal.sample.read.kind == "json":
        telling = [header.split(".")[0] for header in telling]
    chosen = list(dict.fromkeys(telling))[:_HEADS]
    return chosen or [header.split(".")[0] for header in list(used)[:1]]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
