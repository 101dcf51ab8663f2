"""The command of the workbook: ``protocol-workbook``, or ``python -m protocol``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from protocol.translation import _, languages, list_of, use
from protocol.version import __version__

COMMANDS = {
    "dashboard": "protocol.dashboard.launcher",
    "document": "protocol.pages.documents",
    "lab": "protocol.dashboard.lab",
    "log": "protocol.conduct.commands",
    "qualify": "protocol.qualification.command",
}
"""The module of each command; its ``main`` takes the options that follow. It is imported when it is asked for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the workbook and return its exit code."""
    asked = _parser().parse_args(arguments)
    if asked.language:
        use(asked.language)
    if asked.command == "document":
        import_module("protocol.dashboard.lean")  # a page may wait for it
    command: Callable[[Sequence[str]], int] = import_module(COMMANDS[asked.command]).main
    return command(asked.options)


def _parser() -> argparse.ArgumentParser:
    commands = {
        "dashboard": _("serve the pages to the browsers of this machine"),
        "document": _("write a document of the pages, in one language or in both"),
        "lab": _("open JupyterLab on the notebooks, in a folder of your own"),
        "log": _("start, copy, restore and check the log of a trial"),
        "qualify": _("check this installation and write a report for the file"),
    }
    parser = argparse.ArgumentParser(
        prog="protocol-workbook",
        description=_("A working protocol: eligibility, escalation, follow-up and sites of a trial, and its log."),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            (
                _("commands:"),
                *(f"  {name:<11}{does}" for name, does in commands.items()),
                "",
                _("protocol-workbook COMMAND --help says what a command takes."),
            )
        ),
    )
    parser.add_argument("--version", action="version", version=f"protocol-workbook {__version__}")
    parser.add_argument(
        "--language",
        choices=languages(),
        metavar=_("CODE"),
        help=_("language of pages and messages: {codes} (default: PROTOCOL_LANGUAGE, else en)").format(
            codes=list_of(languages())
        ),
    )
    parser.add_argument("command", choices=COMMANDS, metavar=_("COMMAND"), help=" | ".join(COMMANDS))
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help=_("what the command takes"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
