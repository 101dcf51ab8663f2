"""Which column of a table of blood counts holds what, by the names in ``count_words.toml``; nothing is guessed."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from protocol.effect import analytes, read_counts
from protocol.eligibility.criteria import plain_heading
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.mapping import heading_parts, is_identifying
from protocol.records import ProtocolError
from protocol.translation import _, list_of, place_in

COLUMNS = ("participant", "on", "analyte", "value", "unit", "normal_limit")
"""Columns of a table with one row for each count; the last one may be missing."""

EXAMPLE = "platelets [10^9/L]"
"""A heading of a table with one row for each draw."""

_WORDS: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("count_words.toml").read_text(encoding="utf-8"))

FLAGS = "".join(_WORDS["flags"]["marks"])
"""Marks beside a number that is outside its reference interval."""


class UnsaidUnitError(ProtocolError):
    """Columns of counts say no unit.

    Attributes
    ----------
    columns : dict of str to str
        The analyte of each such column, by its heading.
    """

    def __init__(self, where: str, columns: Mapping[str, str]) -> None:
        found = _("no unit of {columns}").format(columns=list_of(columns))
        super().__init__(where, found, _("the unit in the heading, such as {example}").format(example=EXAMPLE))
        self.columns = dict(columns)


class UnnamedParticipantError(ProtocolError):
    """No column says whose the counts are.

    Attributes
    ----------
    columns : tuple of str
        The headings of the columns that are not read; one of them may hold the study ids.
    """

    def __init__(self, where: str, columns: tuple[str, ...]) -> None:
        super().__init__(where, _no_column("participant"), _table_columns())
        self.columns = columns


class CountColumns(NamedTuple):
    """What the columns hold.

    Attributes
    ----------
    held : dict of str to str
        The heading of each of :data:`COLUMNS` that is there.
    counts : dict of str to tuple
        Analyte and unit of each column of counts, by its heading; the unit is "" if the rows say it.
    problems : tuple of FileProblem
        Columns that are not used because their headings say something else beside an analyte.
    others : tuple of str
        The headings of the columns that are not read; those that name a person are left out.
    """

    held: Mapping[str, str]
    counts: Mapping[str, tuple[str, str]]
    problems: tuple[FileProblem, ...]
    others: tuple[str, ...]


def count_columns(
    name: str, headings: Sequence[str], units: Mapping[str, str], participants: str = "", of_one: bool = False
) -> CountColumns:
    """Return what the columns of a table of counts hold.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    headings : sequence of str
    units : mapping of str to str
        The units of columns whose headings say none; "" for a column that is not used.
    participants : str
        The heading of the column of study ids, if it is none of those that are known.
    of_one : bool
        Whether a table without such a column is of one participant, who is known otherwise.

    Raises
    ------
    ProtocolError
        If a column is missing, or two columns hold the same.
    UnnamedParticipantError
        If only the column of study ids is missing.
    UnsaidUnitError
        If columns of counts have no unit.
    """
    held = {what: _one(name, what, _held(what, headings)) for what in COLUMNS}
    held = {what: heading for what, heading in held.items() if heading}
    if participants in headings:
        held["participant"] = participants
    counts, problems = _counts(name, headings, units)
    needed = COLUMNS[:2] if counts else COLUMNS[:-1]
    missing = [what for what in needed if what not in held]
    if missing and not counts and problems:
        raise ProtocolError(*problems[0])
    others = tuple(
        one
        for one in filter(None, headings)
        if one not in held.values() and not _analytes_in(one)[0] and not is_identifying(one)
    )
    if missing == ["participant"] and not of_one:
        raise UnnamedParticipantError(name, others)
    if missing and missing != ["participant"]:
        raise ProtocolError(name, _no_column(missing[0]), _table_columns())
    unsaid = {heading: analyte for heading, (analyte, unit) in counts.items() if not unit}
    if unsaid and not (len(counts) == 1 and "unit" in held):
        raise UnsaidUnitError(name, unsaid)
    return CountColumns(held, counts, tuple(problems), others)


def _no_column(name: str) -> str:
    return _("no column {column}").format(column=name)


def _table_columns() -> str:
    write = _("{columns}; or participant, on and columns such as {example}")
    return write.format(columns=list_of(COLUMNS), example=EXAMPLE)


def _held(what: str, headings: Iterable[str]) -> list[str]:
    """Return the headings of a column; its own name goes before every other one."""
    own = [heading for heading in headings if heading == what]
    names = set(map(plain_heading, (what, *_WORDS["columns"][what])))
    return own or [heading for heading in headings if plain_heading(heading) in names]


def _counts(
    name: str, headings: Iterable[str], units: Mapping[str, str]
) -> tuple[dict[str, tuple[str, str]], list[FileProblem]]:
    by_analyte, said = dict[str, list[str]](), dict[str, tuple[str, str]]()
    problems = []
    for heading in headings:
        found, others = _analytes_in(heading)
        if not found or units.get(heading) == "":
            continue
        analyte, unit = found[0], others[0] if others else units.get(heading, "")
        try:
            if len(found) > 1 or len(others) > 1:
                raise ProtocolError("", repr(heading[:60]), _("a heading such as {example}").format(example=EXAMPLE))
            if unit:
                read_counts([0], analyte, unit)
        except ProtocolError as error:
            where = _("column {column}").format(column=heading)
            problems.append(FileProblem(place_in(name, where), error.found, error.write))
            continue
        by_analyte.setdefault(analyte, []).append(heading)
        said[heading] = (analyte, unit)
    for analyte, same in by_analyte.items():
        _one(name, _(analytes()[analyte]), same)
    return said, problems


def _one(name: str, what: str, headings: Sequence[str]) -> str:
    """Return the heading; "" if there is none."""
    if len(headings) > 1:
        found = _("several columns of {what}: {columns}").format(what=what, columns=list_of(headings))
        raise ProtocolError(name, found, _("one of them"))
    return headings[0] if headings else ""


# --- Names of what is counted ---


@lru_cache(maxsize=1024)
def analyte_of(text: str) -> str:
    """Return the id of what a text names; the text itself if that is not known."""
    found, others = _analytes_in(text)
    return found[0] if len(found) == 1 and not others else text


def _analytes_in(heading: str) -> tuple[list[str], list[str]]:
    """Return what a heading names, within and outside its brackets, and the parts that name nothing counted."""
    found, others = dict[str, None](), []
    for part in heading_parts(heading):
        named = _named(part)
        if named:
            found |= dict.fromkeys(named)
        else:
            others.append(part)
    return list(found), others


_ONE_SCRIPT = re.compile(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff/、，,\s]+")
"""Words of one script: 血小板PLT has two."""


def _named(part: str) -> set[str]:
    """Return the analytes of a name, or of several names for the same such as 血小板/PLT."""
    whole = _names().get(plain_heading(part))
    if whole:
        return {whole}
    named = [_names().get(plain_heading(word), "") for word in _ONE_SCRIPT.findall(part)]
    return set(named) if named and all(named) else set()


@cache
def _names() -> dict[str, str]:
    known = {plain_heading(word): name for name, words in _WORDS["analytes"].items() for word in words}
    return known | {plain_heading(own): name for name, label in analytes().items() for own in (name, label)}
