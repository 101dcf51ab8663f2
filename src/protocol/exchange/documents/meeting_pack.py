"""The meeting pack: one sheet to read and print, and its figures as CSV, in one ZIP file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from numbers import Number
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.exchange.documents.archive import zipped
from protocol.exchange.documents.templates import render
from protocol.exchange.spreadsheet import csv
from protocol.translation import _

_WIDTH_PX = 480

MOST_NEWS = 8
"""Rows of the newest entries on the first sheet of paper; all of them are in the CSV file."""


@dataclass(frozen=True)
class Sheet:
    """One table of the pack.

    Attributes
    ----------
    file : str
        Its name as a CSV file, without ending.
    heading : str
    frame : pandas.DataFrame
        The rows of the CSV file.
    shown : pandas.DataFrame
        The same rows in the words of the page.
    note : str
        A sentence above the table.
    nothing : str
        What stands in place of a table without rows.
    """

    file: str
    heading: str
    frame: pd.DataFrame
    shown: pd.DataFrame
    note: str = ""
    nothing: str = _("Nothing to list.")

    @property
    def columns(self) -> dict[str, bool]:
        """The headings of the shown columns, and whether there are only numbers below."""
        return {str(name): all(isinstance(value, Number) for value in column) for name, column in self.shown.items()}

    @property
    def rows(self) -> Iterator[tuple[object, ...]]:
        """The shown rows; a missing value is an empty text."""
        return self.shown.astype(object).where(self.shown.notna(), "").itertuples(index=False, name=None)


def meeting_pack(
    title: str,
    now: Briefing,
    since: date,
    counts: pd.DataFrame,
    changes: tuple[Sheet, ...],
    tables: tuple[Sheet, ...],
    pictures: Mapping[str, Any],
    caption: str = "",
    documents: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the meeting pack as a ZIP file; the same input gives the same bytes.

    The page prints on one sheet: the answer, the counts, the pictures and the changes. The other tables are folded
    below, and each table is a CSV file beside the page.

    Parameters
    ----------
    title : str
        The trial.
    now : Briefing
        What the reader may see: nothing else reaches the pack.
    since : date
        The day of the last meeting.
    counts : DataFrame
        ``step, participants``: the counts from screening to the outcome, in words.
    changes, tables : tuple of Sheet
        What changed since that day, and the tables of the present state.
    pictures : mapping of str to altair.Chart
        Title to chart; drawn here as SVG, so that the page needs no script.
    caption : str
        What the first picture shows, and which values behind it are assumptions.
    documents : mapping of str to bytes, optional
        Further files of the pack, such as the safety report.
    """
    page = render(
        "meeting_pack.html",
        title=_("Meeting of {day}").format(day=now.as_of),
        trial=title,
        now=now,
        since=since,
        counts=counts.to_dict("records"),
        changes=changes,
        tables=tables,
        most_news=MOST_NEWS,
        caption=caption,
        pictures={caption: drawn(chart) for caption, chart in pictures.items()},
    )
    sheets = (*tables, *changes)
    files = {"meeting.html": page.encode()} | {f"{sheet.file}.csv": csv(sheet.frame) for sheet in sheets}
    return zipped(files | dict(documents or {}), now.as_of)


def drawn(chart: Any) -> Markup:
    """Return a chart as SVG, for a page without a script."""
    import vl_convert  # 80 MB; loaded only if a pack is made

    spec = chart.to_dict() | {"width": _WIDTH_PX, "autosize": {"type": "fit-x", "contains": "padding"}}
    return Markup(vl_convert.vegalite_to_svg(spec))  # noqa: S704 - our own chart; its texts are escaped there
