"""How results show themselves in a notebook: a line and a small table, everything escaped."""

import pandas as pd
from markupsafe import Markup

MOST_ROWS = 60


def shown(title: str, table: pd.DataFrame) -> str:
    """Return a title and a table as HTML; of a long table the first and last rows."""
    rows = Markup(table.to_html(index=False, escape=True, na_rep="", max_rows=MOST_ROWS))  # noqa: S704 - pandas escapes
    return str(Markup("<p>{}</p>{}").format(title, rows))
