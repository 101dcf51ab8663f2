"""How results show themselves in a notebook: their ``repr`` as a line, and a small table; everything is escaped."""

import re
from typing import Any
from unicodedata import normalize

import pandas as pd
from markupsafe import Markup, escape
from pandas.api.extensions import ExtensionDtype

FEW = 5
"""A count from 1 to 4, and a group of fewer than 5, is hidden from those who see figures only; an assumption."""

FEW_TEXT = f"1–{FEW - 1}"
"""Shown in place of such a count."""

_MOST_ROWS, _MOST_SIGNS = 60, 200
_DECIMALS = 3


def shown(title: str, table: pd.DataFrame) -> str:
    """Return a title and a table as HTML; of a long table the first and last rows, of a long text its beginning."""
    numbers = table.select_dtypes("number").columns
    texts = table.select_dtypes(exclude=["number", "bool", "datetime", "timedelta"]).columns
    rows = table.copy()
    rows[numbers] = table[numbers].round(_DECIMALS)
    for name in texts:
        rows[name] = table[name].astype(object).map(_cell)
    for name in table.columns.difference(texts):
        if isinstance(table[name].dtype, ExtensionDtype):  # pandas writes a missing one as a tag of its own
            rows[name] = rows[name].astype(object).where(table[name].notna(), "")
    rows.columns = [escape(name) for name in table.columns]
    html = rows.to_html(index=False, escape=False, na_rep="", max_rows=_MOST_ROWS)
    return str(Markup("<p>{}</p>{}").format(title, Markup(html)))  # noqa: S704 - what is text in it is escaped


def _cell(value: Any) -> str:
    """Return a text as a cell, at the left; numbers stand at the right."""
    text = "" if pd.api.types.is_scalar(value) and pd.isna(value) else str(value)
    short = text if len(text) <= _MOST_SIGNS else f"{text[:_MOST_SIGNS]}…"
    return Markup('<div style="text-align: left">{}</div>').format(short)


class Displayed:
    """An object with a table, which a notebook shows below its ``repr``."""

    __slots__ = ()

    def table(self) -> pd.DataFrame:
        """Return the object as a tidy table."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return shown(repr(self), self.table())


def typed(text: str) -> str:
    """Return what a person typed with an input method for Chinese as it is written in English: １２．５ is 12.5."""
    return normalize("NFKC", text)


def typed_words(text: str) -> list[str]:
    """Return the words of a typed list, with blanks, commas or semicolons of any script between them."""
    return re.findall(r"[^\s,;、]+", typed(text))
