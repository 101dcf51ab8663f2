"""Attacks on the kernels of a dashboard: kernels and their fork server are killed while readers open pages."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
from support.kernels import kernels
from support.viewer import Viewer

READERS = 4
WAITS_SECONDS = 120
"""Longer waits nobody, and be it for a message that the page was lost."""

PAGE = """
import os
import ipywidgets
ipywidgets.HTML(f"kernel {os.environ['VOILA_KERNEL_ID']} log {os.environ['PROTOCOL_LOG']} end")
"""


def kill_kernels(folder: Path, count: int) -> str:
    """SIGKILL random kernels, and the fork server at every fifteenth kill, while readers open pages."""
    served, address = _dashboard(folder)
    try:
        return asyncio.run(_attacked(served, address, folder / "trial.sqlite", count))
    finally:
        served.send_signal(signal.SIGINT)
        served.wait(60)


def _dashboard(folder: Path) -> tuple[subprocess.Popen, str]:
    pages = folder / "pages"
    pages.mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PAGE)], metadata=kernel)
    nbformat.write(page, pages / "01-page.ipynb")
    served = subprocess.Popen(
        [sys.executable, "-m", "protocol", "dashboard", "--no-browser", "--log", folder / "trial.sqlite", pages],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PROTOCOL_ROLE": "viewer"},
    )  # fmt: skip
    return served, re.search(r"http://\S+", served.stdout.readline())[0]


async def _attacked(served: subprocess.Popen, address: str, log: Path, count: int) -> str:
    found = {"opened": 0, "lost": 0}
    for _number in range(3):
        await _read(address, log, found)
    await asyncio.sleep(5)  # the one that is kept ready has its connections
    descriptors = psutil.Process(served.pid).num_fds()
    readers = [asyncio.create_task(_reads(address, log, found)) for _number in range(READERS)]
    servers = await _kill(served, count)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    for reader in readers:
        assert reader.cancelled(), f"a reader stopped: {reader.exception()!r}"
    before = found["lost"]
    for _number in range(READERS):
        await _read(address, log, found)
    assert found["lost"] == before, "a page is lost although nothing is killed any more"
    await _settled(served, descriptors)
    return (
        f"{count} kills of kernels, {servers} of the fork server; {found['opened']} pages opened, "
        f"{found['lost']} lost and opened again, 0 of another reader, 0 waited longer than {WAITS_SECONDS} s"
    )


async def _kill(served: subprocess.Popen, count: int) -> int:
    chance, servers = random.Random(1), 0
    for number in range(1, count + 1):
        while not (living := kernels(served)):
            await asyncio.sleep(0.05)
        chance.choice(list(living.values())).send_signal(signal.SIGKILL)
        if number % 15 == 0 and (server := _fork_server(served)):
            server.send_signal(signal.SIGKILL)
            servers += 1
        await asyncio.sleep(chance.uniform(0, 0.6))
    return servers


def _fork_server(served: subprocess.Popen) -> psutil.Process | None:
    children = psutil.Process(served.pid).children()
    return next((one for one in children if "protocol.dashboard.fork_server" in one.cmdline()), None)


async def _reads(address: str, log: Path, found: dict[str, int]) -> None:
    while True:
        await _read(address, log, found)


async def _read(address: str, log: Path, found: dict[str, int]) -> None:
    """Open a page, check whose it is, and close it; it may be lost, but within the time."""
    viewer = Viewer(address)
    await viewer.enter()
    async with asyncio.timeout(WAITS_SECONDS):
        try:
            await viewer.open("01-page.ipynb")
        except Exception:  # of whatever kind: the kernel was killed; what waits too long is cancelled and passes on
            found["lost"] += 1
            return
    kernel, where = re.search(rb"kernel ([0-9a-f-]{36}) log (\S+) end", viewer.states).groups()
    assert kernel.decode() == viewer.kernel, "the page of another reader"
    assert where.decode() == str(log), "another log"
    found["opened"] += 1
    await viewer.leave()


async def _settled(served: subprocess.Popen, descriptors: int) -> None:
    """Wait until only what is kept ready is left, and nothing of those that were killed."""
    for _attempt in range(90):
        await asyncio.sleep(1)
        if len(kernels(served)) <= 1 and psutil.Process(served.pid).num_fds() <= descriptors + 20:
            return
    raise AssertionError(
        f"{len(kernels(served))} kernels, {psutil.Process(served.pid).num_fds()} descriptors are left"
    )
