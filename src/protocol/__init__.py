"""The protocol of a clinical trial as data, and functions that compute with it.

:func:`load_trial` reads the folder of a trial into a :class:`Trial`. Each topic is a package of its own:
:mod:`protocol.eligibility`, :mod:`protocol.escalation`, :mod:`protocol.followup`, :mod:`protocol.sites`,
:mod:`protocol.conduct`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from protocol.version import __version__

if TYPE_CHECKING:
    from protocol.records import ProtocolError
    from protocol.trial import Trial, load_trial

__all__ = ["ProtocolError", "Trial", "__version__", "load_trial"]

# One memory arena for all threads of Polars, set before Polars is loaded: with one for each thread a million
# participants need a quarter more memory (docs/decisions/architecture.md). A setting of the user's own stays.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1")

_MODULES = {"ProtocolError": "protocol.records", "Trial": "protocol.trial", "load_trial": "protocol.trial"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import protocol`` is fast."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
