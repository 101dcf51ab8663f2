"""Enrol a participant: the form, its button, and who may be enrolled."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets

from protocol.conduct import event
from protocol.pages.kit import Day, Text, field, paragraph, row
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import Days, Incomplete, Problems, Recorder, Wanted, day_in, refusal
from protocol.translation import _


class EnrolmentForm:
    """Record that a participant, who is chosen elsewhere on the page, is enrolled at a regimen.

    Parameters
    ----------
    desk : Desk
    today : date
        Put into the form.
    participant : ipywidgets.Widget
        A control whose ``value`` is the study id, or empty.
    done : callable
        Called after an enrolment is recorded.
    said, problems
        As of :class:`Recorder`, if other forms stand beside this one.

    Attributes
    ----------
    phase, regimen, on, reason : ipywidgets
    enrol : Recorder
    view : ipywidgets.VBox
    """

    def __init__(
        self,
        desk: Desk,
        today: date,
        participant: Any,
        done: Callable[[], None] = lambda: None,
        said: Text | None = None,
        problems: Problems | None = None,
    ) -> None:
        self._desk, self._participant, self._done = desk, participant, done
        labels = list(desk.trial.escalation.grid.labels)
        self._put_in = self._open_regimen() or labels[0]
        phases = desk.trial.eligibility.phases
        self.phase = field(widgets.Dropdown, _("Phase"), options=phases, value=self._open_phase(), width="short")
        self.phase.layout.display = None if len(phases) > 1 else "none"
        self.regimen = field(widgets.Dropdown, _("Regimen"), options=labels, value=self._put_in, width="short")
        self.on = field(Day, _("Enrolled on"), value=today)
        self.reason = field(widgets.Text, _("Reason"), width="wide")
        form = (participant, self.phase, self.regimen, self.on, self.reason)
        self.enrol = Recorder(desk, _("Record the enrolment"), self._read, self._enrolled, form, said, problems)
        hint = _("Another regimen than the open one, or a doubtful eligibility, needs a reason.")
        refused = refusal(desk)
        content = [
            row(self.phase, self.regimen, self.on),
            self.reason,
            Text(paragraph(hint, "off"), role=""),
            self.enrol.view,
        ]
        self.view = widgets.VBox(content if refused is None else [Text(refused, role="")])
        self._days = Days(today, self.on)
        participant.observe(self._choose, "value")
        desk.on_change(self.refresh)

    def refresh(self) -> None:
        """Follow the calendar; what stands in the form stays as it is."""
        if not self._desk.briefing.invented:
            self._days.move(self._desk.briefing.as_of)

    def _choose(self, _change: Any) -> None:
        """Begin with a participant: the open regimen is put in unless a person chose another."""
        self.enrol.start_afresh()
        open_regimen = self._open_regimen()
        if self.regimen.value == self._put_in and open_regimen:
            self.regimen.value = self._put_in = open_regimen
            self.phase.value = self._open_phase()

    def _open_regimen(self) -> str | None:
        now = self._desk.briefing
        return now.declared["regimen"] if now.declared else now.open_regimen

    def _open_phase(self) -> str:
        """Return the phase that enrols: the one for which a regimen is declared, before that the first."""
        declared, phases = self._desk.briefing.declared, self._desk.trial.eligibility.phases
        return str(declared["phase"]) if declared and declared["phase"] in phases else phases[0]

    def _enrolled(self) -> None:
        self.reason.value = ""
        self._done()

    def _read(self) -> Wanted:
        name = self._participant.value
        if not name:
            raise Incomplete(self._participant, _("Choose a participant."))
        values = {"kind": "enrolled", "on": day_in(self.on), "participant": name, "regimen": self.regimen.value}
        values |= {"phase": self.phase.value}
        course = self._desk.courses.get(name)
        return event(values), course.site if course else "", self.reason.value.strip()


def may_be_enrolled(desk: Desk) -> list[str]:
    """Return the study ids of those who were screened and not excluded, and are neither enrolled nor withdrawn."""
    return [
        name
        for name, course in desk.courses.items()
        if course.screenings and not course.enrolled and not course.withdrawn and course.overall != "ineligible"
    ]
