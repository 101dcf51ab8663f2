"""Tabs of a page: one panel at a time, each built when it is first opened."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import anywidget
import ipywidgets as widgets
from traitlets import Dict, Unicode, link

from protocol.pages.kit.text import Text, classed, note, skeleton
from protocol.records import ProtocolError

Part: TypeAlias = "widgets.Widget | Callable[[], widgets.Widget]"
"""What a tab holds, or a function that builds it when the tab is first opened."""

_NUMBERS = count()

SKELETON_SECONDS = 0.02
"""Before a panel is built, so that the browser shows that it is being built."""


class _TabList(anywidget.AnyWidget):
    """The row of tabs; arrow keys, Home and End move between them."""

    _esm = Path(__file__).with_name("tabs.js")

    titles = Dict().tag(sync=True)
    value = Unicode().tag(sync=True)
    panels = Dict().tag(sync=True)
    """Id of each tab to the CSS class of its panel."""


class Tabs(widgets.VBox):  # type: ignore[misc] # ipywidgets is untyped
    """Tabs with the roles and keys that a screen reader expects; they wrap on a narrow screen.

    Parameters
    ----------
    parts : mapping of str to (str, widget or callable)
        Id of each tab, as it stands in the address of the page, to its title and its content.
    value : str, optional
        The tab that is open first; the first one if left out.

    Attributes
    ----------
    value : str
        Id of the open tab.
    """

    value = Unicode()

    def __init__(self, parts: Mapping[str, tuple[str, Part]], value: str = "") -> None:
        number = next(_NUMBERS)
        self._builders = {name: content for name, (_title, content) in parts.items() if not _is_widget(content)}
        contents = {name: [content] if _is_widget(content) else [] for name, (_title, content) in parts.items()}
        self._panels = {
            name: classed(widgets.VBox(content), "pw-tabpanel", f"pw-tabpanel-{number}-{place}")
            for place, (name, content) in enumerate(contents.items())
        }
        classes = {name: f"pw-tabpanel-{number}-{place}" for place, name in enumerate(parts)}
        first = value or next(iter(parts))
        self._list = _TabList(titles={name: title for name, (title, _) in parts.items()}, value=first, panels=classes)
        super().__init__([self._list, *self._panels.values()])
        self.add_class("pw-tabs")
        self.value = first
        link((self, "value"), (self._list, "value"))
        self.observe(self._open, "value")
        self._open()

    @property
    def titles(self) -> dict[str, str]:
        """Title of each tab, by its id."""
        return dict(self._list.titles)

    def rename(self, name: str, title: str) -> None:
        """Give a tab another title, such as one with a count."""
        self._list.titles = self._list.titles | {name: title}

    def _open(self, _change: Any = None) -> None:
        if self.value not in self._panels:  # an address may name a tab that this page does not have
            self.value = next(iter(self._panels))
            return
        for name, panel in self._panels.items():
            panel.layout.display = None if name == self.value else "none"
        if self.value in self._builders:
            self._build_soon(self.value)

    def build(self, name: str) -> widgets.VBox:
        """Return the panel of a tab, and build it now if it was not yet; an error passes on."""
        if name in self._builders:
            self._panels[name].children = [self._builders[name]()]
            del self._builders[name]
        return self._panels[name]

    def _build_soon(self, name: str) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a script or a test: nobody looks on
            self.build(name)
            return
        self._panels[name].children = [Text(skeleton(), role="")]
        loop.call_later(SKELETON_SECONDS, self._fill, name)

    def _fill(self, name: str) -> None:
        try:
            self.build(name)
        except ProtocolError as error:
            self._panels[name].children = [Text(error)]
        except Exception as error:  # otherwise the panel would say for ever that it is being built
            self._panels[name].children = [Text(note(str(error) or type(error).__name__), role="alert")]
            raise


def _is_widget(content: Part) -> bool:
    return isinstance(content, widgets.Widget)
