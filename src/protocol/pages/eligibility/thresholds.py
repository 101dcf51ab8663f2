"""One threshold over its whole range: how many are left at each value, the unknown as a band."""

from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.eligibility import EligibilityRecord, Parameter
from protocol.eligibility.crossings import concerned
from protocol.eligibility.curves import Curve, curve, steps
from protocol.eligibility.rows import reader
from protocol.figures import eligibility_alternatives as pictures
from protocol.pages import elements
from protocol.pages.eligibility.screened import Screened
from protocol.translation import _

LEAD = _(
    "How many would be left at every value of one threshold, everything else as it is now. Between the lines lie the "
    "participants of whom something is unknown. The dotted line is the present value."
)


class ThresholdPanel:
    """The curve of the threshold chosen."""

    def __init__(self, record: EligibilityRecord) -> None:
        self.threshold = widgets.Dropdown(options=thresholds(record), description=_("Threshold"))
        self.picture = Chart(pictures.threshold, description=_("Participants left over the range of a threshold"))
        self.words = elements.html("", role="status")
        self.view = elements.section(_("Thresholds"), self.threshold, self.picture, self.words, lead=LEAD)
        self._shown: Screened | None = None
        self._kept: tuple[tuple[Any, ...], Curve] | None = None
        self.threshold.observe(self._again, "value")

    def show(self, screened: Screened) -> None:
        """Follow the threshold over its range in one pass."""
        self._shown = screened
        name = str(self.threshold.value)
        parameter = next(item for item in screened.record.parameters if item.id == name)
        found = self._curve(screened, parameter)
        rows = curve_rows(found, parameter)
        self.picture.draw(rows, label=screened.label(name))
        self.words.value = elements.dress(in_words(found, parameter), "status")

    def _curve(self, screened: Screened, parameter: Parameter) -> Curve:
        """Follow the threshold, unless nothing but the threshold itself has changed."""
        others = {name: value for name, value in screened.changed.items() if name != parameter.id}
        state = (screened.cohort, screened.phase, screened.off, parameter.id, others)
        if self._kept is None or self._kept[0] != state or float(parameter.value) not in self._kept[1].points:
            read, points = reader(screened.cohort), steps(parameter)
            found = curve(
                screened.record, screened.screening, read, parameter.id, points, screened.phase, screened.off
            )
            self._kept = state, found
        return self._kept[1]

    def _again(self, _change: Any) -> None:
        if self._shown is not None:
            self.show(self._shown)


def thresholds(record: EligibilityRecord) -> list[tuple[str, str]]:
    """List the thresholds that can change a criterion's verdict at enrolment, with the criteria they belong to."""
    return [
        (f"{', '.join(parameter.concerns)}: {parameter.label}", parameter.id)
        for parameter in record.parameters
        if not parameter.options and concerned(record, parameter.id)
    ]


def curve_rows(found: Curve, parameter: Parameter) -> pd.DataFrame:
    """Prepare the rows of the curve's picture; the lines are named where they lie apart."""
    left = found.confirmed + found.possible
    edge = len(left) // 8 + 1
    widest = edge + int(np.argmax(found.possible[edge:-edge])) if len(left) > 2 * edge else 0
    ends = {"lower": _("at least"), "upper": _("at most")}
    return pd.DataFrame(
        {
            "value": found.points,
            "confirmed": found.confirmed,
            "left": left,
            "present": float(parameter.value),
            **{name: np.where(np.arange(len(left)) == widest, word, "") for name, word in ends.items()},
        }
    )


def in_words(found: Curve, parameter: Parameter) -> str:
    """Say what the threshold's present value and its extremes leave."""
    left = found.confirmed + found.possible
    now = int(np.flatnonzero(np.isclose(found.points, float(parameter.value)))[0]) if found.every_point else None
    texts = []
    if now is not None:
        texts.append(
            _("Now, at {value:g}: {low:,} to {high:,} eligible.").format(
                value=found.points[now], low=found.confirmed[now], high=left[now]
            )
        )
    best = int(np.argmax(left))
    texts.append(
        _("The most are left at {value:g}: {low:,} to {high:,}.").format(
            value=found.points[best], low=found.confirmed[best], high=left[best]
        )
    )
    if not found.every_point:
        text = _("This threshold has to be screened value by value, so only {n} values are shown.")
        texts.append(text.format(n=len(found.points)))
    return " ".join(texts)
