"""Ten viewers at once: does every page open for each of them, how long does it take, and what does each cost?

``python tests/benchmarks/viewers.py [viewers [page ...]]``, a page such as 01-overview.ipynb. Exit code 1 when a page
did not open or a browser reported an error. Run it on an otherwise idle machine.
"""

import asyncio
import os
import shutil
import sys
import time
from contextlib import suppress

import psutil
from dashboard import NOTEBOOKS, READY, kernels, running
from playwright.async_api import Error, async_playwright

PATIENCE_MS = 180_000
NAMES = sys.argv[2:] or sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


class Viewer:
    """One person with a browser of one's own."""

    def __init__(self, tab):
        self.tab, self.errors = tab, []
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", lambda said: said.type == "error" and self.errors.append(said.text))

    async def open(self, address):
        """Open a page; return the seconds until it is there."""
        start = time.perf_counter()
        try:
            await self.tab.goto(address, timeout=PATIENCE_MS)
            await self.tab.wait_for_selector("#loading", state="detached", timeout=PATIENCE_MS)
            await self.tab.wait_for_selector(READY, timeout=PATIENCE_MS)
        except Error as error:
            self.errors.append(f"{address}: {error}")
        return time.perf_counter() - start


async def visit(address, process, count):
    """Let `count` viewers go through the pages together; yield what was measured."""
    root = address.partition("/?")[0]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        viewers = [Viewer(await (await browser.new_context()).new_page()) for _number in range(count)]
        for viewer in viewers:
            await viewer.tab.goto(address)
        for name in NAMES:
            seconds = sorted(await asyncio.gather(*(v.open(f"{root}/voila/render/{name}") for v in viewers)))
            await asyncio.sleep(2)
            used = memory_mb(process, [await kernel_of(viewer) for viewer in viewers])
            yield name, seconds, used
        errors = [error for viewer in viewers for error in viewer.errors]
        await browser.close()
    yield "errors", errors, None


async def kernel_of(viewer):
    text = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
    return await viewer.tab.evaluate(text)


def memory_mb(process, numbers):
    """Memory of the viewers' kernels, each for itself (USS and RSS), and of the server with everything below it."""
    living, uss, rss = kernels(process), [], []
    for number in numbers:
        with suppress(psutil.Error, KeyError):
            found = living[number].memory_full_info()
            uss.append(found.uss / 2**20)
            rss.append(found.rss / 2**20)
    total = 0.0
    for child in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        with suppress(psutil.Error):
            total += child.memory_full_info().pss / 2**20
    return max(rss), sum(uss) / len(uss), total


async def main(count):
    launch = [sys.executable, "-m", "protocol", "dashboard", "--no-browser", str(NOTEBOOKS)]
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ACTOR", "PROTOCOL_ROLES"):
        os.environ.pop(name, None)
    print(f"{count} viewers at once, {os.cpu_count()} processors")
    with running(launch, r"http://\S+") as (process, address):
        errors = []
        async for name, found, used in visit(address, process, count):
            if used is None:
                errors = found
                continue
            rss, uss, total = used
            print(
                f"{name:24} first {found[0]:5.1f} s  median {found[len(found) // 2]:5.1f} s  last {found[-1]:5.1f} s"
                f"  per viewer {uss:4.0f} MB of its own (largest RSS {rss:4.0f})  all together {total:5.0f} MB",
                flush=True,
            )
    print("errors:", len(errors), *errors[:5], sep="\n  ")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)))
