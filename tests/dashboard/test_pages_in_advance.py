"""Pages that Voila computes in advance: each in the language of its reader, and not where memory is short."""

import asyncio
from contextvars import copy_context
from types import SimpleNamespace

import pytest
from traitlets.config import Configurable
from voila.voila_kernel_manager import voila_kernel_manager_factory

from protocol.dashboard import sessions
from protocol.dashboard.sessions import PageKernels, Places
from protocol.translation import answer_in, language

NOTEBOOKS = ("01-a.ipynb", "02-b.ipynb")
PLENTY, LITTLE = 2**40, 2**20


class Served(Configurable):
    """What Voila's manager asks of the dashboard."""

    root_dir, notebook_path, base_url, server_url, port = ".", "none.ipynb", "/", "/", 0


class Played(voila_kernel_manager_factory(PageKernels, True, 0)):
    """Voila's manager, whose pages are computed at once and say what they are."""

    async def _initialize(self, notebook, _kernel, **_options):
        page = SimpleNamespace(rendered_cache=[f"{language()} {notebook}"], stop_generator=False)
        return {"renderer": page, "task": None, "kernel_id": f"kernel of {language()} {notebook}"}


async def played(free=PLENTY):
    manager = Played(parent=Served(), connection_dir="", fill_delay=0)
    manager.places = Places(9, lambda: free)
    for code in ("en", "zh_CN"):
        manager.compute_in_advance(code, NOTEBOOKS)
    await asyncio.sleep(0.05)
    return manager


def ready(manager, code):
    """How many pages of each notebook are ready for a reader of a language."""
    reader = copy_context()
    reader.run(answer_in, code)
    return [reader.run(manager.get_pool_size, notebook) for notebook in NOTEBOOKS]


async def page(manager, code, notebook):
    """The page that a reader of a language gets."""
    answer_in(code)
    _task, pieces, _kernel = await manager.get_rendered_notebook(notebook_name=notebook)
    await asyncio.sleep(0.05)
    return pieces


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(sessions, "ADVANCE_SECONDS", 0)
    monkeypatch.setattr(sessions, "NEXT_SECONDS", 0)


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

    assert run(story()) == (["zh_CN 01-a.ipynb"], ["en 01-a.ipynb"], [1, 1], [1, 1])


def test_a_page_whose_kernel_died_is_given_to_nobody():
    async def story():
        manager = await played()
        manager._kernels["kernel of zh_CN 01-a.ipynb"] = SimpleNamespace()
        with pytest.raises(AttributeError):  # the kernel is played: it cannot be ended further
            await manager.shutdown_kernel("kernel of zh_CN 01-a.ipynb")
        return ready(manager, "en"), ready(manager, "zh_CN")

    assert run(story()) == ([1, 1], [0, 1])


def test_no_page_is_computed_in_advance_where_memory_is_short():
    async def story():
        return ready(await played(LITTLE), "en")

    assert run(story()) == [0, 0]
