"""The protocol of trial NCT05672420 as something to work with.

Start with :func:`protocol.trial.load_trial`.
"""

import os
from importlib.metadata import version

# One store of memory for all of Polars' threads, set before Polars is first loaded: with one for each, a million
# participants need a quarter more (docs/decisions/architecture.md). Somebody's own setting stays.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1")

__version__ = version("protocol-workbook")
