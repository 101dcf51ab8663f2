"""Entries of the log: an event with who recorded it, when and under which rules, chained by hashes."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from protocol.conduct.events import Event, content, event
from protocol.records import ProtocolError
from protocol.translation import _

BEGINNING = "0" * 64
"""The hash before the first entry."""


class Entry(NamedTuple):
    """One row of the log.

    Attributes
    ----------
    sequence : int
        1, 2, 3 without a gap.
    time : str
        When it was recorded: UTC, ISO 8601 with microseconds, ending in Z.
    actor, site, reason : str
        Who recorded it, for which site (empty for the whole trial), and why, where a reason is needed.
    protocol, software : str
        Hash of the record files and version of the workbook that were in use.
    key : str
        Made by the form; one key is recorded once.
    content : mapping
        The event as plain values; :attr:`event` returns the record.
    previous, hash : str
        SHA-256 of the entry before and of this one, in hexadecimal.
    """

    sequence: int
    time: str
    actor: str
    site: str
    reason: str
    protocol: str
    software: str
    key: str
    content: Mapping[str, Any]
    previous: str
    hash: str

    @property
    def kind(self) -> str:
        """The kind of event, such as ``infused``."""
        return str(self.content["kind"])

    @property
    def participant(self) -> str | None:
        """The study id; None if the event does not concern one participant."""
        return self.content.get("participant")

    @property
    def event(self) -> Event:
        """The event as its record."""
        return event(self.content)

    @property
    def body(self) -> str:
        """All fields except the hash as canonical JSON: the hash is the SHA-256 of this text."""
        return canonical({_KEYS.get(name, name): value for name, value in self._asdict().items() if name != "hash"})


_KEYS = {"content": "event"}  # the only key of the body that is named otherwise


@dataclass(frozen=True)
class Head:
    """The number of entries of a log and the hash of the last one. A copy kept elsewhere reveals a lost end."""

    count: int = 0
    hash: str = BEGINNING

    def __str__(self) -> str:
        """Return ``count:hash``, as it is kept with minutes."""
        return f"{self.count}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read a head from ``count:hash``, or from a line that holds both, such as that of a meeting pack.

        Raises
        ------
        ProtocolError
            If there is no number, or no hash of at least 16 hexadecimal digits; the rest of one may be left out.
        """
        hashes = re.findall(r"(?<![0-9a-z])[0-9a-f]{16,64}(?![0-9a-z])", text.lower())
        counts = re.findall(r"(?<![0-9a-z])\d{1,9}(?![0-9a-z])", text.lower())
        if len(hashes) != 1 or len(counts) != 1:
            write = _("the number of entries and the hash, such as 12:9f86d081884c7d65")
            raise ProtocolError(_("head"), _("no number with a hash"), write)
        return cls(int(counts[0]), hashes[0])

    def is_that_of(self, own: str) -> bool:
        """Return whether a whole hash is this one, of which the end may be left out."""
        return len(self.hash) >= 16 and own.startswith(self.hash)


def sealed(
    happened: Event,
    before: Head,
    moment: datetime,
    *,
    actor: str,
    site: str = "",
    reason: str = "",
    protocol: str = "",
    software: str = "",
    key: str | None = None,
) -> Entry:
    """Return the entry that follows `before`. Nothing is written; see :meth:`protocol.conduct.Log.append`.

    Raises
    ------
    ProtocolError
        If the event holds a value that JSON cannot hold, such as NaN.
    """
    about = (before.count + 1, stamp(moment), actor, site, reason, protocol, software, key or str(uuid.uuid4()))
    try:
        entry = Entry(*about, content=content(happened), previous=before.hash, hash="")
        return entry._replace(hash=digest(entry.body.encode()))
    except (ValueError, TypeError) as error:
        raise ProtocolError(_("event"), str(error)[:200], _("values that JSON can hold")) from None


def opened(body: bytes | str, own: str) -> Entry:
    """Return the entry with a body and a hash; the hash is not checked."""
    return Entry._make((*_PARTS(from_json(body)), own))


_PARTS = itemgetter(*(_KEYS.get(name, name) for name in Entry._fields[:-1]))


def canonical(value: Any) -> str:
    """Return a value as JSON in the one form that is hashed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(body: bytes) -> str:
    """Return the SHA-256 of a body in hexadecimal."""
    return sha256(body).hexdigest()


def stamp(moment: datetime) -> str:
    """Return a moment in UTC with microseconds, ISO 8601."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def protocol_version(files: Iterable[Path]) -> str:
    """Return the SHA-256 of the names and contents of record files, taken in the order of their names."""
    whole = sha256()
    for path in sorted(files, key=lambda path: path.name):
        whole.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def json_lines(entries: Sequence[Entry]) -> bytes:
    """Return entries as JSON lines; the last line is the head, so that a truncated file is noticed."""
    lines = [f'{{"entry":{entry.body},"hash":"{entry.hash}"}}' for entry in entries]
    count, own = (entries[-1].sequence, entries[-1].hash) if entries else (0, BEGINNING)
    lines.append(canonical({"head": {"count": count, "hash": own}}))
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def write_entries(path: Path, entries: Sequence[Entry]) -> None:
    """Write entries to a file that :func:`read_entries` reads."""
    path.write_bytes(json_lines(entries))


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Read entries written by :func:`write_entries`; each is checked against its hash and the entry before.

    Raises
    ------
    ProtocolError
        If the file cannot be read or is truncated, or at the first line that is no entry, was changed, or does not
        follow the line before.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        raise ProtocolError(str(path), _("no file that can be read"), _("a log written as JSON lines")) from None
    return tuple(_read_lines(path.name, lines))


def _read_lines(name: str, lines: Sequence[bytes]) -> Iterator[Entry]:
    head, closed = Head(), False
    for number, line in enumerate(lines[:-1] if lines[-1:] == [b""] else lines, 1):
        where = _("{name}, line {number}").format(name=name, number=number)
        try:
            values = from_json(line)
            if "head" in values:
                closed = Head(**values["head"]) == head
                continue
            body = canonical(values["entry"])
            entry = opened(body, values["hash"])
        except (ValueError, TypeError, KeyError):
            raise ProtocolError(where, _("no entry of a log"), _("the line as it was exported")) from None
        if (entry.sequence, entry.previous) != (head.count + 1, head.hash) or digest(body.encode()) != entry.hash:
            raise ProtocolError(where, _("an entry that was changed or moved"), _("the line as it was exported"))
        head, closed = Head(entry.sequence, entry.hash), False
        yield entry
    if not closed:
        raise ProtocolError(name, _("a log that ends early"), _("the whole file as it was exported"))
