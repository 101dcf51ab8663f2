"""Excel files (``.xlsx``) as rows of text: each cell as it would be typed, row by row.

Numbers are written with the 15 digits that Excel keeps, days in ISO form by the workbook's own date system, formulas
by the value that was stored with them. What no cell can be read from (a heading in merged cells, a formula that was
never computed) is told. An error value such as ``#N/A`` stays what it is, and the reader of the column refuses it.
"""

import io
import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZipFile

from protocol.exchange.limits import check_unpacked
from protocol.records import ProtocolError
from protocol.translation import _, list_of

SIGNATURE = b"PK\x03\x04"

_OLDER = b"\xd0\xcf\x11\xe0"
"""Begins a file of Excel 97 to 2003, and one with a password."""

_CHUNK = 1 << 20

_OVERLAP = 4096
"""Bytes of a chunk that are looked at again with the next, so that nothing is cut in two."""

_NOT_COMPUTED = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+\d+)"[^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
"""A formula without a value: its file was written by a program that does not compute."""

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')

_CHINESE_DAYS = {
    **dict.fromkeys((27, 36, 50, 52, 57), 'yyyy"年"m"月"'),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), 'm"月"d"日"'),
    **dict.fromkeys((32, 34, 55), 'h"时"mm"分"'),
    **dict.fromkeys((33, 35, 56), 'h"时"mm"分"ss"秒"'),
    30: "m-d-yy",
    31: 'yyyy"年"m"月"d"日"',
}
"""Formats that a Chinese Excel names by number only, unknown to openpyxl. Source: ECMA-376-1, 18.8.30, zh-cn."""

_CELL, _ROW = re.compile(rb"<(?:\w+:)?c[ />]"), re.compile(rb"<(?:\w+:)?row\b")

LONGEST_TEXT = 32_767
"""Characters of a cell in Excel."""


def is_excel(name: str, start: bytes) -> bool:
    """Whether a file is taken for an Excel file, by its first bytes or its name."""
    return start[:4] in (SIGNATURE, _OLDER) or name.lower().endswith((".xlsx", ".xlsm", ".xls"))


class UnchosenSheetError(ProtocolError):
    """Several sheets have cells, and none of them was chosen."""

    def __init__(self, where: str, found: str, sheets: tuple[str, ...]) -> None:
        super().__init__(where, found, _("the sheet: {sheets}").format(sheets=list_of(sheets)))
        self.sheets = sheets


class Row(NamedTuple):
    """One row: its number in the sheet, from 1, and its cells as text ("" for an empty one)."""

    number: int
    cells: list[str]


class ExcelFile:
    """An Excel file, opened at one of its sheets.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    file : binary file
    sheet : str
        Which sheet; it may be left out if one sheet only has cells.

    Attributes
    ----------
    sheets : tuple of str
        The visible sheets that have cells, in their order.
    sheet : str
        The sheet that is read.
    size : int
        About how many rows it has.
    not_computed : tuple of str
        Cells with a formula whose value was never stored.
    merged : tuple of tuple
        First and last row, and the name of each range of merged cells, such as ``(1, 1, "A1:C1")``.

    Raises
    ------
    ProtocolError
        When it is no such file, has a password, is too large unpacked, or has several sheets and none was chosen.
    """

    def __init__(self, name: str, file: BinaryIO, sheet: str = "") -> None:
        self.name = name
        self._book = _opened(name, file)
        self.sheets, scanned = self._scanned(file)
        chosen = sheet or (self.sheets[0] if len(self.sheets) == 1 else "")
        if not self.sheets:
            self.close()
            raise ProtocolError(name, _("no sheet with cells"), _("a heading row and one row per participant"))
        if chosen not in self.sheets:
            self.close()
            found = _("no sheet {sheet!r}").format(sheet=sheet) if sheet else _("several sheets with cells")
            raise UnchosenSheetError(name, found, self.sheets)
        self.sheet = chosen
        self.size, self.not_computed, self.merged = scanned[chosen]

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()

    def header(self) -> Row:
        """Return the first row with text, which holds the headings.

        Raises
        ------
        ProtocolError
            If there is none, or if one of its cells is merged with others.
        """
        first = next(self.rows(together=1), None)
        if first is None:
            raise ProtocolError(self.name, _("an empty file"), _("a header line and one line per participant"))
        for top, bottom, cells in self.merged:
            if top <= first.number <= bottom:
                where = _("{name}, row {row}").format(name=self.name, row=first.number)
                found = _("a heading in merged cells ({cells})").format(cells=cells)
                write = _("one row of headings, each in a cell of its own, and nothing above")
                raise ProtocolError(where, found, write)
        return first

    def rows(self, width: int | None = None, *, together: int = 1000) -> Iterator[Row]:
        """Yield the rows that have a cell with text.

        Parameters
        ----------
        width : int, optional
            How many columns are read; each row has as many cells then.
        together : int
            How many rows are taken from the file at a time.
        """
        table = self._book[self.sheet]
        table.reset_dimensions()  # what a file says of its own size may be wrong
        found = enumerate(table.iter_rows(max_col=width), start=1)
        while batch := self._some(found, together):
            for number, row in batch:
                cells = [_text(cell) for cell in row]
                if any(cells):
                    yield Row(number, cells)

    def _some(self, rows: Iterator[tuple[int, Any]], count: int) -> list[tuple[int, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a day outside the calendar becomes an error value, which is told
            try:
                return list(islice(rows, count))
            except Exception as error:
                raise _broken(self.name) from error

    def _scanned(self, file: BinaryIO) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Look through the sheets for what a cell does not show."""
        found = {}
        with ZipFile(file) as archive:
            for table in self._book.worksheets:
                if table.sheet_state == "visible":
                    has_cells, *rest = _scan(archive, table._worksheet_path.removeprefix("/"))
                    if has_cells:
                        found[table.title] = tuple(rest)
        return tuple(found), found


def sheets(name: str, content: bytes) -> tuple[str, ...]:
    """Return the names of the visible sheets with cells; () for a file of another kind.

    Raises
    ------
    ProtocolError
        When it is an Excel file that cannot be read.
    """
    if not is_excel(name, content):
        return ()
    try:
        opened = ExcelFile(name, io.BytesIO(content))
    except UnchosenSheetError as error:
        return error.sheets
    opened.close()
    return opened.sheets


def _opened(name: str, file: BinaryIO) -> Any:
    from openpyxl import load_workbook

    file.seek(0)
    start = file.read(4)
    if start == _OLDER:
        found = _("an Excel file of before 2007, or one with a password")
        raise ProtocolError(name, found, _("an .xlsx file without a password (Save as, Excel Workbook)"))
    file.seek(0)
    check_unpacked(name, file)
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:
            raise _broken(name) from error
    styles = enumerate(book._cell_styles)
    book._date_formats |= {place for place, style in styles if style.numFmtId in _CHINESE_DAYS}
    return book


def _broken(name: str) -> ProtocolError:
    return ProtocolError(name, _("bytes that are not an Excel file"), _("an .xlsx file, saved anew, or a CSV file"))


def _scan(archive: ZipFile, path: str) -> tuple[bool, int, tuple[str, ...], tuple[tuple[int, int, str], ...]]:
    """Return whether a sheet has cells, about how many rows, its formulas without a value, and its merged cells."""
    has_cells, rows, rest = False, 0, b""
    formulas, merged = dict[str, None](), dict[str, tuple[int, int, str]]()
    with archive.open(path) as part:
        while chunk := part.read(_CHUNK):
            text = rest + chunk
            has_cells, rows = has_cells or _CELL.search(text) is not None, rows + len(_ROW.findall(chunk))
            formulas |= dict.fromkeys(found[1].decode() for found in _NOT_COMPUTED.finditer(text))
            for found in _MERGED.finditer(text):
                first, last = found[1] + found[2], found[3] + found[4]
                where = f"{first.decode()}:{last.decode()}"
                merged[where] = (int(found[2]), int(found[4]), where)
            rest = text[-_OVERLAP:]
    return has_cells, rows, tuple(formulas), tuple(merged.values())


_ZEROS = re.compile("0+")
_PERCENT = re.compile(r"[0#.,]+%")


def _text(cell: Any) -> str:
    """Return a cell as it would be typed."""
    value = cell.value
    match value:
        case None:
            return ""
        case str():
            return value.strip()[:LONGEST_TEXT]
        case bool():
            return "true" if value else "false"
        case datetime():
            if value.day == 1 and not _shows_the_day(cell):
                return f"{value:%Y-%m}"
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date():
            return value.isoformat()
        case int() | float():
            return _number(value, str(cell.number_format))
    return str(value)


_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')


def _shows_the_day(cell: Any) -> bool:
    """Whether the format of a day has the day in it: Excel keeps the first of a month for 2026年3月."""
    shown_as = _CHINESE_DAYS.get(cell.style_array.numFmtId, str(cell.number_format))
    return "d" in _QUOTED.sub("", shown_as).lower()


def _number(value: float, shown_as: str) -> str:
    if _PERCENT.fullmatch(shown_as):
        return f"{value * 100:.15g}%"
    if _ZEROS.fullmatch(shown_as) and value == int(value) >= 0:
        return f"{int(value):0{len(shown_as)}}"
    return str(value) if isinstance(value, int) else f"{value:.15g}"
