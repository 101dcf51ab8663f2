"""The process that forks the kernels of pages: everything is loaded, one thread, no connection to anything.

See :mod:`protocol.dashboard.forking` for how a kernel is asked for. Run by it, with two descriptors and
the pages to build in advance: ``name=folder``.
"""

import gc
import json
import os
import random
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets import Widget

from protocol.dashboard.kernel import run
from protocol.eligibility.cohort import end_threads
from protocol.pages import PAGES, open_page

LATER = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "ipykernel.debugger",
    "protocol.conduct.store",
    "psutil",
    "scipy.stats",
    "tornado.gen",
    "tornado.locks",
    "tornado.platform.asyncio",
    "tornado.queues",
    "xml.parsers.expat",
)
"""What a kernel imports when it starts, and a page when it first needs it."""

OF_THE_LOG = ("PROTOCOL_LOG", "PROTOCOL_LOG_READ", "PROTOCOL_ROLES")
"""Not read here: a log is opened by the kernel of a page."""


def main(arguments: list[str]) -> None:
    """Load what pages need, say "ready", and fork until the dashboard closes its end; return only as a kernel."""
    control, life = socket.socket(fileno=int(arguments[0])), int(arguments[1])
    load([page.partition("=")[::2] for page in arguments[2:]])
    if found := not_for_forks({control.fileno(), life}):
        sys.exit(f"Kernels are not forked from a process with {found}.")
    control.send(b"ready")
    request = fork_on_demand(control)
    threading.Thread(target=_end_with, args=(life,), daemon=True, name="life of the dashboard").start()
    begin(request)


def load(pages: list[tuple[str, str]]) -> None:
    """Import what pages import, and build each page once, as it is without a log; its widgets are thrown away."""
    for name in OF_THE_LOG:
        os.environ.pop(name, None)
    for module in (*(f"protocol.pages.{name}" for name in PAGES), *LATER):
        import_module(module)
    for name, folder in pages:
        open_page(name, folder)
    Widget.close_all()
    end_threads()
    gc.collect()
    gc.freeze()  # the collector of a kernel does not touch what it shares with others


def not_for_forks(ours: set[int]) -> str:
    """Return what a fork would share or lose: descriptors besides `ours`, more than one thread; "" if nothing."""
    threads = len(os.listdir("/proc/self/task"))
    descriptors = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd") if int(number) > 2]
    targets = [
        os.readlink(path) for path in descriptors if int(Path(path).name) not in ours and os.path.lexists(path)
    ]
    return ", ".join(([f"{threads} threads"] if threads > 1 else []) + targets)


def fork_on_demand(control: socket.socket) -> dict[str, Any]:
    """Fork for each socket that comes in; return in the child, with what it is told over that socket."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that end leave nothing behind
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, 16, 1)
        if not message:
            sys.exit()
        if os.fork() == 0:
            control.close()
            with socket.socket(fileno=descriptors[0]) as asker:
                return _told(asker)
        for descriptor in descriptors:
            os.close(descriptor)


def _told(asker: socket.socket) -> dict[str, Any]:
    """Say which process this is, and return what it is told; end without a word if there is nobody to tell it."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    own = os.pidfd_open(os.getpid())
    with suppress(OSError, ValueError):
        socket.send_fds(asker, [str(os.getpid()).encode()], [own])
        os.close(own)
        found: dict[str, Any] = json.loads(b"".join(iter(lambda: asker.recv(2**16), b"")))
        return found
    os._exit(1)


def begin(request: dict[str, Any]) -> None:
    """Become the kernel: environment, folder, name, chance of its own; then run until it is told to end."""
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    random.seed()
    np.random.seed()
    connection = request["cmd"][request["cmd"].index("-f") + 1]
    Path("/proc/self/comm").write_text(Path(connection).stem[:15])  # "kernel-1a2b3c4d" for ps and top
    sys.argv = [sys.argv[0], "-f", connection]
    run(connection_file=connection, parent_handle=1)  # 1: it does not end with the fork server


def _end_with(life: int) -> None:
    """End this process when the dashboard has ended: it holds the other end of the pipe."""
    select.select([life], [], [])
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
