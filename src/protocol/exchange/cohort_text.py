"""The lines of a text file in the encodings of spreadsheets in China, read one by one however large the file is."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from protocol.records import ProtocolError
from protocol.translation import _

CHUNK_BYTES = 1 << 20
FIRST_OF_THREE = "\u0800"
"""From this character on UTF-8 takes three bytes or more, which text in GB18030 hardly ever imitates."""


class Lines:
    """Decoded lines of a file: UTF-8, with or without a mark, or GB18030; line by line where both are mixed.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    file : binary file
        At its start, and able to go back there.

    Attributes
    ----------
    odd : list of (int, str)
        Number of each line that is not written like the rest, from 1, and how it was read.

    Raises
    ------
    ProtocolError
        When these are not the bytes of a text.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self.file, self.odd = name, file, list[tuple[int, str]]()
        self.encoding = "utf-8" if self._is_utf_8() else "gb18030"
        file.seek(3 if file.read(3) == codecs.BOM_UTF8 else 0)

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self.file, start=1):
            yield line.decode() if self.encoding == "utf-8" else self._mixed(number, line)

    def _is_utf_8(self) -> bool:
        decoder, found = codecs.getincrementaldecoder("utf-8")(), True
        while chunk := self.file.read(CHUNK_BYTES):
            if b"\0" in chunk:
                raise self._no_text()
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
        self.odd.append((number, _("text in UTF-8 where other lines are in GB18030; read as UTF-8")))
        return text

    def _other(self, number: int, line: bytes) -> str:
        try:
            return line.decode("gb18030")
        except UnicodeDecodeError:
            if number == 1:
                raise self._no_text() from None
            self.odd.append((number, _("bytes that are no text; each is shown as �")))
            return line.decode("gb18030", errors="replace")

    def _no_text(self) -> ProtocolError:
        return ProtocolError(self.name, _("bytes that are not text"), _("a CSV file in UTF-8, or a Parquet file"))


def _fits(decoder: codecs.IncrementalDecoder, chunk: bytes, *, last: bool = False) -> bool:
    try:
        decoder.decode(chunk, last)
    except UnicodeDecodeError:
        return False
    return True
