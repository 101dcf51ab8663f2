"""Start an empty log of a trial: ``python -m protocol.conduct start trial.sqlite``."""

import argparse
import sys
from pathlib import Path

from protocol.records import ProtocolError
from protocol.translation import _


def main(arguments: list[str] | None = None) -> int:
    """Start a log, print how to open it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m protocol.conduct", description=__doc__)
    parser.add_argument("what", choices=["start"])
    parser.add_argument("log", help="a new file, such as trial.sqlite, or the URL of an empty PostgreSQL database")
    asked = parser.parse_args(arguments)
    address = asked.log if "://" in asked.log else str(Path(asked.log).resolve())
    try:
        print(start(address))
    except ProtocolError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


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
        "  PROTOCOL_LOG='{address}' PROTOCOL_ROLE=coordinator PROTOCOL_ACTOR=coordinator-1 make lab\n"
        "To show it to the committee, who can only read:\n"
        "  PROTOCOL_LOG='{address}' make dashboard"
    ).format(address=address)


if __name__ == "__main__":
    sys.exit(main())
