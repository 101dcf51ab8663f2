"""The queue for kernels: requests at the same time are served in turn."""

import asyncio
from types import SimpleNamespace

import pytest
from voila.tornado.handler import TornadoVoilaHandler

from protocol.dashboard import sessions


class Page(sessions.OwnPage):
    """A page whose sending and kernels are played here."""

    def __init__(self, manager):
        self.manager = manager
        self.current_user = SimpleNamespace(username="reader")
        kernels = SimpleNamespace(ready=at_once, visited=set(), opening={}, are_of_today=False)
        places = {sessions.PLACES: sessions.Places(99, lambda: 2**40), sessions.PAGES: {"page"}}
        self.application = SimpleNamespace(settings=places | {"kernel_manager": kernels})

    @property
    def kernel_manager(self):
        return sessions.LateStart(self.manager, lambda _kernel: None, self._wait_for_turn, self._fail)


async def at_once():
    """Kernels can be started."""


class Manager:
    """Counts how many pages compute at the same time."""

    def __init__(self):
        self.now = self.most = self.started = 0

    async def start_kernel(self, kernel_id):
        self.now += 1
        self.started += 1
        self.most = max(self.most, self.now)
        return kernel_id

    def get_kernel(self, kernel):
        return f"kernel of name {kernel}"


async def opened(kernels):
    """Ask for a kernel as Voila does: for its name first, and for the kernel when the template is at its place."""
    kernel = await kernels.start_kernel()
    return kernel, await kernels.get_kernel(kernel)


def computed(fails):
    async def get(page, path=None):
        await opened(page.kernel_manager)
        await asyncio.sleep(0.01)
        page.manager.now -= 1
        if fails:
            raise RuntimeError(path)

    return get


def visits(monkeypatch, count, fails=False):
    manager = Manager()
    monkeypatch.setattr(TornadoVoilaHandler, "get", computed(fails))
    monkeypatch.setattr(sessions, "TURNS", asyncio.Semaphore(2))

    async def all_of_them():
        return await asyncio.gather(*(Page(manager).get("page") for _number in range(count)), return_exceptions=True)

    return manager, asyncio.run(all_of_them())


def test_no_more_kernels_compute_at_once_than_there_are_turns(monkeypatch):
    manager, answers = visits(monkeypatch, 7)
    assert (manager.started, manager.most, answers) == (7, 2, [None] * 7)


def test_a_page_that_fails_lets_the_next_one_in(monkeypatch):
    manager, answers = visits(monkeypatch, 7, fails=True)
    assert (manager.started, manager.most) == (7, 2)
    assert all(isinstance(answer, RuntimeError) for answer in answers)


def test_the_frame_of_a_page_is_sent_before_its_kernel_is_asked_for():
    manager, given, turns = Manager(), [], asyncio.Semaphore(0)

    async def visit():
        kernels = sessions.LateStart(manager, given.append, turns.acquire, print)
        name = await kernels.start_kernel()  # the frame follows, and then:
        asked = asyncio.ensure_future(kernels.get_kernel(name))
        await asyncio.sleep(0.01)
        before = manager.started
        turns.release()
        return name, before, await asked

    name, before, kernel = asyncio.run(visit())
    assert (before, manager.started, given, kernel) == (0, 1, [name], f"kernel of name {name}")


def test_a_kernel_that_ends_as_it_starts_is_nobodys_and_its_page_waits_no_longer():
    manager, given, failed = Manager(), [], []

    def ended(kernel):
        raise KeyError(kernel)

    async def visit():
        manager.get_kernel = ended
        await opened(sessions.LateStart(manager, given.append, at_once, failed.append))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(visit())
    assert (given, [type(error) for error in failed]) == ([], [KeyError])


async def late():
    raise sessions.NoTurn


async def broken():
    raise OSError("no more processes")


async def cancelled():
    raise asyncio.CancelledError  # as the start of a kernel that dies in it


@pytest.mark.parametrize(
    ("turn", "said"), [(late, "protocolAgain"), (broken, "protocolLost"), (cancelled, "protocolLost")]
)
def test_a_page_whose_kernel_is_not_started_says_so_behind_its_frame_and_waits_no_longer(monkeypatch, turn, said):
    written = []

    async def get(page, path=None):
        page._headers_written = True
        rendering = asyncio.ensure_future(opened(page.kernel_manager))
        await asyncio.Event().wait()
        await rendering

    monkeypatch.setattr(TornadoVoilaHandler, "get", get)
    monkeypatch.setattr(Page, "_wait_for_turn", lambda _page: turn())
    monkeypatch.setattr(Page, "write", lambda _page, text: written.append(text))
    page = Page(Manager())
    asyncio.run(asyncio.wait_for(page.get("page"), 5))
    assert written == [f"<script>window.{said}()</script>"]
    assert page.settings[sessions.PLACES].opening == []
