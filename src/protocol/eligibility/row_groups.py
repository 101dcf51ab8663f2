"""How many rows a Parquet file keeps together, read from its footer: a whole engine just for this needs 50 MB.

The footer is a structure in Thrift's compact protocol (apache/parquet-format, ``parquet.thrift``): field 4 of
``FileMetaData`` is the list of row groups, field 3 of a ``RowGroup`` its number of rows.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
ROW_GROUPS, ROWS = 4, 3


def row_groups(path: Path) -> list[int]:
    """Return the number of rows in each row group of a Parquet file, in their order."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        size = int.from_bytes(file.read(4), "little")
        file.seek(-8 - size, os.SEEK_END)
        footer = _struct(io.BytesIO(file.read(size)))
    return [group[ROWS] for group in footer[ROW_GROUPS]]


def _struct(file: BinaryIO) -> dict[int, Any]:
    fields: dict[int, Any] = {}
    number = 0
    while (head := file.read(1)[0]) != 0:
        number = number + (head >> 4) if head >> 4 else _signed(file)
        kind = head & 15
        fields[number] = kind == TRUE if kind in (TRUE, FALSE) else _value(file, kind)
    return fields


def _value(file: BinaryIO, kind: int) -> Any:
    if kind in (LIST, SET):
        head = file.read(1)[0]
        size = _unsigned(file) if head >> 4 == 15 else head >> 4
        return [_value(file, head & 15) for _item in range(size)]
    if kind == STRUCT:
        return _struct(file)
    if kind in (TRUE, FALSE, BYTE, DOUBLE, BINARY):
        return file.read({DOUBLE: 8, BINARY: 0}.get(kind, 1) or _unsigned(file))
    return _signed(file)


def _unsigned(file: BinaryIO) -> int:
    value = place = 0
    while (byte := file.read(1)[0]) & 128:
        value, place = value | (byte & 127) << place, place + 7
    return value | byte << place


def _signed(file: BinaryIO) -> int:
    value = _unsigned(file)
    return (value >> 1) ^ -(value & 1)
