"""Start the kernel of a dashboard page."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import protocol.dashboard.lean  # noqa: F401 - before the others

# isort: split
from ipykernel import ipkernel
from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config


def limit_memory(megabytes: int) -> None:
    """Let this process take so much memory and no more, where the system can see to it (Linux, macOS).

    What is more fails with a MemoryError on the page, or ends the page; other pages go on.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        _now, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = megabytes * 2**20 if most == resource.RLIM_INFINITY else min(megabytes * 2**20, most)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


class PageKernel(IPKernelApp):
    """A kernel that runs one page, and does not begin with what only a person at a prompt needs.

    A forked kernel shares its memory with others until it writes: to count one more reference is to write. What is
    left out here takes half of the 31 MB of its own with which a kernel would begin.
    """

    def parse_command_line(self, argv: Any = None) -> None:
        """Read the command line if there is one: the parser of all options is large."""
        if argv:
            super().parse_command_line(argv)

    def load_config_file(self, *_asked: Any, **_options: Any) -> None:
        """Read no configuration: a page is the same whatever IPython was told for this account."""

    def init_code(self) -> None:
        """Run nothing before the page, for the same reason."""

    def init_kernel(self) -> None:
        """Make the kernel without its list of the files of all modules, which only a debugger reads."""
        its: Any = ipkernel
        its.sys = SimpleNamespace(**vars(sys) | {"modules": {}})
        try:
            super().init_kernel()  # type: ignore[no-untyped-call]
        finally:
            its.sys = sys

    def init_shell(self) -> None:
        """Let the page ask for the state of all controls at once.

        ipywidgets registers this request when it is imported into a running kernel. Without it a page asks for each
        of its hundreds of controls alone, and fails if it is too slow.
        """
        super().init_shell()  # type: ignore[no-untyped-call]
        shell: Any = self.shell
        shell.extension_manager.load_extension("ipywidgets")


def run(arguments: Sequence[str] = (), **traits: Any) -> None:
    """Run a kernel until it is told to end, within the memory of a page.

    Parameters
    ----------
    arguments : sequence of str
        The command line of the kernel.
    **traits
        What a command line would say, by the names of :class:`ipykernel.kernelapp.IPKernelApp`.
    """
    if "PROTOCOL_PAGE_MEGABYTES" in os.environ:
        limit_memory(int(os.environ["PROTOCOL_PAGE_MEGABYTES"]))
    without_history = Config({"HistoryManager": {"enabled": False}})
    PageKernel.launch_instance([*arguments], config=without_history, **traits)


if __name__ == "__main__":
    run(sys.argv[1:])
