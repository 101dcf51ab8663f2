"""The thresholds and readings as controls, folded away: searched, and only the changed ones if wanted."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from protocol.eligibility import EligibilityRecord, Parameter
from protocol.pages.kit import Panel, Text, button, classed, field, joined, note, origin, paragraph, row
from protocol.translation import _, list_of, ngettext


class ThresholdsDrawer(Panel):
    """Thresholds and readings, folded until they are wanted.

    Parameters
    ----------
    record : EligibilityRecord
    reset : callable
        Called to put all of them back.

    Attributes
    ----------
    controls : dict of str to ipywidgets.Widget
        One for each parameter, by id.
    search, only_changed : ipywidgets.Widget
        Which of them are shown.
    changes : Text
        The changed ones in words.
    reset : ipywidgets.Button
    """

    def __init__(self, record: EligibilityRecord, reset: Callable[[], Any]) -> None:
        self.record = record
        self.controls = {one.id: _control(one) for one in record.parameters}
        self.search = field(
            widgets.Text, _("Search the thresholds"), width="short", placeholder=_("word or criterion")
        )
        self.only_changed = field(widgets.Checkbox, _("Only changed"), width="short", indent=False, value=False)
        self.reset = button(_("Back to the workbook's values"), reset, icon="undo")
        self.changes = Text()
        self._boxes = {one.id: self._box(one) for one in record.parameters}
        lead = _("Change one, and every verdict, count and picture follows. The record itself stays as it is.")
        tools = row(self.search, self.only_changed, self.reset)
        boxes = classed(widgets.Box([*self._boxes.values()]), "pw-grid")
        drawer = widgets.VBox([Text(paragraph(lead, "lead"), role=""), tools, boxes])
        folded = widgets.Accordion([drawer], titles=(_("Thresholds and readings"),), selected_index=None)
        self.view = widgets.VBox([self.changes, folded] if record.parameters else [])
        self.redraw_on(self.search, self.only_changed)
        self.show({})

    def draw(self, changed: Mapping[str, Any]) -> None:
        """Say what is changed, and show the controls that are looked for."""
        self.reset.disabled = not changed
        self.changes.show(note(_in_words(self.record, changed)) if changed else None)
        wanted = self.search.value.strip().casefold()
        for one in self.record.parameters:
            found = wanted in f"{one.label} {' '.join(one.concerns)}".casefold()
            is_shown = found and (one.id in changed or not self.only_changed.value)
            self._boxes[one.id].layout.display = "" if is_shown else "none"

    def _box(self, parameter: Parameter) -> widgets.Widget:
        about = Text(joined([list_of(parameter.concerns), origin(parameter)], " · "), role="")
        return classed(widgets.VBox([self.controls[parameter.id], about]), "pw-field")


def _in_words(record: EligibilityRecord, changed: Mapping[str, Any]) -> str:
    count = ngettext("{n} value changed. {labels}", "{n} values changed. {labels}", len(changed))
    each = _("{label}: {now} (was {before})")
    labels = list_of(
        (
            each.format(label=p.label, now=_shown(p, changed[p.id]), before=_shown(p, p.value))
            for p in record.parameters
            if p.id in changed
        ),
        "; ",
    )
    return count.format(n=len(changed), labels=labels)


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
