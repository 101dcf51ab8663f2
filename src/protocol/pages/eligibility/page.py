"""Eligibility: one participant or a cohort, under the protocol's thresholds or changed ones."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Parameter, failure_rates
from protocol.exchange.clinical.findings import Imported, Imports
from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.eligibility.export import HandingOver
from protocol.pages.eligibility.hospital_records import RecordsPanel, left_unknown, problems, sources
from protocol.pages.eligibility.participant import ParticipantPanel
from protocol.pages.eligibility.screened_cohort import Screened
from protocol.pages.kit import text as elements
from protocol.records import Phase
from protocol.translation import _, ngettext
from protocol.trial import Trial


class EligibilityPage:
    """Is this person eligible, what is missing; and what does a threshold do to a cohort."""

    def __init__(self, trial: Trial, today: date) -> None:
        self.record = trial.eligibility
        self.phase = widgets.ToggleButtons(options=self.record.phases, description=_("Phase"))
        self.parameters = {item.id: control(item) for item in self.record.parameters}
        self.reset = widgets.Button(description=_("Back to the workbook's values"), icon="undo")
        self.changes = elements.html("", role="status")
        self._rates: tuple[int, Phase, dict[str, float]] | None = None
        self.cohort = CohortPanel(trial, today, lambda: self.handing_over.forget())
        self.person = ParticipantPanel(trial, today, self._chances)
        self._imported: dict[str, Imported] = {}
        self.records = RecordsPanel(trial, today, self._take_person, self._take_cohort)
        trial_id = str(trial.identity["nct_id"].value)
        self.handing_over = HandingOver(self.record, trial_id, today, self._screened)
        records = widgets.VBox([self.records.view, self.handing_over.view])
        self.tabs = widgets.Tab([self.person.view, self._cohort(), records])
        self.tabs.titles = (_("One participant"), _("A cohort, and what if"), _("Records in and out"))
        self.view = widgets.VBox([elements.row(self.phase, self.reset), self.changes, self.tabs])
        self._connect()
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """Screen the cohort with the present inputs, and the participant when that tab is open."""
        self.changes.value = elements.dress(self._changes(), "status")
        self.reset.disabled = not self.changed
        self._refresh_participant()
        self.cohort.refresh(self.changed, self.phase.value)

    def _refresh_participant(self, _change: Any = None) -> None:
        if self.tabs.selected_index == 0:  # out of sight it would only keep the sliders waiting
            self.person.ask(self.present, self.phase.value)

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

    def _changes(self) -> Markup | str:
        if not self.changed:
            return ""
        count = ngettext("{n} value changed", "{n} values changed", len(self.changed)).format(n=len(self.changed))
        labels = "; ".join(
            _("{label}: {now} (was {before})").format(
                label=p.label, now=shown(p, self.changed[p.id]), before=shown(p, p.value)
            )
            for p in self.record.parameters
            if p.id in self.changed
        )
        return elements.note(f"{count}. {labels}")

    def _connect(self) -> None:
        for widget in (self.phase, *self.parameters.values()):
            widget.observe(self.refresh, "value")
        self.person.form.clear.on_click(self._empty)
        self.tabs.observe(self._refresh_participant, "selected_index")
        self.cohort.chosen.observe(self._choose, "value")
        self.reset.on_click(self._reset)

    def _chances(self, phase: Phase) -> tuple[dict[str, float], Markup | str]:
        """Return how often each criterion fails in the cohort under the record's own values, and which cohort."""
        if self.cohort.cohort is None:
            return {}, _("No cohort is open: each criterion is taken to fail in half of the cases.")
        if self._rates is None or self._rates[:2] != (id(self.cohort.cohort), phase):
            counted = self.cohort.cohort.screen(phase)
            self._rates = (id(self.cohort.cohort), phase, failure_rates(counted))
        name = self.cohort.file_name or _("the invented example")
        return self._rates[2], _("Chances: how often each criterion fails in {name}, smoothed.").format(name=name)

    def _empty(self, _button: widgets.Button) -> None:
        self.cohort.chosen.value = ""
        self.person.who.value = ""
        self.person.fill({}, "")

    def _choose(self, change: dict[str, Any]) -> None:
        facts = self.cohort.facts(change["new"])
        if facts is None:
            return
        if self.cohort.file_name == _("hospital records") and change["new"] in self._imported:
            self._take_person(self._imported[change["new"]])
            return
        self.person.who.value = self.cohort.introduction(change["new"])
        file = self.cohort.file_name or _("invented example")
        where = _("{file}, participant {participant}").format(file=file, participant=change["new"])
        self.person.fill(facts, where)
        self.tabs.selected_index = 0

    def _screened(self) -> Screened | None:
        return self.cohort.screened if self.cohort.file_name else None

    def _take_person(self, person: Imported) -> None:
        self.person.who.value = elements.dress(Markup("<p><b>{}</b></p>").format(person.participant))
        if day := person.facts.get(self.record.roles.enrolment_day or ""):
            self.person.as_of.value = str(day)
        self.person.fill(person.facts, sources(person), person.unusable)
        self.tabs.selected_index = 0

    def _take_cohort(self, imports: Imports) -> None:
        self._imported = {person.participant: person for person in imports.participants}
        self.cohort.take(imports.frame(self.record), _("hospital records"))
        self.cohort.message.value = elements.dress(problems(imports) + left_unknown(imports), "alert")
        self.refresh()
        self.tabs.selected_index = 1

    def _reset(self, _button: widgets.Button) -> None:
        """Take the record's values back, and screen once."""
        for parameter in self.record.parameters:
            field = self.parameters[parameter.id]
            field.unobserve(self.refresh, "value")
            field.value = parameter.value
            field.observe(self.refresh, "value")
        self.refresh()

    def _cohort(self) -> widgets.Widget:
        thresholds = [p for p in self.record.parameters if not p.options]
        readings = [p for p in self.record.parameters if p.options]
        panel = widgets.Accordion([self._controls(thresholds), self._controls(readings)], selected_index=0)
        panel.titles = (_("Thresholds"), _("Readings of unclear words"))
        lead = _("Change one and every verdict, count and picture follows. The record itself stays as it is.")
        side = widgets.VBox([elements.html(Markup('<p class="pw-lead">{}</p>').format(lead)), panel])
        side.add_class("pw-side")
        side.add_class("pw-after")
        self.cohort.view.add_class("pw-main")
        return elements.row(side, self.cohort.view)

    def _controls(self, parameters: list[Parameter]) -> widgets.Widget:
        boxes = []
        for parameter in parameters:
            about = Markup("{} · {}").format(", ".join(parameter.concerns), elements.origin(parameter))
            box = widgets.VBox([self.parameters[parameter.id], elements.html(about)])
            box.add_class("pw-field")
            boxes.append(box)
        return widgets.VBox(boxes)


def shown(parameter: Parameter, value: Any) -> str:
    """Show a parameter's value: a reading in words, a threshold with its unit."""
    return parameter.options.get(str(value)) or f"{value:g} {parameter.unit_label}".rstrip()


def control(parameter: Parameter) -> widgets.Widget:
    """Make the control of a parameter: a slider for a threshold, a list for a reading."""
    if parameter.options:
        options = [(label, option) for option, label in parameter.options.items()]
        return widgets.Dropdown(options=options, value=parameter.value, description=parameter.label)
    if isinstance(parameter.value, bool):
        return widgets.Checkbox(value=parameter.value, description=parameter.label)
    label = f"{parameter.label} ({parameter.unit_label})" if parameter.unit_label else parameter.label
    step = parameter.step or 0.1
    decimals = len(f"{step:g}".partition(".")[2])
    return widgets.FloatSlider(
        value=parameter.value,
        min=parameter.minimum,
        max=parameter.maximum,
        step=step,
        readout_format=f".{decimals}f",
        description=label,
    )
