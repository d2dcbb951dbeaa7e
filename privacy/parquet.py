"""A table as a Parquet file: written plainly, and read only if it was, since a signer may sign a file made to do harm.

Plain is one group of rows, optional strings, then integers, then doubles, not compressed (noise does not compress, and a few bytes could
unfold to gigabytes), columns one after another with nothing between, before or after, no key-value metadata, no statistics,
no index. The footer is held to that before Arrow opens the file: some footers end its whole process. Arrow then stops at
the rows that the footer has, whatever pages claim. Strings are decoded as dictionaries, of which only codes are written out
in every row.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from privacy import thrift
from privacy.errors import broken, hold

_TEXT: thrift.Struct = {1: 6, 3: 1, 6: 0, 10: {1: {}}}  # bytes, optional, that are UTF-8
_INTEGER: thrift.Struct = {1: 1, 3: 1}  # of 32 bits
_FLOAT: thrift.Struct = {1: 5, 3: 1}
_OF_A_COLUMN = {1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16}  # no key-value pairs (8), index (10), statistics (12), filter (14)
_ENCODINGS = {0, 2, 3, 8}  # plain, dictionaries, runs


def encode(rows: pl.DataFrame) -> bytes:
    """Return the file of a table: string columns, then those of integers, then those of floats."""
    file, few = io.BytesIO(), [name for name, kind in rows.schema.items() if kind != pl.Float64]
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(
        table, file, row_group_size=max(1, rows.height), compression="none", write_statistics=False,
        store_schema=False, use_dictionary=few,  # pyright: ignore[reportArgumentType] (a list too)
    )  # fmt: skip
    return file.getvalue()


def most_bytes(codes: Sequence[str], columns: int, rows: int) -> int:
    """Return how large a file can be: its values, those of strings by number, each code once, and some room a column."""
    return 2048 + 1024 * columns + 10 * columns * rows + sum(4 + len(code.encode()) for code in codes)


def decode(
    data: bytes, strings: Mapping[str, Collection[str]], rows: int, *,
    integers: Sequence[str] = (), floats: Sequence[str] = (),
) -> pl.DataFrame:  # fmt: skip
    """Return the table of a file, or raise refusal `schema`. `strings`: column → the codes it may hold."""
    why = "a table is not plain Parquet of its declared rows and columns"
    kinds = dict.fromkeys(strings, _TEXT) | dict.fromkeys(integers, _INTEGER) | dict.fromkeys(floats, _FLOAT)
    typed = dict.fromkeys(strings, pa.dictionary(pa.int32(), pa.string()))
    typed |= dict.fromkeys(integers, pa.int32()) | dict.fromkeys(floats, pa.float64())
    expected = pa.schema(typed.items())
    try:
        hold("schema", _is_plain(data, kinds, rows), why)
        table = pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(strings)).read(use_threads=False)
        table.validate(full=True)  # Arrow takes text for UTF-8 until asked
        known = all(
            code is None or code in codes
            for name, codes in strings.items()
            for chunk in table[name].chunks
            for code in chunk.dictionary.to_pylist()
        )
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise broken("schema", why) from None
    hold("schema", known and table.schema.equals(expected, check_metadata=True), why)
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.with_columns(pl.col(list(strings)).cast(pl.String))


def _is_plain(data: bytes, kinds: Mapping[str, thrift.Struct], rows: int) -> bool:
    """Is the footer one that `encode` could have written? Numbers are fields of the format's Thrift definition."""
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if start < 4 or data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        return False
    footer, end = thrift.read(data[:-8], start)
    (group,), (_, *schema) = footer[4], footer[2]  # one group of rows; after the root, a field a column
    good = end == len(data) - 8 and not footer.keys() - {1, 2, 3, 4, 6, 7} and (footer[3], group[3]) == (rows, rows)
    good &= schema == [kind | {4: name.encode()} for name, kind in kinds.items()]
    at = 4
    for chunk, (name, kind) in zip(group[1], kinds.items(), strict=True):
        meta = chunk[3]
        good &= not chunk.keys() - {2, 3} and not meta.keys() - _OF_A_COLUMN and set(meta[2]) <= _ENCODINGS
        good &= (meta[1], meta[3], meta[4], meta[5]) == (kind[1], [name.encode()], 0, rows)  # 0: not compressed
        good &= meta.get(11, meta[9]) == at and meta[6] == meta[7] > 0
        at += meta[7]
    return good and at == start
