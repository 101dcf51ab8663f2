"""What a viewer costs: processor time, memory and bytes of each page, and the time until the last of many is served.

``python tests/benchmarks/viewers.py [viewers [page ...]]``, a page such as 01-overview.ipynb. Every figure is measured
twice in one run: with kernels that are each started anew, as before, and with forked ones. The viewers are plain
websocket clients that do what a browser does in the first minute of a page, so that browsers take no processor time.
Exit code 1 if a page did not open, 3 if a ratio is missed. Run it on an otherwise idle machine.
"""

import asyncio
import json
import os
import re
import statistics
import sys
import time
import uuid
from contextlib import suppress

import psutil
from dashboard import NOTEBOOKS, running, wait_for_warm
from report import Report
from support.kernels import kernels
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect
from protocol.dashboard.sessions import WAIT
from voila.tornado.kernel_websocket_handler import read_header_from_binary_message

ALL = sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
NAMES = sys.argv[2:] or ALL
MINUTE = float(os.environ.get("MINUTE", "60"))  # seconds that a page is played
ASKS_SECONDS = 2.5  # page.js asks so often whether its kernel lives
PATIENCE_SECONDS = 240
THIRD, OWN_MB = 1 / 3, 50


class Viewer:
    """Somebody who opens a page and looks at it."""

    def __init__(self, address):
        self.address, self.root = address, address.partition("/?")[0]
        self.cookies, self.kernel, self.bytes, self.socket = "", None, 0, None

    async def get(self, address, **options):
        asked = HTTPRequest(address, headers={"Cookie": self.cookies}, request_timeout=PATIENCE_SECONDS, **options)
        answer = await AsyncHTTPClient(force_instance=True, max_clients=100).fetch(asked, raise_error=False)
        self.bytes += len(answer.body)
        return answer

    async def enter(self):
        answer = await self.get(self.address)
        self.cookies = "; ".join(one.partition(";")[0] for one in answer.headers.get_list("Set-Cookie"))

    async def open(self, name):
        """Open a page; return the seconds until all its controls are there."""
        self.bytes, start = 0, time.perf_counter()
        while (answer := await self.get(f"{self.root}/voila/render/{name}")).code == WAIT:
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        answer.rethrow()
        page = answer.body.decode()
        assert "wb-failed" not in page, "the page could not be computed"
        self.kernel = re.search(r'"kernelId": *"([0-9a-f-]{36})"', page)[1]
        address = f"{self.root.replace('http', 'ws')}/api/kernels/{self.kernel}/channels?session_id={uuid.uuid4()}"
        asked = HTTPRequest(address, headers={"Cookie": self.cookies})
        self.socket = await websocket_connect(asked, max_message_size=2**30)
        await self.say("kernel_info_request", {})
        await self.until("kernel_info_reply")
        comm = uuid.uuid4().hex
        await self.say("comm_open", {"comm_id": comm, "target_name": "jupyter.widget.control", "data": {}})
        await self.say("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        await self.until("comm_msg")
        return time.perf_counter() - start

    async def say(self, kind, content):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "benchmark", "username": "", "version": "5.4"}
        message = {"header": header, "parent_header": {}, "metadata": {"version": "1.0.0"}, "content": content}
        await self.socket.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))

    async def until(self, kind):
        """Read messages until one of this kind comes."""
        while True:
            message = await asyncio.wait_for(self.socket.read_message(), PATIENCE_SECONDS)
            assert message is not None, "the connection was closed"
            self.bytes += len(message)
            binary = isinstance(message, bytes)
            header = read_header_from_binary_message(message) if binary else json.loads(message)["header"]
            if header["msg_type"] == kind:
                return

    async def look(self, seconds):
        """Do what an open page does: ask now and then whether its kernel lives."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(ASKS_SECONDS)
            await self.get(f"{self.root}/api/kernels/{self.kernel}")

    async def leave(self):
        self.socket.close()
        token = re.search(r"_xsrf=([^;]*)", self.cookies)[1]
        address = f"{self.root}/voila/api/shutdown/{self.kernel}"
        asked = HTTPRequest(address, "POST", {"Cookie": self.cookies, "X-XSRFToken": token}, body="")
        with suppress(OSError):
            await AsyncHTTPClient(force_instance=True).fetch(asked, raise_error=False)


def spent(process):
    """Processor seconds of a server and of everything below it."""
    seconds = 0.0
    for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        with suppress(psutil.Error):
            seconds += sum(one.cpu_times()[:2])
    return seconds


def own_mb(process, viewers):
    """Memory that only the viewers' kernels have, one figure each."""
    living = kernels(process)
    found = [living[viewer.kernel[:8]].memory_full_info() for viewer in viewers]
    return [one.uss / 2**20 for one in found]


async def visit(address, process, name, count):
    """Let `count` viewers open a page at once; return seconds, processor seconds, memory and bytes of each."""
    viewers = [Viewer(address) for _number in range(count)]
    await asyncio.gather(*(viewer.enter() for viewer in viewers))
    before = spent(process)
    seconds = await asyncio.gather(*(viewer.open(name) for viewer in viewers))
    sizes = [viewer.bytes for viewer in viewers]
    await asyncio.gather(*(viewer.look(MINUTE) for viewer in viewers))
    processor, memory = spent(process) - before, own_mb(process, viewers)
    await asyncio.gather(*(viewer.leave() for viewer in viewers))
    return sorted(seconds), processor / count, statistics.median(memory), statistics.median(sizes)


async def main(count):
    launch = [sys.executable, "-m", "protocol", "dashboard", "--no-browser", "--most-pages", "100", str(NOTEBOOKS)]
    for name in ("PROTOCOL_LOG", "PROTOCOL_ROLE", "PROTOCOL_ACTOR", "PROTOCOL_ROLES"):
        os.environ.pop(name, None)
    report, found = Report(), {}
    print(f"{count} viewers at once, {os.cpu_count()} processors, {MINUTE:.0f} s each")
    for way, option in (("anew", ["--no-fork"]), ("forked", [])):
        with running([*launch, *option], r"http://\S+") as (process, address):
            for name in NAMES:
                for many in (1, count):
                    wait_for_warm(process, len(ALL))
                    found[way, name, many] = await visit(address, process, name, many)
                    seconds, processor, memory, size = found[way, name, many]
                    print(
                        f"{name:22} {way:7} {many:3} at once: first {seconds[0]:5.1f} s  last {seconds[-1]:5.1f} s"
                        f"  processor {processor:5.2f} s a page  own {memory:4.0f} MB  sent {size / 2**10:6.0f} kB",
                        flush=True,
                    )
    for name in NAMES:
        (old_s, old_p, _mb, _b), (new_s, new_p, mb, _) = found["anew", name, count], found["forked", name, count]
        report.ratio(f"{name}: processor time, forked to anew", new_p / old_p, THIRD)
        report.ratio(f"{name}: the last of {count}, forked to anew", new_s[-1] / old_s[-1], THIRD)
        report.ratio(f"{name}: own memory to {OWN_MB} MB", mb / OWN_MB, 1)
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)))
