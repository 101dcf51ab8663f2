"""Operating characteristics: the simulation under assumed true DLT rates, and the editor of those rates."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.display import typed_words
from protocol.escalation import DESIGNS, Design, EscalationRecord, Simulation, figure_words, simulate, true_rates
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.escalation.result_state import ResultState
from protocol.pages.kit import (
    Panel,
    Task,
    Text,
    Work,
    assumption,
    classed,
    details,
    download,
    field,
    joined,
    paragraph,
    row,
    section,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext
from protocol.version import __version__

MOST_TRIALS, MOST_WORKERS, MOST_SEED = 200_000, 64, 2**31
LIVE_TRIALS = 2000  # shown at every change, unless the time is over before
LIVE_SECONDS = 0.1
NEAR = 1e-9  # two rates this close are the same rate


class TruthEditor:
    """Choose a scenario, then drag or type any rate; the others are pushed so that no rate falls.

    Parameters
    ----------
    record : EscalationRecord
    changed : callable
        Called without arguments after every change.

    Attributes
    ----------
    scenario : ipywidgets.Dropdown
    picture : Chart
        The rates over the dose, a line for each frequency; its points are dragged.
    rates : dict of str to ipywidgets.BoundedFloatText
        By the label of the regimen: the figures behind the picture.
    written : ipywidgets.Text
        All rates as one line, for the address of the page.
    """

    def __init__(self, record: EscalationRecord, changed: Callable[[], None]) -> None:
        self.record, self.grid, self._changed, self._moving = record, record.grid, changed, False
        scenarios = [(scenario.title, scenario.id) for scenario in record.scenarios]
        self.scenario = field(widgets.Dropdown, _("Scenario"), options=scenarios, width="full")
        self.picture = Chart(figures.true_rates, description=_("True DLT rates"))
        self.rates = {label: _rate(label) for label in self.grid.labels}
        self.typing = field(
            widgets.ToggleButton, _("Type the rates"), value=False, icon="keyboard-o", width="content"
        )
        self.written = field(widgets.Text, _("All rates, lowest dose first"), width="full", continuous_update=False)
        self.reason, self.about, self.problem = Text(role=""), Text(), Text(role="alert")
        for index, widget in enumerate(self.rates.values()):
            widget.observe(lambda change, index=index: self._moved(index, change["new"]), "value")
        self.scenario.observe(self._take, "value")
        self.picture.observe(self._drag, "dragged")
        self.typing.observe(self._show_table, "value")
        self.written.observe(self._read, "value")
        self._table = widgets.VBox([self._inputs(), self.written, self.problem])
        self._show_table()
        how = _(
            "Drag a point, or choose it with Tab and press ↑ or ↓ (0.01) or Page Up or Down (0.05). Higher regimens "
            "are pushed up and lower ones down, so that no rate falls."
        )
        help_ = Text(paragraph(how, "off"), role="")
        self.view = widgets.VBox(
            [self.scenario, self.reason, self.picture, help_, self.about, row(self.typing), self._table]
        )
        self._target = record.design.target.value
        self._fill()

    @property
    def truth(self) -> list[list[float]]:
        """The rates, a row for each dose; they never fall along dose or frequency."""
        flat, width = [widget.value for widget in self.rates.values()], self.grid.shape[1]
        return [flat[start : start + width] for start in range(0, len(flat), width)]

    def take(self, rates: np.ndarray[Any, Any]) -> None:
        """Show other rates, an array as :func:`protocol.escalation.true_rates` returns it."""
        self._set(rates.ravel().tolist())
        self._changed()

    def aim(self, target: float) -> None:
        """Draw the line of another target."""
        if target != self._target:
            self._target = target
            self._draw()

    def _inputs(self) -> widgets.GridBox:
        """Lay out the inputs as the grid is drawn: the highest dose on top."""
        doses, width = self.grid.shape
        inputs = list(self.rates.values())
        from_the_top = [one for dose in reversed(range(doses)) for one in inputs[dose * width : (dose + 1) * width]]
        layout = {"grid_template_columns": f"repeat({width}, minmax(0, 1fr))", "grid_gap": "2px 14px"}
        return classed(widgets.GridBox(from_the_top, layout=layout), "pw-rates")

    def _show_table(self, _change: object = None) -> None:
        self._table.layout.display = None if self.typing.value else "none"

    def _take(self, _change: object) -> None:
        self._fill()
        self._changed()

    def _fill(self) -> None:
        """Take the rates of the chosen scenario."""
        chosen = next(one for one in self.record.scenarios if one.id == self.scenario.value)
        self.reason.show(assumption(chosen.origin))
        self._set([rate for line in chosen.truth for rate in line])

    def _drag(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.rates[change["new"]["name"]].value = change["new"]["value"]

    def _read(self, change: dict[str, Any]) -> None:
        """Take all rates from one line; one that stands there because it was shown changes nothing."""
        if self._moving or change["new"] == self._words():
            return
        words = typed_words(change["new"])
        try:
            flat = np.array([float(word) for word in words])
            rates = true_rates(self.grid, flat.reshape(self.grid.shape))
        except ValueError:
            write = _("{n} numbers from 0 to 1").format(n=self.grid.size)
            self.problem.show(ProtocolError(self.written.description, change["new"], write))
        except ProtocolError as error:
            self.problem.show(error)
        else:
            self.take(rates)

    def _words(self) -> str:
        return "; ".join(" ".join(f"{rate:g}" for rate in line) for line in self.truth)

    def _moved(self, index: int, rate: float) -> None:
        """Push the regimens above the moved one up to its rate, and those below down to it."""
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
        try:
            for widget, rate in zip(self.rates.values(), rates, strict=True):
                widget.value = rate
            self.written.value = self._words()
        finally:
            self._moving = False
        self.problem.show(None)
        self._draw()

    def _draw(self) -> None:
        rows = [
            (str(one), one.dose, one.frequency, _("frequency {name}").format(name=one.frequency), widget.value)
            for one, widget in zip(self.grid.regimens, self.rates.values(), strict=True)
        ]
        names = ["regimen", "dose", "frequency", "line", "rate"]
        self.picture.draw(pd.DataFrame(rows, columns=names), target=self._target)
        met = [label for label, widget in self.rates.items() if abs(widget.value - self._target) < NEAR]
        words = ngettext(
            "{n} regimen is on the target of {target:g}: {names}.",
            "{n} regimens are on the target of {target:g}: {names}.",
            len(met),
        )
        none = _("No regimen is on the target of {target:g}.")
        self.about.show((words if met else none).format(n=len(met), target=self._target, names=list_of(met)))


def _rate(label: str) -> widgets.BoundedFloatText:
    return field(
        widgets.BoundedFloatText,
        label,
        width="form",
        min=0,
        max=1,
        step=0.01,
        style={"description_width": "2.2em"},
        layout={"width": "auto", "min_width": "0"},
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
        self.state = ResultState(self._settings)
        self.task = Task(self._show, self._ask)
        picture = Chart(figures.characteristics, description=_("Operating characteristics on the grid"))
        self.picture = classed(picture, "pw-characteristics")
        self.summary = Text(role="")
        self.truth = TruthEditor(record, self._truth_changed)
        self._listeners: list[Callable[[], None]] = []
        self.redraw_on(self.measure)
        self.seed.observe(self.follow, "value")
        lead = _(
            "The design as set, run on many trials. The true DLT rates are unknown, so try several: the figures "
            "follow with {:,} trials, and Run makes them more precise. Right (★) is the regimen whose true rate is "
            "nearest the target, or none if even the lowest is too toxic."
        ).format(LIVE_TRIALS)
        settings = half(self.truth.view)
        result = half(self.measure, self.picture)
        run = row(self.trials, self.seed, self.workers, self.task.view)
        self.view = section(
            _("Operating characteristics"), self.state.text, row(settings, result), run, self.summary, lead=lead
        )
        self.follow()

    def on_truth(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change of the true rates."""
        self._listeners.append(listener)

    def _truth_changed(self) -> None:
        self.follow()
        for listener in self._listeners:
            listener()

    def _settings(self) -> tuple[Any, ...]:
        return self._design_now(), self.truth.truth, self.seed.value

    def follow(self, _change: object = None) -> None:
        """Show the figures of the present inputs at once, unless they are shown already or Run is at work."""
        if self.state.holds() or self.task.is_running:
            self.state.refresh()
            return
        looks: list[float] = []  # the time counts from the first one, since a design may load what it needs before

        def late() -> bool:
            looks.append(monotonic())
            return looks[-1] - looks[0] > LIVE_SECONDS

        try:
            design, truth, seed = self.state.ask()
            self.truth.aim(design.target)
            found = simulate(design, truth, LIVE_TRIALS, seed, stop=late)
        except ProtocolError as error:
            self.task.say(error)
            self.state.refresh()
            return
        self.task.say(None)
        self.task.note(found)
        self._show(found)

    def finished(self) -> Simulation:
        """Return the result of all trials asked for; run and show them first if fewer are shown.

        Raises
        ------
        ProtocolError
            For settings that cannot be used.
        """
        self.task.join()
        if self.result is None or not self.state.holds() or self.result.trials != self.trials.value:
            design, truth, seed = self.state.ask()
            found = simulate(design, truth, self.trials.value, seed, workers=self.workers.value)
            self.task.note(found)
            self._show(found)
            return found
        return self.result

    def _ask(self) -> tuple[int, Work]:
        design, truth, seed = self.state.ask()
        trials, workers = self.trials.value, self.workers.value

        def work(progress: Callable[[Simulation], None], stop: Callable[[], bool]) -> Simulation:
            return simulate(design, truth, trials, seed, workers=workers, progress=progress, stop=stop)

        return trials, work

    def _show(self, result: Simulation) -> None:
        self.result = result
        regimens = result.regimens()
        self.summary.show(_summary(result, regimens))
        self.state.keep()
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
    shown = details(_("The figures as a table"), shown)
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
