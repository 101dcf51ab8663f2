"""Work that takes a while: Run and Stop, a bar, the time left; the figures so far are shown meanwhile."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit import text as elements
from protocol.records import ProtocolError
from protocol.translation import _

PAUSE_SECONDS = 0.25  # between two looks at running work

Work = Callable[[Callable[[Any], None], Callable[[], bool]], Any]
"""Called with ``progress`` and ``stop``; returns the result, which knows its ``trials`` and says them."""


class Job:
    """Run work beside the kernel, so that the page and the Stop button stay alive.

    Parameters
    ----------
    ask : callable
        Returns the number of trials and the work to do; raises ProtocolError when the inputs cannot be used.
    show : callable
        Shows a result, finished or not.
    """

    def __init__(self, ask: Callable[[], tuple[int, Work]], show: Callable[[Any], None]) -> None:
        self._ask, self._show = ask, show
        self._stopped, self._shown_at = Event(), 0.0
        self.worker: Thread | None = None
        self.run = widgets.Button(description=_("Run"), button_style="primary")
        self.stop = widgets.Button(description=_("Stop"), disabled=True)
        self.progress = widgets.IntProgress(
            min=0, max=1, description=_("Progress"), layout={"width": "min(100%, 320px)"}
        )
        self.words, self.problem = elements.html("", role="status"), elements.html("")
        self.view = widgets.VBox([
            elements.row(self.run, self.stop), elements.row(self.progress, self.words), self.problem
        ])  # fmt: skip
        self.run.on_click(self._begin)
        self.stop.on_click(lambda _button: self._stopped.set())

    @property
    def is_running(self) -> bool:
        """Whether the work goes on."""
        return self.worker is not None and self.worker.is_alive()

    def say(self, error: ProtocolError | None) -> None:
        """Show what is wrong with the inputs, or that nothing is."""
        self.problem.value = "" if error is None else elements.dress(elements.message(error))

    def note(self, result: Any) -> None:
        """Set the bar and the words to a result."""
        self.progress.max, self.progress.value = result.requested, result.trials
        self.words.value = elements.dress(str(result), role="status")

    def _begin(self, _button: widgets.Button) -> None:
        if self.is_running:
            return
        try:
            total, work = self._ask()
        except ProtocolError as error:
            self.say(error)
            return
        self.say(None)
        self.progress.max, self.progress.value, self._shown_at = total, 0, 0.0
        self.run.disabled, self.stop.disabled = True, False
        self._stopped.clear()
        self.worker = Thread(target=self._work, args=(work,), daemon=True)
        self.worker.start()

    def _work(self, work: Work) -> None:
        try:
            self._look(work(self._look, self._stopped.is_set), last=True)
        except ProtocolError as error:
            self.say(error)
        except Exception as error:  # the thread's last word belongs on the page
            self.problem.value = elements.dress(elements.note(str(error)))
        finally:
            self.run.disabled, self.stop.disabled = False, True

    def _look(self, result: Any, *, last: bool = False) -> None:
        if last or monotonic() - self._shown_at > PAUSE_SECONDS:
            self._shown_at = monotonic()
            self.note(result)
            self._show(result)
