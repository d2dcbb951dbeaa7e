"""A venue's own mappings: presets that its steward wrote, mostly out of a draft, for files that no packaged preset knows.

One is tried from where it lies; the first export it loads has it kept in the venue's `presets/`, where it is found from
then on as packaged ones are. Anyone may err in writing one: whatever it says is a preset or a Fault that names the file,
the table and the key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aggregations.coherence import Said, faults
from aggregations.mapping import Preset, declared, presets
from aggregations.receipt import receipts
from aggregations.reception import sync
from aggregations.venue import Venue
from privacy.errors import Fault

MARKS = {"en": "TO COMPLETE", "fr": "À COMPLÉTER"}
_MARK = re.compile(rf"^\s*#\s*(?:{'|'.join(MARKS.values())})\s*:\s*([\w.]+)")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_TOLD = 5  # faults in one sentence
_SAID: dict[str, Said] = {
    "missing": ("is missing", "manque"),
    "unexpected_keyword_argument": ("is no key of a preset", "n’est pas une clé de préréglage"),
    "string_type": ("must be a text", "doit être un texte"),
    "bool_type": ("must be true or false", "doit être true ou false"),
    "bool_parsing": ("must be true or false", "doit être true ou false"),
    "dict_type": ("must be a table", "doit être une table"),
    "dataclass_type": ("must be a table", "doit être une table"),
}


def read_mapping(path: Path) -> Preset:
    """Return the preset a file states, named as the file; a Fault names what is wrong or still to complete."""
    check_name(path)
    text, raw = _document(path)
    if pending := list(_pending(text, raw)):
        raise _fault(path, pending)
    try:
        preset = declared(path.stem, raw)
    except ValidationError as error:
        wrong = [(_place(e["loc"]), _sentence(e["type"], e.get("ctx", {}))) for e in error.errors(include_input=False)]
        raise _fault(path, wrong) from None
    if wrong := list(faults(preset)):
        raise _fault(path, wrong)
    return preset


def check_name(path: Path) -> None:
    """Raise the Fault of a file that has no name of a mapping: its records are known by it."""
    if not _NAME.fullmatch(path.stem) or path.suffix != ".toml":
        said = "must be named in lower case, such as museum.toml", "doit être nommé en minuscules, comme musee.toml"
    elif path.stem in presets():
        said = (
            "has the name of a packaged preset: give it another",
            "porte le nom d’un préréglage livré : donnez-en un autre",
        )
    else:
        return
    raise _fault(path, [("", said)])


def own_presets(venue: Venue) -> dict[str, Preset]:
    """Return the mappings that the venue keeps, by name."""
    return {path.stem: read_mapping(path) for path in sorted(venue.presets.glob("*.toml"))}


def check_keeping(venue: Venue, path: Path) -> None:
    """Refuse another mapping of a name that has loaded rows: read in two ways they would be counted twice."""
    kept = venue.presets / path.name
    if not kept.is_file() or kept.read_bytes() == path.read_bytes():
        return
    if any(receipt.preset == path.stem for receipt in receipts(venue.store)):
        raise Fault(
            f"{path.name}: {venue.id} keeps another mapping of that name, by which rows were loaded. To mend it, write it "
            "over the one in presets/, empty store/ and load inbox/ again; for files of another kind, give it another name.",
            f"{path.name} : {venue.id} garde une autre correspondance de ce nom, qui a servi à charger des lignes. Pour la "
            "corriger, remplacez celle de presets/, videz store/ et rechargez inbox/ ; pour d’autres fichiers, changez le nom.",
        )


def keep(venue: Venue, path: Path) -> None:
    """Keep a mapping with the venue, whole on the disk before the rows it loads are there."""
    kept, text = venue.presets / path.name, path.read_bytes()
    if kept.is_file() and kept.read_bytes() == text:
        return
    venue.presets.mkdir(exist_ok=True)
    part = venue.presets / f".part-{path.name}"
    part.write_bytes(text)
    sync(part)
    part.replace(kept)
    sync(venue.presets)


def _document(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text("utf-8")
        return text, tomllib.loads(text)
    except UnicodeDecodeError:
        said = "is not UTF-8 text", "n’est pas un texte en UTF-8"
    except OSError:
        said = "cannot be read", "est illisible"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = re.search(r"line (\d+), column (\d+)", str(error))
        said = (
            (f"is no TOML at line {place[1]}, column {place[2]}", f"n’est pas du TOML, ligne {place[1]}, colonne {place[2]}")
            if place
            else ("is no TOML: it ends too early", "n’est pas du TOML : il finit trop tôt")
        )  # fmt: skip
    raise _fault(path, [("", said)])


def _pending(text: str, raw: dict[str, Any]) -> Iterator[tuple[str, Said]]:
    """What a draft still marks, unless a line of the file states it by now."""
    stated = set(_keys(raw.get("emits", [])))
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MARK.match(line)
        if mark and mark[1] not in stated:
            yield (
                f"line {number}, {mark[1]}",
                ("is to complete: uncomment or write one line, or take the mark away", "est à compléter : décommentez ou écrivez une ligne, ou ôtez la marque"),
            )  # fmt: skip


def _keys(emits: Any) -> Iterator[str]:
    for emit in emits if isinstance(emits, list) else []:
        if isinstance(emit, dict):
            yield from emit
            fields = emit.get("fields")
            yield from (f"fields.{name}" for name in (fields if isinstance(fields, dict) else {}))


def _place(loc: Iterable[int | str]) -> str:
    parts = [str(part + 1) if isinstance(part, int) else part for part in loc]
    table, rest = {
        "reads": (f"[reads.{parts[1]}]" if len(parts) > 1 else "[reads]", parts[2:]),
        "emits": (f"[[emits]] {parts[1]}" if len(parts) > 1 else "[[emits]]", parts[2:]),
    }.get(parts[0], ("", parts))
    if "words" in rest:  # what stands below is a vendor's word
        rest = rest[: rest.index("words") + 1]
    return ", ".join(part for part in (table, ".".join(rest)) if part)


def _sentence(kind: str, context: dict[str, Any]) -> Said:
    if kind == "literal_error":
        return f"must be {context['expected']}", f"doit être {context['expected'].replace(' or ', ' ou ')}"
    if kind == "value_error":
        return f"is written {context['error']}", f"s’écrit {context['error']}"
    return _SAID.get(kind, ("cannot be read so", "ne peut pas se lire ainsi"))


def _fault(path: Path, wrong: Iterable[tuple[str, Said]]) -> Fault:
    told = list(dict.fromkeys(wrong))
    more = len(told) - _TOLD
    en = "; ".join(f"{place} {said}".strip() for place, (said, _) in told[:_TOLD])
    fr = " ; ".join(f"{place.replace('line ', 'ligne ')} {said}".strip() for place, (_, said) in told[:_TOLD])
    return Fault(
        f"{path.name}: {en}{f' (and {more} more)' if more > 0 else ''}.",
        f"{path.name} : {fr}{f' (et {more} autres)' if more > 0 else ''}.",
    )
