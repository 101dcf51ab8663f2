"""The protocol of trial NCT05672420 as something to work with.

Start with :func:`protocol.trial.load_trial`.
"""

from importlib.metadata import version

__version__ = version("protocol-workbook")
