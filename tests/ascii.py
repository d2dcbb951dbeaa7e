"""Read a small ASCII table as rows of text, so that a spec can be read by someone of the field."""

from __future__ import annotations


def rows(table: str) -> list[dict[str, str]]:
    """Return one dict a line; the first line names the columns; `|` or two spaces part the cells."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:] if not set("".join(line)) <= {"-"}]
