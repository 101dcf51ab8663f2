"""Eligibility: one participant or a cohort, under the protocol's thresholds or changed ones."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Parameter
from protocol.pages import elements
from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.eligibility.form import FactsForm
from protocol.pages.eligibility.verdicts import next_questions, overall, verdict_list
from protocol.translation import _, ngettext
from protocol.trial import Trial


class EligibilityPage:
    """Is this person eligible, what is missing; and what does a threshold do to a cohort."""

    def __init__(self, trial: Trial, today: date) -> None:
        self.record, self.ambiguities = trial.eligibility, trial.ambiguities
        self.phase = widgets.ToggleButtons(options=["Ib", "II"], value="Ib", description=_("Phase"))
        self.parameters = {item.id: control(item) for item in self.record.parameters}
        self.reset = widgets.Button(description=_("Back to the workbook's values"), icon="undo")
        self.changes = elements.html("", role="status")
        self.form = FactsForm(self.record.facts, today)
        self.show = widgets.ToggleButtons(
            options=[(_("All"), "any"), (_("Not met"), "not met"), (_("Unknown"), "unknown")], description=_("Show")
        )
        self.problems = elements.html("")
        self.who, self.answer = elements.html(""), elements.html("", role="status")
        self.questions, self.verdicts = elements.html(""), elements.html("")
        self.cohort = CohortPanel(trial, today)
        self.tabs = widgets.Tab([self._participant(), self._cohort()])
        self.tabs.titles = (_("One participant"), _("A cohort, and what if"))
        self.view = widgets.VBox([elements.row(self.phase, self.reset), self.changes, self.tabs])
        self._connect()
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """Screen the participant and the cohort with the present inputs."""
        self.changes.value = elements.dress(self._changes(), "status")
        self.reset.disabled = not self.changed
        self.refresh_participant()
        self.cohort.refresh(self.changed, self.phase.value)

    def refresh_participant(self, _change: Any = None) -> None:
        """Screen the participant of the form."""
        facts, problems = self.form.read()
        screening = self.present.screen(facts, self.phase.value)
        self.problems.value = Markup("").join(elements.message(problem) for problem in problems)
        self.answer.value = elements.dress(overall(screening, self.record), "status")
        self.questions.value = next_questions(screening)
        self.verdicts.value = verdict_list(screening, self.present, self.ambiguities, self.show.value)

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
        for field in (*self.form.fields.values(), self.show):
            field.observe(self.refresh_participant, "value")
        self.form.clear.on_click(self._empty)
        self.cohort.chosen.observe(self._choose, "value")
        self.reset.on_click(self._reset)

    def _empty(self, _button: widgets.Button) -> None:
        self.cohort.chosen.value = ""
        self.who.value = ""
        self._fill({})

    def _choose(self, change: dict[str, Any]) -> None:
        facts = self.cohort.facts(change["new"])
        if facts is None:
            return
        self.who.value = self.cohort.introduction(change["new"])
        self._fill(facts)
        self.tabs.selected_index = 0

    def _fill(self, facts: dict[str, Any]) -> None:
        for field in self.form.fields.values():
            field.unobserve(self.refresh_participant, "value")
        self.form.fill(facts)
        for field in self.form.fields.values():
            field.observe(self.refresh_participant, "value")
        self.refresh_participant()

    def _reset(self, _button: widgets.Button) -> None:
        for parameter in self.record.parameters:
            self.parameters[parameter.id].value = parameter.value

    def _participant(self) -> widgets.Widget:
        form = widgets.VBox([self.who, elements.row(self.form.clear), self.problems, self.form.view])
        form.add_class("pw-side")
        answer = widgets.VBox([self.answer, self.questions, self.show, self.verdicts])
        answer.add_class("pw-main")
        return elements.row(form, answer)

    def _cohort(self) -> widgets.Widget:
        thresholds = [p for p in self.record.parameters if not p.options]
        readings = [p for p in self.record.parameters if p.options]
        panel = widgets.Accordion([self._controls(thresholds), self._controls(readings)], selected_index=0)
        panel.titles = (_("Thresholds"), _("Readings of unclear words"))
        lead = _("Change one and every verdict, count and picture follows. The record itself stays as it is.")
        side = widgets.VBox([elements.html(Markup('<p class="pw-lead">{}</p>').format(lead)), panel])
        side.add_class("pw-side")
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
