"""Blood counts from a file into the log: what was found, what is new, and one button that records it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import BloodCount, questions
from protocol.effect import analytes, units
from protocol.exchange.clinical import (
    CountFile,
    UnnamedParticipantError,
    UnsaidUnitError,
    count_template,
    read_count_fhir,
    read_count_omop_files,
    read_count_table,
)
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.excel import UnchosenSheetError
from protocol.pages.kit import (
    FileField,
    Task,
    Text,
    button,
    classed,
    download,
    field,
    joined,
    note,
    paragraph,
    row,
    table,
)
from protocol.pages.kit.task import Steps
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext, paragraph_of

SHOWN = 20
"""Problems and participants that are listed."""

AT_ONCE = 2**20
"""Bytes of files that are read within the event that brought them."""

OPEN = "?"
"""The value of a control that is not answered."""

PREVIEW = 10
"""Counts that are shown as they will be recorded."""

FEW_DRAWS = 10
"""Draws that are recorded within the click; of more, the progress shows so many at a time."""


class CountImport:
    """Counts of a table, or of the FHIR or OMOP records of participants, for the log.

    Parameters
    ----------
    desk : Desk
    participant : callable
        Returns the study id of whom FHIR records, tables of OMOP of one person, and a table without study ids are.

    Attributes
    ----------
    upload, tables : ipywidgets.FileUpload
        A table or FHIR records, and the tables of OMOP together.
    sheet : ipywidgets.Dropdown
        The sheet of an Excel file with several; shows once such a file is open.
    column : ipywidgets.Dropdown
        The column of study ids, of a table in which none is known; shows once such a table is open.
    asked : dict
        The control of each column whose heading says no unit, by heading.
    record : ipywidgets.Button
        Records what is new; shows once something is.
    task : Task
        Reads a large file and records a long list; its Stop keeps what is recorded.
    said, found : Text
    """

    def __init__(self, desk: Desk, participant: Callable[[], str]) -> None:
        self._desk, self._participant = desk, participant
        self._new: tuple[BloodCount, ...] = ()
        self._file, self._filling = ("", b"", ""), False
        self.upload = field(
            widgets.FileUpload,
            _("Open counts (CSV, Excel, FHIR)"),
            width="content",
            accept=".csv,.xlsx,.json,.ndjson",
        )
        self.tables = field(
            widgets.FileUpload, _("Open OMOP tables"), width="content", accept=".csv,.parquet", multiple=True
        )
        self.sheet = field(widgets.Dropdown, _("Sheet"), options=[])
        self.sheet.observe(self._chosen_sheet, "value")
        self.column = field(widgets.Dropdown, _("Column of study ids"), options=[])
        self.column.observe(self._chosen_column, "value")
        self.asked: dict[str, Any] = {}
        self._questions = classed(widgets.Box([]), "pw-grid")
        self.record = button(_("Record them"), self._record, primary=True)
        self.said, self.found = Text(), Text(role="")
        stopped = _(
            "Stopped after {percent} %. What was recorded stays in the log; open the file again for the rest."
        )
        self.task = Task(self._done, refuse=self._refuse, stopped=stopped)
        self.record.layout.display = "none"
        lead = _(
            "A table has the columns participant, on, analyte, value, unit and normal_limit, or participant, on and "
            "columns such as platelets [10^9/L]; in CSV or Excel. Headings of Chinese hospital systems are known. "
            "A table without study ids, and FHIR records, are of the participant above. A count without a unit is "
            "not used."
        )
        omop = _(
            "Tables of OMOP CDM 5.4 are chosen together: person, measurement, and concept if there is one. They are "
            "of the participant above; for several persons add study_ids.csv, with the columns person_id and "
            "participant. The files are not kept."
        )
        empty = download(_("Empty table of counts"), "counts.csv", count_template(), "text/csv")
        self.view = widgets.VBox(
            [
                Text(joined((paragraph(lead), paragraph(omop), empty)), role=""),
                FileField(self.upload, self._opened),
                FileField(self.tables, self._opened_tables),
                self.task.view,
                self.column,
                self.found,
                row(self.record),
                self.said,
                self.sheet,
                self._questions,
            ]
        )
        self._ask()

    def _opened(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self.open(file["name"], bytes(file["content"]))

    def _opened_tables(self, change: dict[str, Any]) -> None:
        if change["new"]:
            files = {file["name"]: bytes(file["content"]) for file in change["new"]}
            change["owner"].value = ()  # they hold names and addresses
            self.open_tables(files)

    def open(self, name: str, content: bytes) -> None:
        """Read a file and show what is in it; nothing is recorded."""
        self.task.wait()
        self._file = (name, content, self._participant())
        self._ask()
        self._look()

    def _look(self) -> None:
        name, content, who = self._file
        said = {heading: control.value for heading, control in self.asked.items()}
        sheet, column = self.sheet.value or "", self.column.value or ""
        self._begin(lambda: self._read(name, content, who, sheet, said, column), at_once=len(content) <= AT_ONCE)

    def open_tables(self, files: Mapping[str, bytes]) -> None:
        """Read tables of OMOP and show what counts are in them; nothing is recorded."""
        who, as_of = self._participant(), self._desk.briefing.as_of
        size = sum(map(len, files.values()))
        self.task.wait()
        self._ask()
        self._begin(lambda: read_count_omop_files(files, who, as_of), at_once=size <= AT_ONCE)

    def _begin(self, read: Callable[[], CountFile], *, at_once: bool) -> None:
        self.task.wait()
        self._new = ()
        self.said.show(None)
        self.record.layout.display = "none"

        def steps() -> Steps:
            yield None, 0.0
            yield read(), 1.0

        self.task.begin(steps(), at_once=at_once)

    def _done(self, found: CountFile | int) -> None:
        """Show what is in the files, or how many draws are recorded."""
        if isinstance(found, CountFile):
            self._new = self._show(found)
            self.record.layout.display = None if self._new else "none"
        else:
            self._tell(found)

    def _refuse(self, error: ProtocolError) -> None:
        """Say what is wrong with the files, or with the draw that was to be recorded next."""
        if self._new:
            self._tell(self._recorded, error)
            return
        self.found.show(None)
        self.said.show(error)
        match error:
            case UnchosenSheetError():
                self._ask(error.sheets)
            case UnsaidUnitError():
                self._ask_units(error.columns)
            case UnnamedParticipantError():
                self._ask_column(error.columns)

    # --- What the file does not say ---

    def _ask(self, sheets: tuple[str, ...] = ()) -> None:
        """Ask which sheet is meant, of several; no unit is asked."""
        self._filling = True
        self.sheet.options = [(_("choose a sheet"), ""), *((name, name) for name in sheets)]
        self.sheet.value = ""
        self._filling = False
        self.sheet.layout.display = "flex" if sheets else "none"
        self._ask_units({})
        self._ask_column(())

    def _ask_column(self, columns: tuple[str, ...]) -> None:
        """Offer columns as that of the study ids; without one of them a table is of the participant who is open."""
        who = self._file[2]
        none = _("none: the table is of {participant}").format(participant=who) if who else _("choose a column")
        self._filling = True
        self.column.options = [(none, ""), *((name, name) for name in columns)]
        self.column.value = ""
        self._filling = False
        self.column.layout.display = "flex" if columns else "none"

    def _chosen_column(self, _change: Any) -> None:
        if not self._filling:
            self._look()

    def _ask_units(self, columns: Mapping[str, str]) -> None:
        self.asked = {heading: _unit_control(heading, analyte) for heading, analyte in columns.items()}
        for control in self.asked.values():
            control.observe(self._chosen_unit, "value")
        self._questions.children = [*self.asked.values()]

    def _chosen_sheet(self, change: dict[str, Any]) -> None:
        if change["new"] and not self._filling:
            self._ask_units({})
            self._ask_column(())
            self._look()

    def _chosen_unit(self, _change: Any) -> None:
        if all(control.value != OPEN for control in self.asked.values()):
            self._look()

    def _read(
        self, name: str, content: bytes, who: str, sheet: str, said: Mapping[str, str], column: str
    ) -> CountFile:
        if not name.lower().endswith((".json", ".ndjson")):
            return read_count_table(name, content, sheet, said, who, column)
        persons: dict[str, str] = {}

        def named(identifier: str) -> str:
            return persons.setdefault(identifier, who)

        if not who:
            raise ProtocolError(name, _("FHIR records of nobody"), _("the participant first"))
        found = read_count_fhir({name: content}, named, self._desk.briefing.as_of, self._desk.trial.zone)
        if len(persons) > 1:
            raise ProtocolError(name, _("records of several persons"), _("one file for each participant"))
        return found

    def _show(self, found: CountFile) -> tuple[BloodCount, ...]:
        """Show what is in a file; return the draws that are new."""
        if found.of and not self.column.value and len(self.column.options) == 1:
            self._ask_column(found.others)
        problems, known, new = list(found.problems), 0, []
        for one in found.events():
            course = self._desk.courses.get(one.participant)
            if course is None:
                what, write = _("no such participant, or not to be seen by you"), _("a study id of the log")
                problems.append(FileProblem(one.participant, what, write))
                continue
            there = course.draws.get(one.on, {})
            if all(there.get(name) == count.value for name, count in one.counts.items()):
                known += 1
            elif asked := questions(course, one, self._desk.trial.escalation.dlt_window_days.value):
                problems.append(
                    FileProblem(list_of((one.participant, one.on)), asked[0], _("the draw by hand, if it is right"))
                )
            else:
                new.append(one)
        words = ngettext("{n} new draw.", "{n} new draws.", len(new)).format(n=len(new))
        if known:
            there_already = ngettext("{n} is in the log already.", "{n} are in the log already.", known)
            words = paragraph_of([words, there_already.format(n=known)])
        tables = _shown(new, found) if new else []
        if problems:
            listed = pd.DataFrame(problems[:SHOWN], columns=[_("Where"), _("Found"), _("What to write")])
            label = ngettext("{n} not used", "{n} not used", len(problems)).format(n=len(problems))
            tables.append(table(listed, label))
        self.found.show(joined([paragraph(words), *tables]))
        return tuple(new)

    def _record(self) -> None:
        if self.task.is_running or not self._new:
            return
        self._recorded = 0
        self.record.layout.display = "none"
        self.said.show(None)
        self.task.begin(self._recording(), at_once=len(self._new) <= FEW_DRAWS)

    def _recording(self) -> Steps:
        wanted = ((one, self._desk.courses[one.participant].site) for one in self._new)
        for _entry in self._desk.record_each(wanted):
            self._recorded += 1
            if self._recorded % FEW_DRAWS == 0 or self._recorded == len(self._new):
                yield self._recorded, self._recorded / len(self._new)

    def _tell(self, recorded: int, error: ProtocolError | None = None) -> None:
        """Say how many draws are recorded; what is left can be recorded again."""
        words = ngettext("✓ Recorded {n} draw.", "✓ Recorded {n} draws.", recorded).format(n=recorded)
        self.said.show(paragraph(words, "good"), error)
        if error is not None:
            self._new = self._new[recorded:]
            self.record.layout.display = None


def _unit_control(heading: str, analyte: str) -> Any:
    """Return the control that asks for the unit of a column."""
    options = [(_("choose a unit"), OPEN), *((unit, unit) for unit in units(analyte)), (_("not used"), "")]
    label = _("Unit of {column}").format(column=heading)
    return field(widgets.Dropdown, label, width="form", options=options, value=OPEN)


def _shown(new: Sequence[BloodCount], found: CountFile) -> list[Markup]:
    """Return whose a table without study ids is, the first counts as they will be recorded, and the draws."""
    rows = [
        {
            _("Participant"): one.participant,
            _("Day"): one.on,
            _("Blood count"): _(analytes()[name]),
            _("Value"): f"{count.value:.15g}",
            _("Unit"): count.unit,
            **({} if count.normal_limit is None else {_("Lower limit of normal"): f"{count.normal_limit:.15g}"}),
        }
        for one in new
        for name, count in one.counts.items()
    ]
    words = ngettext(
        "{n} count, as it will be recorded", "The first {shown} of {n} counts, as they will be recorded", len(rows)
    )
    first = pd.DataFrame(rows[:PREVIEW], dtype=object).fillna("")
    caption = words.format(n=len(rows), shown=len(first))
    said = [table(first, caption), table(_by_participant(new), _("Draws by participant"))]
    if found.of:
        whose = _("The table has no column of study ids: every row is taken as a draw of {participant}.")
        said.insert(0, note(whose.format(participant=found.of)))
    return said


def _by_participant(draws: Iterable[BloodCount]) -> pd.DataFrame:
    rows = [(one.participant, one.on, list_of(_(analytes()[name]) for name in one.counts)) for one in draws]
    frame = pd.DataFrame(rows, columns=["participant", "on", "counts"])
    grouped = frame.groupby("participant", sort=False)
    shown = grouped.agg(draws=("on", "size"), first=("on", "min"), last=("on", "max"), counts=("counts", "first"))
    names = {"draws": _("Draws"), "first": _("First"), "last": _("Last"), "counts": _("Counts")}
    return shown.reset_index().rename(columns={"participant": _("Participant")} | names)
