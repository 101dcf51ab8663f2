"""The address of a page and the drafts of its forms: what a link opens, and what survives a reload."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anywidget
import ipywidgets as widgets
from markupsafe import Markup, escape
from traitlets import Bool, Dict, HasTraits, TraitError, Unicode
from traitlets import List as ListOf

from protocol.pages.kit.day import Day, day_of
from protocol.pages.kit.text import Text, macros
from protocol.records import ProtocolError
from protocol.translation import _, list_of

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
    drafts : mapping of str to widget or Draft
        Fields of forms, and forms.
    unkept : sequence of widgets or traits, optional
        What a reload loses, such as a file that was opened: while one of their values holds something, leaving the
        page is asked about as it is for a draft.
    """

    _esm = Path(__file__).with_name("page_state.js")

    address = Dict().tag(sync=True)
    draft = Dict().tag(sync=True)
    unsaved = Bool(False).tag(sync=True)
    steps = ListOf(Unicode(), [*STEPS]).tag(sync=True)
    goes_to = Unicode().tag(sync=True)

    def __init__(self, in_address: Mapping[str, Any], drafts: Mapping[str, Any], unkept: Sequence[Any] = ()) -> None:
        super().__init__()
        self._in_address, self._drafts, self._unkept = dict(in_address), dict(drafts), tuple(unkept)
        self._first = {name: text_of(control.value) for name, control in (self._in_address | self._drafts).items()}
        self._held = False
        self.problem = Text()
        for control in self._in_address.values():
            control.observe(self._write_address, "value")
        for control in self._drafts.values():
            control.observe(self._write_draft, "value")
        for held in self._unkept:
            held.observe(self._ask_before_leaving, "value")
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
            for name, control in self._drafts.items():
                if name in change["new"]:
                    set_from_text(control, str(change["new"][name]))
        finally:
            self._held = False
        self._write_draft()

    def _write_address(self, _change: Any = None) -> None:
        if not self._held:
            self._write("address", self._in_address)

    def _write_draft(self, _change: Any = None) -> None:
        if not self._held:
            self._write("draft", self._drafts)
            self._ask_before_leaving()

    def _ask_before_leaving(self, _change: Any = None) -> None:
        self.unsaved = bool(self.draft) or any(held.value for held in self._unkept)

    def _write(self, trait: str, controls: Mapping[str, Any]) -> None:
        texts = {name: text_of(control.value) for name, control in controls.items()}
        self._held = True
        try:
            setattr(self, trait, {name: text for name, text in texts.items() if text != self._first[name]})
        finally:
            self._held = False


class Draft(HasTraits):
    """What a person put into a form and did not save yet, as one text for :class:`PageState`.

    A form is put back whole and in its order: which of its parts is open, for whom, and each field. What the page
    puts into its fields by itself is no draft.

    Parameters
    ----------
    fields : mapping of str to widget
        In the order in which they are put back.
    of : widget, optional
        Says to whom the form belongs; a draft is put back only where that is still so.

    Attributes
    ----------
    value : str
        JSON; "" if nothing of a person is in the form.
    """

    value = Unicode()

    def __init__(self, fields: Mapping[str, Any], of: Any = None) -> None:
        super().__init__()
        self._fields, self._of, self._held = dict(fields), of, False
        self._saved = self.present()
        for control in self._fields.values():
            control.observe(self._write, "value")
        self.observe(self._restore, "value")

    def keep(self) -> None:
        """Take what stands in the form as saved."""
        self._saved = self.present()
        self._write()

    @contextmanager
    def put_in(self) -> Iterator[None]:
        """Within ``with`` the page changes the form; where nothing of a person was in it, that is no draft."""
        is_empty, before, self._held = not self.value, self._held, True
        try:
            yield
        finally:
            self._held = before
            if is_empty:
                self._saved = self.present()
            self._write()

    def present(self) -> dict[str, str]:
        """Return what stands in the form; each value is text."""
        return {name: text_of(control.value) for name, control in self._fields.items()}

    def put_back(self, held: Mapping[str, str]) -> None:
        """Put a draft into the form."""
        for name, control in self._fields.items():
            if name in held:
                set_from_text(control, held[name])

    @property
    def _whose(self) -> str:
        return "" if self._of is None else text_of(self._of.value)

    def _write(self, _change: Any = None) -> None:
        if self._held:
            return
        self._held = True
        try:
            now = self.present()
            whole = {"of": self._whose, "fields": now}
            self.value = "" if now == self._saved else json.dumps(whole, ensure_ascii=False)
        finally:
            self._held = False

    def _restore(self, change: dict[str, Any]) -> None:
        if self._held or not change["new"]:
            return
        self._held = True
        try:
            whole = json.loads(change["new"])
            if whole["of"] == self._whose:
                self.put_back({str(name): str(text) for name, text in whole["fields"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            pass  # a draft of another version
        finally:
            self._held = False
        self._write()


def _not_there(unusable: list[str], given: Mapping[str, str]) -> ProtocolError:
    found = list_of(f"{name}={given[name][:40]}" for name in unusable)
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
    if is_closed(control):
        options = [one[1] if isinstance(one, tuple) else one for one in _options(control)]
        if isinstance(present, tuple):
            named = text.split(",")
            wanted: Any = tuple(one for one in options if text_of(one) in named)
        else:
            wanted = next((one for one in options if text_of(one) == text), None)
            if wanted is None and text:
                return False
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


def is_closed(control: Any) -> bool:
    """Whether a control takes only values that it lists; the list of an open one only proposes.

    A list that is closed and empty takes no value but none.
    """
    if isinstance(control, widgets.Combobox):
        return bool(control.ensure_option)
    return hasattr(control, "options")


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
