"""Entries of the log: an event with who, when and under which rules, chained by hashes."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from protocol.conduct.events import Event, content, event
from protocol.records import ProtocolError
from protocol.translation import _

BEGINNING = "0" * 64
"""What the first entry names as the hash before it."""

ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Where the trial takes place: its three sites are in Wuhan, and China has one time the whole year."""


def local_day(moment: datetime) -> date:
    """Return the calendar day of a moment where the trial takes place."""
    return moment.astimezone(ZONE).date()


class Entry(NamedTuple):
    """One row of the log.

    Attributes
    ----------
    sequence : int
        1, 2, 3 without a gap.
    time : str
        When it was recorded: UTC, ISO 8601 with microseconds, ending in Z.
    actor, site, reason : str
        Who recorded it, for which site (empty for the whole trial), and why, where that matters.
    protocol, software : str
        Hash of the record files and version of the workbook that were in use.
    key : str
        Made by the form; the same key is recorded once.
    content : mapping
        The event as plain values; :attr:`event` gives the record.
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
        """The study id, None when the event is not of one participant."""
        return self.content.get("participant")

    @property
    def event(self) -> Event:
        """The event as its record."""
        return event(self.content)

    @property
    def body(self) -> str:
        """Everything but the hash as canonical JSON: what the hash is taken of."""
        return canonical({
            "sequence": self.sequence, "time": self.time, "actor": self.actor, "site": self.site,
            "reason": self.reason, "protocol": self.protocol, "software": self.software, "key": self.key,
            "event": self.content, "previous": self.previous,
        })  # fmt: skip


@dataclass(frozen=True)
class Head:
    """How many entries a log has and the hash of the last. Kept elsewhere, it shows a log that lost its end."""

    count: int = 0
    hash: str = BEGINNING


@dataclass(frozen=True)
class Problem:
    """Something wrong with a log: at which entry, and what."""

    sequence: int
    what: str


@dataclass(frozen=True)
class Verification:
    """The result of checking a whole log."""

    head: Head
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def canonical(value: Any) -> str:
    """Write a value as JSON in the one form that is hashed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(body: bytes) -> str:
    """Return the SHA-256 of a body in hexadecimal."""
    return sha256(body).hexdigest()


def stamp(moment: datetime) -> str:
    """Write a moment in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
    """Make the entry that follows `before`. Nothing is written; see :meth:`protocol.conduct.log.Log.append`.

    Raises
    ------
    ProtocolError
        When a screening's result holds what JSON cannot, such as a number that is none.
    """
    values = {
        "sequence": before.count + 1, "time": stamp(moment), "actor": actor, "site": site, "reason": reason,
        "protocol": protocol, "software": software, "key": key or str(uuid.uuid4()), "previous": before.hash,
    }  # fmt: skip
    try:
        plain = content(happened)
        body = canonical(values | {"event": plain}).encode()
    except (ValueError, TypeError) as error:
        raise ProtocolError(_("event"), str(error)[:200], _("values that JSON can hold")) from None
    return Entry(**values, content=plain, hash=digest(body))  # type: ignore[arg-type]


def opened(body: bytes | str, own: str) -> Entry:
    """Read an entry back from its body; the hash is taken as it is."""
    return Entry._make((*_PARTS(from_json(body)), own))


_PARTS = itemgetter("sequence", "time", "actor", "site", "reason", "protocol", "software", "key", "event", "previous")


def protocol_version(files: Iterable[Path]) -> str:
    """Return the SHA-256 of record files, by name and content, in the order of their names."""
    whole = sha256()
    for path in sorted(files, key=lambda path: path.name):
        whole.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def json_lines(entries: Sequence[Entry]) -> bytes:
    """Write entries as JSON lines; the last line is the head, so that a file cut short is noticed."""
    lines = [f'{{"entry":{entry.body},"hash":"{entry.hash}"}}' for entry in entries]
    count, own = (entries[-1].sequence, entries[-1].hash) if entries else (0, BEGINNING)
    lines.append(canonical({"head": {"count": count, "hash": own}}))
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def write_entries(path: Path, entries: Sequence[Entry]) -> None:
    """Write entries to a file that :func:`read_entries` reads."""
    path.write_bytes(json_lines(entries))


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Read entries written by :func:`write_entries`, each checked against its hash and the one before.

    Raises
    ------
    ProtocolError
        Naming the first line that is not an entry, was changed, or does not follow the one before; or when the
        file ends early.
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
