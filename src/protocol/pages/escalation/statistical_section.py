"""The statistical section of the protocol: simulate every scenario, read the section, save it."""

from collections.abc import Callable
from datetime import date

from protocol.escalation import Design
from protocol.escalation.calibration import Calibration, Setting, calibrate
from protocol.exchange.documents.statistics import StatisticalSection
from protocol.pages.escalation.operating_characteristics import count_field, seed_field
from protocol.pages.kit import Task, Text, Work, details, download, joined, macros, row, section
from protocol.translation import _
from protocol.trial import Trial

TRIALS, MOST_TRIALS = 2000, 100_000


class StatisticalSectionPanel:
    """Write the statistical section for the design as the page stands.

    Parameters
    ----------
    trial : Trial
    design_now : callable
        Returns the design as the page stands.
    name_now : callable
        Returns its name.
    today : date
        Written into the head of the text.
    """

    def __init__(
        self, trial: Trial, design_now: Callable[[], Design], name_now: Callable[[], str], today: date
    ) -> None:
        self._trial, self._record = trial, trial.escalation
        self._design_now, self._name_now, self._today = design_now, name_now, today
        self.trials, self.seed = count_field(_("Trials of each scenario"), TRIALS, MOST_TRIALS), seed_field()
        self.task = Task(self._show, self._ask)
        self.files, self.preview = Text(), Text(role="")
        lead = _(
            "Design, parameters with their sources, decision table, operating characteristics under every scenario, "
            "references, and how to repeat the simulation. Run writes it for the design as it is set on this page."
        )
        self.view = section(
            _("Statistical section"), row(self.trials, self.seed), self.task.view, self.files, self.preview, lead=lead
        )

    def _ask(self) -> tuple[int, Work]:
        design, trials, seed = self._design_now(), self.trials.value, self.seed.value
        scenarios = {scenario.title: scenario.truth for scenario in self._record.scenarios}
        margin = self._record.acceptable_margin.value
        one = Setting(design.target, design.cohort_size, design.maximum)
        self._asked = design, self._name_now()

        def work(progress: Callable[[Calibration], None], stop: Callable[[], bool]) -> Calibration:
            return calibrate(
                lambda _setting: design,
                scenarios,
                [one.target],
                [one.cohort_size],
                [one.maximum],
                trials,
                seed,
                margin=margin,
                progress=progress,
                stop=stop,
            )

        return trials, work

    def _show(self, result: Calibration) -> None:
        design, name = self._asked
        simulations = {scenario: one for (_setting, scenario), one in result.simulations.items()}
        number = str(self._trial.identity["nct_id"].value)
        text = StatisticalSection(self._record, number, name, design, simulations, self._today)
        html, markdown = text.html(), text.markdown()
        file = "statistical-section"
        saved = [
            download(_("Save as HTML"), f"{file}.html", html.encode(), "text/html"),
            download(_("Save as Markdown"), f"{file}.md", markdown.encode(), "text/markdown"),
        ]
        self.files.show(joined(saved, " "))
        self.preview.show(details(_("Read it here"), macros("escalation").document(markdown)))
