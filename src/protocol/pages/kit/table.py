"""A large table: sorted, filtered, shown page by page, exported as CSV."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup
from traitlets import Unicode

from protocol.exchange.spreadsheet import csv
from protocol.pages.kit.fields import field
from protocol.pages.kit.pager import Pager
from protocol.pages.kit.panel import Panel
from protocol.pages.kit.text import Text, download, opener, row, table
from protocol.translation import _, ngettext


class Body(anywidget.AnyWidget):
    """The rows, with heads and cells that are pressed.

    Parameters
    ----------
    pressed : callable
        Called with the name of the column whose head was pressed.
    opened : callable, optional
        Called with the text of the cell that was pressed.

    Attributes
    ----------
    value : str
        HTML.
    """

    _esm = Path(__file__).with_name("table.js")

    value = Unicode().tag(sync=True)

    def __init__(self, pressed: Callable[[str], None], opened: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self._pressed, self._opened = pressed, opened
        self.on_msg(self._receive)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if "open" not in content:
            self._pressed(str(content.get("column", "")))
        elif self._opened is not None:
            self._opened(str(content["open"]))


class Table(Panel):
    """Shows a DataFrame, one row a line.

    Every control is a form control of the browser, so that the table is used with the keyboard alone: the head of a
    column is a button that sorts by it, and turns the order round when it is pressed again. A small table shows only
    the table and the export.

    Parameters
    ----------
    caption : str
        What the rows are.
    filename : str
        Of the export, which holds all rows.
    page_size : int
        Rows shown at a time.
    opened : callable, optional
        Called with the text of a cell of the first column when it is pressed; these cells are buttons then.
    """

    def __init__(
        self,
        caption: str,
        filename: str = "table.csv",
        page_size: int = 50,
        opened: Callable[[str], None] | None = None,
    ) -> None:
        self.caption, self.filename, self.page_size, self._opened = caption, filename, page_size, opened
        self._columns = dict[str, Any]()
        self.filter = field(widgets.Text, _("Rows that contain"), width="short", continuous_update=False)
        self.sort = field(widgets.Dropdown, _("Sort by"), width="short", options=[("–", "")])
        self.descending = field(widgets.Checkbox, _("Largest first"), width="short", indent=False, value=False)
        self.pager = Pager(page_size, self.redraw, _("Previous rows"), _("Next rows"))
        self.body, self.export = Body(self.sort_by, opened), Text(role="")
        self._controls = row(self.filter, self.sort, self.descending)
        self.view = widgets.VBox([self._controls, self.body, self.pager.view, self.export])
        for control in (self.filter, self.sort, self.descending):
            control.observe(self._first_page, "value")

    def show(self, frame: pd.DataFrame) -> None:
        """Show this table from its first row; a column chosen for sorting stays chosen if it is there."""
        with self.redraw_once():
            self.shown, self.pager.page = (frame,), 0
            self._columns = {str(name): name for name in frame.columns}
            chosen, names = self.sort.value, [("–", ""), *((name, name) for name in self._columns)]
            if tuple(self.sort.options) != tuple(names):
                self.sort.options = names
                self.sort.value = chosen if chosen in self._columns else ""
        plain = frame.map(lambda cell: cell.striptags() if isinstance(cell, Markup) else cell)
        self.export.show(download(_("All rows (CSV)"), self.filename, csv(plain), "text/csv") if len(frame) else None)

    def draw(self, frame: pd.DataFrame) -> None:
        """Show one page of the rows that the filter leaves, in the order chosen."""
        found = self._sorted(self._filtered(frame))
        words = ngettext("Rows {first:,} to {last:,} of {n:,}", "Rows {first:,} to {last:,} of {n:,}", len(found))
        part = found.iloc[self.pager.part(len(found), words)]
        if self._opened is not None:
            cells = [opener(_words(cell)) for cell in part.iloc[:, 0]]
            part = part.assign(**{str(part.columns[0]): pd.Series(cells, part.index, dtype=object)})
        chosen = self._columns.get(self.sort.value)
        order = {"sorted_by": chosen, "descending": self.descending.value}
        self.body.value = str(table(part, self.caption, sortable=len(found) > 1, **order))
        self._controls.layout.display = "" if len(frame) > self.page_size else "none"
        self.pager.view.layout.display = self._controls.layout.display

    def sort_by(self, name: str) -> None:
        """Sort by this column, from its smallest value; the other way round if it is the order already."""
        if name not in self._columns:
            return
        again = self.sort.value == name
        with self.redraw_once():
            self.descending.value = again and not self.descending.value
            self.sort.value = name

    def _filtered(self, frame: pd.DataFrame) -> pd.DataFrame:
        wanted = self.filter.value.strip().casefold()
        if not wanted:
            return frame
        return frame[frame.map(lambda cell: wanted in _words(cell).casefold()).any(axis=1)]

    def _sorted(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.sort.value not in self._columns:
            return frame
        column, ascending = self._columns[self.sort.value], not self.descending.value
        return frame.sort_values(column, ascending=ascending, kind="stable", key=_sortable)

    def _first_page(self, _change: Any) -> None:
        self.pager.page = 0
        self.redraw()


def _sortable(cells: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return what cells are sorted by: numbers if every cell starts with one ("1,200 (4 %)"), otherwise text."""
    if cells.dtype != object and not pd.api.types.is_string_dtype(cells):
        return cells
    text = cells.map(_words).str.strip()
    found = text.str.extract(r"^([-+−]?[\d,]*\.?\d+)")[0].str.replace(",", "").str.replace("−", "-")
    return text.str.casefold() if (found.isna() & (text != "")).any() or _are_days(text) else found.astype(float)


def _are_days(text: "pd.Series[str]") -> bool:
    return bool(text.str.match(r"\d{4}-\d{2}-\d{2}").any())


def _words(cell: object) -> str:
    return cell.striptags() if isinstance(cell, Markup) else "" if cell is None else str(cell)
