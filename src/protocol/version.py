"""The version of the installed workbook."""

from importlib.metadata import version

__version__ = version("protocol-workbook")
