"""Tables of objects in a notebook: text at the left and escaped, numbers at the right, long texts shortened."""

import numpy as np
import pandas as pd

from protocol.display import shown

TABLE = pd.DataFrame(
    {
        "<name>": ["<b>x</b>", None, "z" * 300],
        "n": [1.23456, np.nan, 3],
        "kind": pd.Categorical(["<i>", "b", "b"]),
        "count": pd.array([1, None, 3], dtype="Int64"),
        "is": pd.array([True, None, False], dtype="boolean"),
        "on": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
    }
)


def test_every_text_is_escaped_also_names_of_columns_and_categories():
    html = shown("<title>", TABLE)
    assert not any(tag in html for tag in ("<b>", "<i>", "<name>", "<title>"))
    assert all(word in html for word in ("&lt;b&gt;x&lt;/b&gt;", "&lt;i&gt;", "&lt;name&gt;", "&lt;title&gt;"))


def test_a_long_text_is_shortened_and_what_is_missing_is_empty():
    html = shown("title", TABLE)
    assert "z" * 200 + "…" in html
    assert "z" * 201 not in html
    assert not any(word in html for word in ("NaN", "NaT", "None", "<NA>", "NA>"))
    assert "<td>3</td>" in html
    assert "1.235" in html
