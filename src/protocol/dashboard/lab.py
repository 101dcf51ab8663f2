"""Open JupyterLab on the notebooks, with no request to another host: ``python -m protocol.dashboard.lab``."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from jupyterlab.labapp import LabApp

from protocol.dashboard import ENCRYPTION

SETTINGS = Path(__file__).with_name("jupyterlab")  # the news prompt has no command-line option


UPLOAD_BYTES = 512 * 2**20


def main(arguments: list[str]) -> None:
    """Serve JupyterLab to this machine only, with JupyterLab's own random token."""
    os.environ["PROTOCOL_UPLOAD_BYTES"] = str(UPLOAD_BYTES)
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    LabApp.launch_instance(
        [
            "--ServerApp.ip=127.0.0.1",
            f"--KernelManager.transport_encryption={ENCRYPTION}",
            "--LabApp.default_url=/lab/tree/notebooks",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            "--FileContentsManager.pre_save_hook=protocol.dashboard.lab.without_results",
            # A cohort file is sent as one message; by default a message above 10 MB is dropped without an error.
            f"--ServerApp.tornado_settings={{'websocket_max_message_size': {UPLOAD_BYTES + 2**20}}}",
            *arguments,
        ]
    )


def without_results(path: str, model: dict[str, Any], contents_manager: Any, **_options: Any) -> None:
    """Save the notebook of a page without new results: they are made anew when it is opened, and may be of persons.

    The results in the file stay, as long as their cell is the same: they came with the workbook, are of its invented
    example, and are compared by the tests. Other notebooks, such as those in ``notebooks/own``, keep what they show.
    """
    notebook = model.get("content")
    if model["type"] != "notebook" or not re.fullmatch(r"(.*/)?notebooks/\d\d-[^/]+\.ipynb", path) or not notebook:
        return
    notebook["metadata"].pop("widgets", None)
    file = Path(contents_manager.root_dir, path)
    came_with = json.loads(file.read_text(encoding="utf-8"))["cells"] if file.is_file() else []
    kept = {"".join(cell["source"]): cell for cell in came_with if cell["cell_type"] == "code"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            same = kept.get(cell["source"], {})
            cell["outputs"], cell["execution_count"] = same.get("outputs", []), same.get("execution_count")


if __name__ == "__main__":
    main(sys.argv[1:])
