"""Turn the pages of what is too long to be shown at once."""

from collections.abc import Callable

from protocol.pages.kit.fields import button
from protocol.pages.kit.text import Text, row
from protocol.translation import _


class Pager:
    """Two buttons that turn pages, and a line that says what is shown.

    Parameters
    ----------
    size : int
        Of one page.
    turned : callable
        Called when a page was turned.
    previous, following : str
        The labels of the buttons.

    Attributes
    ----------
    page : int
        The page that is shown, from 0.
    previous, next : ipywidgets.Button
    place : Text
    view : ipywidgets.Box
    """

    def __init__(self, size: int, turned: Callable[[], None], previous: str = "", following: str = "") -> None:
        self.size, self.page, self._turned = size, 0, turned
        self.previous = button(previous or _("Previous"), lambda: self._turn(-1), icon="chevron-left")
        self.next = button(following or _("Next"), lambda: self._turn(1), icon="chevron-right")
        self.place = Text()
        self.view = row(self.previous, self.next, self.place)

    def part(self, count: int, words: str) -> slice:
        """Return which of `count` are shown, and say so.

        Parameters
        ----------
        count : int
            All that there are; if they have become fewer, the last page is shown.
        words : str
            A sentence with ``{first}``, ``{last}`` and ``{n}``.
        """
        last = max(-(-count // self.size), 1) - 1
        self.page = min(self.page, last)
        start = self.page * self.size
        stop = min(start + self.size, count)
        self.previous.disabled, self.next.disabled = self.page == 0, self.page == last
        self.place.show(words.format(first=start + 1 if count else 0, last=stop, n=count))
        return slice(start, stop)

    def _turn(self, pages: int) -> None:
        self.page += pages
        self._turned()
