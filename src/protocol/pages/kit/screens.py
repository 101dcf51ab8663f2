"""Screens of a page: below each other at a desk, one at a time on a projector, stepped by the keys of a presenter."""

from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from protocol.pages.kit.text import classed
from protocol.translation import _


class Stepper(anywidget.AnyWidget):  # type: ignore[misc] # anywidget is untyped
    """The buttons and the keys that step through the screens.

    Attributes
    ----------
    value : int
        The number of the screen that a projector shows, from 1.
    titles : list of str
    """

    _esm = Path(__file__).with_name("screens.js")
    _css = Path(__file__).with_name("screens.css")

    value = traitlets.Int(1).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    @traitlets.validate("value")
    def _within(self, proposal: Any) -> int:
        """Keep the number of a screen that there is, whatever an address asks for."""
        return min(max(int(proposal["value"]), 1), len(self.titles) or 1)


class Screens(widgets.VBox):  # type: ignore[misc] # ipywidgets is untyped
    """Parts of a page that a projector shows one at a time; elsewhere they stand below each other.

    On a projector, Left and Right, or Page Up and Page Down as a presenter's remote control sends them, step through
    the screens, unless a control that uses these keys itself has the focus.

    Parameters
    ----------
    screens : dict of str to ipywidgets.Widget
        Title to content.

    Attributes
    ----------
    stepper : Stepper
        Its `value` is the number of the screen that a projector shows.
    """

    def __init__(self, screens: dict[str, widgets.Widget]) -> None:
        words = {
            "previous": _("Previous screen"),
            "next": _("Next screen"),
            "place": _("{number} of {count}: {title}"),
            "name": _("Screens"),
        }
        self.stepper = Stepper(titles=list(screens), words=words)
        boxes = [classed(widgets.VBox([content]), "pw-screen") for content in screens.values()]
        super().__init__([self.stepper, *boxes])
        classed(self, "pw-screens")
