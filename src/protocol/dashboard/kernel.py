"""Start a kernel for a dashboard page, without what such a page never uses."""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import Any

from ipykernel.kernelapp import IPKernelApp

# jsonschema builds 35 parsers (0.8 s) on import when this module is there. Only the check of "format: iri"
# needs it, which no figure has; JupyterLab's kernels and the library itself keep it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# 8 MB for stepping through cells, which nobody can do on the dashboard.
sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]
# 40 MB that pandas takes where PyArrow happens to be installed; the workbook does not need it.
sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]

DOCUMENTED = ("altair.", "pandas.")


def forget_documentation() -> None:
    """Drop 8 MB of docstrings, which nobody can read on the dashboard; the page then takes their place."""
    for name in [name for name in sys.modules if name.startswith(DOCUMENTED)]:
        for thing in list(vars(sys.modules[name]).values()):
            if str(getattr(thing, "__module__", "")).startswith(DOCUMENTED):
                inside = vars(thing).values() if isinstance(thing, type) else ()
                for one in (thing, *inside):
                    _undocument(one)


def _undocument(thing: Any) -> None:
    if isinstance(thing, (type, FunctionType)):
        with suppress(AttributeError, TypeError):  # classes written in C
            thing.__doc__ = ""  # Altair looks into some of them: None would break alt.Color(...).legend(...)


def memory_returner() -> Callable[[object], None]:
    """Return what gives freed memory back to the system; nothing where the C library cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return lambda _cell: trim(0) if trim else None


class PageKernel(IPKernelApp):
    """A kernel that runs one page and then only answers it."""

    def init_shell(self) -> None:
        """Let the page ask for all controls at once, and return memory after each cell: opening a page frees 4 MB.

        ipywidgets offers itself to the kernel on import, which here comes before there is one; a page would then
        ask for each of its hundreds of controls alone, and fail when it is not quick enough.
        """
        super().init_shell()  # type: ignore[no-untyped-call]
        shell: Any = self.shell
        shell.extension_manager.load_extension("ipywidgets")
        give_back = memory_returner()
        shell.events.register("post_run_cell", give_back)
        handlers: Any = self.kernel.shell_handlers
        handlers["comm_msg"] = thrifty(handlers["comm_msg"], give_back)


def thrifty(answer: Callable[..., None], give_back: Callable[[object], None]) -> Callable[..., None]:
    """Return memory once a page was told all its controls: that takes up to 6 MB."""

    def answered(stream: object, ident: object, message: dict[str, Any]) -> None:
        answer(stream, ident, message)
        if message["content"]["data"].get("method") == "request_states":
            give_back(None)

    return answered


if __name__ == "__main__":
    forget_documentation()
    PageKernel.launch_instance()
