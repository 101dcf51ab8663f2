"""What the columns of a cohort file hold: asked before a file is read that is not named as the workbook's own."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.criteria import PARTICIPANT
from protocol.eligibility.explanation import show
from protocol.exchange.cohort.mapping import (
    ColumnMapping,
    MappingQuestion,
    is_identifying,
    load_mapping,
)
from protocol.exchange.limits import check_size
from protocol.exchange.units import shown_unit
from protocol.pages.kit import (
    FileField,
    Text,
    button,
    classed,
    download,
    field,
    note,
    offer,
    row,
    section,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext

LARGEST_MAPPING = 2**20
"""Bytes of a saved mapping, which is read within the click."""

ASKED_AT_ONCE = 30
"""Questions that have a control each; the others follow when these are answered."""


OPEN = "?"
"""The value of a control that is not answered; "" is an answer, a column that is not used."""


class FileToMap(NamedTuple):
    """A file that cannot be read before more is said.

    Attributes
    ----------
    name : str
    content : bytes
    sheets : tuple of str
        Of an Excel file, those that have cells.
    mapping : ColumnMapping or None
        What was proposed; None while the sheet is not chosen.
    """

    name: str
    content: bytes
    sheets: tuple[str, ...] = ()
    mapping: ColumnMapping | None = None


class MappingPanel:
    """The step between choosing a file and reading it; hidden until a file needs it.

    Parameters
    ----------
    record : EligibilityRecord
    look : callable
        Called with a file, a sheet and a mapping to be used again, to propose anew.
    read : callable
        Called with a file and its mapping.
    changed : callable
        Called when a file begins or ceases to wait.

    Attributes
    ----------
    view : ipywidgets.Widget
    file : FileToMap or None
        The file that waits.
    answers : dict
        The controls of the open questions, by column, kind and word.
    sheet, column, fact, unit : ipywidgets.Dropdown
        The sheet of an Excel file; a column to change, with what it holds and its unit.
    saved : ipywidgets.FileUpload
        A mapping that was saved before.
    go, leave : ipywidgets.Button
        Read the file; leave it.
    problem : Text
        What is wrong with an answer or a saved mapping.
    """

    def __init__(
        self,
        record: EligibilityRecord,
        look: Callable[[FileToMap, str, ColumnMapping | None], None],
        read: Callable[[FileToMap, ColumnMapping], None],
        changed: Callable[[], None],
    ) -> None:
        self.record, self._look, self._read, self._changed = record, look, read, changed
        self.file: FileToMap | None = None
        self._facts = {fact.id: fact for fact in record.facts}
        self._filling = False
        self.answers: dict[tuple[str, str, str], Any] = {}
        self.lead, self.asked, self.problem = Text(), Text(), Text(role="alert")
        self.shown, self.save = Text(role=""), Text(role="")
        self.sheet = field(widgets.Dropdown, _("Sheet"), options=[])
        self.column = field(widgets.Dropdown, _("Change a column"), options=[])
        self.fact = field(widgets.Dropdown, _("It holds"), options=self._choices())
        self.unit = field(widgets.Dropdown, _("in the unit"), width="short", options=[("–", "")])
        self.saved = field(widgets.FileUpload, _("Use a saved mapping"), width="content", accept=".toml")
        self.go = button(_("Read the file"), self._go, primary=True, disabled=True)
        self.leave = button(_("Leave this file"), self.close)
        self._questions = classed(widgets.Box([]), "pw-grid")
        self._change = row(self.column, self.fact, self.unit)
        self.view = section(
            _("What the columns hold"),
            self.lead,
            self.sheet,
            FileField(self.saved, self._reuse, LARGEST_MAPPING),
            self.problem,
            self.asked,
            self._questions,
            row(self.go, self.leave, self.save),
            self._change,
            self.shown,
        )
        self.view.layout.display = "none"
        self.sheet.observe(self._another_sheet, "value")
        self.column.observe(self._fill_change, "value")
        self.fact.observe(self._changed_fact, "value")
        self.unit.observe(self._changed_unit, "value")

    @property
    def mapping(self) -> ColumnMapping | None:
        """What is said of the columns so far."""
        return self.file.mapping if self.file else None

    def to_save(self) -> Markup | None:
        """Offer the mapping as a file; None while a question is open."""
        mapping = self.mapping
        if mapping is None or mapping.questions:
            return None
        kept = mapping.dumps().encode()
        return download(_("Save this mapping (TOML)"), "column_mapping.toml", kept, "application/toml")

    def close(self) -> None:
        """Let go of the file."""
        self.file, self.answers = None, {}
        self._questions.children = ()
        self.view.layout.display = "none"
        self._changed()

    def open(self, file: FileToMap) -> None:
        """Ask what the columns of a file hold."""
        self.file, self.answers = file, {}
        lead = _(
            "Some columns of {name} have other names than the workbook's own. Say what each holds; nothing is "
            "guessed."
        )
        self.lead.show(note(lead.format(name=file.name)))
        self.problem.show(None)
        self._filling = True
        try:
            chosen = file.mapping.sheet if file.mapping else None
            self.sheet.options = [(_("choose a sheet"), ""), *((name, name) for name in file.sheets)]
            self.sheet.value = chosen or ""
            self.sheet.layout.display = "flex" if len(file.sheets) > 1 else "none"
        finally:
            self._filling = False
        self._draw()
        self.view.layout.display = "flex"
        self._changed()

    # --- Drawing ---

    def _draw(self) -> None:
        mapping = self.mapping
        for part in (self._questions, self._change, self.go, self.shown):
            part.layout.display = None if mapping is not None else "none"
        if mapping is None:
            self.asked.show(note(_("Several sheets have cells: choose the one with the participants.")))
            self.save.show(None)
            return
        self._ask(mapping)
        self._filling = True
        try:
            offer(self.column, [one.column for one in mapping.columns if not is_identifying(one.column)])
            if self.column.value is None and self.column.options:
                self.column.value = self.column.options[0]
        finally:
            self._filling = False
        self._fill_change()
        self.shown.show(table(self._preview(mapping), _("The columns, and what their first cells become")))
        self.go.disabled = bool(mapping.questions) or not any(one.fact for one in mapping.columns)
        self.save.show(self.to_save())

    def _ask(self, mapping: ColumnMapping) -> None:
        """Show a control for each open question; one that was answered stays as long as its answer holds."""
        questions, count = mapping.questions, len(mapping.questions)
        said = ngettext("{n} question is open.", "{n} questions are open.", count).format(n=count)
        if count > ASKED_AT_ONCE:
            said += " " + _("The first {n} are asked here.").format(n=ASKED_AT_ONCE)
        self.asked.show(note(said if count else _("No question is open.")))
        kept = {
            key: one for key, one in self.answers.items() if one.value != OPEN and _holds(mapping, *key, one.value)
        }
        for one in questions[:ASKED_AT_ONCE]:
            key = (one.column, one.kind, one.word)
            if key not in kept:
                kept[key] = self.answers.get(key) or self._control(one)
        self.answers = kept
        self._questions.children = tuple(self.answers.values())

    def _control(self, question: MappingQuestion) -> Any:
        open_ = (_("choose"), OPEN)
        match question.kind:
            case "fact":
                label, options = _("{column}: which fact is it?"), self._choices(question.offered)
            case "unit":
                label, options = _("{column}: in which unit?"), self._units(question.column, question.offered)
            case _:
                label, options = _("{column}: what does “{word}” mean?"), self._answers(question)
        text = label.format(column=question.column, word=question.word)
        control = field(widgets.Dropdown, text, width="form", options=[open_, *options], value=OPEN)
        control.observe(lambda change: self._answer(question, change["new"]), "value")
        return control

    def _units(self, column: str, units: Iterable[str]) -> list[tuple[str, str]]:
        """Return units that can be chosen for a column, as people write them."""
        fact = self._fact_of(column)
        return [(shown_unit(unit, fact), unit) for unit in units]

    def _fact_of(self, column: str) -> Fact | None:
        """Return the fact that a column holds, None for another column."""
        return self._facts.get(self.mapping.column(column).fact or "") if self.mapping else None

    def _answers(self, question: MappingQuestion) -> list[tuple[str, str]]:
        fact = self._fact_of(question.column)
        labels = {"yes": _("Yes"), "no": _("No"), "unknown": _("Unknown")} | (fact.options if fact else {})
        return [(labels[answer], answer) for answer in question.offered]

    def _choices(self, first: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """Return what a column may hold, likely answers first."""
        every = [(_("not used"), ""), (_("Study id of the participant"), PARTICIPANT)]
        every += [(_label(fact), fact.id) for fact in self.record.facts]
        return sorted(every, key=lambda one: one[1] not in first)

    def _preview(self, mapping: ColumnMapping) -> pd.DataFrame:
        cells = dict[str, list[str]]()
        for cell in mapping.preview().to_dict("records"):
            became = _becomes(cell["cell"], cell["value"], cell["usable"], self._facts.get(cell["fact"]))
            cells.setdefault(cell["column"], []).append(became)
        rows = [
            (
                one.column,
                mapping.label(one.fact) if one.fact else "–",
                shown_unit(one.unit, self._facts.get(one.fact or "")),
                list_of(dict.fromkeys(filter(None, cells.get(one.column, ()))), "; "),
                mapping.note(one),
            )
            for one in mapping.columns
        ]
        return pd.DataFrame(
            rows, columns=[_("Column"), _("Holds"), _("Unit"), _("First rows"), _("Note")], dtype=object
        )

    # --- Answers ---

    def _answer(self, question: MappingQuestion, value: str) -> None:
        if value == OPEN:
            return
        match question.kind:
            case "fact":
                self._choose(question.column, fact=value)
            case "unit":
                self._choose(question.column, unit=value)
            case _:
                self._choose(question.column, words={question.word: value})

    def _choose(self, column: str, **what: Any) -> None:
        if self.file is None or self.file.mapping is None:
            return
        try:
            self.file = self.file._replace(mapping=self.file.mapping.choose(column, **what))
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        self._draw()

    def _fill_change(self, _change: Any = None) -> None:
        if self.mapping is None or self._filling or not self.column.value:
            return
        one, fact = self.mapping.column(self.column.value), self._fact_of(self.column.value)
        self._filling = True
        try:
            self.fact.value = one.fact or ""
            units = dict.fromkeys([str(fact.unit), *fact.units, one.unit]) if fact and fact.is_number else {}
            self.unit.options = [("–", ""), *self._units(one.column, filter(None, units))]
            self.unit.value = one.unit
        finally:
            self._filling = False

    def _changed_fact(self, change: dict[str, Any]) -> None:
        if not self._filling:
            self._choose(self.column.value, fact=change["new"])

    def _changed_unit(self, change: dict[str, Any]) -> None:
        if not self._filling:
            self._choose(self.column.value, unit=change["new"])

    def _another_sheet(self, change: dict[str, Any]) -> None:
        if self.file is not None and change["new"] and not self._filling:
            self._look(self.file, change["new"], None)

    def _reuse(self, change: dict[str, Any]) -> None:
        if not change["new"] or self.file is None:
            return
        file = change["new"][0]
        try:
            check_size(file["name"], len(file["content"]), LARGEST_MAPPING)
            mapping = load_mapping(bytes(file["content"]), self.record)
        except ProtocolError as error:
            self.problem.show(error)
            return
        self._look(self.file, mapping.sheet or (self.sheet.value or ""), mapping)

    def _go(self) -> None:
        if self.file is not None and self.file.mapping is not None:
            self._read(self.file, self.file.mapping)


def _holds(mapping: ColumnMapping, column: str, kind: str, word: str, value: str) -> bool:
    """Whether a mapping says what was answered to a question."""
    one = mapping.column(column)
    return value == {"fact": one.fact, "unit": one.unit}.get(kind, one.words.get(word))


def _label(fact: Fact) -> str:
    return f"{fact.label} ({fact.unit_label})" if fact.unit_label else fact.label


def _becomes(cell: str, value: Any, usable: bool, fact: Fact | None) -> str:
    """Say what a cell becomes."""
    if not cell or fact is None:
        return cell
    if not usable:
        return _("{cell} → not usable").format(cell=cell)
    became = _("unknown") if value is None else show(fact, value)
    return cell if cell == became else _("{cell} → {value}").format(cell=cell, value=became)
