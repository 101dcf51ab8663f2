"""The queue for kernels: requests at the same time are served in turn."""

import asyncio
from types import SimpleNamespace

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
        return sessions.ReportingManager(self.manager, lambda _kernel: None, self._wait_for_turn)


async def at_once():
    """Kernels can be started."""


class Manager:
    """Counts how many pages compute at the same time."""

    def __init__(self):
        self.now = self.most = self.started = 0

    async def start_kernel(self):
        self.now += 1
        self.started += 1
        self.most = max(self.most, self.now)
        return f"kernel-{self.started}"


def computed(fails):
    async def get(page, path=None):
        await page.kernel_manager.start_kernel()
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
