"""Files of declarations: written together, for this account only; CSV that a French spreadsheet opens right.

CSV: UTF-8 with a byte order mark, semicolons, decimal commas. A text that begins as a formula would is put behind an apostrophe.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aggregations.disk import swap, sync, write_whole

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_folder(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Put a folder of texts in the place of the one there, all of them at once; return their paths."""
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    for name, text in files.items():
        write_whole(making / name, text)
    swap(making, folder)
    sync(folder.parent)
    return [folder / name for name in files]


def written_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table as CSV; None is empty, money and means are given as floats of two decimals."""
    out = io.StringIO()
    lines = csv.writer(out, delimiter=";", lineterminator="\r\n")
    lines.writerow(columns)
    lines.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return "\ufeff" + out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, float):
        return f"{value:.2f}".replace(".", ",")
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
