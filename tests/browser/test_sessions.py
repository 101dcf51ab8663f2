"""Two readers with the same token: neither reaches the other's session."""

import time

import pytest
from support.kernels import kernels, whole_ids

KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
CONNECTS = """kernel => new Promise((answer) => {
  const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel}/channels`);
  socket.onopen = () => answer(true);
  socket.onerror = () => answer(false);
})"""
ENDS = """kernel => fetch(`/voila/api/shutdown/${kernel}`, { method: "POST",
  headers: { "X-XSRFToken": document.cookie.match(/_xsrf=([^;]*)/)?.[1] ?? "" } }).then((reply) => reply.status)"""


@pytest.fixture
def two(workshop, laptop, phone):
    """One reader's kernel, and another reader who knows its number."""
    laptop.open(workshop, "01-picture")
    kernel = laptop.tab.evaluate(KERNEL)
    phone.open(workshop, "01-picture")
    assert phone.tab.evaluate(KERNEL) != kernel
    return kernel


@pytest.mark.requirement("R-ACC-05")
def test_another_reader_learns_nothing_of_a_kernel(two, workshop, laptop, phone):
    address = f"{workshop.root}/api/kernels/{two}"
    assert laptop.tab.request.get(address).status == 200
    assert phone.tab.request.get(address).status == 404


@pytest.mark.requirement("R-ACC-05")
def test_another_reader_cannot_speak_to_a_kernel(two, laptop, phone):
    assert laptop.tab.evaluate(CONNECTS, two)
    assert not phone.tab.evaluate(CONNECTS, two)


def test_another_reader_cannot_end_a_kernel(two, workshop, laptop, phone):
    assert phone.tab.evaluate(ENDS, two) == 404
    assert laptop.tab.request.get(f"{workshop.root}/api/kernels/{two}").status == 200
    assert laptop.tab.evaluate(ENDS, two) == 204


def test_a_kernel_that_waits_for_a_reader_is_nobodys(two, workshop, laptop, phone):
    given, deadline = {two, phone.tab.evaluate(KERNEL)}, time.monotonic() + 90
    while not (waiting := whole_ids(kernels(workshop.process)) - given):
        assert time.monotonic() < deadline, "no page is computed in advance"
        time.sleep(1)
    statuses = {laptop.tab.request.get(f"{workshop.root}/api/kernels/{number}").status for number in waiting}
    assert statuses == {404}
