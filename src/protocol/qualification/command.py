"""Check this installation and write a report for the file: ``protocol-workbook qualify``."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from protocol.qualification.report import qualify, report_page
from protocol.translation import _
from protocol.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every check and write the report; return the exit code: 0 passed, 1 failed, 2 refused."""
    asked = _parser().parse_args(arguments)
    now = datetime.now(UTC)
    page: Path = asked.report or Path(f"qualification-{__version__}-{now:%Y-%m-%d-%H%M%S}.html")
    if page.exists() or not page.resolve().parent.is_dir():
        print(_("{page}: name a new file in a folder that exists.").format(page=page), file=sys.stderr)
        return 2
    result = qualify(now, lambda part: print(part, end=" … ", file=sys.stderr, flush=True))
    print(file=sys.stderr)
    page.write_text(report_page(result), encoding="utf-8")
    for check in result.failed:
        says = _("FAILED: {what}: expected {expected}, found {found}")
        print(says.format(what=check.what, expected=check.expected, found=check.found))
    count = len(result.installation) + len(result.operation)
    passed = _("{passed} of {count} checks passed. The report for the file: {page}")
    print(passed.format(passed=count - len(result.failed), count=count, page=page))
    return 0 if result.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="protocol-workbook qualify",
        description="Check the installed files and versions, reference values, the life of a log in a temporary"
        " folder, and the pages. Write one page to print and sign. Ends with 0 if every check passed, else with 1.",
    )
    parser.add_argument(
        "report", nargs="?", type=Path, help="a new HTML file (default: qualification-VERSION-TIME.html here)"
    )
    return parser
