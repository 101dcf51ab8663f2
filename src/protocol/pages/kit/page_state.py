"""The address of a page and the drafts of its forms: what a link opens, and what survives a reload."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anywidget
from markupsafe import Markup, escape
from traitlets import Bool, Dict, TraitError, Unicode
from traitlets import List as ListOf

from protocol.pages.kit.day import Day, day_of
from protocol.pages.kit.text import Text, macros
from protocol.records import ProtocolError
from protocol.translation import _

ORDER = ("overview", "eligibility", "escalation", "followup", "sites", "effect")
"""The pages in the order of their notebooks."""

STEPS = ("tab", "participant")
"""Names in the address whose change is a step that Back undoes; other changes replace the address."""


class PageState(anywidget.AnyWidget):
    """Keeps the controls of a page in its address, and the drafts of its forms in this tab of the browser.

    On the dashboard only: the address of JupyterLab belongs to JupyterLab. Drafts stay in the browser's session
    storage, which ends with the tab.

    Parameters
    ----------
    in_address : mapping of str to widget
        Name in the address to a control with a `value`.
    drafts : mapping of str to widget
        Fields of forms.
    """

    _esm = Path(__file__).with_name("page_state.js")

    address = Dict().tag(sync=True)
    draft = Dict().tag(sync=True)
    unsaved = Bool(False).tag(sync=True)
    steps = ListOf(Unicode(), [*STEPS]).tag(sync=True)
    goes_to = Unicode().tag(sync=True)

    def __init__(self, in_address: Mapping[str, Any], drafts: Mapping[str, Any]) -> None:
        super().__init__()
        self._in_address, self._drafts = dict(in_address), dict(drafts)
        self._first = {name: text_of(control.value) for name, control in (self._in_address | self._drafts).items()}
        self._held = False
        self.problem = Text()
        for control in self._in_address.values():
            control.observe(self._write_address, "value")
        for control in self._drafts.values():
            control.observe(self._write_draft, "value")
        self.observe(self._arrive, "address")
        self.observe(self._restore, "draft")

    def follow(self, page: str, **settings: str) -> None:
        """Open another page of the dashboard, as :func:`link_to` would."""
        self.goes_to = ""
        self.goes_to = address_of(page, **settings)

    def _arrive(self, change: dict[str, Any]) -> None:
        """Set the controls to an address that was opened, or to which the reader went back."""
        if self._held:
            return
        given = {str(name): str(text) for name, text in change["new"].items()}
        unusable = [name for name in given if name not in self._in_address]
        self._held = True
        try:
            for name, control in self._in_address.items():
                if not set_from_text(control, given.get(name, self._first[name])) and name in given:
                    unusable.append(name)
        finally:
            self._held = False
        self.problem.show(_not_there(unusable, given) if unusable else None)
        self._write_address()

    def _restore(self, change: dict[str, Any]) -> None:
        if self._held:
            return
        self._held = True
        try:
            for name, text in change["new"].items():
                if name in self._drafts:
                    set_from_text(self._drafts[name], str(text))
        finally:
            self._held = False
        self._write_draft()

    def _write_address(self, _change: Any = None) -> None:
        if not self._held:
            self._write("address", self._in_address)

    def _write_draft(self, _change: Any = None) -> None:
        if not self._held:
            self._write("draft", self._drafts)
            self.unsaved = bool(self.draft)

    def _write(self, trait: str, controls: Mapping[str, Any]) -> None:
        texts = {name: text_of(control.value) for name, control in controls.items()}
        self._held = True
        try:
            setattr(self, trait, {name: text for name, text in texts.items() if text != self._first[name]})
        finally:
            self._held = False


def _not_there(unusable: list[str], given: Mapping[str, str]) -> ProtocolError:
    found = ", ".join(f"{name}={given[name][:40]}" for name in unusable)
    return ProtocolError(
        _("address of the page"), found, _("a link that this page made; the rest of it was followed")
    )


def text_of(value: Any) -> str:
    """Return the value of a control as it stands in an address."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ",".join(map(text_of, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return value.isoformat() if isinstance(value, date) else str(value)


def set_from_text(control: Any, text: str) -> bool:
    """Set a control to what an address or a draft says; return whether it can have that value."""
    present = control.value
    if text == text_of(present):
        return True
    options = [one[1] if isinstance(one, tuple) else one for one in _options(control)]
    if options:
        chosen = next((one for one in options if text_of(one) == text), None)
        if chosen is None and text:
            return False
        wanted: Any = chosen
    elif isinstance(present, bool):
        wanted = text == "yes"
    elif isinstance(present, int | float):
        try:
            wanted = type(present)(float(text))
        except (ValueError, OverflowError):
            return False
    elif isinstance(control, Day):
        wanted = day_of(text)
    else:
        wanted = text
    with suppress(TraitError):
        control.value = wanted
    return text_of(control.value) == text


def _options(control: Any) -> list[Any]:
    options = getattr(control, "options", ())
    return [*options.items()] if isinstance(options, dict) else [*options]


def on_dashboard() -> bool:
    """Whether this kernel answers to a page of a dashboard, and not to a notebook in JupyterLab."""
    return "PROTOCOL_UPLOAD_PATHS" in os.environ or os.environ.get("SERVER_SOFTWARE", "").startswith("voila")


def link_to(page: str, text: Markup | str, **settings: str) -> Markup:
    """Return a link to another page of the dashboard, with what it shall show; in JupyterLab the text alone.

    Parameters
    ----------
    page : str
        One of :data:`ORDER`.
    text : Markup or str
        What stands there.
    **settings : str
        Names and values of the address, such as ``tab="participant"``.
    """
    if not on_dashboard():
        return escape(text)
    return macros("kit").link(address_of(page, **settings), text)


def address_of(page: str, **settings: str) -> str:
    """Return the address of a page beside this one, with what it shall show."""
    query = urlencode({name: value for name, value in settings.items() if value})
    return f"{ORDER.index(page) + 1:02}-{page}.ipynb" + (f"?{query}" if query else "")
