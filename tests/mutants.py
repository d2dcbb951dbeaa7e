"""Exports as they come on a bad day: cut, wrongly encoded, shuffled, stuffed, poisoned. Numbered, so that one can be made again."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

csv.field_size_limit(1 << 30)
WORD = "ornithorynque"  # in every value put in: no message may hold it
STRANGE = (
    f'=HYPERLINK("http://{WORD}.example")', f"@SUM(1+1)*cmd|' /C {WORD}'!A0", f"+{WORD}", f"-{WORD}", f"\t=1+1{WORD}",
    f"{WORD}@example.org", f"a\x00{WORD}", f"{WORD}\r\n{WORD}", f'"{WORD}', f"{WORD};{WORD},{WORD}", f"\ufeff{WORD}",
    f"\u202e{WORD}", "𝕯" + WORD, "NaN", "inf", "-0", "1e308", "9" * 40, "0x1F", "0001-01-01", "9999-12-31 23:59:60",
    "99999-01-01", "2026-02-30", "2026-10-25 02:30", "00/00/0000", "null", "", " ", f"'; DROP TABLE x; --{WORD}",
)  # fmt: skip
WILD: tuple[Any, ...] = (None, True, -1, 10**30, 1e300, [], {}, [[WORD]], {WORD: WORD}, "\x00" + WORD, *STRANGE)


def mutate(original: Path, folder: Path, number: int) -> tuple[Path, str]:
    """Copy an export into a folder and spoil it, in one to three ways; return it and what was done."""
    draw = random.Random(number)  # seeded, so that a failure can be made again
    copy = folder / original.name
    shutil.copytree(original, copy) if original.is_dir() else shutil.copy(original, copy)
    file = draw.choice(sorted(copy.iterdir())) if copy.is_dir() else copy
    done: list[str] = []
    for spoil in draw.sample(_SPOILS, draw.choice([1, 1, 2, 3])):
        content = spoil(file.read_bytes(), draw)
        if content is not None:
            done.append(spoil.__name__)
            file.write_bytes(content)
    return copy, f"{original.name} {file.name} #{number}: {', '.join(done) or 'nothing'}"


def truncated(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def flipped(content: bytes, draw: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(draw.choice([1, 3, 30]) if spoilt else 0):
        spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
    return bytes(spoilt)


def nul_bytes(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + b"\0" * draw.choice([1, 2, 1000]) + content[at:]


def another_encoding(content: bytes, draw: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(
        draw.choice(
            ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "mac-roman", "utf-32", "utf-7", "cp037"]
        ),
        "replace",
    )


def twice_encoded(content: bytes, _: random.Random) -> bytes:
    return content.decode("cp1252", "replace").encode("utf-8")


def line_ends(content: bytes, draw: random.Random) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", draw.choice([b"\r", b"\r\n", b"\n\n", b"\n \n", b"\x0b"]))


def repeated(content: bytes, draw: random.Random) -> bytes:
    return content * draw.choice([2, 3])


def a_line_lost(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[draw.randrange(len(lines)) if lines and draw.random() < 0.7 else 0 : 1]
    return b"".join(lines)


def a_huge_field(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + (WORD.encode() * (draw.choice([10_000, 3_000_000]) // len(WORD))) + content[at:]


def cells(content: bytes, draw: random.Random) -> bytes | None:
    """Of a table: columns shuffled, cells strange, rows too short or too long; of JSON: values of any kind, or none."""
    text = content.decode("utf-8", "replace")
    if text.lstrip()[:1] in ("{", "["):
        return _of_json(text, draw)
    rows = list(
        csv.reader(
            io.StringIO(text.replace("\0", "").replace("\r", "\n")),
            delimiter=";" if text.count(";") > text.count(",") else ",",
        )
    )
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    if draw.random() < 0.4:
        order = draw.sample(range(len(rows[0])), len(rows[0]))
        rows = [[row[i] if i < len(row) else "" for i in order] for row in rows]
    for _ in range(draw.choice([1, 5, 20])):
        row = draw.choice(rows[1:] if draw.random() < 0.9 else rows)
        if row:
            row[draw.randrange(len(row))] = draw.choice(STRANGE)
    if draw.random() < 0.3:
        row = draw.choice(rows)
        row[:] = row[: len(row) // 2] if draw.random() < 0.5 else [*row, WORD, WORD]
    out = io.StringIO()
    csv.writer(out, delimiter=draw.choice(";,\t|")).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _of_json(text: str, draw: random.Random) -> bytes | None:
    try:
        whole = [json.loads(line) for line in text.splitlines() if line.strip()] if "\n{" in text else json.loads(text)
    except (ValueError, RecursionError):
        return None
    for _ in range(draw.choice([1, 5, 20])):
        _spoil(whole, draw)
    lines = "\n{" in text and isinstance(whole, list)
    return ("\n".join(json.dumps(one) for one in whole) if lines else json.dumps(whole)).encode()


def _spoil(value: Any, draw: random.Random) -> None:
    while value and isinstance(value, dict | list):
        key = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if not isinstance(value[key], dict | list) or draw.random() < 0.2:
            if draw.random() < 0.2:
                del value[key]
            else:
                value[key] = draw.choice(WILD)
            return
        value = value[key]


def nested_deep(_: bytes, draw: random.Random) -> bytes:
    depth = draw.choice([100, 100_000])
    return b'[{"a":' * depth + f'"{WORD}"'.encode() + b"}]" * depth


def packed(content: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        whole = gzip.compress(content)
        return whole[: draw.randrange(len(whole))] if draw.random() < 0.5 else whole
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            draw.choice(["export.csv", "../../export.csv", "/etc/export.csv", "a/b/.hidden", "export.zip"]), content
        )
        if draw.random() < 0.3:
            archive.writestr("readme.txt", WORD)
    whole = out.getvalue()
    return flipped(whole, draw) if draw.random() < 0.3 else whole


def a_bomb(_: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        return gzip.compress(bytes(50_000_000))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.csv", b"a;b\n" + b"0;" * 20_000_000)
    return out.getvalue()


def nothing_left(_: bytes, __: random.Random) -> bytes:
    return b""


_SPOILS: list[Callable[[bytes, random.Random], bytes | None]] = [
    truncated, truncated, flipped, flipped, nul_bytes, another_encoding, twice_encoded, line_ends, repeated, a_line_lost,
    a_huge_field, cells, cells, cells, cells, nested_deep, packed, a_bomb, nothing_left,
]  # fmt: skip
