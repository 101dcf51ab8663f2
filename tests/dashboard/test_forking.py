"""Kernels that are forked: each has chance, environment and folder of its own, and outlives the fork server."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from jupyter_client import KernelManager
from support.paths import FOLDER, NOTEBOOKS

from protocol.dashboard import forking
from protocol.dashboard.forking import ForkServer, NotForked
from protocol.dashboard.server import FURNITURE, opened_by

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ForkServer.is_on.default_value, reason="kernels are forked on Linux only"),
]

PAGE = "sites"


@pytest.fixture(scope="module")
def server():
    """A fork server with one page in it."""
    found = ForkServer.instance()
    found.folder, found.pages = str(NOTEBOOKS), [f"{PAGE}=../data/{FOLDER.name}"]
    found.ready("en")
    found.pages = []  # one that replaces it need not build a page
    yield found
    found.stop()
    ForkServer.clear_instance()


@pytest.fixture
def kernel(server, monkeypatch, tmp_path):
    """A function that starts a kernel of the dashboard and returns what runs code in it."""
    monkeypatch.setenv("JUPYTER_PATH", str(FURNITURE))
    started = []

    def start(**environment):
        manager = KernelManager(transport_encryption="auto")
        manager.start_kernel(env=dict(os.environ) | environment, cwd=str(tmp_path))
        client = manager.blocking_client()
        client.start_channels()
        started.append((manager, client))
        client.wait_for_ready(60)
        return manager, lambda code: said(client, code)

    yield start
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def said(client, code):
    parts = []

    def hear(message):
        parts.append(message["content"].get("text", "") or "".join(message["content"].get("traceback", [])))

    client.execute_interactive(code, timeout=60, output_hook=hear)
    return "".join(parts).strip()


def test_the_dashboard_names_the_provisioner_that_the_package_offers():
    assert '"provisioner_name": "protocol-fork"' in (FURNITURE / "kernels/python3/kernel.json").read_text()
    assert ("overview", f"../data/{FOLDER.name}") in opened_by(NOTEBOOKS)


def test_kernels_share_neither_chance_nor_environment_nor_folder(kernel, tmp_path):
    chance = "import random, numpy, uuid, os; print(random.random(), numpy.random.rand(), uuid.uuid4())"
    told = "print(os.environ['TOLD'], os.getcwd(), os.getpgrp() == os.getpid())"
    (_one, first), (_other, second) = kernel(TOLD="one"), kernel(TOLD="other")
    assert not set(first(chance).split()) & set(second(chance).split())
    assert (first(told), second(told)) == (f"one {tmp_path} True", f"other {tmp_path} True")


def test_a_kernel_has_no_descriptor_and_no_controls_of_the_fork_server_or_of_another_kernel(kernel, server):
    (_one, first), (_other, second) = kernel(), kernel()
    code = (
        "import os, comm; from pathlib import Path\n"
        "found = {os.readlink(one) for one in Path('/proc/self/fd').iterdir() if os.path.lexists(one)}\n"
        "print(*(one for one in found if one.startswith(('socket:', 'pipe:'))), len(comm.get_comm_manager().comms))"
    )
    one, other = first(code).split(), second(code).split()
    life = f"pipe:[{os.fstat(server._life[0]).st_ino}]"
    assert set(one[:-1]) & set(other[:-1]) <= {life} | printed()
    assert (one[-1], other[-1]) == ("0", "0")


def printed():
    """What this process prints to, which its kernels share as those that are started anew do."""
    return {os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)}


def test_the_fork_server_has_one_thread_and_no_connection(kernel, server):
    kernel()
    folder = f"/proc/{server.pids[0]}"
    assert len(os.listdir(f"{folder}/task")) == 1
    targets = [os.readlink(f"{folder}/fd/{number}") for number in os.listdir(f"{folder}/fd") if int(number) > 2]
    assert sorted(target.partition(":")[0] for target in targets) == ["pipe", "socket"]


def test_a_kernel_builds_a_page_and_is_named_in_the_list_of_processes(kernel, tmp_path):
    manager, run = kernel()
    built = f"print(type(open_page({PAGE!r}, {str(FOLDER)!r})).__name__)"
    assert run(f"from protocol.pages import open_page\n{built}") == "Sites"
    name = Path(f"/proc/{manager.provisioner.pid}/comm").read_text().strip()
    assert Path(manager.connection_file).name.startswith(name)


def test_a_kernel_is_interrupted_ended_and_leaves_nothing(kernel, server):
    manager, run = kernel()
    manager.interrupt_kernel()
    assert run("print(1)") == "1"
    pid = manager.provisioner.pid
    manager.shutdown_kernel(now=True)
    assert not os.path.exists(f"/proc/{pid}")


def test_a_fork_server_that_dies_is_replaced_and_its_kernels_go_on(kernel, server):
    _manager, run = kernel()
    before = server.pids[0]
    os.kill(before, signal.SIGKILL)
    _another, later = kernel()
    assert server.pids[0] != before
    assert (run("print(2)"), later("print(3)")) == ("2", "3")


def test_a_fork_server_that_hangs_is_replaced(kernel, server, monkeypatch):
    before = server.pids[0]
    monkeypatch.setattr(forking, "ANSWER_SECONDS", 3)
    os.kill(before, signal.SIGSTOP)
    _manager, run = kernel()
    assert server.pids[0] != before
    assert run("print(4)") == "4"


def test_kernels_end_with_the_dashboard(tmp_path):
    code = (
        "import sys, time, os\n"
        "from protocol.dashboard.forking import ForkServer\n"
        "child = ForkServer.instance().fork({'cmd': ['-f', 'none.json'], 'cwd': '/', 'env': dict(os.environ)})\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    dashboard = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(dashboard.stdout.readline())
    dashboard.kill()
    dashboard.communicate()
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")


def test_without_a_fork_server_the_ordinary_start_serves(kernel, server, monkeypatch):
    monkeypatch.setattr(server, "is_on", False)
    manager, run = kernel()
    assert isinstance(manager.provisioner.process, subprocess.Popen)
    assert run("print(5)") == "5"


def test_a_fork_server_that_is_killed_while_it_loads_is_started_again_for_the_next_kernel(tmp_path):
    asked = ForkServer(folder=str(NOTEBOOKS), pages=[])
    loading = threading.Thread(target=asked.ready_or_not, args=("en",))
    loading.start()
    deadline = time.monotonic() + 30
    while not asked.pids and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(asked.pids[0], signal.SIGKILL)
    loading.join(30)
    assert (asked.is_on, asked.pids) == (True, [])
    asked.ready("en")
    assert len(asked.pids) == 1
    asked.stop()


def test_that_there_is_no_fork_server_is_said_once(caplog, tmp_path):
    lonely = ForkServer()
    lonely.folder = str(tmp_path / "nowhere")
    for _attempt in range(3):
        with pytest.raises(NotForked):
            lonely.fork({})
    assert caplog.text.count("Kernels are not forked") == 1
