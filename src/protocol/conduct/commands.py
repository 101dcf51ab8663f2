"""Start, copy, restore and check the log of a trial: ``protocol-workbook log``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from protocol.conduct.entries import Head
from protocol.conduct.verification import Verification
from protocol.records import ProtocolError
from protocol.translation import _

LOG = "a file, such as trial.sqlite, or the address of a PostgreSQL database"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 1 a log that is not whole, 2 refused."""
    asked = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "start": lambda one: _say(start(_address(one.log))),
        "backup": _backup,
        "restore": _restore,
        "verify": _verify,
        "grants": _grants,
    }
    try:
        return commands[asked.what](asked)
    except ProtocolError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="protocol-workbook log", description=__doc__.partition(":")[0] + ".")
    commands = parser.add_subparsers(dest="what", required=True)
    start = commands.add_parser("start", help="begin an empty log")
    start.add_argument("log", help=LOG)
    copied = commands.add_parser("backup", help="copy a log while others record in it, and check the copy")
    copied.add_argument("log", help=LOG)
    copied.add_argument("copy", type=Path, help="a new file: a log in SQLite, or JSON lines if it ends in .jsonl")
    restored = commands.add_parser("restore", help="write a copy into a new file or an empty database")
    restored.add_argument("copy", type=Path, help="a file made by backup")
    restored.add_argument("log", help=LOG)
    restored.add_argument("--accept", action="store_true", help="also a copy that lacks entries that were seen")
    verified = commands.add_parser("verify", help="check every entry, the database, and the heads that were seen")
    verified.add_argument("log", help=LOG)
    verified.add_argument("--head", help="a head kept elsewhere, such as in minutes: COUNT:HASH")
    verified.add_argument("--accept", action="store_true", help="take the present end for the last that was seen")
    granted = commands.add_parser("grants", help="print the rights of PostgreSQL accounts as a script for psql")
    granted.add_argument("log", help="the address of the database")
    granted.add_argument("--reader", action="append", default=[], help="an account that may only read")
    granted.add_argument("--writer", action="append", default=[], help="an account that may also record, as itself")
    return parser


def start(address: str) -> str:
    """Start an empty log at an address and return how to open it, in words.

    Raises
    ------
    ProtocolError
        If the file exists, if the database has entries, or if nothing can be written there.
    """
    from protocol.conduct import open_log

    if "://" not in address and Path(address).exists():
        raise ProtocolError(address, _("a file that exists"), _("the name of a new file; an old log stays as it is"))
    log = open_log(address)
    try:
        if log.head().count:
            raise ProtocolError(log.where, _("a log with entries"), _("the address of an empty database"))
    finally:
        log.close()
    return _(
        "An empty log is at {address}. To record in it:\n"
        "  PROTOCOL_ROLE=coordinator PROTOCOL_ACTOR=coordinator-1 protocol-workbook lab --log '{address}'\n"
        "To show it to the committee, who can only read:\n"
        "  protocol-workbook dashboard --log '{address}'"
    ).format(address=address)


def _backup(asked: argparse.Namespace) -> int:
    from protocol.conduct.copies import backup

    found = backup(_address(asked.log), asked.copy.absolute())
    said = _("{copy}: {count} entries. Keep this head with the minutes:\n{head}")
    return _report(found, said.format(copy=asked.copy, count=found.head.count, head=found.head))


def _restore(asked: argparse.Namespace) -> int:
    from protocol.conduct.copies import restore

    head = restore(asked.copy.absolute(), _address(asked.log), asked.accept)
    return _say(_("Restored {count} entries. The head is:\n{head}").format(count=head.count, head=head))


def _verify(asked: argparse.Namespace) -> int:
    from protocol.conduct import open_log

    expected = Head.parse(asked.head) if asked.head else None
    log = open_log(_address(asked.log), read_only=True)
    try:
        if asked.accept:
            log.accept()
        found = log.verify(expected)
    finally:
        log.close()
    return _report(
        found, _("The log is whole: {count} entries.\n{head}").format(count=found.head.count, head=found.head)
    )


def _grants(asked: argparse.Namespace) -> int:
    from protocol.conduct.postgresql import grants
    from protocol.conduct.store import address_of

    parts = address_of(asked.log)
    if parts.get_backend_name() != "postgresql" or not parts.database:
        raise ProtocolError(_("trial log"), _("no PostgreSQL database"), "postgresql+pg8000://user@host/database")
    return _say(grants(asked.reader, asked.writer, parts.database))


def _report(found: Verification, whole: str) -> int:
    if found.ok:
        return _say(whole)
    print(_("The log is NOT whole:"), *found.problems, sep="\n", file=sys.stderr)
    return 1


def _say(text: str) -> int:
    print(text)
    return 0


def _address(log: str) -> str:
    return log if "://" in log else str(Path(log).absolute())
