"""Controls of a page: labelled, no wider than a phone, checked where it is asked for."""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit.day import Day
from protocol.pages.kit.text import Text, row, span
from protocol.records import ProtocolError
from protocol.translation import _

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
    if kind not in (widgets.FileUpload, Day):  # a button, and a field whose label stands above it
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


def offer(control: Any, options: Sequence[Any], otherwise: Any = None) -> None:
    """Offer other choices in a list. The present choice stays if it is among them; else `otherwise` is chosen."""
    if tuple(control.options) == tuple(options):
        return
    chosen = control.value
    values = [one[1] if isinstance(one, tuple) else one for one in options]
    with control.hold_sync():  # new options choose the first for a moment
        control.options = options
        control.value = chosen if chosen in values else otherwise


STOCK_UPLOAD_BYTES = 10 * 2**20
"""What JupyterLab and JupyterHub take in one message unless they are told otherwise; more is dropped unseen."""


def upload_limit() -> int:
    """Return the bytes that may be uploaded at once: what the server says it takes, otherwise what is usual."""
    return int(os.environ.get("PROTOCOL_UPLOAD_BYTES", STOCK_UPLOAD_BYTES))


class FileField(widgets.VBox):  # type: ignore[misc] # ipywidgets is untyped
    """An upload with its limit beside it, and outside the dashboard another way for larger files: their paths.

    On the dashboard no path is taken, because readers there may not read the files of the machine.

    Parameters
    ----------
    upload : ipywidgets.FileUpload
    opened : callable
        Called with a change of its value, and with one of the same shape for files that are named by their paths.
    most : int, optional
        The bytes that `opened` takes, if it takes fewer than an upload may have.
    """

    def __init__(self, upload: Any, opened: Callable[[dict[str, Any]], None], most: int | None = None) -> None:
        self.upload, self._opened, self.problem = upload, opened, Text(role="alert")
        said = _("at most {size:,.0f} MB at once").format(size=min(upload_limit(), most or sys.maxsize) / 2**20)
        self.limit = Text(span(said, "off"), role="")
        self.paths = field(
            widgets.Text,
            _("or its path"),
            width="normal",
            help=_("Of a larger file on the machine where Jupyter runs; several with ; between them"),
            placeholder="/data/cohort.parquet",
            continuous_update=False,
        )
        by_path = [] if os.environ.get("PROTOCOL_UPLOAD_PATHS") == "no" else [self.paths]
        super().__init__([row(upload, self.limit, *by_path), self.problem])
        self.upload.observe(opened, "value")
        self.paths.observe(self._read, "value")

    def _read(self, change: dict[str, Any]) -> None:
        self.problem.show(None)
        if not change["new"].strip():
            return
        try:
            files = [_file_at(text.strip()) for text in change["new"].split(";") if text.strip()]
        except OSError as error:
            what = error.strerror or type(error).__name__
            self.problem.show(ProtocolError(self.paths.description, what, _("the path of a file that can be read")))
            return
        self.paths.value = ""
        # Not through the value of the upload, which would travel to the browser.
        self._opened({"new": tuple(files if self.upload.multiple else files[:1]), "owner": self.upload})


def _file_at(path: str) -> dict[str, Any]:
    """Read a file into what an upload holds."""
    file = Path(path).expanduser()
    content = file.read_bytes()
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return {
        "name": file.name,
        "type": "",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": changed,
    }
