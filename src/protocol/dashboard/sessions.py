"""Each kernel answers only the browser that opened its page; kernels are limited and started in turn.

All readers use the same token. The server tells readers apart by the cookie that it signs at the login. A kernel
belongs to one cookie from the moment it is started; a request with another cookie is answered with 404. If many
readers open a page at once, only as many kernels compute as there are processors: the first pages are shown sooner,
and no browser gives up waiting. A reader has a limited number of pages, and all readers together as many as fit into
memory; who comes too many gets a page that waits and loads itself again.
"""

import asyncio
import json
import os
import re
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, StaticFileHandler
from voila.request_info_handler import RequestInfoSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler, read_header_from_binary_message

from protocol.dashboard.forking import ForkServer
from protocol.dashboard.ready_pages import ReadyPages
from protocol.translation import _, answer_in, language, languages, preferred

TURNS = asyncio.Semaphore(os.cpu_count() or 1)

PLACES = "places"
"""Key of the setting that holds the :class:`Places` of the server."""

PAGES = "page_files"
"""Key of the setting that names the notebooks which are pages, in their order."""

HOSTS = "allowed_hosts"
"""Key of the setting that names the hosts besides this machine's own under which the dashboard may be asked."""

MOST_OWNERS = 10_000  # older ones are forgotten; their kernels have ended long before

PAGES_A_READER = 10
"""Pages that one reader may have open."""

FORKED_PAGE_BYTES, NEW_PAGE_BYTES = 80 * 2**20, 250 * 2**20
"""Memory to be free before one more page is opened; a forked one takes about 45 MB of its own, a new one 150 MB."""

SPARE_BYTES = 500 * 2**20
"""Memory that stays free besides."""

PATIENCE_SECONDS = 20
"""For a turn; then the page asks again."""

UNVISITED_SECONDS = 60
"""After which a kernel ends if no browser has connected to it since its page was sent."""

WAIT = 503

LANGUAGE = "protocol-language"
"""The cookie with the language that a reader chose."""


@dataclass
class Places:
    """Which reader each kernel belongs to, and whether one more page may be opened.

    Parameters
    ----------
    most : int
        Pages of all readers together.
    free_bytes : callable
        Returns the memory that is free now.
    page_bytes : int
        Memory that one more page takes.
    """

    most: int
    free_bytes: Callable[[], int] = lambda: int(psutil.virtual_memory().available)
    owners: dict[str, str] = field(default_factory=dict)
    opening: list[str] = field(default_factory=list)
    page_bytes: int = NEW_PAGE_BYTES

    @classmethod
    def by_memory(cls, most: int | None = None, page_bytes: int = NEW_PAGE_BYTES) -> "Places":
        """Return as many places as fit into the memory that is free now, at least two."""
        fitting = (psutil.virtual_memory().available - SPARE_BYTES) // page_bytes
        return cls(most or max(int(fitting), 2), page_bytes=page_bytes)

    def held_by(self, reader: str) -> list[str]:
        """Return the kernels of a reader, the oldest first."""
        return [kernel for kernel, owner in self.owners.items() if owner == reader]

    def has_memory_for(self, pages: int) -> bool:
        """Return whether so many more pages fit into the memory that is free, besides those that are being opened."""
        return self.free_bytes() >= SPARE_BYTES + self.page_bytes * (pages + len(self.opening))

    def refusal(self, reader: str, is_ready: bool = False) -> str:
        """Say why this reader has to wait for one more page, which may be ready; "" if not."""
        if len(self.held_by(reader)) + self.opening.count(reader) >= PAGES_A_READER:
            return _("You have {n} pages open. Close one of them.").format(n=PAGES_A_READER)
        full = len(self.owners) + len(self.opening) >= self.most
        if full or not (is_ready or self.has_memory_for(1)):
            return _("All places are taken: other readers have as many pages open as this machine can hold.")
        return ""

    def keep(self, kernel: str, reader: str) -> None:
        """Give a kernel to its reader."""
        self.owners[kernel] = reader
        while len(self.owners) > MOST_OWNERS:
            del self.owners[next(iter(self.owners))]


class AtEnd:
    """What is called when a kernel ends."""

    def __init__(self) -> None:
        self._calls: dict[str, set[Callable[[], object]]] = {}

    def add(self, kernel: str, call: Callable[[], object]) -> None:
        """Call this when the kernel ends, unless it is dropped before."""
        self._calls.setdefault(kernel, set()).add(call)

    def drop(self, kernel: str, call: Callable[[], object]) -> None:
        """Do not call it any more."""
        calls = self._calls.get(kernel, set())
        calls.discard(call)
        if not calls:
            self._calls.pop(kernel, None)

    def call(self, kernel: str) -> None:
        """Call everything, once."""
        for call in self._calls.pop(kernel, ()):
            call()


class PageKernels(ReadyPages):
    """A kernel manager that knows which kernels were ever connected to, and cleans up after those that die.

    Attributes
    ----------
    visited : set of str
        The kernels that a browser has connected to.
    at_end : AtEnd
        Pages that are being sent, and connections: they would wait for a kernel that has ended.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.visited = set[str]()
        self.at_end = AtEnd()
        self.places: Places | None = None

    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]
        """Start a kernel in the present language: of the reader, or of the page that is computed in advance."""
        options["env"] = {**options.get("env", os.environ), "PROTOCOL_LANGUAGE": language()}
        kernel: str = await super().start_kernel(**options)
        return kernel

    async def ready(self) -> None:
        """Wait until kernels can be started: a new fork server first loads everything."""
        await asyncio.to_thread(ForkServer.instance(parent=self).ready_or_not, language())

    def notify_connect(self, kernel_id: str) -> None:
        """Notice a new connection to a kernel."""
        self.visited.add(kernel_id)
        super().notify_connect(kernel_id)  # type: ignore[no-untyped-call]

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, and whose it was."""
        self.visited.discard(kernel_id)
        self.at_end.call(kernel_id)
        if self.places is not None:
            self.places.owners.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        """Close the connections of a kernel that has died; jupyter_server forgets it with six descriptors open."""
        IOLoop.current().add_callback(self.end, kernel_id)

    def connections(self, kernel_id: str) -> int:
        """Return how many browsers are connected to a kernel."""
        return int(self._kernel_connections.get(kernel_id, 0))

    async def end(self, kernel_id: str) -> None:
        """End a kernel, if it has not ended yet."""
        if kernel_id in self:
            await ensure_async(self.shutdown_kernel(kernel_id, now=True))  # type: ignore[no-untyped-call]

    async def shutdown_all(self, now: bool = False) -> None:  # type: ignore[override]
        """End all kernels; some may end by themselves meanwhile."""
        del now  # a page has nothing to finish
        await asyncio.gather(*map(self.end, self.list_kernel_ids()), return_exceptions=True)

    async def end_unvisited(self, kernel_id: str) -> None:
        """End a kernel that no browser has ever connected to."""
        if kernel_id not in self.visited:
            await self.end(kernel_id)


def is_foreign(request: Any, hosts: frozenset[str]) -> bool:
    """Return whether another site asks: by the Origin, or by what the browser says about its page.

    A link of another site may open the start page, which starts no kernel.
    """
    origin = request.headers.get("Origin")
    own = {request.headers.get("Host"), *hosts}
    if origin and not {urlsplit(origin).netloc, urlsplit(origin).hostname} & own:
        return True
    site = request.headers.get("Sec-Fetch-Site", "none")
    link = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    is_link = link and request.headers.get("Sec-Fetch-Dest") == "document" and "/voila/" not in request.path
    return site not in ("none", "same-origin") and not is_link


def language_of(request: Any) -> str:
    """Return the language that a reader chose on a page; else the browser's, and else that of the dashboard."""
    chosen = request.cookies.get(LANGUAGE)
    if chosen is not None and chosen.value in languages():
        return str(chosen.value)
    return preferred(request.headers.get("Accept-Language", "")) or language()


class OwnSite:
    """A check before any handler: requests that another site makes are refused."""

    def check_host(self) -> bool:
        """Return whether the Host is this machine, or one that was allowed."""
        host = urlsplit(f"//{self.request.host}").hostname  # type: ignore[attr-defined]
        return host in self.settings[HOSTS] or super().check_host()  # type: ignore[attr-defined, misc]

    async def prepare(self, **options: Any) -> None:
        """Refuse the request if another site makes it; answer in the reader's language."""
        answer_in(language_of(self.request))  # type: ignore[attr-defined]
        if is_foreign(self.request, self.settings[HOSTS]):  # type: ignore[attr-defined]
            self.current_user = self._jupyter_current_user = None
            raise HTTPError(403)
        await ensure_async(super().prepare(**options))  # type: ignore[misc]


class KeptFile:
    """A file whose name has the hash of its content: a browser keeps it for good and does not ask again."""

    def set_headers(self) -> None:
        """Say how long the file may be kept."""
        super().set_headers()  # type: ignore[misc]
        if _HASHED.search(self.request.path):  # type: ignore[attr-defined]
            self.set_header("Cache-Control", f"public, max-age={YEAR_SECONDS}, immutable")  # type: ignore[attr-defined]


_HASHED = re.compile(r"[/.][0-9a-f]{8,40}\.(js|css|svg|woff2?)$")

YEAR_SECONDS = 365 * 24 * 3600


class LateStart:
    """The kernel manager as the handler of one page sees it; it delegates everything else to the one of the server.

    Voila starts a kernel before it sends anything. Here it only gets the name of a kernel: the kernel is started when
    the template asks for it, behind the frame of the page. So a reader sees the frame while the page waits.
    """

    def __init__(
        self,
        manager: Any,
        given: Callable[[str], None],
        turn: Callable[[], Awaitable[None]],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._manager, self._given, self._turn, self._failed = manager, given, turn, failed
        self._promised = dict[str, dict[str, Any]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def start_kernel(self, **options: Any) -> str:
        """Return the name of a kernel that is started by :meth:`get_kernel`."""
        kernel = str(uuid4())
        self._promised[kernel] = options
        return kernel

    async def get_kernel(self, kernel: str) -> Any:
        """Wait for a turn, start the kernel, report it and return it; or report why not, which nobody else would."""
        try:
            await self._turn()
            await ensure_async(self._manager.start_kernel(kernel_id=kernel, **self._promised.pop(kernel)))
            started = self._manager.get_kernel(kernel)  # fails if it has ended again
        except (Exception, asyncio.CancelledError) as error:  # the start of a kernel that dies in it is cancelled
            self._failed(error)
            raise asyncio.CancelledError from error  # Voila's task ends; it cannot tell its reader
        self._given(kernel)
        return started

    async def get_rendered_notebook(self, **options: Any) -> tuple[Any, list[str], str]:
        """Return a page that was computed in advance, and report its kernel."""
        task, pieces, kernel = await self._manager.get_rendered_notebook(**options)
        self._manager.get_kernel(kernel).last_activity = datetime.now(UTC)  # it was idle since it was computed
        self._given(kernel)
        return task, pieces, kernel


class NoTurn(Exception):  # noqa: N818 - no error: the page asks again
    """A page waited for its turn for too long, or its reader has left."""


class OwnPage(TornadoVoilaHandler):  # type: ignore[misc] # no types there
    """A page whose kernel belongs to the reader who opened it."""

    _has_turn, _is_left, _kernel, _last_words = False, False, None, ""

    async def prepare(self, **options: Any) -> None:
        """Leave the token out of the address: the cookie is enough, and a kernel would be told the address."""
        await super().prepare(**options)
        if self.current_user is not None and "token" in self.request.arguments:
            self.redirect(self.request.path)

    @cached_property
    def kernel_manager(self) -> Any:
        """The kernel manager of the server, reporting each kernel to this page."""
        return LateStart(self.settings["kernel_manager"], self._keep, self._wait_for_turn, self._fail)

    async def get(self, path: str | None = None) -> None:
        """Send the page if there is a place; then give the turn, if one was taken, to the next page."""
        if self.current_user is None:
            await super().get(path)  # to the login page
            return
        if path not in self.settings[PAGES]:
            raise HTTPError(404)
        reader, places = self.current_user.username, self.settings[PLACES]
        await self._make_room(reader, places)
        manager = self.settings["kernel_manager"]
        is_ready = manager.are_of_today and manager.get_pool_size(path) > 0  # such a page takes no more memory
        if not is_ready and not places.has_memory_for(1):
            await manager.give_up()
        if reason := places.refusal(reader, is_ready):
            raise HTTPError(WAIT, reason)
        places.opening.append(reader)
        self._sending = asyncio.ensure_future(super().get(path))
        try:
            await self._sending
        except asyncio.CancelledError:
            if not self._last_words:
                raise
            if not self._headers_written:
                raise HTTPError(WAIT, _("This page ended while it was being opened.")) from None
            self.write(self._last_words)
        finally:
            if self._has_turn:
                TURNS.release()
            if self._kernel is None:
                places.opening.remove(reader)
            else:
                manager.at_end.drop(self._kernel, self._lose)
                later = Context()  # not that of the request, which would be kept as long
                later.run(IOLoop.current().call_later, UNVISITED_SECONDS, manager.end_unvisited, self._kernel)
                manager.opened(language(), path or "")

    def should_use_rendered_notebook(self, *asked: Any) -> bool:
        """Return whether a page that was computed in advance is what this reader asks for: one of today."""
        return self.settings["kernel_manager"].are_of_today and bool(super().should_use_rendered_notebook(*asked))

    def write_error(self, status_code: int, **options: Any) -> None:
        """Say when to come back, where a page has to wait."""
        if status_code == WAIT:
            self.set_header("Retry-After", "5")
        super().write_error(status_code, **options)

    async def _make_room(self, reader: str, places: Places) -> None:
        """End the reader's oldest page that is not open in a browser any more, if one more would be too many."""
        manager = self.settings["kernel_manager"]
        held = places.held_by(reader)
        left = [kernel for kernel in held if kernel in manager.visited and not manager.connections(kernel)]
        if len(held) >= PAGES_A_READER and left:
            await manager.end(left[0])

    async def _wait_for_turn(self) -> None:
        await self.settings["kernel_manager"].ready()  # a turn is for computing, not for waiting
        try:
            await asyncio.wait_for(TURNS.acquire(), PATIENCE_SECONDS)
        except TimeoutError:
            raise NoTurn from None
        self._has_turn = True
        if self._is_left:
            raise NoTurn

    def on_connection_close(self) -> None:
        """Note that the reader has left: a page that still waits for its turn is not computed for nobody."""
        self._is_left = True
        super().on_connection_close()

    def _keep(self, kernel: str) -> None:
        reader, places = self.current_user.username, self.settings[PLACES]
        if self._kernel is None:
            places.opening.remove(reader)
        self._kernel = kernel
        places.keep(kernel, reader)
        self.settings["kernel_manager"].at_end.add(kernel, self._lose)

    def _fail(self, error: BaseException) -> None:
        """Send no more: the kernel was not started. A page that waited for its turn too long asks again."""
        if isinstance(error, NoTurn):
            self._end_with("protocolAgain")
        else:
            self.log.error("The kernel of a page was not started.", exc_info=error)
            self._lose()

    def _lose(self) -> None:
        """Send no more: the kernel has ended. Voila would wait for it for ever, and hold the turn."""
        self._end_with("protocolLost")

    def _end_with(self, call: str) -> None:
        self._last_words = f"<script>window.{call}()</script>"
        self._sending.cancel()


class OwnersOnly(JupyterHandler):
    """A check before the handler of one kernel: 404 for everyone except its owner."""

    async def prepare(self, **options: Any) -> None:
        """Refuse the request unless it comes from the owner of the kernel."""
        await super().prepare(**options)
        kernel = self.path_kwargs.get("kernel_id") or next(iter(self.path_args), "")
        owner = self.settings[PLACES].owners.get(kernel)
        if owner is None or self.current_user is None or self.current_user.username != owner:
            raise HTTPError(404)


class OwnKernel(OwnersOnly, KernelHandler):
    """State of the reader's own kernel."""


class OwnChannels(OwnersOnly, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Messages of the reader's own kernel, without what it prints: that holds paths and lines of code."""

    kernel_manager: Any

    async def pre_get(self) -> None:
        """Connect, unless the kernel ends before: jupyter_server would wait for it for a minute."""
        connecting = asyncio.ensure_future(super().pre_get())
        self.kernel_manager.at_end.add(self.kernel_id, connecting.cancel)
        try:
            await connecting
        except asyncio.CancelledError:
            if connection := getattr(self, "connection", None):
                connection.disconnect()
            if self.kernel_id in self.kernel_manager:
                raise
            raise HTTPError(404) from None
        finally:
            self.kernel_manager.at_end.drop(self.kernel_id, connecting.cancel)

    async def open(self, kernel_id: str) -> None:
        """Tell the kernel what the browser says, until one of them ends."""
        self.kernel_manager.at_end.add(kernel_id, self.close)
        await super().open(kernel_id)

    def on_close(self) -> None:
        """Forget the connection."""
        self.kernel_manager.at_end.drop(self.kernel_id, self.close)
        super().on_close()

    def write_message(self, message: bytes | dict[str, Any], binary: bool = False) -> Any:
        """Send a message to the browser, unless it is an error or something printed.

        What jupyter_server offers for it, ``allow_tracebacks=False``, fails and then sends nothing any more.
        """
        header = message.get("header") if isinstance(message, dict) else _header(message)
        kind = (header or {}).get("msg_type")
        if kind == "error":
            self.log.error("An error of kernel %s was not sent to its reader", self.kernel_id)
        return None if kind in ("error", "stream") else super().write_message(message, binary)


def _header(message: bytes | str) -> dict[str, Any] | None:
    with suppress(ValueError, struct.error):
        found: dict[str, Any] | None = (
            read_header_from_binary_message(message)
            if isinstance(message, bytes)
            else json.loads(message).get("header")
        )
        return found
    return None


class OwnShutdown(OwnersOnly, VoilaShutdownKernelHandler):  # type: ignore[misc]
    """End of the reader's own kernel, when its page is closed."""


REPLACED = {
    TornadoVoilaHandler: OwnPage,
    VoilaKernelWebsocketHandler: OwnChannels,
    KernelHandler: OwnKernel,
    VoilaShutdownKernelHandler: OwnShutdown,
}


def owners_only(handlers: list[Any], base: str = "/") -> list[Any]:
    """Return Voila's handlers with those of kernels bound to their readers, and all closed to other sites.

    The handler that tells a kernel about its request is left out: it has no check of the reader, and no page uses it.
    The addresses of login and logout, which jupyter_server does not put below the base address, are put there.
    """
    return [
        (base.rstrip("/") + address if address in ("/login", "/logout") else address, _own_site(handler), *options)
        for address, handler, *options in handlers
        if handler is not RequestInfoSocketHandler
    ]


def _own_site(handler: type) -> type:
    found = REPLACED.get(handler, handler)
    above = (OwnSite, KeptFile) if issubclass(found, StaticFileHandler) else (OwnSite,)
    return type(found.__name__, (*above, found), {})
