"""How results show themselves in a notebook: their ``repr`` as a line, and a small table; everything is escaped."""

import re
from unicodedata import normalize

import pandas as pd
from markupsafe import Markup

FEW = 5
"""A count from 1 to 4, and a group of fewer than 5, is hidden from those who see figures only; an assumption."""

FEW_TEXT = f"1–{FEW - 1}"
"""Shown in place of such a count."""

_MOST_ROWS = 60
_DECIMALS = 3


def shown(title: str, table: pd.DataFrame) -> str:
    """Return a title and a table as HTML; of a long table the first and last rows."""
    rows = Markup(table.round(_DECIMALS).to_html(index=False, escape=True, na_rep="", max_rows=_MOST_ROWS))  # noqa: S704 - pandas escapes
    return str(Markup("<p>{}</p>{}").format(title, rows))


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
