"""Keep a page up to date while its kernel lives, and its memory small."""

import asyncio
import ctypes
from contextlib import suppress
from typing import Any

from protocol.pages.recording.desk import Desk
from protocol.records import ProtocolError

EVERY_SECONDS = 5  # how soon a page shows what another person recorded
_WATCHING = set[Any]()  # a task nobody holds may be forgotten by its loop


def keep_watching(desk: Desk) -> None:
    """Begin to watch the log, where there is a kernel; a test or a script has none."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    task = loop.create_task(_watch(desk))
    _WATCHING.add(task)
    task.add_done_callback(_WATCHING.discard)


async def _watch(desk: Desk) -> None:
    give_back()
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        with suppress(ProtocolError):  # a log out of reach for a moment; whoever records is told
            if desk.refresh():
                give_back()


def give_back() -> None:
    """Give the room of tables that are gone back to the system; the C library of Linux keeps it otherwise."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
