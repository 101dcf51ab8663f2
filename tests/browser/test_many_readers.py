"""Twenty readers at once on a small machine: each is served or told to wait, and no more kernels start than fit."""

import asyncio

import nbformat
import psutil
import pytest
from support.kernels import kernels
from support.viewer import Viewer
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

READERS, PLACES = 20, 4


@pytest.fixture(scope="module")
def small(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    cell = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.HTML('<p>ready</p>')")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "pages").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), folder / "pages/01-small.ipynb")
    with serve(folder / "pages", folder / "log.txt", "--most-pages", str(PLACES)) as served:
        yield served, folder / "log.txt"


async def asked(address, **headers):
    try:
        return await AsyncHTTPClient(force_instance=True).fetch(
            address, headers=headers, request_timeout=300, follow_redirects=False
        )
    except HTTPClientError as error:
        return error.response


async def one_reader(served, together):
    answer = await asked(served.address)
    cookies = "; ".join(one.partition(";")[0] for one in answer.headers.get_list("Set-Cookie"))
    await together.wait()
    return await asked(served.page("01-small"), Cookie=cookies)


async def all_readers(served):
    together = asyncio.Barrier(READERS)
    return await asyncio.gather(*(one_reader(served, together) for _number in range(READERS)))


@pytest.mark.slow
def test_requests_of_another_site_start_no_kernel(small):
    served, _log = small

    async def ask():
        first = await asked(served.address)
        cookies = "; ".join(one.partition(";")[0] for one in first.headers.get_list("Set-Cookie"))
        page = served.page("01-small")
        image = await asked(page, Cookie=cookies, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"})
        other = await asked(page, Cookie=cookies, Origin="https://evil.example")
        with_token = await asked(f"{page}?{served.address.partition('?')[2]}")
        return [one.code for one in (image, other, with_token)], with_token.headers["Location"]

    before = kernels(served.process)
    codes, place = asyncio.run(ask())
    assert codes == [403, 403, 302]
    assert "token" not in place
    assert len(kernels(served.process)) <= max(len(before), 1)


@pytest.mark.slow
def test_pages_that_are_opened_and_closed_leave_nothing_behind(small):
    served, _log = small
    server = psutil.Process(served.process.pid)

    async def one(turns):
        viewer = Viewer(served.address)
        await viewer.enter()
        async with turns:
            await viewer.open("01-small.ipynb")
            await viewer.leave()

    async def many(count):
        turns = asyncio.Semaphore(PLACES)
        await asyncio.gather(*(one(turns) for _number in range(count)))
        for _attempt in range(120):
            if len(kernels(served.process)) <= 1:
                return
            await asyncio.sleep(0.25)

    asyncio.run(many(PLACES))
    descriptors = server.num_fds()
    asyncio.run(many(15))
    assert len(kernels(served.process)) <= 1  # one is kept ready
    assert server.num_fds() < descriptors + 30  # one more kernel has about 25
    assert not [child for child in server.children() if child.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_twenty_readers_at_once_are_served_or_told_to_wait(small):
    """The last of this file: its readers stay, and take every place."""
    served, log = small
    answers = asyncio.run(all_readers(served))
    codes = [answer.code for answer in answers]
    assert set(codes) == {200, 503}
    assert codes.count(200) == PLACES
    waiting = next(answer for answer in answers if answer.code == 503)
    assert waiting.headers["Retry-After"] == "5"
    assert b'http-equiv="refresh"' in waiting.body
    assert b"This page waits for a place" in waiting.body
    assert b"Traceback" not in waiting.body
    assert len(kernels(served.process)) <= PLACES + 1  # one is kept ready
    token = served.address.rpartition("token=")[2]
    assert token not in log.read_text()
