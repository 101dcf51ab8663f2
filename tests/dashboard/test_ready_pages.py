"""Pages that are held ready: each in the language of its reader and of today, and not where memory is short."""

import asyncio
from contextlib import suppress
from contextvars import copy_context
from datetime import date
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError
from traitlets.config import Configurable
from voila.voila_kernel_manager import voila_kernel_manager_factory

from protocol.dashboard import ready_pages
from protocol.dashboard.sessions import PageKernels
from protocol.translation import answer_in, language

NOTEBOOKS = ("01-a.ipynb", "02-b.ipynb")


class Served(Configurable):
    """What Voila's manager asks of the dashboard."""

    root_dir, notebook_path, base_url, server_url, port = ".", "none.ipynb", "/", "/", 0


class Played(voila_kernel_manager_factory(PageKernels, True, 0)):
    """Voila's manager, whose pages are computed at once and say what they are."""

    day, room, fails = date(2026, 11, 30), True, False

    def __init__(self, **options):
        super().__init__(**options)
        self.ended = []

    async def _initialize(self, notebook, _kernel, **_options):
        if self.fails:
            raise RuntimeError("no kernel")
        page = SimpleNamespace(rendered_cache=[f"{language()} {notebook} {self.day}"], stop_generator=False)
        task = asyncio.get_running_loop().create_future()
        return {"renderer": page, "task": task, "kernel_id": f"kernel of {language()} {notebook}"}

    async def shutdown_kernel(self, kernel_id, **options):
        self.ended.append(kernel_id)
        with suppress(AttributeError, HTTPError):  # the kernel is played
            await super().shutdown_kernel(kernel_id, **options)


async def played(**now):
    """A manager that holds pages ready, after somebody opened a page in Chinese; `now` is what is played."""
    manager = Played(parent=Served(), connection_dir="")
    vars(manager).update(now)
    manager.hold_ready(NOTEBOOKS, lambda: manager.day, lambda: manager.room)
    manager.opened("zh_CN", "01-a.ipynb")
    await asyncio.sleep(0.05)
    return manager


async def a_minute_later(manager):
    await manager.cull_kernels()
    await asyncio.sleep(0.05)


def ready(manager, code):
    """How many pages of each notebook are ready for a reader of a language."""
    reader = copy_context()
    reader.run(answer_in, code)
    return [reader.run(manager.get_pool_size, notebook) for notebook in NOTEBOOKS]


async def page(manager, code, notebook):
    """The page that a reader of a language gets."""
    answer_in(code)
    _task, pieces, _kernel = await manager.get_rendered_notebook(notebook_name=notebook)
    manager.opened(code, notebook)
    await asyncio.sleep(0.05)
    return pieces


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    for name in ("ADVANCE_SECONDS", "NEXT_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(ready_pages, name, 0)


def run(story):
    """Run a story in a context of its own: it answers in languages."""
    return copy_context().run(asyncio.run, story)


@pytest.mark.requirement("R-SYS-04")
def test_a_reader_gets_a_page_computed_in_advance_in_the_language_of_the_reader_and_the_next_one_is_computed():
    async def story():
        manager = await played()
        chinese = await page(manager, "zh_CN", "01-a.ipynb")
        english = await page(manager, "en", "01-a.ipynb")
        return chinese, english, ready(manager, "en"), ready(manager, "zh_CN")

    assert run(story()) == (["zh_CN 01-a.ipynb 2026-11-30"], ["en 01-a.ipynb 2026-11-30"], [1, 1], [1, 1])


def test_a_page_whose_kernel_died_is_given_to_nobody_and_computed_again():
    async def story():
        manager = await played()
        manager._kernels["kernel of zh_CN 01-a.ipynb"] = SimpleNamespace()
        await manager.shutdown_kernel("kernel of zh_CN 01-a.ipynb")
        manager._kernels.clear()
        missing = ready(manager, "en"), ready(manager, "zh_CN")
        await a_minute_later(manager)
        return missing, ready(manager, "zh_CN")

    assert run(story()) == (([1, 1], [0, 1]), [1, 1])


def test_a_page_that_failed_waits_for_nobody_and_is_tried_again():
    async def story():
        manager = await played(fails=True)
        failed = ready(manager, "en")
        manager.fails = False
        await a_minute_later(manager)
        return failed, ready(manager, "en")

    assert run(story()) == ([0, 0], [1, 1])


def test_no_page_is_computed_in_advance_where_memory_is_short_and_all_are_later():
    async def story():
        manager = await played(room=False)
        short = ready(manager, "en")
        manager.room = True
        await a_minute_later(manager)
        return short, ready(manager, "en")

    assert run(story()) == ([0, 0], [1, 1])


def test_pages_are_given_up_for_readers_and_computed_when_there_is_room_again():
    async def story():
        manager = await played()
        await manager.give_up()
        given_up = ready(manager, "en"), ready(manager, "zh_CN"), sorted(manager.ended)
        await a_minute_later(manager)
        return given_up, ready(manager, "zh_CN")

    ended = [f"kernel of {code} {notebook}" for code in ("en", "zh_CN") for notebook in NOTEBOOKS]
    assert run(story()) == (([0, 0], [0, 0], ended), [1, 1])


def test_no_reader_gets_a_page_of_yesterday():
    async def story():
        manager = await played()
        before = manager.are_of_today
        manager.day = date(2026, 12, 1)
        after = manager.are_of_today
        await a_minute_later(manager)
        return before, after, manager.are_of_today, await page(manager, "en", "01-a.ipynb")

    assert run(story()) == (True, False, True, ["en 01-a.ipynb 2026-12-01"])


def test_pages_of_a_language_that_nobody_reads_any_more_are_given_up(monkeypatch):
    async def story():
        manager = await played()
        monkeypatch.setattr(ready_pages, "UNREAD_SECONDS", 0)
        await a_minute_later(manager)
        return ready(manager, "en"), ready(manager, "zh_CN")

    assert run(story()) == ([1, 1], [0, 0])
