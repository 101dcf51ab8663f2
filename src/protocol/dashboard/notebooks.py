"""The notebooks that come with the package, and copies of them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol.records import ProtocolError
from protocol.translation import _
from protocol.version import SHARED

OF_PAGES = "[0-9][0-9]-*.ipynb"
"""The notebooks of the pages, each named with two digits and a hyphen; others are somebody's own work."""

PAGE_NAME = re.compile(r"\d\d-[^/\\]+\.ipynb", re.ASCII)
"""The same as a pattern."""


def page_words(notebook: dict[str, Any], file: str = "") -> tuple[str, str]:
    """Return the title of a page (metadata "title", else from the name of its file) and its first sentence."""
    texts = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    sentence = " ".join(line.lstrip("# ") for line in next(texts, "").splitlines() if line)
    named = Path(file).stem.lstrip("0123456789-").replace("-", " ").capitalize()
    return notebook["metadata"].get("title") or named, sentence


def page_texts(
    file: Any, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Extract the texts of a page to translate from its notebook; an extractor of Babel."""
    del keywords, comment_tags, options  # of no use for a notebook
    for text in filter(None, page_words(json.load(file))):
        yield 1, "_", text, []


def notebooks_for(named: Path | None) -> Path:
    """Return the folder named, else ``notebooks`` here if it has pages, else the one that comes with the package."""
    here = Path("notebooks")
    return named or (here if any(here.glob(OF_PAGES)) else SHARED / "notebooks")


def copy_notebooks(into: Path) -> tuple[str, ...]:
    """Copy the notebooks into a folder, and leave there what has the same name.

    Returns
    -------
    tuple of str
        The names of those that were there already and differ from the ones that come with the package.
    """
    different = []
    for pattern in (OF_PAGES, "explore/*.ipynb"):
        for file in sorted((SHARED / "notebooks").glob(pattern)):
            copy = into / file.relative_to(SHARED / "notebooks")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copyfile(file, copy)
            elif _cells(copy) != _cells(file):
                different.append(str(copy.relative_to(into)))
    return tuple(different)


def _cells(file: Path) -> list[str] | None:
    """Return what was written into the cells of a notebook; None if it cannot be read."""
    try:
        return ["".join(cell["source"]) for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]
    except (ValueError, KeyError, TypeError, OSError):
        return None


def write_pages(trial: Path, into: Path) -> None:
    """Write a notebook for each page of another trial.

    Raises
    ------
    ProtocolError
        If the folder has no ``trial.toml``.
    """
    if not (trial / "trial.toml").is_file():
        raise ProtocolError(str(trial), _("no trial.toml"), _("the folder of a trial, with its TOML files"))
    opened = json.dumps(str(trial.resolve()))
    into.mkdir(parents=True, exist_ok=True)
    for file in (SHARED / "notebooks").glob(OF_PAGES):
        notebook = json.loads(file.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                cell["source"] = _OPENS.sub(lambda found: f"{found[1]}, {opened})", source)
        (into / file.name).write_text(json.dumps(notebook, indent=1), encoding="utf-8")


_OPENS = re.compile(r"""(open_page\(\s*["']\w+["'])[^)]*\)""")
