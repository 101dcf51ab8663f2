"""The pages the dashboard offers: the notebooks of a folder, in the order of their names."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from protocol.translation import _


@dataclass(frozen=True)
class Page:
    """One page: the notebook's file name, its title and the sentence that opens it."""

    file: str
    title: str
    sentence: str

    @property
    def address(self) -> str:
        """Where the dashboard serves the page."""
        return f"/voila/render/{quote(self.file)}"


def pages_of(folder: Path) -> tuple[Page, ...]:
    """Read the titles (metadata "title", else the file name) and first sentences of a folder's notebooks."""
    return tuple(_page(file) for file in sorted(folder.glob("*.ipynb")))


def _page(file: Path) -> Page:
    notebook = json.loads(file.read_text(encoding="utf-8"))
    texts = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    sentence = " ".join(line.lstrip("# ") for line in next(texts, "").splitlines() if line)
    title = notebook["metadata"].get("title") or file.stem.lstrip("0123456789-").replace("-", " ").capitalize()
    return Page(file.name, _(title), _(sentence))
