"""Serve the pages to the browsers of this machine: ``protocol-workbook dashboard``."""

import argparse
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from protocol.conduct import reader_of
from protocol.dashboard.notebooks import notebooks_for, write_pages
from protocol.records import ProtocolError
from protocol.translation import _

FIRST_PORT, PORTS_TRIED = 8866, 50

LOG = "the trial's log: a file, or the URL of a database (default: PROTOCOL_LOG)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the pages of a folder on this machine until Ctrl+C; return the exit code."""
    asked = _parser().parse_args(arguments)
    if not asked.trial:
        return _serve(asked, notebooks_for(asked.notebooks).resolve())
    with TemporaryDirectory(prefix="protocol-pages-") as folder:
        try:
            write_pages(asked.trial, Path(folder))
        except ProtocolError as error:
            return _refuse(str(error))
        return _serve(asked, Path(folder).resolve())


def _serve(asked: argparse.Namespace, notebooks: Path) -> int:
    try:
        os.environ.update(logged(dict(os.environ), asked.log))
    except ProtocolError as error:
        return _refuse(str(error))
    if not any(notebooks.glob("*.ipynb")):
        return _refuse(_("No pages in {folder}; name the folder with the notebooks.").format(folder=notebooks))
    if asked.port and not is_free(asked.port):
        return _refuse(_("Port {port} is in use; name another, or leave --port out.").format(port=asked.port))
    if (reader := reader_of(os.environ)).records and os.environ["PROTOCOL_LOG"]:
        from protocol.pages.trial_log.desk import shared_account

        os.environ["PROTOCOL_SHARED"] = "1"
        print(shared_account(reader.actor), file=sys.stderr, flush=True)
    port, token = asked.port or free_port(), asked.token or secrets.token_urlsafe(24)
    os.environ.pop("PROTOCOL_TOKEN", None)  # or the kernel of every page would hold it
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # 2 s; see lean.py
    # Altair and Voila import jsonschema: after the line above.
    from protocol.chart.runtime import vega_runtime
    from protocol.dashboard.server import Door, pages_of, serve

    vega_runtime()  # made once on a machine; the first page would wait for it

    try:
        door = Door(asked.url)
    except ProtocolError as error:
        return _refuse(str(error))
    if not pages_of(notebooks):
        return _refuse(_("No pages in {folder}; name the folder with the notebooks.").format(folder=notebooks))
    address = f"{asked.url.rstrip('/') or f'http://127.0.0.1:{port}'}/?token={token}"
    serve(notebooks, port, token, lambda: _announce(address, asked.browser), door, asked.most_pages, asked.fork)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="protocol-workbook dashboard", description=__doc__.partition(":")[0] + ".")
    pages = parser.add_mutually_exclusive_group()
    pages.add_argument(
        "notebooks", nargs="?", type=Path, help="folder with the pages (default: notebooks, or those installed)"
    )
    pages.add_argument(
        "--trial",
        type=Path,
        metavar="FOLDER",
        help="folder of another trial's record, instead of a folder with pages",
    )
    parser.add_argument("--port", type=int, help=f"port on 127.0.0.1 (default: the first free one from {FIRST_PORT})")
    parser.add_argument("--token", default=os.environ.get("PROTOCOL_TOKEN"), help="default: a new random one")
    parser.add_argument("--url", default="", help="the address of a proxy on this machine: https://host/path/")
    parser.add_argument(
        "--most-pages", type=int, metavar="NUMBER", help="pages open at once (default: as many as fit into memory)"
    )
    parser.add_argument(
        "--no-fork", dest="fork", action="store_false", help="start each page's kernel anew (slower, more memory)"
    )
    parser.add_argument("--log", help=LOG)
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    return parser


def logged(environment: Mapping[str, str], named: str | None) -> dict[str, str]:
    """Return the environment variables that tell a page's kernel which log to open.

    A viewer is given an address that can only read. Files have absolute paths, because kernels start in another
    folder. If a log is named on the command line, ``PROTOCOL_LOG_READ`` is used only if it is another account of the
    same database.

    Parameters
    ----------
    environment : mapping
        ``os.environ``.
    named : str or None
        The log named on the command line; None for ``PROTOCOL_LOG``.

    Returns
    -------
    dict of str to str
        ``PROTOCOL_LOG``, ``PROTOCOL_LOG_READ`` (empty), and ``PROTOCOL_ROLES`` if that is set.

    Raises
    ------
    ProtocolError
        If the role is not valid, or if viewers would use a PostgreSQL account that can write.
    """
    address = _absolute(named or environment.get("PROTOCOL_LOG", ""))
    if not reader_of(environment).records:
        reading = _absolute(environment.get("PROTOCOL_LOG_READ", ""))
        if named and _database(reading) != _database(address):
            reading = ""
        if address.startswith("postgresql") and not reading:
            found, write = _("a PostgreSQL log for viewers"), _("the URL of an account that may only read")
            raise ProtocolError("PROTOCOL_LOG_READ", found, write)
        address = reading or address
    roles = environment.get("PROTOCOL_ROLES", "")
    found_roles = {"PROTOCOL_ROLES": str(Path(roles).resolve())} if roles else {}
    return {"PROTOCOL_LOG": address, "PROTOCOL_LOG_READ": ""} | found_roles


def _absolute(address: str) -> str:
    """Return the address of a log with the absolute path of its file."""
    scheme, between, path = address.rpartition("sqlite:///")
    if scheme or not path or "://" in path:
        return address
    return between + str(Path(path).resolve())


def _database(address: str) -> tuple[str | None, int | None, str]:
    parts = urlsplit(address)
    return parts.hostname, parts.port, parts.path


def is_free(port: int) -> bool:
    """Return whether `port` of 127.0.0.1 is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return the first free port from 8866 to 8915, or any free port if none of these is free."""
    usual = next(filter(is_free, range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)), None)
    if usual is not None:
        return usual
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _announce(address: str, browser: bool) -> None:
    print(
        _("The workbook is open at {address}").format(address=address),
        _("Ctrl+C ends it."),
        sep="\n",
        flush=True,
    )
    if browser and (os.name == "nt" or sys.platform == "darwin" or os.environ.get("DISPLAY")):
        webbrowser.open(address)


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 2
