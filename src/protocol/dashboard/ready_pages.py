"""Pages that are computed before somebody opens them: one of each notebook, in each language that is read.

Voila computes a page in advance and hands it out. Here stands when: not while the first reader waits, one after the
other, and only where memory is left for readers. Voila's pools know a notebook; these know the language, too.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from datetime import date
from time import monotonic
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop

from protocol.translation import answer_in, language, language_of_process

ADVANCE_SECONDS, NEXT_SECONDS = 20, 4
"""When the pages of a language are first computed, and the time between two of them."""

AGAIN_SECONDS = 1
"""After which a page that was handed out is computed again."""

UNREAD_SECONDS = 3600
"""After which the pages of a language are given up if nobody read it; those of the dashboard's own are kept."""


class _InLanguages(dict[Any, Any]):
    """What Voila keeps for each notebook, kept for each language: of a notebook in the present one."""

    def __getitem__(self, notebook: str) -> Any:
        return super().__getitem__((language(), notebook))

    def __setitem__(self, notebook: str, kept: Any) -> None:
        super().__setitem__((language(), notebook), kept)

    def get(self, notebook: str, default: Any = None) -> Any:
        return super().get((language(), notebook), default)


class ReadyPages(AsyncMappingKernelManager):
    """A kernel manager that decides which pages are held ready; Voila derives from it the one that computes them."""

    fill_if_needed: Callable[..., None]
    """Voila's: compute as many pages of a notebook as are missing."""

    def __init__(self, **options: Any) -> None:
        self._notebooks: Sequence[str] = ()
        self._has_room: Callable[[], bool] = lambda: False
        self._today: Callable[[], date] = date.today
        self._day = date.min  # that the pages show which are ready
        self._read = dict[str, float]()  # language to when a page in it was last opened
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.kernel_pools_config = {"default": {"pool_size": 0}}  # until a page is computed here

    @property
    def _pools(self) -> _InLanguages:
        """The pages that were computed in advance, of each notebook."""
        return self._computed

    @_pools.setter
    def _pools(self, none: dict[str, Any]) -> None:
        """Voila sets an empty dict, where it starts and where it ends."""
        self._computed = _InLanguages(none)

    def hold_ready(self, notebooks: Sequence[str], today: Callable[[], date], has_room: Callable[[], bool]) -> None:
        """Compute pages in advance from now on, those in the language of the dashboard first.

        Parameters
        ----------
        notebooks : sequence of str
            The pages, in the order in which they are computed.
        today : callable
            Returns the day that a page shows. Pages of an earlier day are given to nobody and computed again.
        has_room : callable
            Returns whether there is memory for one more page, besides that of readers.
        """
        self._notebooks, self._today, self._has_room, self._day = notebooks, today, has_room, today()
        self.opened(language_of_process())

    @property
    def are_of_today(self) -> bool:
        """Whether the pages that are ready show the present day."""
        return self._day == self._today()

    def opened(self, code: str, notebook: str = "") -> None:
        """Note that a page is read in a language, and compute the next one; from the first time on, all of them."""
        if code in self._read:
            self._fill([(code, notebook)], AGAIN_SECONDS)
        else:
            self._fill([(code, one) for one in self._notebooks], ADVANCE_SECONDS)
        self._read[code] = monotonic()

    def _fill(self, pages: Sequence[tuple[str, str]], seconds: float) -> None:
        """Compute pages, each a language and a notebook, one after the other, the first one after some seconds."""
        for place, (code, notebook) in enumerate(pages):
            context = Context()  # not that of a request, which would be kept
            context.run(answer_in, code)
            context.run(IOLoop.current().call_later, seconds + NEXT_SECONDS * place, self._compute, notebook)

    def _compute(self, notebook: str) -> None:
        if language() not in self._read or not self._has_room():
            return
        self.kernel_pools_config = {"default": {"pool_size": 1}}
        self.fill_if_needed(delay=0, notebook_name=notebook)
        self.kernel_pools_config = {"default": {"pool_size": 0}}  # Voila would compute another one unasked
        for task in self._computed.get(notebook, ()):
            task.add_done_callback(self._without_failed)

    def _without_failed(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception():
            self.log.warning("A page was not computed in advance; it is tried again.")
            for pool in self._computed.values():
                if task in pool:
                    pool.remove(task)

    async def cull_kernels(self) -> None:
        """Each minute end idle kernels, give up pages of yesterday or not read, and compute what is missing."""
        await super().cull_kernels()  # type: ignore[no-untyped-call]
        for code in [code for code, read in self._read.items() if monotonic() - read > UNREAD_SECONDS]:
            if code != language_of_process():
                del self._read[code]
        if not self.are_of_today:
            await self.give_up()
            self._day = self._today()
        await self.give_up(lambda code: code not in self._read)
        quiet_since = monotonic() - ADVANCE_SECONDS - NEXT_SECONDS * len(self._notebooks)
        quiet = [code for code, read in self._read.items() if read <= quiet_since]
        there = {page for page, pool in self._computed.items() if pool}
        self._fill([(code, one) for code in quiet for one in self._notebooks if (code, one) not in there], 0)

    async def give_up(self, which: Callable[[str], bool] = lambda _code: True) -> None:
        """End the pages that are ready, in the languages for which `which` is true: their memory is needed."""
        for (code, _notebook), pool in [*self._computed.items()]:
            while which(code) and pool:
                with suppress(Exception):  # it was not computed
                    page = await pool.pop()
                    page["task"].cancel()
                    await ensure_async(self.shutdown_kernel(page["kernel_id"], now=True))  # type: ignore[no-untyped-call]
