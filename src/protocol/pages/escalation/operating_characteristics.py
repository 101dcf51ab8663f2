"""Operating characteristics: the simulation under assumed true DLT rates, and the editor of those rates."""

from collections.abc import Callable
from threading import Lock
from time import monotonic

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol import __version__
from protocol.chart import Chart
from protocol.escalation import DESIGNS, Design, EscalationRecord, Simulation, simulate
from protocol.escalation.results import figure_words
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.kit import (
    Panel,
    Task,
    Text,
    Work,
    assumption,
    classed,
    download,
    field,
    joined,
    note,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _

MOST_TRIALS, MOST_WORKERS, MOST_SEED = 200_000, 64, 2**31
LIVE_TRIALS = 2000  # shown at every change, unless the time is over before
LIVE_SECONDS = 0.1


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
        By the label of the regimen; a slider's number can be typed as well.
    """

    def __init__(self, record: EscalationRecord, changed: Callable[[], None]) -> None:
        self.record, self.grid, self._changed, self._moving = record, record.grid, changed, False
        scenarios = [(scenario.title, scenario.id) for scenario in record.scenarios]
        self.scenario = field(widgets.Dropdown, _("Scenario"), options=scenarios)
        self.rates = {label: _slider(label) for label in self.grid.labels}
        self.reason = Text(role="")
        for index, widget in enumerate(self.rates.values()):
            widget.observe(lambda change, index=index: self._moved(index, change["new"]), "value")
        self.scenario.observe(self._take, "value")
        how = _("Drag, or click a number and type. The others follow if a rate would fall.")
        head = Text(strong(_("True DLT rates, 0 to 1"), how), role="")
        self.view = widgets.VBox([self.scenario, self.reason, head, self._sliders()])
        self._fill()

    @property
    def truth(self) -> list[list[float]]:
        """The rates, a row for each dose; they never fall along dose or frequency."""
        flat, width = [widget.value for widget in self.rates.values()], self.grid.shape[1]
        return [flat[start : start + width] for start in range(0, len(flat), width)]

    def _sliders(self) -> widgets.GridBox:
        """Lay out the sliders as the grid is drawn: the highest dose on top."""
        doses, width = self.grid.shape
        sliders = list(self.rates.values())
        from_the_top = [one for dose in reversed(range(doses)) for one in sliders[dose * width : (dose + 1) * width]]
        layout = {"grid_template_columns": f"repeat({width}, minmax(0, 1fr))", "grid_gap": "2px 14px"}
        return classed(widgets.GridBox(from_the_top, layout=layout), "pw-rates")

    def _take(self, _change: object) -> None:
        self._fill()
        self._changed()

    def _fill(self) -> None:
        """Take the rates of the chosen scenario."""
        chosen = next(one for one in self.record.scenarios if one.id == self.scenario.value)
        self.reason.show(assumption(chosen.origin))
        self._set([rate for line in chosen.truth for rate in line])

    def _moved(self, index: int, rate: float) -> None:
        """Lift the regimens above the moved one to its rate, and lower those below."""
        if self._moving:
            return
        width = self.grid.shape[1]
        dose, frequency = divmod(index, width)
        rates = [widget.value for widget in self.rates.values()]
        for other, own in enumerate(rates):
            its_dose, its_frequency = divmod(other, width)
            if its_dose >= dose and its_frequency >= frequency:
                rates[other] = max(own, rate)
            elif its_dose <= dose and its_frequency <= frequency:
                rates[other] = min(own, rate)
        self._set(rates)
        self._changed()

    def _set(self, rates: list[float]) -> None:
        self._moving = True
        for widget, rate in zip(self.rates.values(), rates, strict=True):
            widget.value = rate
        self._moving = False


def _slider(label: str) -> widgets.FloatSlider:
    style, layout = {"description_width": "2.2em"}, {"width": "auto", "min_width": "0"}
    return field(
        widgets.FloatSlider,
        label,
        width="form",
        min=0,
        max=1,
        step=0.01,
        readout_format=".2f",
        style=style,
        layout=layout,
    )


class OperatingCharacteristicsPanel(Panel):
    """Set true DLT rates and see the operating characteristics; Run simulates more trials.

    Parameters
    ----------
    record : EscalationRecord
    design_now : callable
        Returns the design as the page stands, which is the one that advises.

    Attributes
    ----------
    result : Simulation or None
        What is shown.
    """

    def __init__(self, record: EscalationRecord, design_now: Callable[[], Design]) -> None:
        self._design_now, self._drawing = design_now, Lock()
        self.result: Simulation | None = None
        trials = _("Trials (at most {:,})").format(MOST_TRIALS)
        self.trials = count_field(trials, 10_000, MOST_TRIALS)
        self.seed = seed_field()
        self.workers = count_field(_("Processor cores"), 1, MOST_WORKERS)
        measures = [(_("Selected"), "selected"), (_("Participants"), "participants"), (_("DLTs"), "dlts")]
        self.measure = field(widgets.ToggleButtons, _("Show"), options=measures)
        self.task = Task(self._show, self._ask)
        self.picture = Chart(figures.characteristics, description=_("Operating characteristics on the grid"))
        self.summary, self.stale = Text(), Text()
        self.truth = TruthEditor(record, self.follow)
        self.redraw_on(self.measure)
        self.seed.observe(self.follow, "value")
        lead = _(
            "The design as set, run on many trials. The true DLT rates are unknown, so try several: the figures "
            "follow with {:,} trials, and Run makes them more precise. Right (★) is the regimen whose true rate is "
            "nearest the target, or none if even the lowest is too toxic."
        ).format(LIVE_TRIALS)
        settings = half(self.truth.view, row(self.trials, self.seed, self.workers), self.task.view)
        result = half(self.measure, self.picture, self.stale, self.summary)
        self.view = section(_("Operating characteristics"), row(settings, result), lead=lead)
        self.follow()

    def follow(self, _change: object = None) -> None:
        """Show the figures of the present inputs at once, unless they are shown already or Run is at work."""
        if self._is_shown() or self.task.is_running:
            self.mark_stale()
            return
        looks: list[float] = []  # the time counts from the first one, since a design may load what it needs before

        def late() -> bool:
            looks.append(monotonic())
            return looks[-1] - looks[0] > LIVE_SECONDS

        try:
            found = simulate(self._design_now(), self.truth.truth, LIVE_TRIALS, self.seed.value, stop=late)
        except ProtocolError as error:
            self.task.say(error)
            self.mark_stale()
            return
        self.task.say(None)
        self.task.note(found)
        self._show(found)

    def _is_shown(self) -> bool:
        """Whether the figures shown belong to the present inputs."""
        try:
            design = self._design_now()
        except ProtocolError:
            return False
        asked, shown = (design, self.truth.truth, self.seed.value), self.result
        return shown is not None and asked == (shown.design, shown.truth.tolist(), shown.seed)

    def mark_stale(self) -> None:
        """Say so if the figures shown belong to other inputs than the page now has."""
        words = _("These figures belong to earlier inputs. Press Run for the present ones.")
        self.stale.show(None if self._is_shown() else note(words))

    def _ask(self) -> tuple[int, Work]:
        design, truth, trials = self._design_now(), self.truth.truth, self.trials.value
        seed, workers = self.seed.value, self.workers.value

        def work(progress: Callable[[Simulation], None], stop: Callable[[], bool]) -> Simulation:
            return simulate(design, truth, trials, seed, workers=workers, progress=progress, stop=stop)

        return trials, work

    def _show(self, result: Simulation) -> None:
        self.result = result
        regimens = result.regimens()
        self.summary.show(_summary(result, regimens))
        self.mark_stale()
        self.show(result, regimens)

    def draw(self, result: Simulation, regimens: pd.DataFrame) -> None:
        """Draw the chosen measure."""
        with self._drawing:  # the running simulation and the reader may both ask
            self.picture.draw(cells(result, regimens, self.measure.value))


def count_field(label: str, value: int, most: int, least: int = 1) -> widgets.BoundedIntText:
    """Make a field for a whole number from `least` to `most`."""
    return field(widgets.BoundedIntText, label, value=value, min=least, max=most, width="short")


def seed_field() -> widgets.BoundedIntText:
    """Make the field for the seed of a simulation."""
    return count_field(_("Seed"), 1, MOST_SEED, least=0)


def half(*content: widgets.Widget) -> widgets.VBox:
    """Stack widgets in one half of a wide screen, or in the whole of a narrow one."""
    return classed(widgets.VBox(content), "pw-half")


def cells(result: Simulation, regimens: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.characteristics`.

    Parameters
    ----------
    result : Simulation
    regimens : pandas.DataFrame
        Those of `result`.
    measure : {"selected", "participants", "dlts"}
    """
    regimen, target = regimens.iloc[:-1], result.design.target
    values, errors = regimen[measure], regimen[f"{measure}_se"]
    percent = measure == "selected"
    short, factor, unit = ("{:.1f} %", 100, "share") if percent else ("{:.1f}", 1, "participants")
    signs = {1: _("▲ above"), 0: _("＝ on target"), -1: _("▽ below")}
    return pd.DataFrame(
        {
            "regimen": regimen["regimen"],
            "dose": regimen["dose"],
            "frequency": regimen["frequency"],
            "strength": values / max(values.max(), 1e-9),
            "shown": [short.format(value * factor) for value in values],
            "exact": [
                " ± ".join(figure_words(v, e, unit, result.trials)) for v, e in zip(values, errors, strict=True)
            ],
            "below": [_("true {:.2f}").format(rate) for rate in regimen["truth"]],
            "sign": [
                _("★ right") if right else signs[(rate > target + 1e-9) - (rate < target - 1e-9)]
                for rate, right in zip(regimen["truth"], regimen["correct"], strict=True)
            ],
            "correct": regimen["correct"],
        }
    )


def _summary(result: Simulation, regimens: pd.DataFrame) -> Markup:
    lines, words = result.summary(), measure_labels()
    rows = [
        (words[name], *figure_words(value, error, unit, result.trials))
        for name, value, error, unit in zip(*(lines[column] for column in lines), strict=True)
    ]
    shown = table(pd.DataFrame(rows, columns=[_("Measure"), _("Result"), _("± Monte Carlo error")]))
    name, content = "operating-characteristics.csv", csv(regimens)
    saved = download(_("Save the figures (CSV)"), name, content, "text/csv")
    return joined((shown, paragraph(_citation(result), "off"), saved))


def measure_labels() -> dict[str, str]:
    """Return the labels of the measures of whole trials."""
    return {
        "correct_selection": _("A right regimen selected"),
        "acceptable_selection": _("An acceptable regimen selected"),
        "toxic_selection": _("A regimen above the target selected"),
        "none_selected": _("No regimen selected"),
        "stopped_early": _("Stopped before the maximum"),
        "participants": _("Participants in a trial"),
        "dlts": _("Participants with a DLT"),
        "overdosed": _("Participants treated above the target"),
        "duration": _("Days from the first start to the last outcome"),
        "responses": _("Participants with a response"),
    }


def _citation(result: Simulation) -> str:
    design = result.design
    return _(
        "{}: {}, seed {}, target DLT rate {:g}, cohorts of {}, at most {} participants, true rates {}, "
        "protocol-workbook {}. One standard error is given."
    ).format(
        next(name for name, kind in DESIGNS.items() if isinstance(design, kind)),
        _("{:,} of {:,} trials").format(result.trials, result.requested),
        result.seed,
        design.target,
        design.cohort_size,
        design.maximum,
        "; ".join(", ".join(f"{rate:g}" for rate in line) for line in result.truth),
        __version__,
    )
