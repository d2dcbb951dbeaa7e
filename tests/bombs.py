"""Parquet files no library would write: footers that say one thing and pages another. Tables of a few columns, by hand.

The words are those of the format's Thrift definition; only what a reader needs is written.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
VAST = 2**31 - 1
Field = tuple[int, int, object]


def varint(n: int) -> bytes:
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def thrift(kind: int, value) -> bytes:
    """A value in the compact protocol; a struct is a list of (id, type, value), a list (type, values)."""
    if kind in (I32, I64):
        return varint((value << 1) ^ (value >> 63) if value < 0 else value << 1)
    if kind == BINARY:
        return varint(len(value)) + value
    if kind == LIST:
        of, values = value
        head = bytes([len(values) << 4 | of]) if len(values) < 15 else bytes([0xF0 | of]) + varint(len(values))
        return head + b"".join(thrift(of, v) for v in values)
    out, last = b"", 0
    for i, of, v in value:
        out, last = out + bytes([(i - last) << 4 | of]) + thrift(of, v), i
    return out + b"\0"


def page(values: int, body: bytes, *, dictionary: bool = False, encoding: int = 0, size: int | None = None) -> bytes:
    told = [(1, I32, values), (2, I32, encoding)] + ([] if dictionary else [(3, I32, 3), (4, I32, 3)])
    sizes: list[Field] = [(2, I32, len(body) if size is None else size), (3, I32, len(body))]
    return thrift(STRUCT, [(1, I32, 2 if dictionary else 0), *sizes, (7 if dictionary else 5, STRUCT, told)]) + body


def run(times: int, value: int) -> bytes:
    """So many times one value of a bit or none, in two to six bytes."""
    return varint(times << 1) + bytes([value])


def levels(times: int, value: int) -> bytes:
    whole = run(times, value)
    return len(whole).to_bytes(4, "little") + whole


def column(kind: str, rows: int) -> tuple[bytes, bytes]:
    """An honest column of one repeated value: its dictionary, its page."""
    body = struct.pack("<d", 1.5) if kind == "float" else (1).to_bytes(4, "little") + b"x"
    return page(1, body, dictionary=True), page(rows, levels(rows, 1) + b"\1" + run(rows, 0), encoding=8)


def lies(kind: str, rows: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Columns that unfold to gigabytes, or break a careless reader: what it is, dictionary, pages."""
    honest, truth = column(kind, rows)
    vast = page(VAST, levels(VAST, 1) + b"\1" + run(VAST, 0), encoding=8)
    yield "a run of two billion values", honest, vast
    yield "a hundred of those", honest, vast * 100
    yield "a run of two billion nulls", honest, page(VAST, levels(VAST, 0))
    yield "a page that says it is vast", honest, page(rows, levels(rows, 1), size=VAST)
    yield "a page of less than nothing", honest, page(-7, levels(rows, 1), size=-1)
    yield "a vast dictionary", page(VAST, b"\1\0\0\0x", dictionary=True), truth
    yield "a dictionary of less than nothing", page(-1, b"\1\0\0\0x", dictionary=True), truth
    yield "packed values", honest, page(VAST, levels(VAST, 1) + b"\1" + varint(2**28 | 1) + b"\0" * 8, encoding=8)
    yield "values of no bits", honest, page(VAST, levels(VAST, 1) + b"\0", encoding=8)
    yield "values of too many bits", honest, page(rows, levels(rows, 1) + b"\xff" + run(rows, 0), encoding=8)
    yield "beyond the dictionary", honest, page(rows, levels(rows, 1) + b"\1" + run(rows, 1), encoding=8)
    yield "no such encoding", honest, page(rows, levels(rows, 1), encoding=77)
    yield "no dictionary", b"", truth
    yield "two dictionaries", honest * 2, truth
    yield "a long text", page(1, VAST.to_bytes(4, "little") + b"x", dictionary=True), truth
    yield "half a character", page(1, b"\2\0\0\0\xff\xfe", dictionary=True), truth
    yield "a long text many times", page(1, (1500).to_bytes(4, "little") + b"x" * 1500, dictionary=True), truth


def file(columns: Sequence[tuple[str, str, bytes, bytes]], rows: int, **told) -> bytes:
    """A file: (name, kind, dictionary, pages) a column. `told`: what the footer says instead of the truth."""
    data, chunks, schema = b"PAR1", [], [[(4, BINARY, b"schema"), (5, I32, len(columns))]]
    for name, kind, dictionary, pages in columns:
        start, physical = len(data), 5 if kind == "float" else 6
        data += dictionary + pages
        size = len(dictionary) + len(pages)
        chunk = [(1, I32, physical), (2, LIST, (I32, told.get("encodings", [0, 3, 8]))), (3, LIST, (BINARY, [name.encode()])),
                 (4, I32, told.get("codec", 0)), (5, I64, told.get("values", rows)), (6, I64, told.get("size", size)), (7, I64, size),
                 (9, I64, start + len(dictionary)), *([(11, I64, start)] if dictionary else [])]  # fmt: skip
        chunks.append([(2, I64, start), (3, STRUCT, chunk)])
        schema.append([(1, I32, physical), (3, I32, 1), (4, BINARY, name.encode()), *([(6, I32, 0), (10, STRUCT, [(1, STRUCT, [])])] if kind == "text" else [])])  # fmt: skip
    schema += told.get("more", [])
    group = [(1, LIST, (STRUCT, chunks)), (2, I64, len(data)), (3, I64, told.get("group_rows", rows))]
    groups = [group] * told.get("groups", 1)
    footer = [
        (1, I32, 1),
        (2, LIST, (STRUCT, schema)),
        (3, I64, told.get("all_rows", rows)),
        (4, LIST, (STRUCT, groups)),
    ]
    if "pairs" in told:
        footer.append((5, LIST, (STRUCT, [[(1, BINARY, k), (2, BINARY, v)] for k, v in told["pairs"]])))
    end = thrift(STRUCT, [*footer, (6, BINARY, b"by hand")])
    return data + end + len(end).to_bytes(4, "little") + b"PAR1"


def bombs(strings: Sequence[str], floats: Sequence[str], rows: int) -> Iterator[tuple[str, bytes]]:
    """Files of these columns and rows that lie: in the pages of one column, then in the footer."""
    kinds = [(n, "text") for n in strings] + [(n, "float") for n in floats]
    honest = [(n, kind, *column(kind, rows)) for n, kind in kinds]
    for place in (0, len(strings)):
        name, kind = kinds[place]
        for what, dictionary, pages in lies(kind, rows):
            spoilt = [*honest[:place], (name, kind, dictionary, pages), *honest[place + 1 :]]
            yield f"{what}, {kind}", file(spoilt, rows)
    vast = [(n, kind, c[0], page(VAST, levels(VAST, 1) + b"\1" + run(VAST, 0), encoding=8))
            for n, kind in kinds for c in [column(kind, rows)]]  # fmt: skip
    yield "two billion rows", file(vast, VAST)
    yield "two billion rows in the group", file(vast, rows, group_rows=VAST, values=VAST)
    yield "two billion rows in all", file(vast, rows, all_rows=VAST)
    yield "two billion values", file(vast, rows, values=VAST)
    yield "many groups", file(honest, rows, groups=500)
    yield (
        "a hundred thousand nested fields",
        file(honest, rows, more=[[(3, I32, 1), (4, BINARY, b"n"), (5, I32, 1)]] * 100_000),
    )
    yield "some nested fields", file(honest, rows, more=[[(3, I32, 1), (4, BINARY, b"n"), (5, I32, 1)]] * 10)
    yield "pairs in the footer", file(honest, rows, pairs=[(b"rows", b"ornithorynque")])
    yield "no such encoding told", file(honest, rows, encodings=[0, 3, 77])
    yield "a vast size", file(honest, rows, size=2**62)
    for codec in (*range(1, 9), -1, 99):
        yield f"codec {codec}", file(honest, rows, codec=codec)
