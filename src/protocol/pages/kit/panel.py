"""A part of a page that knows what it shows and draws it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets


class Panel:
    """A part of a page. A subclass sets `view` and writes `draw`.

    Attributes
    ----------
    view : ipywidgets.Widget
        What stands on the page.
    shown : tuple or None
        The last arguments of :meth:`show`; None before the first call.
    """

    view: widgets.Widget
    shown: tuple[Any, ...] | None = None
    _held = False

    def show(self, *what: Any) -> None:
        """Show this from now on."""
        self.shown = what
        self.redraw()

    def draw(self, *what: Any) -> None:
        """Put what is shown into the widgets; called with the arguments of :meth:`show`."""
        raise NotImplementedError

    def redraw(self, _change: Any = None) -> None:
        """Draw again what is shown; before the first :meth:`show` there is nothing to draw."""
        if self.shown is not None and not self._held:
            self.draw(*self.shown)

    def redraw_on(self, *controls: Any) -> None:
        """Draw again at every new value of these controls."""
        for control in controls:
            control.observe(self.redraw, "value")

    @contextmanager
    def redraw_once(self) -> Iterator[None]:
        """Change several controls within ``with`` and draw once at its end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.redraw()
