"""Operating characteristics: the simulation under assumed true DLT rates, and the editor of those rates."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import DESIGNS, Design, EscalationRecord, Simulation, figure_words, simulate
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.kit import text as elements
from protocol.pages.kit.task import Job, Work
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.version import __version__

WIDE_EDITOR = {"description_width": "initial"}


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
            options=scenarios, description=_("Scenario"), style=WIDE_EDITOR, layout={"width": "min(100%, 420px)"}
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


WIDE = {"description_width": "initial"}

MOST_TRIALS, MOST_WORKERS = 200_000, 64

LIVE_TRIALS, LIVE_SECONDS = 2000, 0.1  # shown while a rate is dragged: as many as the time allows; Run asks for more


class Characteristics:
    """Set true DLT rates and watch the figures follow; run more trials and watch them sharpen.

    Parameters
    ----------
    record : EscalationRecord
    design_now : callable
        Returns the design as the page stands; the very one that advises.
    """

    def __init__(self, record: EscalationRecord, design_now: Callable[[], Design]) -> None:
        self.record, self._design_now = record, design_now
        self.result: Simulation | None = None
        self._drawing = Lock()
        self._make_inputs()
        self.job = Job(self._ask, self._show)
        self.summary, self.stale = elements.html("", role="status"), elements.html("", role="status")
        self.picture = Chart(figures.characteristics, description=_("Operating characteristics on the grid"))
        self.truth = TruthEditor(record, self.follow)
        self.measure.observe(self._draw, "value")
        self.seed.observe(self.follow, "value")
        self.view = self._section()
        self.follow()

    def _make_inputs(self) -> None:
        narrow = {"style": WIDE, "layout": {"width": "170px"}}
        self.trials = widgets.BoundedIntText(
            value=10_000,
            min=1,
            max=MOST_TRIALS,
            description=_("Trials (at most {:,})").format(MOST_TRIALS),
            style=WIDE,
            layout={"width": "260px"},
        )
        self.seed = widgets.BoundedIntText(value=1, min=0, max=2**31, description=_("Seed"), **narrow)
        self.workers = widgets.BoundedIntText(
            value=1, min=1, max=MOST_WORKERS, description=_("Processor cores"), **narrow
        )
        measures = [(_("Selected"), "selected"), (_("Participants"), "participants"), (_("DLTs"), "dlts")]
        self.measure = widgets.ToggleButtons(options=measures, description=_("Show"), style=WIDE)

    def _section(self) -> widgets.VBox:
        more = elements.row(self.trials, self.seed, self.workers)
        choice = half(self.truth.view, more, self.job.view)
        result = half(self.measure, self.picture, self.stale, self.summary)
        lead = _(
            "The design as set, run on many trials. Nobody knows the true DLT rates, so try several: the figures "
            "follow with {:,} trials, and Run makes them sharper. Right (★) is the regimen whose true rate is "
            "nearest the target, or none when even the lowest is too toxic."
        ).format(LIVE_TRIALS)
        return elements.section(_("How often would it be right?"), elements.row(choice, result), lead=lead)

    def follow(self, _change: object = None) -> None:
        """Show the figures of the present inputs at once, unless they are shown already or more are being run."""
        if self._is_shown() or self.job.is_running:
            self.mark_stale()
            return
        looks: list[float] = []  # the first one after a first piece, which may have loaded what a design needs

        def late() -> bool:
            looks.append(monotonic())
            return looks[-1] - looks[0] > LIVE_SECONDS

        try:
            found = simulate(self._design_now(), self.truth.truth, LIVE_TRIALS, self.seed.value, stop=late)
        except ProtocolError as error:
            self.job.say(error)
            self.mark_stale()
            return
        self.job.say(None)
        self.job.note(found)
        self._show(found)

    def _is_shown(self) -> bool:
        """Whether the figures shown belong to the present inputs."""
        try:
            design = self._design_now()
        except ProtocolError:
            return False
        asked = design, self.truth.truth, self.seed.value
        shown = self.result
        return shown is not None and asked == (shown.design, shown.truth.tolist(), shown.seed)

    def mark_stale(self) -> None:
        """Say when the figures shown belong to other inputs than the page now has."""
        words = _("These figures belong to earlier inputs. Press Run for the present ones.")
        self.stale.value = "" if self._is_shown() else elements.dress(elements.note(words), role="status")

    def _ask(self) -> tuple[int, Work]:
        design, truth, trials = self._design_now(), self.truth.truth, self.trials.value
        seed, workers = self.seed.value, self.workers.value

        def work(progress: Callable[[Simulation], None], stop: Callable[[], bool]) -> Simulation:
            return simulate(design, truth, trials, seed, workers=workers, progress=progress, stop=stop)

        return trials, work

    def _show(self, result: Simulation) -> None:
        self.result, self._regimens = result, result.regimens()
        self.summary.value = elements.dress(_summary(result, self._regimens), role="status")
        self.mark_stale()
        self._draw()

    def _draw(self, _change: object = None) -> None:
        if self.result:
            with self._drawing:  # the running simulation and the reader may both ask
                self.picture.draw(cells(self.result, self._regimens, self.measure.value))


def half(*content: widgets.Widget) -> widgets.VBox:
    """Stack widgets in one half of a wide screen, or in the whole of a narrow one."""
    box = widgets.VBox(content)
    box.add_class("pw-half")
    return box


def cells(result: Simulation, regimens: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Prepare the picture of one measure: "selected", "participants" or "dlts"; `regimens` are those of `result`."""
    table, target = regimens.iloc[:-1], result.design.target
    values, errors = table[measure], table[f"{measure}_se"]
    percent = measure == "selected"
    short, factor, unit = ("{:.1f} %", 100, "share") if percent else ("{:.1f}", 1, "participants")
    signs = {1: _("▲ above"), 0: _("＝ on target"), -1: _("▽ below")}
    return pd.DataFrame({
        "regimen": table["regimen"], "dose": table["dose"], "frequency": table["frequency"],
        "strength": values / max(values.max(), 1e-9),
        "shown": [short.format(value * factor) for value in values],
        "exact": [" ± ".join(figure_words(v, e, unit, result.trials)) for v, e in zip(values, errors, strict=True)],
        "below": [_("true {:.2f}").format(rate) for rate in table["truth"]],
        "sign": [
            _("★ right") if right else signs[(rate > target + 1e-9) - (rate < target - 1e-9)]
            for rate, right in zip(table["truth"], table["correct"], strict=True)
        ],
        "correct": table["correct"],
    })  # fmt: skip


def _summary(result: Simulation, regimens: pd.DataFrame) -> Markup:
    lines, words = result.summary(), measure_words()
    rows = [
        (words[name], *figure_words(value, error, unit, result.trials))
        for name, value, error, unit in zip(*(lines[column] for column in lines), strict=True)
    ]
    table = elements.table(pd.DataFrame(rows, columns=[_("Measure"), _("Result"), _("± Monte Carlo error")]))
    saved = elements.download(
        _("Save the figures (CSV)"), "operating-characteristics.csv",
        csv(regimens), "text/csv",
    )  # fmt: skip
    return Markup('{}<p class="pw-off">{}</p>{}').format(table, _citation(result), saved)


def measure_words() -> dict[str, str]:
    """Name the measures of whole trials."""
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
    done = _("{:,} of {:,} trials").format(result.trials, result.requested)
    name = next(name for name, kind in DESIGNS.items() if isinstance(result.design, kind))
    rates = "; ".join(", ".join(f"{rate:g}" for rate in line) for line in result.truth)
    return _(
        "{}: {}, seed {}, target DLT rate {:g}, cohorts of {}, at most {} participants, true rates {}, "
        "protocol-workbook {}. One standard error is given."
    ).format(
        name,
        done,
        result.seed,
        result.design.target,
        result.design.cohort_size,
        result.design.maximum,
        rates,
        __version__,
    )
