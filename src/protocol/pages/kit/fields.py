"""Inputs of a page."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup
from traitlets import Instance, Unicode, link

from protocol.pages.kit import text as elements


class Day(widgets.HBox):  # type: ignore[misc] # ipywidgets is untyped
    """A date picker that says which day it understood.

    The browser writes a date in its own order, 03/10/2026 or 10/03/2026. The same day stands beside it as 2026-03-10.

    Parameters
    ----------
    value : date or None
        The day; None when there is none, or when what was typed is not a day yet.
    description : str
        The label.
    style, layout : mapping
        Of the picker, and of the whole.
    """

    value = Instance(date, allow_none=True)
    description = Unicode()

    def __init__(
        self, value: date | None = None, description: str = "", style: Any = None, layout: Any = None
    ) -> None:
        self.picker = widgets.DatePicker(value=value, description=description, style=style or {})
        self.written = elements.html("", "pw-day-written", role="status")
        super().__init__([self.picker, self.written], layout=layout or {})
        self.add_class("pw-day")
        self.value, self.description = value, description
        link((self, "value"), (self.picker, "value"))
        self.observe(self._write, "value")
        self._write()

    def _write(self, _change: Any = None) -> None:
        text = "" if self.value is None else self.value.isoformat()
        self.written.value = elements.dress(Markup('<span class="pw-date">{}</span>').format(text), "status")
