"""A viewer without a browser: a websocket client that does what a page does in its first minute."""

import asyncio
import json
import re
import time
import uuid

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect
from voila.tornado.kernel_websocket_handler import read_header_from_binary_message

from protocol.dashboard.sessions import WAIT

ASKS_SECONDS = 2.5  # page.js asks so often whether its kernel lives
PATIENCE_SECONDS = 240
AGAIN = b"window.protocolAgain()"  # the frame of a page that waited for its turn too long


class Viewer:
    """Somebody who opens a page and looks at it."""

    def __init__(self, address):
        self.address, self.root = address, address.partition("/?")[0]
        self.cookies, self.kernel, self.bytes, self.socket = "", None, 0, None
        self.states = b""  # of all controls, as the kernel sent them

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
        while (answer := await self.get(f"{self.root}/voila/render/{name}")).code == WAIT or AGAIN in answer.body:
            await asyncio.sleep(int(answer.headers.get("Retry-After", 0)))
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
        self.states = await self.until("comm_msg")
        return time.perf_counter() - start

    async def say(self, kind, content):
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": "benchmark",
            "username": "",
            "version": "5.4",
        }
        message = {"header": header, "parent_header": {}, "metadata": {"version": "1.0.0"}, "content": content}
        await self.socket.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))

    async def until(self, kind):
        """Read messages until one of this kind comes, and return it as bytes."""
        while True:
            message = await asyncio.wait_for(self.socket.read_message(), PATIENCE_SECONDS)
            assert message is not None, "the connection was closed"
            self.bytes += len(message)
            binary = isinstance(message, bytes)
            header = read_header_from_binary_message(message) if binary else json.loads(message)["header"]
            if header["msg_type"] == kind:
                return message if binary else message.encode()

    async def look(self, seconds):
        """Do what an open page does: ask now and then whether its kernel lives."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(ASKS_SECONDS)
            await self.get(f"{self.root}/api/kernels/{self.kernel}")

    async def leave(self):
        """Close the page, as a browser does."""
        self.socket.close()
        token = re.search(r"_xsrf=([^;]*)", self.cookies)[1]
        address = f"{self.root}/voila/api/shutdown/{self.kernel}"
        asked = HTTPRequest(address, "POST", {"Cookie": self.cookies, "X-XSRFToken": token}, body="")
        await AsyncHTTPClient(force_instance=True).fetch(asked, raise_error=False)
