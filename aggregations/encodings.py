"""How the text of a file is written: UTF-8, UTF-16, or the old tables of French Windows and Macintosh.

Only the last two are told by what they would say: the one that makes more French letters of the bytes. ISO 8859-1
is read as Windows text, which differs from it in characters that no text holds.
"""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np

from aggregations.unpacking import unpacked

_CHUNK = 1 << 20
_FRENCH = set("àâäçéèêëîïôöùûüÿœæÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸŒÆ’«»€\u00a0")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path, member: str = "") -> str:
    """Return a Python codec's name: `utf-8`, `utf-16`, `utf-16-le`, `utf-16-be`, `cp1252` or `mac-roman`."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with unpacked(path, member) as file:
        head = file.read(_CHUNK)
        if wide := _wide(head):
            return wide
        try:
            decoder.decode(head)
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _table_of(path, member)
    return "utf-8"


def _wide(head: bytes) -> str | None:
    """UTF-16: by its mark, else by the zeros that are every other byte of European text."""
    if head.startswith(_MARKS):
        return "utf-16"
    zeros = [head[start::2].count(0) for start in (0, 1)]
    if 0 in head and max(zeros) > len(head) // 4 > 20 * min(zeros):
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def _table_of(path: Path, member: str) -> str:
    counts = np.zeros(256, np.int64)
    with unpacked(path, member) as file:
        while chunk := file.read(_CHUNK):
            counts += np.bincount(np.frombuffer(chunk, np.uint8), minlength=256)
    said = {
        name: sum(int(counts[b]) for b in range(128, 256) if bytes([b]).decode(name, "replace") in _FRENCH)
        for name in ("cp1252", "mac-roman")
    }
    return "mac-roman" if said["mac-roman"] > said["cp1252"] else "cp1252"
