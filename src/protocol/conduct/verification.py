"""Verification of a log: whether an entry was changed, removed, moved or added.

The chain of hashes shows these changes and their place. Two changes need more: a log that lost its end together with
its head, and a log that was written again from some entry on with new hashes. Both are found if the head (count and
hash) that was exported earlier is given to the check, or is the last one that was seen here.

A database also has pages, indices, triggers and settings. What is wrong with them is a problem of entry 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from pydantic_core import from_json

from protocol.conduct.entries import Entry, Head, digest, opened
from protocol.display import Displayed
from protocol.records import ProtocolError
from protocol.translation import _


@dataclass(frozen=True)
class Problem:
    """One problem of a log: the sequence number of the entry (0: the database itself), and what is wrong."""

    sequence: int
    what: str

    def __str__(self) -> str:
        """Say where and what."""
        if not self.sequence:
            return _("The database: {what}").format(what=self.what)
        return _("Entry {number}: {what}").format(number=self.sequence, what=self.what)


@dataclass(frozen=True)
class Verification(Displayed):
    """The result of checking a whole log: its head, and its problems in the order of the entries."""

    head: Head
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the log has no problem."""
        return not self.problems

    def __repr__(self) -> str:
        """Return the number of entries and of problems."""
        return f"Verification({self.head.count} entries, {len(self.problems)} problems)"

    def table(self) -> pd.DataFrame:
        """Return one row a problem: ``sequence``, ``what``."""
        return pd.DataFrame([(one.sequence, one.what) for one in self.problems], columns=["sequence", "what"])


class Row(NamedTuple):
    """A row as it is stored, not yet checked."""

    sequence: int
    key: bytes
    hash: bytes
    body: bytes


def row_of(entry: Entry) -> Row:
    """Return an entry as it is stored."""
    return Row(entry.sequence, entry.key.encode(), entry.hash.encode(), entry.body.encode())


def checked(rows: Iterable[Row], before: Head) -> Iterator[Entry]:
    """Return rows that follow `before` as entries.

    Raises
    ------
    ProtocolError
        At the first row that was changed or moved, or that does not follow the one before.
    """
    count, last = before.count, before.hash
    for sequence, key, stored, body in rows:
        own = digest(body)
        try:
            entry = opened(body, own) if own.encode() == stored else None
        except (ValueError, TypeError, KeyError):
            entry = None
        count += 1
        if entry is None or (sequence, key) != (count, entry.key.encode()) or entry[:10:9] != (count, last):
            found = _("an entry that was changed, or that does not follow the one before")
            write = _("nothing more; have the log verified and compared with a copy")
            raise ProtocolError(_("trial log, entry {number}").format(number=count), found, write)
        last = own
        yield entry


def verified(
    rows: Iterable[Row],
    head: Head,
    expected: Head | None = None,
    seen: Head | None = None,
    faults: Iterable[str] = (),
) -> Verification:
    """Check a whole log and return all of its problems.

    Parameters
    ----------
    rows : iterable of Row
        All rows by sequence.
    head : Head
        The head that the log itself holds.
    expected : Head, optional
        A head that was exported earlier. The log must contain it.
    seen : Head, optional
        The last head that was seen here. The log must contain it too.
    faults : iterable of str
        What is wrong with the database itself.
    """
    problems = [Problem(0, what) for what in faults]
    kept = {one.count: "" for one in (expected, seen) if one is not None} | {0: Head().hash}
    keys = set[bytes]()
    count, links = 0, {Head().hash}
    for row in rows:
        own = digest(row.body)
        problems += _faults(row, own, count, links)
        if row.key in keys:
            problems.append(Problem(row.sequence, _("a key that an earlier entry has")))
        keys.add(row.key)
        count, links = row.sequence, {own, _text(row.hash)}
        if row.sequence in kept:
            kept[row.sequence] = own
    if Head(count, _text(row.hash) if count else Head().hash) != head:
        problems.append(Problem(min(count, head.count) + 1, _other_end(count, head.count)))
    if expected is not None and not expected.is_that_of(kept[expected.count]):
        what = _("not the log that was exported: {count} entries ended in another hash").format(count=expected.count)
        problems.append(Problem(expected.count, what))
    is_told = seen is not None and any(one.sequence == seen.count for one in problems)
    if seen is not None and not is_told and not seen.is_that_of(kept[seen.count]):
        problems.append(Problem(seen.count, lost(seen.count, count)))
    return Verification(head, tuple(problems))


def lost(seen: int, count: int) -> str:
    """Say that a head that was seen here is not in the log."""
    if count < seen:
        return _("{seen} entries were seen here before, and the log has {count}").format(seen=seen, count=count)
    return _("not the log that was seen here before: {seen} entries ended in another hash").format(seen=seen)


def _other_end(count: int, said: int) -> str:
    words = _("the log ends at entry {count}, and its head says {said} or another hash")
    return words.format(count=count, said=said)


def _faults(row: Row, own: str, count: int, links: set[str]) -> Iterator[Problem]:
    if row.sequence != count + 1:
        words = (
            _("entries {first} to {last} are missing")
            if row.sequence > count
            else _("a sequence number that is repeated or too small")
        )
        yield Problem(min(count + 1, row.sequence), words.format(first=count + 1, last=row.sequence - 1))
    if own != _text(row.hash):
        yield Problem(row.sequence, _("changed after it was recorded"))
        return
    try:
        values = from_json(row.body)
        same = (values["sequence"], values["key"]) == (row.sequence, _text(row.key))
        follows = values["previous"] in links
    except (ValueError, TypeError, KeyError):
        yield Problem(row.sequence, _("no entry"))
        return
    if not same:
        yield Problem(row.sequence, _("moved: its number or key is another than was recorded"))
    if not follows and row.sequence == count + 1:
        yield Problem(row.sequence, _("does not follow the entry before: one of the two was written anew"))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
