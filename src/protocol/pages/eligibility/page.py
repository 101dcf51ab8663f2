"""Eligibility: one participant or a cohort, under the protocol's thresholds or changed ones."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Parameter, failure_rates
from protocol.eligibility.screening_record import screening_record
from protocol.exchange.clinical.findings import Imported, Imports
from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.eligibility.cohort_counts import ScreenedCohort
from protocol.pages.eligibility.export import HandoverPanel
from protocol.pages.eligibility.hospital_records import RecordsPanel, left_unknown, problems, sources
from protocol.pages.eligibility.participant import ParticipantPanel
from protocol.pages.kit import Panel, Text, button, classed, field, joined, note, origin, paragraph, row, strong
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.screenings import ScreeningPanel
from protocol.records import Phase, ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial
from protocol.version import __version__

PARTICIPANT, COHORT = 0, 1
"""Positions of the tabs."""


class EligibilityPage(Panel):
    """Is this person eligible, what is missing; and what does a threshold do to a cohort.

    Parameters
    ----------
    trial : Trial
    today : date
        The day of the answers.
    desk : Desk, optional
        The log; with it screenings are recorded below the participant.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.trial, self.record = trial, trial.eligibility
        self.phase = field(widgets.ToggleButtons, _("Phase"), width="form", options=self.record.phases)
        self.parameters = {item.id: _control(item) for item in self.record.parameters}
        self.reset, self.changes = button(_("Back to the workbook's values"), self._reset, icon="undo"), Text()
        self._rates: tuple[int, Phase, dict[str, float]] | None = None
        self._imported: dict[str, Imported] = {}
        trial_id = str(trial.identity["nct_id"].value)
        self.handing_over = HandoverPanel(self.record, trial_id, today, self._screened)
        self.cohort = CohortPanel(trial, today, self.handing_over.forget)
        self.person = ParticipantPanel(trial, today, self._chances)
        self.records = RecordsPanel(trial, today, self._take_person, self._take_cohort)
        self.screenings = ScreeningPanel(desk, today, self._result) if desk else None
        person = [self.person.view, self.screenings.view] if self.screenings else [self.person.view]
        parts = {
            _("Participant"): widgets.VBox(person),
            _("Cohort"): self._cohort(),
            _("Import and export"): widgets.VBox([self.records.view, self.handing_over.view]),
        }
        self.tabs = widgets.Tab([*parts.values()], titles=tuple(parts))
        self.view = widgets.VBox([row(self.phase, self.reset), self.changes, self.tabs])
        self.redraw_on(self.phase, *self.parameters.values())
        self.person.form.clear.on_click(lambda _button: self._empty())
        self.tabs.observe(self._show_person, "selected_index")
        self.cohort.chosen.observe(self._choose, "value")
        self.show()

    def draw(self) -> None:
        """Screen the cohort with the present inputs, and the participant if that tab is open."""
        self.changes.show(self._changes())
        self.reset.disabled = not self.changed
        self._show_person()
        self.cohort.show(self.changed, self.phase.value)

    def _show_person(self, _change: Any = None) -> None:
        if self.tabs.selected_index == PARTICIPANT:  # out of sight it would only make the sliders slower
            self.person.show(self.present, self.phase.value)

    @property
    def changed(self) -> dict[str, Any]:
        """The parameters that differ from the protocol's."""
        return {p.id: self._value(p) for p in self.record.parameters if self._value(p) != p.value}

    @property
    def present(self) -> EligibilityRecord:
        """The record with the present parameters."""
        return self.record.with_parameters(**self.changed)

    def _value(self, parameter: Parameter) -> Any:
        value = self.parameters[parameter.id].value
        return round(value, 6) if isinstance(value, float) else value  # sliders answer 14.000000000000002

    def _changes(self) -> Markup | None:
        if not self.changed:
            return None
        count = ngettext("{n} value changed", "{n} values changed", len(self.changed)).format(n=len(self.changed))
        each = _("{label}: {now} (was {before})")
        labels = "; ".join(
            each.format(label=p.label, now=_shown(p, self.changed[p.id]), before=_shown(p, p.value))
            for p in self.record.parameters
            if p.id in self.changed
        )
        return note(f"{count}. {labels}")

    def _chances(self, phase: Phase) -> tuple[dict[str, float], Markup | str]:
        """Return how often each criterion fails in the cohort under the record's own values, and which cohort."""
        cohort = self.cohort.cohort
        if cohort is None:
            return {}, _("No cohort is open: each criterion is taken to fail in half of the cases.")
        if self._rates is None or self._rates[:2] != (id(cohort), phase):
            self._rates = (id(cohort), phase, failure_rates(cohort.screen(phase)))
        name = self.cohort.file_name or _("the invented example")
        return self._rates[2], _("Chances: how often each criterion fails in {name}, smoothed.").format(name=name)

    def _empty(self) -> None:
        self.cohort.chosen.value = ""
        self.person.who.show(None)
        self.person.fill({}, "")

    def _choose(self, change: dict[str, Any]) -> None:
        name = change["new"]
        facts = self.cohort.facts(name)
        if facts is None:
            return
        if self.cohort.file_name == _("hospital records") and name in self._imported:
            self._take_person(self._imported[name])
            return
        self.cohort.introduce(name, self.person.who)
        file = self.cohort.file_name or _("invented example")
        self.person.fill(facts, _("{file}, participant {participant}").format(file=file, participant=name))
        self.tabs.selected_index = PARTICIPANT

    def _screened(self) -> ScreenedCohort | None:
        return self.cohort.screened if self.cohort.file_name else None

    def _take_person(self, person: Imported) -> None:
        self.person.who.show(paragraph(strong(person.participant)))
        if day := person.facts.get(self.record.roles.enrolment_day or ""):
            self.person.as_of.value = str(day)
        self.person.fill(person.facts, sources(person), person.unusable)
        self.tabs.selected_index = PARTICIPANT

    def _take_cohort(self, imports: Imports) -> None:
        self.cohort.take(imports.frame(self.record), _("hospital records"))
        self._imported = {person.participant: person for person in imports.participants}
        self.cohort.message.show(problems(imports.problems), left_unknown(imports))
        self.redraw()
        self.tabs.selected_index = COHORT

    def _reset(self) -> None:
        with self.redraw_once():
            for parameter in self.record.parameters:
                self.parameters[parameter.id].value = parameter.value

    def _result(self, study_id: str) -> tuple[str, str, dict[str, Any]]:
        """Return phase, overall verdict and result of the screening that stands on the page.

        Raises
        ------
        ProtocolError
            For fields that cannot be used, for the gate of an infusion, and for a text that is not a study id.
        """
        _facts, unusable = self.person.form.read()
        if unusable:
            raise unusable[0]
        now, identity = self.person.present(), self.trial.identity
        if now.gate != "enrolment":
            raise ProtocolError(_("Gate"), _("an infusion"), _("enrolment: a screening is about it"))
        updated = identity.get("record_updated")
        kept = screening_record(
            now.record,
            now.facts,
            now.phase,
            now.as_of,
            study_id=study_id,
            sources=now.sources,
            unusable=now.unusable,
            trial_id=str(identity["nct_id"].value),
            registry_version=str(updated.value) if updated else "",
            software=__version__,
        )
        return kept.phase, kept.overall, _for_the_log(kept.model_dump(mode="json"))

    def _cohort(self) -> widgets.Widget:
        thresholds = [p for p in self.record.parameters if not p.options]
        readings = [p for p in self.record.parameters if p.options]
        groups = {_("Thresholds"): thresholds, _("Alternative readings"): readings}
        shown = {title: self._controls(some) for title, some in groups.items() if some}
        if not shown:
            return classed(self.cohort.view, "pw-main")
        panel = widgets.Accordion(list(shown.values()), selected_index=0, titles=tuple(shown))
        lead = _("Change one and every verdict, count and picture follows. The record itself stays as it is.")
        side = widgets.VBox([Text(paragraph(lead, "lead"), role=""), panel])
        return row(classed(side, "pw-side", "pw-after"), classed(self.cohort.view, "pw-main"))

    def _controls(self, parameters: list[Parameter]) -> widgets.Widget:
        boxes = []
        for parameter in parameters:
            about = Text(joined([", ".join(parameter.concerns), origin(parameter)], " · "), role="")
            boxes.append(classed(widgets.VBox([self.parameters[parameter.id], about]), "pw-field"))
        return widgets.VBox(boxes)


def _for_the_log(kept: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a screening record what its rule hash stands for: the wording of the criteria."""
    criteria = kept.pop("criteria")
    verdicts = {item["id"]: item["status"] for item in criteria}
    reasons = {item["id"]: item["reason"] for item in criteria if item["status"] in ("excludes", "unknown")}
    again = {"study_id", "phase", "overall", "decides"}  # stand in the event itself, or are no result
    return {key: value for key, value in kept.items() if key not in again} | {
        "verdicts": verdicts,
        "reasons": reasons,
    }


def _shown(parameter: Parameter, value: Any) -> str:
    """Return a reading in words, a threshold with its unit."""
    return parameter.options.get(str(value)) or f"{value:g} {parameter.unit_label}".rstrip()


def _control(parameter: Parameter) -> Any:
    """Make a slider for a threshold, a list for a reading."""
    if parameter.options:
        options = [(label, option) for option, label in parameter.options.items()]
        return field(widgets.Dropdown, parameter.label, width="form", options=options, value=parameter.value)
    if isinstance(parameter.value, bool):
        return field(widgets.Checkbox, parameter.label, width="form", value=parameter.value)
    step = parameter.step or 0.1
    return field(
        widgets.FloatSlider,
        parameter.label,
        unit=parameter.unit_label or "",
        width="form",
        value=parameter.value,
        min=parameter.minimum,
        max=parameter.maximum,
        step=step,
        readout_format=f".{len(f'{step:g}'.partition('.')[2])}f",
    )
