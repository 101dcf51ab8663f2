"""The version of the installed workbook."""

from importlib.metadata import version

__version__ = version("protocol-workbook")
"""The version of the installed package, such as ``0.1.0``."""
