"""The file of a log in SQLite: whether it is still the one that was opened, and whether its folder has locks."""

import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from protocol.records import ProtocolError
from protocol.translation import _

Identity = tuple[int, int]
"""Device and inode."""

COMPANIONS = ("-wal", "-shm")
"""Endings of the files that belong to a log while it is open; confirmed entries may stand in the first alone."""

NETWORKS = {
    *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "lustre", "gpfs", "beegfs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs", "davfs", "fuse.gvfsd-fuse"),
}
"""File systems of other machines. SQLite's write-ahead log needs memory that all writers share, so one machine."""

WAIT_SECONDS = 20  # for the second process of a probe, which takes a fraction of one

_PROBE = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print("refused" if "locked" in str(error) else error)
else:
    print("allowed")
"""

_probed = set[int]()


class LogFile:
    """A file that must stay the one that was opened, under the same name, and may only grow."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._opened: Identity | None = None
        self._size = 0

    def check(self, companions: dict[str, Identity] | None = None) -> None:
        """Raise unless the path still leads to the file that was opened.

        Parameters
        ----------
        companions : dict of str to (int, int), optional
            The companions that a connection has open, by their ending; those met for the first time are added.

        Raises
        ------
        ProtocolError
            If the file was moved, deleted, replaced or cut short, or one of its companions was.
        """
        try:
            found = self.path.stat()
        except OSError:
            raise self._changed(_("no file at this path any more: it was moved or deleted")) from None
        own = found.st_dev, found.st_ino
        if self._opened is None:
            self._opened = own
        if own != self._opened:
            raise self._changed(_("another file at this path: the log was replaced while it was open"))
        if found.st_size < self._size:
            raise self._changed(_("a file that was cut short while it was open"))
        self._size = found.st_size
        if companions is not None:
            self._check_companions(companions)

    def _check_companions(self, met: dict[str, Identity]) -> None:
        for ending in COMPANIONS:
            try:
                found = self.path.with_name(self.path.name + ending).stat()
                own = found.st_dev, found.st_ino
            except OSError:
                own = None
            if own is not None:
                met.setdefault(ending, own)
            if met.get(ending) != own:
                words = _("no file {name}{ending} any more, or another one: it holds entries while the log is open")
                raise self._changed(words.format(name=self.path.name, ending=ending))

    def _changed(self, found: str) -> ProtocolError:
        write = _(
            "nothing more here: close every page of this log, put the file back, have the log verified "
            "(protocol-workbook log verify), and open the page again"
        )
        return ProtocolError(str(self.path), found, write)

    def changed(self) -> float:
        """Return when the file or its write-ahead log was changed last, in seconds of the epoch."""
        paths = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return max(path.stat().st_mtime for path in paths if path.exists())

    def make(self) -> None:
        """Make the file if there is none; only its owner may read it. SQLite gives companions the same rights."""
        with suppress(OSError):  # an existing file stays as it is; what else is in the way SQLite says
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def refuse_folder_without_locks(path: Path) -> None:
    """Raise if writers of a file cannot keep each other out; asked once for each file system of a process.

    Raises
    ------
    ProtocolError
        If locks in the folder have no effect, or if it is a folder of another machine.
    """
    with suppress(OSError):
        device = path.parent.stat().st_dev
        if device in _probed:
            return
        kind, options = mount_of(path.parent)
        network = kind in NETWORKS or not {"nolock", "nobrl", "local_lock=all"}.isdisjoint(options)
        if network or _locks_do_nothing(path.parent):
            on = _("a folder on {kind}").format(kind=kind) if kind else _("a folder")
            found = (
                _("{on}, a network drive, where two machines can record over each other")
                if network
                else _("{on} where locks have no effect, so that two people can record over each other")
            )
            write = _("the path of a file on a local disk, or the address of a PostgreSQL database")
            raise ProtocolError(str(path), found.format(on=on), write)
        _probed.add(device)


def mount_of(folder: Path) -> tuple[str, set[str]]:
    """Return the kind of the file system of a folder and its mount options; empty where the system does not say."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        wanted = folder.resolve()
    except OSError:
        return "", set()
    best, found = -1, ("", set[str]())
    for line in lines:
        before, _dash, after = line.partition(" - ")
        place = Path(before.split(" ")[4].replace("\\040", " "))
        if wanted.is_relative_to(place) and len(place.parts) >= best:
            kind, _source, options = (*after.split(" ", 2), "", "")[:3]
            best, found = len(place.parts), (kind, {*before.split(" ")[5].split(","), *options.split(",")})
    return found


def _locks_do_nothing(folder: Path) -> bool:
    """Return whether a second process is let in while this one holds the lock that SQLite takes for a write."""
    probe = folder / f".locks-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with closing(sqlite3.connect(probe, timeout=0, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            answer = subprocess.run(  # noqa: S603 - this Python, a constant program
                [sys.executable, "-I", "-S", "-c", _PROBE, str(probe)],
                capture_output=True,
                text=True,
                timeout=WAIT_SECONDS,
                check=False,
            )
        return answer.stdout.strip() == "allowed"
    except (sqlite3.Error, OSError, subprocess.SubprocessError):
        return False  # nothing was learnt; a folder that cannot be written is said when the log is opened
    finally:
        for path in (probe, *(probe.with_name(f"{probe.name}{ending}") for ending in ("-journal", *COMPANIONS))):
            path.unlink(missing_ok=True)


def expected_schema() -> set[tuple[str, str, str, str]]:
    """Return kind, name, table and words of everything in the schema of a log, as its revision makes it."""
    from protocol.conduct.migrations import tables

    with closing(sqlite3.connect(":memory:")) as made:
        for statement in (tables.SQLITE_VERSION, *tables.SQLITE):
            made.execute(statement)
        return schema_of(made.execute(SCHEMA).fetchall())


SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master"


def schema_of(rows: Iterable[Any]) -> set[tuple[str, str, str, str]]:
    """Return rows of :data:`SCHEMA` without their white space."""
    return {(str(kind), str(name), str(of), "".join(str(words).split())) for kind, name, of, words in rows}


SETTINGS = {"encoding": "UTF-8", "user_version": 0, "application_id": 0, "auto_vacuum": 0}
"""What the header of the file says."""
