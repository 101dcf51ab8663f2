"""A cohort: a file in; counts, sensitivity, subgroups and exports."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import RLock
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import Cohort
from protocol.eligibility.cohort_counts import pack
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.cohort.files import CohortFile, read_cohort, read_cohort_stepwise, template
from protocol.pages.eligibility.cohort_counts import EachPanel, LeftPanel, totals
from protocol.pages.eligibility.export import ResultsPanel
from protocol.pages.eligibility.hospital_records import listed
from protocol.pages.eligibility.screened_cohort import Screened, facts_of_one
from protocol.pages.eligibility.sensitivity import NearPanel, ReadingsPanel, ThresholdPanel
from protocol.pages.eligibility.subgroups import GroupsPanel
from protocol.pages.kit import text as elements
from protocol.pages.kit.work import Steps, Work, caught
from protocol.records import ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial

LISTED = 5_000
"""Participants up to which the ids are offered while typing."""

AT_ONCE_BYTES = 2**20
"""Of a file, up to which it is read within the click: it takes about half a second."""

STOPPED = _("Stopped after {percent} %; nothing was taken over, and the cohort before stays.")


class CohortPanel:
    """The cohort part of the eligibility page; the last usable file stays in place.

    Parameters
    ----------
    trial : Trial
    today : date
        The day on the files to keep.
    drawn : callable
        Told whenever what the panel shows has changed.
    """

    def __init__(self, trial: Trial, today: date, drawn: Callable[[], None] = lambda: None) -> None:
        number = str(trial.identity["nct_id"].value)
        self.drawn = drawn
        self.record, self.changed, self.phase = trial.eligibility, dict[str, Any](), "Ib"
        self.upload = widgets.FileUpload(accept=".csv,.parquet", description=_("Open a cohort file"))
        self.chosen = widgets.Combobox(
            placeholder=_("participant id"), description=_("Look at one"), continuous_update=False
        )
        self.nobody = elements.html("", role="alert")
        self.message, self.source = elements.html("", role="alert"), elements.html("")
        self.reading, self._one_at_a_time = Work(self._read, STOPPED), RLock()
        self.totals = elements.html("", role="status")
        self.judged = widgets.ToggleButtons(
            options=[(_("All criteria"), "all"), (_("Computable only"), "computable")], description=_("Count")
        )
        self.counted = {
            criterion.id: widgets.Checkbox(
                value=True, indent=False, description=f"{criterion.id} {self.record.title(criterion)}"
            )
            for criterion in self.record.criteria
            if not criterion.mirrors
        }
        self.left, self.each, self.near = LeftPanel(), EachPanel(), NearPanel()
        self.thresholds, self.groups = ThresholdPanel(self.record), GroupsPanel(self.record)
        self.readings = ReadingsPanel(trial.ambiguities, number, today)
        self.results = ResultsPanel(number, today)
        self.cohort: Cohort | None = None
        self.screened: Screened | None = None
        self.file_name = ""
        self.view = self._arranged()
        if trial.examples:
            found = read_cohort("example", trial.examples.cohort(), self.record)
            self.take(found.frame)
            self.source.value = elements.invented()
        self._connect()

    def take(self, frame: Any, name: str = "", problems: tuple[FileProblem, ...] = ()) -> None:
        """Take a cohort in place of the present one.

        Parameters
        ----------
        frame
            What :meth:`protocol.eligibility.EligibilityRecord.cohort` takes: a frame, or the path of a Parquet file.
        name : str
            What the page calls it.
        problems : tuple of FileProblem
            What could not be used of it.
        """
        self.reading.wait()
        self._put(frame, name, problems)

    def _put(self, frame: Any, name: str, problems: tuple[FileProblem, ...]) -> None:
        self.cohort = self.record.cohort(frame)
        self.file_name = name or (Path(frame).name if isinstance(frame, (str, Path)) else "")
        self.source.value = elements.dress(_("Cohort from {name}").format(name=self.file_name))
        self.message.value = said(problems) if name else ""
        small = len(self.cohort) <= LISTED
        self.chosen.options = tuple(self.cohort.participants) if small else ()

    def refresh(self, changed: dict[str, Any], phase: Any) -> None:
        """Screen the cohort with changed parameters and draw what follows."""
        with self._one_at_a_time:
            self.changed, self.phase = changed, phase
            self._wait()
            if self.cohort is None:
                self.totals.value = elements.note(_("Open a file with one row per participant to see a cohort."))
                return
            try:
                screening = self.cohort.screen(phase, **changed)
            except ProtocolError as error:
                self._refuse(error)
                return
            record = self.record.with_parameters(**changed)
            self._draw(Screened(record, changed, self.cohort, screening, pack(screening), phase, self.off))

    @property
    def off(self) -> frozenset[str]:
        """The criteria that are switched off."""
        judged = {c.id for c in self.record.criteria if c.type == "judgement" and self.judged.value == "computable"}
        return frozenset(judged | {name for name, box in self.counted.items() if not box.value})

    def facts(self, participant: str) -> dict[str, Any] | None:
        """Return the facts of one participant of the cohort, None when there is no such participant."""
        if self.cohort is None or not participant:
            return None
        self.nobody.value = ""
        try:
            row = self.cohort.participants.index(participant)
        except ValueError:
            wrong = ProtocolError(_("Look at one"), repr(participant)[:60], _("an id of this cohort"))
            self.nobody.value = elements.dress(elements.message(wrong), "alert")
            return None
        return facts_of_one(self.cohort, [fact.id for fact in self.record.facts], row)

    def introduction(self, participant: str) -> str:
        """Say who stands in the form, and from where."""
        who = Markup("<p><b>{}</b></p>").format(participant)
        origin = _("From {name}").format(name=self.file_name) if self.file_name else elements.invented()
        return elements.dress(who + Markup("{}").format(origin))

    def _wait(self) -> None:
        """Let nothing under way meet the cohort while it changes."""
        for panel in (self.near, self.readings):
            panel.work.wait()

    def _draw(self, screened: Screened) -> None:
        self.screened = screened
        self.drawn()
        self.totals.value = elements.dress(totals(screened), "status")
        self._draw_tab()

    def _draw_tab(self, _change: Any = None) -> None:
        """Draw the tab that is open; the others wait until they are."""
        if self.screened is None:
            return
        with self._one_at_a_time:
            self._wait()
            panels = (self.left, self.each, self.near, self.thresholds, self.readings, self.groups)
            if self.tabs.selected_index < len(panels):
                panels[self.tabs.selected_index].show(self.screened)
            else:
                self.groups.show(self.screened)
                self.results.show(self.screened, self.left.chosen, self.groups.rates)

    def _toggled(self, _change: Any) -> None:
        """Count anew without screening again."""
        with self._one_at_a_time:
            if self.screened is not None:
                kept = {name: getattr(self.screened, name) for name in ("record", "changed", "cohort", "screening")}
                self._draw(Screened(**kept, planes=self.screened.planes, phase=self.screened.phase, off=self.off))

    def _opened(self, change: dict[str, Any]) -> None:
        if change["new"]:
            file = change["new"][0]
            content = bytes(file["content"])
            self.reading.begin(self._steps(file["name"], content), len(content), AT_ONCE_BYTES)

    def _steps(self, name: str, content: bytes) -> Steps:
        """Read a file, beside the kernel when it is large."""
        steps = read_cohort_stepwise(name, content, self.record)
        return caught((step.cohort and (name, step.cohort), step.done / step.whole) for step in steps)

    def _read(self, found: ProtocolError | tuple[str, CohortFile]) -> None:
        """Take what was read; a file that cannot be used leaves the cohort before in place."""
        if isinstance(found, ProtocolError):
            self._refuse(found)
            return
        name, file = found
        with self._one_at_a_time:
            self._put(file.frame, name, file.problems)
            self.refresh(self.changed, self.phase)

    def _refuse(self, error: ProtocolError) -> None:
        """Say what is wrong; the cohort before stays, and that is said as well."""
        stays = elements.note(_("The cohort before stays.")) if self.cohort else Markup("")
        self.message.value = elements.dress(elements.message(error) + stays, "alert")

    def _connect(self) -> None:
        self.upload.observe(self._opened, "value")
        self.tabs.observe(self._draw_tab, "selected_index")
        for box in (self.judged, *self.counted.values()):
            box.observe(self._toggled, "value")

    def _arranged(self) -> widgets.Widget:
        empty = elements.download(_("Empty table (CSV)"), "cohort.csv", template(self.record), "text/csv")
        boxes = widgets.Box([*self.counted.values()])
        boxes.add_class("pw-grid")
        counted = widgets.Accordion([boxes])
        counted.titles = (_("Criteria counted"),)
        parts = (self.left, self.each, self.near, self.thresholds, self.readings, self.groups, self.results)
        self.tabs = widgets.Tab([part.view for part in parts])
        self.tabs.titles = (
            _("Who is left"),
            _("Each criterion"),
            _("Near-misses"),
            _("Thresholds"),
            _("Readings"),
            _("Groups"),
            _("To keep"),
        )
        opened = elements.row(self.upload, elements.html(empty), self.chosen)
        above = (opened, self.nobody, self.reading.view, self.source, self.message, self.totals, self.judged, counted)
        return widgets.VBox([*above, self.tabs])


def said(problems: tuple[FileProblem, ...]) -> Markup:
    """List what could not be used of a file."""
    if not problems:
        return elements.note(_("Every cell of the file could be used."))
    count = len(problems)
    found = ngettext("{n} thing in the file could not be used", "{n} things in the file could not be used", count)
    return elements.note(found.format(n=count)) + listed(problems)
