"""The editor of true DLT rates: a scenario of the library, or a slider for every regimen."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.escalation import EscalationRecord
from protocol.pages import elements
from protocol.translation import _

WIDE = {"description_width": "initial"}


class TruthEditor:
    """Choose a scenario, then drag or type any rate; the others follow so that no rate falls.

    Parameters
    ----------
    record : EscalationRecord
    changed : callable
        Called without arguments after every change.

    Attributes
    ----------
    scenario : ipywidgets.Dropdown
    rates : dict of str to ipywidgets.FloatSlider
        By the name of the regimen; a slider's number can be typed as well.
    """

    def __init__(self, record: EscalationRecord, changed: Callable[[], None]) -> None:
        self.record, self.grid, self._changed, self._moving = record, record.grid, changed, False
        scenarios = [(scenario.title, scenario.id) for scenario in record.scenarios]
        self.scenario = widgets.Dropdown(
            options=scenarios, description=_("Scenario"), style=WIDE, layout={"width": "min(100%, 420px)"}
        )
        self.rates = {
            label: widgets.FloatSlider(
                min=0, max=1, step=0.01, description=label, readout_format=".2f",
                style={"description_width": "2.2em"}, layout={"width": "auto", "min_width": "0"},
            )
            for label in self.grid.labels
        }  # fmt: skip
        self.reason = elements.html("")
        for index, widget in enumerate(self.rates.values()):
            widget.observe(lambda change, index=index: self._moved(index, change), "value")
        self.scenario.observe(self._take, "value")
        self.view = self._arranged()
        self._fill()

    @property
    def truth(self) -> list[list[float]]:
        """The rates, a row for each dose; they never fall along dose or frequency."""
        flat, width = [widget.value for widget in self.rates.values()], self.grid.shape[1]
        return [flat[start : start + width] for start in range(0, len(flat), width)]

    def _arranged(self) -> widgets.VBox:
        doses, width = self.grid.shape
        labels = [*self.grid.labels]
        from_the_top = [name for dose in reversed(range(doses)) for name in labels[dose * width : (dose + 1) * width]]
        rates = widgets.GridBox(
            [self.rates[label] for label in from_the_top],
            layout={"grid_template_columns": f"repeat({width}, minmax(0, 1fr))", "grid_gap": "2px 14px"},
        )
        rates.add_class("pw-rates")
        how = _("Drag, or click a number and type. The others follow where a rate would fall.")
        head = elements.html(Markup("<b>{}</b> {}").format(_("True DLT rates, 0 to 1"), how))
        return widgets.VBox([self.scenario, self.reason, head, rates])

    def _take(self, _change: object) -> None:
        self._fill()
        self._changed()

    def _fill(self) -> None:
        """Take the rates of the chosen scenario."""
        chosen = next(one for one in self.record.scenarios if one.id == self.scenario.value)
        self.reason.value = elements.dress(elements.assumption(chosen.origin))
        self._set([rate for line in chosen.truth for rate in line])

    def _moved(self, index: int, change: dict[str, Any]) -> None:
        """Lift the regimens above the moved one to its rate, and lower those below."""
        if self._moving:
            return
        width, rate = self.grid.shape[1], change["new"]
        dose, frequency = divmod(index, width)
        rates = [widget.value for widget in self.rates.values()]
        for other, own in enumerate(rates):
            row, column = divmod(other, width)
            if row >= dose and column >= frequency:
                rates[other] = max(own, rate)
            elif row <= dose and column <= frequency:
                rates[other] = min(own, rate)
        self._set(rates)
        self._changed()

    def _set(self, rates: list[float]) -> None:
        self._moving = True
        for widget, rate in zip(self.rates.values(), rates, strict=True):
            widget.value = rate
        self._moving = False
