"""Start the kernel of a dashboard page."""

import os
import sys
from contextlib import suppress
from typing import Any

import protocol.dashboard.lean  # noqa: F401 - before the others

# isort: split
from ipykernel.kernelapp import IPKernelApp


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
    """A kernel that runs one page."""

    def init_shell(self) -> None:
        """Let the page ask for the state of all controls at once.

        ipywidgets registers this request when it is imported into a running kernel. Without it a page asks for each
        of its hundreds of controls alone, and fails if it is too slow.
        """
        super().init_shell()  # type: ignore[no-untyped-call]
        shell: Any = self.shell
        shell.extension_manager.load_extension("ipywidgets")


def run(arguments: list[str]) -> None:
    """Run a kernel until it is told to end, within the memory of a page."""
    if "PROTOCOL_PAGE_MEGABYTES" in os.environ:
        limit_memory(int(os.environ["PROTOCOL_PAGE_MEGABYTES"]))
    PageKernel.launch_instance(arguments)


if __name__ == "__main__":
    run(sys.argv[1:])
