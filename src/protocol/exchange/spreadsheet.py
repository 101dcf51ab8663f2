"""Tables for spreadsheet programs."""

import re
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"[\s\0\ufeff\u200b]*[=+\-@＝＋－＠]|[\t\r\n]")
"""The beginning of a cell that a spreadsheet runs as a formula, in full width too, also behind blanks."""


def csv(frame: pd.DataFrame) -> bytes:
    """Write a table as CSV that a spreadsheet opens without running anything in it.

    Texts that would be read as a formula get a leading apostrophe; numbers and dates stay as they are. UTF-8 with
    a byte order mark, because spreadsheet programs read Chinese names correctly only with one.
    """
    safe = frame.map(_as_text).rename(columns=_as_text)
    return safe.to_csv(index=False, lineterminator="\r\n", date_format="%Y-%m-%d").encode("utf-8-sig")


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
