"""Whether a result of the design lab belongs to the settings that stand on the page."""

from collections.abc import Callable
from typing import Any

from protocol.pages.kit import Text, note, paragraph
from protocol.records import ProtocolError
from protocol.translation import _


class ResultState:
    """Keeps the settings of a result beside it, and says below its heading whether they are still the page's.

    Parameters
    ----------
    settings : callable
        Returns all settings on which the result depends; raises ProtocolError while they cannot be used.

    Attributes
    ----------
    text : Text
    is_stale : bool
        Whether a result is shown that belongs to other settings.
    """

    def __init__(self, settings: Callable[[], Any]) -> None:
        self._settings, self._asked, self._kept = settings, None, None
        self.text = Text()
        self.is_stale = False
        self.refresh()

    def ask(self) -> Any:
        """Return the present settings and remember them for the result that is to come."""
        self._asked = self._settings()
        return self._asked

    def keep(self) -> None:
        """A result of the settings asked last is shown."""
        self._kept = self._asked
        self.refresh()

    def holds(self) -> bool:
        """Whether the result that is shown belongs to the present settings."""
        try:
            return self._kept is not None and self._kept == self._settings()
        except ProtocolError:
            return False

    def watch(self, *controls: Any) -> None:
        """Look again at every change of these controls."""
        for control in controls:
            control.observe(self.refresh, "value")

    def refresh(self, _change: Any = None) -> None:
        """Compare the settings of the result with the present ones."""
        self.is_stale = self._kept is not None and not self.holds()
        if self._kept is None:
            self.text.show(paragraph(_("Not run yet."), "off"))
        elif self.is_stale:
            self.text.show(note(_("Stale: these results are for other settings. Run again.")))
        else:
            self.text.show(paragraph(_("✓ These results are for the settings shown."), "good"))
