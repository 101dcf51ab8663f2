"""Files from a browser: a large one in one piece, and a hospital's one whose columns are asked about."""

import asyncio
import json
import re

import pytest
from support.hospital_files import csv_file, hospital_rows
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

MEGABYTES = 150  # the buffer of a connection holds 100 MB unless it is told otherwise


def message(kind, content):
    header = {"msg_id": kind, "msg_type": kind, "session": "s", "username": "", "version": "5.3", "date": ""}
    parts = {"parent_header": {}, "metadata": {}, "buffers": [], "channel": "shell"}
    return json.dumps({"header": header, "content": content} | parts)


async def logged_in(served):
    """Return the cookies that the address with the token gives."""
    try:
        answer = await AsyncHTTPClient().fetch(served.address, follow_redirects=False)
    except HTTPClientError as error:
        answer = error.response
    return "; ".join(one.partition(";")[0] for one in answer.headers.get_list("Set-Cookie"))


async def send_in_one_piece(served, size):
    headers = {"Cookie": await logged_in(served)}
    page = await AsyncHTTPClient().fetch(served.page("01-picture"), headers=headers, request_timeout=120)
    kernel = re.search(r'"kernelId": "([0-9a-f-]{36})"', page.body.decode())[1]
    address = f"{served.root.replace('http', 'ws')}/api/kernels/{kernel}/channels"
    socket = await websocket_connect(HTTPRequest(address, headers=headers))
    await socket.write_message(message("comm_msg", {"comm_id": "none", "data": {"pad": "x" * size}}))
    await socket.write_message(message("kernel_info_request", {}))
    try:
        while answer := await asyncio.wait_for(socket.read_message(), 120):
            if b"kernel_info_reply" in (answer if isinstance(answer, bytes) else answer.encode()):
                return "answered"
        return "closed"
    finally:
        socket.close()
        await asyncio.sleep(0.5)


@pytest.mark.server
@pytest.mark.slow
def test_a_message_of_150_megabytes_in_one_frame_is_taken_and_the_page_goes_on(workshop):
    assert asyncio.run(send_in_one_piece(workshop, MEGABYTES * 2**20)) == "answered"


def test_a_hospital_s_file_is_screened_once_the_column_that_is_not_sure_is_answered(dashboard, laptop):
    headings, *people = hospital_rows(excel=False)
    kept = [headings.index(one) for one in ("受试者编号", "姓名", "性别", "AST")]
    content = csv_file([[row[place] for place in kept] for row in (headings, *people[:20])])
    laptop.open(dashboard, "02-eligibility")
    laptop.tab.get_by_role("tab", name="Cohort").click()
    with laptop.tab.expect_file_chooser() as chooser:
        laptop.tab.get_by_role("button", name="Open a cohort file").click()
    chooser.value.set_files({"name": "筛选.csv", "mimeType": "text/csv", "buffer": content})
    proposed = laptop.tab.get_by_role("table", name="The columns, and what their first cells become")
    proposed.get_by_text("男 → Male; 女 → Female").wait_for()
    assert "某0" not in proposed.inner_text()
    read = laptop.tab.get_by_role("button", name="Read the file")
    assert read.is_disabled()
    laptop.tab.get_by_label("AST: in which unit?").select_option("U/L")
    laptop.tab.get_by_text("No question is open.").wait_for()
    read.click()
    laptop.tab.get_by_text(re.compile(r"of 20 participants")).wait_for()
    assert not proposed.is_visible()
    laptop.tab.wait_for_function("window.protocolUnsaved === true")  # a reload would lose the file
    laptop.tab.get_by_role("button", name="Participants and their verdicts").click()
    verdicts = laptop.tab.get_by_role("table", name="Participants and their verdicts")
    person = verdicts.locator("tbody button").nth(2)
    name = person.inner_text()
    person.click()
    patient = laptop.tab.get_by_role("tabpanel", name="Patient")
    patient.locator("b").get_by_text(name, exact=True).wait_for()
    assert laptop.errors == []
