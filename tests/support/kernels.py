"""The kernels of a running dashboard, found from outside."""

import re
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil


def kernels(process):
    """The kernels of a dashboard, by the first eight signs of the id that Voila names in the page."""
    living = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):  # it may end while it is being looked at
            words = f"{child.name()} {' '.join(child.cmdline())}"  # a forked one has only a name of its own
            if found := re.search(r"kernel-([0-9a-f]{8})", words):
                living[found[1]] = child
    return living


def whole_ids(beginnings):
    """The whole ids of kernels, from the names of their connection files."""
    files = Path(tempfile.gettempdir()).glob("voila_*/kernel-*.json")
    return {file.stem.removeprefix("kernel-") for file in files if file.stem[7:15] in beginnings}
