"""Work that takes a while: first results while it runs, progress with the time left, Stop, and its errors."""

from collections.abc import Callable, Iterator
from threading import Event, Thread, current_thread
from time import monotonic
from typing import Any

import ipywidgets as widgets

from protocol.pages.kit.fields import button, field
from protocol.pages.kit.text import Text, note, row
from protocol.records import ProtocolError
from protocol.translation import _

PAUSE_SECONDS = 0.25
"""Between two updates of the page by running work."""

STOPPED = _("Stopped after {percent} %; what was found until then is shown.")

Steps = Iterator[tuple[Any, float]]
"""Yields what is found so far, None for nothing yet, and the part that is done, 0 to 1."""

Work = Callable[[Callable[[Any], None], Callable[[], bool]], Any]
"""Called with ``progress`` and ``stop``; returns the result, which has ``trials`` of ``requested`` and says them."""


class Task:
    """Runs one piece of work at a time.

    Work runs in a thread beside the kernel, so that the page and Stop respond; small work runs within the click. An
    error of any kind ends on the page. While a task runs, only its thread calls `show` and `refuse`.

    Parameters
    ----------
    show : callable
        Shows what is found, during the work and at its end.
    ask : callable, optional
        Called by the button Run: returns the size and the work; raises ProtocolError for inputs that cannot be used.
        Without it there is no such button, and the task is visible only while it runs and after Stop.
    refuse : callable, optional
        Shows a ProtocolError in place of `problem`.
    stopped : str
        The words after Stop, with a place for ``percent``.

    Attributes
    ----------
    run, stop : ipywidgets.Button
    progress : ipywidgets.FloatProgress
    words, problem : Text
        How far the work is, or was; what went wrong.
    thread : threading.Thread or None
        Of the last work that did not run within the click.
    """

    def __init__(
        self,
        show: Callable[[Any], None],
        ask: Callable[[], tuple[int, Work | Steps]] | None = None,
        *,
        refuse: Callable[[ProtocolError], None] | None = None,
        stopped: str = STOPPED,
    ) -> None:
        self._show, self._ask, self._said, self._stopped = show, ask, stopped, Event()
        self._started = self._shown_at = 0.0
        self.thread: Thread | None = None
        self.run = button(_("Run"), self._asked, primary=True)
        self.stop = button(_("Stop"), self.end, icon="stop", disabled=True)
        self.progress = field(widgets.FloatProgress, _("Progress"), min=0, max=1)
        self.words, self.problem = Text(), Text(role="alert")
        self._refuse = refuse or self.problem.show
        buttons = [self.run] if ask else []
        self.view = widgets.VBox([row(*buttons, self.stop, self.progress, self.words), self.problem])
        self._visible(False)

    @property
    def is_running(self) -> bool:
        """Whether work is under way."""
        return self.thread is not None and self.thread.is_alive()

    def begin(self, work: Work | Steps, *, at_once: bool = False) -> None:
        """Stop what is under way and do this, within the click if `at_once`."""
        self.wait()
        self._stopped, self.thread = Event(), None
        self._started, self._shown_at = monotonic(), 0.0
        self.problem.show(None)
        self.words.show(None)
        self.progress.value = 0
        if at_once:
            self._go(work, self._stopped)
            return
        self._visible(True)
        self.run.disabled, self.stop.disabled = True, False
        self.thread = Thread(target=self._go, args=(work, self._stopped), daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Stop after the present step; what was found stays."""
        self._stopped.set()

    def wait(self) -> None:
        """Stop, and return when nothing is under way any more."""
        self.end()
        self.join()

    def join(self) -> None:
        """Return when nothing is under way any more; what is under way is finished."""
        if self.thread is not None and self.thread is not current_thread():
            self.thread.join()

    def say(self, error: ProtocolError | None) -> None:
        """Show what is wrong with the inputs, or that nothing is."""
        self.problem.show(error)

    def note(self, result: Any) -> None:
        """Set the bar and the words to a result that has ``trials`` and ``requested``."""
        self.progress.max, self.progress.value = result.requested, result.trials
        self.words.show(str(result))

    def _asked(self) -> None:
        if self.is_running or self._ask is None:
            return
        try:
            size, work = self._ask()
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.progress.max = size
        self.begin(work)

    def _go(self, work: Work | Steps, stopped: Event) -> None:
        try:
            if callable(work):
                self._look(work(self._look, stopped.is_set), last=True)
            else:
                self._step(work, stopped)
        except ProtocolError as error:
            self._visible(self._refuse == self.problem.show)
            self._refuse(error)
        except MemoryError:
            self._visible(True)
            found, write = _("more than this page may use"), _("a smaller file, or fewer of them at once")
            self.problem.show(ProtocolError(_("Memory"), found, write))
        except Exception as error:  # the last word of a thread belongs on the page
            self._visible(True)
            self.problem.show(note(str(error) or type(error).__name__))
        finally:
            self.run.disabled, self.stop.disabled = False, True

    def _look(self, result: Any, *, last: bool = False) -> None:
        if last or self._is_time():
            self.note(result)
            self._show(result)

    def _step(self, steps: Steps, stopped: Event) -> None:
        found, done = None, 0.0
        self.progress.max = 1
        for found, done in steps:
            self.progress.value = done
            if stopped.is_set():
                break
            if self.thread is not None and self._is_time():
                self.words.show(_left((monotonic() - self._started) * (1 - done) / done if done else None))
                if found is not None:
                    self._show(found)
        if found is not None:
            self._show(found)
        self.words.show(self._said.format(percent=round(100 * done)) if done < 1 else None)
        self._visible(done < 1)

    def _is_time(self) -> bool:
        if monotonic() - self._shown_at <= PAUSE_SECONDS:
            return False
        self._shown_at = monotonic()
        return True

    def _visible(self, visible: bool) -> None:
        self.view.layout.display = "flex" if visible or self._ask else "none"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return _("about {n:.0f} s left").format(n=seconds)
    return _("about {n:.0f} min left").format(n=seconds / 60)
