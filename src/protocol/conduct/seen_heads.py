"""The last head of a log that was seen here, kept beside the log, so that a log that lost its end is noticed at once.

For a file, it stands in ``trial.sqlite.head`` beside ``trial.sqlite``. For a database of a server, it stands in the
folder for the state of programs of the account (``$XDG_STATE_HOME``, or ``~/.local/state``). A head that cannot be
read or kept is none: it is a second safeguard, and recording goes on without it.
"""

import json
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from protocol.conduct.entries import Head

ENDING = ".head"


def place_of(database: str, server: str | None = None) -> Path:
    """Return the file for the head of a log: `database` is the path of a file, or a name on a server."""
    if server is None:
        path = Path(database).absolute()
        return path.with_name(path.name + ENDING)
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = sha256(f"{server}/{database}".encode()).hexdigest()[:32]
    return state / "protocol-workbook" / f"{name}{ENDING}"


def seen(place: Path) -> Head:
    """Return the head that is kept; that of an empty log if none is."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        values = json.loads(place.read_bytes())
        if isinstance(values["count"], int) and isinstance(values["hash"], str):
            return Head(values["count"], values["hash"])
    return Head()


def keep(place: Path, head: Head, back: bool = False) -> None:
    """Keep a head if it is later than the one that is kept; with `back` also an earlier one."""
    if not back and seen(place).count >= head.count:
        return
    with suppress(OSError):
        if not place.parent.is_dir():
            place.parent.mkdir(mode=0o700, parents=True)
        write_head(place, head)


def write_head(path: Path, head: Head) -> None:
    """Write a head to a file, which only its owner may read if it is new."""
    line = json.dumps({"count": head.count, "hash": head.hash}).encode() + b"\n"
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb", buffering=0) as file:
        file.write(line)  # over the old one, in one piece: a new file for each entry would take as long as the entry
        file.truncate()
