"""Thrift's compact protocol, read only: what a Parquet footer is written in, and no more of it than footers have.

Arrow's own reader is in C++, and a footer that it does not expect can end the process. A footer is a kilobyte or two: one
that fails here fails by an exception.
"""

from __future__ import annotations

from typing import Any

Struct = dict[int, Any]  # number of a field → value
_TRUE, _FALSE, _WHOLE, _BYTES, _LIST, _STRUCT = 1, 2, (4, 5, 6), 8, 9, 12


def read(data: bytes, at: int) -> tuple[Struct, int]:
    """Return the struct that begins at a byte, and where it ends; an IndexError or ValueError if it is none."""
    fields, field = Struct(), 0
    while data[at]:
        more, kind = divmod(data[at], 16)
        field, at = (field + more, at + 1) if more else _whole(data, at + 1)
        if field in fields:
            raise ValueError("a field twice")
        fields[field], at = (kind == _TRUE, at) if kind in (_TRUE, _FALSE) else _value(data, at, kind)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in _WHOLE:
        return _whole(data, at)
    if kind == _STRUCT:
        return read(data, at)
    if kind == _BYTES:
        size, at = _unsigned(data, at)
        return data[at : at + size], at + size
    if kind != _LIST:
        raise ValueError("no such kind in a footer")
    size, of, values = data[at] >> 4, data[at] & 15, list[Any]()
    at += 1
    if size == 15:  # or more
        size, at = _unsigned(data, at)
    for _ in range(size):  # each takes a byte at least, so that a list ends with the file
        value, at = _value(data, at, of)
        values.append(value)
    return values, at


def _whole(data: bytes, at: int) -> tuple[int, int]:
    number, at = _unsigned(data, at)
    return number >> 1 ^ -(number & 1), at


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return number, at
        if shift > 63:
            raise ValueError("more than 64 bits")
