"""Each kernel answers only the browser that opened its page, and kernels are started in turn.

All readers use the same token. The server tells readers apart by the cookie that it signs at the login. A kernel
belongs to one cookie from the moment its page is sent; a request with another cookie is answered with 404. If many
readers open a page at once, only as many kernels compute as there are processors: the first pages are shown sooner,
and no browser gives up waiting.
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
"""Key of the setting that maps the id of each kernel to its reader."""

MOST_OWNERS = 10_000  # older ones are forgotten; their kernels have ended long before


class ReportingManager:
    """A kernel manager that reports the id of each kernel it starts; it delegates everything to another manager."""

    def __init__(self, manager: Any, given: Callable[[str], None], turn: Callable[[], Awaitable[None]]) -> None:
        self._manager, self._given, self._turn = manager, given, turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **options: Any) -> str:
        """Wait for a turn, start a kernel and report it."""
        await self._turn()
        kernel: str = await ensure_async(self._manager.start_kernel(**options))
        self._given(kernel)
        return kernel

    async def get_rendered_notebook(self, **options: Any) -> tuple[Any, list[str], str]:
        """Return a page that was computed in advance, and report its kernel."""
        task, pieces, kernel = await self._manager.get_rendered_notebook(**options)
        self._given(kernel)
        return task, pieces, kernel


class OwnPage(TornadoVoilaHandler):  # type: ignore[misc] # no types there
    """A page whose kernel belongs to the reader who opened it."""

    _has_turn = False

    @property
    def kernel_manager(self) -> Any:
        """The kernel manager of the server, reporting each kernel to this page."""
        return ReportingManager(super().kernel_manager, self._keep, self._wait_for_turn)

    async def get(self, path: str | None = None) -> None:
        """Send the page; then give the turn, if one was taken, to the next page."""
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
    """A check before the handler of one kernel: 404 for everyone except its owner."""

    async def prepare(self, **options: Any) -> None:
        """Refuse the request unless it comes from the owner of the kernel."""
        await super().prepare(**options)
        kernel = self.path_kwargs.get("kernel_id") or next(iter(self.path_args), "")
        owner = self.settings[OWNERS].get(kernel)
        if owner is None or self.current_user is None or self.current_user.username != owner:
            raise HTTPError(404)


class OwnKernel(OwnersOnly, KernelHandler):
    """State of the reader's own kernel."""


class OwnChannels(OwnersOnly, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Messages of the reader's own kernel."""


class OwnShutdown(OwnersOnly, VoilaShutdownKernelHandler):  # type: ignore[misc]
    """End of the reader's own kernel, when its page is closed."""


REPLACED = {
    TornadoVoilaHandler: OwnPage,
    VoilaKernelWebsocketHandler: OwnChannels,
    KernelHandler: OwnKernel,
    VoilaShutdownKernelHandler: OwnShutdown,
}


def owners_only(handlers: list[Any]) -> list[Any]:
    """Return Voila's handlers with those of kernels bound to their readers.

    The handler that tells a kernel about its request is left out: it has no check of the reader, and no page uses it.
    """
    return [
        (address, REPLACED.get(handler, handler), *options)
        for address, handler, *options in handlers
        if handler is not RequestInfoSocketHandler
    ]
