"""Checks of the operation: every page opens, and the dashboard answers this machine alone."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from urllib.parse import urlsplit

from protocol.dashboard.notebooks import OF_PAGES
from protocol.pages import PAGES, open_page
from protocol.qualification.checks import Check
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial
from protocol.version import SHARED

PATIENCE_SECONDS = 60


def opened_pages(trial: Trial) -> Iterator[Check]:
    """Yield a check for each page, opened on a trial: what it shows is no error."""
    for name in PAGES:
        if trial.folder and trial.states(name):
            what = _("page {name} of {trial}").format(name=name, trial=trial.identity.trial_id)
            yield Check(("R-SYS-03",), what, _("opened"), _opened(name, trial.folder))


def _opened(name: str, folder: Path) -> str:
    """Open every tab of a page; return "opened", or what is wrong."""
    try:
        return list_of(open_page(name, folder).problems, "; ") or _("opened")
    except ProtocolError as error:
        return str(error)


@contextmanager
def dashboard() -> Iterator[Callable[[], Iterator[Check]]]:
    """Start a dashboard on the notebooks of the package, and give what checks it: it starts while others compute.

    The checks are of its start page, of a visit without the token, and of one by another host name.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROTOCOL_")}
    with TemporaryDirectory(prefix="protocol-qualify-") as folder, (Path(folder) / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "protocol", "dashboard", str(SHARED / "notebooks"), "--no-browser"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
        try:
            yield lambda: _visited(process, said)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
            if process.stdout:
                process.stdout.close()


def _visited(process: "subprocess.Popen[str]", said: IO[str]) -> Iterator[Check]:
    address = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
    if not address:
        said.seek(0)
        lines = said.read().strip().splitlines() or [_("nothing")]
        yield Check(("R-SYS-03",), _("the dashboard starts"), _("yes"), lines[-1])
        return
    with urllib.request.urlopen(address[0], timeout=PATIENCE_SECONDS) as answer:
        cards = answer.read().decode().count('class="wb-card"')
    yield Check(("R-SYS-03",), _("pages on the start page of the dashboard"), str(len(PAGES)), str(cards))
    root = "{0.scheme}://{0.netloc}".format(urlsplit(address[0]))
    alone = _landed(f"{root}/voila/render/{next((SHARED / 'notebooks').glob(OF_PAGES)).name}")
    yield Check(("R-ACC-05",), _("a page without the token"), "login", alone)
    foreign = urllib.request.Request(address[0], headers={"Host": "example.org"})
    yield Check(("R-ACC-05",), _("another host name"), "403", _landed(foreign))


def _landed(asked: "str | urllib.request.Request") -> str:
    """Return the last part of the address that a request ends at, or its status if that is an error."""
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
            return str(urlsplit(answer.geturl()).path.rpartition("/")[2])
    except urllib.error.HTTPError as error:
        with error:
            return str(error.code)
