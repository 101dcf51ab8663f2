"""A day: text in ISO form, with a button that opens the browser's calendar."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import anywidget
from traitlets import Bool, Instance, Unicode

from protocol.pages.kit.text import message
from protocol.records import ProtocolError
from protocol.translation import _

_HERE = Path(__file__).parent
_WRITTEN = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d\d)(\d\d)")


class Day(anywidget.AnyWidget):
    """A field for a day, written as 2026-03-10 in every browser.

    It also reads 2026-3-1, 2026/03/10, 2026.3.10, 20260310 and 2026年3月10日, and writes them in ISO form. Text that
    is no day stays in the field with an error below it.

    Parameters
    ----------
    value : date or None
        The day; None if there is none, or if `text` is no day.
    description, tooltip : str
        The label, and the help.
    disabled : bool
        Whether the day is only shown.
    **options
        Of the widget, such as ``layout``.

    Attributes
    ----------
    text : str
        What stands in the field.
    problem : ProtocolError or None
        What is wrong with `text`; it is set before `value` changes.
    """

    _esm = _HERE / "day.js"

    value = Instance(date, allow_none=True)
    problem = Instance(ProtocolError, allow_none=True)
    text = Unicode().tag(sync=True)
    description = Unicode().tag(sync=True)
    tooltip = Unicode().tag(sync=True)
    disabled = Bool().tag(sync=True)
    _problem = Unicode().tag(sync=True)
    _words = Unicode().tag(sync=True)
    _placeholder = Unicode().tag(sync=True)

    def __init__(self, value: date | None = None, description: str = "", tooltip: str = "", **options: Any) -> None:
        super().__init__(
            description=description,
            tooltip=tooltip,
            _words=_("Calendar: {name}").format(name=description) if description else _("Calendar"),
            _placeholder=_("YYYY-MM-DD"),
            **options,
        )
        self.add_class("pw-day")
        self.observe(self._read, "text")
        self.observe(self._write, "value")
        self.value = value

    def _read(self, _change: Any) -> None:
        found = self.text.strip()
        day = day_of(found)
        wrong = bool(found) and day is None
        self.problem = ProtocolError(self.description, found, _("a day such as 2026-03-10")) if wrong else None
        self._problem = "" if self.problem is None else str(message(self.problem))
        self.value = day
        if day is not None:
            self.text = day.isoformat()

    def _write(self, _change: Any) -> None:
        if day_of(self.text.strip()) != self.value:
            self.text = "" if self.value is None else self.value.isoformat()


def day_of(text: str) -> date | None:
    """Return the day that a text names, year first; None if it names none."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    try:
        return date(*(int(part) for part in found.groups() if part))
    except ValueError:
        return None
