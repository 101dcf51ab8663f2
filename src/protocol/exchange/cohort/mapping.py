"""What the columns of a cohort file hold, where they are not named and written as the workbook's own.

A mapping is proposed from the names and words that the record keeps under ``[[imports.columns]]``. What these do not
say exactly is asked, and nothing is guessed: which fact a column holds, in which unit, and what a word in it means.
The answers are kept in a small file and used again for the next file of that hospital.
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import islice
from math import floor
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from protocol.display import shown as as_html
from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.criteria import (
    FIRST_DAY,
    LAST_DAY,
    PARTICIPANT,
    UNKNOWN_ANSWER,
    answers_of,
    plain_heading,
)
from protocol.eligibility.frames import NO
from protocol.exchange.cohort.cells import FileProblem, read_value
from protocol.exchange.cohort.laboratory_text import typed
from protocol.exchange.dates import written_day
from protocol.exchange.units import UnitError, convert, is_unit, shown_unit
from protocol.records import ProtocolError, Record, Text, outlined
from protocol.translation import _, labelled, list_of

_WORDS: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("column_words.toml").read_text(encoding="utf-8"))

FORMAT = 1
"""Of a saved mapping."""

SHOWN_ROWS = 5
"""First rows of a file that are shown with what they become."""

_DIFFERENT = 1_000
"""Different texts of a column that are kept to find out what is written in it."""

MOST_WORDS = 40
"""Different words of a column up to which each is asked for; a column with more of them holds free text."""


# --- Headings ---


@cache
def is_identifying(heading: str) -> bool:
    """Whether a heading names a person, or a number by which a person can be found: such a column is not read."""
    text = unicodedata.normalize("NFKC", heading)
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold()
    words = re.split(r"[^a-z0-9]+", split)
    spaced = f" {' '.join(filter(None, words))} "
    known = _WORDS["identifying"]
    return (
        any(word in text for word in known["anywhere"])
        or not set(words).isdisjoint(known["words"])
        or any(f" {phrase} " in spaced for phrase in known["phrases"])
    )


_BRACKETS = re.compile(r"[(\[（【]([^()\[\]（）【】]*)[)\]）】]")


def heading_parts(heading: str) -> list[str]:
    """Return what stands outside the brackets of a heading, and in each of them."""
    parts = [_BRACKETS.sub(" ", heading), *_BRACKETS.findall(heading)]
    return [part.strip() for part in parts if part.strip()]


_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9#%+.-]*")


class _Names:
    """The names of a record's columns."""

    def __init__(self, record: EligibilityRecord) -> None:
        self.facts = {fact.id: fact for fact in record.facts}
        named: dict[str, set[tuple[str, str]]] = {plain_heading(PARTICIPANT): {(PARTICIPANT, "")}}
        for fact in record.facts:
            named.setdefault(plain_heading(fact.label), set()).add((fact.id, ""))
        for one in record.imports.columns:
            for name in one.names:
                named[plain_heading(name)] = {(one.fact, one.unit)}
        self.named = {name: found for name, found in named.items() if len({fact for fact, _unit in found}) == 1}
        self.masses = {
            name: one.molar_mass for one in record.imports.analytes for name in (one.value, one.limit) if name
        }

    def meant(self, heading: str) -> tuple[str, str] | None:
        """Return the fact and the unit that a heading says exactly; the unit is "" if it says none."""
        if heading in self.facts:
            return heading, self.facts[heading].unit or ""
        whole = self._named(heading)
        if whole is not None:
            return whole
        found, others = set[tuple[str, str]](), list[str]()
        for part in heading_parts(heading):
            known = self._named(part)
            if known is None:
                others.append(part)
            else:
                found.add(known)
        facts, units = {fact for fact, _unit in found}, {unit for _fact, unit in found if unit}
        if len(facts) != 1 or len(units) > 1 or len(others) > 1:
            return None
        fact = self.facts.get(facts.pop())
        unit = others[0] if others else next(iter(units), "")
        if fact is None or (others and (units or not self.is_unit(unit, fact))):
            return None
        return fact.id, unit

    def near(self, heading: str) -> tuple[str, ...]:
        """Return the facts that a heading may mean: a name of theirs stands in it."""
        plain, words = plain_heading(heading), set(map(plain_heading, _LATIN_WORD.findall(heading)))
        found = {
            fact
            for name, [(fact, _unit)] in ((name, list(all_)) for name, all_ in self.named.items())
            if name in words or (len(name) > 1 and not name.isascii() and name in plain)
        }
        return tuple(sorted(found))

    def is_unit(self, text: str, fact: Fact) -> bool:
        """Whether a text is a unit of a fact."""
        return fact.is_number and is_unit(text.strip(), fact, self.masses.get(fact.id))

    def _named(self, text: str) -> tuple[str, str] | None:
        found = self.named.get(plain_heading(text))
        if found is None:
            return (text.strip(), "") if text.strip() in self.facts else None
        [(fact, unit)] = found
        return fact, unit


# --- The mapping ---


class MappedColumn(Record):
    """One column of a file, and what it holds.

    Attributes
    ----------
    column : str
        Its heading in the file.
    fact : str or None
        The id of a fact, or ``participant_id``; "" for a column that is not used, None while that is not known.
    unit : str
        The unit of its numbers, as UCUM or as laboratories write it; "" if there is none, or if each cell says it.
    words : dict of str to str
        What stands in its cells, and the answer that it means: an option, ``yes``, ``no`` or ``unknown``.
    """

    column: Text
    fact: str | None = ""
    unit: str = ""
    words: dict[str, str] = Field(default_factory=dict)


class _Saved(Record):
    """The file that a mapping is kept in."""

    format: int
    sheet: str = ""
    columns: tuple[MappedColumn, ...]


@dataclass(frozen=True)
class ColumnSample:
    """What stands in a column: the cells of its first rows, and the different texts of the first thousands."""

    first: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnMapping:
    """Which fact each column of a file holds, in which unit, and what its words mean.

    Attributes
    ----------
    record : EligibilityRecord
        Whose facts the columns hold.
    columns : tuple of MappedColumn
        In the order of the file.
    sheet : str
        The sheet of an Excel file; "" for another file, or if one sheet only has cells.
    samples : mapping of str to ColumnSample
        What stands in the file from which the mapping was proposed, by heading; it is not saved. Columns that name a
        person have none.
    """

    record: EligibilityRecord = field(repr=False)
    columns: tuple[MappedColumn, ...]
    sheet: str = ""
    samples: Mapping[str, ColumnSample] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        used = sum(bool(one.fact) for one in self.columns)
        return f"ColumnMapping({used} of {len(self.columns)} columns, {len(self.questions)} questions)"

    def _repr_html_(self) -> str:
        return as_html(repr(self), self.table())

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """The facts of the record by id."""
        return {fact.id: fact for fact in self.record.facts}

    @cached_property
    def _names(self) -> _Names:
        return _Names(self.record)

    def label(self, name: str) -> str:
        """Return what a column holds in words, by the id of its fact."""
        return self.facts[name].label if name in self.facts else _("Study id of the participant")

    def column(self, heading: str) -> MappedColumn:
        """Return a column by its heading.

        Raises
        ------
        ProtocolError
            If the file has no such column.
        """
        for one in self.columns:
            if one.column == heading:
                return one
        raise ProtocolError(
            _("column {column}").format(column=heading),
            _("no such column"),
            self.columns[0].column if self.columns else "",
        )

    def choose(
        self,
        heading: str,
        fact: str | None = None,
        unit: str | None = None,
        words: Mapping[str, str] | None = None,
    ) -> "ColumnMapping":
        """Return a mapping in which a column holds something else.

        Parameters
        ----------
        heading : str
        fact : str, optional
            The id of a fact, ``participant_id``, or "" for a column that is not used; unit and words are proposed
            anew.
        unit : str, optional
        words : mapping of str to str, optional
            What these words mean; the others stay.

        Raises
        ------
        ProtocolError
            If there is no such column, fact, unit or answer, or if the column names a person.
        """
        old = self.column(heading)
        new = old
        if fact is not None and fact != old.fact:
            new = _proposed(heading, fact, "", self._names, self.record)
        if unit is not None:
            new = new.model_copy(update={"unit": unit.strip()})
        if words is not None:
            new = new.model_copy(update={"words": new.words | dict(words)})
        self._check(new)
        return replace(self, columns=tuple(new if one is old else one for one in self.columns))

    def _check(self, one: MappedColumn) -> None:
        """Raise ProtocolError unless a column can hold what it says."""
        where = _("column {column}").format(column=one.column)
        if not one.fact:
            return
        if is_identifying(one.column):
            raise ProtocolError(where, _("a column that names a person"), _("nothing: it is not read"))
        if one.fact == PARTICIPANT:
            return
        if (fact := self.facts.get(one.fact)) is None:
            raise ProtocolError(
                where, _("no fact {fact!r}").format(fact=one.fact), _("the id of a fact of the record")
            )
        if one.unit and not self._names.is_unit(one.unit, fact):
            raise ProtocolError(where, repr(one.unit[:40]), _("a unit such as {units}").format(units=_units(fact)))
        for word, answer in one.words.items():
            if answer not in answers_of(fact):
                found = _("{answer!r} as the meaning of {word!r}").format(answer=answer, word=outlined(word))
                raise ProtocolError(where, found, list_of(answers_of(fact)))

    # --- What is still to be said ---

    @cached_property
    def questions(self) -> tuple["MappingQuestion", ...]:
        """What has to be said before a file can be read: each is answered with :meth:`choose`."""
        return tuple(question for one in self.columns for question in self._questions(one))

    def _questions(self, one: MappedColumn) -> Iterable["MappingQuestion"]:
        if one.fact is None:
            near = self._names.near(one.column)
            yield MappingQuestion(one.column, "fact", _("which fact it holds, if any"), near)
            return
        if not one.fact:
            return
        same = [other.column for other in self.columns if other.fact == one.fact]
        if len(same) > 1:
            asked = _("which one holds {fact}: {columns}").format(fact=self.label(one.fact), columns=list_of(same))
            yield MappingQuestion(one.column, "fact", asked, ("", one.fact))
        if one.fact == PARTICIPANT:
            return
        fact, sample = self.facts[one.fact], self.samples.get(one.column, ColumnSample())
        if not one.unit and _needs_unit(fact) and _lack_a_unit(sample.texts):
            yield MappingQuestion(one.column, "unit", _("the unit of its numbers"), (str(fact.unit), *fact.units))
        if fact.type in ("choice", "yes_no"):
            words = self.unread(one.column)
            if len(words) > MOST_WORDS:
                asked = _("more than {most} different texts; is it a column of answers?").format(most=MOST_WORDS)
                yield MappingQuestion(one.column, "fact", asked, ("",))
                return
            for word in words:
                yield MappingQuestion(
                    one.column, "word", _("what {word!r} means").format(word=word), answers_of(fact), word
                )

    def unread(self, heading: str) -> tuple[str, ...]:
        """Return the different texts of a column that are no value of its fact; of the file that was looked at."""
        one = self.column(heading)
        if not one.fact or one.fact == PARTICIPANT:
            return ()
        read = self.reader(one)
        return tuple(text for text in self.samples.get(heading, ColumnSample()).texts if _is_unread(read, text))

    def require_answers(self) -> None:
        """Raise ProtocolError if something is still to be said."""
        if self.questions:
            word = _("what a word in it means")  # the word itself may be text about a person
            every = [labelled(one.column, word if one.kind == "word" else one.asked) for one in self.questions]
            asked = list(dict.fromkeys(every))[:5]
            more = ["…"] if len(set(every)) > len(asked) else []
            found = _("{count} open questions").format(count=len(self.questions))
            raise ProtocolError(_("mapping"), found, list_of([*asked, *more], "; "))

    # --- What cells become ---

    def reader(self, one: MappedColumn) -> "CellReader":
        """Return what reads the cells of a column that holds a fact."""
        person = self.record.imports.person
        is_age = person is not None and person.age == one.fact
        return CellReader(
            self.facts[str(one.fact)], one.unit, one.words, self._names.masses.get(str(one.fact)), is_age
        )

    def table(self) -> pd.DataFrame:
        """Return the columns of the file, one row each: ``column``, ``fact``, ``unit``, ``words`` and ``note``."""
        rows = [
            (
                one.column,
                one.fact or "",
                one.unit,
                "; ".join(f"{word} = {answer}" for word, answer in self._met(one)),
                self.note(one),
            )
            for one in self.columns
        ]
        return pd.DataFrame(rows, columns=["column", "fact", "unit", "words", "note"])

    def _met(self, one: MappedColumn) -> Iterable[tuple[str, str]]:
        """Return the words of a column that stand in the file; all of them if no file was looked at."""
        met = {text.casefold() for text in self.samples.get(one.column, ColumnSample()).texts}
        return [pair for pair in one.words.items() if not self.samples or _plain(pair[0]).casefold() in met]

    def note(self, one: MappedColumn) -> str:
        """Say what is special about a column."""
        if is_identifying(one.column):
            return _("names a person: not read")
        open_ = [question.asked for question in self._questions(one)]
        if open_:
            return _("open: {questions}").format(questions=list_of(open_, "; "))
        return "" if one.fact else _("not used")

    def preview(self, rows: int = SHOWN_ROWS) -> pd.DataFrame:
        """Return the first rows with what they become, one line for each cell.

        The columns are ``row``, ``column``, ``cell``, ``fact``, ``value`` and ``usable``. The value is None for a
        cell that is unknown, or not usable. Columns that are not used are left out.
        """
        found = []
        for one in self.columns:
            if not one.fact or any(question.kind != "word" for question in self._questions(one)):
                continue
            for place, cell in enumerate(self.samples.get(one.column, ColumnSample()).first[:rows], start=1):
                value, usable = (cell, True) if one.fact == PARTICIPANT else self._tried(one, cell)
                found.append((place, one.column, cell, one.fact, value, usable))
        columns = ["row", "column", "cell", "fact", "value", "usable"]
        return pd.DataFrame(found, columns=columns, dtype=object)

    def _tried(self, one: MappedColumn, cell: str) -> tuple[object, bool]:
        try:
            return self.reader(one)(cell), True
        except ValueError:
            return None, False

    # --- Files ---

    def fit(self, name: str, header: Sequence[str]) -> None:
        """Raise ProtocolError if a file lacks a column that the mapping reads, saying which."""
        missing = [one.column for one in self.columns if one.fact and one.column not in header]
        if missing:
            named = [*missing[:5], *([_("{n} more").format(n=len(missing) - 5)] if len(missing) > 5 else [])]
            found = _("no column {columns}, which this mapping reads").format(columns=list_of(named))
            raise ProtocolError(name, found, _("a file with the same headings, or a mapping of its own"))

    def dumps(self) -> str:
        """Return the mapping as TOML: headings, facts, units and words, and no cell of a participant.

        Raises
        ------
        ProtocolError
            If something is still to be said.
        """
        import tomli_w

        self.require_answers()
        saved = _Saved(format=FORMAT, sheet=self.sheet, columns=self.columns)
        return tomli_w.dumps(saved.model_dump(exclude_defaults=True))

    def save(self, path: str | Path) -> None:
        """Write :meth:`dumps` to a file."""
        Path(path).write_text(self.dumps(), encoding="utf-8")


@dataclass(frozen=True)
class MappingQuestion:
    """Something about a column that the record does not say.

    Attributes
    ----------
    column : str
    kind : str
        ``fact``, ``unit`` or ``word``: what :meth:`ColumnMapping.choose` has to be told.
    asked : str
    offered : tuple of str
        Likely answers; for a fact any other is possible.
    word : str
        The word in question.
    """

    column: str
    kind: str
    asked: str
    offered: tuple[str, ...] = ()
    word: str = ""


def load_mapping(source: str | Path | bytes, record: EligibilityRecord) -> ColumnMapping:
    """Read a saved mapping.

    Parameters
    ----------
    source : str, Path or bytes
        The path of the file, or its content as bytes.
    record : EligibilityRecord
        Whose facts the columns hold.

    Raises
    ------
    ProtocolError
        If it is no mapping, or not one of this record.
    """
    where = _("mapping")
    try:
        text = (source if isinstance(source, bytes) else Path(source).read_bytes()).decode("utf-8-sig")
        saved = _Saved.model_validate(tomllib.loads(text))
    except OSError:
        raise ProtocolError(where, _("no file at this path"), _("the path of a saved mapping")) from None
    except ValueError:  # of TOML, of its encoding, or of the model
        raise ProtocolError(where, _("a file that is no mapping"), _("a mapping saved by the workbook")) from None
    if saved.format != FORMAT:
        raise ProtocolError(where, _("format {format}").format(format=saved.format), str(FORMAT))
    mapping = ColumnMapping(record, saved.columns, saved.sheet)
    counts = [Counter(one.column for one in saved.columns), Counter(one.fact for one in saved.columns if one.fact)]
    for what, count in zip((_("column {name} twice"), _("two columns for {name}")), counts, strict=True):
        for name, often in count.items():
            if often > 1:
                raise ProtocolError(where, what.format(name=name), _("one column for one fact"))
    for one in saved.columns:
        mapping._check(one)
    return mapping


def is_own(header: Iterable[str], record: EligibilityRecord) -> bool:
    """Whether each column of a file is one of the workbook's own, so that it needs no mapping."""
    return {*header} <= {PARTICIPANT, "", *(fact.id for fact in record.facts)}


def proposed(
    record: EligibilityRecord,
    header: Sequence[str],
    samples: Mapping[str, ColumnSample],
    sheet: str = "",
    like: ColumnMapping | None = None,
) -> ColumnMapping:
    """Propose a mapping for a file by its headings; the columns of `like` are taken as they are."""
    names = _Names(record)
    kept = {one.column: one for one in like.columns} if like else {}
    columns = []
    for heading in filter(None, header):
        if heading in kept:
            columns.append(kept[heading])
            continue
        fact, unit = names.meant(heading) or (None if names.near(heading) else "", "")
        columns.append(_proposed(heading, "" if is_identifying(heading) else fact, unit, names, record))
    return ColumnMapping(record, tuple(columns), sheet, samples)


def _proposed(heading: str, name: str | None, unit: str, names: _Names, record: EligibilityRecord) -> MappedColumn:
    """Return a column with the unit and the words that the record says of a fact."""
    fact = names.facts.get(name or "")
    if fact is None:
        return MappedColumn(column=heading, fact=name)
    if fact.is_number and not unit and not _needs_unit(fact):
        unit = fact.unit or ""
    words = {word: answer for one in record.imports.columns if one.fact == name for word, answer in one.words.items()}
    return MappedColumn(column=heading, fact=name, unit=unit.strip(), words=words)


def sampled(columns: Iterable[str], batches: Iterable[Mapping[str, Any]]) -> dict[str, ColumnSample]:
    """Return samples of the columns of a file, of those that name a person none.

    Parameters
    ----------
    columns : iterable of str
    batches : iterable of mapping of str to cells
        Rows of the file by column.
    """
    readable = [column for column in columns if column and not is_identifying(column)]
    first: dict[str, list[str]] = {column: [] for column in readable}
    texts: dict[str, dict[str, None]] = {column: {} for column in readable}
    for cells in batches:
        for column in readable:
            some = [_plain(cell) for cell in cells[column]]
            first[column] += some[: SHOWN_ROWS - len(first[column])]
            new = dict.fromkeys(text for text in some if text)
            texts[column] |= dict(islice(new.items(), _DIFFERENT))
    return {one: ColumnSample(tuple(first[one]), tuple(islice(texts[one], _DIFFERENT))) for one in readable}


# --- Cells ---


def _plain(cell: object) -> str:
    """Return a cell as text of half width, without blanks around it."""
    text = "" if cell is None or cell != cell else str(cell)
    return unicodedata.normalize("NFKC", text).replace("−", "-").strip()


def _needs_unit(fact: Fact) -> bool:
    """Whether numbers of a fact come in several units, so that one has to be named."""
    return bool(fact.units)


def _units(fact: Fact) -> str:
    return list_of(shown_unit(unit, fact) for unit in dict.fromkeys((str(fact.unit), *fact.units)))


def _lack_a_unit(texts: Sequence[str]) -> bool:
    """Whether a number among some texts has no unit behind it."""
    return any(parts is not None and not parts.unit for parts in (typed(_unmarked(text)) for text in texts))


_MARKS = re.compile(r"\s*[↑↓]+$")


def _unmarked(text: str) -> str:
    """Leave out the arrow with which laboratories mark what lies outside the reference range."""
    return _MARKS.sub("", text)


def _is_unread(read: "CellReader", text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False


class CellReader:
    """Reads the cells of one column as hospital systems write them.

    Parameters
    ----------
    fact : Fact
    unit : str
        Of the numbers of the column; a unit behind a number counts before it.
    words : mapping of str to str
        Words and the answers they mean.
    molar_mass : float, optional
        In g/mol, to convert between mass and amount of substance.
    completed : bool
        Whether a decimal is cut to the whole number before it, as completed years are counted.
    """

    def __init__(
        self,
        fact: Fact,
        unit: str = "",
        words: Mapping[str, str] | None = None,
        molar_mass: float | None = None,
        completed: bool = False,
    ) -> None:
        self.fact, self.unit, self.molar_mass, self.completed = fact, unit, molar_mass, completed
        self._answers = _usual_answers(fact) | {
            _plain(word).casefold(): answer for word, answer in (words or {}).items()
        }

    def __call__(self, cell: object) -> object:
        """Return the value of a cell, None for an unknown one.

        Raises
        ------
        ValueError
            If it is no value of the fact.
        """
        text = _plain(cell)
        answer = self._answers.get(text.casefold())
        if answer == UNKNOWN_ANSWER and answer not in self.fact.options:
            return None
        if answer is not None:
            return read_value(answer, self.fact)
        if self.fact.type == "date" and text[:1].isdigit():
            return written_day(text, FIRST_DAY, LAST_DAY)
        parts = typed(_unmarked(text)) if self.fact.is_number else None
        if parts is None:
            return read_value(text, self.fact)
        return self._number(float(parts.value), parts.unit or self.unit)

    def _number(self, number: float, unit: str) -> object:
        if not unit and _needs_unit(self.fact):
            raise UnitError(_("no unit"))
        if unit and unit not in (self.fact.unit, self.fact.unit_label):
            number = convert(number, unit, self.fact, self.molar_mass)
        return read_value(f"{floor(number) if self.completed else number:.12g}", self.fact)


def _usual_answers(fact: Fact) -> dict[str, str]:
    """Return the words that mean the same in the files of every trial, for a fact."""
    usual = _WORDS["answers"]
    found = dict.fromkeys((word.casefold() for word in usual["unknown"]), UNKNOWN_ANSWER)
    if fact.type == "yes_no":
        return found | dict.fromkeys(usual["yes"], "yes") | dict.fromkeys(usual["no"], "no")
    if fact.absent is not None and fact.absent != UNKNOWN_ANSWER:
        known = {text.casefold() for pair in fact.options.items() for text in pair}
        absent = [word for word in (*usual["no"], *NO) if word not in known and not word[0].isdigit()]
        return found | dict.fromkeys(absent, fact.absent)
    return found


def identifying_problem(heading: str) -> FileProblem:
    """Say that a column names a person and is not read."""
    found = _("a column that names a person; it is not read")
    return FileProblem(_("column {column}").format(column=heading), found, _("a file without it: study ids only"))
