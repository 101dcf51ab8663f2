"""Who gets a page: limits per reader and together, other sites, kernels that nobody visits or that die."""

import asyncio
import io
import logging
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from tornado.web import HTTPError
from traitlets.config import Config
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from protocol.dashboard import sessions
from protocol.dashboard.server import FURNITURE, Door, hide
from protocol.dashboard.sessions import PAGES_A_READER, PageKernels, Places, is_foreign
from protocol.records import ProtocolError

PLENTY, LITTLE = 2**40, 2**20


def taken(count, reader="reader"):
    return {f"kernel-{number}": f"{reader}-{number}" for number in range(count)}


def test_a_page_waits_where_as_many_are_open_as_fit():
    assert Places(3, lambda: PLENTY, taken(2)).refusal("one more") == ""
    assert "All places are taken" in Places(3, lambda: PLENTY, taken(3)).refusal("one more")


def test_a_page_that_is_being_opened_takes_a_place_before_its_kernel_has_started():
    assert "All places are taken" in Places(3, lambda: PLENTY, taken(2), ["another"]).refusal("one more")


def test_a_page_waits_where_memory_is_short_whatever_the_number():
    assert "All places are taken" in Places(100, lambda: LITTLE).refusal("reader")


def test_one_reader_cannot_take_the_places_of_all():
    own = {f"kernel-{number}": "greedy" for number in range(PAGES_A_READER)}
    places = Places(100, lambda: PLENTY, own)
    assert "Close one of them" in places.refusal("greedy")
    assert places.refusal("another") == ""


def test_the_number_of_places_follows_from_the_free_memory():
    assert Places.by_memory(7).most == 7
    assert Places.by_memory().most >= 2


class Manager:
    """Kernels that are played."""

    def __init__(self):
        self.visited, self.ended, self.at_end = set(), [], sessions.AtEnd()

    def connections(self, _kernel):
        return 0

    async def ready(self):
        """Kernels can be started at once."""

    def opened(self, code, notebook):
        """No page is computed in advance."""

    are_of_today, computed, given_up = True, 0, 0

    def get_pool_size(self, _notebook):
        return self.computed

    async def give_up(self):
        self.given_up += 1

    async def end(self, kernel):
        self.ended.append(kernel)

    async def end_unvisited(self, kernel):
        if kernel not in self.visited:
            self.ended.append(kernel)


class Page(sessions.OwnPage):
    """A page that is played: its kernel starts at once."""

    def __init__(self, places, manager, reader="reader"):
        names = {sessions.PLACES: places, sessions.PAGES: {"01-a.ipynb"}, "kernel_manager": manager}
        self.application = SimpleNamespace(settings=names)
        self.current_user = SimpleNamespace(username=reader)


@pytest.fixture
def played(monkeypatch):
    async def get(page, path=None):
        page._keep(f"kernel of {page.current_user.username}")

    monkeypatch.setattr(TornadoVoilaHandler, "get", get)
    monkeypatch.setattr(sessions, "UNVISITED_SECONDS", 0.01)


def test_a_request_too_many_is_told_to_wait_and_starts_nothing(played):
    places = Places(1, lambda: PLENTY)

    async def visits():
        await Page(places, Manager(), "first").get("01-a.ipynb")
        with pytest.raises(HTTPError) as refused:
            await Page(places, Manager(), "second").get("01-a.ipynb")
        return refused.value.status_code

    assert asyncio.run(visits()) == 503
    assert places.owners == {"kernel of first": "first"}
    assert places.opening == []


@pytest.mark.parametrize(("ready", "given_up", "refused"), [(0, 1, True), (1, 0, False)])
def test_where_memory_is_short_ready_pages_are_given_up_but_not_the_one_that_is_asked_for(
    ready, given_up, refused, played
):
    manager = Manager()
    manager.computed = ready
    page = Page(Places(9, lambda: LITTLE), manager)
    if refused:
        with pytest.raises(HTTPError):
            asyncio.run(page.get("01-a.ipynb"))
    else:
        asyncio.run(page.get("01-a.ipynb"))
    assert manager.given_up == given_up


@pytest.mark.parametrize("path", ["own/01-mine.ipynb", "mine.ipynb", "../01-a.ipynb"])
def test_a_notebook_that_is_no_page_starts_no_kernel(played, path):
    places = Places(1, lambda: PLENTY)
    with pytest.raises(HTTPError) as refused:
        asyncio.run(Page(places, Manager()).get(path))
    assert (refused.value.status_code, places.owners) == (404, {})


def test_memory_for_several_pages_counts_those_that_are_being_opened():
    two = sessions.SPARE_BYTES + 2 * sessions.NEW_PAGE_BYTES
    assert Places(9, lambda: two).has_memory_for(2)
    assert not Places(9, lambda: two, opening=["another"]).has_memory_for(2)


def test_a_page_that_was_ready_for_long_does_not_count_as_idle_when_it_is_handed_out():
    kernel = SimpleNamespace(last_activity=datetime(2026, 1, 1, tzinfo=UTC))

    async def rendered(**_asked):
        return None, ["page"], "kernel"

    manager, given = SimpleNamespace(get_rendered_notebook=rendered, get_kernel=lambda _id: kernel), []
    asyncio.run(sessions.LateStart(manager, given.append, None, None).get_rendered_notebook())
    assert given == ["kernel"]
    assert datetime.now(UTC) - kernel.last_activity < timedelta(minutes=1)


def test_a_kernel_that_no_browser_connects_to_is_ended(played):
    manager = Manager()

    async def visit():
        await Page(Places(9, lambda: PLENTY), manager).get("01-a.ipynb")
        manager.visited.add("kernel of another")
        await Page(Places(9, lambda: PLENTY), manager, "another").get("01-a.ipynb")
        await asyncio.sleep(0.05)

    asyncio.run(visit())
    assert manager.ended == ["kernel of reader"]


def test_a_page_whose_kernel_ends_before_it_was_sent_waits_no_longer_and_gives_back_its_turn(monkeypatch):
    turns = asyncio.Semaphore(1)
    monkeypatch.setattr(sessions, "TURNS", turns)

    async def get(page, path=None):
        await page._wait_for_turn()
        page._keep("kernel")
        asyncio.get_running_loop().call_soon(page.settings["kernel_manager"].at_end.call, "kernel")
        await asyncio.Event().wait()

    monkeypatch.setattr(TornadoVoilaHandler, "get", get)
    page = Page(Places(9, lambda: PLENTY), Manager())
    page._headers_written = False
    with pytest.raises(HTTPError) as refused:
        asyncio.run(asyncio.wait_for(page.get("01-a.ipynb"), 5))
    assert (refused.value.status_code, turns.locked()) == (503, False)


def test_what_waits_for_a_kernel_is_called_once_when_it_ends_and_not_if_it_was_dropped():
    called, at_end = [], sessions.AtEnd()
    for words in ("page", "connection", "dropped"):
        at_end.add("kernel", calls := partial(called.append, words))
    at_end.drop("kernel", calls)
    at_end.drop("another", calls)
    at_end.call("kernel")
    at_end.call("kernel")
    assert sorted(called) == ["connection", "page"]


def test_a_browser_that_connects_to_a_kernel_which_ends_meanwhile_is_told_at_once(monkeypatch):
    async def never(_channels):
        await asyncio.Event().wait()

    monkeypatch.setattr(VoilaKernelWebsocketHandler, "pre_get", never)
    channels = object.__new__(sessions.OwnChannels)
    channels.kernel_id, left = "kernel", []
    channels.connection = SimpleNamespace(disconnect=lambda: left.append("connection"))

    class Kernels(set):
        at_end = sessions.AtEnd()

    kernels = Kernels()
    monkeypatch.setattr(sessions.OwnChannels, "kernel_manager", kernels)

    async def connect():
        asyncio.get_running_loop().call_soon(kernels.at_end.call, "kernel")
        await asyncio.wait_for(channels.pre_get(), 5)

    with pytest.raises(HTTPError) as refused:
        asyncio.run(connect())
    assert refused.value.status_code == 404
    assert left == ["connection"]


def test_who_waits_too_long_for_a_turn_asks_again(monkeypatch):
    monkeypatch.setattr(sessions, "TURNS", asyncio.Semaphore(0))
    monkeypatch.setattr(sessions, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(sessions.NoTurn):
        asyncio.run(Page(Places(1), Manager())._wait_for_turn())


def test_a_page_whose_reader_left_while_it_waited_is_not_computed(monkeypatch):
    turns = asyncio.Semaphore(1)
    monkeypatch.setattr(sessions, "TURNS", turns)
    started = []

    async def get(page, path=None):
        page.on_connection_close()
        await page._wait_for_turn()
        started.append(page)

    monkeypatch.setattr(TornadoVoilaHandler, "get", get)
    monkeypatch.setattr(TornadoVoilaHandler, "on_connection_close", lambda _page: None)
    with pytest.raises(sessions.NoTurn):
        asyncio.run(Page(Places(9, lambda: PLENTY), Manager()).get("01-a.ipynb"))
    assert (started, turns.locked()) == ([], False)


def request(path="/voila/render/01-a.ipynb", method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(path=path, method=method, headers={"Host": "127.0.0.1:8866"} | named)


LINK = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (request(), False),  # not a browser
        (request(Sec_Fetch_Site="same-origin"), False),
        (request(Sec_Fetch_Site="none"), False),
        (request(Sec_Fetch_Site="cross-site"), True),
        (request(Sec_Fetch_Site="same-site"), True),
        (request(**LINK), True),
        (request("/", **LINK), False),
        (request("/", **(LINK | {"Sec_Fetch_Dest": "iframe"})), True),
        (request("/login", "POST", **LINK), True),
        (request(Origin="http://127.0.0.1:8866"), False),
        (request(Origin="http://127.0.0.1:9999"), True),
        (request(Origin="https://evil.example"), True),
        (request(Origin="null"), True),
        (request(Origin="https://trial.example.org"), False),
    ],
)
def test_requests_of_other_sites_are_refused_but_for_a_link_to_the_start_page(asked, refused):
    assert is_foreign(asked, frozenset(["trial.example.org"])) is refused


@pytest.mark.slow
def test_a_kernel_that_dies_by_itself_leaves_no_descriptor_open(monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(FURNITURE))

    async def open_descriptors(manager):
        kernel = await manager.start_kernel(kernel_name="python3")
        manager.places.keep(kernel, "reader")
        process = manager.get_kernel(kernel).provisioner.process
        process.send_signal(signal.SIGKILL)
        for _tenth in range(200):
            if kernel not in manager:
                break
            await asyncio.sleep(0.1)
        assert kernel not in manager
        return len(os.listdir("/proc/self/fd"))

    async def four():
        config = Config({"KernelRestarter": {"restart_limit": 0}})
        manager = PageKernels(config=config, kernel_spec_manager=KernelSpecManager(), root_dir=os.getcwd())
        manager.places = Places(9)
        found = [await open_descriptors(manager) for _time in range(4)]
        return found, manager.places.owners

    found, owners = asyncio.run(four())
    assert found[-1] < found[0] + 3, "one of each kernel is left"  # the process of the tests may open one of its own
    assert owners == {}


def test_the_token_is_in_no_line_of_the_log_and_in_no_traceback():
    before, written = logging.getLogRecordFactory(), io.StringIO()
    logger, handler = logging.getLogger("protocol.test"), logging.StreamHandler(written)
    logger.addHandler(handler)
    try:
        hide("s3cret-token")
        logger.error("403 GET %s", "/?token=s3cret-token&next=/")
        logger.error("GET /?token=an-older-one")
        try:
            raise ValueError("uri='/?token=s3cret-token'")
        except ValueError:
            logger.exception("failed")
    finally:
        logging.setLogRecordFactory(before)
        logger.removeHandler(handler)
    assert "s3cret-token" not in written.getvalue()
    assert "an-older-one" not in written.getvalue()
    assert written.getvalue().count("[secret]") == 4  # the traceback has it twice


@pytest.mark.parametrize("kind", ["error", "stream", "execute_input", "comm_msg"])
def test_nothing_printed_and_no_traceback_is_sent_to_a_reader(monkeypatch, kind):
    sent = []
    above = sessions.VoilaKernelWebsocketHandler.__mro__[1]
    monkeypatch.setattr(above, "write_message", lambda _self, message, _binary=False: sent.append(message))
    channels = object.__new__(sessions.OwnChannels)
    channels.kernel_id = "kernel"
    monkeypatch.setattr(sessions.OwnChannels, "log", logging.getLogger("protocol.test"))
    channels.write_message({"header": {"msg_type": kind}, "content": {"traceback": ["/home/someone/file.py"]}})
    assert bool(sent) == (kind == "comm_msg")


def test_the_address_of_a_proxy_says_host_path_and_whether_cookies_are_for_https():
    door = Door("https://trial.example.org/a/workbook")
    assert (door.hosts, door.base, door.is_secure) == (frozenset(["trial.example.org"]), "/a/workbook/", True)
    assert (Door().hosts, Door().base, Door().is_secure) == (frozenset(), "/", False)
    assert door.origins()["allow_origin_pat"].match("https://trial.example.org")
    assert not door.origins()["allow_origin_pat"].match("https://trial.example.org.evil.example")


@pytest.mark.parametrize(
    "url", ["trial.example.org", "ftp://trial.example.org", "https://", "https://a.example/?x=1"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ProtocolError, match=re.escape("https://trial.example.org/workbook/")):
        Door(url)


@pytest.mark.slow
def test_a_page_may_take_so_much_memory_and_no_more():
    code = (
        "from protocol.dashboard.kernel import limit_memory\n"
        "limit_memory(500)\n"
        "try:\n"
        "    bytearray(800 * 2**20)\n"
        "except MemoryError:\n"
        "    print('refused', len(bytearray(50 * 2**20)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"refused {50 * 2**20}\n"
