"""Work that takes a while: what is found so far is shown as it goes on, and it can be stopped."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from time import monotonic
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit import text as elements
from protocol.records import ProtocolError
from protocol.translation import _

AT_ONCE = 20_000
"""Participants up to which the work is done within the click: it takes less than a second."""

PAUSE_SECONDS = 0.5
"""Between two looks at running work."""

STOPPED = _("Stopped after {percent} %; what was found until then is shown.")

Steps = Iterator[tuple[Any, float]]
"""Yields what is found so far and the part that is done, 0 to 1."""


class Work:
    """Take steps one after another; beside the kernel when there are many, so that Stop can be pressed.

    Parameters
    ----------
    show : callable
        Shows what is found so far.
    stopped : str, optional
        What stands there after Stop, with a place for ``percent``.
    """

    def __init__(self, show: Callable[[Any], None], stopped: str = STOPPED) -> None:
        self._show, self._said, self._stopped = show, stopped, Event()
        self.thread: Thread | None = None
        self.progress = widgets.FloatProgress(min=0, max=1, description=_("Progress"), layout={"width": "18rem"})
        self.stop = widgets.Button(description=_("Stop"), icon="stop", disabled=True)
        self.words = elements.html("", role="status")
        self.view = elements.row(self.progress, self.stop, self.words)
        self.view.layout.display = "none"
        self.stop.on_click(lambda _button: self.end())

    def begin(self, steps: Steps, size: int, at_once: int = AT_ONCE) -> None:
        """Stop what is under way and take these steps, within the click up to a size in participants or bytes."""
        self.wait()
        self._stopped = Event()
        self.thread = None
        if size <= at_once:
            self._go(steps, self._stopped)
            return
        self.view.layout.display = "flex"
        self.stop.disabled, self.words.value = False, ""
        self.thread = Thread(target=self._go, args=(steps, self._stopped), daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Stop after the present step; what was found stays."""
        self._stopped.set()

    def wait(self) -> None:
        """Stop, and come back when nothing is under way any more."""
        self.end()
        if self.thread is not None:
            self.thread.join()

    def _go(self, steps: Steps, stopped: Event) -> None:
        found, done, shown_at = None, 0.0, monotonic()
        for found, done in steps:
            self.progress.value = done
            if stopped.is_set():
                break
            if found is not None and self.thread is not None and monotonic() - shown_at > PAUSE_SECONDS:
                self._show(found)
                shown_at = monotonic()
        if found is not None:
            self._show(found)
        self.stop.disabled = True
        if done < 1:
            self.words.value = elements.dress(self._said.format(percent=round(100 * done)), "status")
        else:
            self.view.layout.display = "none"


def caught(steps: Steps) -> Steps:
    """End with the error as what was found: it may come up beside the kernel, where nobody would see it."""
    try:
        yield from steps
    except ProtocolError as error:
        yield error, 1.0
