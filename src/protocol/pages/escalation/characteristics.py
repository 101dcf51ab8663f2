"""The simulation: how often the design is right when the true DLT rates are such and such."""

from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol import __version__
from protocol.chart import Chart
from protocol.escalation import DESIGNS, Design, EscalationRecord, Simulation, simulate, true_rates
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages import elements
from protocol.records import ProtocolError
from protocol.translation import _

WIDE = {"description_width": "initial"}
MOST_TRIALS = 200_000
PAUSE_SECONDS = 0.25  # between two looks at a running simulation
FIRST_TRIALS = 1000  # shown at once; Run asks for more


class Characteristics:
    """Choose true DLT rates, run, watch the figures sharpen.

    Parameters
    ----------
    record : EscalationRecord
    design_now : callable
        Returns the design as the page stands; the very one that advises.
    """

    def __init__(self, record: EscalationRecord, design_now: Callable[[], Design]) -> None:
        self.record, self.grid, self._design_now = record, record.grid, design_now
        self.result: Simulation | None = None
        self.worker: Thread | None = None
        self._stopped, self._drawing, self._shown_at = Event(), Lock(), 0.0
        self._make_inputs()
        self._make_outputs()
        self.view = self._section()
        self._connect()
        self._take_scenario()
        self.progress.max = FIRST_TRIALS
        self._work(*self._asked(), FIRST_TRIALS, self.seed.value)

    def _make_inputs(self) -> None:
        scenarios = [(scenario.title, scenario.id) for scenario in self.record.scenarios]
        self.scenario = widgets.Dropdown(
            options=scenarios, description=_("Scenario"), style=WIDE, layout={"width": "min(100%, 420px)"}
        )
        self.truth = {
            label: widgets.BoundedFloatText(
                min=0, max=1, step=0.01, description=label, style={"description_width": "2em"},
                layout={"width": "auto", "min_width": "0"},
            )
            for label in self.grid.labels
        }  # fmt: skip
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
        self.run = widgets.Button(description=_("Run"), button_style="primary")
        self.stop = widgets.Button(description=_("Stop"), disabled=True)
        measures = [(_("Selected"), "selected"), (_("Participants"), "participants"), (_("DLTs"), "dlts")]
        self.measure = widgets.ToggleButtons(options=measures, description=_("Show"), style=WIDE)

    def _make_outputs(self) -> None:
        self.progress = widgets.IntProgress(
            min=0, max=1, description=_("Progress"), layout={"width": "min(100%, 320px)"}
        )
        self.problem = elements.html("")
        self.summary = elements.html("", role="status")
        self.stale = elements.html("", role="status")
        self.picture = Chart(figures.characteristics, description=_("Operating characteristics on the grid"))

    def _section(self) -> widgets.VBox:
        columns = f"repeat({len(self.grid.frequencies)}, minmax(0, 1fr))"
        rates = widgets.GridBox(
            [self.truth[label] for label in self._from_the_top()],
            layout={"grid_template_columns": columns, "grid_gap": "4px", "width": "min(100%, 420px)"},
        )
        choice = half(
            self.scenario, elements.html(Markup("<b>{}</b>").format(_("True DLT rates, 0 to 1"))), rates,
            elements.row(self.trials, self.seed), elements.row(self.run, self.stop),
            self.progress, self.problem, self.stale, self.summary,
        )  # fmt: skip
        result = half(self.measure, self.picture)
        lead = Markup("{} {}").format(
            _(
                "The design above, run on many trials. Nobody knows the true DLT rates, so try several. Right (★) is "
                "the regimen whose true rate is nearest the target, or none when even the lowest is too toxic."
            ),
            elements.assumption(_("every scenario is invented")),
        )
        return elements.section(_("How often would it be right?"), elements.row(choice, result), lead=lead)

    def _from_the_top(self) -> list[str]:
        """Labels in the order of the picture: the highest dose first."""
        _doses, width = self.grid.shape
        labels = self.grid.labels
        return [label for start in range(len(labels) - width, -1, -width) for label in labels[start : start + width]]

    def _connect(self) -> None:
        self.scenario.observe(self._take_scenario, "value")
        self.measure.observe(self._draw, "value")
        for widget in self.truth.values():
            widget.observe(self.mark_stale, "value")
        self.run.on_click(self._run)
        self.stop.on_click(lambda _button: self._stopped.set())

    def _take_scenario(self, _change: object = None) -> None:
        chosen = next(one for one in self.record.scenarios if one.id == self.scenario.value)
        rates = (rate for line in chosen.truth for rate in line)
        for widget, rate in zip(self.truth.values(), rates, strict=True):
            widget.value = rate

    def _run(self, _button: widgets.Button) -> None:
        if self.worker and self.worker.is_alive():
            return
        try:
            design, truth = self._asked()
        except ProtocolError as error:
            self.problem.value = elements.dress(elements.message(error))
            return
        self.problem.value, self.progress.max, self.progress.value = "", self.trials.value, 0
        self.run.disabled, self.stop.disabled = True, False
        self._stopped.clear()
        self.worker = Thread(target=self._work, args=(design, truth, self.trials.value, self.seed.value), daemon=True)
        self.worker.start()

    def mark_stale(self, _change: object = None) -> None:
        """Say when the figures shown belong to other true rates or another design than the page now has."""
        try:
            design, truth = self._asked()
        except ProtocolError:
            same = False
        else:
            same = self.result is None or (design == self.result.design and truth == self.result.truth.tolist())
        words = _("These figures belong to earlier inputs. Press Run for the present ones.")
        self.stale.value = "" if same else elements.dress(elements.note(words), role="status")

    def _asked(self) -> tuple[Design, list[list[float]]]:
        """Read the design and the true rates; ProtocolError when they cannot be simulated."""
        width = len(self.grid.frequencies)
        flat = [widget.value for widget in self.truth.values()]
        truth = [flat[start : start + width] for start in range(0, len(flat), width)]
        true_rates(self.grid, truth)
        return self._design_now(), truth

    def _work(self, design: Design, truth: list[list[float]], trials: int, seed: int) -> None:
        """Simulate beside the kernel, so that the page and the Stop button stay alive."""
        self._shown_at = 0.0
        try:
            self.result = simulate(design, truth, trials, seed, progress=self._look, stop=self._stopped.is_set)
            self._show()
        except Exception as error:  # the thread's last word belongs on the page
            self.problem.value = elements.dress(elements.note(str(error)))
        finally:
            self.run.disabled, self.stop.disabled = False, True
            self.mark_stale()

    def _look(self, result: Simulation) -> None:
        if monotonic() - self._shown_at > PAUSE_SECONDS:
            self._shown_at, self.result = monotonic(), result
            self._show()

    def _show(self) -> None:
        if self.result:
            self.progress.value = self.result.trials
            self.summary.value = elements.dress(_summary(self.result), role="status")
            self.problem.value = ""
            self._draw()

    def _draw(self, _change: object = None) -> None:
        if self.result:
            with self._drawing:  # the running simulation and the reader may both ask
                self.picture.draw(cells(self.result, self.measure.value))


def half(*content: widgets.Widget) -> widgets.VBox:
    """Stack widgets in one half of a wide screen, or in the whole of a narrow one."""
    box = widgets.VBox(content)
    box.add_class("pw-half")
    return box


def cells(result: Simulation, measure: str) -> pd.DataFrame:
    """Prepare the picture of one measure: "selected", "participants" or "dlts"."""
    table, target = result.regimens().iloc[:-1], result.design.target
    values, errors = table[measure], table[f"{measure}_se"]
    percent = measure == "selected"
    form, factor = ("{:.1f} % ± {:.1f}", 100) if percent else ("{:.2f} ± {:.2f}", 1)
    short = "{:.1f} %" if percent else "{:.1f}"
    signs = {1: _("▲ above target"), 0: _("＝ on target"), -1: _("▽ below target")}
    return pd.DataFrame({
        "regimen": table["regimen"], "dose": table["dose"], "frequency": table["frequency"],
        "strength": values / max(values.max(), 1e-9),
        "shown": [short.format(value * factor) for value in values],
        "exact": [form.format(v * factor, e * factor) for v, e in zip(values, errors, strict=True)],
        "below": [_("true {:.2f}").format(rate) for rate in table["truth"]],
        "sign": [
            _("★ right") if right else signs[(rate > target + 1e-9) - (rate < target - 1e-9)]
            for rate, right in zip(table["truth"], table["correct"], strict=True)
        ],
        "correct": table["correct"],
    })  # fmt: skip


def _summary(result: Simulation) -> Markup:
    words = {
        "correct_selection": _("A right regimen selected"),
        "toxic_selection": _("A regimen above the target selected"),
        "none_selected": _("No regimen selected"),
        "stopped_early": _("Stopped before the maximum"),
        "participants": _("Participants in a trial"),
        "dlts": _("Participants with a DLT"),
        "overdosed": _("Participants treated above the target"),
    }
    lines = result.summary()
    rows = [
        (words[name], *_figures(value, error, unit, result.trials))
        for name, value, error, unit in zip(*(lines[column] for column in lines), strict=True)
    ]
    table = elements.table(pd.DataFrame(rows, columns=[_("Measure"), _("Result"), _("± Monte Carlo error")]))
    saved = elements.download(
        _("Save the figures (CSV)"), "operating-characteristics.csv",
        csv(result.regimens()), "text/csv",
    )  # fmt: skip
    return Markup('{}<p class="pw-off">{}</p>{}').format(table, _citation(result), saved)


def _figures(value: float, error: float, unit: str, trials: int) -> tuple[str, str]:
    if unit != "share":
        return f"{value:.2f}", f"{error:.2f}"
    # Never or always seen in n trials: the 95 % bound is 3 / n (Hanley & Lippman-Hand 1983), not no error at all.
    return f"{value:.1%}", f"{error:.1%}" if error else _("up to {:.1%}").format(3 / trials)


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
