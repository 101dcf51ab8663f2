"""Open JupyterLab on the notebooks, with no request to another host: ``protocol-workbook lab``."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocol.dashboard import ENCRYPTION
from protocol.dashboard.launcher import LOG, logged
from protocol.dashboard.notebooks import OF_PAGES, PAGE_NAME, copy_notebooks
from protocol.records import ProtocolError
from protocol.translation import _, list_of

SETTINGS = Path(__file__).with_name("jupyterlab")  # the news prompt has no command-line option

UPLOAD_BYTES = 512 * 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve JupyterLab to this machine only, with JupyterLab's own random token; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, passed_on = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    asked = _parser().parse_args(own)
    try:
        os.environ.update(logged(dict(os.environ), asked.log))
        folder = _folder(asked.folder)
    except (ProtocolError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    from jupyterlab.labapp import LabApp  # seconds at first, so after what can be refused

    os.environ["PROTOCOL_UPLOAD_BYTES"] = str(UPLOAD_BYTES)
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={folder}",
            "--ServerApp.ip=127.0.0.1",
            *([f"--ServerApp.port={asked.port}"] if asked.port is not None else []),
            *([] if asked.browser else ["--ServerApp.open_browser=False"]),
            f"--KernelManager.transport_encryption={ENCRYPTION}",
            "--LabApp.default_url=/lab/tree/notebooks",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            "--FileContentsManager.pre_save_hook=protocol.dashboard.lab.without_results",
            # A cohort file is sent as one message; by default a message above 10 MB is dropped without an error.
            f"--ServerApp.tornado_settings={{'websocket_max_message_size': {UPLOAD_BYTES + 2**20}}}",
            *passed_on,
        ]
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="protocol-workbook lab",
        description=__doc__.partition(":")[0] + ".",
        epilog="What follows -- is handed on to JupyterLab: protocol-workbook lab -- --ServerApp.ip=localhost",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="where your notebooks are kept. Those of the workbook are copied into its folder notebooks; a file that"
        f" exists stays (default: here if there is a folder notebooks, else {NAME})",
    )
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: the first free one from 8888)")
    parser.add_argument("--log", help=LOG)
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    return parser


NAME = "protocol-workbook"
"""The folder that is made if none is named."""


def _folder(named: Path | None) -> Path:
    """Return the folder to open, with the notebooks of the workbook in it."""
    folder = (named or Path("." if any(Path("notebooks").glob(OF_PAGES)) else NAME)).resolve()
    different = copy_notebooks(folder / "notebooks")
    print(_("The notebooks are in {folder}").format(folder=folder / "notebooks"), file=sys.stderr)
    if different:
        says = _("Changed by you, or of another version, and left as they are: {names}")
        print(says.format(names=list_of(different)), file=sys.stderr)
    return folder


_OF_PAGE = re.compile(rf"(.*/)?notebooks/{PAGE_NAME.pattern}")


def without_results(path: str, model: dict[str, Any], contents_manager: Any, **_options: Any) -> None:
    """Save the notebook of a page without new results: they are made anew when it is opened, and may be of persons.

    The results in the file stay, as long as their cell is the same: they came with the workbook, are of its invented
    example, and are compared by the tests. Other notebooks, such as those in ``notebooks/own``, keep what they show.
    """
    notebook = model.get("content")
    if model["type"] != "notebook" or not _OF_PAGE.fullmatch(path) or not notebook:
        return
    notebook["metadata"].pop("widgets", None)
    file = Path(contents_manager.root_dir, path)
    came_with = json.loads(file.read_text(encoding="utf-8"))["cells"] if file.is_file() else []
    kept = {"".join(cell["source"]): cell for cell in came_with if cell["cell_type"] == "code"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            same = kept.get(cell["source"], {})
            cell["outputs"], cell["execution_count"] = same.get("outputs", []), same.get("execution_count")
