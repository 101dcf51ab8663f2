"""Controls of a page: labelled, no wider than a phone, checked where it is asked for."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import ipywidgets as widgets
from traitlets import Instance, Unicode, link

from protocol.pages.kit.text import Text, span
from protocol.records import ProtocolError

WIDTHS = {
    "short": "min(220px, 100%)",
    "normal": "min(420px, 100%)",
    "wide": "min(640px, 100%)",
    "full": "100%",
    "content": "max-content",
}
"""Widths of controls by name; "form" leaves the width to the style sheet."""


def field(
    kind: Callable[..., Any],
    label: str,
    *,
    help: str = "",  # noqa: A002 - the word of the record
    unit: str = "",
    width: str = "normal",
    check: Callable[[Any], object] | None = None,
    problem: Text | None = None,
    **options: Any,
) -> Any:
    """Make a control.

    Parameters
    ----------
    kind : class
        Of ipywidgets, or :class:`Day`.
    label : str
        Stands on the control, with the unit in brackets.
    help : str
        The tooltip; the label if there is none.
    unit : str
        The unit of the value.
    width : str
        One of :data:`WIDTHS`, or "form".
    check : callable, optional
        Called with each new value; raises ProtocolError for one that cannot be used.
    problem : Text, optional
        Shows that error, until the value is changed to one that can be used. Several controls may share it.
    **options
        Of the control.
    """
    text = f"{label} ({unit})" if unit else label
    layout = dict(options.pop("layout", {})) | ({} if width == "form" else {"width": WIDTHS[width]})
    if kind is not widgets.FileUpload:  # which is a button
        options["style"] = {"description_width": "initial"} | options.get("style", {})
    control = kind(description=text, tooltip=help or text, layout=layout, **options)
    if check is not None and problem is not None:
        control.observe(lambda change: problem.report(control, _error(check, change["new"])), "value")
    return control


def _error(check: Callable[[Any], object], value: Any) -> ProtocolError | None:
    try:
        check(value)
    except ProtocolError as error:
        return error
    return None


def button(
    label: str, on_click: Callable[[], Any] | None = None, *, primary: bool = False, icon: str = "", **options: Any
) -> widgets.Button:
    """Make a button as wide as its label. `on_click` is called without arguments."""
    style = "primary" if primary else ""
    made = widgets.Button(
        description=label, button_style=style, icon=icon, layout={"width": WIDTHS["content"]}, **options
    )
    if on_click is not None:
        made.on_click(lambda _button: on_click())
    return made


def offer(control: Any, options: Sequence[Any]) -> None:
    """Offer other choices in a list. The present choice stays if it is among them; otherwise none is chosen."""
    chosen = control.value
    values = [one[1] if isinstance(one, tuple) else one for one in options]
    with control.hold_sync():  # new options choose the first for a moment
        control.options = options
        control.value = chosen if chosen in values else None


class Day(widgets.HBox):  # type: ignore[misc] # ipywidgets is untyped
    """A date picker with the day beside it as 2026-03-10.

    A browser shows a date in its own order, 03/10/2026 or 10/03/2026.

    Parameters
    ----------
    value : date or None
        The day; None if there is none, or if what was typed is no complete date yet.
    description, tooltip : str
        The label, and the help.
    style, layout : mapping
        Of the picker, and of the whole.
    """

    value = Instance(date, allow_none=True)
    description = Unicode()

    def __init__(
        self,
        value: date | None = None,
        description: str = "",
        tooltip: str = "",
        style: Any = None,
        layout: Any = None,
    ) -> None:
        self.picker = widgets.DatePicker(value=value, description=description, tooltip=tooltip, style=style or {})
        self.written = Text(None, "pw-day-written")
        super().__init__([self.picker, self.written], layout=layout or {})
        self.add_class("pw-day")
        self.value, self.description = value, description
        link((self, "value"), (self.picker, "value"))
        self.observe(self._write, "value")
        self._write()

    def _write(self, _change: Any = None) -> None:
        self.written.show(span("" if self.value is None else self.value.isoformat(), "date"))
