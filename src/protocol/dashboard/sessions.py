"""Keep each session to the browser it was opened in, and let kernels be started in turn.

Everyone on the dashboard holds the same token. What tells two readers apart is the cookie that the server signs at
the login; a kernel's number belongs to one cookie from the moment its page is sent, and to every other it does not
exist. When many open a page at once, only as many kernels compute as there are processors: the first pages are there
sooner and nobody's page waits so long for an answer that the browser gives it up.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.web import HTTPError
from voila.request_info_handler import RequestInfoSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

TURNS = asyncio.Semaphore(os.cpu_count() or 1)

OWNERS = "session_owners"
"""Setting with the number of each kernel handed out and the reader it was handed to."""

MOST_OWNERS = 10_000  # kernels long ended are forgotten after so many newer ones


class HandingOut:
    """A kernel manager that tells which kernels it hands out; otherwise the very one it stands for."""

    def __init__(self, manager: Any, given: Callable[[str], None], turn: Callable[[], Awaitable[None]]) -> None:
        self._manager, self._given, self._turn = manager, given, turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **options: Any) -> str:
        """Start a kernel for the page that is asked for, when it is its turn."""
        await self._turn()
        kernel: str = await ensure_async(self._manager.start_kernel(**options))
        self._given(kernel)
        return kernel

    async def get_rendered_notebook(self, **options: Any) -> tuple[Any, list[str], str]:
        """Take a page that was computed in advance, with its kernel."""
        task, pieces, kernel = await self._manager.get_rendered_notebook(**options)
        self._given(kernel)
        return task, pieces, kernel


class OwnPage(TornadoVoilaHandler):  # type: ignore[misc] # no types there
    """A page whose kernel belongs to the reader who asked for it."""

    _has_turn = False

    @property
    def kernel_manager(self) -> Any:
        """The server's kernel manager, noting what it hands out."""
        return HandingOut(super().kernel_manager, self._keep, self._wait_for_turn)

    async def get(self, path: str | None = None) -> None:
        """Send the page; whoever had to wait for a kernel lets the next one in after it."""
        try:
            await super().get(path)
        finally:
            if self._has_turn:
                TURNS.release()

    async def _wait_for_turn(self) -> None:
        await TURNS.acquire()
        self._has_turn = True

    def _keep(self, kernel: str) -> None:
        owners: dict[str, str] = self.settings[OWNERS]
        owners[kernel] = self.current_user.username
        while len(owners) > MOST_OWNERS:
            del owners[next(iter(owners))]


class OwnersOnly(JupyterHandler):
    """What stands before a handler of one kernel: to anyone but its owner there is no such kernel."""

    async def prepare(self, **options: Any) -> None:
        """Refuse whoever is not the owner, before anything else is looked at."""
        await super().prepare(**options)
        kernel = self.path_kwargs.get("kernel_id") or next(iter(self.path_args), "")
        owner = self.settings[OWNERS].get(kernel)
        if owner is None or self.current_user is None or self.current_user.username != owner:
            raise HTTPError(404)


class OwnKernel(OwnersOnly, KernelHandler):
    """Whether one's own kernel still lives."""


class OwnChannels(OwnersOnly, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """The messages of one's own kernel."""


class OwnShutdown(OwnersOnly, VoilaShutdownKernelHandler):  # type: ignore[misc]
    """The end of one's own kernel, when its page is closed."""


REPLACED = {
    TornadoVoilaHandler: OwnPage,
    VoilaKernelWebsocketHandler: OwnChannels,
    KernelHandler: OwnKernel,
    VoilaShutdownKernelHandler: OwnShutdown,
}


def kept_apart(handlers: list[Any]) -> list[Any]:
    """Return Voila's handlers with those of kernels bound to their readers.

    The address that tells a kernel about the request it serves asks nobody who he is; no page uses it, so it goes.
    """
    return [
        (address, REPLACED.get(handler, handler), *options)
        for address, handler, *options in handlers
        if handler is not RequestInfoSocketHandler
    ]
