"""CSV files in blocks: their encoding, their lines, the plain rows together and the others one by one.

A row is plain when it is one line with as many cells as the header, and every quotation mark in it begins or ends a
cell. All others (too few or too many cells, blank, quotation marks or line ends inside a cell) are read by
:mod:`csv` and written anew with every cell in quotation marks, so that the whole block can be read at once.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from protocol.exchange.cohort.cells import ProblemList
from protocol.records import ProtocolError
from protocol.translation import _

_SEPARATORS = ",;\t"
"""Of cells: a spreadsheet saves semicolons where the comma is the decimal sign, and tabs in its "Unicode text"."""


def separator(header: Sequence[str]) -> str:
    """Return what a header's cells are separated by, a comma when nothing is; quoted names may contain any."""
    names = re.sub('"[^"]*"', "", "".join(header))
    return max(_SEPARATORS, key=names.count)


def names_of(header: Sequence[str]) -> list[str]:
    """Return the names in a header without blanks and unseen marks around them.

    A file that was put together has several marks of byte order.
    """
    return [cell.strip().strip("\ufeff\u200b\u2060").strip() for cell in header]


LONGEST_BYTES = 1 << 26
"""Of a line; without line ends a file would have to be in memory as a whole."""

_FIRST_OF_THREE = "\u0800"
"""From this character on UTF-8 takes three bytes or more, which text in GB18030 hardly ever imitates."""


_CHUNK_BYTES = 1 << 20


class TextLines:
    """Decoded lines of a file: UTF-8, UTF-16 with a mark, or GB18030; line by line where UTF-8 and GB18030 are mixed.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    file : binary file
        At its start, and able to go back there.

    Attributes
    ----------
    odd : ProblemList
        The lines that are not written like the rest, numbered from 1, and how they were read.

    Raises
    ------
    ProtocolError
        When these are not the bytes of a text.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file = name, file
        self.odd = ProblemList(_("lines"), _("one encoding for the whole file, best UTF-8"))
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            self.encoding = "utf-16"
        else:
            self.encoding = "utf-8" if self._is_utf_8() else "gb18030"
        file.seek(0)
        file.seek(3 if file.read(3) == codecs.BOM_UTF8 else 0)
        self._texts = self._decoded()

    def __iter__(self) -> Iterator[str]:
        return self._texts

    def first(self) -> list[str]:
        """Read up to the first line that is not blank."""
        lines = list[str]()
        for line in self._texts:
            lines.append(line)
            if line.strip(_SEPARATORS + '" \r\n'):
                break
        return lines

    def blocks(self, size: int) -> Iterator[bytes]:
        """Go on where the reading of lines has come to: whole lines in UTF-8, about `size` bytes at a time."""
        if self.encoding == "utf-8":
            while block := self.file.read(size):
                yield block + self.file.readline()
            return
        lines = bytearray()
        for line in self._texts:
            lines += line.encode()
            if len(lines) >= size:
                yield bytes(lines)
                lines.clear()
        if lines:
            yield bytes(lines)

    def _decoded(self) -> Iterator[str]:
        if self.encoding == "utf-16":
            yield from self._wide()
            return
        for number, line in enumerate(self.file, start=1):
            yield line.decode() if self.encoding == "utf-8" else self._mixed(number, line)

    def _wide(self) -> Iterator[str]:
        """Read UTF-16; what no character is made of is shown and listed."""
        text = io.TextIOWrapper(self.file, "utf-16", errors="replace", newline="\n")
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise self._no_text()
            if "\ufffd" in line:
                self._unreadable(number)
            yield line
        text.detach()

    def _is_utf_8(self) -> bool:
        """Read the whole file; refuse one that is no text or has a line that would not fit into memory."""
        decoder, is_utf_8, line_bytes = codecs.getincrementaldecoder("utf-8")(), True, 0
        self.file.seek(0)
        for chunk in chain(iter(partial(self.file.read, _CHUNK_BYTES), b""), [b""]):
            if b"\0" in chunk:
                raise self._no_text()
            line_bytes = len(chunk) - 1 - chunk.rfind(b"\n") + (0 if b"\n" in chunk else line_bytes)
            if line_bytes > LONGEST_BYTES:
                found = _("a line of more than {megabytes} MB").format(megabytes=LONGEST_BYTES >> 20)
                raise ProtocolError(self.name, found, _("one line per participant"))
            try:
                if is_utf_8:
                    decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                is_utf_8 = False
        return is_utf_8

    def _mixed(self, number: int, line: bytes) -> str:
        """Read one line of a file that is not all UTF-8."""
        if line.isascii():
            return line.decode("ascii")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return self._other(number, line)
        if max(text) < _FIRST_OF_THREE:
            return self._other(number, line)
        self._note(number, _("text in UTF-8 where other lines are in GB18030; read as UTF-8"))
        return text

    def _other(self, number: int, line: bytes) -> str:
        try:
            return line.decode("gb18030")
        except UnicodeDecodeError:
            if number == 1:
                raise self._no_text() from None
            self._unreadable(number)
            text = line.rstrip(b"\r\n")  # or the last broken character would take the line end with it
            return text.decode("gb18030", errors="replace") + line[len(text) :].decode()

    def _unreadable(self, number: int) -> None:
        self._note(number, _("bytes that are no text; each is shown as �"))

    def _note(self, number: int, found: str) -> None:
        self.odd.add(_("line {line}").format(line=number), found)

    def _no_text(self) -> ProtocolError:
        return ProtocolError(self.name, _("bytes that are not text"), _("a CSV file in UTF-8, or a Parquet file"))


BLOCK_BYTES = 1 << 23
"""Read together: some ten thousand rows, whose cells as text need about six times as much."""

Numbers = NDArray[np.int64]


class CsvBlocks:
    """A CSV file's rows as frames of text, block by block.

    Parameters
    ----------
    blocks : iterator of bytes
        Whole lines in UTF-8, behind the header.
    columns : mapping of int to str
        The places of the columns to read, and their names.
    wanted : int
        Columns in the header.
    row : int
        Number of the next row.
    even : callable
        Makes the cells of a row with another number of them fit, and says so.
    over_lines : callable
        Told the number of a row that was read by itself, and of how many lines it is.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        columns: dict[int, str],
        wanted: int,
        row: int,
        even: Callable[[int, list[str]], list[str]],
        over_lines: Callable[[int, int], None],
    ) -> None:
        self.blocks, self.columns, self.wanted, self.row = blocks, columns, wanted, row
        self.even, self.over_lines = even, over_lines
        self._texts, self._numbers = list[bytes](), list[Sequence[int] | Numbers]()

    def __iter__(self) -> Iterator[tuple[Numbers, Any]]:
        rest = b""
        for block in chain(self.blocks, [b""]):
            rest = self._take(rest + block, last=not block)
            if self._numbers:
                yield np.concatenate(self._numbers), self._frame()
                self._texts, self._numbers = [], []

    def _take(self, text: bytes, *, last: bool) -> bytes:
        """Take the rows of some lines; return the lines of one that may go on behind them."""
        starts, ends = _line_ends(text)
        unusual = _unusual(text, starts, ends, self.wanted)
        at = 0
        for line in np.flatnonzero(unusual).tolist():
            if line < at:  # read together with the line before, or inside a cell of it
                continue
            self._plain(text[starts[at] : starts[line]], line - at)
            at, is_whole = self._others(text, starts, ends, unusual, line, last=last)
            if not is_whole:
                return text[starts[at] :]
        if at < len(starts):
            self._plain(text[starts[at] :], len(starts) - at)
        return b""

    def _plain(self, text: bytes, rows: int) -> None:
        if rows:
            self._texts.append(text)
            self._numbers.append(np.arange(self.row, self.row + rows))
            self.row += rows

    def _others(
        self, text: bytes, starts: Numbers, ends: Numbers, unusual: NDArray[np.bool_], line: int, *, last: bool
    ) -> tuple[int, bool]:
        """Take unusual rows from a line on, one by one; return the line behind them, and if the last was whole."""
        written, numbers, first, is_whole = io.StringIO(), list[int](), line, True
        writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n")
        reader = csv.reader(text[starts[at] : ends[at]].decode() for at in range(line, len(ends)))
        for cells in reader:
            behind = first + reader.line_num
            if behind == len(ends) and not last:
                is_whole = False
                break
            self.over_lines(self.row, behind - line)
            if any(map(str.strip, cells)):
                writer.writerow(self.even(self.row, cells))
                numbers.append(self.row)
            self.row, line = self.row + 1, behind
            if line == len(ends) or not unusual[line]:
                break
        if numbers:
            self._texts.append(written.getvalue().encode())
            self._numbers.append(numbers)
        return line, is_whole

    def _frame(self) -> Any:
        import polars as pl

        names = list(map(str, range(self.wanted)))
        text = b"".join([",".join(names).encode(), b"\n", *self._texts])
        frame = pl.read_csv(text, schema=dict.fromkeys(names, pl.String), columns=list(self.columns))
        if any(isinstance(numbers, list) for numbers in self._numbers):  # a quoted cell without text is no null yet
            frame = frame.with_columns(pl.all().replace("", None))
        return frame.rename({str(place): name for place, name in self.columns.items()})


_COMMA, _QUOTE, _NEWLINE, _RETURN = b',"\n\r'


def _line_ends(text: bytes) -> tuple[Numbers, Numbers]:
    """Return where lines start, and where they end behind their line end."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE) + 1
    if text and not text.endswith(b"\n"):
        ends = np.append(ends, len(text))
    return np.concatenate([[0], ends[:-1]]) if len(ends) else ends, ends


_LONGEST_PLAIN = 100_000
"""Bytes of a line from which on it is left to :mod:`csv`, which refuses the longest cells."""

_BLANK = re.compile(rb'[\s,"\x1c-\x1f\x80-\xff]*')
"""A line that may have nothing but space in its cells."""

_BLANK_STARTS = np.array([_BLANK.fullmatch(bytes([byte])) is not None for byte in range(256)])


def _unusual(text: bytes, starts: Numbers, ends: Numbers, wanted: int) -> NDArray[np.bool_]:
    """Say which lines are not one plain row of `wanted` cells."""
    letters = np.frombuffer(text, np.uint8)
    commas, quotes = np.flatnonzero(letters == _COMMA), np.flatnonzero(letters == _QUOTE)
    counts = np.diff(np.searchsorted(commas, ends), prepend=0)
    found = ends - starts > _LONGEST_PLAIN
    if len(quotes):
        wrong, inside = _quoted(letters, starts, ends, commas, quotes)
        found, counts = found | wrong, counts - inside
    if text.count(b"\r") != text.count(b"\r\n"):
        returns = np.flatnonzero(letters == _RETURN)
        alone = returns[letters[np.minimum(returns + 1, len(text) - 1)] != _NEWLINE]
        found[np.searchsorted(ends, alone, side="right")] = True
    found |= counts != wanted - 1
    for line in np.flatnonzero(~found & _BLANK_STARTS[letters[starts]]).tolist():
        found[line] = _BLANK.fullmatch(text, starts[line], ends[line]) is not None
    return found


def _quoted(
    letters: NDArray[np.uint8], starts: Numbers, ends: Numbers, commas: Numbers, quotes: Numbers
) -> tuple[NDArray[np.bool_], Numbers]:
    """Say of each line whether a quotation mark is in a wrong place, and how many commas are between two."""
    line = np.searchsorted(ends, quotes, side="right")
    closing = (np.arange(len(quotes)) - np.searchsorted(quotes, starts)[line]) % 2 == 1
    opens = (quotes == starts[line]) | (letters[quotes - 1] == _COMMA)
    closes = (quotes + 1 == ends[line]) | np.isin(letters[(quotes + 1) % len(letters)], (_COMMA, _NEWLINE, _RETURN))
    wrong = np.bincount(line[np.where(closing, ~closes, ~opens)], minlength=len(ends)) > 0
    odd = np.bincount(line, minlength=len(ends)) % 2 == 1
    places = np.searchsorted(commas, quotes)
    inside = np.bincount(line, weights=np.where(closing, places, -places), minlength=len(ends))
    return wrong | odd, inside.astype(np.int64)
