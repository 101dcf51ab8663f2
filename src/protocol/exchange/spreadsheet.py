"""Tables for spreadsheet programs."""

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins with one of these is run as a formula


def csv(frame: pd.DataFrame) -> bytes:
    """Write a table as CSV that a spreadsheet opens without running anything in it.

    Texts that would be read as a formula get a leading apostrophe; numbers and dates stay as they are. UTF-8 with
    a byte order mark, because spreadsheet programs read Chinese names correctly only with one.
    """
    safe = frame.map(lambda cell: f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell)
    return safe.to_csv(index=False, lineterminator="\r\n", date_format="%Y-%m-%d").encode("utf-8-sig")
