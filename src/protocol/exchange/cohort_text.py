"""The lines of a text file in the encodings of spreadsheets in China, read one by one however large the file is."""

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from protocol.exchange.cohort_cells import Listed
from protocol.records import ProtocolError
from protocol.translation import _

CHUNK_BYTES = 1 << 20
LONGEST_BYTES = 1 << 26
"""Of a line; without line ends a file would have to be in memory as a whole."""
FIRST_OF_THREE = "\u0800"
"""From this character on UTF-8 takes three bytes or more, which text in GB18030 hardly ever imitates."""

SEPARATORS = ",;\t"
"""Of cells: a spreadsheet saves semicolons where the comma is the decimal sign, and tabs in its "Unicode text"."""


class Lines:
    """Decoded lines of a file: UTF-8, UTF-16 with a mark, or GB18030; line by line where UTF-8 and GB18030 are mixed.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    file : binary file
        At its start, and able to go back there.

    Attributes
    ----------
    odd : Listed
        The lines that are not written like the rest, numbered from 1, and how they were read.

    Raises
    ------
    ProtocolError
        When these are not the bytes of a text.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file = name, file
        self.odd = Listed(_("lines"), _("one encoding for the whole file, best UTF-8"))
        self.encoding = self._found()
        file.seek(3 if file.read(3) == codecs.BOM_UTF8 else 0)
        self._texts = self._decoded()

    def __iter__(self) -> Iterator[str]:
        return self._texts

    def first(self) -> list[str]:
        """Read up to the first line that is not blank."""
        lines = list[str]()
        for line in self._texts:
            lines.append(line)
            if line.strip(SEPARATORS + '" \r\n'):
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

    def _found(self) -> str:
        if self.file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            self.file.seek(0)
            return "utf-16"
        self.file.seek(0)
        return "utf-8" if self._is_utf_8() else "gb18030"

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
        decoder, found, line_bytes = codecs.getincrementaldecoder("utf-8")(), True, 0
        while chunk := self.file.read(CHUNK_BYTES):
            if b"\0" in chunk:
                raise self._no_text()
            line_bytes = len(chunk) - 1 - chunk.rfind(b"\n") + (0 if b"\n" in chunk else line_bytes)
            if line_bytes > LONGEST_BYTES:
                found_line = _("a line of more than {megabytes} MB").format(megabytes=LONGEST_BYTES >> 20)
                raise ProtocolError(self.name, found_line, _("one line per participant"))
            if found:
                found = _fits(decoder, chunk)
        self.file.seek(0)
        return found and _fits(decoder, b"", last=True)

    def _mixed(self, number: int, line: bytes) -> str:
        """Read one line of a file that is not all UTF-8."""
        if line.isascii():
            return line.decode("ascii")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return self._other(number, line)
        if max(text) < FIRST_OF_THREE:
            return self._other(number, line)
        self._add(number, _("text in UTF-8 where other lines are in GB18030; read as UTF-8"))
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
        self._add(number, _("bytes that are no text; each is shown as �"))

    def _add(self, number: int, found: str) -> None:
        self.odd.add(_("line {line}").format(line=number), found)

    def _no_text(self) -> ProtocolError:
        return ProtocolError(self.name, _("bytes that are not text"), _("a CSV file in UTF-8, or a Parquet file"))


def separator(header: Sequence[str]) -> str:
    """Return what a header's cells are separated by, a comma when nothing is; quoted names may contain any."""
    names = re.sub('"[^"]*"', "", "".join(header))
    return max(SEPARATORS, key=names.count)


def _fits(decoder: codecs.IncrementalDecoder, chunk: bytes, *, last: bool = False) -> bool:
    try:
        decoder.decode(chunk, last)
    except UnicodeDecodeError:
        return False
    return True
