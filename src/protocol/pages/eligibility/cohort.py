"""A cohort: a file in; counts, sensitivity, subgroups and exports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import RLock
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import Cohort
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.files import is_as_template, propose_mapping, read_cohort_stepwise, template
from protocol.exchange.cohort.mapping import ColumnMapping
from protocol.exchange.excel import UnchosenSheetError, sheets
from protocol.exchange.limits import MOST_ROWS
from protocol.pages.eligibility.cohort_counts import CriteriaPanel, FunnelPanel, ScreenedCohort, facts_of_one, totals
from protocol.pages.eligibility.column_mapping import FileToMap, MappingPanel
from protocol.pages.eligibility.export import ExportPanel
from protocol.pages.eligibility.hospital_records import problems as listed
from protocol.pages.eligibility.participant_table import ParticipantTable
from protocol.pages.eligibility.participants_behind import ParticipantsBehind
from protocol.pages.eligibility.sensitivity import NearMissPanel, ReadingsPanel, ThresholdPanel
from protocol.pages.eligibility.settings import Choice
from protocol.pages.eligibility.subgroups import SubgroupPanel
from protocol.pages.kit import (
    FileField,
    Panel,
    Steps,
    Tabs,
    Task,
    Text,
    classed,
    download,
    field,
    invented,
    joined,
    note,
    paragraph,
    row,
    strong,
)
from protocol.records import Phase, ProtocolError, outlined
from protocol.translation import _, list_of
from protocol.trial import Trial

COHORT_FILES = ".csv,.txt,.tsv,.xlsx,.xlsm,.parquet"

LISTED = 5_000
"""Participants up to which the ids are offered while typing."""


class CohortPanel(Panel):
    """The cohort part of the eligibility page; the last usable file stays in place.

    Parameters
    ----------
    trial : Trial
    today : date
        The day on the exported files.
    example : Cohort or None
        The invented cohort, shown first.
    unkept : Choice
        Set to the name of what is open, or waits for its mapping, and is lost on a reload; "" for the example.
    drawn : callable
        Called each time the panel shows something else.

    Attributes
    ----------
    cohort : Cohort or None
    screened : ScreenedCohort or None
        The cohort as it is screened now.
    file_name : str
        The name of the cohort; "" for the invented example.
    each_one : ParticipantTable
        The participants and their verdicts.
    mapping : MappingPanel
        Asks what the columns of a file hold that is not named as the workbook's own.
    """

    def __init__(
        self,
        trial: Trial,
        today: date,
        example: Cohort | None,
        unkept: Choice,
        drawn: Callable[[], None] = lambda: None,
    ) -> None:
        number = str(trial.identity["nct_id"].value)
        self.record, self._drawn, self._unkept = trial.eligibility, drawn, unkept
        self.cohort: Cohort | None = None
        self.screened: ScreenedCohort | None = None
        self.file_name = ""
        self._one_at_a_time = RLock()
        self.upload = field(widgets.FileUpload, _("Open a cohort file"), width="content", accept=COHORT_FILES)
        self.files = FileField(self.upload, self._opened)
        self.chosen = field(
            widgets.Combobox, _("Open a participant"), placeholder=_("participant id"), continuous_update=False
        )
        self.not_found, self.message = Text(role="alert"), Text(role="alert")
        self.source, self.totals = Text(), Text()
        stopped = _("Stopped after {percent} %; nothing was taken over, and the cohort before stays.")
        self.reading = Task(self._read, refuse=self._refuse, stopped=stopped)
        self.mapping = MappingPanel(self.record, self._look, self._read_mapped, self._say_unkept)
        counted = [(_("All criteria"), "all"), (_("Without the investigator's judgements"), "computable")]
        self.judged = field(widgets.ToggleButtons, _("Count"), width="form", options=counted)
        self.counted = {
            one.id: field(
                widgets.Checkbox, f"{one.id} {self.record.title(one)}", width="form", value=True, indent=False
            )
            for one in self.record.criteria
            if not one.mirrors
        }
        self.behind, self.each_one = ParticipantsBehind(self.record, self._open), ParticipantTable(self._open)
        picked = self.behind.pick
        self.left, self.each, self.near = FunnelPanel(picked), CriteriaPanel(picked), NearMissPanel(picked)
        self.thresholds, self.groups = ThresholdPanel(self.record), SubgroupPanel(self.record)
        self.readings = ReadingsPanel(trial.ambiguities, number, today)
        self.results = ExportPanel(number, today)
        self._panels: dict[str, tuple[str, Panel]] = {
            "funnel": (_("Funnel"), self.left),
            "criteria": (_("Criteria"), self.each),
            "near-misses": (_("Near misses"), self.near),
            "thresholds": (_("Thresholds"), self.thresholds),
            "readings": (_("Alternative readings"), self.readings),
            "subgroups": (_("Subgroups"), self.groups),
            "export": (_("Export"), self.results),
        }
        self.tabs = Tabs({name: (title, panel.view) for name, (title, panel) in self._panels.items()})
        if example is not None:
            self._put(example, "")
            self.source.show(invented())
        self.tabs.observe(self._draw_tab, "value")
        for box in (self.judged, *self.counted.values()):
            box.observe(self._count_again, "value")

    def take(self, frame: Any, name: str = "", problems: tuple[FileProblem, ...] = ()) -> None:
        """Take a cohort in place of the present one; :meth:`show` screens it.

        Parameters
        ----------
        frame
            What :meth:`protocol.eligibility.EligibilityRecord.cohort` takes: a frame, or the path of a Parquet file.
        name : str
            What the page calls it.
        problems : tuple of FileProblem
            Of the file that it was read from.
        """
        self.reading.wait()
        self._put(frame, name, problems)

    def _put(
        self, frame: Any, name: str, problems: tuple[FileProblem, ...] = (), mapping: Markup | None = None
    ) -> None:
        self.cohort = frame if isinstance(frame, Cohort) else self.record.cohort(frame)
        self._drawn()
        self.file_name = name or (Path(frame).name if isinstance(frame, (str, Path)) else "")
        self._say_unkept()
        kept = [_("A reload of the page closes it.")]
        if mapping is not None:
            kept += [_("Save its column mapping for the next time:"), mapping]
        self.source.show(_("Cohort from {name}").format(name=self.file_name), paragraph(joined(kept, " "), "off"))
        every = note(_("Every cell of the file could be used."))
        self.message.show(listed(problems) or every if name else None)
        small = len(self.cohort) <= LISTED
        self.chosen.options = tuple(self.cohort.participants) if small else ()

    def _say_unkept(self) -> None:
        """Say what a reload would lose."""
        waiting = self.mapping.file
        self._unkept.value = waiting.name if waiting else self.file_name

    def draw(self, changed: dict[str, Any], phase: Phase) -> None:
        """Screen the cohort with changed parameters and draw the tab that is open."""
        with self._one_at_a_time:
            self._wait()
            if self.cohort is None:
                self.totals.show(note(_("Open a file with one row per participant to see a cohort.")))
                return
            try:
                screening = self.cohort.screen(phase, **changed)
            except ProtocolError as error:
                self._refuse(error)
                return
            record = self.record.with_parameters(**changed)
            self._draw(ScreenedCohort(record, changed, self.cohort, screening, phase, self.off))

    @property
    def off(self) -> frozenset[str]:
        """The criteria that are switched off."""
        judged = {c.id for c in self.record.criteria if c.type == "judgement" and self.judged.value == "computable"}
        return frozenset(judged | {name for name, box in self.counted.items() if not box.value})

    def facts(self, participant: str) -> dict[str, Any] | None:
        """Return the facts of one participant of the cohort, None if there is no such participant."""
        if self.cohort is None or not participant:
            return None
        self.not_found.show(None)
        if self.cohort.participants.count(participant) > 1:
            found = _("{id}, which stands more than once in the file").format(id=repr(participant)[:60])
            self.not_found.show(ProtocolError(_("Participant"), found, _("an id of one row")))
            return None
        try:
            place = self.cohort.participants.index(participant)
        except ValueError:
            self.not_found.show(ProtocolError(_("Participant"), repr(participant)[:60], _("an id of this cohort")))
            return None
        return facts_of_one(self.cohort, [fact.id for fact in self.record.facts], place)

    def _open(self, participant: str) -> None:
        """Choose a participant, also the one that is chosen already."""
        self.chosen.value = ""
        self.chosen.value = participant

    def introduce(self, participant: str, text: Text) -> None:
        """Say who stands in the form, and from which cohort."""
        origin = _("From {name}").format(name=self.file_name) if self.file_name else invented()
        text.show(paragraph(strong(participant)), origin)

    def _wait(self) -> None:
        """End the work on the cohort before it changes."""
        for panel in (self.near, self.readings):
            panel.task.wait()

    def _draw(self, screened: ScreenedCohort) -> None:
        self.screened = screened
        self._drawn()
        self.totals.show(totals(screened))
        self.each_one.show(screened)
        self.behind.show(screened)
        self._draw_tab()

    def _draw_tab(self, _change: Any = None) -> None:
        """Draw the tab that is open; the others wait until they are."""
        if self.screened is None:
            return
        with self._one_at_a_time:
            self._wait()
            if self.tabs.value == "export":
                self.groups.show(self.screened)
                self.results.show(self.screened, self.left.chosen, self.groups.rates)
            else:
                self._panels[self.tabs.value][1].show(self.screened)

    def _count_again(self, _change: Any) -> None:
        """Count anew without screening again."""
        with self._one_at_a_time:
            if self.screened is not None:
                self._draw(replace(self.screened, off=self.off))

    def _opened(self, change: dict[str, Any]) -> None:
        if change["new"]:
            file = change["new"][0]
            self.mapping.close()
            self._look(FileToMap(file["name"], bytes(file["content"])), "", None)

    def _look(self, file: FileToMap, sheet: str, like: ColumnMapping | None) -> None:
        """Read a file that is named as the workbook's own, and ask what the columns of another one hold."""
        self.reading.begin(self._looking(file, sheet, like))

    def _looking(self, file: FileToMap, sheet: str, like: ColumnMapping | None) -> Steps:
        name, content = file.name, file.content
        try:
            if like is None and is_as_template(name, content, self.record, sheet=sheet):
                yield from self._steps(file, sheet=sheet)
                return
            mapping = propose_mapping(name, content, self.record, sheet=sheet, like=like)
        except UnchosenSheetError as error:
            yield file._replace(sheets=error.sheets), 1
            return
        yield file._replace(sheets=sheets(name, content), mapping=mapping), 1

    def _read_mapped(self, file: FileToMap, mapping: ColumnMapping) -> None:
        self.reading.begin(self._steps(file, mapping=mapping))

    def _steps(self, file: FileToMap, **how: Any) -> Steps:
        for step in read_cohort_stepwise(file.name, file.content, self.record, most=MOST_ROWS, **how):
            yield step.cohort and (file.name, step.cohort), step.done / step.whole

    def _read(self, found: Any) -> None:
        if isinstance(found, FileToMap):
            self._ask(found)
            return
        mapping = self.mapping.to_save()
        self.mapping.close()
        name, file = found
        with self._one_at_a_time:
            self._put(file.frame, name, file.problems, mapping)
            self.redraw()

    def _ask(self, file: FileToMap) -> None:
        mapping = file.mapping
        self.message.show(None)
        if mapping is not None and not any(one.fact is None or one.fact for one in mapping.columns):
            found = _("no column that the record knows ({found})")
            headings = list_of(outlined(one.column) for one in mapping.columns[:5])
            self._refuse(ProtocolError(file.name, found.format(found=headings), _("below, what each column holds")))
        self.mapping.open(file)

    def _refuse(self, error: ProtocolError) -> None:
        """Say what is wrong, and that the cohort before stays."""
        self.message.show(error, note(_("The cohort before stays.")) if self.cohort else None)

    def arranged(self, phase: Any, drawer: widgets.Widget) -> widgets.Widget:
        """Arrange the panel: the counts, which stay in sight, the cohort, the drawers, and one picture at a time."""
        empty = download(_("Empty table (CSV)"), "cohort.csv", template(self.record), "text/csv")
        boxes = classed(widgets.Box([*self.counted.values()]), "pw-grid")
        counted = widgets.VBox([self.judged, boxes])
        which = widgets.Accordion([counted], titles=(_("Criteria counted"),), selected_index=None)
        opened = row(phase, self.files, Text(empty, role=""), self.chosen)
        fixed = classed(widgets.VBox([self.totals]), "pw-sticky", "pw-totals")
        told = (self.not_found, self.reading.view, self.mapping.view, self.source, self.message)
        above = (opened, *told, fixed)
        return widgets.VBox([*above, self.each_one.view, drawer, which, self.tabs, self.behind.view])
