"""Tables for spreadsheet programs."""

import unicodedata
from typing import Any

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\u2212")  # a cell that begins with one of these is run as a formula


def safe_cell(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs: a text that looks like a formula gets a leading apostrophe.

    The sign may be a full-width, small or raised form of ``= + - @``, and may stand behind characters that are not
    seen, such as spaces, tabs, line ends and marks of the byte order. Numbers and dates stay as they are.
    """
    if not isinstance(cell, str):
        return cell
    seen = cell.lstrip().lstrip("\x00\ufeff\u200b\u200c\u200d\u2060").lstrip()
    sign = unicodedata.normalize("NFKC", seen[:1]).lstrip()[:1]
    return f"'{cell}" if sign in _FORMULA or cell.startswith(("\t", "\r", "\n")) else cell


def plain_cell(cell: str) -> str:
    """Return a text as it was before :func:`safe_cell`."""
    return cell[1:] if cell.startswith("'") and safe_cell(cell[1:]) == cell else cell


def csv(frame: pd.DataFrame) -> bytes:
    """Write a table as CSV that a spreadsheet opens without running anything in it.

    Texts that would be read as a formula get a leading apostrophe (:func:`safe_cell`), heads of columns too. UTF-8
    with a byte order mark, because spreadsheet programs read Chinese names correctly only with one.
    """
    safe = frame.map(safe_cell).rename(columns=safe_cell)
    return safe.to_csv(index=False, lineterminator="\r\n", date_format="%Y-%m-%d").encode("utf-8-sig")
