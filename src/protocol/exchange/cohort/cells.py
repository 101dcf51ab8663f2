"""Cells of cohort files: the value of one cell, and columns of them as compact arrays, with what cannot be used."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility import Fact, expected
from protocol.eligibility.criteria import FIRST_DAY, LAST_DAY
from protocol.eligibility.frames import NO, YES, identity
from protocol.exchange.dates import whole_day
from protocol.records import outlined
from protocol.translation import _, list_of

_LISTED = 200
"""Problems of one kind that are listed one by one."""


class FileProblem(NamedTuple):
    """One thing in a file that could not be used: where, what was found, what to write."""

    where: str
    found: str
    write: str


class ProblemList:
    """Problems of one kind: the first 200 are listed, the others counted."""

    def __init__(self, where: str, write: str) -> None:
        self.where, self.write, self.first, self.more = where, write, list[FileProblem](), 0

    def add(self, where: str, found: str) -> None:
        """Add one."""
        if len(self.first) < _LISTED:
            self.first.append(FileProblem(where, found, self.write))
        else:
            self.more += 1

    @property
    def room(self) -> int:
        """How many more are listed."""
        return _LISTED - len(self.first)

    def problems(self) -> list[FileProblem]:
        """Return them, the last one with the number of those not listed."""
        rest = [FileProblem(self.where, _("{count} more of this kind").format(count=self.more), self.write)]
        return self.first + rest if self.more else self.first


_EMPTY = {"", "na", "n/a", "nan", "null", "none", "unknown", "?", "未知"}


def read_value(cell: object, fact: Fact) -> object:
    """Read one cell or field; None when it is empty.

    Raises
    ------
    ValueError
        When it is not a value of this fact.
    """
    text = "" if cell is None or cell != cell else str(cell).strip()
    if text.lower() in _EMPTY and text not in fact.options:
        if text.lower() in fact.options:
            raise ValueError(text)  # "None" is also what programs write for nothing
        return None
    match fact.type:
        case "yes_no":
            if text.lower() not in YES | NO:
                raise ValueError(text)
            return text.lower() in YES
        case "date":
            return whole_day(text, FIRST_DAY, LAST_DAY)
        case "choice":
            found = text if text in fact.options else _option(fact, text.lower())
            if found not in fact.options:
                raise ValueError(text)
            return found
    number = plain_number(text)
    if not fact.is_plausible(number) or (fact.type == "whole" and number != int(number)):
        raise ValueError(text)
    return int(number) if fact.type == "whole" else number


def plain_number(text: str) -> float:
    """Read a number as people write it; Python would also read 1_000.

    Raises
    ------
    ValueError
        When it is no number.
    """
    return float(text.replace("_", "x"))


def _option(fact: Fact, text: str) -> str:
    """Return the option that has this label, the text itself if none has."""
    return next((option for option, label in fact.options.items() if label.lower() == text), text)


def expected_words(fact: Fact) -> str:
    """Say what a file of another system may hold for a fact: its answers by their labels and not by their ids."""
    if not fact.options:
        return expected(fact)
    return _("one of {options}").format(options=list_of(fact.options.values(), "; "))


TYPE_CODES = {"number": "d", "whole": "d", "yes_no": "b", "choice": "h", "date": "i"}
"""How a fact's values are held, as type codes of NumPy; days count from 1970-01-01, answers by their position."""

MISSING: dict[str, float] = {"d": np.nan, "b": -1, "h": -1, "i": np.iinfo(np.int32).min}
"""What stands for no value in each of them."""

DTYPES = {"number": "float64", "whole": "Int64", "yes_no": "boolean", "choice": "object", "date": "datetime64[s]"}
"""How pandas holds values of a fact, where a frame is made of plain values."""

Values = NDArray[Any]


class Rows(NamedTuple):
    """Some rows of a file: their numbers in it, and their cells by column, as a list or a Polars column of text."""

    numbers: Any
    cells: Mapping[str, Any]


_GROUPED = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+")
"""1.250, which in a file without commas between its cells may be one thousand, or one and a quarter."""


def may_be_grouped(text: str) -> bool:
    """Whether the point in a number may separate thousands, where the comma separates no cells."""
    return _GROUPED.fullmatch(text) is not None


_LARGEST_CACHE = 10_000
"""Different texts of a column whose values are remembered."""

_UNUSABLE = object()


class Column:
    """Reads the cells of one fact's column into an array, as :data:`TYPE_CODES` says.

    Parameters
    ----------
    fact : Fact
    grouped : bool
        Whether 1.250 may be one thousand two hundred and fifty, as in files without commas between the cells; it is
        not used then.
    name : str
        The heading of the column in the file; the fact's id if it is left out.
    read_cell : callable, optional
        Reads one cell in place of :func:`read_value`, in a file that is not written as the workbook's own.
    """

    def __init__(
        self,
        fact: Fact,
        *,
        grouped: bool = False,
        name: str = "",
        read_cell: Callable[[object], object] | None = None,
    ) -> None:
        self.fact, self.kind, self.grouped, self.name = fact, TYPE_CODES[fact.type], grouped, name or fact.id
        self._read_cell = read_cell
        self.missing = MISSING[self.kind]
        self.values = dict[Any, Any]()
        write = expected_words(fact) if read_cell else expected(fact)
        self.unusable = ProblemList(_("column {column}").format(column=self.name), write)

    def read(self, rows: Rows) -> Values:
        """Read the cells of some rows."""
        cells = rows.cells[self.name]
        if self._read_cell is not None and not isinstance(cells, (list, tuple)):
            cells = cells.to_list()
        if isinstance(cells, (list, tuple)):
            return np.array(self._read_each(cells, rows.numbers), dtype=self.kind)
        values, others = self._read_usual(cells)
        if len(others):
            values[others] = self._read_each(cells.gather(others).to_list(), np.asarray(rows.numbers)[others])
        return values

    def _read_each(self, cells: Sequence[Any], numbers: Any) -> list[Any]:
        """Read cells one by one, each text once; list those that cannot be used."""
        if len(self.values) > _LARGEST_CACHE:
            self.values.clear()
        for cell in set(cells).difference(self.values):
            self.values[cell] = self._value(cell)
        found = [self.values[cell] for cell in cells]
        wrong = [place for place, value in enumerate(found) if value is _UNUSABLE]
        room = self.unusable.room
        for place in wrong[:room]:
            where = _("row {row}, column {column}").format(row=numbers[place], column=self.name)
            self.unusable.add(where, repr(outlined(str(cells[place]))))
        self.unusable.more += len(wrong[room:])
        for place in wrong:
            found[place] = self.missing
        return found

    def _value(self, cell: Any) -> Any:
        if self.grouped and self.fact.is_number and may_be_grouped(str(cell).strip()):
            return _UNUSABLE
        try:
            value: Any = self._read_cell(cell) if self._read_cell else read_value(cell, self.fact)
        except ValueError:
            return _UNUSABLE
        if value is None:
            return self.missing
        if self.fact.type == "choice":
            return list(self.fact.options).index(value)
        return (value - date(1970, 1, 1)).days if isinstance(value, date) else value

    def _read_usual(self, cells: Any) -> tuple[Values, Values]:
        """Read what is written as usual, all cells of a Polars column at once; return also the places of the rest."""
        match self.fact.type:
            case "date":
                values, usable = self._days(cells)
            case "number" | "whole":
                values, usable = self._numbers(cells)
            case _:
                values, usable = self._answers(cells)
        return values, np.flatnonzero(~usable & cells.is_not_null().to_numpy())

    def _numbers(self, cells: Any) -> tuple[Values, Values]:
        import polars as pl

        numbers = cells.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
        usable = (numbers >= self.fact.minimum) & (numbers <= self.fact.maximum)
        if self.fact.type == "whole":
            usable &= numbers == np.floor(numbers)
        return np.where(usable, numbers, self.missing), usable

    def _days(self, cells: Any) -> tuple[Values, Values]:
        """Read days; Polars takes more than is allowed, so each has to be what the day is written as."""
        import polars as pl

        days = cells.str.to_date("%Y-%m-%d", strict=False)
        usual = days.is_between(FIRST_DAY, LAST_DAY) & (days.cast(pl.String) == cells)
        usable = usual.fill_null(value=False).to_numpy()
        return np.where(usable, days.to_physical().fill_null(0).to_numpy(), np.int32(self.missing)), usable

    def _answers(self, cells: Any) -> tuple[Values, Values]:
        texts, known = self._usual_answers
        codes = cells.cast(texts, strict=False).to_physical()
        return known[codes.fill_null(len(known) - 1).to_numpy()], codes.is_not_null().to_numpy()

    @cached_property
    def _usual_answers(self) -> tuple[Any, Values]:
        """The usual ways to write an answer, as a type of Polars, and what is read from each; at the end nothing."""
        import polars as pl

        words = [*self.fact.options, *self.fact.options.values(), *sorted(YES | NO | _EMPTY)]
        texts = {text: self._value(text) for word in words for text in (word, word.capitalize(), word.upper())}
        usual = {text: value for text, value in texts.items() if value is not _UNUSABLE}
        return pl.Enum(list(usual)), np.array([*usual.values(), self.missing], dtype=self.kind)


def identities(cells: Sequence[Any], numbers: Any, nameless: ProblemList) -> list[str]:
    """Read ids as text; a participant without one is called by the number of the row, and listed."""
    ids = ["" if cell is None or cell != cell else identity(cell).strip() for cell in cells]
    for place in [place for place, text in enumerate(ids) if not text]:
        ids[place] = _("row {row}").format(row=numbers[place])
        nameless.add(ids[place], _("no id; this row is screened and shown by its number"))
    return ids
