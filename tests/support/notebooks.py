"""Run notebooks and keep what they show, for nbval to compare: ``make outputs``."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
"""Says which model of a running kernel to show; a file has no kernel."""


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in a folder; their outputs are put into the notebook without widgets."""
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("PROTOCOL_")]:
        del os.environ[name]  # the invented example, and no log
    for file in map(Path, sys.argv[1:]):
        notebook = nbformat.read(file, as_version=4)
        language = dict(notebook.metadata.language_info)
        run(notebook, file.parent)
        notebook.metadata.language_info = language
        nbformat.write(notebook, file)
