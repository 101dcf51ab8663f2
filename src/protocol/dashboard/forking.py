"""Start the kernels of pages by forking one process that has everything loaded.

The fork server (:mod:`protocol.dashboard.fork_server`) is a process of one thread, without sockets of ZeroMQ and
without a connection to a log. A kernel is asked for in four steps:

1. The dashboard makes a pair of sockets for this kernel and sends one of them to the fork server.
2. The fork server forks and forgets the socket.
3. The child sends its number and its pidfd over the socket.
4. The dashboard sends command, folder and environment to the child and closes its end.

So the fork server never sees what a kernel is told. A child that is told nothing ends. If the fork server dies, its
kernels go on, and another one is started. If the dashboard dies, a pipe that only it holds closes, and all end.

Forks are made on Linux only: elsewhere there is no pidfd, and the frameworks of macOS do not survive a fork. Where
there is no fork server, kernels start in the ordinary way.
"""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import ExitStack, suppress
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, List, Unicode
from traitlets.config import SingletonConfigurable

from protocol.translation import ENGLISH

READY_SECONDS = 300
"""For the fork server to load everything, on a slow machine with a cold disk."""

ANSWER_SECONDS = 10
"""For a child to answer. A fork takes milliseconds: a fork server that takes longer hangs."""

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A fork has one thread; the libraries of linear algebra would start theirs when they are loaded."""


class NotForked(Exception):  # noqa: N818 - no error: the ordinary start serves
    """There is no fork server, or it did not answer."""


class ForkedProcess:
    """A process that another one forked, with the methods of :class:`subprocess.Popen` that a provisioner uses.

    Parameters
    ----------
    pid : int
        Of the process; also of its group.
    pidfd : int
        A descriptor that names this process and never another one, also when its number is used again.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid, self._pidfd = pid, pidfd
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return None while the process runs; then 0, because only its parent learns how it ended."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended."""
        if self._ended_within(timeout) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return 0

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            watch = select.poll()
            watch.register(self._pidfd, select.POLLIN)
            if watch.poll(None if seconds is None else seconds * 1000):
                self.returncode = 0
                os.close(self._pidfd)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)


class _Running:
    """One running fork server, ready to fork."""

    def __init__(self, folder: str, pages: list[str], life: int, language: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ExitStack() as undo:
            undo.callback(self._socket.close)
            with theirs:
                own = (theirs.fileno(), life)
                self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-m", "protocol.dashboard.fork_server", *map(str, own), *pages],
                    stdin=subprocess.DEVNULL,
                    cwd=folder,
                    env=os.environ | ONE_THREAD | {"PROTOCOL_LANGUAGE": language},
                    pass_fds=own,
                    start_new_session=True,  # Ctrl+C is for the dashboard, which then ends its kernels
                )
            undo.pop_all()

    def wait(self) -> None:
        """Wait until it has loaded everything; OSError or NotForked if it ends before."""
        self._socket.settimeout(READY_SECONDS)
        if self._socket.recv(16) != b"ready":
            raise NotForked
        self._socket.settimeout(ANSWER_SECONDS)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def was_killed(self) -> bool:
        """Whether a signal ended it, as when memory runs out, and not an error of its own."""
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(1) < 0
        return False

    def fork(self, request: bytes) -> ForkedProcess:
        """Return a child that has been told `request`; OSError or NotForked if the fork server is gone or hangs."""
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(ANSWER_SECONDS)
            with theirs:
                socket.send_fds(self._socket, [b"fork"], [theirs.fileno()])
            answer, descriptors, _flags, _address = socket.recv_fds(ours, 16, 1)
            if not descriptors:
                raise NotForked
            child = ForkedProcess(int(answer), descriptors[0])
            try:
                ours.sendall(request)
            except OSError:
                child.kill()
                raise
        return child

    def end(self) -> None:
        """End the process; its kernels go on."""
        self.process.kill()
        self.process.wait()
        self._socket.close()


class ForkServer(SingletonConfigurable):
    """Forks kernels from one process for each language, started when it is first needed, and replaced if it dies."""

    is_on = Bool(sys.platform == "linux" and hasattr(os, "pidfd_open"), help="Fork kernels.").tag(config=True)
    folder = Unicode(".", help="In which the fork server runs: that of the notebooks.").tag(config=True)
    pages = List(Unicode(), help="Pages to build in advance: name=folder of the trial.").tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._life = os.pipe()  # the end to write to is only here; it closes with this process
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._running: dict[str, _Running] = {}
        self.has_stopped = False

    @property
    def pids(self) -> list[int]:
        """The numbers of its processes."""
        return [running.process.pid for running in list(self._running.values())]

    def ready(self, language: str) -> _Running:
        """Return the running process of a language; the first call, and one after its death, starts it and waits.

        Raises
        ------
        NotForked
            If it cannot be started here. This is logged once and not tried again, unless it was killed.
        """
        with self._locks[language]:
            if not self.is_on:
                raise NotForked
            if language not in self._running or self._running[language].has_ended:
                self._forget(language)
                try:
                    self._running[language] = _Running(self.folder, self.pages, self._life[0], language)
                    self._running[language].wait()
                except (OSError, NotForked) as error:
                    killed = language in self._running and self._running[language].was_killed()
                    self._forget(language)
                    if killed and not self.has_stopped:
                        self.log.warning("The process that forks kernels was killed while it loaded.")
                        raise NotForked from error
                    self.is_on = False
                    if not self.has_stopped:
                        self.log.error("Kernels are not forked but each started anew. %s", error)
                    raise NotForked from error
            return self._running[language]

    def ready_or_not(self, language: str) -> None:
        """Load everything now, if kernels are forked here, so that the first page need not wait for it."""
        with suppress(NotForked):
            self.ready(language)

    def fork(self, request: dict[str, Any]) -> ForkedProcess:
        """Return the process of a new kernel; a fork server that died or hangs is replaced, once.

        Parameters
        ----------
        request : dict
            ``cmd``, ``cwd`` and ``env`` of the kernel.

        Raises
        ------
        NotForked
            If no kernel can be forked.
        """
        language = request.get("env", {}).get("PROTOCOL_LANGUAGE") or ENGLISH
        for _attempt in range(2):
            running = self.ready(language)
            with suppress(OSError, NotForked):
                return running.fork(json.dumps(request).encode())
            with self._locks[language]:
                if self._running.get(language) is running:
                    self._forget(language)
        raise NotForked

    def stop(self) -> None:
        """End the fork server for good, also while others wait for it; its kernels go on."""
        self.has_stopped, self.is_on = True, False
        for language, running in list(self._running.items()):
            running.process.kill()
            with self._locks[language]:
                self._forget(language)

    def _forget(self, language: str) -> None:
        if language in self._running:
            self._running.pop(language).end()


class ForkingProvisioner(LocalProvisioner):
    """Starts a kernel by a fork, and in the ordinary way where that is not possible."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Return how to connect to a kernel that was started.

        Parameters
        ----------
        cmd : list of str
            The command of the kernel specification.
        **options
            ``env`` and ``cwd`` as of :class:`subprocess.Popen`.
        """
        request = {
            "cmd": cmd,
            "cwd": str(options.get("cwd") or os.getcwd()),
            "env": dict(options.get("env") or os.environ),
        }
        try:
            forked = await asyncio.to_thread(ForkServer.instance(parent=self).fork, request)
        except NotForked:
            if ForkServer.instance().has_stopped:
                raise RuntimeError("The dashboard ends.") from None
            return await super().launch_kernel(cmd, **options)
        self.process = forked  # type: ignore[assignment] # it has what a provisioner uses of Popen
        self.pid, self.pgid, self.cwd = forked.pid, forked.pid, request["cwd"]
        return self.connection_info
