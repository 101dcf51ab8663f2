"""The version of the installed workbook, and where the files that come with it lie."""

from importlib.metadata import version
from pathlib import Path

__version__ = version("protocol-workbook")
"""The version of the installed package, such as ``0.1.0``."""

_INSTALLED = Path(__file__).with_name("share")

SHARED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[2]
"""The folder with ``data`` and ``notebooks``: inside the installed package, or the clone."""
