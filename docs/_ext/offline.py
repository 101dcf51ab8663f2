"""A built page that loads anything from another host ends the build with an error."""

import re
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError

LOADS = re.compile(
    r"<(?:script|link|img|iframe|source|object|embed)\b[^>]*(?:src|href|data)=\"(?:https?:)?//([^/\"]+)"
)
STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//([^/\"')]+)")


def foreign_hosts(folder: Path) -> dict[str, set[str]]:
    """Return the hosts that pages and styles below a folder load something from, by file."""
    found = {}
    for pattern, ending in ((LOADS, "html"), (STYLES, "css")):
        for file in folder.rglob(f"*.{ending}"):
            if hosts := set(pattern.findall(file.read_text(encoding="utf-8"))):
                found[str(file.relative_to(folder))] = hosts
    return found


def check(app: Any, exception: Exception | None) -> None:
    """Refuse a site that needs a network."""
    if exception is None and (found := foreign_hosts(Path(app.outdir))):
        raise ExtensionError(f"pages that load from another host: {found}")


def setup(app: Any) -> dict[str, bool]:
    """Check once everything is written."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
